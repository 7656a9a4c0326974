// The server over real sockets: framing, limits, slow clients, streams, stopping.
#include "api/http_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <latch>

#include "api/raw_client.h"
#include "async/asio_loop.h"

namespace cronfleet::api {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::StartsWith;

// Counts up, one event at a time, `last` times; each asks for a pause.
class Counting final : public BodyStream {
 public:
  explicit Counting(int last) : last_(last) {}
  Piece next() override {
    if (count_ == last_) return {};
    return {.bytes = fmt::format("data: {}\n\n", ++count_), .then = Piece::Then::Wait, .pause = 1ms};
  }

 private:
  int last_, count_ = 0;
};

class Silent final : public BodyStream {
 public:
  explicit Silent(std::atomic<int>& living) : living_(living) { ++living_; }
  ~Silent() override { --living_; }
  Piece next() override { return {.bytes = {}, .then = Piece::Then::Wait, .pause = 5ms}; }

 private:
  std::atomic<int>& living_;
};

// Sends what was said since it last looked, and sleeps.
class Spoken final : public BodyStream {
 public:
  explicit Spoken(std::atomic<int>& said) : said_(said) {}
  bool at_once() const override { return true; }
  Piece next() override {
    Piece piece{.bytes = {}, .then = Piece::Then::Sleep};
    for (; heard_ < said_; ++heard_)
      piece.shared.push_back(std::make_shared<const std::string>(fmt::format("data: {}\n\n", heard_ + 1)));
    return piece;
  }

 private:
  std::atomic<int>& said_;
  int heard_ = 0;
};

// Says something whenever it is asked.
class Torrent final : public BodyStream {
 public:
  Piece next() override { return {.bytes = std::string(64 << 10, 'x'), .then = Piece::Then::More}; }
};

class Server {
 public:
  explicit Server(HttpOptions options = {}) {
    router_.add({Method::Get, "/hello", [](Call&) -> Answer { return Response{.body = "\"hello\""}; }});
    router_.add({Method::Get, "/loop", [](Call&) -> Answer { return Response{.body = "\"loop\""}; }, Place::Loop});
    router_.add({Method::Post, "/echo", [](Call& call) -> Answer { return Response{.body = call.request.body}; }});
    router_.add({Method::Post, "/small", [](Call&) -> Answer { return Response{.body = "{}"}; }, Place::Pool, 10});
    router_.add({Method::Get, "/large", [](Call&) -> Answer { return Response{.body = std::string(3 << 20, 'x')}; }});
    router_.add({Method::Get, "/count", [](Call&) -> Answer {
                   return Response{.content_type = "text/event-stream", .stream = std::make_unique<Counting>(5)};
                 }});
    router_.add({Method::Get, "/silent", [this](Call&) -> Answer {
                   return Response{.content_type = "text/event-stream", .stream = std::make_unique<Silent>(silent)};
                 }});
    router_.add({Method::Get, "/torrent", [](Call&) -> Answer {
                   return Response{.content_type = "text/event-stream", .stream = std::make_unique<Torrent>()};
                 }});
    router_.add({Method::Get, "/spoken", [this](Call&) -> Answer {
                   return Response{.content_type = "text/event-stream", .stream = std::make_unique<Spoken>(said)};
                 }});
    router_.add({Method::Get, "/wait", [this](Call&) -> Answer {
                   ++waiting;
                   gate.get_future_shared().wait();
                   return Response{.body = "\"waited\""};
                 }});
    options.port = 0;
    server_.emplace(std::move(options), router_, clock_, tokens_);
    const auto started = server_->start();
    CHECK(started.has_value());
  }
  std::uint16_t port() const { return server_->port(); }
  HttpServer& http() { return *server_; }

  struct Gate {
    std::promise<void> promise;
    std::shared_future<void> future = promise.get_future().share();
    std::shared_future<void> get_future_shared() const { return future; }
    void open() { promise.set_value(); }
  } gate;
  std::atomic<int> waiting = 0, silent = 0, said = 0;

 private:
  async::SystemClock clock_;
  async::SystemTokens tokens_;
  Router router_;
  std::optional<HttpServer> server_;
};

std::string get(std::string_view path, std::string_view more = "") {
  return fmt::format("GET {} HTTP/1.1\r\nHost: localhost\r\n{}\r\n", path, more);
}
std::string post(std::string_view path, std::string_view body) {
  return fmt::format(
      "POST {} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{}", path,
      body.size(), body);
}

template <typename Condition>
bool soon(Condition condition) {
  for (const auto until = std::chrono::steady_clock::now() + 10s; std::chrono::steady_clock::now() < until;) {
    if (condition()) return true;
    std::this_thread::yield();
  }
  return false;
}

TEST(HttpServer, AnswersOnOneConnectionInOrder) {
  Server server;
  RawClient client(server.port());
  client.send(get("/hello") + get("/loop") + post("/echo", "{\"a\":1}"));
  EXPECT_EQ(client.receive().body, "\"hello\"");
  EXPECT_EQ(client.receive().body, "\"loop\"");
  EXPECT_EQ(client.receive().body, "{\"a\":1}");
}

TEST(HttpServer, EveryAnswerHasTheSecurityHeaders) {
  Server server;
  for (const std::string& request : {get("/hello"), get("/nowhere"), std::string("garbage\r\n\r\n"),
                                     std::string("GET /hello HTTP/1.1\r\nHost: evil.example\r\n\r\n"), get("/count")}) {
    const RawAnswer answer = RawClient(server.port()).ask(request);
    EXPECT_NE(answer.status, 0);
    EXPECT_THAT(answer.header("content-security-policy"), StartsWith("default-src 'none'"));
    EXPECT_EQ(answer.header("x-content-type-options"), "nosniff");
    EXPECT_EQ(answer.header("referrer-policy"), "no-referrer");
    EXPECT_EQ(answer.header("cross-origin-opener-policy"), "same-origin");
    EXPECT_EQ(answer.header("cross-origin-resource-policy"), "same-origin");
    EXPECT_EQ(answer.header("cache-control"), "no-store");
    EXPECT_EQ(answer.header("access-control-allow-origin"), "");
    EXPECT_NE(answer.header("x-request-id"), "");
    EXPECT_NE(answer.header("date"), "");
    EXPECT_EQ(answer.header("server"), "");
  }
}

TEST(HttpServer, RefusalsAreProblemDocuments) {
  Server server;
  const RawAnswer answer = RawClient(server.port()).ask(get("/nowhere", "X-Request-Id: mine-1\r\n"));
  EXPECT_EQ(answer.status, 404);
  EXPECT_EQ(answer.header("content-type"), "application/problem+json");
  EXPECT_EQ(answer.body, R"({"type":"about:blank","title":"Not Found","status":404,"code":"no_such_address",)"
                         R"("detail":"nothing stands under this address","instance":"mine-1"})");
}

TEST(HttpServer, HeadHasNoBody) {
  Server server;
  RawClient client(server.port());
  client.send("HEAD /hello HTTP/1.1\r\nHost: localhost\r\n\r\n" + get("/hello"));
  const RawAnswer head = client.receive(false);
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.header("content-length"), "7");
  EXPECT_EQ(client.receive().body, "\"hello\"");
}

struct RawCase {
  const char* why;
  std::string bytes;
  int status;
};

TEST(HttpServer, FramingByTable) {
  const std::string head = "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";
  const std::vector<RawCase> cases = {
      {"chunked", head + "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", 200},
      {"no body", head + "\r\n", 200},
      {"HTTP/1.0", "GET /hello HTTP/1.0\r\nHost: localhost\r\n\r\n", 200},
      {"chunked on HTTP/1.0",
       "POST /echo HTTP/1.0\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: "
       "chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
       400},
      {"length and chunks", head + "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", 400},
      {"two lengths", head + "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", 400},
      {"negative length", head + "Content-Length: -2\r\n\r\n", 400},
      {"space before the colon", "GET /hello HTTP/1.1\r\nHost : localhost\r\n\r\n", 400},
      {"bare line feed", "GET /hello HTTP/1.1\nHost: localhost\n\r\n\r\n", 400},
      {"zero byte in a value", std::string("GET /hello HTTP/1.1\r\nHost: local\0host\r\n\r\n", 41), 400},
      {"space in the address", "GET /hel lo HTTP/1.1\r\nHost: localhost\r\n\r\n", 400},
      {"absolute form", "GET http://localhost/hello HTTP/1.1\r\nHost: localhost\r\n\r\n", 400},
      {"HTTP/2.0", "GET /hello HTTP/2.0\r\nHost: localhost\r\n\r\n", 505},
      {"HTTP/1.2", "GET /hello HTTP/1.2\r\nHost: localhost\r\n\r\n", 505},
      {"TLS to a plain port", std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 15), 400},
      {"unknown coding", head + "Transfer-Encoding: gzip, chunked\r\n\r\n", 501},
      {"bad chunk size", head + "Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n", 400},
      {"unknown expectation", head + "Content-Length: 2\r\nExpect: tea\r\n\r\n", 417},
      {"bad query", get("/hello?a=%zz"), 400},
      {"trace", "TRACE /hello HTTP/1.1\r\nHost: localhost\r\n\r\n", 405},
      {"connect", "CONNECT localhost:80 HTTP/1.1\r\nHost: localhost\r\n\r\n", 400},
  };
  Server server;
  for (const RawCase& test : cases) EXPECT_EQ(RawClient(server.port()).ask(test.bytes).status, test.status) << test.why;
}

// Who typed it, or wrote the client, is told which part of it is wrong.
TEST(HttpServer, WhatIsNoHttpIsToldWhy) {
  const std::string head = "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";
  struct Case {
    std::string bytes, detail;
  };
  Server server;
  for (const Case& test :
       {Case{std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 15), "HTTP without TLS"},
        Case{head + "Content-Length: -2\r\n\r\n", "Content-Length is not one whole number"},
        Case{head + "Transfer-Encoding: chunked\r\n\r\nzz\r\n", "a chunk of the body"},
        Case{"GET /hello HTTP/1.1\nHost: localhost\n\r\n\r\n", "ended by CR LF"},
        Case{"GET /hello HTTP/1.1\r\nHost : localhost\r\n\r\n", "not of the form Name: value"},
        Case{"hello\r\n\r\n", "the first line is not of the form GET /address HTTP/1.1"},
        Case{head + "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", "Content-Length is not one whole number"},
        Case{head + "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n", "stands beside Content-Length"},
        Case{get("/hello?a=%zz"), "query parameter 'a': '%' at position 1"}}) {
    const RawAnswer answer = RawClient(server.port()).ask(test.bytes);
    EXPECT_EQ(answer.status, 400) << test.bytes;
    EXPECT_NE(answer.body.find(test.detail), std::string::npos) << test.bytes << answer.body;
  }
}

// A body's form is no matter where no body is taken.
TEST(HttpServer, TheMethodIsJudgedBeforeTheBody) {
  Server server;
  const RawAnswer answer = RawClient(server.port()).ask("POST /hello HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_EQ(answer.status, 405);
  EXPECT_EQ(answer.header("allow"), "GET, HEAD");
}

TEST(HttpServer, LimitsAtTheEdgeAndOnePast) {
  Server server;
  const auto status = [&](const std::string& bytes) { return RawClient(server.port()).ask(bytes).status; };
  const auto line_of = [](std::size_t bytes) {
    return get("/hello?" + std::string(bytes - sizeof("GET /hello? HTTP/1.1") + 1, 'a'));
  };
  // 200 would need a known parameter; what counts is that the line was read.
  EXPECT_EQ(status(line_of(8192)), 200);
  EXPECT_EQ(status(line_of(8193)), 414);
  EXPECT_EQ(status(line_of(60'000)), 414);
  const auto headers_of = [](std::size_t bytes) {
    return get("/hello", "X: " + std::string(bytes - sizeof("Host: localhost\r\nX: \r\n") + 1, 'a') + "\r\n");
  };
  EXPECT_EQ(status(headers_of(32 << 10)), 200);
  EXPECT_EQ(status(headers_of((32 << 10) + 1)), 431);
  EXPECT_EQ(status(headers_of(100'000)), 431);
  const auto header_count = [](int count) {
    std::string more;
    for (int i = 1; i < count; ++i) more += "X: 1\r\n";
    return get("/hello", more);
  };
  EXPECT_EQ(status(header_count(100)), 200);
  EXPECT_EQ(status(header_count(101)), 431);
  EXPECT_EQ(status(post("/echo", std::string(1 << 20, ' '))), 200);
  EXPECT_EQ(status(post("/echo", std::string((1 << 20) + 1, ' '))), 413);
  EXPECT_EQ(status(post("/small", "1234567890")), 200);
  EXPECT_EQ(status(post("/small", "12345678901")), 413);
  const auto chunked = [](std::size_t bytes) {
    return fmt::format(
        "POST /small HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: "
        "chunked\r\n\r\n{:x}\r\n{}\r\n0\r\n\r\n",
        bytes, std::string(bytes, 'a'));
  };
  EXPECT_EQ(status(chunked(10)), 200);
  EXPECT_EQ(status(chunked(11)), 413);
}

// What stands around the pieces of a chunked body is bounded like a head, however it is cut up.
TEST(HttpServer, ChunkLinesAndTrailersAreBounded) {
  Server server;
  const auto status = [&](const std::string& chunks) {
    return RawClient(server.port())
        .ask(
            "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: "
            "chunked\r\n\r\n" +
            chunks)
        .status;
  };
  const auto extension = [](std::size_t bytes) { return "2;" + std::string(bytes, 'a') + "\r\n{}\r\n0\r\n\r\n"; };
  const auto trailer = [](std::size_t bytes) { return "2\r\n{}\r\n0\r\nX: " + std::string(bytes, 'a') + "\r\n\r\n"; };
  EXPECT_EQ(status(extension(1000)), 200);
  EXPECT_EQ(status(trailer(1000)), 200);
  for (const std::size_t bytes : {100'000, 300'000, 3'000'000}) {
    EXPECT_EQ(status(extension(bytes)), 431) << bytes;
    EXPECT_EQ(status(trailer(bytes)), 431) << bytes;
  }
  EXPECT_EQ(status("2\r\n{}\r\n0\r\nContent-Length: 9\r\n\r\n"), 400);  // read in two ways
  EXPECT_EQ(status([] {
              std::string tiny;
              for (int i = 0; i < 20'000; ++i) tiny += "1;x\r\n \r\n";
              return tiny + "0\r\n\r\n";
            }()),
            200);
}

TEST(HttpServer, WritesAreLimitedAndReadsAreNot) {
  Server server({.writes_per_second = 1});
  RawClient client(server.port());
  for (int i = 0; i < 4; ++i) EXPECT_EQ(client.ask(post("/echo", "{}")).status, 200) << i;
  RawAnswer refused;
  // A slow machine may have been given another one meanwhile.
  for (int i = 0; i < 100 && refused.status != 429; ++i) refused = RawClient(server.port()).ask(post("/echo", "{}"));
  EXPECT_EQ(refused.status, 429);
  EXPECT_EQ(refused.header("retry-after"), "1");
  EXPECT_THAT(refused.body, HasSubstr("\"code\":\"too_many_writes\""));
  for (int i = 0; i < 20; ++i) EXPECT_EQ(client.ask(get("/hello")).status, 200);
  EXPECT_TRUE(soon([&] { return RawClient(server.port()).ask(post("/echo", "{}")).status == 200; }));
}

TEST(HttpServer, ContinuesWhenAsked) {
  Server server;
  RawClient client(server.port());
  client.send(
      "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 2\r\nExpect: "
      "100-continue\r\n\r\n");
  EXPECT_THAT(client.take_until("\r\n\r\n"), StartsWith("HTTP/1.1 100 "));
  client.send("{}");
  EXPECT_EQ(client.receive().body, "{}");
}

TEST(HttpServer, LargeAnswersArriveWhole) {
  Server server;
  EXPECT_EQ(RawClient(server.port()).ask(get("/large")).body, std::string(3 << 20, 'x'));
}

// What the tests below shorten.
TEST(HttpServer, TimesAndCountsAreThoseOfTheManual) {
  const HttpOptions options;
  EXPECT_EQ(options.head_timeout, 10s);
  EXPECT_EQ(options.body_timeout, 30s);
  EXPECT_EQ(options.idle_timeout, 60s);
  EXPECT_EQ(options.streams_max, 10'000u);
  EXPECT_EQ(options.connections_max, 12'000u);
}

TEST(HttpServer, ConnectionsPastTheLimitAreClosedAtOnce) {
  Server server({.connections_max = 2});
  RawClient one(server.port()), two(server.port());
  EXPECT_EQ(one.ask(get("/hello")).status, 200);
  EXPECT_EQ(two.ask(get("/hello")).status, 200);
  EXPECT_TRUE(RawClient(server.port()).closed_within(5s));
  EXPECT_EQ(one.ask(get("/hello")).status, 200);
}

TEST(HttpServer, SlowHeadsAndBodiesAreEnded) {
  Server server({.head_timeout = 100ms, .body_timeout = 100ms, .idle_timeout = 200ms});
  RawClient silent(server.port()), head(server.port()), body(server.port()), idle(server.port());
  head.send("GET /hello HTTP/1.1\r\nHost: loc");
  body.send("POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{");
  EXPECT_EQ(idle.ask(get("/hello")).status, 200);
  EXPECT_EQ(head.receive().status, 408);
  EXPECT_EQ(body.receive().status, 408);
  EXPECT_TRUE(silent.closed_within(5s));
  EXPECT_TRUE(idle.closed_within(5s));
}

// A head that arrives byte by byte is under one deadline from its first byte on; others are served meanwhile.
TEST(HttpServer, SlowLorisIsBounded) {
  Server server({.head_timeout = 300ms});
  std::vector<std::unique_ptr<RawClient>> slow;
  for (int i = 0; i < 200; ++i) slow.push_back(std::make_unique<RawClient>(server.port()));
  const auto begin = std::chrono::steady_clock::now();
  for (const auto& client : slow) client->send("GET /hello HTTP/1.1\r\n");
  EXPECT_EQ(RawClient(server.port()).ask(get("/hello")).status, 200);
  // Keeps dribbling until the server has had enough of all of them.
  std::size_t open = slow.size();
  while (open > 0 && std::chrono::steady_clock::now() - begin < 10s) {
    open = 0;
    for (const auto& client : slow) open += client->send("X");
  }
  EXPECT_EQ(open, 0u);
}

TEST(HttpServer, ClientsThatDoNotReadAreDropped) {
  Server server({.write_timeout = 100ms});
  RawClient client(server.port());
  for (int i = 0; i < 40; ++i) client.send(get("/large"));
  const auto begin = std::chrono::steady_clock::now();
  while (client.send("X") && std::chrono::steady_clock::now() - begin < 10s) std::this_thread::yield();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 10s);
}

TEST(HttpServer, FullQueueAnswers503AtOnce) {
  Server server({.handler_threads = 1, .handler_queue_max = 1});
  RawClient busy(server.port()), queued(server.port()), refused(server.port());
  busy.send(get("/wait"));
  ASSERT_TRUE(soon([&] { return server.waiting == 1; }));
  queued.send(get("/hello"));
  RawAnswer answer;
  ASSERT_TRUE(soon([&] { return (answer = refused.ask(get("/hello"))).status == 503 || answer.status == 0; }));
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.header("retry-after"), "1");
  EXPECT_EQ(RawClient(server.port()).ask(get("/loop")).status, 200);  // does not wait for the pool
  server.gate.open();
  EXPECT_EQ(busy.receive().body, "\"waited\"");
  EXPECT_EQ(queued.receive().body, "\"hello\"");
}

// A stream whose client reads nothing ends with the time for one piece, though it has always something to say.
TEST(HttpServer, StreamsThatNobodyReadsAreEnded) {
  Server server({.write_timeout = 200ms});
  {
    RawClient client(server.port());
    client.send(get("/torrent"));
    client.take_until("text/event-stream");
    EXPECT_TRUE(soon([&] { return server.http().counts().streams == 1; }));
    EXPECT_TRUE(soon([&] { return server.http().counts().streams == 0; }))
        << "it is held for a client that does not read";
  }
}

TEST(HttpServer, StreamsPieceByPiece) {
  Server server;
  const RawAnswer answer = RawClient(server.port()).ask(get("/count"));
  EXPECT_EQ(answer.header("content-type"), "text/event-stream");
  EXPECT_EQ(answer.body, "data: 1\n\ndata: 2\n\ndata: 3\n\ndata: 4\n\ndata: 5\n\n");
  const RawAnswer old = RawClient(server.port()).ask("GET /count HTTP/1.0\r\nHost: localhost\r\n\r\n");
  EXPECT_EQ(old.header("transfer-encoding"), "");
  EXPECT_EQ(old.body, answer.body);
}

TEST(HttpServer, StreamsAreKeptAliveCountedAndLetGo) {
  Server server({.streams_max = 2, .heartbeat = 20ms});
  {
    RawClient one(server.port()), two(server.port()), three(server.port());
    one.send(get("/silent"));
    EXPECT_THAT(one.take_until(": heartbeat"), HasSubstr("text/event-stream"));
    two.send(get("/silent"));
    two.take_until(": heartbeat");
    EXPECT_EQ(three.ask(get("/silent")).status, 429);
  }
  EXPECT_TRUE(soon([&] { return server.silent == 0; }));  // the clients are gone, and so are the streams
  RawClient again(server.port());
  again.send(get("/silent"));
  EXPECT_THAT(again.take_until(": heartbeat"), HasSubstr("200 OK"));
}

TEST(HttpServer, SleepingStreamsAreWoken) {
  Server server;
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 600; ++i) {  // more than one turn wakes
    clients.push_back(std::make_unique<RawClient>(server.port()));
    clients.back()->send(get("/spoken"));
    clients.back()->take_until("\r\n\r\n");
  }
  constexpr int kSaid = 50;
  for (int i = 0; i < kSaid; ++i) {
    ++server.said;
    server.http().wake();
  }
  for (const auto& client : clients) {
    const std::string all = client->take_until(fmt::format("data: {}\n\n", kSaid));
    EXPECT_THAT(all, HasSubstr("data: 1\n\n"));
    std::size_t lines = 0;
    for (auto at = all.find("data: "); at != std::string::npos; at = all.find("data: ", at + 1)) ++lines;
    EXPECT_EQ(lines, static_cast<std::size_t>(kSaid)) << all;
  }
}

TEST(HttpServer, SleepingStreamsAreKeptAlive) {
  Server server({.heartbeat = 20ms});
  RawClient client(server.port());
  client.send(get("/spoken"));
  EXPECT_THAT(client.take_until(": heartbeat"), HasSubstr("text/event-stream"));
  client.take_until(": heartbeat");
  ++server.said;
  server.http().wake();
  EXPECT_THAT(client.take_until("data: 1"), HasSubstr("data: 1"));
}

TEST(HttpServer, StopAnswersWhatIsUnderWay) {
  Server server;
  RawClient busy(server.port()), idle(server.port()), stream(server.port());
  EXPECT_EQ(idle.ask(get("/hello")).status, 200);
  stream.send(get("/silent"));
  stream.take_until("\r\n\r\n");
  busy.send(get("/wait"));
  ASSERT_TRUE(soon([&] { return server.waiting == 1; }));
  auto stopped = std::async(std::launch::async, [&] { server.http().stop(); });
  EXPECT_TRUE(idle.closed_within(5s));
  EXPECT_TRUE(stream.closed_within(5s));
  server.gate.open();
  const RawAnswer answer = busy.receive();
  EXPECT_EQ(answer.body, "\"waited\"");
  EXPECT_EQ(answer.header("connection"), "close");
  stopped.get();
}

TEST(HttpServer, PortInUseNamesTheSetting) {
  Server first;
  async::SystemClock clock;
  async::SystemTokens tokens;
  const Router router;
  HttpServer second({.port = first.port(), .port_setting = "http.apiPort (--port)"}, router, clock, tokens);
  const auto started = second.start();
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code(), Code::Conflict);
  EXPECT_EQ(started.error().message(),
            fmt::format("cannot listen on 127.0.0.1:{0}: another process holds port {0}; choose another with "
                        "http.apiPort (--port)",
                        first.port()));
}

// A free port is looked for that is free on every address.
TEST(HttpServer, PortZeroIsOnePortOnBothAddresses) {
  async::SystemClock clock;
  async::SystemTokens tokens;
  Router router;
  router.add({Method::Get, "/hello", [](Call&) -> Answer { return Response{.body = "\"hello\""}; }});
  for (int i = 0; i < 5; ++i) {
    HttpServer server({.port = 0}, router, clock, tokens);
    ASSERT_TRUE(server.start());
    ASSERT_NE(server.port(), 0);
    const std::vector<std::string> names = server.listening();
    if (names.size() == 1) GTEST_SKIP() << "this machine has no ::1";
    EXPECT_EQ(names, (std::vector<std::string>{fmt::format("127.0.0.1:{}", server.port()),
                                               fmt::format("[::1]:{}", server.port())}));
    EXPECT_EQ(RawClient(server.port()).ask(get("/hello")).status, 200);
    EXPECT_EQ(RawClient(server.port(), RawClient::Family::V6)
                  .ask(fmt::format("GET /hello HTTP/1.1\r\nHost: [::1]:{}\r\n\r\n", server.port()))
                  .status,
              200);
  }
}

TEST(HttpServer, ListensOnLoopbackOnly) {
  async::SystemClock clock;
  async::SystemTokens tokens;
  const Router router;
  for (const char* address : {"0.0.0.0", "::", "192.0.2.1", "10.0.0.1", "fe80::1", "localhost", ""}) {
    HttpServer server({.addresses = {address}, .port = 0}, router, clock, tokens);
    const auto started = server.start();
    ASSERT_FALSE(started) << address;
    EXPECT_EQ(started.error().code(), Code::InvalidArgument);
  }
}

}  // namespace
}  // namespace cronfleet::api
