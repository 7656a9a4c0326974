// Jobs of API v1 over real sockets and the SQLite stores: written, paused, refused, saved by many at once.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <boost/json.hpp>
#include <set>
#include <thread>

#include "api/raw_client.h"
#include "api/url.h"
#include "tests/integration/api_fixture.h"

namespace cronfleet {
namespace {

using api::RawAnswer;
using ::testing::HasSubstr;
namespace json = boost::json;

TEST_F(Api, LifeOfAJob) {
  EXPECT_EQ(code(get("/api/v1/jobs/nightly")), "job_not_found");
  const RawAnswer no_precondition = call("PUT", "/api/v1/jobs/nightly", kJob);
  EXPECT_EQ(no_precondition.status, 428);
  EXPECT_EQ(code(no_precondition), "precondition_required");
  EXPECT_EQ(json::parse(no_precondition.body).at("errors").at(0).at("header"), "If-Match");
  EXPECT_EQ(call("PUT", "/api/v1/jobs/nightly", kJob, "If-Match: *\r\n").status, 412);

  const RawAnswer created = create("nightly", kJob);
  ASSERT_EQ(created.status, 201) << created.body;
  EXPECT_EQ(created.header("location"), "/api/v1/jobs/nightly");
  const auto stored = json::parse(created.body);
  EXPECT_EQ(stored.at("job").at("schedule"), "0 2 * * *");
  EXPECT_FALSE(stored.at("job").as_object().contains("stamp"));
  EXPECT_EQ(stored.at("created"), true);
  EXPECT_EQ(stored.at("next_firings").as_array().size(), 5u);
  const std::string tag = created.header("etag");
  EXPECT_EQ(tag, fmt::format("\"{}\"", stored.at("revision").as_int64()));
  EXPECT_THAT(*server_.value(server_.keys.marker(JobName("nightly"))), HasSubstr(" saved"));
  EXPECT_EQ(create("nightly", kJob).status, 412);
  EXPECT_EQ(code(call("POST", "/api/v1/jobs", R"({"name":"nightly","schedule":"@daily","command":"true"})")),
            "job_exists");

  const RawAnswer read = get("/api/v1/jobs/nightly");
  EXPECT_EQ(read.header("etag"), tag);
  EXPECT_EQ(get("/api/v1/jobs/nightly", fmt::format("If-None-Match: {}\r\n", tag)).status, 304);
  EXPECT_EQ(get("/api/v1/jobs/nightly", fmt::format("If-None-Match: W/{}, \"1\"\r\n", tag)).status, 304)
      << "a read compares weakly: caches and proxies may have weakened our tag";
  EXPECT_EQ(get("/api/v1/jobs/nightly", "If-None-Match: \"1\"\r\n").status, 200);
  EXPECT_EQ(call("PUT", "/api/v1/jobs/nightly", kJob, fmt::format("If-Match: W/{}\r\n", tag)).status, 412)
      << "a write compares strongly";

  // What GET gives under "job" can be put as it is: nothing changes then.
  const std::string same = json::serialize(json::parse(read.body).at("job"));
  const RawAnswer unchanged = call("PUT", "/api/v1/jobs/nightly", same, fmt::format("If-Match: {}\r\n", tag));
  ASSERT_EQ(unchanged.status, 200) << unchanged.body;
  EXPECT_EQ(json::parse(unchanged.body).at("changed"), false);
  EXPECT_EQ(unchanged.header("etag"), tag);

  const RawAnswer changed =
      call("PUT", "/api/v1/jobs/nightly", R"({"name":"nightly","cronExpr":"0 3 * * *","command":"true"})",
           fmt::format("If-Match: {}\r\n", tag));
  ASSERT_EQ(changed.status, 200) << changed.body;
  EXPECT_NE(changed.header("etag"), tag);
  EXPECT_THAT(json::parse(changed.body).at("next_firing_before").as_string().c_str(), HasSubstr("T02:00:00.000Z"));
  EXPECT_THAT(json::parse(changed.body).at("next_firings").at(0).as_string().c_str(), HasSubstr("T03:00:00.000Z"));
  EXPECT_EQ(call("PUT", "/api/v1/jobs/nightly", kJob, fmt::format("If-Match: {}\r\n", tag)).status, 412);

  EXPECT_EQ(json::parse(call("DELETE", "/api/v1/jobs/nightly").body).at("detail"),
            "say what you expect to change: If-Match with the ETag you read, or If-Match: * for whatever stands");
  EXPECT_EQ(call("DELETE", "/api/v1/jobs/nightly", "", fmt::format("If-Match: {}\r\n", tag)).status, 412);
  const RawAnswer deleted =
      call("DELETE", "/api/v1/jobs/nightly", "", fmt::format("If-Match: {}\r\n", changed.header("etag")));
  EXPECT_EQ(deleted.status, 200) << deleted.body;
  EXPECT_EQ(get("/api/v1/jobs/nightly").status, 404);
  EXPECT_EQ(call("DELETE", "/api/v1/jobs/nightly", "", "If-Match: *\r\n").status, 404);
  EXPECT_THAT(*server_.value(server_.keys.marker(JobName("nightly"))), HasSubstr(" closed"));
}

TEST_F(Api, NamesOfAnyScript) {
  const std::string path = "/api/v1/jobs/" + api::percent_encode("夜间 备份");
  EXPECT_EQ(call("PUT", path, kJob, "If-None-Match: *\r\n").status, 201);
  const RawAnswer read = get(path);
  EXPECT_EQ(json::parse(read.body).at("name"), "夜间 备份");
  const RawAnswer run = call("POST", path + ":run");
  ASSERT_EQ(run.status, 202) << run.body;
  EXPECT_EQ(get(run.header("location")).status, 200);
}

struct BadJob {
  const char* why;
  const char* path;
  std::string body;
  int status;
  const char* code;
  const char* pointer;
};

TEST_F(Api, BadJobsChangeNothing) {
  const std::string deep = std::string(33, '[') + std::string(33, ']');
  const std::vector<BadJob> cases = {
      {"no JSON", "x", "{", 400, "invalid_json", ""},
      {"empty", "x", "", 400, "invalid_json", ""},
      {"too deep", "x", deep, 400, "invalid_json", ""},
      {"an array", "x", "[]", 422, "invalid_document", ""},
      {"unknown key", "x", R"({"schedule":"@daily","command":"true","comand":"x"})", 422, "invalid_document",
       "/comand"},
      {"duplicate key", "x", R"({"schedule":"@daily","command":"true","command":"x"})", 422, "invalid_body",
       "/command"},
      {"no command", "x", R"({"schedule":"@daily"})", 422, "invalid_document", "/command"},
      {"another name", "x", R"({"name":"y","schedule":"@daily","command":"true"})", 422, "invalid_document", "/name"},
      {"expression", "x", R"({"schedule":"0 24 * * *","command":"true"})", 422, "invalid_document", "/schedule"},
      {"zone", "x", R"({"schedule":"@daily","time_zone":"Mars/Olympus","command":"true"})", 422, "invalid_document",
       "/time_zone"},
      {"never", "x", R"({"schedule":"0 0 30 2 *","command":"true"})", 422, "never_fires", "/schedule"},
      {"spent", "x", R"({"schedule":"@at 2020-01-01T00:00:00Z","command":"true"})", 422, "never_fires", "/schedule"},
      {"over", "x", R"({"schedule":"@daily","ends_at":"2020-01-01T00:00:00Z","command":"true"})", 422, "never_fires",
       "/ends_at"},
      {"empty window", "x",
       R"({"schedule":"0 0 1 1 *","starts_at":"2090-02-01T00:00:00Z","ends_at":"2090-03-01T00:00:00Z","command":"true"})",
       422, "never_fires", "/schedule"},
      {"name with a colon", "a%3Ab", std::string(kJob), 400, "invalid_name", ""},
      {"a step in a path", "%2E", std::string(kJob), 400, "invalid_name", ""},
      {"two of them", "%2e%2e", std::string(kJob), 400, "invalid_name", ""},
      {"name with a slash", "a%2Fb", std::string(kJob), 400, "invalid_name", ""},
      {"name with a line break", "a%0Ab", std::string(kJob), 400, "invalid_name", ""},
      {"long name", "%41", "", 400, "invalid_json", ""},
  };
  for (const BadJob& test : cases) {
    SCOPED_TRACE(test.why);
    const RawAnswer answer = create(test.path, test.body);
    EXPECT_EQ(answer.status, test.status) << answer.body;
    EXPECT_EQ(code(answer), test.code) << answer.body;
    const auto errors = json::parse(answer.body).at("errors");
    const auto* pointer = errors.at(0).as_object().if_contains("pointer");
    EXPECT_EQ(pointer ? pointer->as_string().c_str() : "", std::string(test.pointer)) << answer.body;
  }
  EXPECT_TRUE(names(get("/api/v1/jobs"), "name").empty());
  EXPECT_TRUE(server_.list(server_.keys.prefix()).empty());

  EXPECT_EQ(create("...", kJob).status, 201);
  EXPECT_EQ(create(std::string(128, 'a'), kJob).status, 201);
  EXPECT_EQ(create(std::string(129, 'a'), kJob).status, 400);
  EXPECT_EQ(create("off", R"({"schedule":"0 0 30 2 *","command":"true","enabled":false})").status, 201);
}

TEST_F(Api, MistakesHaveTheirPlace) {
  const RawAnswer answer =
      create("x", "{\n  \"schedule\": \"0 24 * * *\",\n  \"command\": \"true\",\n  \"oner\": \"eva\"\n}");
  const auto unknown = json::parse(answer.body).at("errors").at(0);
  EXPECT_EQ(unknown.at("pointer"), "/oner");
  EXPECT_EQ(unknown.at("line"), 4);
  EXPECT_EQ(unknown.at("column"), 3);
  EXPECT_EQ(unknown.at("suggestion"), "owner");
  const auto hour = json::parse(create("x", R"({"schedule":"0 24 * * *","command":"true"})").body).at("errors").at(0);
  EXPECT_EQ(hour.at("column"), 3);
  EXPECT_THAT(hour.at("detail").as_string().c_str(), HasSubstr("hour 24 is out of range 0-23"));
}

TEST_F(Api, PreconditionsThatCannotBeRead) {
  EXPECT_EQ(call("PUT", "/api/v1/jobs/x", kJob, "If-Match: 5\r\n").status, 400);
  EXPECT_EQ(call("PUT", "/api/v1/jobs/x", kJob, "If-Match: \"5\r\n").status, 400);
  EXPECT_EQ(call("PUT", "/api/v1/jobs/x", kJob, "If-Match: \"5\" \"6\"\r\n").status, 400);
  EXPECT_EQ(call("PUT", "/api/v1/jobs/x", kJob, "If-Match: *\r\nIf-None-Match: *\r\n").status, 400);
  EXPECT_EQ(call("PUT", "/api/v1/jobs/x", kJob, "If-None-Match: \"5\"\r\n").status, 400);
  ASSERT_EQ(create("x", kJob).status, 201);
  const std::string tag = get("/api/v1/jobs/x").header("etag");
  EXPECT_EQ(call("PUT", "/api/v1/jobs/x", kJob, fmt::format("If-Match: W/{}\r\n", tag)).status, 412);
  EXPECT_EQ(call("PUT", "/api/v1/jobs/x", kJob, fmt::format("If-Match: \"1\", {}\r\n", tag)).status, 200);
}

// Firings are claimed all the time; a save must not fail for it (protocol.md rule 3).
TEST_F(Api, SavesWinAgainstMovingMarkers) {
  ASSERT_EQ(create("busy", kJob).status, 201);
  std::atomic<bool> stop = false;
  std::thread claims([&] {
    const std::int64_t begin = to_ms(server_.now()) + 10'000'000;
    for (std::int64_t ms = begin; !stop; ++ms)
      server_.put(server_.keys.marker(JobName("busy")), core::Marker{from_ms(ms), std::string(32, 'a')}.text());
  });
  for (int i = 0; i < 20; ++i) {
    const RawAnswer saved = call("PUT", "/api/v1/jobs/busy",
                                 fmt::format(R"({{"schedule":"{} 2 * * *","command":"true"}})", i), "If-Match: *\r\n");
    EXPECT_TRUE(saved.status == 200 || saved.status == 503) << saved.body;
  }
  stop = true;
  claims.join();
  EXPECT_EQ(call("PUT", "/api/v1/jobs/busy", R"({"schedule":"59 2 * * *","command":"true"})", "If-Match: *\r\n").status,
            200);
}

// Many edit one job, each what it has read: every acknowledged edit is in the end result.
TEST_F(Api, NoAcknowledgedEditIsLost) {
  ASSERT_EQ(create("shared", R"({"schedule":"@daily","command":"true","description":""})").status, 201);
  std::atomic<int> acknowledged = 0;
  std::vector<std::thread> editors;
  for (int editor = 0; editor < 8; ++editor) {
    editors.emplace_back([&] {
      for (int done = 0; done < 5;) {
        const RawAnswer read = get("/api/v1/jobs/shared");
        auto job = json::parse(read.body).at("job").as_object();
        std::string text = job.contains("description") ? job["description"].as_string().c_str() : "";
        job["description"] = text + "x";
        const RawAnswer saved = call("PUT", "/api/v1/jobs/shared", json::serialize(job),
                                     fmt::format("If-Match: {}\r\n", read.header("etag")));
        if (saved.status == 200) {
          ++done;
          ++acknowledged;
        } else {
          EXPECT_EQ(saved.status, 412);
        }
      }
    });
  }
  for (std::thread& editor : editors) editor.join();
  EXPECT_EQ(json::parse(get("/api/v1/jobs/shared").body).at("job").at("description").as_string().c_str(),
            std::string(static_cast<std::size_t>(acknowledged), 'x'));
}

TEST_F(Api, ABodyThatIsMissingIsToldSo) {
  const RawAnswer refused = create("nightly", "");
  EXPECT_EQ(refused.status, 400);
  EXPECT_EQ(json::parse(refused.body).at("detail"), "the body is empty: expected a JSON object");
}

// A run of "nightly" on node-1, which is registered, and a store that was set back: what kills, drains and
// confirmations are about.
core::RunningEntry something_for_every_write(testing::ApiServer& server) {
  auto running = running_of("nightly", minutes_ago(server, 1));
  server.put(server.keys.running(NodeId("node-1"), running.run), core::encode(running));
  server.put(server.keys.worker(NodeId("node-1")), core::encode(worker_of("node-1")));
  server.health.set_back_to = 1;
  return running;
}

// A dry run says what the write would say, and leaves every key as it is.
TEST_F(Api, EveryWriteHasADryRun) {
  ASSERT_EQ(create("nightly", kJob).status, 201);
  const auto running = something_for_every_write(server_);
  ASSERT_EQ(create("ahead", kJob).status, 201);
  const core::Marker ahead{server_.now() + std::chrono::hours(1), std::string(32, '0')};
  server_.put(server_.keys.marker(JobName("ahead")), ahead.text());
  const std::string revision = get("/api/v1/jobs/nightly").header("etag");
  const std::string number = revision.substr(1, revision.size() - 2), any = "If-Match: *\r\n";
  const std::string run = "/api/v1/runs/" + running.run.text();
  struct Write {
    const char* method;
    std::string path, body, headers;
    int status;
  };
  const Write kWrites[] = {
      {"POST", "/api/v1/jobs", R"({"name":"b","schedule":"@daily","command":"true"})", "", 200},
      {"PUT", "/api/v1/jobs/nightly", R"({"schedule":"@daily","command":"false"})", any, 200},
      {"PATCH", "/api/v1/jobs/nightly", R"({"timeout":"1h"})", any, 200},
      {"DELETE", "/api/v1/jobs/nightly", "", any, 200},
      {"POST", "/api/v1/jobs/nightly:run", "{}", "", 200},
      {"POST", "/api/v1/jobs/nightly:run", "{}", "Idempotency-Key: one\r\n", 200},
      {"POST", "/api/v1/jobs/none:run", "{}", "", 404},
      {"POST", "/api/v1/jobs/nightly:pause", "{}", "", 200},
      {"POST", "/api/v1/jobs/nightly:resume", "{}", "", 200},
      {"POST", "/api/v1/jobs/nightly:clone", R"({"name":"c"})", "", 200},
      {"POST", "/api/v1/jobs/nightly:kill", "{}", "", 200},
      {"POST", "/api/v1/jobs/nightly/versions/" + number + ":restore", "", any, 200},
      {"POST", "/api/v1/jobs:batch", R"({"items":[{"action":"run","name":"nightly"}]})", "", 200},
      {"POST", run + ":kill", "{}", "", 200},
      {"POST", "/api/v1/workers/node-1:drain", "{}", "", 200},
      {"POST", "/api/v1/workers/node-1:undrain", "{}", "", 200},
      {"PUT", "/api/v1/workers/node-1/labels", R"({"zone":"us"})", any, 200},
      {"POST", "/api/v1/workers/node-1:forget", "{}", "", 409},
      {"POST", "/api/v1/alarms/restored_store:confirm", "{}", "", 200},
      {"POST", "/api/v1/alarms/marker_ahead:confirm", "{}", "", 200},
  };
  const auto before = server_.list(server_.keys.prefix());
  for (const Write& write : kWrites) {
    const RawAnswer answer = call(write.method, write.path + "?dry_run=1", write.body, write.headers);
    EXPECT_EQ(answer.status, write.status) << write.method << " " << write.path << ": " << answer.body;
    EXPECT_EQ(answer.header("x-cronfleet-dry-run"), write.status < 300 ? "true" : "") << write.path;
    EXPECT_EQ(server_.list(server_.keys.prefix()), before) << write.method << " " << write.path;
  }
  // All writes of the router are in the table.
  std::set<std::string> verbs;
  for (const api::Route& route : server_.router().routes())
    if (!api::is_safe(route.method) && route.writes)
      verbs.insert(fmt::format("{} {}", api::to_string(route.method), route.pattern));
  EXPECT_EQ(verbs.size(), 17u) << "a write without a dry run, or without a row here";
}

// Every refusal says for programs too what it is about, and which word was most likely meant.
TEST_F(Api, RefusalsNameTheirPlace) {
  const RawAnswer created = create("nightly", kJob);
  ASSERT_EQ(created.status, 201);
  ASSERT_EQ(create("asks", R"({"schedule":"@daily","command":"x","parameters":[
      {"name":"TABLE"},{"name":"COUNT","type":"integer"}]})")
                .status,
            201);
  const std::string tag = created.header("etag"), number = tag.substr(1, tag.size() - 2);
  server_.put(server_.keys.worker(NodeId("node-1")), core::encode(worker_of("node-1")));
  const auto over = record_of("a", minutes_ago(server_, 1), domain::RunStatus::Succeeded);
  server_.record({over});
  struct Case {
    const char *method, *path, *body;
    int status;
    const char *code, *member, *place, *suggestion;
  };
  const std::string kill = "/api/v1/runs/" + over.id.text() + ":kill",
                    diff = "/api/v1/jobs/nightly/versions/" + number + ":diff?against=999999";
  const Case cases[] = {
      {"POST", "/api/v1/jobs/nightly:run", R"({"worker":"nod-1"})", 422, "worker_not_found", "pointer", "/worker",
       "node-1"},
      {"POST", "/api/v1/jobs", R"({"name":"nightly","schedule":"@daily","command":"x"})", 409, "job_exists", "pointer",
       "/name", ""},
      {"POST", "/api/v1/jobs/asks:clone", R"({"name":"nightly"})", 409, "job_exists", "pointer", "/name", ""},
      {"GET", "/api/v1/jobs/nightly/versions/0", "", 400, "invalid_revision", "parameter", "revision", ""},
      {"GET", "/api/v1/jobs/nightly/versions/x", "", 400, "invalid_revision", "parameter", "revision", ""},
      {"GET", "/api/v1/jobs/nightly/versions/999999", "", 404, "version_not_found", "parameter", "revision", ""},
      {"GET", "/api/v1/jobs/nightly/versions/999999:diff", "", 404, "version_not_found", "parameter", "revision", ""},
      {"GET", diff.c_str(), "", 404, "version_not_found", "parameter", "against", ""},
      {"POST", "/api/v1/jobs/nightly/versions/999999:restore", "", 404, "version_not_found", "parameter", "revision",
       ""},
      {"POST", "/api/v1/alarms/restored_store:confirm", "", 409, "alarm_not_raised", "parameter", "code", ""},
      {"POST", "/api/v1/alarms/marker_ahead:confirm", "", 409, "alarm_not_raised", "parameter", "code", ""},
      {"POST", kill.c_str(), "", 409, "run_over", "parameter", "id", ""},
      {"GET", "/api/v1/runs/a@2020-01-01T00:00:00Z.1", "", 404, "run_not_found", "parameter", "id", ""},
      {"PATCH", "/api/v1/jobs/other", "{}", 404, "job_not_found", "parameter", "name", ""},
      {"PATCH", "/api/v1/jobs/nightlyy", "{}", 404, "job_not_found", "parameter", "name", "nightly"},
      {"PUT", "/api/v1/jobs/..", "{}", 400, "invalid_name", "parameter", "name", ""},
      {"GET", "/api/v1/jobs/%zz", "", 400, "invalid_address", "parameter", "name", ""},
      {"GET", "/api/v1/jobs?filter=%ff", "", 400, "invalid_query", "parameter", "filter", ""},
      {"GET", "/api/v1/runs?cursor=%ff", "", 400, "invalid_query", "parameter", "cursor", ""},
      {"GET", "/api/v1/jobs?filter=a%00", "", 400, "invalid_query", "parameter", "filter", ""},
      {"GET", "/api/v1/jobs?a=%%", "", 400, "invalid_query", "parameter", "a", ""},
      {"GET", "/api/v1/jobs?%=1", "", 400, "invalid_query", "parameter", "%", ""},
      {"GET", "/api/v1/jobs?&=", "", 400, "invalid_query", "parameter", "=", ""},
      {"GET", "/api/v1/jobs?cursor=1.2.x", "", 400, "invalid_query", "parameter", "cursor", ""},
      {"GET", "/api/v1/runs?cursor=1.2x", "", 400, "invalid_query", "parameter", "cursor", ""},
      {"GET", "/api/v1/runs?cursor=zz", "", 400, "invalid_query", "parameter", "cursor", ""},
      {"POST", "/api/v1/cron:explain", R"({"expression":"@daily","time_zone":"Asia/Shanghi"})", 422,
       "invalid_time_zone", "pointer", "/time_zone", "Asia/Shanghai"},
      {"GET", "/api/v1/cron:explain?expression=@daily&time_zone=Asia/Shanghi", "", 422, "invalid_time_zone",
       "parameter", "time_zone", "Asia/Shanghai"},
      {"POST", "/api/v1/jobs/nightly:kill", R"({"grace":"61m"})", 422, "invalid_body", "pointer", "/grace", ""},
      {"PUT", "/api/v1/workers/node-1/labels", R"({"node":"zz"})", 422, "invalid_body", "pointer", "/node", ""},
  };
  for (const Case& test : cases) {
    const std::string path = test.path;
    const bool conditional = std::string_view(test.method).starts_with("P") && test.method != std::string("POST");
    const RawAnswer answer =
        call(test.method, path, test.body, conditional || path.ends_with(":restore") ? "If-Match: *\r\n" : "");
    EXPECT_EQ(answer.status, test.status) << path << answer.body;
    EXPECT_EQ(code(answer), test.code) << path;
    const auto problem = json::parse(answer.body);
    ASSERT_TRUE(problem.as_object().contains("errors")) << path << answer.body;
    const json::object& mistake = problem.at("errors").at(0).as_object();
    ASSERT_TRUE(mistake.contains(test.member)) << path << answer.body;
    EXPECT_EQ(mistake.at(test.member), test.place) << path;
    EXPECT_TRUE(mistake.contains("code")) << path << answer.body;
    EXPECT_EQ(mistake.contains("suggestion") ? mistake.at("suggestion").as_string().c_str() : "",
              std::string(test.suggestion))
        << path;
  }
  const auto detail = [&](const RawAnswer& answer) {
    return std::string(json::parse(answer.body).at("detail").as_string().c_str());
  };
  EXPECT_THAT(detail(get("/api/v1/jobs/%zz")), HasSubstr("'%' at position 14 "));
  EXPECT_THAT(detail(get("/api/v1/jobs/a%zz/versions")), HasSubstr("'%' at position 15 "));
  EXPECT_THAT(detail(get("/api/v1/runs?from=2026-01-01T00:00:00+01:00")), HasSubstr("write it as %2B"));
  EXPECT_EQ(get("/api/v1/runs?from=2026-01-01T00:00:00%2B01:00").status, 200);
  EXPECT_EQ(call("POST", "/api/v1/jobs/nightly:kill", R"({"grace":"1h"})").status, 202);
  EXPECT_THAT(detail(call("POST", "/api/v1/jobs/nightly:kill", R"({"grace":"1000000h"})")),
              HasSubstr("expected a duration from 0s to 1h, found '1000000h'"));
  EXPECT_THAT(detail(call("POST", "/api/v1/jobs/asks:run", R"({"parameters":{"COUNT":"x","TABEL":"t"}})")),
              HasSubstr("3 mistakes: "));
  const auto twice = json::parse(
      call("POST", "/api/v1/cron:explain", R"({"expression":"0 24 * * *","time_zone":"Asia/Shanghi"})").body);
  EXPECT_EQ(twice.at("errors").as_array().size(), 2u) << twice;
  EXPECT_THAT(twice.at("detail").as_string().c_str(), HasSubstr("2 mistakes: "));
  for (const std::string& expression : {std::string(257, '*')}) {
    EXPECT_EQ(json::parse(get("/api/v1/cron:explain?expression=" + expression).body).at("errors").at(0).at("parameter"),
              "expression");
    EXPECT_EQ(
        json::parse(call("POST", "/api/v1/cron:explain", fmt::format(R"({{"expression":"{}"}})", expression)).body)
            .at("errors")
            .at(0)
            .at("pointer"),
        "/expression");
  }
}

// RFC 3339 ends with the year 9999, and so do the answers.
TEST_F(Api, InstantsOfAnswersAreRfc3339) {
  const auto last = json::parse(get("/api/v1/statistics?from=9999-12-31T00:00:00Z").body);
  EXPECT_EQ(last.at("until"), "9999-12-31T23:59:59.000Z");
  const auto firings = get("/api/v1/firings?from=9999-12-31T00:00:00Z");
  EXPECT_EQ(firings.status, 200) << firings.body;
  ASSERT_EQ(create("nightly", kJob).status, 201);
  const RawAnswer paused = call("POST", "/api/v1/jobs/nightly:pause", R"({"until":"2097-01-01T00:00:00+01:00"})");
  EXPECT_EQ(json::parse(paused.body).at("job").at("paused_until"), "2096-12-31T23:00:00.000Z");
  EXPECT_EQ(json::parse(get("/api/v1/jobs/nightly").body).at("job").at("paused_until"), "2096-12-31T23:00:00.000Z");
}

TEST_F(Api, ReasonsEndAt1024Bytes) {
  ASSERT_EQ(create("nightly", kJob).status, 201);
  const auto running = something_for_every_write(server_);
  for (const std::string& path :
       {std::string("/jobs/nightly:run"), std::string("/jobs/nightly:pause"), std::string("/jobs/nightly:resume"),
        std::string("/jobs/nightly:kill"), "/runs/" + running.run.text() + ":kill", std::string("/jobs:batch"),
        std::string("/workers/node-1:drain"), std::string("/workers/node-1:undrain"),
        std::string("/alarms/restored_store:confirm")}) {
    const auto ask = [&](std::size_t bytes) {
      return call("POST", "/api/v1" + path,
                  fmt::format(R"({{"reason":"{}"{}}})", std::string(bytes, 'x'),
                              path == "/jobs:batch" ? R"(,"items":[])" : ""));
    };
    EXPECT_LT(ask(1024).status, 300) << path << ask(1024).body;
    const RawAnswer past = ask(1025);
    EXPECT_EQ(past.status, 422) << path;
    EXPECT_EQ(json::parse(past.body).at("errors").at(0).at("pointer"), "/reason") << path;
  }
}

// {"dry_run":true} with a DELETE must not delete.
TEST_F(Api, ABodyThatNobodyAskedForIsRefused) {
  const RawAnswer created = create("nightly", kJob);
  ASSERT_EQ(created.status, 201);
  const std::string tag = created.header("etag"), number = tag.substr(1, tag.size() - 2);
  ASSERT_EQ(call("PUT", "/api/v1/jobs/nightly", R"({"schedule":"@daily","command":"x"})", "If-Match: *\r\n").status,
            200);
  const auto before = server_.list(server_.keys.prefix());
  const auto document = json::parse(get("/api/v1/openapi.json").body);
  int refused = 0;
  for (const auto& [pattern, item] : document.at("paths").as_object()) {
    if (pattern == "/" || pattern == "/api/v1/openapi.json") continue;
    for (const auto& [verb, operation] : item.as_object()) {
      if (verb == "parameters" || operation.as_object().contains("requestBody")) continue;
      std::string path(pattern), method(verb);
      for (const auto& [name, value] : {std::pair<std::string, std::string>("{name}", "nightly"),
                                        {"{revision}", number},
                                        {"{id}", "nightly@2026-03-01T02:00:00Z.1"},
                                        {"{node}", "node-1"},
                                        {"{code}", "restored_store"}})
        if (const auto at = path.find(name); at != std::string::npos) path.replace(at, name.size(), value);
      for (char& c : method) c = static_cast<char>(c - 'a' + 'A');
      const RawAnswer answer = call(method, path, R"({"dry_run":true})", method == "GET" ? "" : "If-Match: *\r\n");
      EXPECT_EQ(answer.status, 400) << method << " " << path << ": " << answer.body;
      EXPECT_EQ(code(answer), "unexpected_body");
      ++refused;
    }
  }
  EXPECT_GT(refused, 20);
  EXPECT_EQ(server_.list(server_.keys.prefix()), before);
  EXPECT_THAT(call("DELETE", "/api/v1/jobs/nightly", "{}", "If-Match: *\r\n").body, HasSubstr("?dry_run=true"));
}

// What makes something new has nothing that a precondition could mean.
TEST_F(Api, ACreateAndARunTakeNoPrecondition) {
  ASSERT_EQ(create("nightly", kJob).status, 201);
  const auto before = server_.list(server_.keys.prefix());
  struct Case {
    const char *path, *body, *header;
  };
  const Case cases[] = {{"/api/v1/jobs", R"({"name":"b","schedule":"@daily","command":"x"})", "If-Match"},
                        {"/api/v1/jobs", R"({"name":"b","schedule":"@daily","command":"x"})", "If-None-Match"},
                        {"/api/v1/jobs/nightly:clone", R"({"name":"b"})", "If-Match"},
                        {"/api/v1/jobs/nightly:clone", R"({"name":"b"})", "If-None-Match"},
                        {"/api/v1/jobs/nightly:run", "", "If-Match"},
                        {"/api/v1/jobs/nightly:run", "", "If-None-Match"}};
  for (const Case& test : cases) {
    const RawAnswer answer = call("POST", test.path, test.body, fmt::format("{}: \"7\"\r\n", test.header));
    EXPECT_EQ(answer.status, 400) << test.path << test.header << answer.body;
    EXPECT_EQ(code(answer), "invalid_precondition");
    EXPECT_EQ(json::parse(answer.body).at("errors").at(0).at("header"), test.header);
  }
  EXPECT_EQ(server_.list(server_.keys.prefix()), before);
  EXPECT_EQ(call("POST", cases[0].path, cases[0].body, "If-None-Match: *\r\n").status, 201)
      << "what a create says anyway";
}

TEST_F(Api, AJobIsPausedAndResumedAsASave) {
  ASSERT_EQ(create("nightly", kJob).status, 201);
  const std::string before = get("/api/v1/jobs/nightly").body;
  EXPECT_EQ(call("POST", "/api/v1/jobs/none:pause").status, 404);
  EXPECT_EQ(call("POST", "/api/v1/jobs/nightly:pause", R"({"until":"2001-01-01T00:00:00Z"})").status, 422);
  EXPECT_EQ(call("POST", "/api/v1/jobs/nightly:pause", R"({"untill":"2999-01-01T00:00:00Z"})").status, 422);
  EXPECT_EQ(call("POST", "/api/v1/jobs/nightly:pause", "", "If-Match: \"1\"\r\n").status, 412);
  EXPECT_EQ(get("/api/v1/jobs/nightly").body, before);
  const RawAnswer until = call("POST", "/api/v1/jobs/nightly:pause", R"({"until":"2090-06-01T00:00:00Z"})");
  ASSERT_EQ(until.status, 200) << until.body;
  EXPECT_EQ(json::parse(until.body).at("job").at("paused_until"), "2090-06-01T00:00:00.000Z");
  EXPECT_EQ(json::parse(until.body).at("next_firings").at(0), "2090-06-01T02:00:00.000Z");
  const RawAnswer paused = call("POST", "/api/v1/jobs/nightly:pause", R"({"reason":"the disk is changed"})");
  ASSERT_EQ(paused.status, 200) << paused.body;
  EXPECT_EQ(json::parse(paused.body).at("next_firings").as_array().size(), 0u);
  const RawAnswer resumed = call("POST", "/api/v1/jobs/nightly:resume");
  ASSERT_EQ(resumed.status, 200) << resumed.body;
  EXPECT_FALSE(json::parse(resumed.body).at("job").as_object().contains("paused_until"));
  EXPECT_EQ(json::parse(resumed.body).at("next_firings").as_array().size(), 5u);
  EXPECT_EQ(json::parse(call("POST", "/api/v1/jobs/nightly:resume").body).at("changed"), false);
}

// Rule 16: `since` is set by the fleet's time or not at all.
TEST_F(Api, AServerThatDoesNotKnowTheTimeMovesNoFirings) {
  ASSERT_EQ(create("nightly", kJob).status, 201);
  const std::string before = get("/api/v1/jobs/nightly").body;
  server_.clock_trouble = "clock 3.1 s ahead of 4 workers";
  const auto put = [&](std::string_view document) {
    return call("PUT", "/api/v1/jobs/nightly", document, "If-Match: *\r\n");
  };
  for (const RawAnswer& refused :
       {put(R"({"schedule":"0 3 * * *","command":"true"})"), create("other", kJob),
        call("DELETE", "/api/v1/jobs/nightly", "", "If-Match: *\r\n"), call("POST", "/api/v1/jobs/nightly:pause")}) {
    EXPECT_EQ(refused.status, 503) << refused.body;
    EXPECT_EQ(code(refused), "clock_suspect");
    EXPECT_FALSE(refused.header("retry-after").empty());
  }
  EXPECT_EQ(get("/api/v1/jobs/nightly").body, before);
  EXPECT_EQ(get("/api/v1/jobs/other").status, 404);
  EXPECT_EQ(put(R"({"schedule":"0 2 * * *","command":"false"})").status, 200) << "no firing moves";
  EXPECT_THAT(names(get("/api/v1/alarms"), "code"), ::testing::Contains("clock_suspect"));
  server_.clock_trouble.clear();
  EXPECT_EQ(put(R"({"schedule":"0 3 * * *","command":"true"})").status, 200);
}

}  // namespace
}  // namespace cronfleet
