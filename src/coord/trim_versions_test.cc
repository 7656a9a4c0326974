#include "coord/trim_versions.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/rng.h"
#include "sim/sim_store.h"
#include "sim/virtual_time.h"

namespace cronfleet::coord {
namespace {

struct World {
  void put(std::string key) {
    std::vector<Txn> batch;
    batch.push_back({{}, {{std::move(key), "{}", 0}}, {}});
    client->commit(std::move(batch), [](auto) {});
    time.run_for(std::chrono::milliseconds(20));
  }
  std::vector<std::string> left() const {
    std::vector<std::string> found;
    for (const auto& [key, entry] : store.entries()) found.push_back(key);
    return found;
  }

  sim::VirtualTime time{from_seconds(1'767'225'600)};
  sim::VirtualNode cluster{time}, node{time};
  sim::SimStore store{cluster, cluster, Rng(1), {}};
  std::unique_ptr<sim::SimClient> client = store.client(node);
  core::Keys keys;
  JobName job{"backup"};
};

TEST(TrimVersions, TheNewestHundredStayByNumberNotByTheirBytes) {
  World world;
  for (int revision = 950; revision < 1'070; ++revision) world.put(world.keys.version(world.job, revision));
  trim_versions(*world.client, world.keys, world.job);
  world.time.run_for(std::chrono::seconds(1));
  std::vector<std::string> newest;
  for (int revision = 970; revision < 1'070; ++revision) newest.push_back(world.keys.version(world.job, revision));
  std::sort(newest.begin(), newest.end());
  EXPECT_EQ(world.left(), newest);
}

TEST(TrimVersions, MoreThanOneCallRemovesGoWithTheNext) {
  World world;
  for (int revision = 1; revision <= 250; ++revision) world.put(world.keys.version(world.job, revision));
  for (const std::size_t left : {186u, 122u, 100u, 100u}) {
    trim_versions(*world.client, world.keys, world.job);
    world.time.run_for(std::chrono::seconds(1));
    EXPECT_EQ(world.left().size(), left);
  }
}

TEST(TrimVersions, OtherJobsAndKeysOfAnotherFormStay) {
  World world;
  for (int revision = 1; revision <= 120; ++revision) world.put(world.keys.version(JobName("backup2"), revision));
  for (int revision = 1; revision <= 99; ++revision) world.put(world.keys.version(world.job, revision));
  world.put(world.keys.versions() + "backup/noted by hand");
  world.put(world.keys.versions() + "backup/12x");
  trim_versions(*world.client, world.keys, world.job);
  world.time.run_for(std::chrono::seconds(1));
  EXPECT_EQ(world.left().size(), 120u + 99u + 2u);
}

}  // namespace
}  // namespace cronfleet::coord
