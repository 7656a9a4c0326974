// Runs of API v1 over real sockets and the SQLite stores: asked for, read, followed, killed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "api/raw_client.h"
#include "api/url.h"
#include "tests/integration/api_fixture.h"

namespace cronfleet {
namespace {

using api::RawAnswer;
using api::RawClient;
using ::testing::HasSubstr;
using ::testing::StartsWith;
namespace json = boost::json;

TEST_F(Api, RunNow) {
  ASSERT_EQ(create("x", kJob).status, 201);
  EXPECT_EQ(code(call("POST", "/api/v1/jobs/y:run")), "job_not_found");
  EXPECT_EQ(call("POST", "/api/v1/jobs/x:run", R"({"raeson":"x"})").status, 422);
  const RawAnswer first = call("POST", "/api/v1/jobs/x:run", R"({"reason":"test"})",
                               "Idempotency-Key: k1\r\nX-Cronfleet-Client: cli:eva\r\n");
  ASSERT_EQ(first.status, 202) << first.body;
  const std::string id = json::parse(first.body).at("run_id").as_string().c_str();
  const auto run = json::parse(get("/api/v1/runs/" + id).body);
  EXPECT_EQ(run.at("status"), "waiting");
  EXPECT_EQ(run.at("trigger"), "manual");
  EXPECT_EQ(run.at("triggered_by"), "cli:eva");
  EXPECT_EQ(server_.audited(), std::vector<std::string>{"run asked for: " + id + " by cli:eva: test"});
  const RawAnswer again = call("POST", "/api/v1/jobs/x:run", R"({"reason":"test"})", "Idempotency-Key: k1\r\n");
  EXPECT_EQ(json::parse(again.body).at("run_id").as_string().c_str(), id);
  EXPECT_EQ(json::parse(again.body).at("repeated"), true);
  EXPECT_EQ(server_.audited().size(), 1u);
  EXPECT_EQ(code(call("POST", "/api/v1/jobs/x:run", R"({"reason":"else"})", "Idempotency-Key: k1\r\n")),
            "idempotency_mismatch");
  EXPECT_EQ(server_.list(server_.keys.triggers()).size(), 1u);
  // The key stays after a worker has taken the trigger: a late repetition starts nothing.
  server_.remove(server_.list(server_.keys.triggers()).front().key);
  EXPECT_EQ(call("POST", "/api/v1/jobs/x:run", R"({"reason":"test"})", "Idempotency-Key: k1\r\n").status, 202);
  EXPECT_TRUE(server_.list(server_.keys.triggers()).empty());
  EXPECT_EQ(call("POST", "/api/v1/jobs/x:run").status, 202);
  EXPECT_EQ(call("POST", "/api/v1/jobs/x:run").status, 202);
  EXPECT_EQ(server_.list(server_.keys.triggers()).size(), 2u);
}

TEST_F(Api, APostWithAnIdempotencyKeyIsDoneOnce) {
  const std::string document = R"({"name":"once","schedule":"@daily","command":"true"})";
  const RawAnswer created = call("POST", "/api/v1/jobs", document, "Idempotency-Key: k1\r\n");
  ASSERT_EQ(created.status, 201) << created.body;
  const RawAnswer again = call("POST", "/api/v1/jobs", document, "Idempotency-Key: k1\r\n");
  EXPECT_EQ(again.status, 201) << again.body;
  EXPECT_EQ(again.body, created.body);
  for (const char* name : {"etag", "location", "content-type"}) EXPECT_EQ(again.header(name), created.header(name));
  EXPECT_EQ(code(call("POST", "/api/v1/jobs", R"({"name":"twice"})", "Idempotency-Key: k1\r\n")),
            "idempotency_mismatch");
  EXPECT_EQ(code(call("POST", "/api/v1/jobs?dry_run=1", document, "Idempotency-Key: k1\r\n")), "job_exists");

  // The same key at another address is another request; what it was answered holds while the job moves on.
  const RawAnswer paused = call("POST", "/api/v1/jobs/once:pause", R"({"reason":"a"})", "Idempotency-Key: k1\r\n");
  ASSERT_EQ(paused.status, 200) << paused.body;
  ASSERT_EQ(call("POST", "/api/v1/jobs/once:resume", "", "Idempotency-Key: k1\r\n").status, 200);
  EXPECT_EQ(call("POST", "/api/v1/jobs/once:pause", R"({"reason":"a"})", "Idempotency-Key: k1\r\n").body, paused.body);
  EXPECT_FALSE(json::parse(get("/api/v1/jobs/once").body).at("job").as_object().contains("paused_until"));

  // A run in a batch is not started twice.
  const std::string batch = R"({"items":[{"action":"run","name":"once"}]})";
  const RawAnswer ran = call("POST", "/api/v1/jobs:batch", batch, "Idempotency-Key: k2\r\n");
  EXPECT_EQ(call("POST", "/api/v1/jobs:batch", batch, "Idempotency-Key: k2\r\n").body, ran.body);
  EXPECT_EQ(server_.list(server_.keys.triggers()).size(), 1u);

  // What was refused is not kept: it is judged again.
  EXPECT_EQ(call("POST", "/api/v1/jobs/new:pause", "", "Idempotency-Key: k3\r\n").status, 404);
  ASSERT_EQ(create("new", kJob).status, 201);
  EXPECT_EQ(call("POST", "/api/v1/jobs/new:pause", "", "Idempotency-Key: k3\r\n").status, 200);
}

// One lease carries what comes in within an hour: the last of them must be there a day later too.
TEST_F(Api, AnIdempotencyKeyIsKeptForADay) {
  using namespace std::chrono_literals;
  ASSERT_EQ(create("x", kJob).status, 201);
  const std::string pause = "/api/v1/jobs/x:pause", run = "/api/v1/jobs/x:run";
  const auto asked = [&](const std::string& path, int key) {
    return call("POST", path, R"({"reason":"a"})", fmt::format("Idempotency-Key: key-{}\r\n", key));
  };
  ASSERT_EQ(asked(pause, 0).status, 200);  // takes the lease
  server_.advance(59min);
  const RawAnswer first = asked(pause, 1), ran = asked(run, 1);
  ASSERT_EQ(first.status, 200) << first.body;
  ASSERT_EQ(ran.status, 202) << ran.body;
  ASSERT_EQ(call("POST", "/api/v1/jobs/x:resume").status, 200);
  server_.remove(server_.list(server_.keys.triggers()).front().key);  // a worker has taken it
  server_.advance(24h);
  EXPECT_EQ(asked(pause, 1).body, first.body);
  EXPECT_EQ(asked(run, 1).body.find("true") != std::string::npos, true) << "repeated";
  EXPECT_FALSE(json::parse(get("/api/v1/jobs/x").body).at("job").as_object().contains("paused_until"));
  server_.advance(2h);
  const RawAnswer anew = asked(run, 1);
  ASSERT_EQ(anew.status, 202) << anew.body;
  EXPECT_EQ(json::parse(anew.body).at("repeated"), false) << "it is not kept for good";
  EXPECT_NE(json::parse(anew.body).at("run_id"), json::parse(ran.body).at("run_id")) << "the history has that one";
  ASSERT_EQ(asked(pause, 1).status, 200);
  EXPECT_TRUE(json::parse(get("/api/v1/jobs/x").body).at("job").as_object().contains("paused_until"));
}

// Each POST that writes, twice with one key: the second is answered like the first and does nothing.
TEST_F(Api, EveryPostThatWritesTakesAnIdempotencyKey) {
  ASSERT_EQ(create("x", kJob).status, 201);
  const std::string revision = get("/api/v1/jobs/x").header("etag");
  ASSERT_EQ(call("PUT", "/api/v1/jobs/x", R"({"schedule":"@daily","command":"true"})", "If-Match: *\r\n").status, 200);
  const auto running = running_of("x", minutes_ago(server_, 1));
  server_.put(server_.keys.running(NodeId("gone"), running.run), core::encode(running));
  core::WorkerEntry worker = worker_of("node-1");
  worker.warnings = {"restored: the store was set back; it stood at revision 99 until 2026-11-26T12:00:00.000Z"};
  server_.put(server_.keys.worker(worker.node), core::encode(worker));
  struct Case {
    const char* pattern;
    std::string path, body, other;
  };
  const Case kCases[] = {
      {"/api/v1/jobs", "/api/v1/jobs", R"({"name":"new","schedule":"@daily","command":"true"})", R"({"name":"newer"})"},
      {"/api/v1/jobs:batch", "/api/v1/jobs:batch", R"({"items":[{"action":"run","name":"x"}]})", R"({"items":[]})"},
      {"/api/v1/jobs/{name}:run", "/api/v1/jobs/x:run", "{}", R"({"reason":"b"})"},
      {"/api/v1/jobs/{name}:pause", "/api/v1/jobs/x:pause", "{}", R"({"reason":"b"})"},
      {"/api/v1/jobs/{name}:resume", "/api/v1/jobs/x:resume", "{}", R"({"reason":"b"})"},
      {"/api/v1/jobs/{name}:clone", "/api/v1/jobs/x:clone", R"({"name":"y"})", R"({"name":"z"})"},
      {"/api/v1/jobs/{name}:kill", "/api/v1/jobs/x:kill", "{}", R"({"reason":"b"})"},
      {"/api/v1/jobs/{name}/versions/{revision}:restore",
       fmt::format("/api/v1/jobs/x/versions/{}:restore", revision.substr(1, revision.size() - 2)), "", ""},
      {"/api/v1/runs/{id}:kill", "/api/v1/runs/" + running.run.text() + ":kill", "{}", R"({"reason":"b"})"},
      {"/api/v1/workers/{node}:drain", "/api/v1/workers/node-1:drain", "{}", R"({"reason":"b"})"},
      {"/api/v1/workers/{node}:undrain", "/api/v1/workers/node-1:undrain", "{}", R"({"reason":"b"})"},
      {"/api/v1/workers/{node}:forget", "/api/v1/workers/gone:forget", "{}", R"({"reason":"b"})"},
      {"/api/v1/alarms/{code}:confirm", "/api/v1/alarms/restored_store:confirm", "{}", R"({"reason":"b"})"},
  };
  std::set<std::string> posts, tried;
  for (const api::Route& route : server_.router().routes())
    if (route.method == api::Method::Post && route.writes) posts.insert(route.pattern);
  for (const Case& c : kCases) {
    tried.insert(c.pattern);
    const std::string more = "Idempotency-Key: k\r\nIf-Match: *\r\n";
    const std::string_view match = c.path.ends_with(":restore") ? more : std::string_view(more).substr(0, 20);
    const RawAnswer first = call("POST", c.path, c.body, match);
    EXPECT_LT(first.status, 300) << c.path << " " << first.body;
    const auto writes = [&] { return json::parse(get("/api/v1/system").body).at("revision").as_int64(); };
    const std::int64_t before = writes();
    const RawAnswer again = call("POST", c.path, c.body, match);
    EXPECT_EQ(again.status, first.status) << c.path << " " << again.body;
    if (!c.path.ends_with(":run")) {
      EXPECT_EQ(again.body, first.body) << c.path;
    }
    EXPECT_EQ(writes(), before) << c.path << " has written again";
    if (!c.other.empty()) {
      EXPECT_EQ(code(call("POST", c.path, c.other, match)), "idempotency_mismatch") << c.path;
    }
  }
  EXPECT_EQ(posts, tried);
}

TEST_F(Api, LengthsOfAnIdempotencyKey) {
  ASSERT_EQ(create("x", kJob).status, 201);
  for (const char* verb : {"run", "pause"}) {
    const auto keyed = [&](std::size_t length) {
      const std::string key = fmt::format("Idempotency-Key: {}\r\n", std::string(length, 'k'));
      return call("POST", fmt::format("/api/v1/jobs/x:{}", verb), "", key);
    };
    EXPECT_LT(keyed(255).status, 300) << verb;
    EXPECT_EQ(code(keyed(256)), "invalid_idempotency_key") << verb;
  }
}

TEST_F(Api, AnIdempotencyKeyIsOneText) {
  ASSERT_EQ(create("x", kJob).status, 201);
  for (const char* verb : {"run", "pause"}) {
    for (const char* headers : {"Idempotency-Key:\r\n", "Idempotency-Key:  \r\n",
                                "Idempotency-Key: a\r\nIdempotency-Key: b\r\n", "Idempotency-Key: \xff\xfe\r\n"}) {
      const RawAnswer answer = call("POST", fmt::format("/api/v1/jobs/x:{}", verb), "", headers);
      EXPECT_EQ(answer.status, 400) << verb << headers;
      EXPECT_EQ(code(answer), "invalid_idempotency_key") << verb << headers;
      EXPECT_EQ(json::parse(answer.body).at("errors").at(0).at("header"), "Idempotency-Key");
    }
  }
  EXPECT_TRUE(server_.list(server_.keys.triggers()).empty());
}

// An answer is given again to the same request only, and what it expects to stand is part of it.
TEST_F(Api, AKeyBelongsToItsPreconditionToo) {
  const RawAnswer created = create("x", kJob);
  const std::string tag = created.header("etag"), number = tag.substr(1, tag.size() - 2);
  const std::string key = "Idempotency-Key: k\r\n", same = fmt::format("If-Match: {}\r\n", tag) + key;
  const RawAnswer paused = call("POST", "/api/v1/jobs/x:pause", "", same);
  ASSERT_EQ(paused.status, 200) << paused.body;
  EXPECT_EQ(call("POST", "/api/v1/jobs/x:pause", "", same).body, paused.body);
  for (const std::string& other : {key, "If-Match: *\r\n" + key, "If-Match: \"1\"\r\n" + key})
    EXPECT_EQ(code(call("POST", "/api/v1/jobs/x:pause", "", other)), "idempotency_mismatch") << other;
  const std::string restore = "/api/v1/jobs/x/versions/" + number + ":restore";
  ASSERT_EQ(call("POST", restore, "", "If-Match: *\r\n" + key).status, 200);
  EXPECT_EQ(code(call("POST", restore, "", "If-None-Match: *\r\n" + key)), "idempotency_mismatch");
}

TEST_F(Api, AKeyInFlightIsRefusedUntilItsMinuteIsOver) {
  ASSERT_EQ(create("x", kJob).status, 201);
  ASSERT_EQ(call("POST", "/api/v1/jobs/x:pause", "", "Idempotency-Key: k\r\n").status, 200);
  const auto kept = server_.list(server_.keys.idempotency(""));
  ASSERT_EQ(kept.size(), 1u);
  const std::string request = json::parse(kept.front().value).at("request").as_string().c_str();
  const auto in_flight = [&](WallTime until) {
    server_.put(kept.front().key, json::serialize(json::object{
                                      {"request", request}, {"holder", "other"}, {"until", to_rfc3339_ms(until)}}));
  };
  in_flight(server_.now() + std::chrono::hours(1));
  const RawAnswer busy = call("POST", "/api/v1/jobs/x:pause", "", "Idempotency-Key: k\r\n");
  EXPECT_EQ(busy.status, 409);
  EXPECT_EQ(code(busy), "request_in_flight");
  EXPECT_EQ(busy.header("retry-after"), "1");
  in_flight(server_.now() - std::chrono::seconds(1));  // whoever had it is gone
  EXPECT_EQ(call("POST", "/api/v1/jobs/x:pause", "", "Idempotency-Key: k\r\n").status, 200);
}

TEST_F(Api, OfManyThatSendOneKeyAtOnceOneIsDone) {
  ASSERT_EQ(create("x", kJob).status, 201);
  const std::string batch = R"({"items":[{"action":"run","name":"x"}]})";
  std::vector<std::thread> clients;
  std::mutex mutex;
  std::map<int, std::set<std::string>> bodies;
  for (int i = 0; i < 16; ++i) {
    clients.emplace_back([&] {
      const RawAnswer answer = call("POST", "/api/v1/jobs:batch", batch, "Idempotency-Key: one\r\n");
      const std::lock_guard lock(mutex);
      bodies[answer.status].insert(answer.status == 200 ? answer.body : code(answer));
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(bodies[200].size(), 1u);
  bodies.erase(200);
  for (const auto& [status, answers] : bodies) {
    EXPECT_EQ(status, 409);
    EXPECT_EQ(answers, std::set<std::string>{"request_in_flight"});
  }
  EXPECT_EQ(server_.list(server_.keys.triggers()).size(), 1u);
}

TEST_F(Api, RunsFromTheStoreAndTheHistory) {
  std::vector<domain::RunRecord> records;
  for (int i = 0; i < 6; ++i)
    records.push_back(record_of(i % 2 ? "a" : "b", minutes_ago(server_, 10 + i),
                                i == 3 ? domain::RunStatus::Failed : domain::RunStatus::Succeeded));
  const std::string failed = records[3].id.text();
  server_.record(records);
  const auto running = running_of("a", minutes_ago(server_, 1));
  server_.put(server_.keys.running(NodeId("node-1"), running.run), core::encode(running));

  const auto all = names(get("/api/v1/runs"), "id");
  ASSERT_EQ(all.size(), 7u);
  EXPECT_EQ(all.front(), running.run.text());
  EXPECT_EQ(names(get("/api/v1/runs?status=failed,lost"), "id"), (std::vector<std::string>{failed}));
  EXPECT_EQ(names(get("/api/v1/runs?status=running"), "id"), (std::vector<std::string>{running.run.text()}));
  EXPECT_EQ(names(get("/api/v1/runs?job=a"), "id").size(), 4u);
  EXPECT_EQ(names(get("/api/v1/runs?worker=node-2"), "id").size(), 0u);
  EXPECT_EQ(names(get("/api/v1/runs?until=" + to_rfc3339(minutes_ago(server_, 13))), "id").size(), 2u);
  EXPECT_EQ(names(get("/api/v1/runs?order=oldest_first&limit=1&until=" + to_rfc3339(minutes_ago(server_, 5))), "id"),
            (std::vector<std::string>{records[5].id.text()}));

  std::vector<std::string> pages;
  std::string cursor;
  do {
    const RawAnswer page =
        get("/api/v1/runs?limit=2" + (cursor.empty() ? "" : "&cursor=" + api::percent_encode(cursor)));
    for (std::string& id : names(page, "id")) pages.push_back(std::move(id));
    const auto parsed = json::parse(page.body);
    const auto* next = parsed.as_object().if_contains("next_cursor");
    cursor = next ? next->as_string().c_str() : "";
  } while (!cursor.empty());
  EXPECT_EQ(pages, all);

  // What is counted back from now stays where it was on the first page.
  const auto first = json::parse(get("/api/v1/runs?filter=age%3C2h&limit=2").body);
  const std::string after = first.at("next_cursor").as_string().c_str();
  EXPECT_EQ(names(get("/api/v1/runs?filter=age%3C2h&limit=10&cursor=" + api::percent_encode(after)), "id").size(), 4u);
  EXPECT_EQ(get("/api/v1/runs?filter=age%3C3h&cursor=" + api::percent_encode(after)).status, 400);
  EXPECT_EQ(get("/api/v1/runs?filter=age%3C2h&cursor=0.x").status, 400);

  // Each mistake with its place.
  const auto mistake = [&](const std::string& query) {
    const auto answer = json::parse(get("/api/v1/runs?" + query).body);
    return answer.at("errors").at(0).as_object();
  };
  const auto cursorless = mistake("cursor=1.nothing");
  EXPECT_EQ(cursorless.at("parameter"), "cursor");
  const auto turned = mistake("filter=worker:n1%20-job:a");
  EXPECT_EQ(turned.at("column").to_number<int>(), 11);
  EXPECT_EQ(turned.at("length").to_number<int>(), 6);
  EXPECT_EQ(mistake("from=2026-03-02T00:00:00Z&until=2026-03-01T00:00:00Z").at("parameter"), "until");

  const auto one = json::parse(get("/api/v1/runs/" + failed).body);
  EXPECT_EQ(one.at("status"), "failed");
  EXPECT_EQ(one.at("exit_code"), 3);
  EXPECT_EQ(json::parse(get("/api/v1/runs/" + running.run.text()).body).at("status"), "running");
  EXPECT_EQ(code(get("/api/v1/runs/a@2001-01-01T00:00:00Z.1")), "run_not_found");

  // Recorded, and its key not yet removed: one entry.
  auto ended = running_of("b", minutes_ago(server_, 10));
  ended.phase = core::Phase::Ended;
  ended.end = records[0].end;
  server_.put(server_.keys.running(NodeId("node-1"), ended.run), core::encode(ended));
  EXPECT_EQ(names(get("/api/v1/runs"), "id").size(), 7u);
}

TEST_F(Api, KillWritesAnOrder) {
  const auto running = running_of("a", minutes_ago(server_, 1));
  const std::string path = "/api/v1/runs/" + running.run.text();
  EXPECT_EQ(call("POST", path + ":kill").status, 404);
  server_.put(server_.keys.running(NodeId("node-1"), running.run), core::encode(running));
  EXPECT_EQ(call("POST", path + ":kill", R"({"grace":"forever"})").status, 422);
  const RawAnswer killed =
      call("POST", path + ":kill", R"({"reason":"stuck","grace":"2s"})", "X-Cronfleet-Client: cli:eva\r\n");
  EXPECT_EQ(killed.status, 202) << killed.body;
  EXPECT_EQ(server_.audited(), std::vector<std::string>{"run killed: " + running.run.text() + " by cli:eva: stuck"});
  const auto order = core::decode_kill(*server_.value(server_.keys.kill(running.run)));
  ASSERT_TRUE(order);
  EXPECT_EQ(order->actor, "cli:eva");
  EXPECT_EQ(order->reason, "stuck");
  EXPECT_EQ(order->grace, std::chrono::seconds(2));
  const auto over = record_of("b", minutes_ago(server_, 5), domain::RunStatus::Succeeded);
  server_.record({over});
  EXPECT_EQ(code(call("POST", "/api/v1/runs/" + over.id.text() + ":kill")), "run_over");
  ASSERT_EQ(create("x", kJob).status, 201);
  const RawAnswer asked = call("POST", "/api/v1/jobs/x:run");
  EXPECT_EQ(code(call("POST", asked.header("location") + ":kill")), "not_claimed");
}

TEST_F(Api, ATagOfARunNamesOneStateOfIt) {
  auto running = running_of("a", minutes_ago(server_, 1));
  const std::string path = "/api/v1/runs/" + running.run.text();
  server_.put(server_.keys.running(NodeId("node-1"), running.run), core::encode(running));
  const RawAnswer first = get(path);
  ASSERT_EQ(first.status, 200) << first.body;
  const std::string has = fmt::format("If-None-Match: {}\r\n", first.header("etag"));
  const RawAnswer again = get(path, has);
  EXPECT_EQ(again.status, 304);
  EXPECT_EQ(again.body, "");
  EXPECT_EQ(again.header("etag"), first.header("etag"));
  running.phase = core::Phase::Ended;
  running.end = record_of("a", minutes_ago(server_, 1), domain::RunStatus::Succeeded).end;
  server_.put(server_.keys.running(NodeId("node-1"), running.run), core::encode(running));
  const RawAnswer ended = get(path, has);
  EXPECT_EQ(ended.status, 200);
  EXPECT_NE(ended.header("etag"), first.header("etag"));
}

domain::OutputChunk chunk_of(const domain::RunId& run, std::uint64_t sequence, std::uint64_t offset,
                             const std::string& bytes) {
  domain::OutputChunk chunk;
  chunk.run = run;
  chunk.sequence = sequence;
  chunk.offset = offset;
  chunk.bytes = bytes;
  return chunk;
}

TEST_F(Api, OutputInEveryForm) {
  const auto record = record_of("a", minutes_ago(server_, 5), domain::RunStatus::Succeeded);
  const std::string path = "/api/v1/runs/" + record.id.text() + "/output";
  EXPECT_EQ(get(path).status, 404);
  server_.append(chunk_of(record.id, 0, 0, "hello\n"));
  server_.append(chunk_of(record.id, 1, 6, "\xff\xfe"));
  server_.append(chunk_of(record.id, 2, 108, "tail\n"));
  server_.record({record});
  EXPECT_EQ(get(path).body, "hello\n\xff\xfe\n[100 bytes not kept]\ntail\n");
  EXPECT_EQ(get(path).header("content-type"), "text/plain; charset=utf-8");
  EXPECT_EQ(get(path + "?from=3").body, "lo\n\xff\xfe\n[100 bytes not kept]\ntail\n");
  EXPECT_EQ(get(path + "?from=113").body, "");
  const auto parsed = json::parse(get(path, "Accept: application/json\r\n").body);
  EXPECT_EQ(parsed.at("over"), true);
  EXPECT_EQ(parsed.at("next_offset"), 113);
  EXPECT_EQ(parsed.at("chunks").at(0).at("text"), "hello\n");
  EXPECT_EQ(parsed.at("chunks").at(1).at("base64"), "//4=");
  const auto inside = json::parse(get(path + "?from=3", "Accept: application/json\r\n").body);
  EXPECT_EQ(inside.at("from"), 3);
  EXPECT_EQ(inside.at("chunks").at(0).at("offset"), 3) << "not the whole chunk that holds the byte";
  EXPECT_EQ(inside.at("chunks").at(0).at("text"), "lo\n");
  const auto over = json::parse(get(path + "?from=113", "Accept: application/json\r\n").body);
  EXPECT_EQ(over.at("chunks").as_array().size(), 0u);
  const RawAnswer lines = get(path + "?from=3", "Accept: application/x-ndjson\r\n");
  EXPECT_EQ(lines.header("content-type"), "application/x-ndjson");
  std::vector<std::string> each;
  for (std::size_t at = 0, end = 0; (end = lines.body.find('\n', at)) != std::string::npos; at = end + 1)
    each.push_back(lines.body.substr(at, end - at));
  ASSERT_EQ(each.size(), 3u) << lines.body;
  EXPECT_EQ(json::parse(each[0]), inside.at("chunks").at(0)) << "the chunks of the JSON form, one in each line";
  EXPECT_EQ(json::parse(each[1]), inside.at("chunks").at(1));
  EXPECT_EQ(json::parse(each[2]), inside.at("chunks").at(2));
  EXPECT_EQ(get(path + "?follow=1&from=3", "Accept: application/x-ndjson\r\n").body, lines.body) << "it is over";
  EXPECT_EQ(get(path, "Accept: image/png\r\n").status, 406);
  const RawAnswer events = get(path + "?follow=1", "Last-Event-ID: 8\r\n");
  EXPECT_EQ(events.header("content-type"), "text/event-stream");
  EXPECT_THAT(events.body,
              StartsWith("event: gap\ndata: {\"bytes\":100}\n\nevent: output\nid: 113\ndata: {\"offset\":108,"));
  EXPECT_THAT(events.body, HasSubstr("event: end\ndata: {\"id\":"));
}

struct RangeCase {
  const char* range;
  int status;
  const char* content_range;
  std::string body;
};

TEST_F(Api, RangesOfOutputThatIsWhole) {
  auto record = record_of("a", minutes_ago(server_, 1), domain::RunStatus::Succeeded);
  record.end.output_bytes = 10;
  const std::string path = "/api/v1/runs/" + record.id.text() + "/output";
  server_.append(chunk_of(record.id, 0, 0, "01234"));
  server_.append(chunk_of(record.id, 1, 5, "56789"));
  server_.record({record});
  const RawAnswer all = get(path);
  EXPECT_EQ(all.header("accept-ranges"), "bytes");
  const std::string tag = all.header("etag");
  const RangeCase kCases[] = {
      {"bytes=0-0", 206, "bytes 0-0/10", "0"},
      {"bytes=3-6", 206, "bytes 3-6/10", "3456"},
      {"bytes=7-", 206, "bytes 7-9/10", "789"},
      {"bytes=-2", 206, "bytes 8-9/10", "89"},
      {"bytes=-99", 206, "bytes 0-9/10", "0123456789"},
      {"bytes=9-99", 206, "bytes 9-9/10", "9"},
      {"bytes=10-", 416, "bytes */10", ""},
      {"bytes=-0", 416, "bytes */10", ""},
      {"bytes=0-1,3-4", 200, "", "0123456789"},
      {"lines=0-1", 200, "", "0123456789"},
      {"bytes=4-3", 200, "", "0123456789"},
  };
  for (const RangeCase& c : kCases) {
    const RawAnswer part = get(path, fmt::format("Range: {}\r\n", c.range));
    EXPECT_EQ(part.status, c.status) << c.range;
    EXPECT_EQ(part.header("content-range"), c.content_range) << c.range;
    if (c.status == 416) {
      EXPECT_EQ(code(part), "range_not_satisfiable");
    } else {
      EXPECT_EQ(part.body, c.body) << c.range;
    }
  }
  EXPECT_EQ(get(path, fmt::format("Range: bytes=0-1\r\nIf-Range: {}\r\n", tag)).status, 206);
  EXPECT_EQ(get(path, "Range: bytes=0-1\r\nIf-Range: \"other\"\r\n").status, 200);
  EXPECT_EQ(get(path, "Range: bytes=0-1\r\nIf-Range: Sun, 01 Mar 2026 02:00:00 GMT\r\n").status, 200);
  EXPECT_EQ(get(path + "?from=2", "Range: bytes=0-1\r\n").body, "23456789");
  EXPECT_EQ(get(path, "Range: bytes=0-1\r\nAccept: application/json\r\n").status, 200);
}

// Parts put together are what is answered in one piece, also where some bytes were not kept, and while the run goes on.
TEST_F(Api, RangesOfOutputThatIsNot) {
  const auto running = running_of("a", minutes_ago(server_, 1));
  const std::string path = "/api/v1/runs/" + running.run.text() + "/output";
  server_.put(server_.keys.running(NodeId("node-1"), running.run), core::encode(running));
  EXPECT_EQ(get(path, "Range: bytes=0-\r\n").status, 416);
  server_.append(chunk_of(running.run, 0, 0, "hello\n"));
  const RawAnswer some = get(path, "Range: bytes=2-99\r\n");
  EXPECT_EQ(some.status, 206);
  EXPECT_EQ(some.header("content-range"), "bytes 2-5/*");
  EXPECT_EQ(some.header("etag"), "");
  EXPECT_EQ(some.body, "llo\n");
  server_.append(chunk_of(running.run, 1, 106, "tail\n"));
  auto record = record_of("a", minutes_ago(server_, 1), domain::RunStatus::Succeeded);
  record.end.output_bytes = 111;
  record.end.output_bytes_dropped = 100;
  server_.record({record});
  const std::string all = get(path).body;
  EXPECT_EQ(all, "hello\n\n[100 bytes not kept]\ntail\n");
  for (std::size_t size = 1; size <= all.size(); ++size) {
    std::string together;
    while (together.size() < all.size()) {
      const RawAnswer part =
          get(path, fmt::format("Range: bytes={}-{}\r\n", together.size(), together.size() + size - 1));
      ASSERT_EQ(part.status, 206);
      ASSERT_FALSE(part.body.empty());
      together += part.body;
    }
    EXPECT_EQ(together, all);
  }
}

TEST_F(Api, RangesHaveAtMostAMegabyte) {
  auto record = record_of("a", minutes_ago(server_, 1), domain::RunStatus::Succeeded);
  record.end.output_bytes = (1 << 20) + 1;
  const std::string path = "/api/v1/runs/" + record.id.text() + "/output";
  server_.append(chunk_of(record.id, 0, 0, std::string((1 << 20) + 1, 'x')));
  server_.record({record});
  const RawAnswer exact = get(path, "Range: bytes=1-\r\n");
  EXPECT_EQ(exact.body.size(), std::size_t{1} << 20);
  const RawAnswer more = get(path, "Range: bytes=0-\r\n");
  EXPECT_EQ(more.body.size(), std::size_t{1} << 20);
  EXPECT_EQ(more.header("content-range"), "bytes 0-1048575/1048577");
}

TEST_F(Api, FollowsARunToItsEnd) {
  const auto running = running_of("a", minutes_ago(server_, 1));
  const std::string key = server_.keys.running(NodeId("node-1"), running.run);
  server_.put(key, core::encode(running));
  RawClient client(server_.port());
  client.send(
      fmt::format("GET /api/v1/runs/{}/output?follow=1 HTTP/1.1\r\nHost: localhost\r\n\r\n", running.run.text()));
  EXPECT_THAT(client.take_until("\r\n\r\n"), HasSubstr("text/event-stream"));
  server_.append(chunk_of(running.run, 0, 0, "one\n"));
  EXPECT_THAT(client.take_until("\n\n"), HasSubstr("\"text\":\"one\\n\""));
  server_.append(chunk_of(running.run, 1, 4, "two\n"));
  EXPECT_THAT(client.take_until("\n\n"), HasSubstr("id: 8\n"));
  server_.record({record_of("a", minutes_ago(server_, 1), domain::RunStatus::Succeeded)});
  server_.remove(key);
  EXPECT_THAT(client.take_until("\n\n"), HasSubstr("event: end\ndata: {"));
  EXPECT_TRUE(client.closed_within(std::chrono::seconds(5)));
}

// Who waits at a place that the output has not reached would see nothing, and never hear why.
TEST_F(Api, FollowingBeginsWhereTheOutputIs) {
  const auto running = running_of("a", minutes_ago(server_, 1));
  server_.put(server_.keys.running(NodeId("node-1"), running.run), core::encode(running));
  server_.append(chunk_of(running.run, 0, 0, "one\n"));
  const std::string path = "/api/v1/runs/" + running.run.text() + "/output?follow=1";
  for (const char* id : {"abc", "-1", "1.5"}) {
    const RawAnswer refused = get(path, fmt::format("Last-Event-ID: {}\r\n", id));
    EXPECT_EQ(refused.status, 400) << id;
    EXPECT_EQ(code(refused), "invalid_event_id");
  }
  const RawAnswer past = get(path, "Last-Event-ID: 100000\r\n");
  EXPECT_EQ(past.status, 416);
  EXPECT_EQ(json::parse(past.body).at("errors").at(0).at("header"), "Last-Event-ID");
  EXPECT_EQ(get(path + "&from=5").status, 416);
  RawClient client(server_.port());
  client.send(fmt::format("GET {} HTTP/1.1\r\nHost: localhost\r\nLast-Event-ID: 4\r\n\r\n", path));
  EXPECT_THAT(client.take_until("\r\n\r\n"), HasSubstr("text/event-stream"));
  server_.append(chunk_of(running.run, 1, 4, "two\n"));
  EXPECT_THAT(client.take_until("\n\n"), HasSubstr("id: 8\n"));
}

TEST_F(Api, RunsTakeTheParametersThatTheirJobDeclares) {
  ASSERT_EQ(create("load", R"({"schedule":"@daily","command":"true","parameters":[
      {"name":"TABLE","choices":["orders","users"],"default":"orders"},{"name":"ROWS","type":"integer"}]})")
                .status,
            201);
  const std::string path = "/api/v1/jobs/load:run";
  const auto triggers = [&] { return server_.list(server_.keys.triggers()); };
  const std::pair<const char*, const char*> kRefused[] = {
      {"{}", "/parameters/ROWS"},
      {R"({"parameters":{"ROWS":"many"}})", "/parameters/ROWS"},
      {R"({"parameters":{"ROWS":5,"TABLE":"logs"}})", "/parameters/TABLE"},
      {R"({"parameters":{"ROWS":5,"TABEL":"users"}})", "/parameters/TABEL"},
      {R"({"parameters":{"ROWS":1.5}})", "/parameters/ROWS"},
      {R"({"parameters":["ROWS"]})", "/parameters"},
  };
  for (const auto& [body, pointer] : kRefused) {
    const RawAnswer refused = call("POST", path, body);
    EXPECT_EQ(refused.status, 422) << body;
    EXPECT_EQ(json::parse(refused.body).at("errors").at(0).at("pointer"), pointer) << refused.body;
  }
  EXPECT_THAT(call("POST", path, R"({"parameters":{"ROWS":5,"TABEL":"users"}})").body,
              HasSubstr(R"("suggestion":"TABLE")"));
  EXPECT_TRUE(triggers().empty());
  EXPECT_EQ(call("POST", path, R"({"parameters":{"ROWS":5}})").status, 202);
  ASSERT_EQ(triggers().size(), 1u);
  const auto trigger = core::decode_trigger(triggers().front().value);
  ASSERT_TRUE(trigger.has_value());
  EXPECT_EQ(trigger->parameters, (std::map<std::string, std::string>{{"ROWS", "5"}, {"TABLE", "orders"}}));
  // One that declares none takes none.
  ASSERT_EQ(create("plain", kJob).status, 201);
  EXPECT_EQ(code(call("POST", "/api/v1/jobs/plain:run", R"({"parameters":{"A":"b"}})")), "invalid_parameters");
  EXPECT_EQ(call("POST", "/api/v1/jobs/none:run", R"({"parameters":{"A":"b"}})").status, 404);
}

}  // namespace
}  // namespace cronfleet
