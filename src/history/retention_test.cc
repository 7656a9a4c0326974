#include "history/retention.h"

#include <gtest/gtest.h>

#include <functional>
#include <optional>
#include <utility>

#include "sim/sim_history.h"
#include "tests/conformance/history_calls.h"
#include "tests/conformance/manual_loop.h"
#include "tests/conformance/run_samples.h"

namespace cronfleet::history {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using testing::record_of;
using testing::run_id;

// The simulated history, with the moment and the size of each step written down.
class TimedHistory final : public RunHistory {
 public:
  TimedHistory(RunHistory& inner, const async::Clock& clock) : inner_(inner), clock_(clock) {}
  void insert(std::vector<domain::RunRecord> r, async::Callback<Result<std::vector<Inserted>>> done) override {
    inner_.insert(std::move(r), std::move(done));
  }
  void append_output(std::vector<domain::OutputChunk> c, async::Callback<Result<std::size_t>> done) override {
    inner_.append_output(std::move(c), std::move(done));
  }
  Result<domain::RunRecord> get(const domain::RunId& run) override { return inner_.get(run); }
  Result<RunPage> find(const RunQuery& query) override { return inner_.find(query); }
  Result<OutputSlice> output(const domain::RunId& r, std::uint64_t f, std::size_t b) override {
    return inner_.output(r, f, b);
  }
  Result<std::vector<StatusCount>> counts(WallTime f, WallTime u) override { return inner_.counts(f, u); }
  void prune(Retention retention, WallTime now, std::size_t records_max,
             async::Callback<Result<std::size_t>> done) override {
    begun.push_back(clock_.mono());
    inner_.prune(retention, now, records_max,
                 [this, records_max, done = std::move(done)](Result<std::size_t> deleted) mutable {
                   EXPECT_LE(deleted.value_or(0), records_max);
                   ended.push_back(clock_.mono());
                   done(std::move(deleted));
                 });
  }
  std::vector<MonoTime> begun, ended;

 private:
  RunHistory& inner_;
  const async::Clock& clock_;
};

struct RetentionTest : ::testing::Test {
  void fill(int records) {
    std::vector<domain::RunRecord> batch;
    for (int i = 0; i < records; ++i) batch.push_back(record_of(run_id("a", i)));
    testing::HistoryCalls calls(history, [this](auto done) { return loop.run_until(done); });
    ASSERT_TRUE(calls.insert(std::move(batch)));
  }
  void start(std::function<bool()> may_prune = {}) {
    driver.emplace(history, loop, loop, Rng(7), options, std::move(may_prune));
  }

  testing::ManualLoop loop;
  sim::SimHistoryFaults faults;
  sim::SimHistoryStore store{loop, loop, Rng(1), faults};
  sim::SimHistory sim_history{store, loop};
  TimedHistory history{sim_history, loop};
  RetentionOptions options{.keep = {std::chrono::hours(0), 100}, .batch_records = 30};
  std::optional<RetentionDriver> driver;
};

TEST_F(RetentionTest, ARoundDeletesInPacedStepsUntilNothingIsLeft) {
  fill(1000);
  start();
  ASSERT_TRUE(loop.run_until([&] { return driver->counters().rounds == 1; }));
  EXPECT_EQ(driver->counters().deleted, 900u);
  EXPECT_EQ(driver->counters().steps, 31u);
  EXPECT_EQ(store.records().size(), 100u);
  EXPECT_LE(history.begun.front().time_since_epoch(), options.interval + milliseconds(10));
  bool varied = false;
  for (std::size_t i = 1; i < history.begun.size(); ++i) {
    const auto pause = history.begun[i] - history.ended[i - 1];
    EXPECT_GE(pause, milliseconds(100));
    EXPECT_LE(pause, milliseconds(150));
    varied |= i > 1 && pause != history.begun[i - 1] - history.ended[i - 2];
  }
  EXPECT_TRUE(varied) << "no jitter";
  // And again after the interval.
  const MonoTime round_over = loop.mono();
  ASSERT_TRUE(loop.run_until([&] { return driver->counters().rounds == 2; }));
  EXPECT_GE(loop.mono() - round_over, minutes(5));
  EXPECT_LE(loop.mono() - round_over, minutes(10) + milliseconds(20));
}

TEST_F(RetentionTest, SlowStepsGetLongerPauses) {
  faults.latency_min = faults.latency_max = milliseconds(400);  // each way
  store.set_faults(faults);
  fill(400);
  start();
  ASSERT_TRUE(loop.run_until([&] { return driver->counters().rounds == 1; }));
  for (std::size_t i = 1; i < history.begun.size(); ++i)
    EXPECT_GE(history.begun[i] - history.ended[i - 1], milliseconds(800));
}

TEST_F(RetentionTest, AFailureIsRepeatedLaterAndNamed) {
  fill(200);
  start();
  store.set_down(true);
  ASSERT_TRUE(loop.run_until([&] { return driver->counters().failures == 3; }));
  EXPECT_NE(driver->trouble(), "");
  for (std::size_t i = 1; i < history.begun.size(); ++i)
    EXPECT_GE(history.begun[i] - history.ended[i - 1], milliseconds(15'000));
  store.set_down(false);
  ASSERT_TRUE(loop.run_until([&] { return driver->counters().rounds == 1; }));
  EXPECT_EQ(driver->trouble(), "");
  EXPECT_EQ(store.records().size(), 100u);
}

TEST_F(RetentionTest, NoStepIsTakenOutOfTurn) {
  fill(1000);
  bool turn = false;
  start([&] { return turn; });
  const MonoTime later = loop.mono() + std::chrono::hours(1);
  ASSERT_TRUE(loop.run_until([&] { return loop.mono() >= later; }));
  ASSERT_TRUE(history.begun.empty());
  turn = true;
  ASSERT_TRUE(loop.run_until([&] { return history.ended.size() >= 3; }));
  EXPECT_LE(history.begun.front() - later, options.retry_delay);
  turn = false;  // in the middle of a round
  const MonoTime over = loop.mono();
  ASSERT_TRUE(loop.run_until([&] { return loop.mono() >= over + minutes(5); }));
  EXPECT_EQ(history.begun.size(), 3u);
  turn = true;
  ASSERT_TRUE(loop.run_until([&] { return driver->counters().rounds == 1; }));
  EXPECT_EQ(store.records().size(), 100u);
}

TEST_F(RetentionTest, AnAnswerThatComesAfterItsEndIsDropped) {
  fill(200);
  start();
  ASSERT_TRUE(loop.run_until([&] { return !history.begun.empty(); }));
  driver.reset();
  ASSERT_TRUE(loop.run_until([&] { return !history.ended.empty(); }));
  EXPECT_FALSE(loop.run_until([] { return false; })) << "nothing goes on";
  EXPECT_EQ(history.begun.size(), 1u);
}

}  // namespace
}  // namespace cronfleet::history
