// Lists of API v1 over real sockets and the SQLite stores: filters, orders, cursors.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>

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

}  // namespace
}  // namespace cronfleet
