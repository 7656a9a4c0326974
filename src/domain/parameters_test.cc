#include "domain/parameters.h"

#include <gtest/gtest.h>

#include "domain/job_json.h"

namespace cronfleet::domain {
namespace {

std::string mistakes_of(const std::string& parameters) {
  const auto job = decode_job(R"({"name":"a","schedule":"@daily","command":"true","parameters":)" + parameters + "}");
  return job ? "" : job.error().errors().front().pointer + ": " + job.error().errors().front().message;
}

struct Case {
  const char* parameters;
  const char* mistake;
};

TEST(Parameters, DeclarationsByTable) {
  constexpr Case kCases[] = {
      {"[]", ""},
      {R"([{"name":"A"}])", ""},
      {R"([{"name":"_a1","type":"integer","default":5,"choices":[1,5]}])", ""},
      {R"([{"name":"A","type":"boolean","default":false}])", ""},
      {R"([{"name":"A","default":"x","choices":["y","x"],"description":"d"}])", ""},
      {R"([{"type":"text"}])", "/parameters/0/name: missing: as which variable does it reach the run?"},
      {R"([{"name":"1A"}])", "/parameters/0/name: expected the name of a variable like TABLE, found '1A'"},
      {R"([{"name":"A-B"}])", "/parameters/0/name: expected the name of a variable like TABLE, found 'A-B'"},
      {R"([{"name":""}])", "/parameters/0/name: expected the name of a variable like TABLE, found ''"},
      {R"([{"name":"CRONFLEET_JOB"}])",
       "/parameters/0/name: variables that begin with CRONFLEET_ are set by the worker"},
      {R"([{"name":"A"},{"name":"A"}])", "/parameters/1/name: 'A' is declared twice"},
      {R"([{"name":"A","type":"float"}])", "/parameters/0/type: expected text, integer or boolean, found 'float'"},
      {R"([{"name":"A","default":"x","type":"integer"}])", "/parameters/0/default: expected a whole number, found 'x'"},
      {R"([{"name":"A","default":"z","choices":["x","y"]}])", "/parameters/0/default: expected one of x, y, found 'z'"},
      {R"([{"name":"A","choices":["x"],"type":"boolean"}])",
       "/parameters/0/choices/0: expected true or false, found 'x'"},
  };
  for (const Case& c : kCases) EXPECT_EQ(mistakes_of(c.parameters), c.mistake) << c.parameters;
  EXPECT_NE(mistakes_of(R"([{"name":"A","default":null}])"), "");
  EXPECT_NE(mistakes_of(R"([{"name":"A","default":1.5}])"), "");
  EXPECT_NE(mistakes_of(R"([{"name":"A","nam":"B"}])"), "");
  EXPECT_NE(mistakes_of(R"({"name":"A"})"), "");
}

TEST(Parameters, LimitsAtTheEdgeAndOnePast) {
  const auto many = [](std::size_t count) {
    std::string text = "[";
    for (std::size_t i = 0; i < count; ++i) text += fmt::format(R"({}{{"name":"P{}"}})", i == 0 ? "" : ",", i);
    return text + "]";
  };
  EXPECT_EQ(mistakes_of(many(64)), "");
  EXPECT_EQ(mistakes_of(many(65)), "/parameters: has 65 parameters, at most 64 are allowed");
  const auto of_length = [](std::size_t bytes) {
    return fmt::format(R"([{{"name":"A","default":"{}"}}])", std::string(bytes, 'x'));
  };
  EXPECT_EQ(mistakes_of(of_length(4096)), "");
  EXPECT_NE(mistakes_of(of_length(4097)), "");
}

}  // namespace
}  // namespace cronfleet::domain
