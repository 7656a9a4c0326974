#include "coord/admission.h"

#include <gtest/gtest.h>

#include "sim/sim_store.h"
#include "sim/virtual_time.h"

namespace cronfleet::coord {
namespace {

struct World {
  explicit World(sim::SimFaults faults = {})
      : store(cluster, cluster, Rng(1), faults),
        client(store.client(node)),
        admission(*client, node, node, Rng(2), keys) {}

  void put(const std::string& key, const std::string& value) {
    std::vector<Txn> batch;
    batch.push_back({{}, {{key, value, 0}}, {}});
    client->commit(std::move(batch), [](auto) {});
    time.run_for(std::chrono::milliseconds(100));
  }
  void ask() {
    admission.ask([this](Result<void> given) { answer = std::move(given); }, [this](const Status&) { ++waits; });
    time.run_for(std::chrono::seconds(60));
  }
  std::string refusal() const { return answer && !*answer ? answer->error().message() : ""; }

  core::Keys keys;
  sim::VirtualTime time{from_seconds(1'767'225'600)};
  sim::VirtualNode cluster{time}, node{time};
  sim::SimStore store;
  std::unique_ptr<sim::SimClient> client;
  Admission admission;
  std::optional<Result<void>> answer;
  int waits = 0;
};

TEST(Admission, AnEmptyPrefixBecomesOurs) {
  World world;
  world.ask();
  ASSERT_TRUE(world.answer && *world.answer) << world.refusal();
  const auto fleet = core::decode_fleet(world.store.entries().at("/cron/fleet").value);
  ASSERT_TRUE(fleet);
  EXPECT_EQ(fleet->schema, core::FleetEntry::kSchema);
  Admission second(*world.client, world.node, world.node, Rng(3), world.keys);
  bool admitted = false;
  second.ask([&](Result<void> given) { admitted = given.has_value(); }, {});
  world.time.run_for(std::chrono::seconds(1));
  EXPECT_TRUE(admitted);
}

TEST(Admission, AStoreOfTheReferenceIsTaken) {
  World world;
  world.put("/cron/jobs/a", "{}");
  world.put("/cron/workers/10.0.0.7", "");
  world.put("/cron/lock/a", "");
  world.put("/cronies/x", "not under the prefix");
  world.ask();
  EXPECT_TRUE(world.answer && *world.answer) << world.refusal();
}

TEST(Admission, RefusesWhatIsNotOurs) {
  {
    World world;
    world.put("/cron/settings", "of another program");
    world.ask();
    EXPECT_EQ(world.answer->error().code(), Code::InvalidArgument);
    EXPECT_NE(world.refusal().find("'/cron/settings'"), std::string::npos) << world.refusal();
    EXPECT_EQ(world.store.entries().count("/cron/fleet"), 0u);
  }
  {
    World world;
    world.put("/cron/fleet", R"({"schema":2,"made_at":"2026-01-01T00:00:00Z"})");
    world.ask();
    EXPECT_NE(world.refusal().find("upgrade this program"), std::string::npos) << world.refusal();
  }
  {
    World world;
    world.put("/cron/fleet", "of another program");
    world.ask();
    EXPECT_NE(world.refusal().find("set etcd.prefix"), std::string::npos) << world.refusal();
  }
}

TEST(Admission, WaitsForAStoreThatIsAway) {
  World world(sim::SimFaults{.lost = 0.7});
  world.ask();
  ASSERT_TRUE(world.answer && *world.answer) << world.refusal();
  EXPECT_GT(world.waits, 0);
}

}  // namespace
}  // namespace cronfleet::coord
