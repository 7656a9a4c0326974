// Merge patches, copies, versions, batches and what saves mean, over real sockets and the SQLite stores; API-T2.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <set>
#include <thread>

#include "api/raw_client.h"
#include "tests/integration/api_server.h"

namespace cronfleet {
namespace {

using api::RawAnswer;
using api::RawClient;
using testing::ApiServer;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
namespace json = boost::json;

class Edits : public ::testing::Test {
 protected:
  RawAnswer call(std::string_view method, std::string_view path, std::string_view body = "",
                 std::string_view more = "If-Match: *\r\n") {
    const std::string type = method == "GET" ? "" : "Content-Type: application/json\r\n";
    return RawClient(server_.port())
        .ask(fmt::format("{} /api/v1/jobs{} HTTP/1.1\r\nHost: localhost\r\n{}{}Content-Length: {}\r\n\r\n{}", method,
                         path, type, method == "GET" ? "" : more, body.size(), body));
  }
  RawAnswer create(std::string_view name, std::string_view document = kJob) {
    return call("PUT", fmt::format("/{}", name), document, "If-None-Match: *\r\n");
  }
  static json::value parsed(const RawAnswer& answer) { return json::parse(answer.body); }
  static std::int64_t revision(const RawAnswer& answer) { return parsed(answer).at("revision").as_int64(); }
  static std::string code(const RawAnswer& answer) { return json::value_to<std::string>(parsed(answer).at("code")); }

  static constexpr std::string_view kJob = R"({"schedule":"0 2 * * *","command":"true","labels":{"team":"db"}})";
  ApiServer server_;
};

TEST_F(Edits, PatchChangesMembersAndKeepsTheRest) {
  const RawAnswer created = create("a");
  const RawAnswer patched = call("PATCH", "/a", R"({"timeout":"1h","labels":{"tier":"1"}})");
  ASSERT_EQ(patched.status, 200) << patched.body;
  const json::value job = parsed(patched).at("job");
  EXPECT_EQ(job.at("timeout"), "1h");
  EXPECT_EQ(job.at("labels"), json::parse(R"({"team":"db","tier":"1"})"));
  EXPECT_EQ(parsed(call("PATCH", "/a", R"({"labels":null})")).at("job").as_object().contains("labels"), false);

  const std::string stale = fmt::format("If-Match: {}\r\n", created.header("etag"));
  EXPECT_EQ(call("PATCH", "/a", "{}", stale).status, 412);
  EXPECT_EQ(call("PATCH", "/a", "{}", "").status, 428);
  EXPECT_EQ(call("PATCH", "/b", "{}").status, 404);
  EXPECT_EQ(call("PATCH", "/a", "[]").status, 422);
  EXPECT_EQ(call("PATCH", "/a", "{").status, 400);
  const RawAnswer wrong = call("PATCH", "/a", R"({"schedule":"99 * * * *"})");
  EXPECT_EQ(wrong.status, 422);
  EXPECT_EQ(parsed(wrong).at("errors").at(0).at("pointer"), "/schedule");
  EXPECT_EQ(call("PATCH", "/a", R"({"command":null})").status, 422) << "a job cannot do without it";
}

TEST_F(Edits, DryRunsWriteNothing) {
  const RawAnswer created = create("a");
  const std::string before = *server_.value(server_.keys.job(JobName("a")));
  const RawAnswer patched = call("PATCH", "/a?dry_run=true", R"({"schedule":"0 3 * * *"})");
  EXPECT_EQ(patched.status, 200);
  EXPECT_EQ(parsed(patched).at("dry_run"), true);
  EXPECT_EQ(revision(patched), revision(created));
  EXPECT_NE(parsed(patched).at("next_firing_after"), parsed(patched).at("next_firing_before"));
  EXPECT_EQ(call("DELETE", "/a?dry_run=1").status, 200);
  EXPECT_EQ(call("PUT", "/new?dry_run=1", kJob, "If-None-Match: *\r\n").status, 200);
  EXPECT_EQ(call("PUT", "/a?dry_run=1", kJob, "If-None-Match: *\r\n").status, 412);
  EXPECT_EQ(call("POST", "/a:clone?dry_run=1", R"({"name":"copy"})", "").status, 200);
  EXPECT_EQ(
      call("POST", ":batch", R"({"dry_run":true,"items":[{"action":"delete","name":"a","if_match":"*"}]})").status,
      200);
  EXPECT_EQ(*server_.value(server_.keys.job(JobName("a"))), before);
  EXPECT_EQ(server_.list(server_.keys.jobs()).size(), 1u);
}

// A pause without an end leaves no firing ahead, which is no mistake of the job: it can be paused in a batch, and
// edited.
TEST_F(Edits, APausedJobIsSavedLikeAnother) {
  create("a");
  const RawAnswer paused = call("PATCH", "/a", R"({"paused_until":"9999-12-31T23:59:59Z"})");
  EXPECT_EQ(paused.status, 200) << paused.body;
  const RawAnswer edited = call("PATCH", "/a", R"({"command":"echo edited"})");
  EXPECT_EQ(edited.status, 200) << edited.body;
  EXPECT_EQ(parsed(edited).at("next_firings"), json::array());
  EXPECT_EQ(code(call("PATCH", "/a", R"({"schedule":"@at 2020-01-01T00:00:00Z"})")), "never_fires");
}

TEST_F(Edits, ASaveSaysWhatItMeans) {
  create("a");
  create("b", R"({"schedule":"0 2 * * *","command":"true","enabled":false})");
  create("c", R"({"schedule":"30 0 2 * * *","command":"true"})");
  const RawAnswer saved = create("d", R"({"schedule":"0 0 2 * * *","command":"true"})");
  const json::value meaning = parsed(saved);
  EXPECT_EQ(meaning.at("collisions"), json::parse(R"({"count":1,"jobs":["a"]})")) << "not b, which is disabled, nor c";
  EXPECT_EQ(meaning.at("next_firing_after"), meaning.at("next_firings").at(0));
  EXPECT_EQ(meaning.at("runs_under_way"), 0);
}

TEST_F(Edits, Clone) {
  create("a");
  const RawAnswer copy = call("POST", "/a:clone", R"({"name":"a2"})", "");
  ASSERT_EQ(copy.status, 201) << copy.body;
  EXPECT_EQ(copy.header("location"), "/api/v1/jobs/a2");
  EXPECT_EQ(parsed(copy).at("job").at("enabled"), false);
  EXPECT_EQ(parsed(copy).at("job").at("labels").at("team"), "db");
  EXPECT_EQ(code(call("POST", "/a:clone", R"({"name":"a2"})", "")), "job_exists");
  EXPECT_EQ(call("POST", "/a:clone", R"({"name":"a3","enabled":true})", "").status, 201);
  for (const char* wrong : {"{}", R"({"name":"x/y"})", R"({"name":"x","nmae":"y"})"})
    EXPECT_EQ(call("POST", "/a:clone", wrong, "").status, 422) << wrong;
  EXPECT_EQ(parsed(call("POST", "/a:clone", R"({"name":7})", "")).at("errors").as_array().size(), 1u);
  EXPECT_EQ(call("POST", "/none:clone", R"({"name":"x"})", "").status, 404);
}

TEST_F(Edits, VersionsAreKeptComparedAndRestored) {
  const auto first = revision(create("a"));
  const auto second = revision(call("PATCH", "/a", R"({"command":"false"})"));
  const auto third = revision(call("PATCH", "/a", R"({"timeout":"5m"})"));
  const json::value listed = parsed(call("GET", "/a/versions"));
  std::vector<std::int64_t> revisions;
  for (const json::value& item : listed.at("items").as_array()) revisions.push_back(item.at("revision").as_int64());
  EXPECT_THAT(revisions, ElementsAre(third, second, first));
  EXPECT_EQ(listed.at("items").at(0).at("current"), true);
  EXPECT_EQ(listed.at("items").at(1).at("changes"), json::parse(R"(["/command"])"));

  EXPECT_EQ(parsed(call("GET", fmt::format("/a/versions/{}", first))).at("job").at("command"), "true");
  EXPECT_EQ(parsed(call("GET", fmt::format("/a/versions/{}:diff?against={}", third, first))).at("changes"),
            json::parse(R"([{"pointer":"/command","before":"true","after":"false"},
                            {"pointer":"/timeout","after":"5m"}])"));
  EXPECT_EQ(call("GET", "/a/versions/999999").status, 404);
  EXPECT_EQ(call("GET", "/a/versions/x").status, 400);
  EXPECT_EQ(call("GET", "/none/versions").status, 404);

  const RawAnswer restored = call("POST", fmt::format("/a/versions/{}:restore", first));
  EXPECT_EQ(restored.status, 200) << restored.body;
  EXPECT_EQ(parsed(restored).at("job").at("command"), "true");
  EXPECT_EQ(call("POST", fmt::format("/a/versions/{}:restore", first), "", "").status, 428);

  EXPECT_EQ(call("DELETE", "/a").status, 200);
  EXPECT_EQ(call("POST", fmt::format("/a/versions/{}:restore", second)).status, 412) << "it no longer exists";
  const RawAnswer back = call("POST", fmt::format("/a/versions/{}:restore", second), "", "If-None-Match: *\r\n");
  EXPECT_EQ(back.status, 201) << back.body;
  EXPECT_EQ(parsed(back).at("job").at("command"), "false");
}

// What is too old goes a moment after the save.
TEST_F(Edits, TheNewestHundredVersionsAreKept) {
  create("a");
  for (int i = 0; i < 110; ++i)
    ASSERT_EQ(call("PATCH", "/a", fmt::format(R"({{"command":"echo {}"}})", i)).status, 200);
  const auto listed = [&] { return parsed(call("GET", "/a/versions")).at("items").as_array(); };
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (listed().size() != 101 && std::chrono::steady_clock::now() < until) std::this_thread::yield();
  const json::array versions = listed();
  ASSERT_EQ(versions.size(), 101u) << "one hundred, and the one that stands";
  EXPECT_EQ(versions.front().at("current"), true);
}

TEST_F(Edits, BatchAnswersItemByItem) {
  create("a");
  create("b");
  create("c");
  create("d");
  const RawAnswer answer = call("POST", ":batch", R"({"reason":"the move to the new rack","items":[
      {"action":"put","name":"n","job":{"schedule":"@daily","command":"x"},"if_none_match":"*"},
      {"action":"put","name":"a","job":{"schedule":"@daily","command":"x"},"if_none_match":"*"},
      {"action":"patch","name":"b","patch":{"enabled":false},"if_match":"*"},
      {"action":"put","name":"bad","job":{"schedule":"nonsense","command":"x"},"if_none_match":"*"},
      {"action":"run","name":"c"},
      {"action":"delete","name":"none","if_match":"*"},
      {"action":"delete","name":"d","if_match":"*"}]})");
  ASSERT_EQ(answer.status, 200) << answer.body;
  std::vector<std::int64_t> statuses;
  const json::value parsed_answer = parsed(answer);
  for (const json::value& item : parsed_answer.at("items").as_array()) statuses.push_back(item.at("status").as_int64());
  EXPECT_THAT(statuses, ElementsAre(201, 412, 200, 422, 202, 404, 200));
  EXPECT_EQ(parsed_answer.at("failed"), 3);
  EXPECT_EQ(parsed_answer.at("items").at(1).at("problem").at("code"), "precondition_failed");
  EXPECT_EQ(server_.list(server_.keys.jobs()).size(), 4u);
  const auto started = server_.list(server_.keys.triggers());
  ASSERT_EQ(started.size(), 1u);
  EXPECT_THAT(started.front().value, HasSubstr("the move to the new rack"));

  for (const char* wrong :
       {R"({})", R"({"items":[{"action":"fly","name":"a"}]})", R"({"items":[{"action":"delete","name":"a"}]})",
        R"({"items":[{"action":"put","name":"a","if_match":"*"}]})", R"({"items":{}})"})
    EXPECT_EQ(call("POST", ":batch", wrong).status, 422) << wrong;
  // In the words of a batch, and with its place.
  const auto mistake_of = [&](const char* item) {
    return parsed(call("POST", ":batch", fmt::format(R"({{"items":[{}]}})", item))).at("errors").at(0);
  };
  EXPECT_EQ(mistake_of(R"({"action":"delet","name":"a","if_match":"*"})").at("suggestion"), "delete");
  const auto unsaid = mistake_of(R"({"action":"delete","name":"a"})");
  EXPECT_EQ(unsaid.at("pointer"), "/items/0/if_match");
  EXPECT_THAT(unsaid.at("detail").as_string().c_str(), HasSubstr("missing; expected the revision you read"));
  EXPECT_EQ(mistake_of(R"({"action":"delete","name":"a","if_match":"412"})").at("detail"),
            "if_match is not * and not a list of tags like \"412\"");
  EXPECT_EQ(mistake_of(R"({"action":"delete","name":"a","if_match":"412"})").at("pointer"), "/items/0/if_match");
  const auto many = [&](int count) {
    std::string items;
    for (int i = 0; i < count; ++i) items += fmt::format(R"({}{{"action":"run","name":"j{}"}})", i == 0 ? "" : ",", i);
    return call("POST", ":batch?dry_run=1", fmt::format(R"({{"items":[{}]}})", items)).status;
  };
  EXPECT_EQ(many(500), 200);
  EXPECT_EQ(many(501), 422) << "one past the limit";
}

// An item that says more than its action does is a mistake of whoever wrote it: nothing of the batch is done.
TEST_F(Edits, ABatchDoesNoMoreAndNoLessThanItSays) {
  create("a");
  create("b");
  struct Case {
    const char* items;
    std::vector<std::string> pointers;
  };
  const Case cases[] = {
      {R"({"action":"put","name":"a","patch":{"schedule":"@daily","command":"x"},"if_match":"*"})",
       {"/items/0/job", "/items/0/patch"}},
      {R"({"action":"put","name":"a","job":{"schedule":"@daily","command":"x"},"patch":{},"if_match":"*"})",
       {"/items/0/patch"}},
      {R"({"action":"patch","name":"a","job":{"schedule":"@daily","command":"x"},"patch":{},"if_match":"*"})",
       {"/items/0/job"}},
      {R"({"action":"delete","name":"a","job":{},"if_match":"*"})", {"/items/0/job"}},
      {R"({"action":"delete","name":"a","patch":{},"if_match":"*"})", {"/items/0/patch"}},
      {R"({"action":"run","name":"a","job":{}})", {"/items/0/job"}},
      {R"({"action":"run","name":"a","if_match":"\"999\""})", {"/items/0/if_match"}},
      {R"({"action":"run","name":"a","if_none_match":"*"})", {"/items/0/if_none_match"}},
      {R"({"action":"delete","name":"a","if_none_match":"*"})", {"/items/0/if_none_match"}},
      {R"({"action":"patch","name":"a","patch":{},"if_none_match":"*"})", {"/items/0/if_none_match"}},
      {R"({"action":"put","name":"a","job":{},"if_match":"x"})", {"/items/0/if_match"}},
      {R"({"action":"put","name":"a","job":{},"if_none_match":"\"7\""})", {"/items/0/if_none_match"}},
      {R"({"action":"put","name":"a","job":{},"if_match":"*","if_none_match":"*"})", {"/items/0/if_none_match"}},
      {R"({"action":"delete","name":"b","if_match":"*"},5)", {"/items/1"}},
      {R"({"action":"delete","name":"b","if_match":"*"},{"action":"run","name":"b"})", {"/items/1/name"}},
      {R"({"action":5,"name":7})", {"/items/0/action", "/items/0/name"}},
  };
  for (const Case& test : cases) {
    const RawAnswer answer = call("POST", ":batch", fmt::format(R"({{"items":[{}]}})", test.items));
    EXPECT_EQ(answer.status, 422) << test.items << answer.body;
    std::vector<std::string> pointers;
    const json::value problem = parsed(answer);
    for (const json::value& mistake : problem.at("errors").as_array())
      pointers.push_back(json::value_to<std::string>(mistake.at("pointer")));
    EXPECT_THAT(pointers, ::testing::UnorderedElementsAreArray(test.pointers)) << answer.body;
  }
  EXPECT_EQ(server_.list(server_.keys.jobs()).size(), 2u);
  EXPECT_TRUE(server_.list(server_.keys.triggers()).empty());
  EXPECT_EQ(parsed(call("GET", "/a/versions", "", "")).at("items").as_array().size(), 1u);
}

TEST_F(Edits, ExplainTellsWhatCounts) {
  create("a");
  const json::value explained = parsed(call("GET", "/a:explain?count=2&from=2026-03-01T00:00:00Z"));
  EXPECT_EQ(explained.at("firings"), json::parse(R"(["2026-03-01T02:00:00.000Z","2026-03-02T02:00:00.000Z"])"));
  EXPECT_NE(json::value_to<std::string>(explained.at("sentence")).find("02:00"), std::string::npos);
  call("PATCH", "/a", R"({"enabled":false})");
  EXPECT_TRUE(parsed(call("GET", "/a:explain")).at("firings").as_array().empty());
  EXPECT_EQ(call("GET", "/a:explain?count=1001").status, 400);
  EXPECT_EQ(call("GET", "/none:explain").status, 404);
}

TEST_F(Edits, ListsTakeAFilter) {
  create("a");
  create("b", R"({"schedule":"0 2 * * *","command":"pg_dump","enabled":false})");
  const auto names = [&](std::string_view filter) {
    std::vector<std::string> out;
    const json::value listed = parsed(call("GET", fmt::format("?filter={}", filter)));
    for (const json::value& item : listed.at("items").as_array())
      out.push_back(json::value_to<std::string>(item.at("name")));
    return out;
  };
  EXPECT_THAT(names("state:disabled"), ElementsAre("b"));
  EXPECT_THAT(names("label:team%3Ddb+next%3C25h"), ElementsAre("a"));
  EXPECT_THAT(names("dump"), ElementsAre("b"));
  EXPECT_THAT(names("-dump"), ElementsAre("a"));
  const RawAnswer wrong = call("GET", "?filter=name~a+stat:x");
  EXPECT_EQ(wrong.status, 400);
  EXPECT_EQ(parsed(wrong).at("errors").at(0),
            json::parse(R"({"parameter":"filter","column":8,"length":4,"code":"invalid_parameter",
              "detail":"unknown field 'stat'; expected one of state, name, owner, command, description, zone, schedule, label, overlap, next, last, or quotes around a text with ':'",
              "suggestion":"state"})"));
}

TEST_F(Edits, FiringsPastAndComing) {
  create("a", R"({"schedule":"0 0 2 * * *","command":"true"})");
  create("b", R"({"schedule":"0 30 1 * * *","command":"true"})");
  create("off", R"({"schedule":"0 0 2 * * *","command":"true","enabled":false})");
  const WallTime hour_ago = from_ms(to_ms(server_.now())) - std::chrono::hours(1);
  domain::RunRecord record;
  record.id = {.firing = {.job = JobName("a"), .which = hour_ago}, .attempt = 1};
  record.scheduled_at = hour_ago;
  record.end = {.status = domain::RunStatus::Failed,
                .exit_code = 3,
                .started_at = hour_ago + std::chrono::milliseconds(40),
                .ended_at = hour_ago + std::chrono::milliseconds(140)};
  record.worker = NodeId("node-1");
  server_.record({record});
  const auto ask = [&](std::string_view path) {
    return RawClient(server_.port()).ask(fmt::format("GET /api/v1/{} HTTP/1.1\r\nHost: localhost\r\n\r\n", path));
  };
  const RawAnswer listed = ask(fmt::format("firings?from={}&until={}", to_rfc3339(hour_ago - std::chrono::hours(1)),
                                           to_rfc3339(hour_ago + std::chrono::hours(25))));
  ASSERT_EQ(listed.status, 200) << listed.body;
  const json::value firings = parsed(listed);
  ASSERT_EQ(firings.at("items").as_array().size(), 3u) << "one past, one of each enabled job in the 24 h to come";
  EXPECT_EQ(firings.at("items").at(0).at("status"), "failed");
  EXPECT_EQ(firings.at("items").at(0).at("expected"), false);
  EXPECT_LT(firings.at("items").at(1).at("at").as_string(), firings.at("items").at(2).at("at").as_string());
  EXPECT_EQ(firings.at("more"), false);
  EXPECT_EQ(parsed(ask("firings?limit=1")).at("more"), true);
  EXPECT_EQ(parsed(ask("firings?job=b")).at("items").as_array().size(), 1u);
  EXPECT_EQ(ask("firings?limit=501").status, 400);
  EXPECT_EQ(ask("firings?from=2026-01-01T00:00:00Z&until=2026-01-01T00:00:00Z").status, 400);
  EXPECT_EQ(ask("firings?from=2026-01-01T00:00:00Z&until=2027-02-01T00:00:00Z").status, 400) << "too long a range";

  const RawAnswer lines =
      RawClient(server_.port())
          .ask("GET /api/v1/runs HTTP/1.1\r\nHost: localhost\r\nAccept: application/x-ndjson\r\n\r\n");
  EXPECT_EQ(lines.header("content-type"), "application/x-ndjson");
  EXPECT_EQ(std::count(lines.body.begin(), lines.body.end(), '\n'), 1);
  EXPECT_EQ(json::parse(lines.body.substr(0, lines.body.size() - 1)).at("job"), "a");

  const RawAnswer counted = ask("statistics");
  ASSERT_EQ(counted.status, 200) << counted.body;
  const json::value statistics = parsed(counted);
  EXPECT_EQ(statistics.at("verdicts"), json::parse(R"({"failed":1})"));
  EXPECT_EQ(statistics.at("hours").as_array().size(), 24u);
  EXPECT_EQ(statistics.at("late_ms").at("p50"), 40);
  EXPECT_EQ(statistics.at("duration_ms").at("max"), 100);
  EXPECT_EQ(statistics.at("next").as_array().size(), 20u);
  EXPECT_EQ(statistics.at("running"), 0);

  const auto at_of = [&](const json::value& value) { return json::value_to<std::string>(value); };
  const RawAnswer past = ask("firings:count?edge=" + at_of(statistics.at("from")) + "," + at_of(statistics.at("now")));
  ASSERT_EQ(past.status, 200) << past.body;
  EXPECT_EQ(parsed(past).at("items").at(0).at("verdicts"), statistics.at("verdicts"));
  EXPECT_EQ(parsed(past).at("items").at(0).at("expected"), 0);
  const json::array next = statistics.at("next").as_array();
  const RawAnswer ahead =
      ask("firings:count?edge=" + at_of(next.front().at("at")) + "&edge=" + at_of(next.back().at("at")));
  ASSERT_EQ(ahead.status, 200) << ahead.body;
  std::size_t between = 0;
  for (const json::value& firing : next) between += firing.at("at") != next.back().at("at");
  EXPECT_EQ(parsed(ahead).at("items").at(0).at("expected"), between);
  EXPECT_GE(parsed(ahead).at("busiest").at(0).at("count").to_number<int>(), 1);
  EXPECT_EQ(parsed(ahead).at("complete"), true);
  EXPECT_EQ(ask("firings:count?edge=2026-01-02T00:00:00Z").status, 400) << "one edge";
  EXPECT_EQ(ask("firings:count?edge=2026-01-02T00:00:00Z,2026-01-01T00:00:00Z").status, 400) << "backwards";

  const RawAnswer seen = ask("jobs:glance?name=b&name=a&name=nobody&language=zh");
  ASSERT_EQ(seen.status, 200) << seen.body;
  const json::array glances = parsed(seen).at("items").as_array();
  ASSERT_EQ(glances.size(), 2u) << "what is not there is left out";
  EXPECT_EQ(glances[0].at("name"), "b") << "in the order of the question";
  EXPECT_EQ(glances[0].at("results"), json::array());
  EXPECT_EQ(glances[0].at("next_firings").as_array().size(), 5u);
  EXPECT_EQ(glances[1].at("results").at(0).at("status"), "failed");
  EXPECT_EQ(glances[1].at("recent"), json::parse(R"({"count":1,"succeeded":0})"));
  EXPECT_NE(json::value_to<std::string>(glances[1].at("sentence")).find("触发"), std::string::npos);
  EXPECT_EQ(ask("jobs:glance").status, 400);
  std::string names = "jobs:glance?name=a";
  for (int i = 0; i < 99; ++i) names += "&name=a";
  EXPECT_EQ(parsed(ask(names)).at("items").as_array().size(), 100u);
  EXPECT_EQ(ask(names + "&name=a").status, 400) << "too many";
}

// API-T2: every acknowledged edit is among the versions, and each built on the one before it.
TEST_F(Edits, AHundredClientsLoseNoAcknowledgedEdit) {
  create("shared", R"({"schedule":"0 2 * * *","command":"0"})");
  std::mutex mutex;
  std::map<std::int64_t, std::string> acknowledged;  // by revision: the command that was written
  std::atomic<int> successes{0};
  std::vector<std::thread> clients;
  for (int client = 0; client < 100; ++client) {
    clients.emplace_back([&, client] {
      for (bool done = false; !done;) {
        const RawAnswer read = call("GET", "/shared");
        const std::string command = json::value_to<std::string>(parsed(read).at("job").at("command"));
        const std::string mine = fmt::format("{} {}", command, client);
        const RawAnswer put = call("PATCH", "/shared", fmt::format(R"({{"command":"{}"}})", mine),
                                   fmt::format("If-Match: {}\r\n", read.header("etag")));
        if (put.status == 200) {
          const std::lock_guard lock(mutex);
          acknowledged[revision(put)] = mine;
          ++successes;
          done = true;
        } else {
          ASSERT_TRUE(put.status == 412 || put.status == 503) << put.status << put.body;
        }
      }
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(successes, 100);
  const std::string last = json::value_to<std::string>(parsed(call("GET", "/shared")).at("job").at("command"));
  std::set<std::string> words;
  for (std::size_t at = 0, end = 0; at <= last.size(); at = end + 1) {
    end = std::min(last.find(' ', at), last.size());
    words.insert(last.substr(at, end - at));
  }
  EXPECT_EQ(std::count(last.begin(), last.end(), ' '), 100) << last;
  EXPECT_EQ(words.size(), 100u) << "0 and the other 99: no update was lost: " << last;
  const json::value versions = parsed(call("GET", "/shared/versions"));
  std::set<std::int64_t> kept;
  for (const json::value& item : versions.at("items").as_array()) kept.insert(item.at("revision").as_int64());
  for (const auto& [at, command] : acknowledged) EXPECT_EQ(kept.count(at), 1u) << at << " " << command;
}

}  // namespace
}  // namespace cronfleet
