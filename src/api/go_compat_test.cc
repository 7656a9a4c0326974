// Go's own answers (tests/data/compat/README.md) to broken and odd JSON, forms and media types: ours are equal.
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <fstream>

#include "api/base64.h"
#include "api/go_form.h"
#include "api/go_json.h"

namespace cronfleet::api {
namespace {

namespace json = boost::json;

std::vector<json::array> rows(std::string_view kind) {
  std::ifstream file("tests/data/compat/go_rows.jsonl");
  std::vector<json::array> found;
  for (std::string line; std::getline(file, line);) {
    const json::array row = json::parse(line).as_array();
    if (row[0].as_string() == kind) found.push_back(row);
  }
  return found;
}
std::string text(const json::value& value) { return std::string(value.as_string()); }
std::string bytes(const json::value& value) { return from_base64(text(value)).value(); }

TEST(GoJson, DecodesAndFailsAsGoDoes) {
  const auto all = rows("json");
  ASSERT_GT(all.size(), 200u);
  for (const json::array& row : all) {
    const std::string input = bytes(row[1]);
    const GoDecoded decoded = decode_go_job(input);
    EXPECT_EQ(decoded.error, text(row[2])) << input;
    std::string again;
    append_go_json(again, decoded.job);
    EXPECT_EQ(again, text(row[3])) << input;
  }
}

TEST(GoForm, ParsesAndFailsAsGoDoes) {
  const auto all = rows("form");
  ASSERT_GT(all.size(), 300u);
  for (const json::array& row : all) {
    Request request;
    request.method = parse_method(text(row[1]));
    const std::string type = bytes(row[2]);
    if (!type.empty()) request.headers.add("Content-Type", type);
    request.body = bytes(row[3]);
    request.target = "/job/save?" + text(row[4]);
    const std::string about = text(row[1]) + " " + type + " | " + request.body + " | " + request.target;
    const GoForm form = parse_go_form(request);
    EXPECT_EQ(form.error, text(row[5])) << about;
    EXPECT_EQ(form.body.get("name"), bytes(row[6])) << about;
    EXPECT_EQ(form.all.get("name"), bytes(row[7])) << about;
  }
}

TEST(GoJson, DepthHasALimit) {
  EXPECT_EQ(decode_go_job(std::string(10'000, '[') + std::string(10'000, ']')).error,
            "json: cannot unmarshal array into Go value of type common.Job");
  EXPECT_EQ(decode_go_job(std::string(10'001, '[')).error, "invalid character '[' exceeded max depth");
}

TEST(GoJson, KindsOfAnswers) {
  EXPECT_EQ(decode_go_job("null").kind, GoDecoded::Kind::Null);
  EXPECT_EQ(decode_go_job("{}").kind, GoDecoded::Kind::Value);
  EXPECT_EQ(decode_go_job("{").kind, GoDecoded::Kind::Syntax);
  const GoDecoded partly = decode_go_job(R"({"name":1,"command":"x"})");
  EXPECT_EQ(partly.kind, GoDecoded::Kind::Type);
  EXPECT_EQ(partly.job.command, "x");
}

TEST(GoJson, EscapesAsMarshalDoes) {
  std::string out;
  append_go_json(out, "<>&\xe2\x80\xa8\xe2\x80\xa9\b\f\n\r\t\x01\x7f/'\"\\\xff");
  EXPECT_EQ(out, R"("\u003c\u003e\u0026\u2028\u2029\u0008\u000c\n\r\t\u0001)"
                 "\x7f/'"
                 R"(\"\\\ufffd")");
}

TEST(GoForm, Integers) {
  EXPECT_EQ(parse_go_integer("+1"), 1);
  EXPECT_EQ(parse_go_integer("-1"), -1);
  for (const char* wrong : {"", "+", "-", "+-1", "1.5", "abc", " 1", "1 ", "0x1", "99999999999999999999"})
    EXPECT_FALSE(parse_go_integer(wrong)) << wrong;
}

TEST(GoForm, CleanPaths) {
  const std::pair<const char*, const char*> kCases[] = {
      {"//job//list", "/job/list"}, {"/../a", "/a"}, {"/a/./b/", "/a/b/"}, {"/a/..", "/"}, {"/a", "/a"}, {"/", "/"}};
  for (const auto& [path, clean] : kCases) EXPECT_EQ(clean_go_path(path), clean);
}

}  // namespace
}  // namespace cronfleet::api
