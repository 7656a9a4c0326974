// Workers and alarms of API v1 over real sockets and the SQLite stores.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <map>

#include "api/raw_client.h"
#include "domain/job_json.h"
#include "tests/integration/api_fixture.h"

namespace cronfleet {
namespace {

using api::RawAnswer;
using ::testing::HasSubstr;
namespace json = boost::json;

TEST_F(Api, WhatAnOperatorWantsOfAWorkerOutlivesIt) {
  EXPECT_EQ(code(get("/api/v1/workers/node-1")), "worker_not_found");
  EXPECT_EQ(code(call("POST", "/api/v1/workers/node-1:drain")), "worker_not_found");
  core::WorkerEntry worker = worker_of("node-1");
  server_.put(server_.keys.worker(worker.node), core::encode(worker));
  EXPECT_EQ(json::parse(get("/api/v1/workers/node-1").body).at("state"), "ready");
  EXPECT_FALSE(json::parse(get("/api/v1/workers/node-1").body).as_object().contains("load"));
  worker.load = core::WorkerLoad{8, 37, 3ull << 30, 16ull << 30, 5, 512, -250, 3, 11};
  server_.put(server_.keys.worker(worker.node), core::encode(worker));
  EXPECT_EQ(json::parse(get("/api/v1/workers/node-1").body).at("load"),
            json::parse(R"({"cpus":8,"cpu_percent":37,"memory_bytes":3221225472,"memory_bytes_max":17179869184,
                "spool_bytes":5,"spool_bytes_max":512,"clock_ahead_ms":-250,"store_latency_ms":3,
                "history_latency_ms":11})"));
  const RawAnswer drained =
      call("POST", "/api/v1/workers/node-1:drain", R"({"reason":"new disk"})", "X-Cronfleet-Client: cli:eva\r\n");
  ASSERT_EQ(drained.status, 200) << drained.body;
  EXPECT_EQ(json::parse(drained.body).at("state"), "draining");
  const auto settings = core::decode_node_settings(*server_.value(server_.keys.node_settings(worker.node)));
  ASSERT_TRUE(settings);
  EXPECT_TRUE(settings->drain);
  EXPECT_EQ(settings->by, "cli:eva");
  EXPECT_EQ(settings->reason, "new disk");
  worker.accepting = false;  // as the worker follows
  server_.put(server_.keys.worker(worker.node), core::encode(worker));
  EXPECT_EQ(json::parse(get("/api/v1/workers/node-1").body).at("state"), "drained");
  server_.remove(server_.keys.worker(worker.node));
  const auto gone = json::parse(get("/api/v1/workers/node-1").body);
  EXPECT_EQ(gone.at("state"), "gone");
  EXPECT_EQ(gone.at("settings").at("drain"), true);
  EXPECT_EQ(call("POST", "/api/v1/workers/node-1:undrain").status, 200);
  EXPECT_FALSE(core::decode_node_settings(*server_.value(server_.keys.node_settings(worker.node)))->drain);
  EXPECT_EQ(call("POST", "/api/v1/workers/node-1:undrain", R"({"why":"x"})").status, 422);
}

TEST_F(Api, LabelsAreCompareAndSet) {
  server_.put(server_.keys.worker(NodeId("node-1")), core::encode(worker_of("node-1")));
  const std::string path = "/api/v1/workers/node-1/labels";
  const RawAnswer none = get(path);
  EXPECT_EQ(none.header("etag"), "\"0\"");
  EXPECT_EQ(call("PUT", path, R"({"gpu":"true"})").status, 428);
  const RawAnswer first = call("PUT", path, R"({"gpu":"true"})", "If-Match: \"0\"\r\n");
  ASSERT_EQ(first.status, 200) << first.body;
  EXPECT_EQ(call("PUT", path, "{}", "If-Match: \"0\"\r\n").status, 412);
  EXPECT_EQ(call("PUT", path, R"({"gpu":1})", "If-Match: *\r\n").status, 422);
  EXPECT_EQ(call("PUT", path, R"({"":"x"})", "If-Match: *\r\n").status, 422);
  ASSERT_EQ(call("POST", "/api/v1/workers/node-1:drain").status, 200);
  const auto settings = core::decode_node_settings(*server_.value(server_.keys.node_settings(NodeId("node-1"))));
  EXPECT_EQ(settings->labels, (std::map<std::string, std::string>{{"gpu", "true"}}));  // a drain leaves them
  EXPECT_EQ(call("PUT", path, "{}", fmt::format("If-Match: {}\r\n", get(path).header("etag"))).status, 200);
  EXPECT_TRUE(core::decode_node_settings(*server_.value(server_.keys.node_settings(NodeId("node-1"))))->drain);
}

TEST_F(Api, RunNowOnAChosenWorker) {
  ASSERT_EQ(create("x", kJob).status, 201);
  EXPECT_EQ(code(call("POST", "/api/v1/jobs/x:run", R"({"worker":"node-1"})")), "worker_not_found");
  EXPECT_TRUE(server_.list(server_.keys.triggers()).empty());
  server_.put(server_.keys.worker(NodeId("node-1")), core::encode(worker_of("node-1")));
  EXPECT_EQ(call("POST", "/api/v1/jobs/x:run", R"({"worker":"node-1"})").status, 202);
  const auto trigger = core::decode_trigger(server_.list(server_.keys.triggers()).front().value);
  ASSERT_TRUE(trigger);
  EXPECT_EQ(trigger->worker, "node-1");
}

// Rule 18: nobody follows a run whose worker is out of contact before safe_after, unless somebody vouches for it.
TEST_F(Api, ForgettingAWorkerFreesItsLocksAndOnlyThose) {
  const NodeId dead("dead"), alive("alive");
  const Incarnation incarnation(std::string(32, 'c'));
  const auto lock = [&](const std::string& job, const NodeId& node) {
    core::LockEntry entry;
    entry.run = running_of(job, minutes_ago(server_, 1)).run;
    entry.node = node;
    entry.incarnation = incarnation;
    entry.safe_after = server_.now() + std::chrono::hours(1);
    server_.put(server_.keys.lock(JobName(job)), core::encode(entry));
  };
  for (int i = 0; i < 70; ++i) lock(fmt::format("job-{:02}", i), dead);
  lock("other", alive);
  server_.put(server_.keys.hold(dead, incarnation), "");
  server_.put(server_.keys.worker(dead), core::encode(worker_of("dead")));
  ASSERT_EQ(create("job-00", kJob).status, 201);
  EXPECT_EQ(call("POST", "/api/v1/jobs/job-00:run").status, 202);  // its lock is that of a living worker
  EXPECT_EQ(code(call("POST", "/api/v1/workers/dead:forget")), "worker_lives");
  server_.remove(server_.keys.worker(dead));
  EXPECT_EQ(code(call("POST", "/api/v1/workers/dead:forget")), "worker_lives");  // the hold stands
  server_.remove(server_.keys.hold(dead, incarnation));
  const RawAnswer locked = call("POST", "/api/v1/jobs/job-00:run");
  EXPECT_EQ(locked.status, 409);
  EXPECT_EQ(code(locked), "locked");
  EXPECT_THAT(locked.body, HasSubstr("cronfleet worker forget dead"));
  const RawAnswer forgotten = call("POST", "/api/v1/workers/dead:forget", R"({"reason":"burnt down"})");
  ASSERT_EQ(forgotten.status, 200) << forgotten.body;
  EXPECT_EQ(json::parse(forgotten.body).at("unlocked").as_array().size(), 70u);
  EXPECT_EQ(server_.list(server_.keys.locks()).size(), 1u);
  EXPECT_EQ(call("POST", "/api/v1/jobs/job-00:run").status, 202);
  EXPECT_EQ(call("POST", "/api/v1/workers/nobody:forget").status, 404);
}

TEST_F(Api, AlarmsSayWhatToDo) {
  core::WorkerEntry worker = worker_of("node-1");
  worker.warnings = {"runs are kept together by cgroup v2; no_space: writing", "clock 3.1 s ahead",
                     "spooled: the records of 5 runs are on this machine's disk alone",
                     "spool: spool of records '/x/spool.db': no space left", "odd"};
  worker.refused = {{"x", "zone Mars/X is not known"}};
  server_.put(server_.keys.worker(worker.node), core::encode(worker));
  core::WorkerEntry calm = worker_of("node-2");
  calm.warnings = {"runs are kept together by cgroup v2"};
  calm.zone_version = "2026a";
  server_.put(server_.keys.worker(calm.node), core::encode(calm));
  server_.health.alarms = {"NOSPACE"};
  server_.health.set_back_to = 1;
  const RawAnswer answer = get("/api/v1/alarms");
  ASSERT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(names(answer, "code"),
            (std::vector<std::string>{"store_space", "restored_store", "disk_full", "clock_suspect", "records_spooled",
                                      "spool_trouble", "worker_warning", "job_refused"}));
  const auto alarms = json::parse(answer.body);
  for (const auto& alarm : alarms.at("items").as_array()) EXPECT_FALSE(alarm.at("action").as_string().empty());
  EXPECT_EQ(call("POST", "/api/v1/alarms/disk_full:confirm").status, 404);
  const RawAnswer confirmed = call("POST", "/api/v1/alarms/restored_store:confirm", R"({"reason":"backup of noon"})");
  ASSERT_EQ(confirmed.status, 200) << confirmed.body;
  EXPECT_TRUE(core::decode_restored(*server_.value(server_.keys.restored())));
  EXPECT_EQ(code(call("POST", "/api/v1/alarms/restored_store:confirm")), "alarm_not_raised");
  const auto jobs = json::parse(get("/api/v1/jobs").body);
  EXPECT_EQ(jobs.at("total"), 0);
}

TEST_F(Api, AJobThatNoWorkerMayRunIsAnAlarm) {
  core::WorkerEntry worker = worker_of("node-1");
  worker.labels = {{"zone", "eu"}};
  server_.put(server_.keys.worker(worker.node), core::encode(worker));
  const auto put = [&](const std::string& name, const std::string& more) {
    ASSERT_EQ(create(name, R"({"schedule":"@hourly","command":"true",)" + more + "}").status, 201);
  };
  put("here", R"("where":{"zone":"eu"})");
  put("nowhere", R"("where":{"zone":"us","gpu":{"not":"true"}})");
  put("off", R"("where":{"zone":"us"},"enabled":false)");
  put("paused", R"("where":{"zone":"us"},"paused_until":"9999-01-01T00:00:00Z")");
  const auto jobs = [&](const RawAnswer& answer) {
    const auto body = json::parse(answer.body);
    std::vector<std::string> told;
    for (const auto& alarm : body.at("items").as_array())
      if (alarm.at("code") == "job_without_worker") told.emplace_back(alarm.at("job").as_string());
    return told;
  };
  ASSERT_EQ(get("/api/v1/jobs").status, 200);  // the copy has followed
  const RawAnswer answer = get("/api/v1/alarms");
  EXPECT_EQ(jobs(answer), std::vector<std::string>{"nowhere"}) << answer.body;
  EXPECT_THAT(answer.body, HasSubstr("gpu != true, zone = us"));
  EXPECT_EQ(call("POST", "/api/v1/workers/node-1:drain").status, 200);
  worker.accepting = false;
  server_.put(server_.keys.worker(worker.node), core::encode(worker));
  core::WorkerEntry other = worker_of("node-2");
  other.labels = {};
  server_.put(server_.keys.worker(other.node), core::encode(other));
  EXPECT_EQ(jobs(get("/api/v1/alarms")), (std::vector<std::string>{"here", "nowhere"})) << "one is drained";
  other.labels = {{"zone", "us"}};
  server_.put(server_.keys.worker(other.node), core::encode(other));
  EXPECT_EQ(jobs(get("/api/v1/alarms")), std::vector<std::string>{"here"});
}

// A word that nobody asked for would answer a question that only a later restore raises.
TEST_F(Api, OnlyAnAlarmThatStandsIsConfirmed) {
  const std::string address = "/api/v1/alarms/restored_store:confirm";
  server_.put(server_.keys.worker(NodeId("node-1")), core::encode(worker_of("node-1")));
  for (const char* query : {"", "?dry_run=1"}) {
    const RawAnswer refused = call("POST", address + query);
    EXPECT_EQ(refused.status, 409);
    EXPECT_EQ(code(refused), "alarm_not_raised");
    EXPECT_THAT(refused.body, HasSubstr("GET /api/v1/alarms"));
  }
  EXPECT_FALSE(server_.value(server_.keys.restored()));
  EXPECT_EQ(code(call("POST", "/api/v1/alarms/marker_ahead:confirm")), "alarm_not_raised");

  // A worker alone has noticed; that it was read a moment ago counts, not what the copies of this server say.
  core::WorkerEntry worker = worker_of("node-1");
  worker.warnings = {"restored: the store was set back; it stood at revision 99 until 2026-11-26T12:00:00.000Z"};
  server_.put(server_.keys.worker(worker.node), core::encode(worker));
  const std::string key = "Idempotency-Key: once\r\n";
  const RawAnswer confirmed = call("POST", address, "{}", key);
  ASSERT_EQ(confirmed.status, 200) << confirmed.body;
  server_.put(server_.keys.worker(worker.node), core::encode(worker_of("node-1")));  // it has heard the word
  const RawAnswer again = call("POST", address, "{}", key);
  EXPECT_EQ(again.status, 200);
  EXPECT_EQ(again.body, confirmed.body);
  EXPECT_EQ(call("POST", address).status, 409);

  const RawAnswer slip = call("POST", "/api/v1/alarms/restored_stor:confirm");
  EXPECT_EQ(slip.status, 404);
  EXPECT_EQ(json::parse(slip.body).at("errors").at(0).at("suggestion"), "restored_store");
  EXPECT_EQ(json::parse(get("/api/v1/workers/node-2").body).at("errors").at(0).at("suggestion"), "node-1");
}

TEST_F(Api, MarkersInTheFutureAreBroughtBack) {
  ASSERT_EQ(create("wrong", kJob).status, 201);
  ASSERT_EQ(create("fine", kJob).status, 201);
  const std::string key = server_.keys.marker(JobName("wrong"));
  const auto now = parse_rfc3339(json::parse(get("/api/v1/system").body).at("now").as_string().c_str());
  ASSERT_TRUE(now.has_value());
  const core::Marker ahead{*now + std::chrono::hours(1), "00112233445566778899aabbccddeeff"};
  server_.put(key, ahead.text());
  const std::string confirm = "/api/v1/alarms/marker_ahead:confirm";
  EXPECT_EQ(json::parse(call("POST", confirm + "?dry_run=1").body).at("jobs"), json::parse(R"(["wrong"])"));
  EXPECT_EQ(*server_.value(key), ahead.text()) << "a dry run";
  const std::string other = *server_.value(server_.keys.marker(JobName("fine")));
  EXPECT_EQ(json::parse(call("POST", confirm, R"({"reason":"clock"})").body).at("jobs"), json::parse(R"(["wrong"])"));
  const auto marker = core::parse_marker(*server_.value(key));
  ASSERT_TRUE(marker.has_value());
  EXPECT_LT(marker->instant, *now + std::chrono::minutes(10));
  const auto job = domain::decode_job(*server_.value(server_.keys.job(JobName("wrong"))), JobName("wrong"));
  ASSERT_TRUE(job.has_value());
  EXPECT_TRUE(domain::has_valid_stamp(*job));
  EXPECT_EQ(*job->since, marker->instant);
  EXPECT_EQ(*server_.value(server_.keys.marker(JobName("fine"))), other);
  EXPECT_EQ(code(call("POST", confirm)), "alarm_not_raised");
}

}  // namespace
}  // namespace cronfleet
