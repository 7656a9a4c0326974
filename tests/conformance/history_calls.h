// tests/conformance/history_calls.h: a RunHistory's slow calls as plain ones, and records as text for comparing them.
#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "history/contract.h"
#include "history/run_history.h"

namespace cronfleet::testing {

// `run_until(done)` makes the backend's loop go on until done() holds.
template <typename RunUntil>
class HistoryCalls {
 public:
  HistoryCalls(history::RunHistory& history, RunUntil run_until) : history_(history), run_until_(run_until) {}

  Result<std::vector<history::Inserted>> insert(std::vector<domain::RunRecord> records) {
    return wait<std::vector<history::Inserted>>(
        [&](auto done) { history_.insert(std::move(records), std::move(done)); });
  }
  Result<std::size_t> append(std::vector<domain::OutputChunk> chunks) {
    return wait<std::size_t>([&](auto done) { history_.append_output(std::move(chunks), std::move(done)); });
  }
  Result<std::size_t> prune(history::Retention retention, WallTime now, std::size_t records_max) {
    return wait<std::size_t>([&](auto done) { history_.prune(retention, now, records_max, std::move(done)); });
  }

 private:
  template <typename Answer, typename Start>
  Result<Answer> wait(Start start) {
    std::optional<Result<Answer>> answer;
    start(async::Callback<Result<Answer>>([&](Result<Answer> given) {
      EXPECT_FALSE(answer) << "answered twice";
      answer.emplace(std::move(given));
    }));
    EXPECT_FALSE(answer) << "answered inside the call";
    if (!run_until_([&] { return answer.has_value(); })) return fail(Code::Cancelled, "no answer came");
    return std::move(*answer);
  }

  history::RunHistory& history_;
  RunUntil run_until_;
};

// Every field, so that two records are the same if their texts are.
inline std::string text_of(const domain::RunRecord& r) {
  const auto or_none = [](auto value) { return value ? fmt::format("{}", *value) : std::string("none"); };
  return fmt::format(
      "{} status={} reason={} exit={} signal={} error='{}' actor='{}' started={} ended={} bytes={}-{} "
      "usage={},{},{} worker={} trigger={} by='{}' at={} claimed={} revision={} fence={} final={} range={},{} "
      "command='{}' output='{}'",
      r.id.text(), domain::to_string(r.end.status), domain::to_string(r.end.reason), or_none(r.end.exit_code),
      or_none(r.end.signal), r.end.error, r.end.actor, to_ms(r.end.started_at), to_ms(r.end.ended_at),
      r.end.output_bytes, r.end.output_bytes_dropped, r.end.usage.cpu_user.count(), r.end.usage.cpu_system.count(),
      r.end.usage.memory_bytes_peak, r.worker, domain::to_string(r.trigger), r.triggered_by, to_ms(r.scheduled_at),
      to_ms(r.claimed_at), r.job_revision, r.fence, r.final, r.range_count, r.range_from ? to_ms(*r.range_from) : -1,
      r.command, r.output);
}

inline std::string text_of(const std::vector<domain::RunRecord>& records) {
  std::string text;
  for (const auto& record : records) text += text_of(record) + "\n";
  return text;
}

}  // namespace cronfleet::testing
