// api/http_server.h: speaks HTTP/1.1 on loopback: reads requests, guards them (api/guard.h), routes them (api/router.h)
// and writes the answers. One thread of its own for all sockets, a pool of threads for handlers that may block.
//
// A stream that sleeps (api/http.h) costs no thread and no timer of its own; wake() asks all of them again.
//
// What it does to the slow and the greedy: a head has 10 s, a body 30 s, an idle connection 60 s, a client that does
// not read its answer 30 s for each piece; past the limit it hears 408 or the connection ends. A full handler queue is
// answered with 503 and Retry-After at once.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/guard.h"
#include "api/router.h"
#include "async/clock.h"
#include "base/histogram.h"
#include "base/status.h"
#include "base/token.h"

namespace cronfleet::api {

struct HttpOptions {
  // Loopback only: there is no login yet. One that this machine does not have (no IPv6) is passed over.
  std::vector<std::string> addresses{"127.0.0.1", "::1"};
  std::uint16_t port = 8090;  // 0: any free one
  // What a user changes to move the port; named when it is in use.
  std::string port_setting = "http.port (or --port)";
  GuardOptions guard{};

  // How a refusal looks where it is no problem document; nothing: it is one. From any thread.
  std::function<std::optional<Response>(const Request&, const Problem&)> render_refusal{};

  std::size_t connections_max = 12'000;  // further ones are closed at once
  std::size_t streams_max = 10'000;      // event streams and endless bodies; past it 429
  int writes_per_second = 0;             // in all, four times as many at once; past it 429; 0: no limit
  std::size_t handler_threads = 8;
  std::size_t handler_queue_max = 256;  // requests that wait for a thread; past it 503

  std::chrono::milliseconds head_timeout{10'000};   // SEC-33
  std::chrono::milliseconds body_timeout{30'000};   // SEC-33
  std::chrono::milliseconds idle_timeout{60'000};   // SEC-33
  std::chrono::milliseconds write_timeout{30'000};  // for each piece of at most 256 KiB
  std::chrono::milliseconds heartbeat{15'000};      // of event streams
};

// One answered request, for the access log.
struct AccessEntry {
  std::string request_id, peer;
  std::string_view method;
  std::string path;  // without the query
  int status = 0;
  std::size_t bytes = 0;  // of the body; of a stream 0
  std::chrono::microseconds took{0};
  std::string trouble;  // of a failure of ours: what the client is not told
};
// What was answered since the start, and what is open now.
struct HttpCounts {
  struct Key {
    std::string_view method;  // of ours: "GET"; empty for others
    std::string route;        // its pattern; "none" where no route was found
    int status_class = 0;     // 2 for 200 to 299
    friend auto operator<=>(const Key&, const Key&) = default;
  };
  std::map<Key, std::uint64_t> requests;
  Histogram seconds{{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}};
  std::size_t connections = 0, streams = 0;
};

using AccessLog = std::function<void(const AccessEntry&)>;  // called on the server's thread

class HttpServer {
 public:
  // All are borrowed until stop() has returned. `router` must be complete.
  HttpServer(HttpOptions options, const Router& router, const async::Clock& clock, TokenSource& tokens,
             AccessLog access = {});
  ~HttpServer();

  // Opens the listeners and starts the threads. Nothing runs after a failure.
  //   InvalidArgument  an address that is not loopback, or no address
  //   Conflict         another process holds the port; names the setting to change
  //   Unavailable      the kernel refuses for another reason
  Result<void> start();
  std::uint16_t port() const;                  // after start()
  std::vector<std::string> listening() const;  // "127.0.0.1:8090", "[::1]:8090"

  HttpCounts counts() const;  // from any thread

  // Streams that sleep are asked again. From any thread; many calls in a short time cost one.
  void wake();

  // No new connections; requests under way are answered (at most `grace`), streams end. From any thread but a
  // handler's.
  void stop(std::chrono::milliseconds grace = std::chrono::seconds(5));

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace cronfleet::api
