#include "cli/cron_command.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <optional>
#include <vector>

#include "tz/zone_database.h"

namespace cronfleet::cli {
namespace {

struct Outcome {
  int exit_code;
  std::string out, err;
};

std::string contents(std::FILE* file) {
  std::string text;
  std::rewind(file);
  for (int c = std::fgetc(file); c != EOF; c = std::fgetc(file)) text += static_cast<char>(c);
  std::fclose(file);
  return text;
}

// Runs `cronfleet` with the arguments, as main() would: a usage error of CLI11 is exit code 2.
Outcome run(const std::vector<std::string>& arguments, const std::string& input = "") {
  CronCommandIo io{std::tmpfile(), std::tmpfile(), std::tmpfile(), [] { return from_seconds(1772323200); }};
  std::fputs(input.c_str(), io.in);
  std::fflush(io.in);
  std::rewind(io.in);
  CLI::App app("cronfleet");
  int exit_code = 0;
  add_cron_command(app, io, exit_code);
  std::string message;
  try {
    std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
    app.parse(reversed);
  } catch (const CLI::ParseError& error) {
    exit_code = 2;
    message = error.what();
  }
  std::fclose(io.in);
  return {exit_code, contents(io.out), contents(io.err) + message};
}

TEST(CronNext, PrintsATable) {
  const Outcome outcome = run(
      {"cron", "next", "30 2 * * *", "--zone", "America/New_York", "--from", "2026-03-07T12:00:00Z", "--count", "2"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(outcome.out,
            "America/New_York           UTC\n"
            "2026-03-08T03:00:00-04:00  2026-03-08T07:00:00Z\n"
            "2026-03-09T02:30:00-04:00  2026-03-09T06:30:00Z\n");
}

TEST(CronNext, PrintsOneColumnInUtc) {
  EXPECT_EQ(run({"cron", "next", "30 2 * * *", "--from", "2026-03-07T12:00:00Z", "--count", "2"}).out,
            "UTC\n2026-03-08T02:30:00Z\n2026-03-09T02:30:00Z\n");
}

TEST(CronNext, PrintsJson) {
  EXPECT_EQ(run({"cron", "next", "H H * * *", "--key", "backup", "--count", "1", "-o", "json"}).out,
            "{\"firings\":[\"2026-03-01T09:40:00Z\"]}\n");
  EXPECT_EQ(run({"cron", "next", "0 0 30 2 *", "-o", "json"}).out, "{\"firings\":[]}\n");
  EXPECT_EQ(run({"cron", "next", "@every 1h", "--from", "2026-01-01T00:10:00Z", "-n", "2", "-o", "json"}).out,
            "{\"firings\":[\"2026-01-01T01:10:00Z\",\"2026-01-01T02:10:00Z\"]}\n");
}

TEST(CronNext, SaysThatItNeverFires) {
  const Outcome outcome = run({"cron", "next", "0 0 30 2 *"});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(outcome.out, "It never fires after that.\n");
}

TEST(CronNext, PutsACaretUnderTheMistake) {
  const Outcome outcome = run({"cron", "next", "0 24 * * *"});
  EXPECT_EQ(outcome.exit_code, 7);
  EXPECT_EQ(outcome.out, "");
  EXPECT_EQ(outcome.err,
            "cronfleet cron: hour 24 is out of range 0-23 (field 2, column 3)\n"
            "  0 24 * * *\n"
            "    ^^\n");
}

struct UsageCase {
  std::string_view why;
  std::vector<std::string> arguments;
  int exit_code;
  std::string_view says;
};

TEST(CronNext, RefusesWithASentence) {
  const UsageCase cases[] = {
      {"zone", {"cron", "next", "@daily", "--zone", "europe/berlin"}, 7, "did you mean Europe/Berlin?"},
      {"no zone at all",
       {"cron", "explain", "@daily", "--zone", "Mars/Olympus"},
       7,
       "unknown time zone 'Mars/Olympus'"},
      {"from", {"cron", "next", "@daily", "--from", "tomorrow"}, 2, "--from: 'tomorrow' is not an RFC 3339 time"},
      {"count", {"cron", "next", "@daily", "--count", "1001"}, 2, "1000"},
      {"count of nothing", {"cron", "next", "@daily", "--count", "0"}, 2, "1000"},
      {"output", {"cron", "next", "@daily", "-o", "yml"}, 2, "-o 'yml': expected table, wide, json"},
      {"template", {"cron", "next", "@daily", "-o", "template={att}"}, 2, "did you mean 'at'?"},
      {"lines", {"cron", "next", "--stdin", "-o", "yaml"}, 2, "--stdin answers one JSON object a line"},
      {"language", {"cron", "explain", "@daily", "--lang", "fr"}, 2, "fr"},
      {"nothing asked", {"cron", "next"}, 2, "either an expression or --stdin"},
      {"both asked", {"cron", "next", "@daily", "--stdin"}, 2, "either an expression or --stdin"},
      {"empty", {"cron", "next", ""}, 7, "schedule is empty"},
      {"key", {"cron", "next", "H * * * *"}, 7, "H needs the job's name"},
  };
  for (const UsageCase& c : cases) {
    const Outcome outcome = run(c.arguments);
    EXPECT_EQ(outcome.exit_code, c.exit_code) << c.why;
    EXPECT_NE(outcome.err.find(c.says), std::string::npos) << c.why << ": " << outcome.err;
    EXPECT_EQ(outcome.out, "") << c.why;
  }
}

TEST(CronExplain, SpeaksBothLanguages) {
  const Outcome english = run({"cron", "explain", "30 2 * * 1-5", "--zone", "America/New_York", "--count", "1"});
  EXPECT_EQ(english.exit_code, 0);
  EXPECT_EQ(english.out.substr(0, english.out.find('\n')),
            "At 02:30, on Monday to Friday (time zone America/New_York).");
  const Outcome chinese =
      run({"cron", "explain", "30 2 * * *", "--zone", "America/New_York", "--lang", "zh", "--count", "1"});
  EXPECT_EQ(chinese.out,
            "每天，02:30 触发（时区 America/New_York）。\n"
            "  2026-03-08 这天在 03:00 触发，因为 02:30 不存在\n"
            "  2027-03-14 这天在 03:00 触发，因为 02:30 不存在\n"
            "  2028-03-12 这天在 03:00 触发，因为 02:30 不存在\n"
            "\n"
            "America/New_York           UTC\n"
            "2026-03-01T02:30:00-05:00  2026-03-01T07:30:00Z\n");
}

TEST(CronExplain, PrintsJson) {
  EXPECT_EQ(run({"cron", "explain", "@daily", "-o", "json", "--count", "1"}).out,
            "{\"description\":\"At 00:00, every day (time zone UTC).\",\"notes\":[],\"time_zone\":\"UTC\","
            "\"firings\":[\"2026-03-02T00:00:00Z\"]}\n");
}

struct LineCase {
  std::string_view why, line, answer;
};
constexpr LineCase kLines[] = {
    {"plain", R"({"expression":"0 0 1 1 *","from":"2026-01-01T00:00:00Z","count":2})",
     R"({"firings":["2027-01-01T00:00:00Z","2028-01-01T00:00:00Z"]})"},
    {"zone", R"({"expression":"0 9 * * *","time_zone":"Asia/Tokyo","from":"2026-01-01T00:00:00Z","count":1})",
     R"({"firings":["2026-01-02T00:00:00Z"]})"},
    {"from is now, count is five", R"({"expression":"@hourly"})",
     R"({"firings":["2026-03-01T01:00:00Z","2026-03-01T02:00:00Z","2026-03-01T03:00:00Z",)"
     R"("2026-03-01T04:00:00Z","2026-03-01T05:00:00Z"]})"},
    {"nulls are absent", R"({"expression":"@yearly","time_zone":null,"key":null,"from":null,"count":1})",
     R"({"firings":["2027-01-01T00:00:00Z"]})"},
    {"anchored", R"({"expression":"@every 90m","from":"2026-01-01T00:00:30Z","count":1})",
     R"({"firings":["2026-01-01T01:30:30Z"]})"},
    {"never", R"({"expression":"0 0 30 2 *"})", R"({"firings":[]})"},
    {"expression", R"({"expression":"0 24 * * *"})",
     R"x({"error":{"code":"out_of_range","message":"hour 24 is out of range 0-23 (field 2, column 3)",)x"
     R"("field":"hour",)"
     R"("column":3,"length":2}})"},
    {"zone", R"({"expression":"@daily","time_zone":"Mars/Olympus"})",
     R"({"error":{"code":"zone","message":"unknown time zone 'Mars/Olympus'","field":"time_zone","column":null,)"
     R"("length":null}})"},
    {"count", R"({"expression":"@daily","count":1001})",
     R"({"error":{"code":"count","message":"count is 1001, expected 1 to 1000","field":"count","column":null,)"
     R"("length":null}})"},
    {"count", R"({"expression":"@daily","count":1e300})",
     R"({"error":{"code":"count","message":"count is not a whole number","field":"count","column":null,"length":null}})"},
    {"from", R"({"expression":"@daily","from":"yesterday"})",
     R"({"error":{"code":"from","message":"'yesterday' is not an RFC 3339 time like 2026-03-01T02:00:00Z",)"
     R"("field":"from","column":null,"length":null}})"},
    {"type", R"({"expression":5})",
     R"({"error":{"code":"invalid_member","message":"expression is not a string","field":"expression","column":null,)"
     R"("length":null}})"},
    {"nothing", R"({})",
     R"({"error":{"code":"invalid_member","message":"expression is missing","field":"expression","column":null,)"
     R"("length":null}})"},
    {"an array", R"([1])",
     R"({"error":{"code":"json","message":"the line is not a JSON object","field":null,"column":null,"length":null}})"},
};

TEST(AnswerLine, Cases) {
  const auto zones = tz::ZoneDatabase::open().value();
  for (const LineCase& c : kLines) {
    std::string out;
    answer_line(c.line, *zones, from_seconds(1772323200), out);
    EXPECT_EQ(out, std::string(c.answer) + "\n") << c.why;
  }
}

TEST(AnswerLine, NeverStopsTheStream) {
  std::string input, want;
  for (const LineCase& c : kLines) {
    input += std::string(c.line) + "\n{\"expression\n";
    want += std::string(c.answer) + "\n";
  }
  input += "{\"expression\":\"" + std::string(100'000, '*') + "\"}\n\n\xff\n";
  input += kLines[0].line;  // without a newline
  const Outcome outcome = run({"cron", "next", "--stdin"}, input);
  EXPECT_EQ(outcome.exit_code, 0);
  std::string others;
  std::size_t errors = 0, begin = 0;
  std::vector<std::string> lines;
  for (auto end = outcome.out.find('\n'); end != std::string::npos; end = outcome.out.find('\n', begin)) {
    lines.push_back(outcome.out.substr(begin, end - begin));
    begin = end + 1;
  }
  ASSERT_EQ(lines.size(), 2 * std::size(kLines) + 4);
  for (std::size_t i = 0; i < std::size(kLines); ++i) {
    EXPECT_EQ(lines[2 * i], kLines[i].answer) << kLines[i].why;
    errors += lines[2 * i + 1].starts_with("{\"error\":{\"code\":\"json\"") ? 1 : 0;
  }
  EXPECT_EQ(errors, std::size(kLines));
  EXPECT_NE(lines[lines.size() - 4].find("longer than"), std::string::npos);
  EXPECT_NE(lines[lines.size() - 3].find("\"json\""), std::string::npos) << "an empty line";
  EXPECT_NE(lines[lines.size() - 2].find("\"json\""), std::string::npos) << "not UTF-8";
  EXPECT_EQ(lines.back(), kLines[0].answer);
}

// The locale for as long as it lives.
class Locale {
 public:
  explicit Locale(const char* name) {
    if (const char* value = std::getenv("LC_ALL")) before_ = value;
    ::setenv("LC_ALL", name, 1);
  }
  ~Locale() { before_ ? ::setenv("LC_ALL", before_->c_str(), 1) : ::unsetenv("LC_ALL"); }

 private:
  std::optional<std::string> before_;
};

TEST(CronCommand, SpeaksTheLanguageOfTheLocale) {
  const Locale chinese("zh_CN.UTF-8");
  const Outcome explained = run({"cron", "explain", "0 3 * * 1-5", "-n", "1"});
  EXPECT_EQ(explained.out, "星期一至星期五，03:00 触发（时区 UTC）。\n\nUTC\n2026-03-02T03:00:00Z\n");
  EXPECT_EQ(run({"cron", "explain", "@daily", "--lang", "en", "-n", "1"}).out.substr(0, 3), "At ");
  EXPECT_EQ(run({"cron", "next", "@at 2001-01-01T00:00:00Z"}).out, "此后不再触发。\n");
  EXPECT_EQ(run({"cron", "next", "0 24 * * *"}).err,
            "cronfleet cron: 小时 24 超出范围 0-23（第 2 个字段，第 3 列）\n  0 24 * * *\n    ^^\n");
  EXPECT_EQ(run({"cron", "next", "@daily", "--zone", "Europe/Berln"}).err,
            "cronfleet cron: 未知时区 'Europe/Berln'；您是想写 Europe/Berlin 吗？\n");
  EXPECT_EQ(run({"cron", "next"}).err, "cronfleet cron: 请给出表达式或 --stdin，二者选一\n");
}

TEST(CronCommand, ProgramsGetTheSameWhateverTheLocale) {
  const Outcome english = run({"cron", "explain", "@daily", "-o", "json"});
  const Locale chinese("zh_CN.UTF-8");
  EXPECT_EQ(run({"cron", "explain", "@daily", "-o", "json"}).out, english.out);
}

}  // namespace
}  // namespace cronfleet::cli
