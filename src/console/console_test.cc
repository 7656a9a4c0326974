#include "console/console.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace cronfleet::console {
namespace {

const std::vector<File> kFiles = {
    {"/", "text/html; charset=utf-8", "11", "<html>a page of the console</html>", "packed page"},
    {"/icon.svg", "image/svg+xml", "22", "<svg/>", "a longer packed icon"},
    {"/assets/main-4XQ2.js", "text/javascript; charset=utf-8", "33", "console.log('as it is')", "packed script",
     "br script"},
};

class ConsoleTest : public testing::Test {
 protected:
  ConsoleTest() { add_routes(router_, kFiles); }

  api::Response get(const std::string& target, std::vector<api::Headers::Field> headers = {}) {
    api::Request request{.target = target};
    for (auto& [name, value] : headers) request.headers.add(name, value);
    const auto match = router_.find(request.method, request.path());
    if (!match) return {.status = match.error().status};
    api::Call call{request, match->parameters, api::Query()};
    return *match->route->handle(call);
  }

  api::Router router_;
};

std::string header(const api::Response& response, std::string_view name) {
  return std::string(response.headers.get(name).value_or("(absent)"));
}

TEST_F(ConsoleTest, EveryAddressOfAPageAnswersThePage) {
  for (const char* target : {"/", "/jobs", "/jobs/nightly", "/jobs/%E5%A4%87%E4%BB%BD/edit", "/new-job?copy=a", "/runs",
                             "/runs/nightly@2026-03-01T02:00:00Z.1", "/calendar", "/workers/web-1", "/system"}) {
    const auto response = get(target);
    EXPECT_EQ(response.status, 200) << target;
    EXPECT_EQ(response.body, kFiles[0].bytes) << target;
    EXPECT_EQ(response.content_type, "text/html; charset=utf-8") << target;
  }
}

TEST_F(ConsoleTest, AnAddressThatIsNoPageIsNotFound) {
  for (const char* target : {"/nowhere", "/assets/old-1.js", "/assets", "/job/list", "/api/v1/jobs", "/jobs/a/b/c"})
    EXPECT_EQ(get(target).status, 404) << target;
}

TEST_F(ConsoleTest, WhoTakesAPackedFormGetsTheSmallest) {
  struct Case {
    const char* accepted;
    std::string coding;
  };
  for (const auto& [accepted, coding] : {
           Case{"gzip, deflate, br", "br"},
           Case{"br;q=1.0, GZIP;q=0.5", "br"},
           Case{"gzip, deflate", "gzip"},
           Case{"gzip, br;q=0", "gzip"},
           Case{"*", "br"},
           Case{"gzip;q=0", "(absent)"},
           Case{"gzip;q=0, br", "br"},
           Case{"br;q=0, gzip; q=0.000, *", "(absent)"},
           Case{"x-gzipped, brotli", "(absent)"},
           Case{"identity", "(absent)"},
           Case{"", "(absent)"},
           Case{",;,", "(absent)"},
       }) {
    const auto response = get("/assets/main-4XQ2.js", {{"Accept-Encoding", accepted}});
    EXPECT_EQ(response.body, coding == "br"     ? kFiles[2].brotli
                             : coding == "gzip" ? kFiles[2].gzip
                                                : kFiles[2].bytes)
        << accepted;
    EXPECT_EQ(header(response, "Content-Encoding"), coding) << accepted;
    EXPECT_EQ(header(response, "Vary"), "Accept-Encoding");
  }
  EXPECT_EQ(get("/icon.svg", {{"Accept-Encoding", "gzip, br"}}).body, "<svg/>")
      << "packing that does not pay is left out";
}

TEST_F(ConsoleTest, NamesWithADigestAreKeptForGoodAndThePageIsAskedForAgain) {
  EXPECT_EQ(header(get("/assets/main-4XQ2.js"), "Cache-Control"), "public, max-age=31536000, immutable");
  const auto page = get("/");
  EXPECT_EQ(header(page, "Cache-Control"), "no-cache");
  EXPECT_EQ(header(page, "ETag"), "\"11\"");
  const auto again = get("/", {{"If-None-Match", "W/\"5\", \"11\""}});
  EXPECT_EQ(again.status, 304);
  EXPECT_TRUE(again.body.empty());
  EXPECT_EQ(get("/", {{"If-None-Match", "\"110\""}}).status, 200);
}

TEST_F(ConsoleTest, TheFormsOfAFileHaveTheirOwnTags) {
  const auto packed = get("/", {{"Accept-Encoding", "gzip"}});
  EXPECT_EQ(header(packed, "ETag"), "\"11-gzip\"");
  EXPECT_EQ(get("/", {{"If-None-Match", "\"11-gzip\""}}).status, 200) << "this client cannot read what it has";
  EXPECT_EQ(get("/", {{"If-None-Match", "\"11-gzip\""}, {"Accept-Encoding", "gzip"}}).status, 304);
}

TEST(ConsoleOffTest, ABuildWithoutTheConsoleSaysHowToGetIt) {
  static const std::vector<File> kNone;
  api::Router router;
  add_routes(router, kNone);
  const auto match = router.find(api::Method::Get, "/");
  ASSERT_TRUE(match);
  const api::Request request{.target = "/"};
  api::Call call{request, {}, api::Query()};
  const auto response = match->route->handle(call);
  ASSERT_TRUE(response);
  EXPECT_EQ(response->status, 200);
  EXPECT_THAT(response->body, testing::HasSubstr("CRONFLEET_UI=build"));
  EXPECT_FALSE(router.find(api::Method::Get, "/jobs"));
}

// What this very build embeds, whichever way it was configured.
TEST(ConsoleFilesTest, WhatIsEmbeddedIsWhole) {
  std::set<std::string_view> paths;
  for (const File& file : files()) {
    EXPECT_TRUE(paths.insert(file.path).second) << file.path;
    EXPECT_FALSE(file.bytes.empty()) << file.path;
    EXPECT_EQ(file.gzip.substr(0, 2), "\x1f\x8b") << file.path;
    EXPECT_FALSE(file.brotli.empty()) << file.path;
    EXPECT_FALSE(file.tag.empty());
  }
  if (files().empty()) GTEST_SKIP() << "this build has no console: CRONFLEET_UI is off, or node and npm are missing";
  ASSERT_TRUE(paths.contains("/"));
  for (const File& file : files()) {
    if (file.path != "/") continue;
    // Everything that the page names is there.
    for (auto at = file.bytes.find("=\"/"); at != std::string_view::npos; at = file.bytes.find("=\"/", at + 1)) {
      const auto end = file.bytes.find('"', at + 2);
      EXPECT_TRUE(paths.contains(file.bytes.substr(at + 2, end - at - 2))) << file.bytes.substr(at, 60);
    }
    EXPECT_EQ(file.bytes.find("<style"), std::string_view::npos) << "the policy forbids inline styles";
    EXPECT_EQ(file.bytes.find("<script>"), std::string_view::npos) << "the policy forbids inline scripts";
    EXPECT_EQ(file.bytes.find("://"), std::string_view::npos) << "nothing comes from elsewhere";
  }
}

}  // namespace
}  // namespace cronfleet::console
