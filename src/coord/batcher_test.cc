#include "coord/batcher.h"

#include <gtest/gtest.h>

#include "coord/batch_rules.h"
#include "sim/sim_store.h"
#include "sim/virtual_time.h"

namespace cronfleet::coord {
namespace {

using Kind = Condition::Kind;

struct World {
  explicit World(std::uint64_t seed, BatcherOptions options = {}, sim::SimFaults faults = {})
      : store(cluster, cluster, Rng(seed), faults),
        client(store.client(node)),
        batcher(*client, node, node, node, options) {}

  sim::VirtualTime time{from_seconds(1'767'225'600)};
  sim::VirtualNode cluster{time};
  sim::SimStore store;
  sim::VirtualNode node{time};
  std::unique_ptr<sim::SimClient> client;
  Batcher batcher;
};

// What a transaction came to, without revisions: they depend on how it was batched.
struct Outcome {
  bool committed = false;
  std::map<std::string, std::string> found;
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

// One after the other, as if nothing was ever batched.
struct Serial {
  std::map<std::string, KeyValue> entries;

  const KeyValue* find(const std::string& key) const {
    const auto at = entries.find(key);
    return at == entries.end() ? nullptr : &at->second;
  }
  Outcome apply(const Txn& txn) {
    Outcome outcome;
    outcome.committed = std::all_of(txn.expected.begin(), txn.expected.end(),
                                    [&](const Condition& c) { return holds(c, find(c.key)); });
    for (const Write& write : txn.writes) {
      if (!outcome.committed) break;
      if (write.value) {
        entries[write.key] = {write.key, *write.value, 0, 0, 0};
      } else {
        entries.erase(write.key);
      }
    }
    for (const std::string& key : txn.read_if_refused) {
      if (const KeyValue* entry = find(key); entry != nullptr && !outcome.committed) outcome.found[key] = entry->value;
    }
    return outcome;
  }
};

Txn random_txn(Rng& rng, std::uint64_t keys) {
  const auto key = [&] { return fmt::format("k{}", rng.below(keys)); };
  const auto value = [&] { return std::to_string(rng.below(4)); };
  Txn txn;
  for (std::uint64_t i = rng.below(3); i > 0; --i) {
    constexpr Kind kKinds[] = {Kind::Absent, Kind::Present, Kind::ValueEquals, Kind::ValueGreater, Kind::ValueLess};
    txn.expected.push_back({key(), kKinds[rng.below(std::size(kKinds))], value(), 0});
  }
  for (std::uint64_t i = 1 + rng.below(3); i > 0; --i) {
    Write write{key(), rng.chance(0.3) ? std::nullopt : std::optional(value()), 0};
    const bool twice = std::any_of(txn.writes.begin(), txn.writes.end(), [&](auto& w) { return w.key == write.key; });
    if (!twice) txn.writes.push_back(std::move(write));
  }
  for (std::uint64_t i = rng.below(3); i > 0; --i) txn.read_if_refused.push_back(key());
  return txn;
}

TEST(Batcher, WhatGoesInBatchesEqualsTheOrderInWhichItWasAdded) {
  std::size_t batched = 0, commits = 0;
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    Rng rng(seed);
    BatcherOptions options;
    options.batch_max = 1 + rng.below(64);
    options.in_flight_max = 1 + rng.below(3);
    World world(seed, options);
    world.store.on_commit([&](Revision, const std::vector<Change>&) { ++commits; });
    const std::uint64_t keys = 2 + rng.below(60);
    Serial serial;
    std::vector<Outcome> want, got(200);
    std::size_t answered = 0;
    for (std::size_t i = 0; i < got.size(); ++i) {
      Txn txn = random_txn(rng, keys);
      want.push_back(serial.apply(txn));
      batched += want.back().committed ? 1 : 0;
      world.batcher.add(std::move(txn), [&, i](Result<TxnAnswer> answer) {
        ASSERT_TRUE(answer) << answer.error().text() << " seed " << seed;
        got[i].committed = answer->committed;
        for (const KeyValue& entry : answer->found) got[i].found[entry.key] = entry.value;
        ++answered;
      });
      if (rng.chance(0.1)) world.time.run_for(std::chrono::microseconds(rng.below(3'000)));
    }
    world.time.run_for(std::chrono::seconds(60));
    ASSERT_EQ(answered, got.size()) << "seed " << seed;
    for (std::size_t i = 0; i < got.size(); ++i) ASSERT_EQ(got[i], want[i]) << "seed " << seed << ", " << i;
    ASSERT_EQ(world.store.entries().size(), serial.entries.size());
    for (const auto& [key, entry] : serial.entries) EXPECT_EQ(world.store.entries().at(key).value, entry.value);
  }
  EXPECT_LT(commits, batched);  // or nothing was tried here
}

TEST(Batcher, GathersWhatOneStepAddsAndWhatComesMeanwhile) {
  World world(1);
  std::vector<std::size_t> sizes;
  world.store.on_commit([&](Revision, const std::vector<Change>& changes) { sizes.push_back(changes.size()); });
  int answered = 0;
  const auto add = [&](int i) {
    world.batcher.add({{}, {{fmt::format("k{:03}", i), "1", 0}}, {}}, [&](Result<TxnAnswer>) { ++answered; });
  };
  for (int i = 0; i < 10; ++i) add(i);
  world.time.run_for(std::chrono::microseconds(1));  // sent
  for (int i = 10; i < 110; ++i) add(i);
  EXPECT_EQ(world.batcher.waiting(), 100u);
  world.time.run_for(std::chrono::seconds(1));
  EXPECT_EQ(answered, 110);
  EXPECT_EQ(sizes, (std::vector<std::size_t>{10, 64, 36}));
  EXPECT_GT(world.batcher.rate_per_second(), 1'000);
}

TEST(Batcher, EachMemberGetsTheStatusOfItsBatch) {
  const auto codes = [](World& world, LeaseId lease) {
    std::vector<Code> got;
    for (int i = 0; i < 3; ++i) {
      world.batcher.add({{}, {{fmt::format("k{}", i), "1", i == 1 ? lease : 0}}, {}}, [&](Result<TxnAnswer> answer) {
        got.push_back(answer ? Code::NotFound : answer.error().code());
      });
    }
    world.time.run_for(std::chrono::seconds(10));
    return got;
  };
  World lost(1, {}, {.lost = 1});
  EXPECT_EQ(codes(lost, 0), std::vector<Code>(3, Code::Unavailable));
  EXPECT_EQ(lost.store.entries().size(), 0u);
  World applied(1, {}, {.answer_lost = 1});
  EXPECT_EQ(codes(applied, 0), std::vector<Code>(3, Code::Unavailable));
  EXPECT_EQ(applied.store.entries().size(), 3u);
  World dead_lease(1);
  EXPECT_EQ(codes(dead_lease, 77), std::vector<Code>(3, Code::LeaseLost));
  EXPECT_EQ(dead_lease.store.entries().size(), 0u);
  World full(1);
  full.store.set_full(true);
  EXPECT_EQ(codes(full, 0), std::vector<Code>(3, Code::NoSpace));
}

TEST(Batcher, AFullQueueSaysSoAndSendsNothing) {
  World world(1, {.queue_max = 2});
  std::vector<bool> sent;
  for (int i = 0; i < 3; ++i) {
    world.batcher.add({{}, {{fmt::format("k{}", i), "1", 0}}, {}},
                      [&](Result<TxnAnswer> answer) { sent.push_back(answer.has_value()); });
  }
  EXPECT_TRUE(sent.empty());  // never inside the call
  world.time.run_for(std::chrono::seconds(1));
  EXPECT_EQ(sent, (std::vector<bool>{false, true, true}));
  EXPECT_EQ(world.store.entries().size(), 2u);
}

TEST(Batcher, DropAnswersCancelledOnceAndGoesOnAfterwards) {
  World world(1, {.batch_max = 2});
  std::map<int, std::vector<Code>> got;
  const auto add = [&](int i) {
    world.batcher.add({{}, {{fmt::format("k{}", i), "1", 0}}, {}}, [&, i](Result<TxnAnswer> answer) {
      got[i].push_back(answer ? Code::NotFound : answer.error().code());
    });
  };
  for (int i = 0; i < 5; ++i) add(i);
  world.time.run_for(std::chrono::microseconds(1));
  world.batcher.drop();
  EXPECT_TRUE(got.empty());
  add(5);
  world.time.run_for(std::chrono::seconds(1));
  for (int i = 0; i < 5; ++i) EXPECT_EQ(got[i], std::vector<Code>{Code::Cancelled}) << i;
  EXPECT_EQ(got[5], std::vector<Code>{Code::NotFound});
  EXPECT_TRUE(world.store.entries().contains("k0"));  // it was on its way
  EXPECT_FALSE(world.store.entries().contains("k4"));
}

TEST(Batcher, WhatHasPatienceWaitsForCompanyAndGoesAloneInTheEnd) {
  using std::chrono::milliseconds;
  World world(1, {.batch_max = 4});
  std::vector<std::size_t> batches;
  world.store.on_commit([&](Revision, const std::vector<Change>& changes) { batches.push_back(changes.size()); });
  int answered = 0;
  const auto add = [&](int i, milliseconds patience) {
    world.batcher.add({{}, {{fmt::format("k{}", i), "1", 0}}, {}}, patience, [&](auto) { ++answered; });
  };
  add(0, milliseconds(500));
  add(1, milliseconds(300));
  world.time.run_for(milliseconds(250));
  EXPECT_TRUE(batches.empty());
  world.time.run_for(milliseconds(250));
  EXPECT_EQ(batches, std::vector<std::size_t>{2}) << "the first whose patience is over takes the others along";
  add(2, milliseconds(500));
  add(3, milliseconds(0));
  world.time.run_for(milliseconds(100));
  EXPECT_EQ(batches, (std::vector<std::size_t>{2, 2})) << "and so does one that has none";
  for (int i = 4; i < 9; ++i) add(i, milliseconds(500));
  world.time.run_for(milliseconds(100));
  EXPECT_EQ(batches, (std::vector<std::size_t>{2, 2, 4})) << "a full batch waits for nobody";
  world.time.run_for(std::chrono::seconds(1));
  EXPECT_EQ(batches, (std::vector<std::size_t>{2, 2, 4, 1}));
  EXPECT_EQ(answered, 9);
  add(9, milliseconds(500));
  world.batcher.drop();
  world.time.run_for(std::chrono::seconds(1));
  EXPECT_EQ(answered, 10);
  EXPECT_EQ(batches.size(), 4u) << "what was dropped is not sent";
}

TEST(Batcher, NothingFollowsABatchThatIsOutForLongAndEachAnswerSaysWhenItWasSent) {
  using std::chrono::milliseconds;
  World world(1, {.batch_max = 1, .in_flight_max = 4});
  std::vector<MonoTime> sent;
  int failed = 0;
  const auto add = [&](int i) {
    world.batcher.add({{}, {{fmt::format("k{}", i), "1", 0}}, {}},
                      [&](Result<TxnAnswer> answer) { answer ? sent.push_back(answer->sent_at) : void(++failed); });
  };
  const MonoTime begun = world.node.mono();
  for (int i = 0; i < 20; ++i) add(i);
  world.time.run_for(std::chrono::seconds(1));
  ASSERT_EQ(sent.size(), 20u);
  EXPECT_EQ(std::count(sent.begin(), sent.end(), begun), 4) << "the first four at once";
  EXPECT_LT(world.batcher.latency(), milliseconds(100));
  EXPECT_GT(world.batcher.latency(), milliseconds(0));
  // Requests arrive and no answers come: of what is asked for later only what goes at once can have been applied.
  world.client->cut_off(true, sim::SimClient::Way::Answers);
  add(20);
  add(21);
  world.time.run_for(milliseconds(400));
  add(22);
  world.time.run_for(milliseconds(400));
  EXPECT_TRUE(world.store.entries().contains("k20"));
  EXPECT_TRUE(world.store.entries().contains("k21"));
  EXPECT_FALSE(world.store.entries().contains("k22"));
  EXPECT_EQ(world.batcher.waiting(), 1u);
  world.client->cut_off(false);
  world.time.run_for(std::chrono::seconds(5));
  EXPECT_EQ(failed, 2);
  EXPECT_TRUE(world.store.entries().contains("k22"));
}

TEST(Batcher, AnAnswerMayDropTheRest) {
  World world(1);
  std::vector<Code> got;
  for (int i = 0; i < 3; ++i) {
    world.batcher.add({{}, {{fmt::format("k{}", i), "1", 0}}, {}}, [&, i](Result<TxnAnswer> answer) {
      if (i == 0) world.batcher.drop();
      got.push_back(answer ? Code::NotFound : answer.error().code());
    });
  }
  world.time.run_for(std::chrono::seconds(1));
  EXPECT_EQ(got, (std::vector<Code>{Code::NotFound, Code::Cancelled, Code::Cancelled}));
}

}  // namespace
}  // namespace cronfleet::coord
