// tests/conformance/run_history_suite.h: the contract of RunHistory, which every backend passes.
//
// A backend is a type with a default constructor that makes a new, empty history, kept for kKept, at the moment kNow;
// history(); and run_until(done), which makes its loop go on. Instantiate with
//   INSTANTIATE_TYPED_TEST_SUITE_P(Name, RunHistorySuite, Backend);
#pragma once

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/rng.h"
#include "tests/conformance/history_calls.h"
#include "tests/conformance/run_samples.h"

namespace cronfleet::testing {

using domain::RunStatus;
using history::Inserted;
using history::Order;
using history::Retention;
using history::RunQuery;
using Outcome = Inserted::Outcome;

inline const WallTime kNow = from_seconds(kFirstSecond + 86'400);
inline const Retention kKept{std::chrono::hours(24 * 90), 0};

// The history as a stranger would write it from the words of the interface: a list, searched from end to end.
class HistoryModel {
 public:
  void insert(const domain::RunRecord& record) {
    for (const auto& standing : records_) {
      if (standing.id == record.id) return;
    }
    records_.push_back(history::as_kept(record));
  }

  std::vector<domain::RunRecord> all(const RunQuery& query) const {
    std::vector<domain::RunRecord> found;
    for (domain::RunRecord record : records_) {
      const auto& wanted = query.statuses;
      if (query.job && *query.job != record.id.firing.job) continue;
      if (query.worker && *query.worker != record.worker) continue;
      if (!wanted.empty() && std::count(wanted.begin(), wanted.end(), record.end.status) == 0) continue;
      if (query.from && record.scheduled_at < *query.from) continue;
      if (query.until && !(record.scheduled_at < *query.until)) continue;
      record.output.clear();
      found.push_back(std::move(record));
    }
    std::sort(found.begin(), found.end(), comes_first);
    if (query.order == Order::NewestFirst) std::reverse(found.begin(), found.end());
    return found;
  }

  void prune(const Retention& retention, WallTime now) {
    std::erase_if(records_, [&](const auto& r) { return r.scheduled_at < now - retention.age; });
    std::map<JobName, std::uint64_t> kept;
    std::sort(records_.begin(), records_.end(), comes_first);
    std::vector<domain::RunRecord> left;
    for (auto newest = records_.rbegin(); newest != records_.rend(); ++newest) {
      if (++kept[newest->id.firing.job] <= retention.records_per_job) left.push_back(*newest);
    }
    records_ = std::move(left);
  }

  const std::vector<domain::RunRecord>& records() const { return records_; }

 private:
  static bool comes_first(const domain::RunRecord& a, const domain::RunRecord& b) {
    return std::tie(a.scheduled_at, a.id) < std::tie(b.scheduled_at, b.id);
  }
  std::vector<domain::RunRecord> records_;
};

// Small worlds, so that filters meet and moments collide.
inline domain::RunRecord any_record() {
  using rc::gen::inRange;
  static const std::vector<std::string> jobs{"a", "a b", "B", "夜间备份", "é", "z.1"};
  static const std::vector<RunStatus> statuses{RunStatus::Succeeded, RunStatus::Failed, RunStatus::Missed,
                                               RunStatus::Lost, RunStatus::TimedOut};
  static const std::vector<std::string> workers{"node-1", "node-2", "узел"};
  domain::RunRecord record;
  const std::string job = *rc::gen::elementOf(jobs);
  const int attempt = *inRange(1, 13);
  if (*inRange(0, 4) == 0) {
    record = record_of(request_id(job, fmt::format("r-{}", *inRange(0, 20)), attempt));
    record.scheduled_at = from_ms(kFirstSecond * 1000 + *inRange(0, 3000));
  } else {
    record = record_of(run_id(job, *inRange(-3, 6), attempt));
  }
  record.end.status = *rc::gen::elementOf(statuses);
  record.worker = NodeId(*rc::gen::elementOf(workers));
  record.final = *rc::gen::arbitrary<bool>();
  record.output = "some output";
  if (record.end.status == RunStatus::Missed) {
    record.range_count = static_cast<std::uint64_t>(*inRange(1, 5000));
    record.range_from = record.scheduled_at - std::chrono::hours(1);
  }
  return record;
}

inline RunQuery any_query() {
  using rc::gen::inRange;
  RunQuery query;
  const domain::RunRecord like = any_record();
  if (*inRange(0, 2) == 0) query.job = like.id.firing.job;
  if (*inRange(0, 2) == 0) query.worker = like.worker;
  static const std::vector<RunStatus> statuses{RunStatus::Succeeded, RunStatus::Failed, RunStatus::Missed,
                                               RunStatus::Lost,      RunStatus::Killed, RunStatus::Running};
  if (*inRange(0, 2) == 0) {
    for (int i = *inRange(1, 4); i > 0; --i) query.statuses.push_back(*rc::gen::elementOf(statuses));
  }
  const auto moment = [&] {
    return WallTime(
        std::chrono::microseconds(kFirstSecond * 1'000'000 + *inRange(-3000, 6000) * 1000 + *inRange(0, 2)));
  };
  if (*inRange(0, 3) == 0) query.from = moment();
  if (*inRange(0, 3) == 0) query.until = moment();
  query.order = *rc::gen::arbitrary<bool>() ? Order::NewestFirst : Order::OldestFirst;
  query.limit = static_cast<std::size_t>(*inRange(1, 9));
  return query;
}

// A new, empty history and its calls.
template <typename Backend>
struct HistoryWorld {
  Backend backend;
  history::RunHistory& history = backend.history();

  auto calls() {
    return HistoryCalls(history, [this](auto done) { return backend.run_until(done); });
  }
  auto insert(std::vector<domain::RunRecord> records) { return calls().insert(std::move(records)); }
  auto append(std::vector<domain::OutputChunk> chunks) { return calls().append(std::move(chunks)); }
  auto prune(Retention retention, WallTime now, std::size_t records_max = 1000) {
    return calls().prune(retention, now, records_max);
  }
  // The answer to a record that was inserted alone.
  Inserted insert_one(domain::RunRecord record) {
    auto answers = insert({std::move(record)});
    EXPECT_TRUE(answers) << answers.error().text();
    return answers ? answers->at(0) : Inserted{};
  }
  std::string command_of(const domain::RunId& run) {
    const auto record = history.get(run);
    return record ? record->command : record.error().text();
  }
  std::size_t prune_all(Retention retention, WallTime now, std::size_t records_max) {
    for (std::size_t sum = 0;;) {
      const auto deleted = prune(retention, now, records_max);
      if (!deleted || *deleted > records_max) return SIZE_MAX;
      if (*deleted == 0) return sum;
      sum += *deleted;
    }
  }
};

template <typename Backend>
class RunHistorySuite : public ::testing::Test {
 public:
  HistoryWorld<Backend> world;
};
TYPED_TEST_SUITE_P(RunHistorySuite);

TYPED_TEST_P(RunHistorySuite, ARecordIsReadBackWhole) {
  domain::RunRecord record = record_of(run_id("夜间备份 – ночь", 5, 3), RunStatus::Killed);
  record.command = std::string("printf 'a\\0b' # ") + '\0' + " 备份";
  record.end.reason = domain::Reason::Fenced;
  record.end.exit_code = -1;
  record.end.signal = 9;
  record.end.error = "it's “odd”";
  record.end.actor = "Ольга";
  record.end.output_bytes = std::uint64_t{1} << 40;
  record.end.output_bytes_dropped = (std::uint64_t{1} << 40) - 7;
  record.end.usage = {std::chrono::microseconds(1), std::chrono::microseconds(2), std::uint64_t{1} << 41};
  record.claimed_at = record.scheduled_at + std::chrono::microseconds(1999);
  record.end.ended_at = record.scheduled_at + std::chrono::hours(24 * 400);
  record.trigger = domain::Trigger::CatchUp;
  record.triggered_by = "api token 7";
  record.job_revision = INT64_MAX;
  record.fence = 12345;
  record.final = false;
  record.range_count = 1200;
  record.range_from = record.scheduled_at - std::chrono::hours(20);
  record.output = "first\n\xEF\xBF\xBD\nlast";
  domain::RunRecord bare = record_of(request_id("b", "r-7f3a"), RunStatus::Skipped);
  bare.worker = NodeId();
  bare.command.clear();
  bare.end.reason = domain::Reason::QueueFull;
  for (const domain::RunRecord& one : {record, bare}) {
    EXPECT_EQ(this->world.insert_one(one).outcome, Outcome::Stored);
    const auto read = this->world.history.get(one.id);
    ASSERT_TRUE(read) << read.error().text();
    EXPECT_EQ(text_of(*read), text_of(history::as_kept(one)));
  }
  EXPECT_EQ(this->world.history.get(record.id)->claimed_at, record.scheduled_at + Millis(1));
  const auto page = this->world.history.find({});
  ASSERT_TRUE(page) << page.error().text();
  record.output.clear();
  EXPECT_EQ(text_of(page->items), text_of({history::as_kept(record), bare}));
  EXPECT_EQ(page->next_cursor, "");
}

TYPED_TEST_P(RunHistorySuite, EveryStatusReasonAndTriggerIsKept) {
  std::int64_t second = 0;
  const auto kept = [&](RunStatus status, domain::Reason reason, domain::Trigger trigger) {
    auto record = record_of(run_id("a", ++second), status);
    record.end.reason = reason;
    record.trigger = trigger;
    EXPECT_EQ(this->world.insert_one(record).outcome, Outcome::Stored);
    EXPECT_EQ(text_of(*this->world.history.get(record.id)), text_of(record));
  };
  for (int status = 0; status <= static_cast<int>(RunStatus::Refused); ++status) {
    const auto value = static_cast<RunStatus>(status);
    if (domain::is_final(value)) kept(value, domain::Reason::None, domain::Trigger::Schedule);
  }
  for (int reason = 0; reason <= static_cast<int>(domain::Reason::Fenced); ++reason)
    kept(RunStatus::Failed, static_cast<domain::Reason>(reason), domain::Trigger::Schedule);
  for (int trigger = 0; trigger <= static_cast<int>(domain::Trigger::CatchUp); ++trigger)
    kept(RunStatus::Failed, domain::Reason::None, static_cast<domain::Trigger>(trigger));
}

TYPED_TEST_P(RunHistorySuite, TheFirstRecordOfARunStands) {
  auto first = record_of(run_id("a", 0), RunStatus::TimedOut);
  first.final = false;
  first.command = "first";
  auto second = record_of(run_id("a", 0));
  second.command = "second";
  EXPECT_EQ(this->world.insert_one(first).outcome, Outcome::Stored);
  for (int i = 0; i < 3; ++i) {
    const Inserted answer = this->world.insert_one(second);
    EXPECT_EQ(answer.outcome, Outcome::Duplicate);
    EXPECT_EQ(answer.standing, RunStatus::TimedOut);
    EXPECT_FALSE(answer.standing_final);
  }
  EXPECT_EQ(this->world.command_of(first.id), "first");
  // Also within one batch, and beside others.
  const auto answers = this->world.insert({second, record_of(run_id("a", 1)), record_of(run_id("a", 1)),
                                           record_of(run_id("a", 0, 2)), record_of(run_id("b", 0))});
  ASSERT_TRUE(answers);
  std::vector<Outcome> outcomes;
  for (const Inserted& answer : *answers) outcomes.push_back(answer.outcome);
  EXPECT_EQ(outcomes,
            (std::vector{Outcome::Duplicate, Outcome::Stored, Outcome::Duplicate, Outcome::Stored, Outcome::Stored}));
  EXPECT_TRUE((*answers)[2].standing_final);
}

TYPED_TEST_P(RunHistorySuite, ARequestNamesItsRunWhateverItsMoment) {
  auto first = record_of(request_id("a", "r-1"), RunStatus::Failed);
  first.command = "first";
  auto later = first;
  later.scheduled_at += Millis(500);
  later.command = "later";
  EXPECT_EQ(this->world.insert_one(first).outcome, Outcome::Stored);
  EXPECT_EQ(this->world.insert_one(later).outcome, Outcome::Duplicate);
  EXPECT_EQ(this->world.command_of(first.id), "first");
  auto of_other_job = later;
  of_other_job.id.firing.job = JobName("b");
  EXPECT_EQ(this->world.insert_one(of_other_job).outcome, Outcome::Stored);
  // A scheduled run is listed by the instant in its id.
  auto scheduled = record_of(run_id("c", 7));
  scheduled.scheduled_at += Millis(123);
  EXPECT_EQ(this->world.insert_one(scheduled).outcome, Outcome::Stored);
  EXPECT_EQ(this->world.history.get(scheduled.id)->scheduled_at, from_seconds(kFirstSecond + 7));
}

TYPED_TEST_P(RunHistorySuite, ARefusedRecordDoesNotHoldUpTheRest) {
  auto large = record_of(run_id("a", 1));
  large.output.assign(history::kRecordBytesMax + 1, 'x');
  const auto answers =
      this->world.insert({record_of(run_id("a", 0)), large, record_of(run_id("a", 2), RunStatus::Running),
                          record_of(run_id("no/such", 3)), record_of(run_id("a", 4))});
  ASSERT_TRUE(answers) << answers.error().text();
  EXPECT_EQ((*answers)[0].outcome, Outcome::Stored);
  for (std::size_t i = 1; i <= 3; ++i) {
    EXPECT_EQ((*answers)[i].outcome, Outcome::Refused);
    EXPECT_NE((*answers)[i].error, "");
  }
  EXPECT_EQ((*answers)[4].outcome, Outcome::Stored);
  EXPECT_EQ(this->world.history.find({})->items.size(), 2u);
  EXPECT_EQ(this->world.insert({})->size(), 0u);
}

TYPED_TEST_P(RunHistorySuite, ARecordOlderThanTheRetentionIsRefusedUnlessItStands) {
  const WallTime oldest = kNow - kKept.age;
  const auto at = [&](std::chrono::milliseconds after) {
    auto record = record_of(request_id("a", fmt::format("r{}", after.count())));
    record.scheduled_at = oldest + after;
    return record;
  };
  EXPECT_EQ(this->world.insert_one(at(Millis(1000))).outcome, Outcome::Stored);
  EXPECT_EQ(this->world.insert_one(at(Millis(-1000))).outcome, Outcome::Refused);
  EXPECT_EQ(this->world.history.find({})->items.size(), 1u);
  auto again = at(Millis(1000));
  again.scheduled_at -= Millis(2000);
  EXPECT_EQ(this->world.insert_one(again).outcome, Outcome::Duplicate);
}

TYPED_TEST_P(RunHistorySuite, WhatIsNotThereIsNotFound) {
  const auto record = this->world.history.get(run_id("a", 0));
  ASSERT_FALSE(record);
  EXPECT_EQ(record.error().code(), Code::NotFound);
  EXPECT_EQ(this->world.insert_one(record_of(run_id("a", 0))).outcome, Outcome::Stored);
  EXPECT_FALSE(this->world.history.get(run_id("a", 0, 2)));
  EXPECT_FALSE(this->world.history.get(request_id("a", "r")));
  RunQuery query;
  query.job = JobName("b");
  EXPECT_TRUE(this->world.history.find(query)->items.empty());
  query = {};
  query.worker = NodeId("no such node");
  EXPECT_TRUE(this->world.history.find(query)->items.empty());
  query = {};
  query.statuses = {RunStatus::Running};
  EXPECT_TRUE(this->world.history.find(query)->items.empty());
}

TYPED_TEST_P(RunHistorySuite, EveryFilterAndOrderFindsWhatTheModelFinds) {
  EXPECT_TRUE(rc::check([&] {
    HistoryWorld<TypeParam> fresh;
    HistoryModel model;
    const int batches = *rc::gen::inRange(1, 4);
    for (int i = 0; i < batches; ++i) {
      std::vector<domain::RunRecord> batch(static_cast<std::size_t>(*rc::gen::inRange(1, 40)));
      for (auto& record : batch) {
        record = any_record();
        model.insert(record);
      }
      RC_ASSERT(fresh.insert(std::move(batch)).has_value());
    }
    const int queries = *rc::gen::inRange(1, 12);
    for (int i = 0; i < queries; ++i) {
      RunQuery query = any_query();
      std::vector<domain::RunRecord> found;
      for (;;) {
        const auto page = fresh.history.find(query);
        RC_ASSERT(page.has_value());
        RC_ASSERT(page->items.size() <= query.limit);
        found.insert(found.end(), page->items.begin(), page->items.end());
        if (page->next_cursor.empty()) break;
        RC_ASSERT(page->items.size() == query.limit);
        query.cursor = page->next_cursor;
      }
      RC_ASSERT(text_of(found) == text_of(model.all(query)));
      const WallTime from = query.from.value_or(kNow - kKept.age), until = query.until.value_or(kNow);
      std::map<RunStatus, std::uint64_t> sums;
      RunQuery within;
      within.from = from;
      within.until = until;
      for (const auto& record : model.all(within)) sums[record.end.status] += record.range_count;
      std::map<RunStatus, std::uint64_t> counted;
      const auto counts = fresh.history.counts(from, until);
      RC_ASSERT(counts.has_value());
      for (const auto& count : *counts) counted[count.status] = count.count;
      RC_ASSERT(counted == sums);
    }
  }));
}

TYPED_TEST_P(RunHistorySuite, ACursorHoldsItsPlaceWhileRecordsAreInserted) {
  EXPECT_TRUE(rc::check([&] {
    HistoryWorld<TypeParam> fresh;
    HistoryModel before;
    const auto insert_some = [&](HistoryModel* model) {
      std::vector<domain::RunRecord> batch(static_cast<std::size_t>(*rc::gen::inRange(1, 20)));
      for (auto& record : batch) {
        record = any_record();
        if (model != nullptr) model->insert(record);
      }
      RC_ASSERT(fresh.insert(std::move(batch)).has_value());
    };
    insert_some(&before);
    RunQuery query = any_query();
    std::vector<domain::RunRecord> found;
    do {
      const auto page = fresh.history.find(query);
      RC_ASSERT(page.has_value());
      found.insert(found.end(), page->items.begin(), page->items.end());
      query.cursor = page->next_cursor;
      insert_some(nullptr);
    } while (!query.cursor.empty());
    // In order, none twice, and none left out that was there from the start.
    const auto place = [](const domain::RunRecord& r) { return history::Position{r.scheduled_at, r.id}; };
    for (std::size_t i = 1; i < found.size(); ++i) {
      const auto earlier = place(found[i - 1]), later = place(found[i]);
      const bool in_order = query.order == Order::OldestFirst ? earlier < later : later < earlier;
      RC_ASSERT(in_order);
    }
    std::set<domain::RunId> seen;
    for (const auto& record : found) seen.insert(record.id);
    for (const auto& record : before.all(query)) RC_ASSERT(seen.contains(record.id));
  }));
}

TYPED_TEST_P(RunHistorySuite, AForeignCursorOrLimitIsRefused) {
  for (int i = 0; i < 3; ++i) this->world.insert_one(record_of(run_id("a", i)));
  RunQuery query;
  query.limit = 1;
  const std::string cursor = this->world.history.find(query)->next_cursor;
  ASSERT_NE(cursor, "");
  const auto code = [&](RunQuery asked) {
    const auto page = this->world.history.find(asked);
    return page ? "found" : std::string(to_string(page.error().code()));
  };
  query.cursor = cursor;
  EXPECT_EQ(code(query), "found");
  query.cursor = cursor + "A";
  EXPECT_EQ(code(query), "invalid_argument");
  query.cursor = "2";
  EXPECT_EQ(code(query), "invalid_argument");
  query.cursor = cursor;
  query.job = JobName("a");
  EXPECT_EQ(code(query), "invalid_argument");
  query = {};
  query.limit = 0;
  EXPECT_EQ(code(query), "invalid_argument");
  query.limit = 501;
  EXPECT_EQ(code(query), "invalid_argument");
  query.limit = 500;
  EXPECT_EQ(code(query), "found");
}

TYPED_TEST_P(RunHistorySuite, OutputIsReadFromAnyByteWhileTheRunGoesOn) {
  EXPECT_TRUE(rc::check([&] {
    HistoryWorld<TypeParam> fresh;
    const domain::RunId run = *rc::gen::arbitrary<bool>() ? run_id("a b", 1, 2) : request_id("a", "r");
    std::vector<domain::OutputChunk> all, some;
    std::string written;
    const auto count = static_cast<std::uint64_t>(*rc::gen::inRange(0, 12));
    for (std::uint64_t i = 0; i < count; ++i) {
      // Between head and tail bytes were left out.
      if (*rc::gen::inRange(0, 8) == 0) written.append(static_cast<std::size_t>(*rc::gen::inRange(1, 9)), '?');
      auto chunk = chunk_of(run, i, written.size(), *rc::gen::nonEmpty(rc::gen::arbitrary<std::string>()));
      chunk.stream = *rc::gen::arbitrary<bool>() ? domain::OutputChunk::Stream::Out : domain::OutputChunk::Stream::Err;
      written += chunk.bytes;
      all.push_back(chunk);
    }
    // Another run's must never show.
    RC_ASSERT(fresh.append({chunk_of(run_id("a b", 1, 1), 0, 0, "other"), chunk_of(request_id("a", "s"), 0, 0, "x")})
                  .has_value());
    std::size_t stored = 0;
    while (stored < all.size()) {
      const auto step = static_cast<std::size_t>(*rc::gen::inRange(1, 4));
      // Some of what stands is sent again with other bytes: it is left as it is.
      const std::size_t repeated =
          stored - std::min<std::size_t>(stored, static_cast<std::size_t>(*rc::gen::inRange(0, 3)));
      some.clear();
      for (std::size_t i = repeated; i < std::min(all.size(), stored + step); ++i) {
        some.push_back(all[i]);
        if (i < stored) some.back().bytes = "changed";
      }
      const auto fresh_ones = fresh.append(some);
      RC_ASSERT(fresh_ones.has_value());
      RC_ASSERT(*fresh_ones == std::min(step, all.size() - stored));
      stored = std::min(all.size(), stored + step);

      const auto from = static_cast<std::uint64_t>(*rc::gen::inRange<std::size_t>(0, written.size() + 2));
      const auto bytes_max = static_cast<std::size_t>(*rc::gen::inRange(1, 200));
      std::uint64_t next = from;
      std::vector<domain::OutputChunk> read;
      for (;;) {
        const auto slice = fresh.history.output(run, next, bytes_max);
        RC_ASSERT(slice.has_value());
        if (slice->chunks.empty()) {
          RC_ASSERT(slice->next_offset == next);
          break;
        }
        std::size_t bytes = 0;
        for (const auto& chunk : slice->chunks) bytes += chunk.bytes.size();
        RC_ASSERT(slice->chunks.size() == 1 || bytes <= bytes_max);
        RC_ASSERT(slice->next_offset > next);
        next = slice->next_offset;
        read.insert(read.end(), slice->chunks.begin(), slice->chunks.end());
      }
      std::size_t first = 0;
      while (first < stored && all[first].offset + all[first].bytes.size() <= from) ++first;
      RC_ASSERT(read.size() == stored - first);
      for (std::size_t i = 0; i < read.size(); ++i) {
        const auto& want = all[first + i];
        RC_ASSERT(read[i].sequence == want.sequence);
        RC_ASSERT(read[i].offset == want.offset);
        RC_ASSERT(read[i].bytes == want.bytes);
        RC_ASSERT(read[i].stream == want.stream);
        RC_ASSERT(read[i].written_at == want.written_at);
      }
    }
    RC_ASSERT(fresh.insert({record_of(run)}).has_value());
    RC_ASSERT(fresh.history.output(run, 0, SIZE_MAX)->chunks.size() == all.size());
  }));
}

TYPED_TEST_P(RunHistorySuite, LongOutputComesBackByteForByte) {
  const domain::RunId run = run_id("flood", 0);
  Rng rng(1);
  std::string written;
  for (std::uint64_t i = 0; i < 40; ++i) {
    std::string bytes(100'000 + rng.below(100'000), '\0');
    for (char& c : bytes) c = static_cast<char>(rng.next());
    ASSERT_EQ(this->world.append({chunk_of(run, i, written.size(), bytes)}), std::size_t{1});
    written += bytes;
  }
  std::string read;
  for (std::uint64_t next = 0; next < written.size();) {
    const auto slice = this->world.history.output(run, next, 1 << 20);
    ASSERT_TRUE(slice && !slice->chunks.empty());
    for (const auto& chunk : slice->chunks) read += chunk.bytes;
    next = slice->next_offset;
  }
  EXPECT_TRUE(read == written);
  auto refused = chunk_of(run, 99, written.size(), std::string(history::kChunkBytesMax + 1, 'x'));
  const auto answer = this->world.append({chunk_of(run, 98, written.size(), "x"), std::move(refused)});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code(), Code::InvalidArgument);
  EXPECT_TRUE(this->world.history.output(run, written.size(), 10)->chunks.empty()) << "none of such a batch is stored";
}

TYPED_TEST_P(RunHistorySuite, PruningKeepsWhatTheModelKeeps) {
  EXPECT_TRUE(rc::check([&] {
    HistoryWorld<TypeParam> fresh;
    HistoryModel model;
    std::set<domain::RunId> written;
    const int rounds = *rc::gen::inRange(1, 4);
    for (int round = 0; round < rounds; ++round) {
      std::vector<domain::RunRecord> batch(static_cast<std::size_t>(*rc::gen::inRange(1, 40)));
      std::vector<domain::OutputChunk> output;
      for (auto& record : batch) {
        record = any_record();
        model.insert(record);
        if (*rc::gen::inRange(0, 2) == 0) output.push_back(chunk_of(record.id, 0, 0, "text"));
        if (!output.empty()) written.insert(output.back().run);
      }
      RC_ASSERT(fresh.append(std::move(output)).has_value());
      RC_ASSERT(fresh.insert(std::move(batch)).has_value());
      const Retention retention{std::chrono::hours(1), static_cast<std::uint64_t>(*rc::gen::inRange(1, 8))};
      const WallTime now = from_ms(kFirstSecond * 1000 + 3'600'000 + *rc::gen::inRange(-3000, 3000));
      const std::size_t before = model.records().size();
      model.prune(retention, now);
      RC_ASSERT(fresh.prune_all(retention, now, static_cast<std::size_t>(*rc::gen::inRange(1, 20))) ==
                before - model.records().size());
      RunQuery every;
      every.limit = 500;
      RC_ASSERT(text_of(fresh.history.find(every)->items) == text_of(model.all(every)));
      std::set<domain::RunId> kept;
      for (const auto& record : model.records()) kept.insert(record.id);
      for (const domain::RunId& run : written)
        RC_ASSERT(fresh.history.output(run, 0, 100)->chunks.empty() == !kept.contains(run));
      std::erase_if(written, [&](const auto& run) { return !kept.contains(run); });
    }
  }));
}

TYPED_TEST_P(RunHistorySuite, AgeAndCountCanEachBeUnlimited) {
  for (int i = 0; i < 5; ++i) this->world.insert_one(record_of(run_id("a", i)));
  const WallTime later = kNow + std::chrono::hours(24 * 365);
  EXPECT_EQ(this->world.prune_all({std::chrono::hours(0), 0}, later, 100), 0u);
  EXPECT_EQ(this->world.prune_all({std::chrono::hours(0), 3}, later, 100), 2u);
  EXPECT_FALSE(this->world.history.get(run_id("a", 1)));
  EXPECT_TRUE(this->world.history.get(run_id("a", 2)));
  EXPECT_EQ(this->world.prune_all({std::chrono::hours(1), 0}, later, 2), 3u);
}

TYPED_TEST_P(RunHistorySuite, OutputWithoutARecordGoesByItsOwnAge) {
  const domain::RunId gone = run_id("a", 0), going_on = run_id("a", 1), manual = request_id("a", "r");
  const auto written = [](domain::RunId run, std::uint64_t sequence, std::int64_t second) {
    auto chunk = chunk_of(std::move(run), sequence, sequence, "x");
    chunk.written_at = from_seconds(kFirstSecond + second);
    return chunk;
  };
  ASSERT_TRUE(this->world.append({written(gone, 0, 0), written(going_on, 0, 0), written(manual, 0, 0)}));
  ASSERT_TRUE(this->world.append({written(going_on, 1, 7200)}));  // writes still
  auto recorded = record_of(manual);
  recorded.scheduled_at = from_seconds(kFirstSecond + 7200);
  ASSERT_EQ(this->world.insert_one(recorded).outcome, Outcome::Stored);
  EXPECT_EQ(this->world.prune_all({std::chrono::hours(1), 0}, from_seconds(kFirstSecond + 3600 + 3600), 100), 0u);
  EXPECT_TRUE(this->world.history.output(gone, 0, 100)->chunks.empty());
  EXPECT_EQ(this->world.history.output(going_on, 0, 100)->chunks.size(), 2u);
  EXPECT_EQ(this->world.history.output(manual, 0, 100)->chunks.size(), 1u);
}

REGISTER_TYPED_TEST_SUITE_P(RunHistorySuite, ARecordIsReadBackWhole, EveryStatusReasonAndTriggerIsKept,
                            TheFirstRecordOfARunStands, ARequestNamesItsRunWhateverItsMoment,
                            ARefusedRecordDoesNotHoldUpTheRest, ARecordOlderThanTheRetentionIsRefusedUnlessItStands,
                            WhatIsNotThereIsNotFound, EveryFilterAndOrderFindsWhatTheModelFinds,
                            ACursorHoldsItsPlaceWhileRecordsAreInserted, AForeignCursorOrLimitIsRefused,
                            OutputIsReadFromAnyByteWhileTheRunGoesOn, LongOutputComesBackByteForByte,
                            PruningKeepsWhatTheModelKeeps, AgeAndCountCanEachBeUnlimited,
                            OutputWithoutARecordGoesByItsOwnAge);

}  // namespace cronfleet::testing
