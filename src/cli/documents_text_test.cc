// YAML in and out, diffs, templates, words at a cursor: what needs no server.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "base/rng.h"
#include "cli/completion.h"
#include "cli/output.h"
#include "cli/text_diff.h"
#include "cli/yaml_reader.h"

namespace cronfleet::cli {
namespace {

namespace json = boost::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string json_of(const std::string& yaml) {
  const auto documents = read_yaml(yaml);
  if (!documents)
    return fmt::format("{}:{}: {}", documents.error().place.line, documents.error().place.column,
                       documents.error().message);
  std::string all;
  for (const YamlDocument& one : *documents) all += one.json;
  return all;
}

TEST(ReadYaml, ByTheCoreSchema) {
  EXPECT_EQ(json_of("a: 1\nb: -2.5\nc: true\nd: null\ne: ~\nf:\n"),
            R"({"a":1,"b":-2.5,"c":true,"d":null,"e":null,"f":null})");
  EXPECT_EQ(json_of("a: yes\nb: on\nc: 0x10\nd: 1.5e3\ne: 12:30\nf: '1'\ng: 022\n"),
            R"({"a":"yes","b":"on","c":"0x10","d":1500,"e":"12:30","f":"1","g":22})");
  EXPECT_EQ(json_of("- [a, {b: c}]\n- |\n  x\n  y\n"), R"([["a",{"b":"c"}],"x\ny\n"])");
  EXPECT_EQ(json_of("a: 1\n---\n---\nb: 2\n...\n"), R"({"a":1}{"b":2})");
  EXPECT_EQ(json_of(""), "");
  EXPECT_EQ(json_of("{\"a\": [1, \"x\"]}"), R"({"a":[1,"x"]})");
}

TEST(ReadYaml, RefusesWhatCouldSurprise) {
  EXPECT_THAT(json_of("a: &x [1]\nb: *x\n"), HasSubstr("1:4: anchors and aliases are not taken"));
  EXPECT_THAT(json_of("b: *x\n"), HasSubstr("anchors and aliases are not taken"));
  EXPECT_THAT(json_of("a: 1\n<<: {b: 2}\n"), HasSubstr("2:1: merge keys"));
  EXPECT_THAT(json_of("a: !!python/name:x y\n"), HasSubstr("the tag"));
  EXPECT_THAT(json_of("? [a]\n: b\n"), HasSubstr("a key is a text"));
  EXPECT_THAT(json_of("a: 1\na: 2\n"), HasSubstr("2:1: the key 'a' stands here twice"));
  EXPECT_THAT(json_of("a: \xff"), HasSubstr("no UTF-8"));
  EXPECT_THAT(json_of("a: @b\n"), HasSubstr("stands in quotes"));
  EXPECT_THAT(json_of(std::string(40, '[') + std::string(40, ']')), HasSubstr("nested more than 32 deep"));
}

TEST(ReadYaml, KnowsWhereValuesStand) {
  const auto documents = read_yaml("name: x\nretry:\n  count: 3\n  cuont: 4\nlist:\n  - a\n  - b/c: d\n");
  ASSERT_TRUE(documents);
  const YamlDocument& document = documents->front();
  EXPECT_EQ(document.place_of("/retry/cuont").line, 4);
  EXPECT_EQ(document.place_of("/retry/cuont").column, 3);
  EXPECT_EQ(document.place_of("/retry/absent").line, 2);
  EXPECT_EQ(document.place_of("/list/1/b~1c").line, 7);
}

// A value of any shape, with texts that YAML could take for something else.
json::value any_value(Rng& rng, int depth) {
  static const char* kTexts[] = {"",           "a",      "yes",       "null",      "1",      "1.5",   "- x",
                                 "a: b",       "# no",   " x",        "x ",        "a\nb\n", "a\n\n", "a\nb",
                                 "\n",         "|",      "'q'",       "\"q\"",     "@daily", "%x",    "夜间",
                                 "🚀",         "\tx\ny", "0 2 * * *", "x\x1b[2J",  "~",      "12:30", "2026-01-01",
                                 "a\n  b\n c", "=",      "<<",        "x\u202e\ny"};
  switch (rng.below(depth > 3 ? 4 : 6)) {
    case 0: return json::value(static_cast<std::int64_t>(rng.below(1000)) - 500);
    case 1: return rng.chance(0.5);
    case 2: return nullptr;
    case 3: return kTexts[rng.below(std::size(kTexts))];
    case 4: {
      json::array array;
      for (auto i = rng.below(4); i > 0; --i) array.push_back(any_value(rng, depth + 1));
      return array;
    }
    default: {
      json::object object;
      for (auto i = rng.below(4); i > 0; --i) object[kTexts[rng.below(std::size(kTexts))]] = any_value(rng, depth + 1);
      return object;
    }
  }
}

TEST(YamlText, ReadsBackAsItWas) {
  Rng rng(20261125);
  for (int i = 0; i < 5'000; ++i) {
    json::object value;
    for (int j = 0; j < 3; ++j) value[fmt::format("key {}", j)] = any_value(rng, 0);
    if (value.contains("<<")) continue;
    const std::string text = yaml_text(value);
    const auto read = read_yaml(text);
    ASSERT_TRUE(read) << text << read.error().message;
    ASSERT_EQ(read->size(), 1u) << text;
    ASSERT_EQ(json::parse(read->front().json), json::value(value)) << text;
  }
}

TEST(YamlText, IsWhatPeopleWrite) {
  EXPECT_EQ(yaml_text(json::parse(R"({"name":"nightly","command":"set -e\nrun\n","labels":{"team":"db","on":"yes"},
                                      "list":[{"a":1,"b":[]},"x"],"empty":{}})")),
            "name: nightly\ncommand: |\n  set -e\n  run\nlabels:\n  team: db\n  \"on\": \"yes\"\nlist:\n"
            "  - a: 1\n    b: []\n  - x\nempty: {}\n");
}

TEST(TextDiff, ShowsWhatChangedAndWhatStandsAround) {
  EXPECT_EQ(text_diff("a\nb\n", "a\nb\n"), "");
  EXPECT_EQ(text_diff("", "a\n"), "+a\n");
  EXPECT_EQ(text_diff("1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\nx\n6\n7\n8\n9\n"),
            " 2\n 3\n 4\n-5\n+x\n 6\n 7\n 8\n");
  EXPECT_EQ(text_diff("a\n1\n2\n3\n4\n5\n6\n7\n8\nb\n", "A\n1\n2\n3\n4\n5\n6\n7\n8\nB\n"),
            "-a\n+A\n 1\n 2\n 3\n…\n 6\n 7\n 8\n-b\n+B\n");
}

TEST(FillTemplate, ByPath) {
  const auto value = json::parse(R"({"name":"x","job":{"labels":{"team":"db"}},"next":["t1","t2"],"n":3})");
  EXPECT_EQ(fill_template("{name}: {job.labels.team} {next.1} {n}", value), "x: db t2 3");
  EXPECT_EQ(fill_template("{{{name}}} {nothing.here}{next.7}\\t|\\n", value), "{x} \t|\n");
  EXPECT_EQ(parse_output_form("template=x}").error(),
            "-o template: column 2: a '}' without its '{'; write '}}' for a brace");
  EXPECT_EQ(parse_output_form("template=备{x").error(),
            "-o template: column 2: a '{' without its '}'; write '{{' for a brace");
  EXPECT_EQ(parse_output_form("template={}").error(), "-o template: column 1: no field stands between the braces");
  EXPECT_EQ(parse_output_form("template=").error(), "-o template: it is empty; expected template={name}");
  EXPECT_EQ(parse_output_form("{name}").error(),
            "-o '{name}': expected table, wide, json, ndjson, yaml, csv, name or template={name}; did you mean "
            "'template={name}'?");
  EXPECT_FALSE(parse_output_form("xml"));
  EXPECT_TRUE(parse_output_form("template={name}"));
}

TEST(WordsOfLine, AsBashTakesThem) {
  EXPECT_THAT(words_of_line("cronfleet job get "), ElementsAre("job", "get", ""));
  EXPECT_THAT(words_of_line("cronfleet job get weekly\\ re"), ElementsAre("job", "get", "weekly re"));
  EXPECT_THAT(words_of_line("cronfleet job get 'weekly re"), ElementsAre("job", "get", "weekly re"));
  EXPECT_THAT(words_of_line("cronfleet run get a@2026-03-01T02:0"), ElementsAre("run", "get", "a@2026-03-01T02:0"));
  EXPECT_THAT(words_of_line("cronfleet "), ElementsAre(""));
}

}  // namespace
}  // namespace cronfleet::cli
