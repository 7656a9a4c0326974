// What a job document costs: the decoder stands between every watch event, every save and the scheduler.
//   build/release/bench/job_json_bench
#include <benchmark/benchmark.h>

#include "base/check.h"
#include "domain/job_json.h"
#include "domain/run_json.h"

namespace cronfleet::domain {
namespace {

// 300 bytes, as a save leaves it.
constexpr std::string_view kJob =
    R"({"name":"nightly-backup","schedule":"15 2 * * *","time_zone":"Europe/Berlin","labels":{"team":"data"},)"
    R"("command":"/usr/local/bin/backup --all","env":{"LANG":"C"},"timeout":"1h","overlap":"forbid",)"
    R"("retry":{"count":2,"delay":"30s"},"since":"2026-03-01T02:00:00Z",)"
    R"("stamp":"0123456789abcdef0123456789abcdef"})";
static_assert(kJob.size() >= 295 && kJob.size() <= 305);

void decode(benchmark::State& state) {
  for (auto _ : state) {
    auto job = decode_job(kJob);
    CHECK(job.has_value());
    benchmark::DoNotOptimize(job);
  }
}
BENCHMARK(decode);

void decode_reference(benchmark::State& state) {
  for (auto _ : state) {
    auto job = decode_job(R"({"name":"hello","command":"echo hello","cronExpr":"*/5 * * * * * *"})");
    CHECK(job.has_value());
    benchmark::DoNotOptimize(job);
  }
}
BENCHMARK(decode_reference);

void encode(benchmark::State& state) {
  const Job job = decode_job(kJob).value();
  for (auto _ : state) benchmark::DoNotOptimize(encode_job(job));
}
BENCHMARK(encode);

// The costliest answer to a document of 1 MiB: every mistake has its place looked up.
void refuse_largest(benchmark::State& state) {
  std::string text = "{";
  while (text.size() < (1 << 20) - 40) text += R"("unknown)" + std::to_string(text.size()) + R"(":0,)";
  text += R"("end":0})";
  for (auto _ : state) {
    auto job = decode_job(text);
    CHECK(!job.has_value());
    benchmark::DoNotOptimize(job);
  }
}
BENCHMARK(refuse_largest)->Unit(benchmark::kMillisecond);

void write_run(benchmark::State& state) {
  RunRecord record;
  record.id = parse_run_id("nightly-backup@2026-03-01T02:00:00Z.1").value();
  record.command = "/usr/local/bin/backup --all";
  record.end.status = RunStatus::Succeeded;
  record.end.exit_code = 0;
  record.end.started_at = record.end.ended_at = record.scheduled_at = record.claimed_at = from_ms(1'800'000'000'000);
  record.output = std::string(200, 'x');
  for (auto _ : state) benchmark::DoNotOptimize(encode_run(record));
}
BENCHMARK(write_run);

}  // namespace
}  // namespace cronfleet::domain

BENCHMARK_MAIN();
