#include "domain/job_json.h"

#include <gtest/gtest.h>

#include "base/rng.h"
#include "domain/json_reader.h"

namespace cronfleet::domain {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

// A job with `members`, on a line of their own, beside the three that every job needs.
std::string with(std::string_view members) {
  return fmt::format(R"({{"name": "a", "schedule": "@daily", "command": "true"{}{}}})", members.empty() ? "" : ",\n",
                     members);
}

std::string mistakes(std::string_view text, const JobName& named = {}) {
  const auto job = decode_job(text, named);
  if (job) return "";
  std::string lines;
  for (const FieldError& error : job.error().errors()) lines += error.text() + "\n";
  return lines;
}

TEST(JobJson, TheReferencesDocumentIsAJob) {
  const auto job = decode_job(R"({"name":"备份","command":"echo hello","cronExpr":"*/5 * * * * * *"})");
  ASSERT_TRUE(job);
  Job want;
  want.name = JobName("备份");
  want.command = "echo hello";
  want.schedule = "*/5 * * * * * *";
  EXPECT_EQ(*job, want);
  EXPECT_EQ(encode_job(*job), R"({"name":"备份","schedule":"*/5 * * * * * *","command":"echo hello"})");
}

constexpr std::string_view kEverything = R"({
  "name": "nightly backup", "schedule": "H 2 * * *", "time_zone": "Asia/Shanghai",
  "command": ["/usr/bin/rsync", "-a", "", "it's"], "shell": ["/bin/sh", "-ec"], "env": {"LANG": "C", "EMPTY": ""},
  "working_directory": "/srv", "user": "backup", "umask": "0027",
  "limits": {"cpu_seconds": 60, "address_space_bytes": 1073741824, "open_files": 64, "processes": 8,
             "file_size_bytes": 0},
  "timeout": "1h30m", "kill_grace": "PT20S", "enabled": false, "paused_until": "2026-03-01T02:00:00.250Z",
  "starts_at": "2026-01-01T08:00:00+08:00", "ends_at": "2027-01-01T00:00:00Z", "labels": {"team": "data"},
  "description": "line\n\"two\"", "owner": "ops@example.org", "overlap": {"queue": 5}, "misfire": {"run_all": 100},
  "catch_up_window": "1d", "start_deadline": "5m", "jitter": "250ms",
  "retry": {"count": 3, "delay": "10s", "factor": 1.1, "delay_max": "10m", "exit_codes": [1, 75]},
  "delivery": {"at_least_once": 3}, "output_bytes_max": 4096,
  "parameters": [{"name": "TABLE", "choices": ["a", "b"], "default": "a"}, {"type": "integer", "name": "n"}],
  "where": {"zone": ["eu", "us"], "gpu": {"not": "true"}, "node": {"not": ["w1", "w2"]}, "disk": ["ssd"]},
  "since": "2026-02-01T00:00:00.001Z", "stamp": "0123456789abcdef0123456789abcdef",
  "schedule_set_at": "2026-02-01T00:00:00Z"
})";

Job everything() {
  Job job;
  job.name = JobName("nightly backup");
  job.schedule = "H 2 * * *";
  job.time_zone = "Asia/Shanghai";
  job.command = std::vector<std::string>{"/usr/bin/rsync", "-a", "", "it's"};
  job.process.edit().shell = {"/bin/sh", "-ec"};
  job.process.edit().environment = {{"LANG", "C"}, {"EMPTY", ""}};
  job.process.edit().working_directory = "/srv";
  job.process.edit().user = "backup";
  job.process.edit().umask = 027;
  job.process.edit().limits = {60, 1073741824, 64, 8, 0};
  job.timing.edit().timeout = minutes(90);
  job.timing.edit().kill_grace = seconds(20);
  job.enabled = false;
  job.window.edit().paused_until = parse_rfc3339("2026-03-01T02:00:00.250Z").value();
  job.window.edit().starts_at = parse_rfc3339("2026-01-01T00:00:00Z").value();
  job.window.edit().ends_at = parse_rfc3339("2027-01-01T00:00:00Z").value();
  job.about.edit().labels = {{"team", "data"}};
  job.about.edit().description = "line\n\"two\"";
  job.about.edit().owner = "ops@example.org";
  job.overlap = {Overlap::Mode::Queue, 5};
  job.misfire = {Misfire::Mode::RunAll, 100};
  job.timing.edit().catch_up_window = hours(24);
  job.timing.edit().start_deadline = minutes(5);
  job.timing.edit().jitter = milliseconds(250);
  job.retry = {3, seconds(10), 1.1, minutes(10), {1, 75}};
  job.delivery = {Delivery::Mode::AtLeastOnce, 3};
  job.process.edit().output_bytes_max = 4096;
  job.parameters = {{"TABLE", Parameter::Type::Text, "a", {"a", "b"}, ""},
                    {"n", Parameter::Type::Integer, std::nullopt, {}, ""}};
  job.where = {
      {"zone", {{"eu", "us"}}}, {"gpu", {{"true"}, true}}, {"node", {{"w1", "w2"}, true}}, {"disk", {{"ssd"}}}};
  job.since = parse_rfc3339("2026-02-01T00:00:00.001Z").value();
  job.stamp = Stamp::from_text("0123456789abcdef0123456789abcdef");
  job.schedule_set_at = parse_rfc3339("2026-02-01T00:00:00Z").value();
  return job;
}

TEST(JobJson, EveryField) {
  EXPECT_EQ(mistakes(kEverything), "");
  EXPECT_EQ(decode_job(kEverything).value(), everything());
  EXPECT_EQ(
      encode_job(everything()),
      R"({"name":"nightly backup","schedule":"H 2 * * *","time_zone":"Asia/Shanghai","enabled":false,)"
      R"("description":"line\n\"two\"","owner":"ops@example.org","labels":{"team":"data"},)"
      R"("command":["/usr/bin/rsync","-a","","it's"],"shell":["/bin/sh","-ec"],"env":{"EMPTY":"","LANG":"C"},)"
      R"("working_directory":"/srv","user":"backup","umask":"027",)"
      R"("limits":{"cpu_seconds":60,"address_space_bytes":1073741824,"open_files":64,"processes":8,)"
      R"("file_size_bytes":0},"timeout":"1h30m","kill_grace":"20s",)"
      R"("parameters":[{"name":"TABLE","type":"text","default":"a","choices":["a","b"]},{"name":"n","type":"integer"}],)"
      R"("output_bytes_max":4096,)"
      R"("paused_until":"2026-03-01T02:00:00.250Z","starts_at":"2026-01-01T00:00:00Z","ends_at":"2027-01-01T00:00:00Z",)"
      R"("overlap":{"queue":5},"misfire":{"run_all":100},"start_deadline":"5m","jitter":"250ms",)"
      R"("retry":{"count":3,"delay":"10s","factor":1.1,"delay_max":"10m","exit_codes":[1,75]},)"
      R"("delivery":{"at_least_once":3},"where":{"disk":"ssd","gpu":{"not":"true"},"node":{"not":["w1","w2"]},)"
      R"("zone":["eu","us"]},"since":"2026-02-01T00:00:00.001Z",)"
      R"("stamp":"0123456789abcdef0123456789abcdef","schedule_set_at":"2026-02-01T00:00:00Z"})");
}

TEST(JobJson, ReadsBackWhatItWrites) {
  Rng rng(20261123);
  const Job full = everything();
  const auto text = [&] {
    constexpr std::string_view kPieces[] = {"a", "\"", "\\", "\n", "每", "🚀", "\x7f", "\x01", "/", "'", " "};
    std::string made = "x";
    for (std::uint64_t i = rng.below(12); i > 0; --i) made += kPieces[rng.below(std::size(kPieces))];
    return made;
  };
  for (int i = 0; i < 2000; ++i) {
    Job job = everything();
    if (rng.chance(0.5)) job.command = text();
    if (rng.chance(0.5)) job.process.edit().environment = {{text(), text()}, {"B", ""}};
    if (rng.chance(0.5)) job.about.edit().description = text();
    if (rng.chance(0.5)) job.process.edit().umask.reset();
    if (rng.chance(0.5)) job.window.edit().paused_until.reset();
    if (rng.chance(0.5)) job.process.edit().limits = {};
    if (rng.chance(0.5)) job.overlap = {static_cast<Overlap::Mode>(rng.below(3)), 0};
    if (rng.chance(0.5)) job.misfire = {static_cast<Misfire::Mode>(rng.below(2)), 0};
    if (rng.chance(0.5)) job.delivery = {};
    if (rng.chance(0.5))
      job.where = {{text(), {{text()}, rng.chance(0.5)}}, {"zone", {{text(), text()}, rng.chance(0.5)}}};
    job.retry.edit().factor = 1 + 9 * rng.unit();
    job.timing.edit().timeout = milliseconds(rng.below(366ull * 86'400'000));
    job.process.edit().output_bytes_max = rng.below(64 << 20);
    const std::string written = encode_job(job);
    ASSERT_EQ(mistakes(written), "") << written;
    ASSERT_EQ(decode_job(written).value(), job) << written;
  }
}

struct MistakeCase {
  const char* why;
  std::string_view members;
  std::string_view want;
};
// with() puts the members on line 2.
constexpr MistakeCase kMistakeCases[] = {
    {"slip of the pen", R"("time_zon": "UTC")",
     "/time_zon (line 2, column 1): unknown key; did you mean 'time_zone'?\n"},
    {"another product's word", R"("cwd": "/")",
     "/cwd (line 2, column 1): unknown key; did you mean 'working_directory'?\n"},
    {"unknown altogether", R"("colour": "red")", "/colour (line 2, column 1): unknown key\n"},
    {"alias says the same", R"("cronExpr": "@daily")", ""},
    {"alias says another thing", R"("cronExpr": "@hourly")",
     "/cronExpr (line 2, column 13): 'schedule' and 'cronExpr' are one field, and say different things here\n"},
    {"duplicate", R"("name": "b")",
     "/name (line 2, column 1): stands here for the second time, first at line 1, column 2\n"},
    {"duration without a unit", R"("timeout": 90)",
     "/timeout (line 2, column 12): expected a duration like \"90s\" or \"1h30m\", found a number\n"},
    {"duration of another form", R"("timeout": "90 s")",
     "/timeout (line 2, column 12): expected a duration like \"90s\" or \"1h30m\", found '90 s'\n"},
    {"duration past its range", R"("kill_grace": "61m")",
     "/kill_grace (line 2, column 15): expected a duration from 0s to 1h, found '61m'\n"},
    {"duration below a millisecond", R"("jitter": "1us")",
     "/jitter (line 2, column 11): expected a duration from 0s to 24h, found '1us'\n"},
    {"a deadline nobody could meet", R"("start_deadline": "0s")",
     "/start_deadline (line 2, column 19): expected a duration from 1s to 24h, found '0s'\n"},
    {"instant without a zone", R"("starts_at": "2026-03-01T02:00:00")",
     "/starts_at (line 2, column 14): expected an instant like \"2026-03-01T02:00:00Z\", found "
     "'2026-03-01T02:00:00'\n"},
    {"window that is empty", R"("starts_at": "2026-03-01T02:00:00Z", "ends_at": "2026-03-01T02:00:00Z")",
     "/ends_at (line 2, column 49): is not after starts_at: no firing would count\n"},
    {"word", R"("overlap": "forbit")",
     "/overlap (line 2, column 12): expected \"forbid\" or \"allow\" or \"replace\" or {\"queue\": 1 to 1000}, found "
     "'forbit'; did you mean 'forbid'?\n"},
    {"a mode that needs a number", R"("overlap": "queue")",
     "/overlap (line 2, column 12): expected \"forbid\" or \"allow\" or \"replace\" or {\"queue\": 1 to 1000}, found "
     "'queue'\n"},
    {"a mode that takes none", R"("misfire": {"skip": 1})",
     "/misfire/skip (line 2, column 13): unknown key; did you mean 'skip'?\n"},
    {"queue of none", R"("overlap": {"queue": 0})",
     "/overlap/queue (line 2, column 22): expected a whole number from 1 to 1000, found 0\n"},
    {"retry", R"("retry": {"count": 101, "factor": 0.5, "exit_codes": [256], "cuont": 1})",
     "/retry/count (line 2, column 20): expected a whole number from 0 to 100, found 101\n"
     "/retry/factor (line 2, column 35): expected a number from 1 to 10, found 0.5\n"
     "/retry/exit_codes/0 (line 2, column 55): expected a whole number from 0 to 255, found 256\n"
     "/retry/cuont (line 2, column 61): unknown key; did you mean 'count'?\n"},
    {"not finite", R"("retry": {"factor": 1e400})",
     "/retry/factor (line 2, column 21): expected a number from 1 to 10, found 1e400\n"},
    {"mask with an 8", R"("umask": "028")",
     "/umask (line 2, column 10): expected octal digits like \"022\", found '028'\n"},
    {"mask past 0777", R"("umask": "1000")",
     "/umask (line 2, column 10): expected octal digits like \"022\", found '1000'\n"},
    {"mask as a number", R"("umask": 22)", "/umask (line 2, column 10): expected a text, found a number\n"},
    {"variable with =", R"("env": {"A=B": "1"})",
     "/env/A=B (line 2, column 16): the name of a variable is not empty and has no '=' or U+0000\n"},
    {"a variable of ours", R"("env": {"CRONFLEET_JOB": "x"})",
     "/env/CRONFLEET_JOB (line 2, column 26): variables that begin with CRONFLEET_ are set by the worker\n"},
    {"a value no process can get", R"("env": {"A": "x\u0000y"})",
     "/env/A (line 2, column 14): contains the character U+0000\n"},
    {"relative folder", R"("working_directory": "~/cron")",
     "/working_directory (line 2, column 22): expected a path that begins with '/', found '~/cron'\n"},
    {"empty shell", R"("shell": [])",
     "/shell (line 2, column 10): expected 1 to 16 texts like [\"/bin/bash\", \"-c\"]\n"},
    {"limit", R"("limits": {"cpu_second": 1, "open_files": -1})",
     "/limits/cpu_second (line 2, column 12): unknown key; did you mean 'cpu_seconds'?\n"
     "/limits/open_files (line 2, column 43): expected a whole number from 0 to 9223372036854775807, found -1\n"},
    {"where without a form", R"("where": {"zone": 1, "gpu": {"nt": "true"}, "disk": [], "a": {}})",
     "/where/zone (line 2, column 19): expected \"value\", [\"one\", \"of\", \"these\"] or {\"not\": …}, found a "
     "number\n"
     "/where/gpu/nt (line 2, column 30): unknown key; did you mean 'not'?\n"
     "/where/disk (line 2, column 53): expected 1 to 64 values, found 0\n"
     "/where/a (line 2, column 62): expected {\"not\": …} with one value or a list\n"},
    {"negation as an operator", R"("where": {"zone": "!=eu"})",
     "/where/zone (line 2, column 19): negation is written {\"not\": \"eu\"}\n"},
    {"an empty value", R"("where": {"zone": ["eu", ""]})",
     "/where/zone/1 (line 2, column 26): expected a label's value, found an empty text\n"},
    {"another product's word for where", R"("constraints": {})",
     "/constraints (line 2, column 1): unknown key; did you mean 'where'?\n"},
    {"null is not a default", R"("user": null)", "/user (line 2, column 9): expected a text, found null\n"},
};

TEST(JobJson, SaysWhatIsWrongAndWhere) {
  for (const MistakeCase& c : kMistakeCases) EXPECT_EQ(mistakes(with(c.members)), c.want) << c.why;
}

TEST(JobJson, SaysWhatIsMissingAllAtOnce) {
  EXPECT_EQ(mistakes("{}"),
            "/name (line 1, column 1): missing: a job has a name\n"
            "/schedule (line 1, column 1): missing: when is the job due?\n"
            "/command (line 1, column 1): missing: what is to be run?\n");
  EXPECT_EQ(mistakes(R"({"name": " a", "schedule": "", "command": []})"),
            "/name (line 1, column 10): job name ' a' begins or ends with a space\n"
            "/schedule (line 1, column 28): expected an expression like '0 2 * * *', found an empty text\n"
            "/command (line 1, column 43): expected the program as the first text\n");
  EXPECT_EQ(mistakes("[]"), "line 1, column 1: expected an object, found an array\n");
}

TEST(JobJson, TheNameItWasAskedForByStands) {
  const JobName asked("a");
  EXPECT_EQ(decode_job(R"({"schedule": "@daily", "command": "true"})", asked).value().name, asked);
  EXPECT_EQ(decode_job(with(""), asked).value().name, asked);
  EXPECT_EQ(mistakes(with(""), JobName("b")),
            "/name (line 1, column 10): is 'a' here, but the job was asked for as 'b'\n");
}

// SEC-33: what passes at the limit and is refused one above it.
struct LimitCase {
  const char* what;
  std::size_t limit;
  std::string (*document)(std::size_t size);
};
std::string texts(std::size_t count, std::string_view text) {
  std::string list;
  for (std::size_t i = 0; i < count; ++i) list += (i == 0 ? "" : ",") + std::string(text);
  return list;
}
std::string pairs(std::size_t count) {
  std::string list;
  for (std::size_t i = 0; i < count; ++i) list += fmt::format("{}\"n{}\":\"\"", i == 0 ? "" : ",", i);
  return list;
}
const LimitCase kLimitCases[] = {
    {"document", 1 << 20, [](std::size_t n) { return with("") + std::string(n - with("").size(), ' '); }},
    {"name", 128,
     [](std::size_t n) {
       std::string name;
       for (std::size_t i = 0; i < n; ++i) name += "每";
       return fmt::format(R"({{"name": "{}", "schedule": "@daily", "command": "x"}})", name);
     }},
    {"schedule", 256,
     [](std::size_t n) {
       return fmt::format(R"({{"name": "a", "schedule": "{}", "command": "x"}})", std::string(n, '*'));
     }},
    {"command text", 64 << 10,
     [](std::size_t n) {
       return fmt::format(R"({{"name": "a", "schedule": "@daily", "command": "{}"}})", std::string(n, 'x'));
     }},
    {"command array", 64 << 10,
     [](std::size_t n) {
       return fmt::format(R"({{"name": "a", "schedule": "@daily", "command": ["x", "{}"]}})", std::string(n - 3, 'x'));
     }},
    {"env entries", 256, [](std::size_t n) { return with(fmt::format(R"("env": {{{}}})", pairs(n))); }},
    {"env bytes", 128 << 10,
     [](std::size_t n) {
       return with(fmt::format(R"("env": {{"A": "{}", "B": "{}"}})", std::string(64 << 10, 'x'),
                               std::string(n - (64 << 10) - 2, 'x')));
     }},
    {"labels", 64, [](std::size_t n) { return with(fmt::format(R"("labels": {{{}}})", pairs(n))); }},
    {"label", 256, [](std::size_t n) { return with(fmt::format(R"("labels": {{"a": "{}"}})", std::string(n, 'x'))); }},
    {"label name", 256,
     [](std::size_t n) { return with(fmt::format(R"("labels": {{"{}": ""}})", std::string(n, 'x'))); }},
    {"where", 64,
     [](std::size_t n) {
       std::string list;
       for (std::size_t i = 0; i < n; ++i) list += fmt::format("{}\"n{}\":\"x\"", i == 0 ? "" : ",", i);
       return with(fmt::format(R"("where": {{{}}})", list));
     }},
    {"values of where", 64,
     [](std::size_t n) { return with(fmt::format(R"("where": {{"a": [{}]}})", texts(n, "\"x\""))); }},
    {"shell", 16, [](std::size_t n) { return with(fmt::format(R"("shell": [{}])", texts(n, "\"x\""))); }},
    {"exit codes", 255,
     [](std::size_t n) { return with(fmt::format(R"("retry": {{"exit_codes": [{}]}})", texts(n, "1"))); }},
    {"description", 4096,
     [](std::size_t n) { return with(fmt::format(R"("description": "{}")", std::string(n, 'x'))); }},
    {"working directory", 4095,
     [](std::size_t n) { return with(fmt::format(R"("working_directory": "{}")", std::string(n, '/'))); }},
    {"owner", 256, [](std::size_t n) { return with(fmt::format(R"("owner": "{}")", std::string(n, 'x'))); }},
    {"retry count", 100, [](std::size_t n) { return with(fmt::format(R"("retry": {{"count": {}}})", n)); }},
    {"queue", 1000, [](std::size_t n) { return with(fmt::format(R"("overlap": {{"queue": {}}})", n)); }},
    {"run_all", 10'000, [](std::size_t n) { return with(fmt::format(R"("misfire": {{"run_all": {}}})", n)); }},
    {"at_least_once", 100,
     [](std::size_t n) { return with(fmt::format(R"("delivery": {{"at_least_once": {}}})", n)); }},
    {"output", 64 << 20, [](std::size_t n) { return with(fmt::format(R"("output_bytes_max": {})", n)); }},
};

TEST(JobJson, LimitsPassAtTheLimitAndEndThere) {
  for (const LimitCase& c : kLimitCases) {
    EXPECT_EQ(mistakes(c.document(c.limit)), "") << c.what;
    const std::string refused = mistakes(c.document(c.limit + 1));
    EXPECT_NE(refused, "") << c.what;
    EXPECT_LT(refused.size(), 400u) << c.what;
  }
}

// Looking up the place of every mistake would take minutes here.
TEST(JobJson, AMebibyteOfMistakesIsRefusedQuickly) {
  std::string codes = R"("retry": {"exit_codes": [999)", keys = R"("x": 0)";
  while (codes.size() < JobLimits::document - 200) codes += ",-1";
  for (int i = 0; keys.size() < JobLimits::document - 200; ++i) keys += fmt::format(",\"unknown {}\": 0", i);
  for (const std::string& members : {codes + "]}", keys}) {
    const auto job = decode_job(with(members));
    ASSERT_FALSE(job);
    EXPECT_EQ(job.error().errors().size(), DocumentErrors::kErrorsMax);
    EXPECT_GT(job.error().count(), 10'000u);
  }
}

TEST(JobJson, ShownCommandIsWhatAShellWouldTake) {
  Job job;
  job.command = "echo a | wc";
  EXPECT_EQ(shown_command(job), "echo a | wc");
  job.command = std::vector<std::string>{"/bin/echo", "a b", "", "it's", "x=1"};
  EXPECT_EQ(shown_command(job), R"(/bin/echo 'a b' '' 'it'\''s' x=1)");
}

}  // namespace
}  // namespace cronfleet::domain
