#include "api/router.h"

#include <gtest/gtest.h>

namespace cronfleet::api {
namespace {

Answer nothing(Call&) { return Response{}; }

Router example() {
  Router router;
  for (const auto& [method, pattern] : std::initializer_list<std::pair<Method, const char*>>{
           {Method::Get, "/api/v1/jobs"},
           {Method::Post, "/api/v1/jobs"},
           {Method::Get, "/api/v1/jobs/{name}"},
           {Method::Put, "/api/v1/jobs/{name}"},
           {Method::Post, "/api/v1/jobs/{name}:run"},
           {Method::Post, "/api/v1/jobs/{name}:pause"},
           {Method::Get, "/api/v1/runs/{id}"},
           {Method::Post, "/api/v1/runs/{id}:kill"},
           {Method::Get, "/api/v1/runs/{id}/output"},
           {Method::Post, "/api/v1/cron:explain"},
       })
    router.add({.method = method, .pattern = pattern, .handle = nothing});
  return router;
}

struct FindCase {
  const char* why;
  Method method;
  const char* path;
  int status;  // 200: found
  const char* pattern;
  const char* parameter;
};
constexpr FindCase kFindCases[] = {
    {"literal", Method::Get, "/api/v1/jobs", 200, "/api/v1/jobs", ""},
    {"head is get", Method::Head, "/api/v1/jobs", 200, "/api/v1/jobs", ""},
    {"method decides", Method::Post, "/api/v1/jobs", 200, "/api/v1/jobs", ""},
    {"parameter", Method::Get, "/api/v1/jobs/nightly", 200, "/api/v1/jobs/{name}", "nightly"},
    {"decoded", Method::Get, "/api/v1/jobs/a%20b", 200, "/api/v1/jobs/{name}", "a b"},
    {"an encoded slash does not separate", Method::Get, "/api/v1/jobs/a%2Fb", 200, "/api/v1/jobs/{name}", "a/b"},
    {"an encoded colon does not separate", Method::Get, "/api/v1/jobs/a%3Arun", 200, "/api/v1/jobs/{name}", "a:run"},
    {"plus is plus", Method::Get, "/api/v1/jobs/a+b", 200, "/api/v1/jobs/{name}", "a+b"},
    {"verb", Method::Post, "/api/v1/jobs/nightly:run", 200, "/api/v1/jobs/{name}:run", "nightly"},
    {"a run id has colons", Method::Get, "/api/v1/runs/n@2026-03-01T02:00:00Z.1", 200, "/api/v1/runs/{id}",
     "n@2026-03-01T02:00:00Z.1"},
    {"and a verb after the last", Method::Post, "/api/v1/runs/n@2026-03-01T02:00:00Z.1:kill", 200,
     "/api/v1/runs/{id}:kill", "n@2026-03-01T02:00:00Z.1"},
    {"encoded all over", Method::Post, "/api/v1/runs/n%402026-03-01T02%3A00%3A00Z.1:kill", 200,
     "/api/v1/runs/{id}:kill", "n@2026-03-01T02:00:00Z.1"},
    {"colons before a slash", Method::Get, "/api/v1/runs/n@2026-03-01T02:00:00Z.1/output", 200,
     "/api/v1/runs/{id}/output", "n@2026-03-01T02:00:00Z.1"},
    {"verb on a literal", Method::Post, "/api/v1/cron:explain", 200, "/api/v1/cron:explain", ""},
    {"unknown verb", Method::Post, "/api/v1/jobs/nightly:fly", 404, "", ""},
    {"verb where there is none", Method::Get, "/api/v1/jobs:run", 404, "", ""},
    {"wrong method", Method::Delete, "/api/v1/jobs", 405, "", ""},
    {"wrong method of a verb", Method::Get, "/api/v1/jobs/nightly:run", 405, "", ""},
    {"unknown method", Method::Other, "/api/v1/jobs", 405, "", ""},
    {"empty parameter", Method::Get, "/api/v1/jobs/", 404, "", ""},
    {"empty segment", Method::Get, "/api//v1/jobs", 404, "", ""},
    {"no dots", Method::Get, "/api/v1/x/../jobs", 404, "", ""},
    {"case matters", Method::Get, "/API/v1/jobs", 404, "", ""},
    {"root", Method::Get, "/", 404, "", ""},
    {"not an address", Method::Get, "*", 400, "", ""},
    {"absolute form", Method::Get, "http://x/api/v1/jobs", 400, "", ""},
    {"empty", Method::Get, "", 400, "", ""},
    {"bad encoding", Method::Get, "/api/v1/jobs/%zz", 400, "", ""},
    {"zero byte", Method::Get, "/api/v1/jobs/a%00", 400, "", ""},
    {"overlong UTF-8", Method::Get, "/api/v1/jobs/%c0%af", 400, "", ""},
};

TEST(Router, FindsByTable) {
  const Router router = example();
  for (const FindCase& test : kFindCases) {
    SCOPED_TRACE(test.why);
    const auto match = router.find(test.method, test.path);
    if (test.status != 200) {
      ASSERT_FALSE(match);
      EXPECT_EQ(match.error().status, test.status);
      continue;
    }
    ASSERT_TRUE(match) << match.error().detail;
    EXPECT_EQ(match->route->pattern, test.pattern);
    if (*test.parameter) {
      ASSERT_EQ(match->parameters.size(), 1u);
      EXPECT_EQ(match->parameters.begin()->second, test.parameter);
    }
  }
}

TEST(Router, SaysWhatIsAllowed) {
  const Router router = example();
  const auto match = router.find(Method::Delete, "/api/v1/jobs");
  ASSERT_FALSE(match);
  EXPECT_EQ(match.error().headers.get("allow"), "GET, HEAD, POST");
}

struct MeantCase {
  Method method;
  const char *path, *detail, *suggestion;
};
constexpr MeantCase kMeantCases[] = {
    {Method::Post, "/api/v1/jobs/x:rum", "no action 'rum' here; did you mean 'run'? There is run, pause", "run"},
    {Method::Post, "/api/v1/jobs/x:explode", "no action 'explode' here; there is run, pause", ""},
    {Method::Get, "/api/v1/jobs/x:fly", "no action 'fly' here; there is POST run, POST pause", ""},
    {Method::Get, "/api/v1/jobs/", "nothing stands under this address; did you mean /api/v1/jobs?", "/api/v1/jobs"},
    {Method::Post, "/api//v1/jobs/x:run/", "nothing stands under this address; did you mean /api/v1/jobs/x:run?",
     "/api/v1/jobs/x:run"},
    {Method::Get, "/api/v1/job/x", "nothing stands under this address; did you mean /api/v1/jobs/x?", "/api/v1/jobs/x"},
    {Method::Get, "/runs/a%20b/output", "nothing stands under this address; did you mean /api/v1/runs/a%20b/output?",
     "/api/v1/runs/a%20b/output"},
    {Method::Get, "/api/v1", "nothing stands under this address; GET /api/v1/openapi.json lists those of the API",
     nullptr},
    {Method::Get, "/api/v1/nowhere",
     "nothing stands under this address; GET /api/v1/openapi.json lists those of the API", nullptr},
    {Method::Get, "/nowhere", "nothing stands under this address", nullptr},
    {Method::Get, "/", "nothing stands under this address", nullptr},
};

TEST(Router, SaysWhatWasMostLikelyMeant) {
  const Router router = example();
  for (const MeantCase& test : kMeantCases) {
    SCOPED_TRACE(test.path);
    const auto match = router.find(test.method, test.path);
    ASSERT_FALSE(match);
    EXPECT_EQ(match.error().status, 404);
    EXPECT_EQ(match.error().detail, test.detail);
    ASSERT_EQ(match.error().errors.size(), test.suggestion == nullptr ? 0u : 1u);
    if (test.suggestion) {
      EXPECT_EQ(match.error().errors.front().suggestion, test.suggestion);
    }
  }
}

}  // namespace
}  // namespace cronfleet::api
