#include "domain/json_reader.h"

#include <gtest/gtest.h>

#include "domain/nearest.h"

namespace cronfleet::domain {
namespace {

// Reads any text, takes {"a": integer 0..10, "b": {"c": text}, "d": [numbers 0..10]}, and shows the mistakes.
std::string mistakes(std::string_view text, JsonComments comments = JsonComments::Refused, std::size_t max = 1 << 20) {
  const JsonOptions options{max, comments};
  const DocumentErrors errors = read_json(text, options, [](const JsonValue& root) {
    for (const JsonValue& member : root.members()) {
      if (member.key() == "a") {
        (void)member.integer(0, 10);
      } else if (member.key() == "b") {
        for (const JsonValue& inner : member.members()) (void)inner.text();
      } else if (member.key() == "d") {
        for (const JsonValue& element : member.elements()) (void)element.number(0, 10);
      } else {
        member.refuse_key({"a", "beta"});
      }
    }
  });
  std::string lines;
  for (const FieldError& error : errors.errors()) lines += error.text() + "\n";
  return lines;
}

struct ReadCase {
  const char* why;
  std::string_view text;
  std::string_view want;
};
constexpr ReadCase kReadCases[] = {
    {"all well", R"({"a": 1, "b": {"c": "x"}, "d": [1, 2.5]})", ""},
    {"space around", " \t\r\n{} \n", ""},
    {"empty text", "", "line 1, column 1: the text ends in the middle of the document\n"},
    {"cut short", R"({"a": )", "line 1, column 7: the text ends in the middle of the document\n"},
    {"text after it", "{} x", "line 1, column 4: expected the end of the text, found 'x'\n"},
    {"a second document", "{}\n{}", "line 2, column 1: expected the end of the text, found '{'\n"},
    {"comma before the end", R"({"a": 1,})", "line 1, column 9: expected another value after ',', found '}'\n"},
    {"single quotes", "{'a': 1}", "line 1, column 2: texts and keys stand in double quotes, found '\n"},
    {"no quotes", "{a: 1}", "line 1, column 2: expected a key in double quotes or a value, found 'a'\n"},
    {"comment", "{} // x", "line 1, column 4: comments are not allowed here\n"},
    {"line break in a text", "{\"a\": \"x\ny\"}",
     "line 1, column 9: a text cannot hold the control character U+000A as it is, write \\u…\n"},
    {"broken UTF-8", "{\"b\": {\"c\": \"\xff\"}}", "line 1, column 14: not valid UTF-8: found the byte 0xFF\n"},
    {"UTF-8 byte order mark", "\xef\xbb\xbf{}",
     "line 1, column 1: expected JSON in plain UTF-8, found a byte order mark\n"},
    {"duplicate", "{\"a\": 1,\n \"b\": {}, \"a\": 2}",
     "/a (line 2, column 11): stands here for the second time, first at line 1, column 2\n"},
    {"duplicate by escape", R"({"a": 1, "\u0061": 2})",
     "/a (line 1, column 10): stands here for the second time, first at line 1, column 2\n"},
    {"duplicate deep inside", R"({"b": {"c": "x:y", "c": "\":"}})",
     "/b/c (line 1, column 20): stands here for the second time, first at line 1, column 8\n"},
    {"duplicate of which the last has a mistake", R"({"b": {"x": "y"}, "b": {"c": 1}})",
     "/b (line 1, column 19): stands here for the second time, first at line 1, column 2\n"
     "/b/c (line 1, column 30): expected a text, found a number\n"},
    {"escaped quotes and backslashes", R"({"b": {"c": "\\\\", "c\\\"": "\"", "\\": 1}, "\"}": 2})",
     "/b/\\ (line 1, column 42): expected a text, found a number\n"
     "/\"} (line 1, column 46): unknown key\n"},
    {"past a double", R"({"d": [1, 1e400]})",
     "/d/1 (line 1, column 11): expected a number from 0 to 10, found 1e400\n"},
    {"not whole", R"({"a": 1.0})", "/a (line 1, column 7): expected a whole number from 0 to 10, found 1.0\n"},
    {"past the range", R"({"a": 11})", "/a (line 1, column 7): expected a whole number from 0 to 10, found 11\n"},
    {"past 64 bits", R"({"a": 18446744073709551615})",
     "/a (line 1, column 7): expected a whole number from 0 to 10, found 18446744073709551615\n"},
    {"another kind", R"({"a": "1", "b": [], "d": {}})",
     "/a (line 1, column 7): expected a whole number from 0 to 10, found a text\n"
     "/b (line 1, column 17): expected an object, found an array\n"
     "/d (line 1, column 26): expected an array, found an object\n"},
    {"no object at all", "[]", "line 1, column 1: expected an object, found an array\n"},
    {"unknown keys", "{\"bta\": 1, \"每\": 2, \"zzz\": 3}",
     "/bta (line 1, column 2): unknown key; did you mean 'beta'?\n"
     "/每 (line 1, column 12): unknown key\n"
     "/zzz (line 1, column 20): unknown key\n"},
    {"key with a slash", R"({"x/y~z": 1})", "/x~1y~0z (line 1, column 2): unknown key\n"},
    {"everything at once, in order", "{\"zzz\": 1,\n \"b\": {\"c\": null},\n \"a\": -1}",
     "/zzz (line 1, column 2): unknown key\n"
     "/b/c (line 2, column 13): expected a text, found null\n"
     "/a (line 3, column 7): expected a whole number from 0 to 10, found -1\n"},
};

TEST(JsonReader, SaysWhatIsWrongAndWhere) {
  for (const ReadCase& c : kReadCases) EXPECT_EQ(mistakes(c.text), c.want) << c.why;
}

TEST(JsonReader, CommentsWhereAllowed) {
  constexpr std::string_view text =
      "// head: {\"a\": 1}\n{ /* \"a\": 2 */ \"a\": 3, // \"a\": 4\n \"b\": {\"c\": 5}}\n// end";
  EXPECT_EQ(mistakes(text, JsonComments::Allowed), "/b/c (line 3, column 13): expected a text, found a number\n");
  EXPECT_NE(mistakes(text), "");
}

TEST(JsonReader, BrokenComments) {
  constexpr std::string_view kExpected = "expected a whole comment, // … or /* … */\n";
  EXPECT_EQ(mistakes("{\"a\":/1}", JsonComments::Allowed), fmt::format("line 1, column 6: {}", kExpected));
  EXPECT_EQ(mistakes("{\"/\":\n // x\n/y", JsonComments::Allowed), fmt::format("line 3, column 1: {}", kExpected));
  EXPECT_EQ(mistakes("{} /", JsonComments::Allowed), "line 1, column 5: the text ends in the middle of the document\n");
  EXPECT_EQ(mistakes("{} /* x *", JsonComments::Allowed),
            "line 1, column 10: the text ends in the middle of the document\n");
  EXPECT_EQ(mistakes("{\"a\":/1}"), "line 1, column 6: comments are not allowed here\n");
}

TEST(JsonReader, NestingEndsAt32) {
  const auto nested = [](std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  EXPECT_EQ(mistakes(nested(32)), "line 1, column 1: expected an object, found an array\n");
  EXPECT_EQ(mistakes(nested(33)), "line 1, column 33: nested more than 32 deep\n");
  EXPECT_NE(mistakes(std::string(100'000, '[')), "");
}

TEST(JsonReader, SizeEndsAtTheLimit) {
  EXPECT_EQ(mistakes("{}  ", JsonComments::Refused, 4), "");
  EXPECT_EQ(mistakes("{}   ", JsonComments::Refused, 4), "has 5 bytes, at most 4 are allowed\n");
}

TEST(JsonReader, NumbersAreReadExactly) {
  // The parser's own reading of some of these is off by one in the last place.
  for (const double want : {1.1, 2.7182818284590452, 9.9999999999999982, 1e-7, 0.1234567890123456789}) {
    double got = 0;
    read_json(fmt::format("[{}]", want), {}, [&](const JsonValue& root) {
      for (const JsonValue& element : root.elements()) got = element.number(0, 10).value_or(-1);
    });
    EXPECT_EQ(got, want);
  }
}

TEST(JsonReader, MistakesPastTheLimitAreCounted) {
  std::string text = "{";
  for (int i = 0; i < 60; ++i) text += fmt::format("{}\"unknown {}\": 0", i == 0 ? "" : ",", i);
  const DocumentErrors errors = read_json(text + "}", {}, [](const JsonValue& root) {
    for (const JsonValue& member : root.members()) member.refuse_key({});
  });
  EXPECT_EQ(errors.errors().size(), DocumentErrors::kErrorsMax);
  EXPECT_EQ(errors.count(), 60u);
  EXPECT_NE(errors.status().message().find("and 40 more"), std::string::npos);
}

struct NearestCase {
  std::string_view word, want;
};
constexpr NearestCase kNearestCases[] = {
    {"schedul", "schedule"},
    {"shcedule", "schedule"},
    {"SCHEDULE", "schedule"},
    {"comand", "command"},
    {"timezone", "time_zone"},
    {"x", ""},
    {"", ""},
    {"completely_else", ""},
};

TEST(Nearest, FindsSlipsOnly) {
  for (const NearestCase& c : kNearestCases)
    EXPECT_EQ(nearest(c.word, {"schedule", "command", "time_zone", "env"}), c.want) << c.word;
}

}  // namespace
}  // namespace cronfleet::domain
