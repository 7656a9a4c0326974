// Every route of API v1 over real sockets and the SQLite stores.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <boost/json.hpp>
#include <fstream>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "api/raw_client.h"
#include "api/url.h"
#include "domain/job_json.h"
#include "tests/integration/api_server.h"

namespace cronfleet {
namespace {

using api::RawAnswer;
using api::RawClient;
using testing::ApiServer;
using ::testing::HasSubstr;
using ::testing::StartsWith;
namespace json = boost::json;

class Api : public ::testing::Test {
 protected:
  // `more`: header lines, each with its line end.
  RawAnswer call(std::string_view method, std::string_view path, std::string_view body = "",
                 std::string_view more = "") {
    const std::string type = method == "GET" ? "" : "Content-Type: application/json\r\n";
    return RawClient(server_.port())
        .ask(fmt::format("{} {} HTTP/1.1\r\nHost: localhost\r\n{}{}Content-Length: {}\r\n\r\n{}", method, path, type,
                         more, body.size(), body));
  }
  RawAnswer get(std::string_view path, std::string_view more = "") { return call("GET", path, "", more); }
  RawAnswer create(std::string_view name, std::string_view document) {
    return call("PUT", fmt::format("/api/v1/jobs/{}", name), document, "If-None-Match: *\r\n");
  }
  std::vector<std::string> names(const RawAnswer& answer, std::string_view member) {
    std::vector<std::string> out;
    const auto parsed = json::parse(answer.body);
    for (const auto& item : parsed.at("items").as_array())
      out.emplace_back(item.at({member.data(), member.size()}).as_string().c_str());
    return out;
  }
  static std::string code(const RawAnswer& answer) {
    EXPECT_EQ(answer.header("content-type"), "application/problem+json") << answer.body;
    return json::parse(answer.body).at("code").as_string().c_str();
  }

  ApiServer server_;
};

constexpr std::string_view kJob = R"({"schedule":"0 2 * * *","command":"true"})";

TEST_F(Api, LifeOfAJob) {
  EXPECT_EQ(code(get("/api/v1/jobs/nightly")), "job_not_found");
  const RawAnswer no_precondition = call("PUT", "/api/v1/jobs/nightly", kJob);
  EXPECT_EQ(no_precondition.status, 428);
  EXPECT_EQ(code(no_precondition), "precondition_required");
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
  EXPECT_EQ(get("/api/v1/jobs/nightly", fmt::format("If-None-Match: W/{}, \"1\"\r\n", tag)).status, 200);

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

  EXPECT_EQ(call("DELETE", "/api/v1/jobs/nightly").status, 428);
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

TEST_F(Api, ListsWithFiltersAndPages) {
  for (int i = 0; i < 5; ++i)
    ASSERT_EQ(create(fmt::format("job-{}", i),
                     fmt::format(R"({{"schedule":"@daily","command":"step {}","labels":{{"team":"{}"}}}})", i,
                                 i % 2 ? "db" : "web"))
                  .status,
              201);
  server_.put(server_.keys.job(JobName("by hand")), "{broken");
  EXPECT_EQ(names(get("/api/v1/jobs?label=team%3Ddb"), "name"), (std::vector<std::string>{"job-1", "job-3"}));
  EXPECT_EQ(names(get("/api/v1/jobs?text=STEP%204"), "name"), (std::vector<std::string>{"job-4"}));
  EXPECT_EQ(names(get("/api/v1/jobs?label=team&limit=2"), "name"), (std::vector<std::string>{"job-0", "job-1"}));
  std::vector<std::string> all;
  std::string cursor;
  do {
    const RawAnswer page = get("/api/v1/jobs?limit=2&cursor=" + api::percent_encode(cursor));
    for (std::string& name : names(page, "name")) all.push_back(std::move(name));
    const auto parsed = json::parse(page.body);
    EXPECT_EQ(parsed.at("total"), 6);
    const auto* next = parsed.as_object().if_contains("next_cursor");
    cursor = next ? next->as_string().c_str() : "";
  } while (!cursor.empty());
  EXPECT_EQ(all, (std::vector<std::string>{"by hand", "job-0", "job-1", "job-2", "job-3", "job-4"}));
  const auto broken = json::parse(get("/api/v1/jobs/by%20hand").body);
  EXPECT_EQ(broken.at("valid"), false);
  EXPECT_EQ(broken.at("document"), "{broken");
}

TEST_F(Api, BadQueriesByTable) {
  for (const char* path : {"/api/v1/jobs?limit=0",
                           "/api/v1/jobs?limit=501",
                           "/api/v1/jobs?limit=x",
                           "/api/v1/jobs?cursor=zz",
                           "/api/v1/jobs?lable=x",
                           "/api/v1/jobs?enabled=maybe",
                           "/api/v1/jobs?text=a&text=b",
                           "/api/v1/jobs/x?y=1",
                           "/api/v1/runs?limit=0",
                           "/api/v1/runs?limit=501",
                           "/api/v1/runs?cursor=zz",
                           "/api/v1/runs?status=fine",
                           "/api/v1/runs?from=today",
                           "/api/v1/runs?until=1",
                           "/api/v1/runs?order=up",
                           "/api/v1/runs?job=a%2Fb",
                           "/api/v1/runs/x",
                           "/api/v1/runs/x@y",
                           "/api/v1/runs/x@2026-01-01T00:00:00Z.0",
                           "/api/v1/runs/x@2026-01-01T00:00:00Z.1/output?from=-1",
                           "/api/v1/cron:explain",
                           "/api/v1/cron:explain?expression=@daily&count=0",
                           "/api/v1/cron:explain?expression=@daily&count=1001",
                           "/api/v1/cron:explain?expression=@daily&from=now",
                           "/api/v1/cron:explain?expression=@daily&language=de"}) {
    const RawAnswer answer = get(path);
    EXPECT_EQ(answer.status, 400) << path << " " << answer.body;
    code(answer);
  }
  EXPECT_EQ(get("/api/v1/jobs?limit=1").status, 200);
  EXPECT_EQ(get("/api/v1/jobs?limit=500").status, 200);
  EXPECT_EQ(get("/api/v1/runs?limit=500").status, 200);
}

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
  const RawAnswer again = call("POST", "/api/v1/jobs/x:run", R"({"reason":"test"})", "Idempotency-Key: k1\r\n");
  EXPECT_EQ(json::parse(again.body).at("run_id").as_string().c_str(), id);
  EXPECT_EQ(json::parse(again.body).at("repeated"), true);
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

domain::RunRecord record_of(const std::string& job, WallTime at, domain::RunStatus status) {
  domain::RunRecord record;
  record.id = {.firing = {.job = JobName(job), .which = at}, .attempt = 1};
  record.command = "true";
  record.end.status = status;
  record.end.exit_code = status == domain::RunStatus::Failed ? 3 : 0;
  record.end.started_at = at;
  record.end.ended_at = at + std::chrono::seconds(1);
  record.worker = NodeId("node-1");
  record.scheduled_at = at;
  record.claimed_at = at;
  return record;
}

core::RunningEntry running_of(const std::string& job, WallTime at) {
  core::RunningEntry entry;
  entry.run = {.firing = {.job = JobName(job), .which = at}, .attempt = 1};
  entry.incarnation = Incarnation(std::string(32, '0'));
  entry.token = Token(std::string(32, '1'));
  entry.scheduled_at = at;
  entry.claimed_at = at;
  return entry;
}

WallTime minutes_ago(const ApiServer& server, int minutes) {
  const auto now = std::chrono::floor<std::chrono::minutes>(server.now().time_since_epoch());
  return WallTime(now) - std::chrono::minutes(minutes);
}

TEST_F(Api, JobsAreFoundByHowTheirLastRunEnded) {
  using domain::RunStatus;
  for (const char* name : {"broken", "crashed", "fine", "mended", "new", "waived"})
    ASSERT_EQ(create(name, kJob).status, 201);
  server_.record({record_of("broken", minutes_ago(server_, 3), RunStatus::Succeeded),
                  record_of("broken", minutes_ago(server_, 2), RunStatus::Failed),
                  record_of("crashed", minutes_ago(server_, 2), RunStatus::Signalled),
                  record_of("fine", minutes_ago(server_, 2), RunStatus::Succeeded),
                  record_of("mended", minutes_ago(server_, 2), RunStatus::Failed),
                  record_of("mended", minutes_ago(server_, 1), RunStatus::Succeeded),
                  record_of("waived", minutes_ago(server_, 2), RunStatus::Failed),
                  record_of("waived", minutes_ago(server_, 1), RunStatus::Skipped)});
  const auto found = [&](std::string_view filter) {
    return names(get("/api/v1/jobs?filter=" + api::percent_encode(filter)), "name");
  };
  using Names = std::vector<std::string>;
  EXPECT_EQ(found("last:failed"), (Names{"broken", "waived"})) << "what was skipped is no run";
  EXPECT_EQ(found("last:failed,signalled"), (Names{"broken", "crashed", "waived"}));
  EXPECT_EQ(found("-last:failed"), (Names{"crashed", "fine", "mended", "new"}));
  EXPECT_EQ(found("last:failed name~bro"), (Names{"broken"}));
  EXPECT_EQ(get("/api/v1/jobs?filter=last:fine").status, 400);
  server_.record({record_of("broken", minutes_ago(server_, 1), RunStatus::Succeeded)});
  EXPECT_EQ(found("last:failed"), (Names{"waived"}));
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
    const RawAnswer page = get("/api/v1/runs?limit=2&cursor=" + api::percent_encode(cursor));
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

TEST_F(Api, JobsInEveryOrder) {
  const std::pair<const char*, const char*> kJobs[] = {
      {"b", "0 0 1 1 *"}, {"a", "*/5 * * * *"}, {"d", "0 * * * *"}, {"c", "0 0 1 1 *"}};
  for (const auto& [name, schedule] : kJobs)
    ASSERT_EQ(create(name, fmt::format(R"({{"schedule":"{}","command":"true"}})", schedule)).status, 201);
  ASSERT_EQ(create("e", R"({"schedule":"* * * * *","command":"true","enabled":false})").status, 201);
  using Names = std::vector<std::string>;
  const std::pair<const char*, Names> kOrders[] = {
      {"name", {"a", "b", "c", "d", "e"}},     {"-name", {"e", "d", "c", "b", "a"}},
      {"revision", {"b", "a", "d", "c", "e"}}, {"-revision", {"e", "c", "d", "a", "b"}},
      {"next", {"a", "d", "b", "c", "e"}},     {"-next", {"e", "c", "b", "d", "a"}},
  };
  for (const auto& [sort, want] : kOrders) {
    EXPECT_EQ(names(get(fmt::format("/api/v1/jobs?sort={}", sort)), "name"), want) << sort;
    Names paged;
    std::string cursor;
    do {
      const RawAnswer page =
          get(fmt::format("/api/v1/jobs?sort={}&limit=2&cursor={}", sort, api::percent_encode(cursor)));
      for (const std::string& name : names(page, "name")) paged.push_back(name);
      const auto parsed = json::parse(page.body);
      EXPECT_EQ(parsed.at("total"), 5);
      const auto* next = parsed.as_object().if_contains("next_cursor");
      cursor = next ? next->as_string().c_str() : "";
    } while (!cursor.empty());
    // "a" comes due every five minutes: between two pages it may have moved behind.
    if (!std::string_view(sort).ends_with("next")) {
      EXPECT_EQ(paged, want) << sort;
    }
  }
  EXPECT_EQ(code(get("/api/v1/jobs?sort=owner")), "invalid_query");
}

TEST_F(Api, CursorsBelongToTheirList) {
  for (const char* name : {"a", "b", "c"}) ASSERT_EQ(create(name, kJob).status, 201);
  const auto cursor_of = [&](const std::string& path) {
    return api::percent_encode(json::parse(get(path).body).at("next_cursor").as_string().c_str());
  };
  const std::string cursor = cursor_of("/api/v1/jobs?limit=1&filter=state:enabled");
  EXPECT_EQ(names(get("/api/v1/jobs?limit=5&filter=state:enabled&cursor=" + cursor), "name"),
            (std::vector<std::string>{"b", "c"}));
  // The job that ends a page may be gone when the next one is asked for.
  ASSERT_EQ(call("DELETE", "/api/v1/jobs/a", "", "If-Match: *\r\n").status, 200);
  EXPECT_EQ(names(get("/api/v1/jobs?filter=state:enabled&cursor=" + cursor), "name"),
            (std::vector<std::string>{"b", "c"}));
  for (const char* other : {"filter=state:disabled", "filter=state:enabled&sort=-name", "filter=state:enabled&text=a",
                            "filter=state:enabled&label=x", "filter=state:enabled&enabled=true", "limit=1"}) {
    const RawAnswer refused = get(fmt::format("/api/v1/jobs?{}&cursor={}", other, cursor));
    EXPECT_EQ(refused.status, 400) << other;
    EXPECT_EQ(json::parse(refused.body).at("errors").at(0).at("parameter"), "cursor") << other;
  }
}

TEST_F(Api, TheDocumentIsServed) {
  const auto document = json::parse(get("/api/v1/openapi.json").body);
  EXPECT_EQ(document.at("openapi"), "3.1.0");
  EXPECT_TRUE(document.at("paths").as_object().contains("/api/v1/openapi.json"));
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

core::WorkerEntry worker_of(const std::string& node) {
  core::WorkerEntry worker;
  worker.node = NodeId(node);
  worker.host = "h";
  worker.capacity = 4;
  worker.labels = {{"zone", "eu"}};
  return worker;
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

// A dry run says what the write would say, and leaves every key as it is.
TEST_F(Api, EveryWriteHasADryRun) {
  ASSERT_EQ(create("nightly", kJob).status, 201);
  const auto running = running_of("nightly", minutes_ago(server_, 1));
  server_.put(server_.keys.running(NodeId("node-1"), running.run), core::encode(running));
  server_.put(server_.keys.worker(NodeId("node-1")), core::encode(worker_of("node-1")));
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
    EXPECT_EQ(server_.list(server_.keys.prefix()), before) << write.method << " " << write.path;
  }
  // All writes of the router are in the table.
  std::set<std::string> verbs;
  for (const api::Route& route : server_.router().routes())
    if (!api::is_safe(route.method) && route.writes)
      verbs.insert(fmt::format("{} {}", api::to_string(route.method), route.pattern));
  EXPECT_EQ(verbs.size(), 17u) << "a write without a dry run, or without a row here";
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
  EXPECT_EQ(json::parse(until.body).at("job").at("paused_until"), "2090-06-01T00:00:00Z");
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

TEST_F(Api, WhatAnOperatorWantsOfAWorkerOutlivesIt) {
  EXPECT_EQ(code(get("/api/v1/workers/node-1")), "worker_not_found");
  EXPECT_EQ(code(call("POST", "/api/v1/workers/node-1:drain")), "worker_not_found");
  core::WorkerEntry worker = worker_of("node-1");
  server_.put(server_.keys.worker(worker.node), core::encode(worker));
  EXPECT_EQ(json::parse(get("/api/v1/workers/node-1").body).at("state"), "ready");
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
  worker.warnings = {"runs are kept together by cgroup v2; no_space: writing", "clock 3.1 s ahead", "odd"};
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
  EXPECT_EQ(names(answer, "code"), (std::vector<std::string>{"store_space", "restored_store", "disk_full",
                                                             "clock_suspect", "worker_warning", "job_refused"}));
  const auto alarms = json::parse(answer.body);
  for (const auto& alarm : alarms.at("items").as_array()) EXPECT_FALSE(alarm.at("action").as_string().empty());
  EXPECT_EQ(call("POST", "/api/v1/alarms/disk_full:confirm").status, 404);
  const RawAnswer confirmed = call("POST", "/api/v1/alarms/restored_store:confirm", R"({"reason":"backup of noon"})");
  ASSERT_EQ(confirmed.status, 200) << confirmed.body;
  EXPECT_TRUE(core::decode_restored(*server_.value(server_.keys.restored())));
  const auto jobs = json::parse(get("/api/v1/jobs").body);
  EXPECT_EQ(jobs.at("total"), 0);
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
  EXPECT_EQ(json::parse(call("POST", confirm).body).at("jobs"), json::parse("[]"));
}

TEST_F(Api, ARefusedDocumentIsListedWithItsReason) {
  server_.put(server_.keys.job(JobName("broken")), R"({"command":"true","cronExpr":"0 24 * * *"})");
  ASSERT_EQ(create("fine", kJob).status, 201);
  core::WorkerEntry old = worker_of("old");
  old.refused = {{"fine", "an unknown field"}};
  server_.put(server_.keys.worker(old.node), core::encode(old));
  // Put by hand: no edit that lists wait for, so it comes when its watch delivers it.
  json::value jobs;
  for (int tries = 0; tries < 5'000; ++tries) {
    jobs = json::parse(get("/api/v1/jobs").body);
    if (jobs.at("total") == 2 && jobs.at("items").at(1).as_object().contains("refused_by")) break;
  }
  const auto& items = jobs.at("items").as_array();
  ASSERT_EQ(items.size(), 2u);
  EXPECT_EQ(items[0].at("valid"), false);
  EXPECT_THAT(items[0].at("errors").at(0).at("detail").as_string().c_str(), HasSubstr("24"));
  EXPECT_EQ(items[1].at("refused_by").at("old"), "an unknown field");
}

// API-9: a list that begins after a save was acknowledged has it.
TEST_F(Api, ListsHaveWhatWasSaved) {
  for (int i = 0; i < 100; ++i) {
    ASSERT_EQ(create(fmt::format("job-{:03}", i), kJob).status, 201);
    EXPECT_EQ(json::parse(get("/api/v1/jobs?limit=1").body).at("total"), i + 1);
  }
  ASSERT_EQ(call("DELETE", "/api/v1/jobs/job-050", "", "If-Match: *\r\n").status, 200);
  EXPECT_EQ(json::parse(get("/api/v1/jobs?limit=1").body).at("total"), 99);
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
  server_.take_store_away(true);
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
        call("POST", "/api/v1/jobs/nightly:pause"), call("POST", "/api/v1/workers/node-1:drain")}) {
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
