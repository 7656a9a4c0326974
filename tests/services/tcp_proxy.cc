#include "tests/services/tcp_proxy.h"

#include <atomic>
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <deque>
#include <future>
#include <optional>
#include <set>
#include <thread>
#include <vector>

#include "base/check.h"

namespace cronfleet::testing {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using Error = boost::system::error_code;
using Direction = TcpProxy::Direction;

constexpr std::size_t kKeptMax = 4 << 20;  // of one direction; past that its sender waits

constexpr std::size_t index(Direction direction) { return direction == Direction::Requests ? 0 : 1; }

}  // namespace

// Everything below runs on the proxy's thread, but for what is atomic.
struct TcpProxy::Impl {
  struct Link;

  // One direction of a connection: what has come and when it may go on.
  struct Pump {
    Pump(Link& of, Direction d, tcp::socket& source, tcp::socket& sink)
        : link(of), direction(d), from(source), to(sink), timer(source.get_executor()) {}
    struct Chunk {
      std::chrono::steady_clock::time_point due;
      std::vector<char> bytes;
    };
    Link& link;
    const Direction direction;
    tcp::socket &from, &to;
    asio::steady_timer timer;
    std::vector<char> buffer = std::vector<char>(64 << 10);
    std::deque<Chunk> kept;
    std::size_t kept_bytes = 0;
    bool reading = false, writing = false, ended = false, connected = false;
  };

  struct Link : std::enable_shared_from_this<Link> {
    Link(Impl& p, tcp::socket socket)
        : proxy(p),
          client(std::move(socket)),
          server(p.context),
          requests(*this, Direction::Requests, client, server),
          replies(*this, Direction::Replies, server, client) {}
    Impl& proxy;
    tcp::socket client, server;
    Pump requests, replies;
    bool closed = false;

    void connect() {
      // The blackhole answers nobody, but the connection to it stands.
      read(requests);
      if (proxy.held[0] && proxy.held[1]) return;
      connecting = true;
      server.async_connect(proxy.target, [self = shared_from_this()](const Error& error) {
        if (self->closed) return;
        if (error) return self->close();
        Error ignored;
        self->client.set_option(tcp::no_delay(true), ignored);
        self->server.set_option(tcp::no_delay(true), ignored);
        self->requests.connected = self->replies.connected = true;
        self->read(self->replies);
        self->write(self->requests);
      });
    }
    bool connecting = false;

    void poke() {
      if (closed) return;
      if (!connecting && !(proxy.held[0] && proxy.held[1])) return connect();
      write(requests);
      write(replies);
    }

    void read(Pump& pump) {
      if (pump.reading || pump.ended || closed || pump.kept_bytes > kKeptMax) return;
      pump.reading = true;
      pump.from.async_read_some(asio::buffer(pump.buffer), [self = shared_from_this(), &pump](const Error& error,
                                                                                              std::size_t size) {
        pump.reading = false;
        if (self->closed) return;
        if (error) {
          pump.ended = true;
          return self->write(pump);
        }
        if (self->proxy.cuts_now(pump.direction, size)) return self->close();
        pump.kept.push_back({std::chrono::steady_clock::now() + self->proxy.delay,
                             std::vector<char>(pump.buffer.begin(), pump.buffer.begin() + static_cast<long>(size))});
        pump.kept_bytes += size;
        self->write(pump);
        self->read(pump);
      });
    }

    void write(Pump& pump) {
      if (pump.writing || closed || !pump.connected || proxy.held[index(pump.direction)]) return;
      if (pump.kept.empty()) {
        if (pump.ended) close();
        return;
      }
      pump.writing = true;
      pump.timer.expires_at(pump.kept.front().due);
      pump.timer.async_wait([self = shared_from_this(), &pump](const Error&) {
        if (self->closed) return;
        if (self->proxy.held[index(pump.direction)]) {
          pump.writing = false;
          return;
        }
        asio::async_write(pump.to, asio::buffer(pump.kept.front().bytes),
                          [self, &pump](const Error& error, std::size_t size) {
                            pump.writing = false;
                            if (self->closed) return;
                            if (error) return self->close();
                            self->proxy.bytes[index(pump.direction)] += size;
                            pump.kept_bytes -= size;
                            pump.kept.pop_front();
                            self->read(pump);
                            self->write(pump);
                          });
      });
    }

    // With a reset where there is something unread.
    void close() {
      if (closed) return;
      closed = true;
      for (tcp::socket* socket : {&client, &server}) {
        Error ignored;
        socket->set_option(asio::socket_base::linger(true, 0), ignored);
        socket->close(ignored);
      }
      requests.timer.cancel();
      replies.timer.cancel();
      proxy.links.erase(shared_from_this());
      proxy.open = proxy.links.size();
    }
  };

  explicit Impl(const std::string& to) {
    const auto colon = to.rfind(':');
    CHECK(colon != std::string::npos);
    target = tcp::endpoint(asio::ip::make_address(to.substr(0, colon)),
                           static_cast<std::uint16_t>(std::stoi(to.substr(colon + 1))));
    hold(0);
    port = acceptor->local_endpoint().port();
    listen();
    thread = std::thread([this] { context.run(); });
  }

  // The port is ours and nobody is listened to. Also while all is refused: a connection that something else opens would
  // be given a port that is free, and keep it.
  void hold(std::uint16_t at) {
    acceptor.emplace(context);
    acceptor->open(tcp::v4());
    acceptor->set_option(tcp::acceptor::reuse_address(true));
    acceptor->bind(tcp::endpoint(asio::ip::address_v4::loopback(), at));
    listening = false;
  }
  void listen() {
    acceptor->listen();
    listening = true;
    accept();
  }
  void accept() {
    acceptor->async_accept([this](const Error& error, tcp::socket socket) {
      if (error) return;
      ++connections;
      auto link = std::make_shared<Link>(*this, std::move(socket));
      links.insert(link);
      open = links.size();
      link->connect();
      accept();
    });
  }
  void close_links() {
    for (const auto& link : std::set(links)) link->close();
  }
  bool cuts_now(Direction direction, std::size_t size) {
    if (cut_direction != direction || size < cut_bytes_min) return false;
    cut_direction.reset();
    ++cuts;
    return true;
  }
  void set(bool requests_held, bool replies_held) {
    held[0] = requests_held;
    held[1] = replies_held;
    if (!listening) listen();
    for (const auto& link : std::set(links)) link->poke();
  }

  // Runs `change` on the proxy's thread and waits for it.
  template <typename F>
  void change(F what) {
    std::promise<void> done;
    asio::post(context, [&] {
      what();
      done.set_value();
    });
    done.get_future().wait();
  }

  asio::io_context context{1};
  asio::executor_work_guard<asio::io_context::executor_type> work{context.get_executor()};
  tcp::endpoint target;
  std::uint16_t port = 0;
  std::optional<tcp::acceptor> acceptor;
  bool listening = false;
  std::set<std::shared_ptr<Link>> links;
  bool held[2] = {false, false};
  std::chrono::milliseconds delay{0};
  std::optional<Direction> cut_direction;
  std::size_t cut_bytes_min = 0;
  std::atomic<std::uint64_t> cuts = 0, connections = 0, open = 0;
  std::atomic<std::uint64_t> bytes[2] = {0, 0};
  std::thread thread;
};

TcpProxy::TcpProxy(std::string target) : impl_(std::make_unique<Impl>(target)) {}

TcpProxy::~TcpProxy() {
  impl_->change([this] {
    impl_->acceptor.reset();
    impl_->close_links();
    impl_->work.reset();
  });
  impl_->thread.join();
}

std::uint16_t TcpProxy::port() const { return impl_->port; }
std::string TcpProxy::endpoint() const { return "127.0.0.1:" + std::to_string(impl_->port); }

void TcpProxy::pass() {
  impl_->change([this] {
    impl_->cut_direction.reset();
    impl_->delay = std::chrono::milliseconds(0);
    impl_->set(false, false);
  });
}
void TcpProxy::blackhole() {
  impl_->change([this] { impl_->set(true, true); });
}
void TcpProxy::half_open(Direction held) {
  impl_->change([this, held] { impl_->set(held == Direction::Requests, held == Direction::Replies); });
}
void TcpProxy::refuse() {
  impl_->change([this] {
    impl_->hold(impl_->port);
    impl_->close_links();
  });
}
void TcpProxy::close_all() {
  impl_->change([this] { impl_->close_links(); });
}
void TcpProxy::delay(std::chrono::milliseconds each_way) {
  impl_->change([this, each_way] { impl_->delay = each_way; });
}
void TcpProxy::cut(Direction direction, std::size_t bytes_min) {
  impl_->change([this, direction, bytes_min] {
    impl_->cut_direction = direction;
    impl_->cut_bytes_min = bytes_min;
  });
}

std::uint64_t TcpProxy::cuts() const { return impl_->cuts; }
std::uint64_t TcpProxy::connections() const { return impl_->connections; }
std::uint64_t TcpProxy::open() const { return impl_->open; }
std::uint64_t TcpProxy::bytes(Direction direction) const { return impl_->bytes[index(direction)]; }

}  // namespace cronfleet::testing
