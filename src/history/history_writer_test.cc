#include "history/history_writer.h"

#include <gtest/gtest.h>

#include <map>
#include <optional>

#include "sim/sim_history.h"
#include "tests/conformance/manual_loop.h"
#include "tests/conformance/run_samples.h"

namespace cronfleet::history {
namespace {

using std::chrono::milliseconds;
using testing::chunk_of;
using testing::record_of;
using testing::run_id;
using Outcome = Inserted::Outcome;

// Keeps each call until the test answers it.
class HeldHistory final : public RunHistory {
 public:
  void insert(std::vector<domain::RunRecord> r, async::Callback<Result<std::vector<Inserted>>> done) override {
    ++inserts;
    records = std::move(r);
    answer_insert_ = std::move(done);
  }
  void append_output(std::vector<domain::OutputChunk> c, async::Callback<Result<std::size_t>> done) override {
    ++appends;
    chunks = std::move(c);
    answer_append_ = std::move(done);
  }
  void answer_insert(Result<std::vector<Inserted>> answers) { std::exchange(answer_insert_, {})(std::move(answers)); }
  void all_stored() { answer_insert(std::vector<Inserted>(records.size())); }
  void answer_append(Result<std::size_t> stored) { std::exchange(answer_append_, {})(std::move(stored)); }

  Result<domain::RunRecord> get(const domain::RunId&) override { return fail(Code::NotFound, "none"); }
  Result<RunPage> find(const RunQuery&) override { return RunPage(); }
  Result<OutputSlice> output(const domain::RunId&, std::uint64_t, std::size_t) override { return OutputSlice(); }
  Result<std::vector<StatusCount>> counts(WallTime, WallTime) override { return std::vector<StatusCount>(); }
  void prune(Retention, WallTime, std::size_t, async::Callback<Result<std::size_t>>) override {}

  int inserts = 0, appends = 0;
  std::vector<domain::RunRecord> records;   // of the newest call
  std::vector<domain::OutputChunk> chunks;  // of the newest call

 private:
  async::Callback<Result<std::vector<Inserted>>> answer_insert_;
  async::Callback<Result<std::size_t>> answer_append_;
};

struct HistoryWriterTest : ::testing::Test {
  HistoryWriter& writer() {
    if (!writer_) writer_.emplace(history, loop, loop, Rng(1), options);
    return *writer_;
  }
  void record(std::int64_t second) {
    writer().record(record_of(run_id("a", second)), [this, second](Inserted answer) { told[second] = answer; });
  }

  testing::ManualLoop loop;
  HeldHistory history;
  HistoryOptions options{.batch_records = 3};
  std::map<std::int64_t, Inserted> told;
  std::optional<HistoryWriter> writer_;
};

TEST_F(HistoryWriterTest, ABatchClosesWhenItIsFull) {
  for (int i = 0; i < 2; ++i) record(i);
  EXPECT_EQ(history.inserts, 0);
  record(2);
  EXPECT_EQ(history.inserts, 1);
  EXPECT_EQ(history.records.size(), 3u);
  for (int i = 3; i < 10; ++i) record(i);
  EXPECT_EQ(history.inserts, 1) << "one insert at a time";
  history.all_stored();
  EXPECT_EQ(told.size(), 3u);
  EXPECT_EQ(history.inserts, 2);
  EXPECT_EQ(history.records.size(), 3u) << "no batch is larger than batch_records";
  EXPECT_EQ(writer().records_waiting(), 7u);
}

TEST_F(HistoryWriterTest, ABatchClosesAfterItsDelay) {
  record(0);
  loop.advance(milliseconds(150));
  record(1);
  loop.advance(milliseconds(49));
  EXPECT_EQ(history.inserts, 0);
  loop.advance(milliseconds(1));
  EXPECT_EQ(history.inserts, 1);
  EXPECT_EQ(history.records.size(), 2u) << "the second waited only 50 ms";
}

TEST_F(HistoryWriterTest, ABatchClosesAtItsBytes) {
  options.batch_records = 100;
  options.batch_bytes = 100'000;
  for (int i = 0; i < 5; ++i) {
    auto large = record_of(run_id("a", i));
    large.output.assign(40'000, 'x');
    writer().record(std::move(large), [](Inserted) {});
  }
  EXPECT_EQ(history.inserts, 1);
  EXPECT_EQ(history.records.size(), 3u);
}

TEST_F(HistoryWriterTest, FailuresAreRepeatedForEverWithGrowingPauses) {
  for (int i = 0; i < 3; ++i) record(i);
  const MonoTime start = loop.mono();
  std::vector<std::chrono::nanoseconds> pauses;
  for (int i = 1; i <= 100; ++i) {
    const MonoTime failed_at = loop.mono();
    history.answer_insert(fail(i % 2 == 0 ? Code::Unavailable : Code::NoSpace, "try {}", i));
    EXPECT_EQ(writer().trouble(), fmt::format("{}: try {}", i % 2 == 0 ? "unavailable" : "no_space", i));
    ASSERT_TRUE(loop.run_until([&] { return history.inserts == i + 1; }));
    pauses.push_back(loop.mono() - failed_at);
    EXPECT_GE(pauses.back(), milliseconds(50));
    EXPECT_LE(pauses.back(), milliseconds(10'000));
  }
  EXPECT_LE(pauses[0], milliseconds(100));
  EXPECT_GE(pauses[99], milliseconds(5'000));
  EXPECT_NE(pauses[98], pauses[99]) << "no jitter";
  EXPECT_GT(loop.mono() - start, std::chrono::minutes(8));
  EXPECT_EQ(writer().counters().failures, 100u);
  while (told.size() < 3u) history.all_stored();
  EXPECT_EQ(writer().trouble(), "");
  EXPECT_EQ(writer().counters().stored, 3u);
}

// A server that needs longer for a batch than a call may take, as one does that finds most of it there already: the
// same batch again would fare no better, for ever.
TEST_F(HistoryWriterTest, WhatGetsNoAnswerIsSentInHalvesUntilItDoes) {
  options.batch_records = 200;
  constexpr std::size_t kAnsweredInTime = 7;
  for (int i = 0; i < 1'000; ++i) record(i);
  int seen = 0, failed = 0;
  const auto answer_until_told = [&](std::size_t count) {
    while (told.size() < count) {
      ASSERT_TRUE(loop.run_until([&] { return history.inserts > seen; }));
      seen = history.inserts;
      if (history.records.size() > kAnsweredInTime && told.size() < 500) {
        ++failed;
        ASSERT_LT(failed, 100);
        history.answer_insert(fail(Code::Unavailable, "no answer in time"));
      } else {
        history.all_stored();
      }
    }
  };
  answer_until_told(900);
  EXPECT_GE(failed, 5);
  EXPECT_EQ(writer().trouble(), "");
  for (int i = 1'000; i < 3'000; ++i) record(i);
  answer_until_told(2'000);
  EXPECT_EQ(history.records.size(), 200u) << "and in whole batches again";
  EXPECT_EQ(writer().counters().failures, static_cast<std::uint64_t>(failed));
}

TEST_F(HistoryWriterTest, OutputThatGetsNoAnswerIsSentInHalvesUntilItDoes) {
  for (std::uint64_t i = 0; i < 1'500; ++i) EXPECT_TRUE(writer().output(chunk_of(run_id("a", 0), i, i, "x")));
  EXPECT_EQ(history.chunks.size(), 1'000u) << "a full batch waits for nothing";
  for (int calls = 1; writer().output_bytes_waiting() > 0; ++calls) {
    ASSERT_TRUE(loop.run_until([&] { return history.appends == calls; }));
    if (history.chunks.size() > 1) {
      history.answer_append(fail(Code::Unavailable, "no answer in time"));
    } else {
      history.answer_append(std::size_t{1});
    }
    ASSERT_LT(calls, 3'000);
  }
  EXPECT_EQ(writer().counters().chunks_stored, 1'500u);
}

TEST_F(HistoryWriterTest, AFullBatchDoesNotCutThePauseShort) {
  for (int i = 0; i < 3; ++i) record(i);
  history.answer_insert(fail(Code::Unavailable, "away"));
  for (int i = 3; i < 30; ++i) record(i);
  loop.advance(milliseconds(49));
  EXPECT_EQ(history.inserts, 1);
}

TEST_F(HistoryWriterTest, OutputIsStoredBeforeTheRecordOfItsRun) {
  EXPECT_TRUE(writer().output(chunk_of(run_id("a", 0), 0, 0, "hello")));
  for (int i = 0; i < 3; ++i) record(i);
  EXPECT_EQ(history.appends, 1) << "a full batch of records does not wait for output_delay";
  EXPECT_EQ(history.inserts, 0);
  history.answer_append(fail(Code::Unavailable, "away"));
  ASSERT_TRUE(loop.run_until([&] { return history.appends == 2; }));
  EXPECT_EQ(history.inserts, 0);
  EXPECT_EQ(history.chunks.size(), 1u);
  history.answer_append(std::size_t{1});
  EXPECT_EQ(history.inserts, 1);
  EXPECT_EQ(writer().counters().chunks_stored, 1u);
}

TEST_F(HistoryWriterTest, OutputThatCameLaterDoesNotHoldARecordUp) {
  for (int i = 0; i < 2; ++i) record(i);
  EXPECT_TRUE(writer().output(chunk_of(run_id("b", 0), 0, 0, "hello")));
  loop.advance(milliseconds(50));
  EXPECT_EQ(history.appends, 1);
  record(2);
  history.answer_append(std::size_t{1});
  EXPECT_EQ(history.inserts, 1);
}

TEST_F(HistoryWriterTest, NeitherAFloodOfOutputNorOfRecordsHoldsTheOtherUp) {
  options.batch_bytes = 1000;
  int appends_seen = 0;
  std::uint64_t next = 0;
  const auto flood = [&] {
    for (int i = 0; i < 10; ++i, ++next) {
      EXPECT_TRUE(writer().output(chunk_of(run_id("b", 0), next, next * 900, std::string(900, 'x'))));
      record(static_cast<std::int64_t>(next));
    }
  };
  flood();
  for (int i = 0; i < 40; ++i) {
    if (i % 2 == 0) flood();
    const int appends = std::exchange(appends_seen, history.appends);
    if (history.appends > appends) {
      history.answer_append(history.chunks.size());
    } else {
      history.all_stored();
    }
  }
  EXPECT_GT(history.inserts, 10);
  EXPECT_GT(history.appends, 10);
}

TEST_F(HistoryWriterTest, ARefusedRecordIsSetAsideWithItsReason) {
  for (int i = 0; i < 3; ++i) record(i);
  history.answer_insert(std::vector<Inserted>{
      {}, {Outcome::Refused, {}, true, "too large"}, {Outcome::Duplicate, domain::RunStatus::Failed, false, ""}});
  EXPECT_EQ(told.at(0).outcome, Outcome::Stored);
  EXPECT_EQ(told.at(1).error, "too large");
  EXPECT_EQ(told.at(2).standing, domain::RunStatus::Failed);
  EXPECT_FALSE(told.at(2).standing_final);
  EXPECT_EQ(writer().counters().refused, 1u);
  EXPECT_EQ(writer().counters().duplicates, 1u);
  ASSERT_EQ(writer().set_aside().size(), 1u);
  EXPECT_EQ(writer().set_aside()[0].run, run_id("a", 1));
  EXPECT_EQ(writer().set_aside()[0].reason, "too large");
}

TEST_F(HistoryWriterTest, ABatchRefusedAsAWholeIsSentOneByOne) {
  for (int i = 0; i < 3; ++i) record(i);
  history.answer_insert(fail(Code::InvalidArgument, "one of these is wrong"));
  EXPECT_EQ(history.records.size(), 1u);
  history.all_stored();
  history.answer_insert(fail(Code::InvalidArgument, "this one"));
  history.all_stored();
  EXPECT_EQ(told.at(0).outcome, Outcome::Stored);
  EXPECT_EQ(told.at(1).outcome, Outcome::Refused);
  EXPECT_EQ(told.at(2).outcome, Outcome::Stored);
  for (int i = 3; i < 6; ++i) record(i);
  EXPECT_EQ(history.records.size(), 3u) << "and in batches again";

  history.all_stored();
  for (std::uint64_t i = 0; i < 2; ++i) EXPECT_TRUE(writer().output(chunk_of(run_id("a", 9), i, i, "x")));
  loop.advance(milliseconds(50));
  EXPECT_EQ(history.chunks.size(), 2u);
  history.answer_append(fail(Code::InvalidArgument, "one of these is wrong"));
  history.answer_append(fail(Code::InvalidArgument, "this one"));
  history.answer_append(std::size_t{1});
  EXPECT_EQ(writer().counters().chunks_set_aside, 1u);
  EXPECT_EQ(writer().output_bytes_waiting(), 0u);
}

TEST_F(HistoryWriterTest, OutputHasABoundAndRecordsHaveNone) {
  options.output_bytes_max = 10'000;
  options.record_bytes_max = 10'000;
  std::uint64_t taken = 0;
  while (writer().output(chunk_of(run_id("b", 0), taken, taken * 1000, std::string(1000, 'x')))) ++taken;
  EXPECT_GE(taken, 8u);
  EXPECT_LE(writer().output_bytes_waiting(), 10'000u);
  EXPECT_EQ(writer().counters().chunks_without_room, 1u);
  int recorded = 0;
  while (writer().has_room()) record(recorded++);
  for (int i = 0; i < 5; ++i) record(recorded++);
  while (!history.chunks.empty() || writer().records_waiting() > 0) {
    if (writer().output_bytes_waiting() > 0) history.answer_append(history.chunks.size());
    history.chunks.clear();
    if (writer().records_waiting() > 0) history.all_stored();
    loop.advance(milliseconds(200));
  }
  EXPECT_EQ(told.size(), static_cast<std::size_t>(recorded));
  EXPECT_TRUE(writer().has_room());
}

TEST_F(HistoryWriterTest, FlushWaitsForNoCompanyAndAnswersWhenNothingIsLeft) {
  bool flushed = false;
  record(0);
  writer().flush([&] { flushed = true; });
  loop.settle();
  EXPECT_EQ(history.inserts, 1);
  EXPECT_FALSE(flushed);
  history.all_stored();
  EXPECT_TRUE(flushed);

  flushed = false;
  writer().flush([&] { flushed = true; });
  EXPECT_FALSE(flushed) << "never inside the call";
  loop.settle();
  EXPECT_TRUE(flushed);
}

TEST_F(HistoryWriterTest, AnAnswerThatComesAfterItsEndIsDropped) {
  for (int i = 0; i < 3; ++i) record(i);
  writer_.reset();
  history.all_stored();
  EXPECT_TRUE(told.empty());
  // One that is told may end the writer.
  record(0);
  writer().record(record_of(run_id("a", 1)), [this](Inserted) { writer_.reset(); });
  record(2);
  history.all_stored();
  EXPECT_EQ(told.size(), 1u);
}

// Whatever the history does, each record is stored once, answered once, and its output stands when it does.
TEST(HistoryWriterUnderFaults, StoresEverythingOnceWithItsOutput) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE(seed);
    testing::ManualLoop loop;
    Rng rng(seed);
    sim::SimHistoryFaults faults;
    faults.unavailable = 0.2;
    faults.unknown = 0.2;
    faults.outage = 0.05;
    sim::SimHistoryStore store(loop, loop, rng.fork("store"), faults);
    sim::SimHistory history(store, loop);
    HistoryWriter writer(history, loop, loop, rng.fork("writer"), {.batch_records = 5});
    int answers = 0;
    constexpr int kRuns = 60;
    for (int i = 0; i < kRuns; ++i) {
      const domain::RunId run = run_id("a", i);
      std::uint64_t offset = 0;
      for (std::uint64_t chunk = 0; chunk < rng.below(4); ++chunk) {
        EXPECT_TRUE(writer.output(chunk_of(run, chunk, offset, "0123456789")));
        offset += 10;
      }
      auto record = record_of(run);
      record.end.output_bytes = offset;
      writer.record(std::move(record), [&, run](Inserted answer) {
        ++answers;
        EXPECT_NE(answer.outcome, Outcome::Refused);
        EXPECT_TRUE(store.records().contains(run));
      });
      if (rng.chance(0.3)) store.set_full(rng.chance(0.3));
      loop.advance(milliseconds(rng.below(300)));
      // Output before the record, seen at any moment.
      for (const auto& [id, stored] : store.records()) {
        const auto* chunks = store.chunks(id);
        ASSERT_EQ(chunks == nullptr ? 0 : chunks->size() * 10, stored.end.output_bytes) << id.text();
      }
    }
    store.set_full(false);
    bool flushed = false;
    writer.flush([&] { flushed = true; });
    ASSERT_TRUE(loop.run_until([&] { return flushed; }));
    EXPECT_EQ(answers, kRuns);
    EXPECT_EQ(store.records().size(), static_cast<std::size_t>(kRuns));
    EXPECT_EQ(store.inserts(), static_cast<std::uint64_t>(kRuns));
  }
}

}  // namespace
}  // namespace cronfleet::history
