#include "apps/clock_watch.h"

#include <gtest/gtest.h>

#include "sim/sim_store.h"
#include "sim/virtual_time.h"

namespace cronfleet::apps {
namespace {

using namespace std::chrono_literals;

struct World {
  World() { watch.start(); }
  // Three workers publish once; their clocks are `ahead` of the master's.
  void publish(std::chrono::milliseconds ahead) {
    for (const char* name : {"n1", "n2", "n3"}) {
      core::WorkerEntry entry;
      entry.node = NodeId(name);
      entry.wall = node.wall() + ahead;
      std::vector<coord::Txn> batch;
      batch.push_back({{}, {{keys.worker(entry.node), core::encode(entry), 0}}, {}});
      client->commit(std::move(batch), [](auto) {});
    }
    time.run_for(3s);
  }
  void leave(const char* name) {
    std::vector<coord::Txn> batch;
    batch.push_back({{}, {{keys.worker(NodeId(name)), std::nullopt, 0}}, {}});
    client->commit(std::move(batch), [](auto) {});
    time.run_for(1s);
  }

  sim::VirtualTime time{from_seconds(1'767'225'600)};
  sim::VirtualNode cluster{time}, node{time};
  sim::SimStore store{cluster, cluster, Rng(1), {}};
  std::unique_ptr<sim::SimClient> client = store.client(node);
  core::Keys keys;
  ClockWatch watch{*client, node, node, Rng(2), keys};
};

TEST(ClockWatch, AClockThatAgreesIsNoTrouble) {
  World world;
  EXPECT_EQ(world.watch.trouble(), "");
  for (int i = 0; i < 3; ++i) world.publish(100ms);
  EXPECT_EQ(world.watch.trouble(), "");
}

TEST(ClockWatch, OneThatIsOffIsToldByHowMuchAndUntilTheWorkersAreGone) {
  World world;
  for (int i = 0; i < 3; ++i) world.publish(5min);
  EXPECT_EQ(world.watch.trouble(), "this master's clock is 300.0 s behind the median of 4 clocks");
  world.leave("n1");
  EXPECT_NE(world.watch.trouble(), "");
  world.leave("n2");
  EXPECT_EQ(world.watch.trouble(), "") << "of two nobody knows which one is wrong";
}

}  // namespace
}  // namespace cronfleet::apps
