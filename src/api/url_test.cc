#include "api/url.h"

#include <gtest/gtest.h>

#include "api/query.h"

namespace cronfleet::api {
namespace {

TEST(PercentDecode, ReadsWhatIsWellFormed) {
  EXPECT_EQ(percent_decode("nightly%20backup"), "nightly backup");
  EXPECT_EQ(percent_decode("%E5%A4%87%e4%bb%bd"), "备份");
  EXPECT_EQ(percent_decode("a+b"), "a+b");
  EXPECT_EQ(percent_decode("a+b", Plus::IsSpace), "a b");
  EXPECT_EQ(percent_decode("%25"), "%");
  EXPECT_EQ(percent_decode("%2525"), "%25");  // once, not twice
  EXPECT_EQ(percent_decode(""), "");
}

TEST(PercentDecode, RefusesTheRest) {
  for (const char* text : {"%", "%2", "a%", "%zz", "%2g", "%00", "a%00b", "%ff", "%c0%af", "%ed%a0%80"})
    EXPECT_FALSE(percent_decode(text)) << text;
}

TEST(PercentEncode, IsUndoneByDecode) {
  std::string all;
  for (int c = 1; c < 128; ++c) all += static_cast<char>(c);
  all += "备份";
  const std::string encoded = percent_encode(all);
  EXPECT_EQ(percent_decode(encoded), all);
  EXPECT_EQ(encoded.find_first_of("/:@#? &+"), std::string::npos);
}

TEST(ParseQuery, SplitsBeforeItDecodes) {
  const auto pairs = parse_query("a=1&b=%26%3D&c&&d=x=y&%61=2");
  ASSERT_TRUE(pairs);
  EXPECT_EQ(*pairs, (QueryPairs{{"a", "1"}, {"b", "&="}, {"c", ""}, {"d", "x=y"}, {"a", "2"}}));
  EXPECT_FALSE(parse_query("a=%"));
  EXPECT_FALSE(parse_query("%=1"));
  EXPECT_EQ(parse_query("&=1").error().parameter, "=1");
  EXPECT_EQ(parse_query("\xff%=1").error().parameter, "%FF%25");
  EXPECT_EQ(parse_query("a=1&%62=%ff").error().parameter, "b");
}

TEST(ParseQuery, HasALimit) {
  std::string text = "a=1";
  for (std::size_t i = 1; i < kQueryPairsMax; ++i) text += "&a=1";
  EXPECT_TRUE(parse_query(text));
  EXPECT_FALSE(parse_query(text + "&a=1"));
}

TEST(Query, TakesValuesAndNamesEveryMistake) {
  Query query(
      *parse_query("limit=501&from=yesterday&follow=maybe&status=failed,lost&status=killed&jop=x&order=newst&a=1&a=2"));
  EXPECT_FALSE(query.integer("limit", 1, 500));
  EXPECT_FALSE(query.instant("from"));
  query.flag("follow");
  EXPECT_EQ(query.words("status", "a status"), (std::vector<std::string>{"failed", "lost", "killed"}));
  query.text("job");
  EXPECT_FALSE(query.choice("order", {"newest", "oldest"}));
  query.text("a");
  const auto problem = query.problem();
  ASSERT_TRUE(problem);
  EXPECT_EQ(problem->status, 400);
  ASSERT_EQ(problem->errors.size(), 6u);
  EXPECT_EQ(problem->errors[0].parameter, "limit");
  EXPECT_EQ(problem->errors[3].suggestion, "newest");
  EXPECT_EQ(problem->errors[5].parameter, "jop");
  EXPECT_EQ(problem->errors[5].suggestion, "job");
}

TEST(Query, LimitsAreInclusive) {
  Query query(*parse_query("a=1&b=500"));
  EXPECT_EQ(query.integer("a", 1, 500), 1);
  EXPECT_EQ(query.integer("b", 1, 500), 500);
  EXPECT_FALSE(query.problem());
}

}  // namespace
}  // namespace cronfleet::api
