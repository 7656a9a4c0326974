#include "api/problem.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/base64.h"
#include "api/response_head.h"

namespace cronfleet::api {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(Problem, OfAFailureByTable) {
  constexpr std::pair<Code, int> kCases[] = {
      {Code::InvalidArgument, 422}, {Code::NotFound, 404},    {Code::Conflict, 409},
      {Code::NoSpace, 507},         {Code::Unavailable, 503}, {Code::LeaseLost, 503},
      {Code::Compacted, 503},       {Code::Cancelled, 503},   {Code::Corrupt, 500},
  };
  for (const auto& [code, status] : kCases) {
    const Response response = to_response(problem_of(Status(code, "a sentence")), "id-1");
    EXPECT_EQ(response.status, status) << to_string(code);
    EXPECT_EQ(response.content_type, "application/problem+json");
    EXPECT_EQ(response.headers.get("Retry-After").has_value(), status == 503) << to_string(code);
  }
}

// SEC-35: what a store says names files and statements; the client hears neither, the log does.
TEST(Problem, KeepsWhatIsOurs) {
  for (const Code code : {Code::NoSpace, Code::Unavailable, Code::Corrupt, Code::Cancelled}) {
    const Response response =
        to_response(problem_of(Status(code, "writing /var/lib/cronfleet/coord.db: INSERT INTO kv failed")), "id-1");
    EXPECT_THAT(response.body, Not(HasSubstr("/var/lib")));
    EXPECT_THAT(response.body, Not(HasSubstr("INSERT")));
    EXPECT_THAT(response.trouble, HasSubstr("/var/lib/cronfleet/coord.db"));
  }
}

TEST(Problem, EscapesWhatItRepeats) {
  const Response response = to_response({.status = 400, .code = "x", .detail = "<script>\"\n\x01\xff"}, "id");
  EXPECT_THAT(response.body, HasSubstr(R"("detail":"<script>\"\n\u0001)"));
}

TEST(Base64, ThereAndBack) {
  std::string bytes;
  for (int i = 0; i < 300; ++i) {
    EXPECT_EQ(from_base64(to_base64(bytes)), bytes);
    bytes += static_cast<char>(i * 7);
  }
  EXPECT_EQ(to_base64("\xff\xfe"), "//4=");
  for (const char* text : {"a", "====", "a===", "ab=c", "ab!=", "=abc"}) EXPECT_FALSE(from_base64(text)) << text;
}

TEST(HttpDate, AsTheStandardSays) { EXPECT_EQ(http_date(from_seconds(784111777)), "Sun, 06 Nov 1994 08:49:37 GMT"); }

}  // namespace
}  // namespace cronfleet::api
