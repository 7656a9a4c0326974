#include "core/fleet.h"

#include <gtest/gtest.h>

#include <set>

#include "core/rank.h"

namespace cronfleet::core {
namespace {

WorkerEntry worker(const std::string& node, domain::Labels labels = {}) {
  WorkerEntry entry;
  entry.node = NodeId(node);
  entry.labels = std::move(labels);
  entry.capacity = 4;
  entry.zone_version = "2025b";
  return entry;
}

domain::CompiledJob job(const std::string& name, domain::Where where = {}) {
  auto document = std::make_shared<domain::Job>();
  document->name = JobName(name);
  document->where = std::move(where);
  domain::CompiledJob compiled;
  compiled.job = std::move(document);
  compiled.zone = cron::utc();
  return compiled;
}

TEST(Fleet, EveryWorkerWorksOutTheSameRanks) {
  std::vector<WorkerEntry> workers;
  for (const char* node : {"w1", "w2", "w3", "w4", "w5"}) workers.push_back(worker(node));
  std::map<int, int> firsts;
  for (int i = 0; i < 1'000; ++i) {
    const domain::CompiledJob each = job("job " + std::to_string(i));
    std::set<int> ranks;
    for (std::size_t w = 0; w < workers.size(); ++w) {
      Fleet fleet(workers[w].node);
      fleet.set(workers);
      const int rank = fleet.standing(each.job->name.text(), each).rank;
      ranks.insert(rank);
      if (rank == 0) ++firsts[static_cast<int>(w)];
    }
    EXPECT_EQ(ranks, (std::set<int>{0, 1, 2, 3, 4})) << i;
  }
  for (const auto& [w, count] : firsts) {
    EXPECT_GT(count, 140) << w;  // 200 on average; 140 is 4.7 deviations away
    EXPECT_LT(count, 260) << w;
  }
}

TEST(Fleet, AWorkerMoreMovesOnlyItsOwnJobs) {
  std::vector<WorkerEntry> workers = {worker("w1"), worker("w2"), worker("w3")};
  Fleet before(NodeId("w1")), after(NodeId("w1"));
  before.set(workers);
  workers.push_back(worker("w4"));
  after.set(workers);
  for (int i = 0; i < 1'000; ++i) {
    const domain::CompiledJob each = job("job " + std::to_string(i));
    const int moved =
        after.standing(each.job->name.text(), each).rank - before.standing(each.job->name.text(), each).rank;
    EXPECT_TRUE(moved == 0 || moved == 1);
  }
}

struct StandingCase {
  const char* why;
  std::vector<WorkerEntry> others;
  domain::Labels own;
  domain::Where where;
  bool eligible, able;
  bool first;  // rank 0 whatever the hashes say
};

WorkerEntry with(WorkerEntry entry, bool accepting, int running) {
  entry.accepting = accepting;
  entry.running = running;
  return entry;
}

TEST(Fleet, WhoMayRunAJob) {
  const domain::Where gpu = {{"gpu", {{"true"}}}};
  const domain::Labels has = {{"gpu", "true"}};
  const StandingCase cases[] = {
      {"nobody but me", {}, {}, {}, true, true, true},
      {"nobody but me, and not I", {}, {}, gpu, false, false, true},
      {"only I have it", {worker("w2"), worker("w3")}, has, gpu, true, true, true},
      {"only another has it", {worker("w2", has), worker("w3", has)}, {}, gpu, false, true, true},
      {"another has it and takes nothing", {with(worker("w2", has), false, 0)}, {}, gpu, false, false, true},
      {"another has it and is full", {with(worker("w2", has), false, 4)}, {}, gpu, false, true, true},
      {"those that take nothing have no rank", {with(worker("w2"), false, 0)}, {}, {}, true, true, true},
      {"by name", {worker("w2"), worker("w3")}, {}, {{"node", {{"w1"}}}}, true, true, true},
      {"not by name", {worker("w2")}, {}, {{"node", {{"w1"}, true}}}, false, true, true},
  };
  for (const StandingCase& c : cases) {
    Fleet fleet(NodeId("w1"));
    std::vector<WorkerEntry> workers = c.others;
    workers.push_back(worker("w1", c.own));
    fleet.set(workers);
    const auto standing = fleet.standing("a", job("a", c.where));
    EXPECT_EQ(standing.eligible, c.eligible) << c.why;
    EXPECT_EQ(standing.able, c.able) << c.why;
    if (c.first) {
      EXPECT_EQ(standing.rank, 0) << c.why;
    }
  }
}

TEST(Fleet, LabelsThatNobodyKnowsAdmitNothing) {
  Fleet fleet(NodeId("w1"));
  fleet.set({worker("w2")});
  EXPECT_FALSE(fleet.admits_self(job("a", {{"gpu", {{"true"}, true}}})));
  EXPECT_TRUE(fleet.admits_self(job("a")));
}

TEST(Fleet, JobsInAZoneAreForTheNewestZoneData) {
  auto zoned = job("a");
  zoned.zone = std::make_shared<const cron::Zone>(*cron::utc());
  std::vector<WorkerEntry> workers = {worker("w1"), worker("w2")};
  Fleet w1(NodeId("w1")), w2(NodeId("w2"));
  w1.set(workers);
  w2.set(workers);
  EXPECT_TRUE(w1.admits_self(zoned));
  workers[1].zone_version = "2026a";
  EXPECT_TRUE(w1.set(workers));
  EXPECT_TRUE(w2.set(workers));
  EXPECT_FALSE(w1.admits_self(zoned));
  EXPECT_TRUE(w1.standing("a", zoned).able);
  EXPECT_TRUE(w2.admits_self(zoned));
  EXPECT_EQ(w2.standing("a", zoned).rank, 0);
  EXPECT_TRUE(w1.admits_self(job("b")));  // UTC has no versions
}

TEST(Fleet, GenerationsCountWhatMatters) {
  std::vector<WorkerEntry> workers = {worker("w1"), worker("w2")};
  Fleet fleet(NodeId("w1"));
  EXPECT_TRUE(fleet.set(workers));  // we are seen
  auto generation = fleet.generation();
  workers[0].wall = from_seconds(1);
  workers[1].running = 2;
  EXPECT_FALSE(fleet.set(workers));
  EXPECT_EQ(fleet.generation(), generation);
  workers[1].accepting = false;
  EXPECT_FALSE(fleet.set(workers));
  EXPECT_GT(fleet.generation(), generation);
  generation = fleet.generation();
  workers[0].labels["zone"] = "eu";
  EXPECT_TRUE(fleet.set(workers));
  EXPECT_GT(fleet.generation(), generation);
}

}  // namespace
}  // namespace cronfleet::core
