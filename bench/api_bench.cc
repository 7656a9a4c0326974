// What the API costs: a status reply beside bare responders, a page of many jobs, many event streams, memory over time.
//   build/release/bench/api_bench status [SECONDS]    requests a second: ours, a bare Beast responder, a bare epoll one
//   build/release/bench/api_bench list [JOBS]         a page of 100 with a filter
//   build/release/bench/api_bench events [CLIENTS]    from a write into the store to each client, 20 events a second
//   build/release/bench/api_bench flat [MINUTES]      resident memory while all of it goes on
// Servers and clients share this process and the machine; each server has one thread for its sockets.
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <thread>

#include "api/raw_client.h"
#include "tests/integration/api_server.h"

namespace cronfleet {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::ip::tcp;
using Clock = std::chrono::steady_clock;
using std::chrono::seconds;

constexpr std::string_view kStatusBody = R"({"status":"ok"})";
constexpr std::string_view kStatusRequest = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
constexpr int kConnections = 64;

int connected(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  CHECK(::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return fd;
}

void send_all(int fd, std::string_view bytes) {
  CHECK(::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size()));
}

// Requests a second over some connections, one request under way on each.
double rate_of(std::uint16_t port, seconds time) {
  const int poll = ::epoll_create1(EPOLL_CLOEXEC);
  std::vector<int> connections;
  for (int i = 0; i < kConnections; ++i) {
    connections.push_back(connected(port));
    epoll_event event{.events = EPOLLIN, .data = {.fd = connections.back()}};
    CHECK(::epoll_ctl(poll, EPOLL_CTL_ADD, connections.back(), &event) == 0);
    send_all(connections.back(), kStatusRequest);
  }
  std::uint64_t answered = 0;
  const auto begin = Clock::now();
  while (Clock::now() - begin < time) {
    epoll_event events[kConnections];
    const int ready = ::epoll_wait(poll, events, kConnections, 100);
    for (int i = 0; i < ready; ++i) {
      char buffer[4096];  // an answer is far smaller, and is sent in one piece
      const auto got = ::recv(events[i].data.fd, buffer, sizeof buffer, 0);
      CHECK(got > 0 && std::string_view(buffer, static_cast<std::size_t>(got)).ends_with(kStatusBody));
      ++answered;
      send_all(events[i].data.fd, kStatusRequest);
    }
  }
  const std::chrono::duration<double> took = Clock::now() - begin;
  for (const int fd : connections) ::close(fd);
  ::close(poll);
  return static_cast<double>(answered) / took.count();
}

// The least that the library does: reads a request, writes an answer with two header fields.
class BareBeast {
 public:
  BareBeast() {
    accept();
    thread_ = std::thread([this] { io_.run(); });
  }
  ~BareBeast() {
    io_.stop();
    thread_.join();
  }
  std::uint16_t port() const { return acceptor_.local_endpoint().port(); }

 private:
  struct Connection : std::enable_shared_from_this<Connection> {
    explicit Connection(tcp::socket s) : socket(std::move(s)) {}
    void read() {
      request = {};
      http::async_read(socket, buffer, request, [self = shared_from_this()](auto error, std::size_t) {
        if (!error) self->write();
      });
    }
    void write() {
      response = {http::status::ok, request.version()};
      response.set(http::field::content_type, "application/json");
      response.body() = std::string(kStatusBody);
      response.prepare_payload();
      http::async_write(socket, response, [self = shared_from_this()](auto error, std::size_t) {
        if (!error) self->read();
      });
    }
    tcp::socket socket;
    boost::beast::flat_buffer buffer;
    http::request<http::string_body> request;
    http::response<http::string_body> response;
  };
  void accept() {
    acceptor_.async_accept([this](auto error, tcp::socket socket) {
      if (error) return;
      socket.set_option(tcp::no_delay(true));
      std::make_shared<Connection>(std::move(socket))->read();
      accept();
    });
  }
  asio::io_context io_{1};
  tcp::acceptor acceptor_{io_, {asio::ip::address_v4::loopback(), 0}};
  std::thread thread_;
};

// The least that the kernel does: answers whatever ends in an empty line with fixed bytes.
class BareEpoll {
 public:
  BareEpoll() {
    answer_ = fmt::format("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{}",
                          kStatusBody.size(), kStatusBody);
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    CHECK(::bind(listener_, reinterpret_cast<const sockaddr*>(&address), size) == 0 && ::listen(listener_, 128) == 0);
    CHECK(::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { run(); });
  }
  ~BareEpoll() {
    stop_ = true;
    thread_.join();
    ::close(listener_);
  }
  std::uint16_t port() const { return port_; }

 private:
  void run() {
    const int poll = ::epoll_create1(EPOLL_CLOEXEC);
    const auto add = [poll](int fd) {
      epoll_event event{.events = EPOLLIN, .data = {.fd = fd}};
      CHECK(::epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event) == 0);
    };
    add(listener_);
    while (!stop_) {
      epoll_event events[64];
      const int ready = ::epoll_wait(poll, events, 64, 50);
      for (int i = 0; i < ready; ++i) {
        const int fd = events[i].data.fd;
        if (fd == listener_) {
          const int peer = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
          const int on = 1;
          ::setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
          add(peer);
          continue;
        }
        char buffer[4096];
        const auto got = ::recv(fd, buffer, sizeof buffer, 0);
        if (got <= 0) {
          ::close(fd);
        } else if (std::string_view(buffer, static_cast<std::size_t>(got)).ends_with("\r\n\r\n")) {
          send_all(fd, answer_);
        }
      }
    }
    ::close(poll);
  }
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::string answer_;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

void bench_status(int time) {
  testing::ApiServer server;
  BareBeast beast;
  BareEpoll epoll;
  std::vector<double> ours, bare, least;
  constexpr int kRounds = 5;
  for (int round = 0; round < kRounds; ++round) {  // side by side, so that all see the same machine
    const seconds each(std::max(1, time / kRounds));
    ours.push_back(rate_of(server.port(), each));
    bare.push_back(rate_of(beast.port(), each));
    least.push_back(rate_of(epoll.port(), each));
    std::printf("round %d: ours %.0f/s, bare Beast %.0f/s, bare epoll %.0f/s\n", round + 1, ours.back(), bare.back(),
                least.back());
  }
  std::printf("median: ours %.0f/s, %.0f %% of a bare Beast responder, %.0f %% of a bare epoll one\n", median(ours),
              100 * median(ours) / median(bare), 100 * median(ours) / median(least));
}

struct Percentiles {
  double p50, p99, most;
};
Percentiles percentiles_of(std::vector<double>& values) {
  std::sort(values.begin(), values.end());
  return {values[values.size() / 2], values[values.size() * 99 / 100], values.back()};
}

void put_jobs(testing::ApiServer& server, int count) {
  for (int i = 0; i < count; ++i) {
    const std::string name = fmt::format("job-{:06}", i);
    server.put(server.keys.job(JobName(name)),
               fmt::format(R"({{"name":"{}","schedule":"{} {} * * *","command":"/usr/local/bin/task --number {}",)"
                           R"("labels":{{"team":"{}"}},"owner":"owner-{}"}})",
                           name, i % 60, i % 24, i, i % 10 == 0 ? "db" : "web", i % 100));
  }
}

// Milliseconds of one request each, asked one after the other.
std::vector<double> times_of(std::uint16_t port, std::string_view path, int count) {
  api::RawClient client(port);
  std::vector<double> times;
  for (int i = 0; i < count; ++i) {
    const auto begin = Clock::now();
    const api::RawAnswer answer = client.ask(fmt::format("GET {} HTTP/1.1\r\nHost: localhost\r\n\r\n", path));
    CHECK(answer.status == 200);
    if (i > 0) times.push_back(std::chrono::duration<double, std::milli>(Clock::now() - begin).count());
  }
  return times;
}

// Before each of them one job is saved, and the page has that save.
std::vector<double> times_after_edits(std::uint16_t port, std::string_view path, int jobs, int count) {
  api::RawClient client(port);
  std::vector<double> times;
  static int edits = 0;  // each is another document
  for (int i = 0; i < count; ++i) {
    const std::string body =
        fmt::format(R"({{"schedule":"{} 3 * * *","command":"true","labels":{{"team":"db"}},"description":"edit {}"}})",
                    i % 60, ++edits);
    const api::RawAnswer saved =
        client.ask(fmt::format("PUT /api/v1/jobs/job-{:06} HTTP/1.1\r\nHost: localhost\r\nIf-Match: *\r\nContent-Type: "
                               "application/json\r\nContent-Length: {}\r\n\r\n{}",
                               i * 7919 % jobs, body.size(), body));
    CHECK(saved.status == 200);
    const auto begin = Clock::now();
    CHECK(client.ask(fmt::format("GET {} HTTP/1.1\r\nHost: localhost\r\n\r\n", path)).status == 200);
    if (i > 0) times.push_back(std::chrono::duration<double, std::milli>(Clock::now() - begin).count());
  }
  return times;
}

void bench_list(int count) {
  testing::ApiServer server;
  put_jobs(server, count);
  for (const char* path : {"/api/v1/jobs?limit=100", "/api/v1/jobs?limit=100&filter=label:team=db",
                           "/api/v1/jobs?limit=100&filter=state:enabled+label:team=db+name~55",
                           "/api/v1/jobs?limit=100&sort=next", "/api/v1/jobs?limit=100&filter=next%3C1h&sort=-revision",
                           "/api/v1/jobs?limit=100&filter=label:team=db+next%3C1h&sort=next"}) {
    auto times = times_of(server.port(), path, 301);
    const auto [p50, p99, most] = percentiles_of(times);
    auto after_edits = times_after_edits(server.port(), path, count, 101);
    const auto edited = percentiles_of(after_edits);
    std::printf("%d jobs, %s: p50 %.2f ms, p99 %.2f ms, most %.2f ms; first after an edit p50 %.2f ms, p99 %.2f ms\n",
                count, path, p50, p99, most, edited.p50, edited.p99);
  }
}

std::size_t resident_bytes() {
  std::size_t pages = 0, resident = 0;
  std::ifstream("/proc/self/statm") >> pages >> resident;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

// Many streams, read by one thread; each event carries the moment of its write.
class Listeners {
 public:
  enum class Latencies { Kept, Dropped };
  Listeners(std::uint16_t port, int count, Latencies latencies = Latencies::Kept)
      : poll_(::epoll_create1(EPOLL_CLOEXEC)), partial_(static_cast<std::size_t>(count)) {
    for (std::string& text : partial_) text.reserve(4096);
    if (latencies == Latencies::Kept) latencies_.reserve(4'000'000);
    before_ = resident_bytes();
    for (int i = 0; i < count; ++i) {
      const int fd = connected(port);
      send_all(fd, "GET /api/v1/events?topics=runs HTTP/1.1\r\nHost: localhost\r\n\r\n");
      char buffer[4096];
      std::string got;
      while (got.find("event: hello") == std::string::npos) {
        const auto bytes = ::recv(fd, buffer, sizeof buffer, 0);
        CHECK(bytes > 0);
        got.append(buffer, static_cast<std::size_t>(bytes));
      }
      ::fcntl(fd, F_SETFL, O_NONBLOCK);
      epoll_event event{.events = EPOLLIN, .data = {.u32 = static_cast<std::uint32_t>(i)}};
      CHECK(::epoll_ctl(poll_, EPOLL_CTL_ADD, fd, &event) == 0);
      fds_.push_back(fd);
    }
    thread_ = std::thread([this] { run(); });
  }
  ~Listeners() {
    stop_ = true;
    thread_.join();
    for (const int fd : fds_) ::close(fd);
    ::close(poll_);
  }
  std::size_t bytes_each() const { return (resident_bytes() - std::min(before_, resident_bytes())) / fds_.size(); }
  std::uint64_t received() const { return received_; }
  std::vector<double> take() { return std::move(latencies_); }

 private:
  void run() {
    std::vector<char> buffer(64 << 10);
    while (!stop_) {
      epoll_event events[256];
      const int ready = ::epoll_wait(poll_, events, 256, 50);
      for (int i = 0; i < ready; ++i) {
        const std::size_t index = events[i].data.u32;
        const auto got = ::recv(fds_[index], buffer.data(), buffer.size(), 0);
        CHECK(got > 0);
        const auto now = Clock::now().time_since_epoch().count();
        std::string& text = partial_[index];
        text.append(buffer.data(), static_cast<std::size_t>(got));
        constexpr std::string_view kMark = "\"triggered_by\":\"at ";
        std::size_t from = 0;
        for (auto at = text.find(kMark); at != std::string::npos; at = text.find(kMark, from)) {
          const auto end = text.find('"', at + kMark.size());
          if (end == std::string::npos) break;
          const auto sent = std::stoll(text.substr(at + kMark.size(), end - at - kMark.size()));
          if (latencies_.size() < latencies_.capacity()) latencies_.push_back(static_cast<double>(now - sent) / 1e6);
          ++received_;
          from = end;
        }
        if (text.size() - from > 64) from = text.size() - 64;
        text.erase(0, from);
      }
    }
  }
  const int poll_;
  std::vector<int> fds_;
  std::vector<std::string> partial_;
  std::vector<double> latencies_;
  std::atomic<std::uint64_t> received_ = 0;
  std::atomic<bool> stop_ = false;
  std::size_t before_ = 0;
  std::thread thread_;
};

void put_run(testing::ApiServer& server, int number) {
  core::RunningEntry entry;
  const WallTime at = from_seconds(1'800'000'000 + number);
  entry.run = {.firing = {.job = JobName("ticks"), .which = at}, .attempt = 1};
  entry.incarnation = Incarnation(std::string(32, '0'));
  entry.token = Token(std::string(32, '1'));
  entry.scheduled_at = entry.claimed_at = at;
  entry.triggered_by = fmt::format("at {}", Clock::now().time_since_epoch().count());
  server.put(server.keys.running(NodeId("node-1"), entry.run), core::encode(entry));
}

void bench_events(int clients) {
  constexpr int kPerSecond = 20, kEvents = 400;
  testing::ApiServer server;
  Listeners listeners(server.port(), clients);
  std::printf("%d clients: %zu bytes of resident memory each, both ends' objects together\n", clients,
              listeners.bytes_each());
  auto next = Clock::now();
  for (int i = 0; i < kEvents; ++i) {
    std::this_thread::sleep_until(next += std::chrono::microseconds(1'000'000 / kPerSecond));
    put_run(server, i);
  }
  const auto wanted = static_cast<std::uint64_t>(kEvents) * static_cast<std::uint64_t>(clients);
  for (const auto until = Clock::now() + seconds(20); listeners.received() < wanted && Clock::now() < until;)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  CHECK(listeners.received() == wanted);
  std::printf("after %d events: %zu bytes each\n", kEvents, listeners.bytes_each());
  auto latencies = listeners.take();
  const auto [p50, p99, most] = percentiles_of(latencies);
  std::printf(
      "%d events a second, from the write into the store to each client: p50 %.2f ms, p99 %.2f ms, most %.2f ms\n",
      kPerSecond, p50, p99, most);
}

void bench_flat(int minutes) {
  testing::ApiServer server;
  put_jobs(server, 10'000);
  Listeners listeners(server.port(), 200, Listeners::Latencies::Dropped);  // their own memory would grow
  std::atomic<bool> stop = false;
  std::thread writer([&] {
    // The same few keys again and again, and their older states forgotten: what grows then is not the store.
    for (int i = 0; !stop; ++i) {
      put_run(server, i % 100);
      if (i % 500 == 0) server.compact();
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  });
  std::uint64_t requests = 0;
  for (int minute = 0; minute <= minutes; ++minute) {
    std::printf("minute %d: %.1f MiB resident, %llu requests\n", minute,
                static_cast<double>(resident_bytes()) / (1 << 20), static_cast<unsigned long long>(requests));
    std::fflush(stdout);
    if (minute == minutes) break;
    for (const auto until = Clock::now() + std::chrono::minutes(1); Clock::now() < until;) {
      for (const char* path : {"/api/v1/jobs?limit=100&filter=label:team=db", "/api/v1/runs?limit=50",
                               "/api/v1/workers", "/healthz", "/api/v1/jobs/job-000042"}) {
        times_of(server.port(), path, 5);
        requests += 5;
      }
    }
  }
  stop = true;
  writer.join();
}

}  // namespace
}  // namespace cronfleet

int main(int count, char** arguments) {
  const std::string_view what = count > 1 ? arguments[1] : "";
  const int number = count > 2 ? std::atoi(arguments[2]) : 0;
  if (what == "status") {
    cronfleet::bench_status(number > 0 ? number : 10);
  } else if (what == "list") {
    cronfleet::bench_list(number > 0 ? number : 100'000);
  } else if (what == "events") {
    cronfleet::bench_events(number > 0 ? number : 1'000);
  } else if (what == "flat") {
    cronfleet::bench_flat(number > 0 ? number : 10);
  } else {
    std::fprintf(stderr, "usage: api_bench status [SECONDS] | list [JOBS] | events [CLIENTS] | flat [MINUTES]\n");
    return 2;
  }
  return 0;
}
