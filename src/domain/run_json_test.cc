#include "domain/run_json.h"

#include <gtest/gtest.h>

namespace cronfleet::domain {
namespace {

WallTime at(std::string_view text) { return parse_rfc3339(text).value(); }

RunRecord finished() {
  RunRecord record;
  record.id = parse_run_id("nightly@2026-03-01T02:00:00Z.2").value();
  record.command = "false";
  record.end.status = RunStatus::Failed;
  record.end.exit_code = 3;
  record.end.started_at = at("2026-03-01T02:00:00.004Z");
  record.end.ended_at = at("2026-03-01T02:00:01.504Z");
  record.end.output_bytes = 3;
  record.end.usage = {std::chrono::microseconds(900), std::chrono::microseconds(1100), 2 << 20};
  record.worker = NodeId("node-a");
  record.trigger = Trigger::Retry;
  record.scheduled_at = at("2026-03-01T02:00:00Z");
  record.claimed_at = at("2026-03-01T01:59:59.980Z");
  record.job_revision = 7;
  record.fence = 9;
  record.final = false;
  record.output = "no\n";
  return record;
}

constexpr std::string_view kFinished =
    R"({"id":"nightly@2026-03-01T02:00:00Z.2","job":"nightly","status":"failed",)"
    R"("scheduled_at":"2026-03-01T02:00:00.000Z","attempt":2,"final":false,"trigger":"retry","command":"false",)"
    R"("worker":"node-a","claimed_at":"2026-03-01T01:59:59.980Z","started_at":"2026-03-01T02:00:00.004Z",)"
    R"("ended_at":"2026-03-01T02:00:01.504Z","late_ms":4,"duration_ms":1500,"exit_code":3,"output_bytes":3,)"
    R"("output_bytes_dropped":0,"cpu_user_us":900,"cpu_system_us":1100,"memory_bytes_peak":2097152,"job_revision":7,)"
    R"("fence":9,"output":"no\n"})";

TEST(RunJson, EveryFieldThatHasSomethingToSay) {
  EXPECT_EQ(encode_run(finished()), kFinished);
  RunRecord missed;
  missed.id = parse_run_id("nightly@2026-03-02T02:00:00Z.1").value();
  missed.end.status = RunStatus::Missed;
  missed.end.reason = Reason::Late;
  missed.end.started_at = missed.end.ended_at = at("2026-03-03T00:00:00Z");
  missed.scheduled_at = at("2026-03-02T02:00:00Z");
  missed.range_count = 25;
  missed.range_from = at("2026-03-01T02:00:00Z");
  EXPECT_EQ(encode_run(missed, {"reason", "started_at", "duration_ms", "ended_at", "range_count", "range_from", "no"}),
            R"({"reason":"late","ended_at":"2026-03-03T00:00:00.000Z","range_count":25,)"
            R"("range_from":"2026-03-01T02:00:00.000Z"})");
}

TEST(RunJson, ReadsBackWhatItWrites) {
  RunRecord manual = finished();
  manual.id = parse_run_id("每晚@r-7f3a.1").value();
  manual.end.status = RunStatus::Killed;
  manual.end.reason = Reason::Shutdown;
  manual.end.exit_code.reset();
  manual.end.signal = 9;
  manual.end.error = "a \"quoted\" sentence\n";
  manual.end.actor = "ann";
  manual.end.output_bytes_dropped = 5;
  manual.trigger = Trigger::Manual;
  manual.triggered_by = "ann";
  RunRecord refused = finished();
  refused.end.status = RunStatus::Refused;
  refused.end.reason = Reason::SpawnFailed;
  refused.end.exit_code.reset();
  refused.end.started_at = refused.end.ended_at;
  refused.range_count = 3;
  refused.range_from = at("2026-02-01T02:00:00Z");
  for (const RunRecord& record : {finished(), manual, refused}) {
    const std::string text = encode_run(record);
    const auto read = decode_run(text);
    ASSERT_TRUE(read) << read.error().status().message();
    EXPECT_EQ(encode_run(*read), text);
    EXPECT_EQ(read->id, record.id);
    EXPECT_EQ(read->end.started_at, record.end.started_at);
    EXPECT_EQ(read->end.usage.cpu_system, record.end.usage.cpu_system);
  }
}

TEST(RunJson, IgnoresWhatItDoesNotKnowButNotWhatIsWrong) {
  EXPECT_TRUE(decode_run(R"({"id": "a@r.1", "status": "running", "colour": [1]})"));
  const auto read = decode_run(R"({"id": "a", "reason": "bored", "exit_code": 256})");
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().status().message(),
            "4 mistakes: /status (line 1, column 1): missing; /id (line 1, column 8): 'a' is not a run id like "
            "nightly@2026-03-01T02:00:00Z.1; /reason (line 1, column 23): unknown word 'bored'; /exit_code (line 1, "
            "column 45): expected a whole number from 0 to 255, found 256");
}

TEST(RunJson, NamesComeInTheOrderOfTheText) {
  const auto names = run_field_names();
  std::size_t before = 0;
  for (const std::string_view name : names) {
    const std::size_t found = kFinished.find(fmt::format("\"{}\":", name));
    if (found == std::string_view::npos) continue;
    EXPECT_GE(found, before) << name;
    before = found;
  }
}

}  // namespace
}  // namespace cronfleet::domain
