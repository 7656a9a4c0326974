#include "domain/where.h"

#include <gtest/gtest.h>

namespace cronfleet::domain {
namespace {

struct WhereCase {
  const char* why;
  Where where;
  Labels labels;
  bool admitted;
  const char* text;
};

const WhereCase kCases[] = {
    {"nothing asked", {}, {}, true, ""},
    {"one value", {{"zone", {{"eu"}}}}, {{"zone", "eu"}}, true, "zone = eu"},
    {"another value", {{"zone", {{"eu"}}}}, {{"zone", "us"}}, false, "zone = eu"},
    {"no such label", {{"zone", {{"eu"}}}}, {{"Zone", "eu"}}, false, "zone = eu"},
    {"one of several", {{"zone", {{"eu", "us"}}}}, {{"zone", "us"}}, true, "zone in (eu, us)"},
    {"none of several", {{"zone", {{"eu", "us"}}}}, {{"zone", "cn"}}, false, "zone in (eu, us)"},
    {"not that one", {{"zone", {{"eu"}, true}}}, {{"zone", "eu"}}, false, "zone != eu"},
    {"not that one, another", {{"zone", {{"eu"}, true}}}, {{"zone", "us"}}, true, "zone != eu"},
    {"not that one, none", {{"gpu", {{"true"}, true}}}, {}, true, "gpu != true"},
    {"none of these", {{"zone", {{"eu", "us"}, true}}}, {{"zone", "us"}}, false, "zone not in (eu, us)"},
    {"all of them", {{"a", {{"1"}}}, {"b", {{"2"}}}}, {{"a", "1"}, {"b", "2"}}, true, "a = 1, b = 2"},
    {"all but one", {{"a", {{"1"}}}, {"b", {{"2"}}}}, {{"a", "1"}}, false, "a = 1, b = 2"},
    {"by name", {{"node", {{"w1", "w2"}}}}, {}, true, "node in (w1, w2)"},
    {"not by name", {{"node", {{"w1"}, true}}}, {}, false, "node != w1"},
    {"a label cannot pretend", {{"node", {{"w2"}}}}, {{"node", "w2"}}, false, "node = w2"},
};

TEST(Where, AdmitsTheWorkersItNames) {
  for (const WhereCase& c : kCases) {
    EXPECT_EQ(admits(c.where, NodeId("w1"), c.labels), c.admitted) << c.why;
    EXPECT_EQ(shown_where(c.where), c.text) << c.why;
  }
}

}  // namespace
}  // namespace cronfleet::domain
