#include "domain/json_merge.h"

#include <gtest/gtest.h>

namespace cronfleet::domain {
namespace {

// The examples of RFC 7396, appendix A.
TEST(MergePatch, TheExamplesOfTheStandard) {
  struct Case {
    const char *document, *patch, *want;
  };
  const Case kCases[] = {
      {R"({"a":"b"})", R"({"a":"c"})", R"({"a":"c"})"},
      {R"({"a":"b"})", R"({"b":"c"})", R"({"a":"b","b":"c"})"},
      {R"({"a":"b"})", R"({"a":null})", R"({})"},
      {R"({"a":"b","b":"c"})", R"({"a":null})", R"({"b":"c"})"},
      {R"({"a":["b"]})", R"({"a":"c"})", R"({"a":"c"})"},
      {R"({"a":"c"})", R"({"a":["b"]})", R"({"a":["b"]})"},
      {R"({"a":{"b":"c"}})", R"({"a":{"b":"d","c":null}})", R"({"a":{"b":"d"}})"},
      {R"({"a":[{"b":"c"}]})", R"({"a":[1]})", R"({"a":[1]})"},
      {R"(["a","b"])", R"(["c","d"])", R"(["c","d"])"},
      {R"({"a":"b"})", R"(["c"])", R"(["c"])"},
      {R"({"a":"foo"})", "null", "null"},
      {R"({"a":"foo"})", R"("bar")", R"("bar")"},
      {R"({"e":null})", R"({"a":1})", R"({"e":null,"a":1})"},
      {"[1,2]", R"({"a":"b","c":null})", R"({"a":"b"})"},
      {"{}", R"({"a":{"bb":{"ccc":null}}})", R"({"a":{"bb":{}}})"},
  };
  for (const Case& c : kCases) EXPECT_EQ(merge_patch(c.document, c.patch), c.want) << c.document << " + " << c.patch;
}

TEST(MergePatch, MembersKeepTheirOrder) {
  EXPECT_EQ(merge_patch(R"({"a":1,"b":2,"c":3})", R"({"a":null,"c":4})"), R"({"b":2,"c":4})");
}

TEST(JsonChanges, MemberByMember) {
  const auto changes = json_changes(R"({"a":1,"b":{"x/y":1,"z":[1,2]},"c":"gone"})",
                                    R"({"b":{"z":[1,3],"x/y":1,"n":true},"a":1,"d~":{}})");
  const std::vector<JsonChange> want = {
      {"/b/z", "[1,2]", "[1,3]"}, {"/b/n", "", "true"}, {"/c", "\"gone\"", ""}, {"/d~0", "", "{}"}};
  EXPECT_EQ(changes, want);
  EXPECT_TRUE(json_changes(R"({"a":1,"b":2})", R"({"b":2,"a":1})").empty());
}

}  // namespace
}  // namespace cronfleet::domain
