// The forged requests of SEC-12 and SEC-31, and the limits of SEC-33 on a head.
#include "api/guard.h"

#include <gtest/gtest.h>

namespace cronfleet::api {
namespace {

struct Forged {
  const char* why;
  const char* method;
  std::vector<Headers::Field> headers;
  int status;  // 0: let through
  int version = 11;
};

Request request_of(const Forged& forged) {
  Request request;
  request.method = parse_method(forged.method);
  request.target = "/api/v1/jobs/x";
  request.version = forged.version;
  for (const auto& [name, value] : forged.headers) request.headers.add(name, value);
  return request;
}

const Headers::Field kHost{"Host", "127.0.0.1:8090"};
const Headers::Field kJson{"Content-Type", "application/json"};
const Headers::Field kBody{"Content-Length", "2"};
const Headers::Field kOwnOrigin{"Origin", "http://127.0.0.1:8090"};

const std::vector<Forged>& forged_requests() {
  static const std::vector<Forged> kForged = {
      // What must work.
      {"curl reads", "GET", {kHost}, 0},
      {"curl saves", "PUT", {kHost, kJson, kBody}, 0},
      {"curl saves with a charset", "PUT", {kHost, {"Content-Type", "Application/JSON; charset=utf-8"}, kBody}, 0},
      {"curl deletes with a precondition", "DELETE", {kHost, {"If-Match", "\"5\""}}, 0},
      {"a client runs", "POST", {kHost, {"Idempotency-Key", "k"}}, 0},
      {"our own client", "POST", {kHost, {"X-Cronfleet-Client", "cli"}}, 0},
      {"our page saves", "PUT", {kHost, kJson, kBody, kOwnOrigin, {"Sec-Fetch-Site", "same-origin"}}, 0},
      {"our page reads", "GET", {kHost, {"Sec-Fetch-Site", "same-origin"}}, 0},
      {"typed into the address bar", "GET", {kHost, {"Sec-Fetch-Site", "none"}, {"Sec-Fetch-Mode", "navigate"}}, 0},
      {"a link from elsewhere", "GET", {kHost, {"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Mode", "navigate"}}, 0},
      {"through a tunnel on another port",
       "PUT",
       {{"Host", "localhost:9000"}, kJson, kBody, {"Origin", "http://localhost:9000"}},
       0},
      {"IPv6", "GET", {{"Host", "[::1]:8090"}}, 0},
      {"without a port", "GET", {{"Host", "localhost"}}, 0},
      {"host in capitals", "GET", {{"Host", "LocalHost:8090"}}, 0},
      {"chunked", "PUT", {kHost, kJson, {"Transfer-Encoding", "chunked"}}, 0},
      {"merge patch", "PATCH", {kHost, {"Content-Type", "application/merge-patch+json"}, kBody}, 0},
      {"HTTP/1.0 with a host", "GET", {kHost}, 0, 10},
      // Rebinding: a foreign name that resolves to 127.0.0.1.
      {"foreign host", "GET", {{"Host", "evil.example"}}, 421},
      {"foreign host with our port", "GET", {{"Host", "evil.example:8090"}}, 421},
      {"foreign host on a change", "PUT", {{"Host", "evil.example:8090"}, kJson, kBody}, 421},
      {"our name as a part of theirs", "GET", {{"Host", "localhost.evil.example"}}, 421},
      {"127.0.0.1 as a part of theirs", "GET", {{"Host", "127.0.0.1.evil.example:8090"}}, 421},
      {"nip.io", "GET", {{"Host", "127.0.0.1.nip.io"}}, 421},
      {"another loopback address", "GET", {{"Host", "127.0.0.2:8090"}}, 421},
      {"short address", "GET", {{"Host", "127.1:8090"}}, 421},
      {"all addresses", "GET", {{"Host", "0.0.0.0:8090"}}, 421},
      {"trailing dot", "GET", {{"Host", "localhost.:8090"}}, 421},
      {"mapped IPv6", "GET", {{"Host", "[::ffff:127.0.0.1]:8090"}}, 421},
      {"HTTP/1.0 without a host", "GET", {}, 421, 10},
      {"no host", "GET", {}, 400},
      {"empty host", "GET", {{"Host", ""}}, 400},
      {"two hosts", "GET", {kHost, {"Host", "evil.example"}}, 400},
      {"the same host twice", "GET", {kHost, kHost}, 400},
      {"user in the host", "GET", {{"Host", "127.0.0.1:8090@evil.example"}}, 400},
      {"path in the host", "GET", {{"Host", "localhost/evil"}}, 400},
      {"port that is none", "GET", {{"Host", "localhost:http"}}, 400},
      {"port too long", "GET", {{"Host", "localhost:808080"}}, 400},
      {"open bracket", "GET", {{"Host", "[::1"}}, 400},
      // Requests that a foreign page makes its browser send.
      {"form post",
       "POST",
       {kHost, {"Content-Type", "application/x-www-form-urlencoded"}, kBody, {"Origin", "http://evil.example"}},
       403},
      {"form post, no Origin", "POST", {kHost, {"Content-Type", "application/x-www-form-urlencoded"}, kBody}, 415},
      {"multipart form", "POST", {kHost, {"Content-Type", "multipart/form-data; boundary=x"}, kBody}, 415},
      {"plain text as JSON", "POST", {kHost, {"Content-Type", "text/plain"}, kBody}, 415},
      {"plain text, foreign Origin",
       "POST",
       {kHost, {"Content-Type", "text/plain"}, kBody, {"Origin", "http://evil.example"}},
       403},
      {"no type", "POST", {kHost, kBody}, 415},
      {"no type, no body", "POST", {kHost}, 415},
      {"type that begins like ours", "POST", {kHost, {"Content-Type", "application/jsonx"}, kBody}, 415},
      {"type hidden in a parameter", "POST", {kHost, {"Content-Type", "text/plain; application/json"}, kBody}, 415},
      {"two types", "POST", {kHost, {"Content-Type", "text/plain"}, kJson, kBody}, 400},
      {"JSON with a foreign Origin", "PUT", {kHost, kJson, kBody, {"Origin", "http://evil.example"}}, 403},
      {"delete with a foreign Origin", "DELETE", {kHost, {"If-Match", "*"}, {"Origin", "http://evil.example"}}, 403},
      {"patch with a foreign Origin", "PATCH", {kHost, kJson, kBody, {"Origin", "http://evil.example"}}, 403},
      {"opaque origin", "PUT", {kHost, kJson, kBody, {"Origin", "null"}}, 403},
      {"origin with our host and another port", "PUT", {kHost, kJson, kBody, {"Origin", "http://127.0.0.1:3000"}}, 403},
      {"origin over TLS", "PUT", {kHost, kJson, kBody, {"Origin", "https://127.0.0.1:8090"}}, 403},
      {"origin by our other name", "PUT", {kHost, kJson, kBody, {"Origin", "http://localhost:8090"}}, 403},
      {"origin with our host as user",
       "PUT",
       {kHost, kJson, kBody, {"Origin", "http://127.0.0.1:8090@evil.example"}},
       403},
      {"two origins", "PUT", {kHost, kJson, kBody, kOwnOrigin, {"Origin", "http://evil.example"}}, 403},
      {"empty origin", "PUT", {kHost, kJson, kBody, {"Origin", ""}}, 403},
      {"cross-site without Origin", "PUT", {kHost, kJson, kBody, {"Sec-Fetch-Site", "cross-site"}}, 403},
      {"same site, other port", "PUT", {kHost, kJson, kBody, {"Sec-Fetch-Site", "same-site"}}, 403},
      {"navigation that changes",
       "POST",
       {kHost, kJson, {"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Mode", "navigate"}},
       403},
      {"unknown site word", "PUT", {kHost, kJson, kBody, {"Sec-Fetch-Site", "Same-Origin"}}, 403},
      {"change from the address bar", "POST", {kHost, kJson, kBody, {"Sec-Fetch-Site", "none"}}, 403},
      {"image from elsewhere", "GET", {kHost, {"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Mode", "no-cors"}}, 403},
      {"fetch from elsewhere", "GET", {kHost, {"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Mode", "cors"}}, 403},
      {"event source from elsewhere", "GET", {kHost, {"Sec-Fetch-Site", "same-site"}, {"Sec-Fetch-Mode", "cors"}}, 403},
      {"question before a change",
       "OPTIONS",
       {kHost, {"Origin", "http://evil.example"}, {"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Mode", "cors"}},
       403},
      {"override header", "POST", {kHost, {"X-HTTP-Method-Override", "DELETE"}}, 415},
      // Framing that two readers could understand differently.
      {"two lengths", "PUT", {kHost, kJson, kBody, {"Content-Length", "3"}}, 400},
      {"length and chunks", "PUT", {kHost, kJson, kBody, {"Transfer-Encoding", "chunked"}}, 400},
      {"chunks on HTTP/1.0", "PUT", {kHost, kJson, {"Transfer-Encoding", "chunked"}}, 400, 10},
      {"two codings", "PUT", {kHost, kJson, {"Transfer-Encoding", "chunked"}, {"Transfer-Encoding", "chunked"}}, 400},
      {"unknown coding", "PUT", {kHost, kJson, {"Transfer-Encoding", "gzip, chunked"}}, 501},
      {"chunked that is not", "PUT", {kHost, kJson, {"Transfer-Encoding", "xchunked"}}, 501},
      {"length with a sign", "PUT", {kHost, kJson, {"Content-Length", "+2"}}, 400},
      {"list of lengths", "PUT", {kHost, kJson, {"Content-Length", "2, 2"}}, 400},
      {"compressed body", "PUT", {kHost, kJson, kBody, {"Content-Encoding", "gzip"}}, 415},
  };
  return kForged;
}

TEST(Guard, ForgedRequests) {
  const Guard guard({});
  int refused = 0;
  for (const Forged& forged : forged_requests()) {
    const auto problem = guard.check(request_of(forged));
    EXPECT_EQ(problem ? problem->status : 0, forged.status) << forged.why;
    refused += forged.status != 0;
  }
  EXPECT_GE(refused, 40);
}

// What is wrong with a header is told by its name, for programs too.
TEST(Guard, NamesTheHeader) {
  const Guard guard({});
  for (const Forged& forged : forged_requests()) {
    const auto problem = guard.check(request_of(forged));
    if (!problem || problem->status == 501) continue;
    ASSERT_EQ(problem->errors.size(), 1u) << forged.why;
    EXPECT_FALSE(problem->errors.front().header.empty()) << forged.why;
    EXPECT_EQ(problem->errors.front().detail, problem->detail) << forged.why;
  }
}

TEST(Guard, FurtherHostsAreTheUsersChoice) {
  const Guard guard({.hosts = {"Cron.Example"}});
  EXPECT_FALSE(guard.check(request_of({"", "GET", {{"Host", "cron.example:443"}}, 0})));
  EXPECT_TRUE(guard.check(request_of({"", "GET", {{"Host", "other.example"}}, 0})));
}

Request with_line_of(std::size_t bytes) {
  Request request = request_of({"", "GET", {kHost}, 0});
  request.target = "/" + std::string(bytes - sizeof("GET / HTTP/1.1") + 1, 'a');
  return request;
}

TEST(Guard, RequestLineLimit) {
  const Guard guard({});
  EXPECT_FALSE(guard.check(with_line_of(8192)));
  ASSERT_TRUE(guard.check(with_line_of(8193)));
  EXPECT_EQ(guard.check(with_line_of(8193))->status, 414);
}

TEST(Guard, HeaderCountLimit) {
  const Guard guard({});
  Request request = request_of({"", "GET", {kHost}, 0});
  for (int i = 1; i < 100; ++i) request.headers.add("X", "1");
  EXPECT_FALSE(guard.check(request));
  request.headers.add("X", "1");
  ASSERT_TRUE(guard.check(request));
  EXPECT_EQ(guard.check(request)->status, 431);
}

TEST(Guard, HeaderBytesLimit) {
  const Guard guard({});
  const std::size_t host_bytes = kHost.name.size() + kHost.value.size() + 4;
  for (const std::size_t total : {HeadLimits::kHeaderBytes, HeadLimits::kHeaderBytes + 1}) {
    Request request = request_of({"", "GET", {kHost}, 0});
    request.headers.add("X", std::string(total - host_bytes - 5, 'a'));
    const auto problem = guard.check(request);
    EXPECT_EQ(problem ? problem->status : 0, total == HeadLimits::kHeaderBytes ? 0 : 431);
  }
}

TEST(RequestId, TakesAUsableOne) {
  const auto id = [](const char* sent) { return request_id_of(request_of({"", "GET", {{"X-Request-Id", sent}}, 0})); };
  EXPECT_EQ(id("ci-7.a_b"), "ci-7.a_b");
  EXPECT_FALSE(id(""));
  EXPECT_FALSE(id("a b"));
  EXPECT_FALSE(id("<x>"));
  EXPECT_TRUE(id(std::string(64, 'a').c_str()));
  EXPECT_FALSE(id(std::string(65, 'a').c_str()));
}

TEST(Negotiate, PrefersWhatTheClientPrefers) {
  const auto pick = [](const char* accept) {
    Request request;
    if (accept) request.headers.add("Accept", accept);
    return negotiate(request, {"text/plain", "application/json"}).value_or("");
  };
  EXPECT_EQ(pick(nullptr), "text/plain");
  EXPECT_EQ(pick("*/*"), "text/plain");
  EXPECT_EQ(pick("application/json"), "application/json");
  EXPECT_EQ(pick("text/html, application/*;q=0.9, */*;q=0.1"), "application/json");
  EXPECT_EQ(pick("text/plain;q=0.2, application/json;q=0.8"), "application/json");
  EXPECT_EQ(pick("application/json;q=0"), "");
  EXPECT_EQ(pick("image/png"), "");
}

}  // namespace
}  // namespace cronfleet::api
