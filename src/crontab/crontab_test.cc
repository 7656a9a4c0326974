#include "crontab/crontab.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cronfleet::crontab {
namespace {

using ::testing::HasSubstr;

TEST(ReadCrontab, TakesEveryKindOfLine) {
  const auto lines = read_crontab(
      "# m h  dom mon dow   command\n"
      "SHELL=/bin/bash\n"
      "  MAILTO = \"ops@example.org\"  \n"
      "EMPTY=''\n"
      "\n"
      "# Backs everything up,\n"
      "#   every night.\n"
      " 0 2\t* * *  /usr/local/bin/backup --all\r\n"
      "@daily echo hi\n"
      "* * * * * date +\\%F % one%two\n",
      Form::User);
  ASSERT_EQ(lines.size(), 6u);
  EXPECT_EQ(std::get<Setting>(lines[0].what).value, "/bin/bash");
  EXPECT_EQ(std::get<Setting>(lines[1].what).name, "MAILTO");
  EXPECT_EQ(std::get<Setting>(lines[1].what).value, "ops@example.org");
  EXPECT_EQ(std::get<Setting>(lines[2].what).value, "");
  const Entry& backup = std::get<Entry>(lines[3].what);
  EXPECT_EQ(lines[3].number, 8);
  EXPECT_EQ(lines[3].comment, "Backs everything up, every night.");
  EXPECT_EQ(backup.schedule, "0 2 * * *");
  EXPECT_EQ(backup.command, "/usr/local/bin/backup --all");
  EXPECT_FALSE(backup.input);
  EXPECT_EQ(std::get<Entry>(lines[4].what).schedule, "@daily");
  EXPECT_EQ(std::get<Entry>(lines[4].what).fields.hours, 1u);
  const Entry& date = std::get<Entry>(lines[5].what);
  EXPECT_EQ(date.command, "date +%F ");
  EXPECT_EQ(date.input, " one\ntwo\n");
}

TEST(ReadCrontab, SystemCrontabsNameAUser) {
  const auto lines = read_crontab("17 *\t* * *\troot\tcd / && run-parts --report /etc/cron.hourly\n", Form::System);
  ASSERT_EQ(lines.size(), 1u);
  const Entry& entry = std::get<Entry>(lines[0].what);
  EXPECT_EQ(entry.user, "root");
  EXPECT_EQ(entry.command, "cd / && run-parts --report /etc/cron.hourly");
}

TEST(ReadCrontab, NamesThePlaceOfAMistake) {
  const struct {
    const char* text;
    Form form;
    int column;
    const char* message;
  } kCases[] = {
      {"61 * * * * x", Form::User, 1, "61 is out of range"},
      {"  0 0 32 * * x", Form::User, 7, "32 is out of range 1-31"},
      {"0 0 * * x", Form::User, 9, "'x' is no value of it"},
      {"0 0 * *", Form::User, 8, "the day of week is missing"},
      {"0 0 * * *", Form::User, 10, "the command is missing"},
      {"0 0 * * * %in", Form::User, 11, "no command before the %"},
      {"0 0 * * * root", Form::System, 15, "names a user and a command"},
      {"0 0 * * * /opt/x --all", Form::System, 11, "'/opt/x' is no user"},
      {"@reboot x", Form::User, 1, "a fleet has no reboot"},
      {"@dayly x", Form::User, 1, "no macro of cron"},
      {"@daily", Form::User, 7, "the command is missing"},
      {"NAME=\"open", Form::User, 11, "the hour is missing"},
      {"-*/5 * * * * x", Form::User, 1, "minute"},
  };
  for (const auto& test : kCases) {
    const auto lines = read_crontab(test.text, test.form);
    ASSERT_EQ(lines.size(), 1u) << test.text;
    const auto* mistake = std::get_if<Mistake>(&lines[0].what);
    ASSERT_NE(mistake, nullptr) << test.text;
    EXPECT_EQ(mistake->column, test.column) << test.text << ": " << mistake->message;
    EXPECT_THAT(mistake->message, HasSubstr(test.message)) << test.text;
  }
}

}  // namespace
}  // namespace cronfleet::crontab
