#include "runtime/housekeeping.h"

#include <gtest/gtest.h>

#include "base/rng.h"
#include "core/protocol.h"
#include "sim/sim_store.h"
#include "sim/virtual_time.h"

namespace cronfleet::runtime {
namespace {

using namespace std::chrono_literals;

const WallTime kNow = from_seconds(1'767'225'600);

struct WatchEnd final : coord::WatchSink {
  void on_changes(std::vector<coord::Change>, coord::Revision) override {}
  void on_failed(Status status) override { failure = std::move(status); }
  std::optional<Status> failure;
};

struct World {
  World() { keeper.start(); }

  coord::Revision put(std::string key, std::string value) {
    std::vector<coord::Txn> batch;
    batch.push_back({{}, {{std::move(key), std::move(value), 0}}, {}});
    client->commit(std::move(batch), [](auto) {});
    time.run_for(20ms);
    return store.revision();
  }
  std::string closed_for(std::chrono::hours ago) { return core::Marker{kNow - ago, "closed"}.text(); }
  bool has(const std::string& key) const { return store.entries().contains(key); }
  // Whether what was written after `revision` can still be followed.
  bool kept(coord::Revision revision) {
    WatchEnd end;
    const auto watch = client->watch("", revision, end);
    time.run_for(100ms);
    return !end.failure;
  }

  sim::VirtualTime time{kNow};
  sim::VirtualNode cluster{time}, node{time};
  sim::SimStore store{cluster, cluster, Rng(1), {}};
  std::unique_ptr<sim::SimClient> client = store.client(node);
  core::Keys keys;
  bool first = true;
  Housekeeper keeper{*client, node, node, keys, {}, [this] { return first; }};
};

TEST(Housekeeper, CompactsWhatIsOlderThanTenMinutes) {
  World world;
  const auto early = world.put("a", "1");
  world.put("a", "2");
  world.time.run_for(5min);
  const auto late = world.put("a", "3");
  world.put("a", "4");
  EXPECT_TRUE(world.kept(early));
  world.time.run_for(7min);
  EXPECT_FALSE(world.kept(early));
  EXPECT_TRUE(world.kept(late));
  world.time.run_for(6min);
  EXPECT_FALSE(world.kept(late));
  EXPECT_TRUE(world.has("a"));
}

TEST(Housekeeper, OneThatIsNotFirstLeavesItAndGoesOnAtOnceWhenItIs) {
  World world;
  world.first = false;
  const auto early = world.put("a", "1");
  world.put("a", "2");
  world.put(world.keys.marker(JobName("old")), world.closed_for(48h));
  world.time.run_for(3h);
  EXPECT_TRUE(world.kept(early));
  EXPECT_TRUE(world.has(world.keys.marker(JobName("old"))));
  world.first = true;
  world.time.run_for(62s);
  EXPECT_FALSE(world.kept(early));
}

TEST(Housekeeper, MarkersOfJobsDeletedADayAgoGo) {
  World world;
  const JobName old("old"), recent("recent"), stands("stands"), saved("saved");
  world.put(world.keys.marker(old), world.closed_for(25h));
  world.put(world.keys.marker(recent), world.closed_for(22h));
  world.put(world.keys.marker(stands), world.closed_for(25h));
  world.put(world.keys.job(stands), "{}");  // put by hand a moment ago: not yet adopted
  world.put(world.keys.marker(saved), core::Marker{kNow - 100h, "saved"}.text());
  world.time.run_for(62min);
  EXPECT_FALSE(world.has(world.keys.marker(old)));
  EXPECT_TRUE(world.has(world.keys.marker(recent)));
  EXPECT_TRUE(world.has(world.keys.marker(stands)));
  EXPECT_TRUE(world.has(world.keys.marker(saved)));
  world.time.run_for(2h);
  EXPECT_FALSE(world.has(world.keys.marker(recent)));
}

TEST(Housekeeper, MarkersOfWhatIsNotOverStay) {
  World world;
  const JobName running("running"), owes("owes"), locked("locked");
  for (const JobName& job : {running, owes, locked}) world.put(world.keys.marker(job), world.closed_for(25h));
  const domain::RunId run{{running, kNow - 26h}, 1};
  world.put(world.keys.running(NodeId("w1"), run), "{}");
  world.put(world.keys.account(owes, 12), "{}");
  world.put(world.keys.lock(locked), "{}");
  world.time.run_for(2h);
  for (const JobName& job : {running, owes, locked}) EXPECT_TRUE(world.has(world.keys.marker(job))) << job.text();
}

}  // namespace
}  // namespace cronfleet::runtime
