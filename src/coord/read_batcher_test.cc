#include "coord/read_batcher.h"

#include <gmock/gmock.h>

#include "sim/sim_store.h"
#include "sim/virtual_time.h"

namespace cronfleet::coord {
namespace {

using ::testing::ElementsAre;

struct World {
  explicit World(ReadBatcherOptions options = {}, sim::SimFaults faults = {})
      : store(cluster, cluster, Rng(1), faults),
        client(store.client(node)),
        counted(*client),
        reads(counted, node, options) {
    std::vector<Txn> batch;
    for (int i = 0; i < 60; ++i) batch.push_back({{}, {{fmt::format("k{}", i), std::to_string(i), 0}}, {}});
    client->commit(std::move(batch), [](auto) {});
    time.run_for(std::chrono::seconds(1));
  }

  // Passes reads on and counts them.
  struct Counted final : CoordStore {
    explicit Counted(CoordStore& s) : to(s) {}
    void get(std::vector<std::string> keys, async::Callback<Result<Listing>> done) override {
      asked.push_back(keys.size());
      under_way_most = std::max(under_way_most, ++under_way);
      to.get(std::move(keys), [this, done = std::move(done)](Result<Listing> listing) mutable {
        --under_way;
        done(std::move(listing));
      });
    }
    void commit(std::vector<Txn> b, async::Callback<Result<std::vector<TxnAnswer>>> d) override {
      to.commit(std::move(b), std::move(d));
    }
    void list(std::string p, async::Callback<Result<Listing>> d) override { to.list(std::move(p), std::move(d)); }
    void list_keys(std::string p, std::string a, std::size_t m, async::Callback<Result<Listing>> d) override {
      to.list_keys(std::move(p), std::move(a), m, std::move(d));
    }
    WatchHandle watch(std::string p, Revision a, WatchSink& s) override { return to.watch(std::move(p), a, s); }
    void grant(std::chrono::milliseconds t, async::Callback<Result<LeaseId>> d) override { to.grant(t, std::move(d)); }
    void keep_alive(LeaseId l, async::Callback<Result<std::chrono::milliseconds>> d) override {
      to.keep_alive(l, std::move(d));
    }
    void revoke(LeaseId l, async::Callback<Result<Revision>> d) override { to.revoke(l, std::move(d)); }
    void compact(Revision r, async::Callback<Result<Revision>> d) override { to.compact(r, std::move(d)); }

    CoordStore& to;
    std::vector<std::size_t> asked;  // keys of each call
    int under_way = 0, under_way_most = 0;
  };

  sim::VirtualTime time{from_seconds(1'767'225'600)};
  sim::VirtualNode cluster{time}, node{time};
  sim::SimStore store;
  std::unique_ptr<sim::SimClient> client;
  Counted counted;
  ReadBatcher reads;
};

std::vector<std::string> values(const Result<Listing>& listing) {
  std::vector<std::string> values;
  for (const KeyValue& entry : listing->entries) values.push_back(entry.value);
  return values;
}

TEST(ReadBatcher, ReadsOfOneStepGoTogetherAndEachGetsItsOwn) {
  World world;
  std::vector<std::vector<std::string>> got(3);
  const auto into = [&](std::size_t i) { return [&got, i](Result<Listing> listing) { got[i] = values(listing); }; };
  world.reads.add({"k1", "nothing", "k2"}, into(0));
  world.reads.add({"k2", "k0"}, into(1));
  world.reads.add({}, into(2));
  EXPECT_TRUE(world.counted.asked.empty()) << "never inside the call";
  world.time.run_for(std::chrono::seconds(1));
  EXPECT_THAT(world.counted.asked, ElementsAre(4));
  EXPECT_THAT(got[0], ElementsAre("1", "2"));
  EXPECT_THAT(got[1], ElementsAre("2", "0"));
  EXPECT_TRUE(got[2].empty());
}

TEST(ReadBatcher, ManyGoInFullCallsAFewAtATime) {
  World world({.keys_max = 10, .in_flight_max = 2});
  int answered = 0;
  for (int i = 0; i < 60; ++i) {
    world.reads.add({fmt::format("k{}", i), fmt::format("a{}", i), fmt::format("b{}", i)},
                    [&, i](Result<Listing> listing) {
                      EXPECT_THAT(values(listing), ElementsAre(std::to_string(i)));
                      ++answered;
                    });
  }
  world.time.run_for(std::chrono::seconds(5));
  EXPECT_EQ(answered, 60);
  EXPECT_EQ(world.counted.asked, std::vector<std::size_t>(20, 9));
  EXPECT_EQ(world.counted.under_way_most, 2);
}

TEST(ReadBatcher, OneThatIsTooLongGoesAlone) {
  World world({.keys_max = 2});
  std::vector<std::string> all, got;
  for (int i = 0; i < 60; ++i) all.push_back(fmt::format("k{}", i));
  world.reads.add(all, [&](Result<Listing> listing) { got = values(listing); });
  world.time.run_for(std::chrono::seconds(1));
  EXPECT_EQ(got.size(), 60u);
}

TEST(ReadBatcher, AFailureIsOfAllThatWentTogether) {
  World world;
  world.client->cut_off(true);
  int failed = 0;
  for (int i = 0; i < 3; ++i) {
    world.reads.add(
        {"k1"}, [&](Result<Listing> listing) { failed += !listing && listing.error().code() == Code::Unavailable; });
  }
  world.time.run_for(std::chrono::seconds(5));
  EXPECT_EQ(failed, 3);
  world.client->cut_off(false);
  std::vector<std::string> got;
  world.reads.add({"k1"}, [&](Result<Listing> listing) { got = values(listing); });
  world.time.run_for(std::chrono::seconds(1));
  EXPECT_THAT(got, ElementsAre("1"));
}

TEST(ReadBatcher, AFullQueueRefusesWithoutSending) {
  World world({.keys_max = 1, .in_flight_max = 1, .queue_max = 2});
  int answered = 0, refused = 0;
  for (int i = 0; i < 5; ++i)
    world.reads.add({"k1"}, [&](Result<Listing> listing) { listing ? ++answered : ++refused; });
  world.time.run_for(std::chrono::seconds(5));
  EXPECT_EQ(answered, 2);
  EXPECT_EQ(refused, 3);
}

TEST(ReadBatcher, NothingIsAnsweredOnceItIsGone) {
  World world;
  auto reads = std::make_unique<ReadBatcher>(world.counted, world.node);
  bool called = false;
  reads->add({"k1"}, [&](Result<Listing>) {
    called = true;
    reads.reset();  // an answer may end it
  });
  reads->add({"k2"}, [](Result<Listing>) { FAIL() << "after the end"; });
  world.time.run_for(std::chrono::seconds(1));
  EXPECT_TRUE(called);
  EXPECT_EQ(reads, nullptr);
}

}  // namespace
}  // namespace cronfleet::coord
