// console_past HISTORY.db < records.ndjson: puts records and their output into the history of a standalone node that is
// not running, through the product's own writer, so that a test of the console finds weeks of runs on its first day.
//
// A line is an object: run (its id), status, and where they apply reason, exit_code, signal, error, actor, worker,
// trigger, triggered_by, command, final, scheduled, claimed, started, ended (ms since 1970), cpu_ms, memory, chunks
// ([["out" or "err", ms, text], …]). Says how many it stored; anything that is refused ends it with 1.
#include <fmt/format.h>

#include <boost/json.hpp>
#include <chrono>
#include <cstdio>
#include <iostream>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "history/sqlite/sqlite_run_history.h"
#include "tests/conformance/queue_loop.h"

namespace {

using namespace cronfleet;

constexpr std::size_t kBatch = 2'000;

std::string text_or(const boost::json::object& o, const char* key, std::string otherwise = {}) {
  const auto* value = o.if_contains(key);
  return value == nullptr ? otherwise : std::string(value->as_string());
}
std::int64_t number_or(const boost::json::object& o, const char* key, std::int64_t otherwise) {
  const auto* value = o.if_contains(key);
  return value == nullptr ? otherwise : value->to_number<std::int64_t>();
}
template <typename T>
T known(std::optional<T> parsed, std::string_view text) {
  if (!parsed) throw std::invalid_argument(fmt::format("not a known word: '{}'", text));
  return *parsed;
}

struct Entry {
  domain::RunRecord record;
  std::vector<domain::OutputChunk> chunks;
};

Entry read(const boost::json::object& o) {
  Entry entry;
  domain::RunRecord& record = entry.record;
  auto id = domain::parse_run_id(text_or(o, "run"));
  if (!id) throw std::invalid_argument(id.error().message());
  record.id = *id;
  record.command = text_or(o, "command");
  record.worker = NodeId(text_or(o, "worker"));
  record.triggered_by = text_or(o, "triggered_by");
  record.scheduled_at = from_ms(number_or(o, "scheduled", 0));
  record.claimed_at = from_ms(number_or(o, "claimed", to_ms(record.scheduled_at)));
  record.job_revision = number_or(o, "job_revision", 1);
  record.fence = number_or(o, "fence", 1);
  if (const auto* final = o.if_contains("final")) record.final = final->as_bool();
  const std::string trigger = text_or(o, "trigger", "schedule"), status = text_or(o, "status");
  record.trigger = known(domain::parse_trigger(trigger), trigger);
  domain::RunEnd& end = record.end;
  end.status = known(domain::parse_run_status(status), status);
  if (const std::string reason = text_or(o, "reason"); !reason.empty())
    end.reason = known(domain::parse_reason(reason), reason);
  if (o.contains("exit_code")) end.exit_code = static_cast<int>(number_or(o, "exit_code", 0));
  if (o.contains("signal")) end.signal = static_cast<int>(number_or(o, "signal", 0));
  end.error = text_or(o, "error");
  end.actor = text_or(o, "actor");
  end.ended_at = from_ms(number_or(o, "ended", to_ms(record.claimed_at)));
  end.started_at = from_ms(number_or(o, "started", to_ms(end.ended_at)));
  end.usage.cpu_user = std::chrono::milliseconds(number_or(o, "cpu_ms", 0));
  end.usage.cpu_system = end.usage.cpu_user / 5;
  end.usage.memory_bytes_peak = static_cast<std::uint64_t>(number_or(o, "memory", 0));
  if (const auto* chunks = o.if_contains("chunks")) {
    for (const auto& one : chunks->as_array()) {
      const auto& parts = one.as_array();
      const std::string text(parts.at(2).as_string());
      const auto stream =
          parts.at(0).as_string() == "err" ? domain::OutputChunk::Stream::Err : domain::OutputChunk::Stream::Out;
      entry.chunks.push_back({record.id, entry.chunks.size(), end.output_bytes, stream,
                              from_ms(parts.at(1).to_number<std::int64_t>()), text});
      end.output_bytes += text.size();
      record.output += text;
    }
  }
  return entry;
}

class Writer {
 public:
  explicit Writer(const std::string& path) : clock_(now()) {
    auto opened = history::SqliteRunHistory::open(path, loop_, clock_, {});
    if (!opened) throw std::runtime_error(opened.error().message());
    history_ = std::move(*opened);
  }
  void add(Entry entry) {
    records_.push_back(std::move(entry.record));
    for (auto& chunk : entry.chunks) chunks_.push_back(std::move(chunk));
    if (records_.size() >= kBatch) flush();
  }
  void flush() {
    if (!chunks_.empty())
      wait<std::size_t>([&](auto done) { history_->append_output(std::exchange(chunks_, {}), std::move(done)); });
    if (records_.empty()) return;
    const auto answers = wait<std::vector<history::Inserted>>(
        [&](auto done) { history_->insert(std::exchange(records_, {}), std::move(done)); });
    for (const auto& answer : answers) {
      if (answer.outcome == history::Inserted::Outcome::Refused) throw std::runtime_error(answer.error);
    }
    stored_ += answers.size();
  }
  std::size_t stored() const { return stored_; }

 private:
  static WallTime now() {
    return WallTime(
        std::chrono::duration_cast<WallTime::duration>(std::chrono::system_clock::now().time_since_epoch()));
  }

  template <typename Answer, typename Start>
  Answer wait(Start start) {
    std::optional<Result<Answer>> answer;
    start(async::Callback<Result<Answer>>([&](Result<Answer> given) { answer.emplace(std::move(given)); }));
    if (!loop_.run_until([&] { return answer.has_value(); }, std::chrono::minutes(2)))
      throw std::runtime_error("the history did not answer");
    if (!*answer) throw std::runtime_error(answer->error().message());
    return std::move(**answer);
  }

  testing::QueueLoop loop_;
  testing::SetClock clock_;
  std::unique_ptr<history::SqliteRunHistory> history_;
  std::vector<domain::RunRecord> records_;
  std::vector<domain::OutputChunk> chunks_;
  std::size_t stored_ = 0;
};

}  // namespace

int main(int count, char** arguments) {
  if (count != 2) {
    std::fputs("usage: console_past HISTORY.db < records.ndjson\n", stderr);
    return 2;
  }
  std::size_t number = 0;
  try {
    Writer writer(arguments[1]);
    for (std::string line; std::getline(std::cin, line);) {
      ++number;
      writer.add(read(boost::json::parse(line).as_object()));
    }
    writer.flush();
    fmt::print("{} records\n", writer.stored());
    return 0;
  } catch (const std::exception& e) {
    fmt::print(stderr, "console_past: line {}: {}\n", number, e.what());
    return 1;
  }
}
