#include "api/http_server.h"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <thread>

#include "api/open_connections.h"
#include "base/check.h"

namespace cronfleet::api {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

std::string name_of(const tcp::endpoint& endpoint) {
  const std::string address = endpoint.address().to_string();
  return endpoint.address().is_v6() ? fmt::format("[{}]:{}", address, endpoint.port())
                                    : fmt::format("{}:{}", address, endpoint.port());
}

}  // namespace

struct HttpServer::State {
  struct Listener {
    tcp::acceptor acceptor;
    std::string name;
  };

  State(HttpOptions options, const Router& router, const async::Clock& clock, TokenSource& tokens, AccessLog access)
      : connections(std::move(options), router, clock, tokens, std::move(access)) {}

  Result<void> open(const std::string& text);
  void accept(Listener& listener);

  OpenConnections connections;
  std::uint16_t port = 0;
  bool started = false;
  std::vector<std::unique_ptr<Listener>> listeners;
  std::thread thread;
};

Result<void> HttpServer::State::open(const std::string& text) {
  error_code error;
  const auto address = asio::ip::make_address(text, error);
  if (error) return fail(Code::InvalidArgument, "'{}' is not an IP address", text);
  if (!address.is_loopback())
    return fail(Code::InvalidArgument,
                "refusing to listen on {}: it is not loopback, and this version has no login; use 127.0.0.1 or ::1",
                text);
  const tcp::endpoint endpoint(address, port);
  const std::string name = name_of(endpoint);
  auto listener = std::make_unique<Listener>(Listener{tcp::acceptor(connections.io), name});
  tcp::acceptor& acceptor = listener->acceptor;
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error && address.is_v6()) acceptor.set_option(asio::ip::v6_only(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(1024, error);
  const bool missing =
      error == asio::error::address_family_not_supported || error.value() == EADDRNOTAVAIL || error.value() == EPERM;
  if (missing && !listeners.empty()) return {};
  if (error == asio::error::address_in_use)
    return fail(Code::Conflict, "cannot listen on {}: another process holds port {}; choose another with {}", name,
                port, connections.options.port_setting);
  if (error) return fail(Code::Unavailable, "cannot listen on {}: {}", name, error.message());
  if (port == 0) {
    port = acceptor.local_endpoint().port();
    listener->name = name_of({address, port});
  }
  listeners.push_back(std::move(listener));
  return {};
}

void HttpServer::State::accept(Listener& listener) {
  listener.acceptor.async_accept([this, &listener](error_code error, tcp::socket socket) {
    if (!listener.acceptor.is_open()) return;
    if (error) {
      // Out of descriptors, most likely: wait for some to come back instead of spinning.
      auto timer = std::make_shared<asio::steady_timer>(connections.io, std::chrono::milliseconds(100));
      timer->async_wait([this, &listener, timer](error_code) {
        if (listener.acceptor.is_open()) accept(listener);
      });
      return;
    }
    connections.add(std::move(socket));
    accept(listener);
  });
}

HttpServer::HttpServer(HttpOptions options, const Router& router, const async::Clock& clock, TokenSource& tokens,
                       AccessLog access)
    : state_(std::make_unique<State>(std::move(options), router, clock, tokens, std::move(access))) {}

HttpServer::~HttpServer() { stop(std::chrono::milliseconds(0)); }

Result<void> HttpServer::start() {
  CHECK(!state_->started);
  const HttpOptions& options = state_->connections.options;
  if (options.addresses.empty()) return fail(Code::InvalidArgument, "no address to listen on");
  // A port that the kernel chose for one address may be taken on the next.
  constexpr int kPortsTried = 16;
  Result<void> opened;
  for (int tries = 0; tries < (options.port == 0 ? kPortsTried : 1); ++tries) {
    state_->listeners.clear();
    state_->port = options.port;
    for (const std::string& address : options.addresses)
      if (opened = state_->open(address); !opened) break;
    if (opened || opened.error().code() != Code::Conflict) break;
  }
  if (!opened) {
    state_->listeners.clear();
    return opened;
  }
  state_->started = true;
  state_->connections.pool = std::make_unique<HandlerPool>(options.handler_threads, options.handler_queue_max);
  for (const auto& listener : state_->listeners) state_->accept(*listener);
  state_->thread = std::thread([this] { state_->connections.io.run(); });
  return {};
}

std::uint16_t HttpServer::port() const { return state_->port; }

std::vector<std::string> HttpServer::listening() const {
  std::vector<std::string> names;
  for (const auto& listener : state_->listeners) names.push_back(listener->name);
  return names;
}

HttpCounts HttpServer::counts() const { return state_->connections.counts(); }

void HttpServer::wake() { state_->connections.wake_sleepers(); }

void HttpServer::stop(std::chrono::milliseconds grace) {
  State& state = *state_;
  if (!state.thread.joinable()) return;
  asio::post(state.connections.io, [&state] {
    error_code ignored;
    for (const auto& listener : state.listeners) listener->acceptor.close(ignored);
    state.connections.wind_up();
  });
  state.connections.wait_until_gone(grace);
  // The loop first: what the pool drops or posts from now on belongs to this thread alone.
  state.connections.io.stop();
  state.thread.join();
  state.connections.pool->stop();
}

}  // namespace cronfleet::api
