// Records on their way into MongoDB while the server is killed, frozen, cut off and empty of indexes: HistoryWriter and
// MongoRunHistory end with exactly one record of each run, and it is the first one that was sent.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <map>

#include "base/rng.h"
#include "history/history_writer.h"
#include "history/mongo/mongo_run_history.h"
#include "tests/conformance/history_calls.h"
#include "tests/conformance/run_samples.h"
#include "tests/services/mongo_server.h"
#include "tests/services/tcp_proxy.h"
#include "tests/services/turned_loop.h"

namespace cronfleet::testing {
namespace {

using history::Inserted;

history::MongoOptions options_through(const TcpProxy& proxy) {
  history::MongoOptions options;
  options.uri = "mongodb://" + proxy.endpoint();
  options.retention = {std::chrono::hours(0), 0};
  options.connect_timeout = std::chrono::milliseconds(1000);
  options.selection_timeout = std::chrono::milliseconds(1000);
  options.socket_timeout = std::chrono::milliseconds(1000);
  return options;
}

class MongoFaults : public ::testing::Test {
 protected:
  MongoFaults() {
    auto opened = history::MongoRunHistory::open(options_through(proxy), loop, loop.clock());
    CHECK(opened.has_value());
    history = std::move(*opened);
  }

  domain::RunRecord next() {
    auto record = record_of(run_id("job-" + std::to_string(sent % 7), sent));
    record.command = "command " + std::to_string(sent);
    ++sent;
    return record;
  }
  // Sends a record and a piece of its output.
  void send(history::HistoryWriter& writer) {
    auto record = next();
    while (!writer.output(chunk_of(record.id, 0, 0, "output of " + record.command))) {
      ASSERT_TRUE(loop.run_until([&] { return writer.output_bytes_waiting() == 0; }, std::chrono::minutes(2)));
    }
    writer.record(record, [this, id = record.id](Inserted answer) {
      EXPECT_NE(answer.outcome, Inserted::Outcome::Refused) << answer.error;
      ++answers[id];
    });
  }
  bool all_answered() const { return answers.size() == static_cast<std::size_t>(sent); }

  void expect_each_once() {
    EXPECT_EQ(answers.size(), static_cast<std::size_t>(sent));
    for (const auto& [id, count] : answers) EXPECT_EQ(count, 1) << id.text();
    std::map<std::string, int> stored;
    history::RunQuery query;
    query.limit = 500;
    do {
      std::optional<Result<history::RunPage>> page;
      ASSERT_TRUE(loop.run_until([&] {
        page = history->find(query);
        return page->has_value();
      }));
      for (const auto& record : (*page)->items) {
        ++stored[record.id.text()];
        const auto number = (record.scheduled_at - from_seconds(kFirstSecond)) / std::chrono::seconds(1);
        EXPECT_EQ(record.command, "command " + std::to_string(number));
      }
      query.cursor = (*page)->next_cursor;
    } while (!query.cursor.empty());
    EXPECT_EQ(stored.size(), static_cast<std::size_t>(sent));
    for (const auto& [id, count] : stored) EXPECT_EQ(count, 1) << id;
    for (std::int64_t number = 0; number < sent; number += 97) {
      const auto run = run_id("job-" + std::to_string(number % 7), number);
      const auto output = history->output(run, 0, 1000);
      ASSERT_TRUE(output) << output.error().text();
      ASSERT_EQ(output->chunks.size(), 1u) << run.text();
      EXPECT_EQ(output->chunks[0].bytes, "output of command " + std::to_string(number));
    }
  }

  MongoServer server;
  TcpProxy proxy{"127.0.0.1:" + std::to_string(server.port())};
  TurnedLoop loop;
  std::unique_ptr<history::MongoRunHistory> history;
  std::int64_t sent = 0;
  std::map<domain::RunId, int> answers;
};

TEST_F(MongoFaults, EveryRunHasExactlyOneRecordWhateverHappensToTheServer) {
  const std::uint64_t seed =
      std::getenv("CRONFLEET_SEED") != nullptr ? std::strtoull(std::getenv("CRONFLEET_SEED"), nullptr, 10) : 20261125;
  SCOPED_TRACE("CRONFLEET_SEED=" + std::to_string(seed));
  Rng rng(seed);
  history::HistoryOptions writing;
  writing.batch_records = 20;
  writing.batch_delay = std::chrono::milliseconds(20);
  writing.retry_delay = std::chrono::milliseconds(20);
  writing.retry_delay_max = std::chrono::milliseconds(300);
  history::HistoryWriter writer(*history, loop, loop.clock(), Rng(seed), writing);
  const auto pass_time = [&](std::chrono::milliseconds span) {
    const MonoTime until = loop.clock().mono() + span;
    while (loop.clock().mono() < until) {
      for (int i = 0; i < 4 && writer.has_room(); ++i) send(writer);
      const MonoTime step = std::min(until, loop.clock().mono() + std::chrono::milliseconds(10));
      loop.run_until([&] { return loop.clock().mono() >= step; });
    }
  };
  const int rounds = std::getenv("CRONFLEET_LONG") != nullptr ? 12 : 2;
  for (int round = 0; round < rounds; ++round) {
    const auto some_ms = [&] { return std::chrono::milliseconds(50 + rng.below(400)); };
    pass_time(some_ms());
    server.kill();
    pass_time(some_ms());
    server.restart();
    pass_time(some_ms());
    for (int i = 0; i < 4; ++i) {
      proxy.cut(i % 2 == 0 ? TcpProxy::Direction::Replies : TcpProxy::Direction::Requests);
      pass_time(std::chrono::milliseconds(150));
    }
    server.stop();
    pass_time(std::chrono::milliseconds(1300));  // past the time-out for an answer
    server.cont();
    proxy.half_open(TcpProxy::Direction::Replies);
    pass_time(std::chrono::milliseconds(1300));
    proxy.pass();
    proxy.refuse();
    pass_time(some_ms());
    proxy.pass();
    proxy.close_all();
    proxy.delay(std::chrono::milliseconds(30));
    pass_time(some_ms());
    proxy.pass();
  }
  ASSERT_TRUE(loop.run_until([&] { return all_answered(); }, std::chrono::minutes(2)))
      << answers.size() << " of " << sent << ": " << writer.trouble();
  EXPECT_GT(writer.counters().failures, 0u);
  EXPECT_GT(proxy.cuts(), 0u);
  expect_each_once();
}

// The request arrived, its answer did not: what stands is the record, also against another one that comes later.
TEST_F(MongoFaults, ALostAnswerIsFollowedByADuplicateThatStands) {
  HistoryCalls calls(*history, [&](auto done) { return loop.run_until(done); });
  ASSERT_TRUE(calls.insert({next()}));
  int unknown = 0;
  for (int i = 0; i < 20; ++i) {
    auto record = next();
    proxy.cut(TcpProxy::Direction::Replies);
    const auto first = calls.insert({record});
    if (!first) {
      EXPECT_EQ(first.error().code(), Code::Unavailable) << first.error().text();
      ++unknown;
    }
    auto other = record;
    other.end.status = domain::RunStatus::Failed;
    std::optional<Result<std::vector<Inserted>>> again;
    ASSERT_TRUE(loop.run_until([&] {
      again = calls.insert({other});
      return again->has_value();
    }));
    const auto standing = history->get(record.id);
    ASSERT_TRUE(standing) << standing.error().text();
    if ((*again)->at(0).outcome == Inserted::Outcome::Duplicate) {
      EXPECT_EQ((*again)->at(0).standing, domain::RunStatus::Succeeded);
      EXPECT_EQ(standing->end.status, domain::RunStatus::Succeeded);
    } else {
      EXPECT_FALSE(first) << "an acknowledged record is replaced";
      EXPECT_EQ(standing->end.status, domain::RunStatus::Failed);
    }
  }
  EXPECT_GT(unknown, 5);
}

// Nothing piles up while the server is away: the writer says that it has no room, and the rest stays where it is safe.
TEST_F(MongoFaults, MemoryIsFlatWhileTheServerIsAway) {
  history::HistoryOptions writing;
  writing.record_bytes_max = 2 << 20;
  writing.output_bytes_max = 1 << 20;
  writing.retry_delay_max = std::chrono::milliseconds(200);
  history::HistoryWriter writer(*history, loop, loop.clock(), Rng(1), writing);
  send(writer);
  ASSERT_TRUE(loop.run_until([&] { return all_answered(); }));
  server.kill();
  const auto resident = [] {
    std::ifstream statm("/proc/self/statm");
    std::int64_t all = 0, held = 0;
    statm >> all >> held;
    return held * ::sysconf(_SC_PAGESIZE);
  };
  std::int64_t before = 0, offered = 0;
  const std::chrono::milliseconds away =
      std::getenv("CRONFLEET_LONG") != nullptr ? std::chrono::minutes(10) : std::chrono::seconds(8);
  const MonoTime began = loop.clock().mono();
  for (MonoTime now = began; now < began + away; now = loop.clock().mono()) {
    // 500 runs a second, each with output.
    for (; offered < (now - began) / std::chrono::milliseconds(2); ++offered) {
      if (!writer.has_room()) continue;
      auto record = next();
      record.output.assign(1000, 'x');
      (void)writer.output(chunk_of(record.id, 0, 0, record.output));  // false: no room, it is in the journal
      writer.record(record, [this, id = record.id](const Inserted&) { ++answers[id]; });
    }
    if (before == 0 && !writer.has_room()) before = resident();
    loop.run_until([&] { return loop.clock().mono() >= now + std::chrono::milliseconds(2); });
  }
  ASSERT_GT(before, 0) << "it never was full";
#ifndef CRONFLEET_SANITIZED
  EXPECT_LT(resident() - before, 8 << 20);
#endif
  EXPECT_LT(writer.records_waiting(), 3000u);
  server.restart();
  ASSERT_TRUE(loop.run_until([&] { return all_answered(); }, std::chrono::minutes(2))) << writer.trouble();
}

}  // namespace
}  // namespace cronfleet::testing
