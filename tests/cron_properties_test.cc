// The engine against the oracle on random expressions, starts and zones. RC_PARAMS="seed=... max_success=..." repeats
// or lengthens a run; CRONFLEET_LONG=1 runs a hundred times as many cases.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <array>
#include <cstdlib>

#include "cron/parse.h"
#include "tests/cron_oracle.h"
#include "tz/zone_database.h"

namespace cronfleet {
namespace {

using rc::Gen;
using rc::gen::element;
using rc::gen::inRange;

struct FieldShape {
  int low, high, step_max;
  std::vector<std::string> names;  // of the values from low on
};
const FieldShape kSecond{0, 59, 59, {}}, kHour{0, 23, 23, {}}, kDay{1, 31, 31, {}},
    kMonth{1, 12, 12, {"JAN", "February", "mar", "APR", "may", "JUNE", "jul", "Aug", "SEP", "oct", "NOV", "december"}},
    kWeekday{0, 7, 7, {"SUN", "monday", "Tue", "WED", "thu", "Friday", "SAT"}}, kYear{1970, 2099, 129, {}};

std::string value(const FieldShape& shape) {
  const int number = *inRange(shape.low, shape.high + 1);
  const auto index = static_cast<std::size_t>(number - shape.low);
  if (index < shape.names.size() && *inRange(0, 3) == 0) return shape.names[index];
  return std::to_string(number);
}

std::string step(const FieldShape& shape, int chance) {
  return *inRange(0, chance) == 0 ? "/" + std::to_string(*inRange(1, shape.step_max + 1)) : "";
}

std::string special(const FieldShape& shape) {
  if (&shape == &kDay) {
    const std::string n = std::to_string(*inRange(0, 31)), day = std::to_string(*inRange(1, 32));
    return *element<std::string>("L", "LW", "L-" + n, "L-" + n + "W", day + "W");
  }
  const std::string day = value(kWeekday), k = std::to_string(*inRange(1, 6));
  return *element<std::string>(day + "L", day + "#L", day + "#" + k);
}

std::string item(const FieldShape& shape, bool calm) {
  const bool has_special = &shape == &kDay || &shape == &kWeekday;
  switch (*inRange(0, has_special ? 9 : 8)) {
    case 0:
    case 1: return "*" + step(shape, calm ? 2 : 1);
    case 2: {
      if (&shape == &kYear) {
        const int first = *inRange(1970, 2100);
        return fmt::format("{}-{}{}", first, *inRange(first, 2100), step(shape, 2));
      }
      return value(shape) + "-" + value(shape) + step(shape, 3);
    }
    case 3: return value(shape) + "/" + std::to_string(*inRange(1, shape.step_max + 1));
    case 4:
      if (&shape == &kYear) return value(shape);
      return "H" + step(shape, 2);
    case 8: return special(shape);
    default: return value(shape);
  }
}

std::string word(const FieldShape& shape, int chance_of_star) {
  if (*inRange(0, 4) < chance_of_star) return *element<std::string>("*", "?");
  std::string text = item(shape, true);
  for (int more = *inRange(0, 4) - 1; more > 0; --more) text += "," + item(shape, true);
  return text;
}

std::string expression() {
  if (*inRange(0, 25) == 0) {
    return *element<std::string>("@yearly", "@annually", "@Monthly", "@weekly", "@daily", "@midnight", "@HOURLY",
                                 "@minutely", "@every 1h30m", "@every 36h0.5s", "@every 7777s",
                                 "@at 2031-05-06T07:08:09+05:30");
  }
  const int words = *element(5, 5, 5, 6, 7);
  std::string text;
  const bool year = words == 7 || (words == 6 && *inRange(0, 2) == 0);
  if (words == 7 || (words == 6 && !year)) text += word(kSecond, 1) + " ";
  text += word(kSecond, 1) + " " + word(kHour, 1) + " " + word(kDay, 2) + " " + word(kMonth, 2) + " ";
  text += (*inRange(0, 6) == 0 ? "+" : "") + word(kWeekday, 2);
  if (year) text += " " + word(kYear, words == 7 ? 1 : 0);
  return text;
}

const std::vector<std::string> kZones{
    "UTC",           "America/New_York",  "Europe/Berlin",      "Australia/Lord_Howe", "Pacific/Chatham",
    "Asia/Kolkata",  "America/St_Johns",  "America/Sao_Paulo",  "America/Havana",      "Antarctica/Troll",
    "Asia/Tehran",   "Africa/Casablanca", "Pacific/Apia",       "America/Caracas",     "Asia/Pyongyang",
    "Europe/Dublin", "Africa/Monrovia",   "Pacific/Kwajalein",  "Antarctica/Casey",    "Asia/Gaza",
    "Asia/Amman",    "America/Nuuk",      "Pacific/Kiritimati", "Europe/Moscow",       "Asia/Kathmandu"};

const tz::ZoneDatabase& database() {
  static const auto opened = tz::ZoneDatabase::open().value();
  return *opened;
}

absl::TimeZone absl_zone(const std::string& name) {
  absl::TimeZone zone;
  if (!absl::LoadTimeZone(name, &zone)) std::abort();
  return zone;
}

std::vector<std::int64_t> engine(const cron::Schedule& schedule, const cron::Zone& zone, std::int64_t after,
                                 std::size_t count) {
  std::vector<std::int64_t> found;
  const cron::Schedule anchored = schedule.anchored_at(from_seconds(after));
  for (auto at = cron::next(anchored, zone, from_seconds(after)); at && found.size() < count;
       at = cron::next(anchored, zone, *at))
    found.push_back(to_ms(*at) / 1000);
  return found;
}

// A start somewhere in 1968-2100, half of the time near a change of the clock.
std::int64_t start(const cron::Zone& zone) {
  if (zone.segments().size() < 2 || *inRange(0, 2) == 0) return *inRange<std::int64_t>(-63072000, 4118256000);
  const auto& segment = zone.segments()[*inRange<std::size_t>(1, zone.segments().size())];
  return std::max<std::int64_t>(segment.begin, -63072000) + *inRange<std::int64_t>(-100'000, 20'000);
}

RC_GTEST_PROP(CronProperties, EngineAgreesWithTheOracle, ()) {
  const std::string text = expression();
  const std::string name = *rc::gen::elementOf(kZones);
  const cron::ZonePtr zone = database().find(name);
  const std::int64_t after = start(*zone);
  const std::string key = *element<std::string>("backup", "team-a/report", "x");
  const auto plan = oracle::read(text, key);
  const auto parsed = cron::parse(text, {.key = key});
  RC_TAG(std::to_string(parsed.has_value()));
  RC_LOG() << "'" << text << "' key " << key << " in " << name << " after " << to_rfc3339(from_seconds(after)) << "\n";
  RC_ASSERT(plan.has_value() == parsed.has_value());
  if (!plan) return;
  const auto want = oracle::next(*plan, absl_zone(name), after, 4);
  const auto got = engine(parsed->schedule, *zone, after, 4);
  RC_ASSERT(got == want);
}

// Accepted and refused alike, from texts that look like expressions.
RC_GTEST_PROP(CronProperties, ParserAgreesWithTheOracle, ()) {
  static const std::vector<std::string> kPieces{
      "*",    "?",    "0",   "1",  "5",      "07",    "12",  "23",   "31",     "59",  "64",
      "89",   "60",   "-",   "-",  "/",      "/",     ",",   "L",    "W",      "#",   "H",
      "LW",   "L-3",  "15W", "5L", "FRIL",   "TUE#2", "5#6", "+",    "MON",    "JAN", "FRIDAY",
      "2030", "1969", "(",   ")",  "H(3-9)", "*/5",   "1-5", "22-2", "@daily", "a",   "\xc3\xa9"};
  std::string text;
  const int words = *element(4, 5, 5, 5, 5, 6, 6, 7, 8);
  const int odd = *inRange(0, words);
  for (int i = 0; i < words; ++i) {
    text += i == 0 ? "" : " ";
    if (i != odd) {
      text += *element<std::string>("*", "1", "?", "*/2", "1-3");
      continue;
    }
    for (int pieces = *element(1, 1, 2, 2, 3, 4); pieces > 0; --pieces) text += *rc::gen::elementOf(kPieces);
  }
  RC_LOG() << "'" << text << "'\n";
  const auto parsed = cron::parse(text, {.key = "backup"});
  RC_TAG(std::to_string(parsed.has_value()));
  RC_ASSERT(oracle::read(text, "backup").has_value() == parsed.has_value());
  if (parsed) return;
  const cron::ParseError& error = parsed.error();
  RC_ASSERT(!error.message.empty());
  RC_ASSERT(error.column >= 1);
  RC_ASSERT(error.column - 1 + error.length <= static_cast<int>(text.size()));
}

}  // namespace
}  // namespace cronfleet

int main(int argc, char** argv) {
  // RapidCheck reads its parameters once, from the environment.
#ifdef CRONFLEET_SANITIZED
  const char* length = "max_success=300";  // the oracle walks every day, ten times as slowly here
#else
  const char* length = "max_success=3000";
#endif
  if (std::getenv("CRONFLEET_LONG") != nullptr) length = "max_success=300000";
  ::setenv("RC_PARAMS", length, 0);
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
