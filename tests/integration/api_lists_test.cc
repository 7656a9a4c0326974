// Lists of API v1 over real sockets and the SQLite stores: filters, orders, cursors.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json.hpp>
#include <functional>
#include <set>

#include "api/raw_client.h"
#include "api/url.h"
#include "tests/integration/api_fixture.h"

namespace cronfleet {
namespace {

using api::RawAnswer;
using ::testing::HasSubstr;
namespace json = boost::json;

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
    const RawAnswer page =
        get("/api/v1/jobs?limit=2" + (cursor.empty() ? "" : "&cursor=" + api::percent_encode(cursor)));
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
                           "/api/v1/jobs?cursor=",
                           "/api/v1/runs?cursor=",
                           "/api/v1/jobs:glance?name=",
                           "/api/v1/jobs:glance?name=x%2Fy",
                           "/healthz?x=1",
                           "/readyz?x=1",
                           "/api/v1/openapi.json?x=1",
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
  EXPECT_EQ(found("state:failed"), found("last:failed")) << "as people say it (UI-23)";
  EXPECT_EQ(found("state:failed name~bro next<999h"), (Names{"broken"}));
  EXPECT_EQ(found("-state:failed"), found("-last:failed"));
  EXPECT_EQ(found("state:failed,enabled"), found("state:enabled")) << "either of them";
  EXPECT_EQ(found("state:signalled,disabled"), (Names{"crashed"}));
  EXPECT_EQ(get("/api/v1/jobs?filter=last:fine").status, 400);
  server_.record({record_of("broken", minutes_ago(server_, 1), RunStatus::Succeeded)});
  EXPECT_EQ(found("last:failed"), (Names{"waived"}));
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
      const RawAnswer page = get(fmt::format("/api/v1/jobs?sort={}&limit=2{}{}", sort,
                                             cursor.empty() ? "" : "&cursor=", api::percent_encode(cursor)));
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

// While somebody reads page after page, jobs and runs come and go before, behind and at the place where a page ended:
// what was there all the time is seen once, in order (API-4).
TEST_F(Api, PagesAreStableUnderInserts) {
  const auto at = [](int day, int hour) {
    return fmt::format(R"({{"schedule":"@at 2090-01-{:02}T{:02}:00:00Z","command":"true"}})", day, hour);
  };
  using Names = std::vector<std::string>;
  const auto paged = [&](const std::string& path, std::string_view member, const std::function<void(int)>& meanwhile) {
    Names seen;
    std::string cursor;
    for (int pages = 0; pages < 50; ++pages) {
      const RawAnswer page = get(path + (cursor.empty() ? "" : "&cursor=" + api::percent_encode(cursor)));
      EXPECT_EQ(page.status, 200) << page.body;
      for (const std::string& name : names(page, member)) seen.push_back(name);
      const auto parsed = json::parse(page.body);
      const auto* next = parsed.as_object().if_contains("next_cursor");
      if (!next) break;
      cursor = next->as_string().c_str();
      meanwhile(pages);
    }
    return seen;
  };
  const auto without_new = [](Names seen) {
    std::erase_if(seen, [](const std::string& name) { return name.find("new") != std::string::npos; });
    return seen;
  };

  Names jobs;
  for (int i = 0; i < 9; ++i) {
    jobs.push_back(fmt::format("k{}", i));
    ASSERT_EQ(create(jobs.back(), at(2 + 2 * i, 0)).status, 201);
  }
  for (const std::string sort : {"name", "-name", "next", "-next", "revision", "-revision"}) {
    Names want = jobs;
    if (sort.starts_with('-')) std::reverse(want.begin(), want.end());
    const std::string path = "/api/v1/jobs?limit=2&sort=" + sort;
    EXPECT_EQ(paged(path, "name", [](int) {}), want) << sort;
    Names come;
    const Names seen = paged(path, "name", [&](int page) {
      if (page > 3) return;  // a list by revision would have no end
      // By name and by next firing: in front of all, behind all, and between those where this page ended.
      for (const auto& [name, day] : {std::pair(fmt::format("a-new{}", page), 1),
                                      {fmt::format("z-new{}", page), 28},
                                      {fmt::format("k{}-new", 2 * page + 1), 5 + 4 * page}}) {
        ASSERT_EQ(create(name, at(day, 12)).status, 201) << name;
        come.push_back(name);
      }
    });
    EXPECT_EQ(without_new(seen), want) << sort;
    EXPECT_EQ(std::set<std::string>(seen.begin(), seen.end()).size(), seen.size()) << sort << ": seen twice";
    for (const std::string& name : come)
      ASSERT_EQ(call("DELETE", "/api/v1/jobs/" + name, "", "If-Match: *\r\n").status, 200);
  }

  Names runs;
  for (int i = 0; i < 9; ++i) {
    const auto record = record_of("k", minutes_ago(server_, 100 - 2 * i), domain::RunStatus::Succeeded);
    runs.push_back(record.id.text());
    server_.record({record});
  }
  for (const std::string order : {"oldest_first", "newest_first"}) {
    Names want = runs;
    if (order == "newest_first") std::reverse(want.begin(), want.end());
    int come = 0;
    const Names seen = paged("/api/v1/runs?limit=2&order=" + order, "id", [&](int page) {
      for (const int minutes : {1, 99 - 4 * page, 200}) {
        const std::string job = fmt::format("new-{}-{}", order, come++);
        server_.record({record_of(job, minutes_ago(server_, minutes), domain::RunStatus::Succeeded)});
      }
    });
    EXPECT_EQ(without_new(seen), want) << order;
    EXPECT_EQ(std::set<std::string>(seen.begin(), seen.end()).size(), seen.size()) << order << ": seen twice";
  }
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

// A list that is narrowed down by nothing is all of it, which is not what an empty variable in a script asked for.
TEST_F(Api, AnEmptyValueIsNoFilter) {
  ASSERT_EQ(create("nightly", kJob).status, 201);
  struct Case {
    const char *path, *parameter, *expected;
  };
  for (const Case& test :
       {Case{"/api/v1/jobs?label=", "label",
             "empty: expected the name of a label, or name=value, or no such parameter"},
        Case{"/api/v1/jobs?label=a&label=", "label", "expected the name of a label"},
        Case{"/api/v1/jobs?label=%3Ddb", "label", "expected the name of a label, or name=value, found '=db'"},
        Case{"/api/v1/runs?status=", "status", "empty: expected one of waiting, claimed"},
        Case{"/api/v1/runs?status=failed,", "status", "empty: expected one of waiting, claimed"},
        Case{"/api/v1/runs?worker=", "worker", "empty: expected the name of a worker"},
        Case{"/api/v1/events?topics=", "topics", "empty: expected one of jobs, runs"},
        Case{"/api/v1/firings:count?edge=", "edge", "empty: expected 2 to 367 instants"},
        Case{"/api/v1/jobs?stale=yes", "stale", "expected ok, found 'yes'"},
        Case{"/api/v1/jobs/nightly/versions/1:diff?against=x", "against",
             "expected a whole number from 1, found 'x'"}}) {
    SCOPED_TRACE(test.path);
    const RawAnswer refused = get(test.path);
    EXPECT_EQ(refused.status, 400);
    EXPECT_EQ(code(refused), "invalid_query");
    const auto error = json::parse(refused.body).at("errors").at(0).as_object();
    EXPECT_EQ(error.at("parameter").as_string(), test.parameter);
    EXPECT_THAT(std::string(error.at("detail").as_string()), HasSubstr(test.expected));
  }
}

TEST_F(Api, FiringsOfAJobThatNobodyKnowsAreRefused) {
  ASSERT_EQ(create("nightly", kJob).status, 201);
  const RawAnswer refused = get("/api/v1/firings?job=nightli");
  EXPECT_EQ(refused.status, 404);
  EXPECT_EQ(code(refused), "job_not_found");
  EXPECT_EQ(json::parse(refused.body).at("errors").at(0).at("suggestion"), "nightly");
  // One that is known has none in this range; one that is gone has left some.
  EXPECT_EQ(get("/api/v1/firings?job=nightly&from=2020-01-01T00:00:00Z&until=2020-01-02T00:00:00Z").status, 200);
  server_.record({record_of("gone", minutes_ago(server_, 5), domain::RunStatus::Succeeded)});
  const std::string from = to_rfc3339_ms(minutes_ago(server_, 10));
  EXPECT_EQ(names(get("/api/v1/firings?job=gone&from=" + from), "job"), std::vector<std::string>{"gone"});
}

// What is asked for in a form that is not offered is told so, with the form that is.
TEST_F(Api, AcceptIsHonouredByEveryRead) {
  ASSERT_EQ(create("nightly", kJob).status, 201);
  for (const char* path : {"/api/v1/jobs", "/api/v1/jobs/nightly", "/api/v1/workers", "/api/v1/system", "/api/v1/zones",
                           "/api/v1/firings", "/api/v1/cron:explain?expression=@daily"}) {
    SCOPED_TRACE(path);
    const RawAnswer refused = get(path, "Accept: application/x-ndjson\r\n");
    EXPECT_EQ(refused.status, 406);
    EXPECT_EQ(code(refused), "not_acceptable");
    EXPECT_THAT(refused.body, HasSubstr("this address answers as application/json"));
    EXPECT_EQ(get(path, "Accept: text/html, */*;q=0.1\r\n").status, 200);
    EXPECT_EQ(get(path, "Accept: application/json\r\n").status, 200);
  }
  EXPECT_EQ(get("/api/v1/runs", "Accept: application/x-ndjson\r\n").header("content-type"), "application/x-ndjson");
  EXPECT_EQ(get("/api/v1/runs/nightly@2026-03-01T02:00:00Z.1", "Accept: text/plain\r\n").status, 406);
}

}  // namespace
}  // namespace cronfleet
