#include "crontab/translate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/rng.h"
#include "cron/parse.h"
#include "domain/compiled_job.h"
#include "tz/zone_database.h"

namespace cronfleet::crontab {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const tz::ZoneDatabase& zones() {
  static const auto kZones = *tz::ZoneDatabase::open();
  return *kZones;
}
const WallTime kFrom = *parse_rfc3339("2026-11-25T12:00:00Z");

Entry entry_of(const std::string& schedule) {
  const auto lines = read_crontab(schedule + " true", Form::User);
  EXPECT_TRUE(std::holds_alternative<Entry>(lines.at(0).what)) << schedule;
  return std::get<Entry>(lines.at(0).what);
}

// What is written as it stands, what is written anew, and in how many of 1,000 firings it differs.
TEST(ExpressionOf, FiresAsCronWould) {
  const struct {
    const char *zone, *line, *want;
    std::size_t differing;
  } kCases[] = {
      {"UTC", "0 2 * * *", "0 2 * * *", 0},
      {"UTC", "*/5 * * * *", "*/5 * * * *", 0},
      {"UTC", "@hourly", "@hourly", 0},
      {"UTC", "0 0 1,15 * 1", "0 0 1,15 * 1", 0},
      {"UTC", "0 0 */2 * 1", "0 0 */2 * +1", 0},  // the star rule: both
      {"UTC", "0 0 1 * */2", "0 0 1 * +*/2", 0},
      {"UTC", "0 0 5,* * 1", "0 0 1-31 * 1", 0},  // no star at its head: either, and every day is named
      {"UTC", "*/60 3 * * *", "0-0 3 * * *", 0},  // a step past the field, and still a star line
      {"UTC", "0 0 * jan-mar/2 *", "0 0 * jan-mar/2 *", 0},
      {"America/New_York", "30 2 * * *", "30 2 * * *", 0},
      {"America/New_York", "30 1 * * *", "30 1 * * *", 0},
      {"America/New_York", "0 * * * *", "0 * * * *", 0},
      {"America/New_York", "0 0-3 * * 0", "0 0,1,2,3 * * 0", 5},  // the gap's 02:00 and 03:00: twice under cron
      {"America/New_York", "*/15 1 * * *", "*/15 1 * * *", 0},
      {"America/New_York", "@daily", "@daily", 0},
      {"Europe/Berlin", "0 0-5 * * *", "0 0,1,2,3,4,5 * * *", 1},  // by a change past the firings that are compared
      {"Asia/Shanghai", "*/10 8-18 * * 1-5", "*/10 8-18 * * 1-5", 0},
  };
  for (const auto& test : kCases) {
    const Entry entry = entry_of(test.line);
    const auto& zone = *zones().find(test.zone);
    const std::string expression = expression_of(entry, zone, kFrom);
    EXPECT_EQ(expression, test.want) << test.line;
    const Comparison comparison = compare(entry.fields, expression, zone, kFrom);
    EXPECT_EQ(comparison.differing, test.differing) << test.line;
    EXPECT_GT(comparison.firings, 0u);
  }
}

TEST(Compare, NamesTheFiringsThatDiffer) {
  const auto& zone = *zones().find("Europe/Berlin");
  const Comparison gap = compare(entry_of("*/15 2 * * *").fields, "*/15 2 * * *", zone, kFrom);
  EXPECT_EQ(gap.firings, kFiringsCompared);
  ASSERT_FALSE(gap.first.empty());  // caught up at 03:00 here, left out by cron
  EXPECT_EQ(to_rfc3339(gap.first[0].at), "2027-03-28T01:00:00Z");
  EXPECT_EQ(gap.first[0].by_cron, 0);
  EXPECT_EQ(gap.first[0].by_job, 1);
}

std::string any_field(Rng& rng, int low, int high) {
  std::string field;
  for (auto items = 1 + rng.below(3); items > 0; --items) {
    const auto range = static_cast<std::uint64_t>(high - low + 1);
    const int first = low + static_cast<int>(rng.below(range));
    const int last = first + static_cast<int>(rng.below(static_cast<std::uint64_t>(high - first + 1)));
    std::string item = rng.chance(0.3)   ? "*"
                       : rng.chance(0.5) ? std::to_string(first)
                                         : fmt::format("{}-{}", first, last);
    if (item.find_first_of("*-") != std::string::npos && rng.chance(0.4)) item += fmt::format("/{}", 1 + rng.below(70));
    field += (field.empty() ? "" : ",") + item;
  }
  return field;
}

// Whatever a line says: without clock changes the job fires as cron would, with them it differs at a change at most.
TEST(ExpressionOf, DiffersAtChangesOfTheClockAlone) {
  Rng rng(8731);
  const auto& utc = *zones().find("UTC");
  const auto& berlin = *zones().find("Europe/Berlin");
  const auto near_a_change = [&](WallTime at) {
    return berlin.offset_at(at - std::chrono::hours(4)) != berlin.offset_at(at + std::chrono::minutes(1));
  };
  std::size_t compared = 0;
  for (int i = 0; i < 400; ++i) {
    const Entry entry = entry_of(fmt::format("{} {} {} {} {}", any_field(rng, 0, 59), any_field(rng, 0, 23),
                                             any_field(rng, 1, 31), any_field(rng, 1, 12), any_field(rng, 0, 7)));
    EXPECT_EQ(compare(entry.fields, expression_of(entry, utc, kFrom), utc, kFrom).differing, 0u) << entry.schedule;
    const Comparison local = compare(entry.fields, expression_of(entry, berlin, kFrom), berlin, kFrom);
    for (const Difference& difference : local.first)
      EXPECT_TRUE(near_a_change(difference.at)) << entry.schedule << " at " << difference.local;
    compared += local.firings;
  }
  EXPECT_GT(compared, 100'000u);
}

TEST(Translate, MakesJobsThatBehaveAsUnderCron) {
  const auto lines = read_crontab(
      "MAILTO=ops@example.org\nPATH=/opt/bin:/usr/bin\nFOO=bar\n"
      "# The nightly backup.\n"
      "0 2 * * * /opt/bin/backup.sh --all\n"
      "0 3 * * * /opt/bin/backup.sh --rest\n"
      "CRON_TZ=Asia/Tokyo\n"
      "*/5 * * * * cd /srv && FOO=1 ./sync % input%more\n"
      "@reboot start-me\n"
      "99 * * * * wrong\n",
      Form::User);
  std::map<std::string, int> taken;
  Options options{.form = Form::User,
                  .user = "ann",
                  .zone = "Europe/Berlin",
                  .prefix = "old-",
                  .source = "ann",
                  .from = kFrom,
                  .home_of = [](const std::string& user) { return "/home/" + user; }};
  const Translation translation = translate(lines, options, zones(), taken);
  ASSERT_EQ(translation.imports.size(), 3u);
  const domain::Job& backup = translation.imports[0].job;
  EXPECT_EQ(backup.name.text(), "old-backup.sh");
  EXPECT_EQ(translation.imports[1].job.name.text(), "old-backup.sh-2");
  EXPECT_EQ(translation.imports[2].job.name.text(), "old-sync");
  EXPECT_EQ(*backup.time_zone, "Europe/Berlin");
  EXPECT_EQ(*translation.imports[2].job.time_zone, "Asia/Tokyo");
  EXPECT_EQ(std::get<std::string>(backup.command), "/opt/bin/backup.sh --all");
  EXPECT_THAT(backup.process->shell, ElementsAre("/bin/sh", "-c"));
  EXPECT_EQ(backup.process->environment,
            (std::map<std::string, std::string>{
                {"PATH", "/opt/bin:/usr/bin"}, {"FOO", "bar"}, {"LOGNAME", "ann"}, {"HOME", "/home/ann"}}));
  EXPECT_EQ(backup.process->working_directory, "/home/ann");
  EXPECT_EQ(backup.process->user, "ann");
  EXPECT_EQ(backup.about->description, "The nightly backup.");
  EXPECT_EQ(backup.overlap.mode, domain::Overlap::Mode::Allow);
  EXPECT_EQ(backup.misfire.mode, domain::Misfire::Mode::Skip);
  EXPECT_EQ(std::get<std::string>(translation.imports[2].job.command),
            "{ cd /srv && FOO=1 ./sync \n} <<'CRONFLEET_INPUT'\n input\nmore\nCRONFLEET_INPUT");
  ASSERT_EQ(translation.refusals.size(), 2u);
  EXPECT_EQ(translation.refusals[0].line, 9);
  EXPECT_THAT(translation.refusals[0].message, HasSubstr("a fleet has no reboot"));
  EXPECT_EQ(translation.refusals[1].line, 10);
  EXPECT_THAT(translation.notes, ElementsAre(HasSubstr("MAILTO=ops@example.org: nothing is mailed"),
                                             HasSubstr("CRON_TZ is taken as cronie does")));
  for (const Import& import : translation.imports)
    EXPECT_TRUE(domain::compile(std::make_shared<domain::Job>(import.job), zones())) << import.job.schedule;
}

TEST(Translate, NamesAreTheTellingWord) {
  const std::pair<const char*, const char*> kCases[] = {
      {"/usr/bin/php /srv/cron.php", "php"},
      {"test -x /usr/sbin/anacron || { cd / && run-parts --report /etc/cron.daily; }", "anacron"},
      {"cd / && run-parts --report /etc/cron.hourly", "run-parts"},
      {"[ -x /usr/lib/php/sessionclean ] && /usr/lib/php/sessionclean", "sessionclean"},
      {"FOO=bar nice -n 10 ./work", "work"},
      {"$HOME/bin/x:y", "x-y"},
      {"((1))", "1"},
      {"; - /", "job"},
  };
  for (const auto& [command, want] : kCases) {
    std::map<std::string, int> taken;
    const auto translation = translate(read_crontab(std::string("@daily ") + command, Form::User),
                                       {.zone = "UTC", .from = kFrom}, zones(), taken);
    ASSERT_EQ(translation.imports.size(), 1u) << command;
    EXPECT_EQ(translation.imports[0].job.name.text(), want) << command;
  }
}

TEST(Translate, RefusesWhatNeverFires) {
  std::map<std::string, int> taken;
  const auto translation =
      translate(read_crontab("0 0 30 2 * x", Form::User), {.zone = "UTC", .from = kFrom}, zones(), taken);
  EXPECT_THAT(translation.imports, IsEmpty());
  ASSERT_EQ(translation.refusals.size(), 1u);
  EXPECT_THAT(translation.refusals[0].message, HasSubstr("never fires"));
}

}  // namespace
}  // namespace cronfleet::crontab
