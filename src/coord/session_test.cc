#include "coord/session.h"

#include <gtest/gtest.h>

#include "sim/sim_store.h"
#include "sim/virtual_time.h"

namespace cronfleet::coord {
namespace {

using std::chrono::seconds;

// One worker process: its machine, its way to the store, its session.
struct Worker final : SessionSink {
  Worker(sim::VirtualTime& time, sim::SimStore& store, std::uint64_t seed, std::int64_t pid)
      : node(time, std::chrono::hours(seed)),
        client(store.client(node)),
        tokens(Rng(seed)),
        session(*client, node, node, Rng(seed), tokens, core::Keys(), SessionOptions(), *this) {
    entry.node = NodeId("n1");
    entry.boot_id = "boot-1";
    entry.host = "host-1";
    entry.pid = pid;
  }
  void open() {
    session.open(entry, [this](std::int64_t pid) { return living.contains(pid); });
  }

  void on_session_open(const Incarnation& incarnation, const std::string& hold_key) override {
    EXPECT_FALSE(is_open);
    is_open = true;
    if (incarnations.empty() || incarnations.back() != incarnation) incarnations.push_back(incarnation);
    hold = hold_key;
    session_until = run_until = MonoTime::min();
  }
  void on_leases(MonoTime session_end, MonoTime run_end) override {
    EXPECT_TRUE(is_open);
    EXPECT_GE(session_end, session_until);
    EXPECT_GE(run_end, run_until);
    session_until = session_end;
    run_until = run_end;
  }
  void on_session_lost(const Status& status) override {
    EXPECT_TRUE(is_open);
    is_open = false;
    losses.push_back(status);
  }
  void on_refused(const Status& status) override { refusal = status; }

  sim::VirtualNode node;
  std::unique_ptr<sim::SimClient> client;
  RngTokens tokens;
  core::WorkerEntry entry;
  std::set<std::int64_t> living;
  bool is_open = false;
  std::vector<Incarnation> incarnations;
  std::string hold;
  MonoTime session_until{}, run_until{};
  std::vector<Status> losses;
  std::optional<Status> refusal;
  Session session;
};

struct World {
  explicit World(std::uint64_t seed = 1, sim::SimFaults faults = {}) : store(cluster, cluster, Rng(seed), faults) {}

  const KeyValue* find(const std::string& key) const {
    const auto found = store.entries().find(key);
    return found == store.entries().end() ? nullptr : &found->second;
  }
  const KeyValue* registration() const { return find("/cron/workers/n1"); }
  std::size_t holds() const {
    std::size_t count = 0;
    for (const auto& [key, entry] : store.entries()) count += key.starts_with("/cron/hold/") ? 1 : 0;
    return count;
  }

  sim::VirtualTime time{from_seconds(1'767'225'600)};
  sim::VirtualNode cluster{time};
  sim::SimStore store;
};

TEST(Session, RegistersAndKeepsBothLeases) {
  World world;
  Worker worker(world.time, world.store, 1, 100);
  worker.open();
  world.time.run_for(seconds(1));
  ASSERT_TRUE(worker.is_open);
  EXPECT_TRUE(worker.session.open());
  ASSERT_NE(world.registration(), nullptr);
  ASSERT_NE(world.find(worker.hold), nullptr);
  EXPECT_NE(world.registration()->lease, world.find(worker.hold)->lease);
  const auto entry = core::decode_worker(world.registration()->value);
  ASSERT_TRUE(entry);
  EXPECT_EQ(entry->incarnation, worker.incarnations.front());
  world.time.run_for(std::chrono::hours(1));
  EXPECT_TRUE(worker.losses.empty());
  EXPECT_GT(worker.session_until, worker.node.mono());
  // The registration carries the clock.
  EXPECT_LT(worker.node.wall() - core::decode_worker(world.registration()->value)->wall, seconds(5));
}

TEST(Session, AChangeIsWrittenAtOnce) {
  World world;
  Worker worker(world.time, world.store, 1, 100);
  worker.open();
  worker.session.update([](core::WorkerEntry& entry) { entry.running = 1; });  // before it is open
  world.time.run_for(std::chrono::milliseconds(500));
  EXPECT_EQ(core::decode_worker(world.registration()->value)->running, 1);
  for (int i = 2; i < 6; ++i) worker.session.update([&](core::WorkerEntry& entry) { entry.running = i; });
  world.time.run_for(std::chrono::milliseconds(100));
  EXPECT_EQ(core::decode_worker(world.registration()->value)->running, 5);
}

TEST(Session, WhatIsMeasuredAllTheTimeGoesOutWithTheNextRenewal) {
  World world;
  Worker worker(world.time, world.store, 1, 100);
  worker.open();
  world.time.run_for(seconds(1));
  worker.session.update([](core::WorkerEntry& entry) { entry.load.emplace().cpu_percent = 37; });
  world.time.run_for(std::chrono::milliseconds(100));
  EXPECT_FALSE(core::decode_worker(world.registration()->value)->load);
  world.time.run_for(seconds(4));
  const auto entry = core::decode_worker(world.registration()->value);
  ASSERT_TRUE(entry->load);
  EXPECT_EQ(entry->load->cpu_percent, 37);
}

TEST(Session, AfterAShortCutItGoesOnAsTheSameIncarnation) {
  World world;
  Worker worker(world.time, world.store, 1, 100);
  worker.open();
  world.time.run_for(seconds(5));
  worker.client->cut_off(true);
  const MonoTime cut_at = worker.node.mono();
  world.time.run_for(seconds(12));
  EXPECT_FALSE(worker.is_open);
  ASSERT_EQ(worker.losses.size(), 1u);
  EXPECT_EQ(worker.losses[0].code(), Code::LeaseLost);
  EXPECT_LE(worker.session_until, cut_at + seconds(9));
  EXPECT_EQ(world.registration(), nullptr);
  EXPECT_NE(world.find(worker.hold), nullptr);
  worker.client->cut_off(false);
  world.time.run_for(seconds(10));
  EXPECT_TRUE(worker.is_open);
  EXPECT_EQ(worker.incarnations.size(), 1u);
  EXPECT_NE(world.registration(), nullptr);
  world.time.run_for(seconds(60));
  EXPECT_TRUE(worker.is_open);
  EXPECT_EQ(worker.losses.size(), 1u);
}

TEST(Session, AfterALongCutItIsANewIncarnation) {
  World world;
  Worker worker(world.time, world.store, 1, 100);
  worker.open();
  world.time.run_for(seconds(5));
  worker.client->cut_off(true);
  world.time.run_for(seconds(45));
  EXPECT_EQ(world.holds(), 0u);
  worker.client->cut_off(false);
  world.time.run_for(seconds(10));
  EXPECT_TRUE(worker.is_open);
  ASSERT_EQ(worker.incarnations.size(), 2u);
  EXPECT_EQ(worker.session.incarnation(), worker.incarnations.back());
  EXPECT_EQ(world.holds(), 1u);
  EXPECT_NE(world.find(worker.hold), nullptr);
}

TEST(Session, ANewIncarnationLeavesTheOldHoldToGuardItsRuns) {
  World world;
  Worker worker(world.time, world.store, 1, 100);
  worker.open();
  world.time.run_for(seconds(5));
  const std::string old_hold = worker.hold;
  // Frozen for longer than the run lease, while the store is without a leader: nothing ended there.
  worker.node.freeze();
  world.store.set_available(false);
  world.time.run_for(seconds(35));
  world.store.set_available(true);
  world.time.run_for(std::chrono::milliseconds(100));
  worker.node.thaw();
  world.time.run_for(seconds(5));
  EXPECT_TRUE(worker.is_open);
  EXPECT_EQ(worker.incarnations.size(), 2u);
  EXPECT_NE(world.find(old_hold), nullptr);
  EXPECT_NE(world.find(worker.hold), nullptr);
  world.time.run_for(seconds(40));
  EXPECT_EQ(world.find(old_hold), nullptr);
  EXPECT_TRUE(worker.is_open);
}

TEST(Session, ASecondLivingProcessGivesUpAndNamesTheHolder) {
  World world;
  Worker first(world.time, world.store, 1, 100), second(world.time, world.store, 2, 200);
  first.open();
  world.time.run_for(seconds(1));
  second.living = {100};
  second.open();
  world.time.run_for(seconds(11));
  EXPECT_FALSE(second.refusal);
  world.time.run_for(seconds(5));
  ASSERT_TRUE(second.refusal);
  EXPECT_EQ(second.refusal->code(), Code::Conflict);
  EXPECT_NE(second.refusal->message().find("process 100 on host 'host-1'"), std::string::npos)
      << second.refusal->text();
  EXPECT_FALSE(second.is_open);
  EXPECT_TRUE(first.is_open);
  EXPECT_TRUE(first.losses.empty());
}

TEST(Session, AProcessOfAnotherMachineIsWaitedForHoweverDeadItsPidIsHere) {
  World world;
  Worker first(world.time, world.store, 1, 100), second(world.time, world.store, 2, 200);
  first.open();
  world.time.run_for(seconds(1));
  first.node.crash();
  second.entry.boot_id = "boot-2";
  second.open();
  world.time.run_for(seconds(5));
  EXPECT_FALSE(second.is_open);
  world.time.run_for(seconds(8));
  EXPECT_TRUE(second.is_open);  // the registration has ended by itself
  EXPECT_FALSE(second.refusal);
}

TEST(Session, ADeadPredecessorIsTakenOverAtOnce) {
  World world;
  Worker first(world.time, world.store, 1, 100), second(world.time, world.store, 2, 200);
  first.open();
  world.time.run_for(seconds(1));
  first.node.crash();
  second.open();
  world.time.run_for(seconds(1));
  EXPECT_TRUE(second.is_open);
  EXPECT_EQ(world.holds(), 1u);
  EXPECT_NE(world.find(second.hold), nullptr);
}

TEST(Session, CloseLeavesNothingBehind) {
  World world;
  Worker worker(world.time, world.store, 1, 100);
  worker.open();
  world.time.run_for(seconds(1));
  bool closed = false;
  worker.session.close([&] { closed = true; });
  EXPECT_FALSE(closed);
  world.time.run_for(seconds(1));
  EXPECT_TRUE(closed);
  EXPECT_TRUE(world.store.entries().empty());
  world.time.run_for(seconds(60));
  EXPECT_TRUE(world.store.entries().empty());
}

TEST(Session, WhileItSaysALeaseStandsItStands) {
  std::size_t opened = 0, lost = 0;
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    sim::SimFaults faults;
    faults.lost = faults.answer_lost = faults.late = 0.1;
    faults.watch_broken = 0.1;
    faults.lease_lag_most = std::chrono::milliseconds(1);
    faults.cut_every = seconds(40);
    faults.cut_most = seconds(45);
    faults.leader_change_every = seconds(90);
    faults.leader_gone_most = seconds(20);
    World world(seed, faults);
    Worker worker(world.time, world.store, seed, 100);
    Rng rng(seed);
    worker.open();
    for (int i = 0; i < 3'000; ++i) {
      world.time.run_for(std::chrono::milliseconds(rng.below(400)));
      if (rng.chance(0.002)) worker.node.freeze();
      if (worker.node.frozen() && rng.chance(0.05)) worker.node.thaw();
      if (!worker.is_open) continue;
      ++opened;
      const MonoTime now = worker.node.mono();
      if (now < worker.session_until) {
        ASSERT_NE(world.registration(), nullptr) << "seed " << seed << ", step " << i;
      }
      if (now < worker.run_until) {
        ASSERT_NE(world.find(worker.hold), nullptr) << "seed " << seed << ", step " << i;
      }
    }
    lost += worker.losses.size();
    EXPECT_FALSE(worker.refusal) << worker.refusal->text();
    worker.node.thaw();
    worker.client->cut_off(false);
    world.store.set_faults({});
    world.store.set_available(true);
    world.time.run_for(seconds(120));
    EXPECT_TRUE(worker.is_open) << "seed " << seed;
  }
  EXPECT_GT(opened, 100'000u);
  EXPECT_GT(lost, 500u);
}

}  // namespace
}  // namespace cronfleet::coord
