// Every published fact: 1,744 rows from 19 libraries' own tests and from brute force.
#include <gtest/gtest.h>

#include <iostream>

#include "cron/parse.h"
#include "tests/cron_data.h"
#include "tz/zone_database.h"

namespace cronfleet {
namespace {

class PublishedFacts : public ::testing::Test {
 protected:
  // What the engine says, in the form of the table's column `expected`.
  std::string answer(const CronFact& fact) {
    const auto parsed = cron::parse(fact.expression, {.key = fact.key, .zones = zones_.get()});
    if (!parsed) return "INVALID";
    WallTime at = parse_rfc3339(fact.from).value();
    const cron::ZonePtr zone = parsed->zone != nullptr ? parsed->zone : zones_->find(fact.time_zone);
    if (zone == nullptr) return "no zone " + fact.time_zone;
    const cron::Schedule schedule = parsed->schedule.anchored_at(at);
    std::string answers;
    const std::size_t count = split(fact.expected, ',').size();
    for (std::size_t i = 0; i < count; ++i) {
      const auto next = cron::next(schedule, *zone, at);
      if (!next) break;
      answers += (i == 0 ? "" : ",") + to_rfc3339(*next);
      at = *next;
    }
    return answers.empty() ? "NEVER" : answers;
  }

  static std::string in_utc(const std::string& expected) {
    if (expected == "INVALID" || expected == "NEVER") return expected;
    std::string text;
    for (const std::string& instant : split(expected, ','))
      text += (text.empty() ? "" : ",") + to_rfc3339(parse_rfc3339(instant).value());
    return text;
  }

  void check(const std::vector<CronFact>& facts, const std::string& path) {
    std::size_t wrong = 0;
    for (const CronFact& fact : facts) {
      const std::string want = in_utc(fact.expected), got = answer(fact);
      if (want == got) continue;
      ++wrong;
      ADD_FAILURE() << fact.id << " '" << fact.expression << "' in " << fact.time_zone << " from " << fact.from
                    << "\n  want " << want << "\n  got  " << got;
    }
    std::cout << path << ": " << facts.size() - wrong << " right, " << wrong << " wrong\n";
  }

  std::shared_ptr<const tz::ZoneDatabase> zones_ = tz::ZoneDatabase::open().value();
};

TEST_F(PublishedFacts, AllOfTheRepositorysCopyAreRight) {
  const std::string path = "tests/data/cron/published.tsv";
  const auto facts = read_cron_facts(path);
  ASSERT_EQ(facts.size(), 1744u);
  check(facts, path);
}

TEST_F(PublishedFacts, AllOfTheSharedTableAreRight) {
  const std::string path = shared_cron_table();
  const auto facts = read_cron_facts(path);
  if (facts.empty())
    GTEST_SKIP() << "no table at " << path << "; set CRONFLEET_SHARED to the folder that holds testdata";
  check(facts, path);
}

}  // namespace
}  // namespace cronfleet
