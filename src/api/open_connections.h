// api/open_connections.h: the connections of one server: what they work with, which of them are open or asleep, what
// they answered. Loop thread only, but for what says otherwise.
#pragma once

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <tuple>
#include <unordered_map>
#include <unordered_set>

#include "api/handler_pool.h"
#include "api/http_server.h"
#include "api/write_limit.h"

namespace cronfleet::api {

class HttpConnection;

class OpenConnections {
 public:
  OpenConnections(HttpOptions options, const Router& router, const async::Clock& clock, TokenSource& tokens,
                  AccessLog access);
  ~OpenConnections();

  // Begins to read from it. One too many is closed at once.
  void add(boost::asio::ip::tcp::socket socket);
  void remove(HttpConnection* connection);
  // What is under way is answered, then the connections end.
  void wind_up();
  // Until all are gone after wind_up(), at most `grace`. From any thread but the loop's.
  void wait_until_gone(std::chrono::milliseconds grace);

  void wake_sleepers();  // from any thread; many calls in a short time cost one
  const std::string& date();
  void count(const Route* route, Method method, int status, double seconds);
  HttpCounts counts() const;  // from any thread

  const HttpOptions options;
  // How late a deadline that was moved forward may be noticed.
  const std::chrono::milliseconds tick;
  const Router& router;
  const async::Clock& clock;
  TokenSource& tokens;
  const AccessLog access;
  const Guard guard;

  std::unordered_map<HttpConnection*, std::weak_ptr<HttpConnection>> open;
  WriteLimit writes{options.writes_per_second};
  std::unordered_set<HttpConnection*> sleepers;
  std::size_t streams = 0;
  bool stopping = false;
  std::atomic<std::size_t> connections_open{0}, streams_open{0};

 private:
  void wake_all();
  void wake_some(std::vector<std::shared_ptr<HttpConnection>> woken);
  void say_gone();

  std::int64_t date_second_ = -1;
  std::string date_text_;
  std::atomic<bool> wake_posted_{false};
  std::mutex gone_mutex_;
  std::condition_variable gone_changed_;
  bool gone_ = false;

  mutable std::mutex counts_mutex_;  // around the two below
  // By method and class of status, for each route and, at nullptr, for none: counting takes no texts.
  std::map<std::tuple<const Route*, Method, int>, std::uint64_t> requests_;
  HttpCounts counted_;

 public:
  // Last: what still waits in it when it ends lets go of connections, which takes all of the above.
  boost::asio::io_context io{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work{io.get_executor()};
  std::unique_ptr<HandlerPool> pool;  // from the server's start on
};

}  // namespace cronfleet::api
