#include "api/open_connections.h"

#include <boost/asio/post.hpp>

#include "api/http_connection.h"
#include "api/response_head.h"

namespace cronfleet::api {
namespace {

using boost::system::error_code;

constexpr std::size_t kWokenAtOnce = 256;  // streams, before others have their turn

}  // namespace

OpenConnections::OpenConnections(HttpOptions o, const Router& r, const async::Clock& c, TokenSource& t, AccessLog a)
    : options(std::move(o)),
      tick(std::min({options.head_timeout, options.body_timeout, options.idle_timeout, options.write_timeout,
                     options.heartbeat}) /
           5),
      router(r),
      clock(c),
      tokens(t),
      access(std::move(a)),
      guard(options.guard) {}

OpenConnections::~OpenConnections() = default;

void OpenConnections::add(boost::asio::ip::tcp::socket socket) {
  if (open.size() >= options.connections_max) return;
  error_code ignored;
  socket.set_option(boost::asio::ip::tcp::no_delay(true), ignored);
  const auto peer = socket.remote_endpoint(ignored).address().to_string();
  const auto connection = std::make_shared<HttpConnection>(*this, std::move(socket), peer);
  open.emplace(connection.get(), connection);
  connections_open = open.size();
  connection->start();
}

void OpenConnections::remove(HttpConnection* connection) {
  sleepers.erase(connection);
  open.erase(connection);
  connections_open = open.size();
  if (stopping && open.empty()) say_gone();
}

void OpenConnections::wind_up() {
  stopping = true;
  std::vector<std::shared_ptr<HttpConnection>> living;
  for (const auto& [key, connection] : open)
    if (auto alive = connection.lock()) living.push_back(std::move(alive));
  for (const auto& connection : living) connection->wind_up();
  if (open.empty()) say_gone();
}

void OpenConnections::say_gone() {
  const std::lock_guard lock(gone_mutex_);
  gone_ = true;
  gone_changed_.notify_all();
}

void OpenConnections::wait_until_gone(std::chrono::milliseconds grace) {
  std::unique_lock lock(gone_mutex_);
  gone_changed_.wait_for(lock, grace, [this] { return gone_; });
}

void OpenConnections::wake_sleepers() {
  if (!wake_posted_.exchange(true)) boost::asio::post(io, [this] { wake_all(); });
}

void OpenConnections::wake_all() {
  wake_posted_ = false;
  std::vector<std::shared_ptr<HttpConnection>> woken;
  woken.reserve(sleepers.size());
  for (HttpConnection* connection : std::exchange(sleepers, {})) woken.push_back(connection->shared_from_this());
  wake_some(std::move(woken));
}

void OpenConnections::wake_some(std::vector<std::shared_ptr<HttpConnection>> woken) {
  for (std::size_t count = 0; count < kWokenAtOnce && !woken.empty(); ++count) {
    const auto connection = std::move(woken.back());
    woken.pop_back();
    connection->wake();
  }
  if (!woken.empty())
    boost::asio::post(io, [this, woken = std::move(woken)]() mutable { wake_some(std::move(woken)); });
}

const std::string& OpenConnections::date() {
  const WallTime now = clock.wall();
  const auto second = std::chrono::floor<std::chrono::seconds>(now.time_since_epoch()).count();
  if (second != date_second_) {
    date_second_ = second;
    date_text_ = http_date(now);
  }
  return date_text_;
}

void OpenConnections::count(const Route* route, Method method, int status, double seconds) {
  const std::lock_guard lock(counts_mutex_);
  ++requests_[{route, method, status / 100}];
  counted_.seconds.add(seconds);
}

HttpCounts OpenConnections::counts() const {
  const std::lock_guard lock(counts_mutex_);
  HttpCounts counts = counted_;
  for (const auto& [key, count] : requests_) {
    const auto& [route, method, status_class] = key;
    counts.requests[{to_string(method), route ? route->pattern : "none", status_class}] += count;
  }
  counts.connections = connections_open;
  counts.streams = streams_open;
  return counts;
}

}  // namespace cronfleet::api
