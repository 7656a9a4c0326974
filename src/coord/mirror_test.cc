#include "coord/mirror.h"

#include <gtest/gtest.h>

#include "sim/sim_store.h"
#include "sim/virtual_time.h"

namespace cronfleet::coord {
namespace {

struct Copy final : MirrorSink {
  void on_put(const KeyValue& entry) override {
    ++puts;
    entries[entry.key] = entry;
  }
  void on_removed(const std::string& key, Revision) override {
    EXPECT_EQ(entries.erase(key), 1u) << key;
    ++removals;
  }
  void on_synced(Revision) override { ++syncs; }
  void on_trouble(const Status& status) override { troubles.push_back(status); }

  std::map<std::string, KeyValue> entries;
  int puts = 0, removals = 0, syncs = 0;
  std::vector<Status> troubles;
};

struct World {
  explicit World(std::uint64_t seed, sim::SimFaults faults = {})
      : store(cluster, cluster, Rng(seed), faults),
        writer(store.client(writer_node)),
        client(store.client(node)),
        mirror(*client, node, node, Rng(seed), "m/", copy) {}

  void put(std::string key, std::string value) { write({std::move(key), std::move(value), 0}); }
  void erase(std::string key) { write({std::move(key), std::nullopt, 0}); }
  void write(Write write) {
    std::vector<Txn> batch;
    batch.push_back({{}, {std::move(write)}, {}});
    writer->commit(std::move(batch), [](auto) {});
    time.run_for(std::chrono::milliseconds(30));
  }
  void compact() {
    writer->compact(store.revision(), [](auto) {});
    time.run_for(std::chrono::milliseconds(30));
  }
  std::map<std::string, KeyValue> truth() const {
    std::map<std::string, KeyValue> entries;
    for (const auto& [key, entry] : store.entries()) {
      if (key.starts_with("m/")) entries.emplace(key, entry);
    }
    return entries;
  }

  sim::VirtualTime time{from_seconds(1'767'225'600)};
  sim::VirtualNode cluster{time}, writer_node{time}, node{time};
  sim::SimStore store;
  std::unique_ptr<sim::SimClient> writer, client;
  Copy copy;
  Mirror mirror;
};

TEST(Mirror, ReportsWhatIsThereThenWhatChanges) {
  World world(1);
  world.put("m/a", "1");
  world.put("n", "1");
  world.mirror.start();
  EXPECT_FALSE(world.mirror.synced());
  world.time.run_for(std::chrono::seconds(1));
  EXPECT_TRUE(world.mirror.synced());
  EXPECT_EQ(world.copy.entries, world.truth());
  world.put("m/a", "2");
  world.put("m/b", "1");
  world.erase("m/a");
  world.time.run_for(std::chrono::seconds(1));
  EXPECT_EQ(world.copy.entries, world.truth());
  EXPECT_EQ(world.copy.puts, 3);
  EXPECT_EQ(world.copy.syncs, 1);
  EXPECT_EQ(world.mirror.revision(), world.store.revision());
}

TEST(Mirror, ResumesAfterABreakWithoutListingAgain) {
  World world(1);
  world.mirror.start();
  world.put("m/a", "1");
  world.client->cut_off(true);
  world.put("m/b", "1");
  world.erase("m/a");
  world.time.run_for(std::chrono::seconds(20));
  EXPECT_FALSE(world.copy.troubles.empty());
  EXPECT_EQ(world.copy.entries.size(), 1u);
  world.client->cut_off(false);
  world.time.run_for(std::chrono::seconds(20));
  EXPECT_EQ(world.copy.entries, world.truth());
  EXPECT_EQ(world.copy.syncs, 1);
}

TEST(Mirror, ListsAgainAfterACompactionAndReportsOnlyTheDifference) {
  World world(1);
  for (int i = 0; i < 10; ++i) world.put(fmt::format("m/{}", i), "1");
  world.mirror.start();
  world.time.run_for(std::chrono::seconds(1));
  world.client->cut_off(true);
  world.erase("m/3");
  world.put("m/4", "2");
  world.put("m/x", "1");
  world.compact();
  world.time.run_for(std::chrono::seconds(20));
  world.client->cut_off(false);
  world.time.run_for(std::chrono::seconds(20));
  EXPECT_EQ(world.copy.entries, world.truth());
  EXPECT_EQ(world.copy.syncs, 2);
  EXPECT_EQ(world.copy.removals, 1);
  EXPECT_EQ(world.copy.puts, 12);
}

TEST(Mirror, FollowsARestoredStoreBackwards) {
  World world(1);
  world.mirror.start();
  world.put("m/a", "old");
  const auto backup = world.store.snapshot();
  world.put("m/a", "new");
  world.put("m/b", "1");
  world.time.run_for(std::chrono::seconds(1));
  world.store.restore(*backup);
  world.time.run_for(std::chrono::seconds(30));
  EXPECT_EQ(world.copy.entries, world.truth());
  // The same revision, another value.
  world.store.restore(*backup);
  world.put("m/a", "other");
  world.time.run_for(std::chrono::seconds(30));
  EXPECT_EQ(world.copy.entries, world.truth());
}

TEST(Mirror, WithoutDeletionsItReportsPutsAloneAndEveryKeyAgainAfterAList) {
  World world(1);
  Copy copy;
  Mirror mirror(*world.client, world.node, world.node, Rng(1), "m/", copy, Mirror::Deletions::Ignored);
  world.put("m/a", "1");
  world.put("m/b", "1");
  mirror.start();
  world.time.run_for(std::chrono::seconds(1));
  EXPECT_TRUE(mirror.synced());
  EXPECT_EQ(copy.puts, 2);
  world.put("m/a", "2");
  world.erase("m/b");
  world.time.run_for(std::chrono::seconds(1));
  EXPECT_EQ(copy.puts, 3);
  EXPECT_EQ(copy.entries.at("m/a").value, "2");
  EXPECT_EQ(mirror.revision(), world.store.revision());
  world.client->cut_off(true);
  world.put("m/c", "1");
  world.erase("m/c");
  world.put("m/d", "1");
  world.compact();
  world.client->cut_off(false);
  world.time.run_for(std::chrono::seconds(30));
  EXPECT_EQ(copy.syncs, 2);
  EXPECT_EQ(copy.puts, 5) << "a and d, all that stands";
  EXPECT_EQ(copy.removals, 0);
}

TEST(Mirror, EndsEqualToTheStoreWhateverHappens) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    sim::SimFaults faults;
    faults.lost = faults.answer_lost = faults.late = 0.05;
    faults.watch_broken = 0.1;
    faults.cut_every = std::chrono::seconds(20);
    faults.cut_most = std::chrono::seconds(15);
    faults.leader_change_every = std::chrono::seconds(30);
    faults.leader_gone_most = std::chrono::seconds(5);
    World world(seed, faults);
    world.mirror.start();
    Rng rng(seed);
    for (int i = 0; i < 400; ++i) {
      const std::string key = fmt::format("m/{}", rng.below(8));
      if (rng.chance(0.3)) {
        world.erase(key);
      } else {
        world.put(key, std::to_string(i));
      }
      if (rng.chance(0.05)) world.compact();
      if (rng.chance(0.2)) world.time.run_for(std::chrono::milliseconds(rng.below(3'000)));
    }
    faults = {};
    world.store.set_faults(faults);
    world.store.set_available(true);
    world.time.run_for(std::chrono::seconds(60));
    world.put("m/last", "1");
    world.time.run_for(std::chrono::seconds(30));
    ASSERT_EQ(world.copy.entries, world.truth()) << "seed " << seed;
  }
}

}  // namespace
}  // namespace cronfleet::coord
