// The whole of API v1 over real sockets and the SQLite stores: its document, the system, a store that is away.
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <fstream>
#include <set>

#include "api/raw_client.h"
#include "tests/integration/api_fixture.h"

namespace cronfleet {
namespace {

using api::RawAnswer;
namespace json = boost::json;

TEST_F(Api, TheDocumentIsServed) {
  const auto document = json::parse(get("/api/v1/openapi.json").body);
  EXPECT_EQ(document.at("openapi"), "3.1.0");
  EXPECT_TRUE(document.at("paths").as_object().contains("/api/v1/openapi.json"));
}

TEST_F(Api, ExplainsExpressions) {
  const std::string path = "/api/v1/cron:explain";
  const RawAnswer by_post =
      call("POST", path,
           R"({"expression":"0 3 * * 1-5","time_zone":"Asia/Shanghai","from":"2026-01-01T00:00:00Z","count":2})");
  ASSERT_EQ(by_post.status, 200) << by_post.body;
  const auto parsed = json::parse(by_post.body);
  EXPECT_EQ(parsed.at("firings"), (json::array{"2026-01-01T19:00:00.000Z", "2026-01-04T19:00:00.000Z"}));
  EXPECT_EQ(parsed.at("time_zone"), "Asia/Shanghai");
  EXPECT_EQ(get(path + "?expression=0+3+*+*+1-5&time_zone=Asia/Shanghai&from=2026-01-01T00:00:00Z&count=2").body,
            by_post.body);
  EXPECT_NE(json::parse(call("POST", path, R"({"expression":"@daily","language":"zh"})").body).at("sentence"),
            json::parse(call("POST", path, R"({"expression":"@daily"})").body).at("sentence"));

  const RawAnswer bad = call("POST", path, R"({"expression":"0 24 * * *"})");
  EXPECT_EQ(bad.status, 422);
  const auto error = json::parse(bad.body).at("errors").at(0);
  EXPECT_EQ(error.at("pointer"), "/expression");
  EXPECT_EQ(error.at("code"), "out_of_range");
  EXPECT_EQ(error.at("column"), 3);
  EXPECT_EQ(error.at("length"), 2);
  EXPECT_EQ(json::parse(call("POST", path, R"({"expression":"@daily","time_zone":"Mars/X"})").body)
                .at("errors")
                .at(0)
                .at("pointer"),
            "/time_zone");
  EXPECT_EQ(call("POST", path, R"({"expresion":"@daily"})").status, 422);
  EXPECT_EQ(call("POST", path, "{").status, 400);
  EXPECT_EQ(call("POST", path, "").status, 400);
  EXPECT_EQ(call("POST", path, R"({"expression":"@daily","count":1000})").status, 200);
  EXPECT_EQ(call("POST", path, R"({"expression":"@daily","count":1001})").status, 422);
  const auto of_length = [](std::size_t bytes) {
    return fmt::format(R"({{"expression":"@daily{}"}})", std::string(bytes - 6, ' '));
  };
  EXPECT_EQ(call("POST", path, of_length(256)).status, 200);
  EXPECT_EQ(call("POST", path, of_length(257)).status, 422);
}

TEST_F(Api, TheSystem) {
  EXPECT_EQ(get("/healthz").body, R"({"status":"ok"})");
  EXPECT_EQ(get("/readyz").body, R"({"status":"ready","dependencies":{"coordination":"ok","history":"ok"}})");
  const auto system = json::parse(get("/api/v1/system").body);
  EXPECT_EQ(system.at("version"), "0.0.0-test");
  EXPECT_EQ(system.at("node"), "node-1");
  EXPECT_GT(json::parse(get("/api/v1/zones").body).at("items").as_array().size(), 300u);
  core::WorkerEntry worker;
  worker.node = NodeId("node-1");
  worker.capacity = 4;
  server_.put(server_.keys.worker(worker.node), core::encode(worker));
  server_.put(server_.keys.worker(NodeId("10.0.0.7")), "");  // as the reference registers
  EXPECT_EQ(names(get("/api/v1/workers"), "node"), (std::vector<std::string>{"10.0.0.7", "node-1"}));
}

TEST_F(Api, WhileTheStoreIsAwayCopiesAnswerAndWritesAreRefused) {
  ASSERT_EQ(create("nightly", kJob).status, 201);
  server_.put(server_.keys.worker(NodeId("node-1")), core::encode(worker_of("node-1")));
  const auto running = running_of("nightly", minutes_ago(server_, 1));
  server_.put(server_.keys.running(NodeId("node-1"), running.run), core::encode(running));
  // Copies of what workers put come by their watches.
  for (const char* path : {"/api/v1/runs?stale=ok", "/api/v1/workers?stale=ok"}) {
    for (int tries = 0; tries < 5'000 && json::parse(get(path).body).at("items").as_array().empty(); ++tries) {
    }
  }
  const std::string run = "/api/v1/runs/" + running.run.text();
  const std::vector<std::string> reads = {"/api/v1/jobs",
                                          "/api/v1/jobs/nightly",
                                          "/api/v1/jobs/nightly:explain",
                                          "/api/v1/runs",
                                          run,
                                          "/api/v1/jobs:glance?name=nightly",
                                          "/api/v1/firings",
                                          "/api/v1/firings?job=nightly",
                                          "/api/v1/firings:count?edge=2026-01-01T00:00:00Z,2100-01-01T00:00:00Z",
                                          "/api/v1/statistics",
                                          "/api/v1/workers",
                                          "/api/v1/workers/node-1",
                                          "/api/v1/workers/node-1/labels",
                                          "/api/v1/system"};
  const auto with_stale = [](const std::string& path) {
    return path + (path.find('?') == std::string::npos ? "?stale=ok" : "&stale=ok");
  };
  const auto expect_stale = [&](const std::string& stale) {
    for (const std::string& path : reads) {
      for (const std::string& asked : {path, with_stale(path)}) {
        const RawAnswer answer = get(asked);
        EXPECT_EQ(answer.status, 200) << asked << " " << answer.body;
        EXPECT_EQ(answer.header("x-cronfleet-stale"), stale) << asked;
        EXPECT_GT(std::stol("0" + answer.header("x-cronfleet-revision")), 0) << asked;
      }
    }
  };
  expect_stale("");
  server_.take_store_away(true);
  expect_stale("true");
  for (const char* path :
       {"/api/v1/jobs?stale=ok", "/api/v1/runs?stale=ok", "/api/v1/workers?stale=ok", "/api/v1/system?stale=ok"})
    EXPECT_EQ(json::parse(get(path).body).at("stale"), true) << path;
  // What the copies do not show may have come since.
  for (const char* path :
       {"/api/v1/jobs/nope", "/api/v1/jobs/nope:explain", "/api/v1/firings?job=nope", "/api/v1/workers/nope",
        "/api/v1/runs/nope@2026-03-01T02:00:00Z.1", "/api/v1/jobs/nope/versions"}) {
    EXPECT_EQ(get(path).status, 503) << path;
    if (std::string_view(path).find("versions") == std::string_view::npos) {
      EXPECT_EQ(get(with_stale(path)).status, 404) << path;
    }
  }
  EXPECT_EQ(get("/readyz").status, 503);
  for (const char* path : {"/api/v1/jobs", "/api/v1/runs", "/api/v1/workers"}) {
    const RawAnswer answer = get(path);
    ASSERT_EQ(answer.status, 200) << answer.body;
    EXPECT_EQ(answer.header("x-cronfleet-stale"), "true") << path;
    EXPECT_EQ(json::parse(answer.body).at("stale"), true) << path;
    EXPECT_EQ(json::parse(answer.body).at("items").as_array().size(), 1u) << answer.body;
  }
  EXPECT_EQ(get("/api/v1/jobs/nightly").header("x-cronfleet-stale"), "true");
  EXPECT_EQ(names(get("/api/v1/alarms"), "code"), std::vector<std::string>{"store_away"});
  for (const RawAnswer& write :
       {call("PUT", "/api/v1/jobs/nightly", kJob, "If-Match: *\r\n"), call("POST", "/api/v1/jobs/nightly:run"),
        call("POST", "/api/v1/jobs/nightly:pause"), call("POST", "/api/v1/workers/node-1:drain"),
        // What the copies do not know may have come since.
        call("POST", "/api/v1/workers/node-2:drain"), call("POST", "/api/v1/jobs/other:kill"),
        call("POST", "/api/v1/jobs/nightly:kill"), call("POST", "/api/v1/runs/nightly@2026-03-01T02:00:00Z.1:kill"),
        call("POST", "/api/v1/alarms/restored_store:confirm")}) {
    EXPECT_EQ(write.status, 503) << write.body;
    EXPECT_FALSE(write.header("retry-after").empty());
  }
  server_.take_store_away(false);
  for (int tries = 0; tries < 50'000 && !get("/api/v1/jobs").header("x-cronfleet-stale").empty(); ++tries) {
  }
  const RawAnswer healed = get("/api/v1/jobs");
  EXPECT_EQ(healed.header("x-cronfleet-stale"), "");
  EXPECT_FALSE(json::parse(healed.body).as_object().contains("stale"));
  EXPECT_EQ(code(get("/api/v1/jobs?stale=maybe")), "invalid_query");
}

// Routes and docs/api.yaml name the same operations, in both directions.
TEST_F(Api, DocumentNamesEveryRoute) {
  std::set<std::string> routes, documented;
  for (const api::Route& route : server_.router().routes())
    routes.insert(fmt::format("{} {}", api::to_string(route.method), route.pattern));
  std::ifstream document("docs/api.yaml");
  ASSERT_TRUE(document);
  std::string path;
  for (std::string line; std::getline(document, line);) {
    if (line.starts_with("  /")) path = line.substr(2, line.size() - 3);
    for (const char* method : {"get", "put", "post", "delete", "patch"})
      if (line == fmt::format("    {}:", method)) {
        std::string upper = method;
        for (char& c : upper) c = static_cast<char>(c - 'a' + 'A');
        documented.insert(fmt::format("{} {}", upper, path));
      }
  }
  EXPECT_EQ(routes, documented);
}

}  // namespace
}  // namespace cronfleet
