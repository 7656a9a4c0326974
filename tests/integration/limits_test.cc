// What a request may hold (SEC-33): each limit of the API as it is asked for over the socket, at the limit and one past
// it. The limits of heads, bodies, connections and time are in src/api/http_server_test.cc, those of a job's document
// in src/domain/job_json_test.cc; docs/limits.md lists all of them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/raw_client.h"
#include "tests/integration/api_server.h"

namespace cronfleet {
namespace {

struct Asked {
  std::string method, target, body = {};
};
struct Limit {
  const char* what;
  std::size_t most;
  Asked (*with)(std::size_t count);
  int status, status_past;
};

std::string repeated(std::size_t count, std::string_view text, std::string_view between = "") {
  std::string all;
  for (std::size_t i = 0; i < count; ++i) all.append(i == 0 ? "" : between).append(text);
  return all;
}
Asked put(std::size_t name_length, std::string_view members) {
  return {"PUT", "/api/v1/jobs/" + std::string(name_length, 'j') + "?dry_run=1",
          fmt::format(R"({{"schedule":"@daily","command":"true"{}}})", members)};
}
Asked explain(std::string_view members) { return {"POST", "/api/v1/cron:explain", fmt::format("{{{}}}", members)}; }

const Limit kLimits[] = {
    {"entries of a page of jobs", 500,
     [](std::size_t n) { return Asked{"GET", fmt::format("/api/v1/jobs?limit={}", n)}; }, 200, 400},
    {"entries of a page of runs", 500,
     [](std::size_t n) { return Asked{"GET", fmt::format("/api/v1/runs?limit={}", n)}; }, 200, 400},
    {"entries of a page of firings", 500,
     [](std::size_t n) { return Asked{"GET", fmt::format("/api/v1/firings?limit={}", n)}; }, 200, 400},
    {"parameters of an address", 100,
     [](std::size_t n) { return Asked{"GET", "/api/v1/jobs?" + repeated(n, "label=a", "&")}; }, 200, 400},
    {"bytes of a filter", 1024,
     [](std::size_t n) { return Asked{"GET", "/api/v1/jobs?filter=" + std::string(n, 'a')}; }, 200, 400},
    {"terms of a filter", 32,
     [](std::size_t n) { return Asked{"GET", "/api/v1/jobs?filter=" + repeated(n, "a", "%20")}; }, 200, 400},
    {"names of a glance", 100,
     [](std::size_t n) { return Asked{"GET", "/api/v1/jobs:glance?" + repeated(n, "name=a", "&")}; }, 200, 400},
    {"edges of a count", 367,
     [](std::size_t n) {
       std::string edges;
       for (std::size_t i = 0; i < n; ++i)
         edges += fmt::format("{}2026-01-{:02}T{:02}:00:00Z", i == 0 ? "" : ",", i / 24 + 1, i % 24);
       return Asked{"GET", "/api/v1/firings:count?edge=" + edges};
     },
     200, 400},
    {"items of a batch", 500,
     [](std::size_t n) {
       std::string items;
       for (std::size_t i = 0; i < n; ++i)
         items += fmt::format(R"({}{{"action":"run","name":"j{}"}})", i == 0 ? "" : ",", i);
       return Asked{"POST", "/api/v1/jobs:batch", fmt::format(R"({{"dry_run":true,"items":[{}]}})", items)};
     },
     200, 422},
    {"firings of an explanation", 1000,
     [](std::size_t n) { return explain(fmt::format(R"("expression":"@daily","count":{})", n)); }, 200, 422},
    {"bytes of an expression", 256,
     [](std::size_t n) { return explain(fmt::format(R"("expression":"@daily{}")", std::string(n - 6, ' '))); }, 200,
     422},
    {"bytes of a schedule", 256,
     [](std::size_t n) {
       return Asked{"PUT", "/api/v1/jobs/a?dry_run=1",
                    fmt::format(R"({{"command":"true","schedule":"@daily{}"}})", std::string(n - 6, ' '))};
     },
     200, 422},
    {"characters of a name", 128, [](std::size_t n) { return put(n, ""); }, 200, 400},
    {"bytes of a command", 64 << 10,
     [](std::size_t n) {
       return Asked{"PUT", "/api/v1/jobs/a?dry_run=1",
                    fmt::format(R"({{"schedule":"@daily","command":"{}"}})", std::string(n, 'x'))};
     },
     200, 422},
    {"entries of env", 256,
     [](std::size_t n) {
       std::string entries;
       for (std::size_t i = 0; i < n; ++i) entries += fmt::format(R"({}"N{}":"x")", i == 0 ? "" : ",", i);
       return put(1, fmt::format(R"(,"env":{{{}}})", entries));
     },
     200, 422},
    {"bytes of env", 128 << 10,
     [](std::size_t n) { return put(1, fmt::format(R"(,"env":{{"N":"{}"}})", std::string(n - 1, 'x'))); }, 200, 422},
    {"labels", 64,
     [](std::size_t n) {
       std::string labels;
       for (std::size_t i = 0; i < n; ++i) labels += fmt::format(R"({}"l{}":"x")", i == 0 ? "" : ",", i);
       return put(1, fmt::format(R"(,"labels":{{{}}})", labels));
     },
     200, 422},
    // Well-formed but no job, then not even read.
    {"depth of JSON", 32,
     [](std::size_t n) { return Asked{"PUT", "/api/v1/jobs/a?dry_run=1", std::string(n, '[') + std::string(n, ']')}; },
     422, 400},
    {"bytes of a body", 1 << 20,
     [](std::size_t n) {
       const std::string document = R"({"schedule":"@daily","command":"true"})";
       return Asked{"PUT", "/api/v1/jobs/a?dry_run=1", document + std::string(n - document.size(), ' ')};
     },
     200, 413},
};

TEST(Limits, HoldAndEndWhereTheySay) {
  testing::ApiServer server;
  const auto ask = [&](const Asked& asked) {
    return api::RawClient(server.port())
        .ask(fmt::format("{} {} HTTP/1.1\r\nHost: localhost\r\nIf-None-Match: *\r\nContent-Type: application/json\r\n"
                         "Content-Length: {}\r\n\r\n{}",
                         asked.method, asked.target, asked.body.size(), asked.body));
  };
  for (const Limit& limit : kLimits) {
    const api::RawAnswer held = ask(limit.with(limit.most)), past = ask(limit.with(limit.most + 1));
    EXPECT_EQ(held.status, limit.status) << limit.what << ": " << held.body.substr(0, 300);
    EXPECT_EQ(past.status, limit.status_past) << limit.what << ": " << past.body.substr(0, 300);
    EXPECT_EQ(past.header("content-type"), "application/problem+json") << limit.what;
    EXPECT_LT(past.body.size(), 2000u) << limit.what << ": what was too long does not come back whole";
  }
  EXPECT_TRUE(server.list(server.keys.prefix()).empty()) << "nothing was written";
}

}  // namespace
}  // namespace cronfleet
