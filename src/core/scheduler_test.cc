// Of the scheduler what scenarios do not show: which reads it asks for, and how bursts are cut up.
#include "core/scheduler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "core/edits.h"
#include "domain/job_json.h"

namespace cronfleet::core {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class NoZones final : public cron::ZoneSource {
 public:
  cron::ZonePtr find(std::string_view) const override { return nullptr; }
  std::vector<std::string> names() const override { return {}; }
  std::string version() const override { return "test"; }
};

constexpr WallTime kBegin = from_seconds(1'772'323'200);

// The worker n1 of a fleet of as many as are named, in contact with a store that answers nothing by itself.
struct Node {
  explicit Node(std::vector<std::string> fleet) {
    step(SessionOpened{Incarnation("0123"), keys.hold(NodeId("n1"), Incarnation("0123"))});
    step(LeasesExtended{now.mono + std::chrono::hours(1), now.mono + std::chrono::hours(1)});
    step(CaughtUp{});
    WorkersSeen seen;
    for (const std::string& node : fleet) {
      WorkerEntry entry;
      entry.node = NodeId(node);
      seen.workers.push_back(entry);
    }
    step(seen);
    for (const Read& read : take<Read>()) step(ReadAnswered{read.ticket, true, 1, {}});
    effects.clear();
  }

  void step(const Event& event) {
    scheduler.step(event, now, effects);
    for (const Effect& effect : effects) {
      if (const auto* asked = std::get_if<WakeAt>(&effect)) wake = *asked;
    }
  }
  void put_job(const std::string& name, const std::string& schedule) {
    domain::Job job;
    job.name = JobName(name);
    job.schedule = schedule;
    job.command = std::string("true");
    see(save(keys, {}, {}, std::move(job), now.wall).job);
  }
  void see(const domain::Job& job) {
    const NoZones zones;
    auto compiled = domain::compile(std::make_shared<const domain::Job>(job), zones);
    jobs[job.name.text()] = job;
    step(JobSeen{job.name, ++revision, std::make_shared<const domain::CompiledJob>(std::move(*compiled)), {}});
  }
  const domain::Job& job(const std::string& name) const { return jobs.at(name); }
  // Lets time pass, waking it whenever it asks for that.
  void run_until(WallTime until) {
    while (wake.wall <= until || wake.mono <= now.mono + (until - now.wall)) {
      auto ahead = std::chrono::nanoseconds::max();  // "never" less now would wrap round
      if (wake.wall != WallTime::max()) ahead = wake.wall - now.wall;
      if (wake.mono != MonoTime::max()) ahead = std::min<std::chrono::nanoseconds>(ahead, wake.mono - now.mono);
      pass(std::max<std::chrono::nanoseconds>(ahead, {}));
      wake = {};
      step(Woke{});
    }
    pass(until - now.wall);
  }
  void pass(std::chrono::nanoseconds length) {
    now.wall += std::chrono::ceil<std::chrono::microseconds>(length);
    now.mono += std::chrono::ceil<std::chrono::microseconds>(length);
  }
  template <typename T>
  std::vector<T> take() {
    std::vector<T> taken;
    for (Effect& effect : effects) {
      if (auto* one = std::get_if<T>(&effect)) taken.push_back(std::move(*one));
    }
    effects.clear();
    return taken;
  }
  // The markers that transactions asked for since move on.
  std::vector<std::string> looked_at() {
    std::vector<std::string> keys_read;
    for (const Read& read : take<Read>()) keys_read.insert(keys_read.end(), read.keys.begin(), read.keys.end());
    return keys_read;
  }

  RngTokens tokens{Rng(1)};
  Keys keys;
  Scheduler scheduler{NodeId("n1"), keys, SchedulerOptions{.capacity = 100'000}, tokens};
  Now now{kBegin, MonoTime(std::chrono::hours(1))};
  Effects effects;
  WakeAt wake;
  Revision revision = 0;
  std::map<std::string, domain::Job> jobs;
};

// A name for which n1 stands second of n1 and n2.
std::string job_of_another() {
  for (int i = 0;; ++i) {
    const std::string name = fmt::format("job-{}", i);
    Node node({"n1", "n2"});
    node.put_job(name, "0 * * * * *");
    node.run_until(kBegin + seconds(60));
    if (node.take<Commit>().empty()) return name;
  }
}

// A clock that was wrong has left a marker an hour ahead (rule 16): the job waits, an operator has it brought back, and
// it fires again.
TEST(Scheduler, AMarkerInTheFutureIsToldAndForgottenWhenItIsBroughtBack) {
  Node node({"n1"});
  node.put_job("j", "* * * * * *");
  const JobName name("j");
  const WallTime until = kBegin + std::chrono::hours(1);
  const KeyValue marker{.key = node.keys.marker(name), .value = Marker{until, "0011"}.text(), .modified = 50};
  node.step(MarkerSeen{name, marker.value});
  ASSERT_EQ(node.scheduler.markers_ahead(), (std::vector{std::pair(name, until)}));
  node.run_until(kBegin + seconds(10));
  for (const Commit& commit : node.take<Commit>()) ADD_FAILURE() << commit.txn.writes.front().key;

  domain::Job before = node.job("j");
  const JobState stands{
      .document = KeyValue{.key = node.keys.job(name), .value = domain::encode_job(before), .modified = 51},
      .marker = marker,
      .stamped = {}};
  const Edit edit = bring_back(node.keys, stands, before, node.now.wall);
  EXPECT_EQ(*edit.job.since, kBegin + seconds(10));
  node.see(edit.job);
  EXPECT_TRUE(node.scheduler.markers_ahead().empty());
  node.run_until(kBegin + seconds(12));
  EXPECT_FALSE(node.take<Commit>().empty());
}

TEST(Scheduler, WhoSeesTheClaimOfAnotherDoesNotLook) {
  const std::string name = job_of_another();
  Node node({"n1", "n2"});
  node.put_job(name, "0 * * * * *");
  node.run_until(kBegin + seconds(60) + milliseconds(100));
  node.step(MarkerSeen{JobName(name), Marker{kBegin + seconds(60), "token"}.text()});
  node.run_until(kBegin + seconds(62));
  EXPECT_TRUE(node.looked_at().empty());
  // Nobody claims the next one: it is looked at, and claimed once the store says that it is still open.
  node.run_until(kBegin + seconds(120) + milliseconds(499));
  EXPECT_TRUE(node.looked_at().empty());
  node.run_until(kBegin + seconds(120) + milliseconds(501));
  const auto looks = node.take<Read>();
  ASSERT_EQ(looks.size(), 1u);
  const Marker marker{kBegin + seconds(60), "token"};
  node.step(ReadAnswered{looks[0].ticket, true, 5, {{node.keys.marker(JobName(name)), marker.text(), 1, 1, 0}}});
  EXPECT_EQ(node.take<Commit>().size(), 1u);
}

TEST(Scheduler, AMarkerThatIsOldNewsChangesNothing) {
  const std::string name = job_of_another();
  Node node({"n1", "n2"});
  node.put_job(name, "0 * * * * *");
  node.run_until(kBegin + seconds(1));
  node.step(MarkerSeen{JobName(name), Marker{kBegin + seconds(120), "newer"}.text()});
  node.step(MarkerSeen{JobName(name), Marker{kBegin + seconds(60), "older"}.text()});
  node.run_until(kBegin + seconds(170));
  EXPECT_TRUE(node.looked_at().empty()) << "up to 120 s all is claimed";
}

TEST(Scheduler, ManyThatAreDueAtOnceAreClaimedAFewHundredAtATime) {
  Node node({"n1"});
  for (int i = 0; i < 1'000; ++i) node.put_job(fmt::format("job-{}", i), "0 * * * * *");
  node.run_until(kBegin + seconds(59));
  node.effects.clear();
  std::vector<std::size_t> steps;
  std::size_t claims = 0;
  while (claims < 1'000) {
    ASSERT_LT(node.wake.wall, kBegin + seconds(60)) << "after " << claims;
    node.pass(std::max<std::chrono::nanoseconds>(node.wake.wall - node.now.wall, {}));
    node.wake = {};
    node.step(Woke{});
    steps.push_back(node.take<Commit>().size());
    claims += steps.back();
  }
  EXPECT_EQ(claims, 1'000u);
  EXPECT_LE(*std::max_element(steps.begin(), steps.end()), 256u);
  EXPECT_GE(steps.size(), 4u);
}

TEST(Scheduler, TheLeadOfABurstCountsOwnClaimsAlone) {
  Node node({"n1", "n2", "n3", "n4"});
  for (int i = 0; i < 1'000; ++i) node.put_job(fmt::format("job-{}", i), "0 * * * * *");
  node.step(ClaimRate{1'000});
  node.run_until(kBegin + seconds(59));
  node.effects.clear();
  std::optional<WallTime> first;
  std::size_t claims = 0;
  while (node.now.wall < kBegin + seconds(60)) {
    node.run_until(node.now.wall + milliseconds(1));
    const std::size_t more = node.take<Commit>().size();
    if (more > 0 && !first) first = node.now.wall;
    claims += more;
  }
  ASSERT_TRUE(first);
  const auto lead = kBegin + seconds(60) - *first;
  const auto own = milliseconds(claims);  // 1 ms each
  EXPECT_GE(lead, own - milliseconds(5));
  EXPECT_LE(lead, own + milliseconds(5)) << claims << " of 1,000 are ours";
  EXPECT_LT(claims, 500u);
}

TEST(Scheduler, TheLeadLeavesRoomForAStoreThatAnswersSlowly) {
  Node node({"n1"});
  node.put_job("a", "0 * * * * *");
  node.step(ClaimRate{1'000, milliseconds(400)});
  node.run_until(kBegin + seconds(59) + milliseconds(399));
  EXPECT_TRUE(node.take<Commit>().empty());
  node.run_until(kBegin + seconds(59) + milliseconds(401));
  EXPECT_EQ(node.take<Commit>().size(), 1u) << "600 ms ahead";
}

TEST(Scheduler, ARunMayStartForASecondAfterItsClaimWasSentNotAfterItWasDecided) {
  Node node({"n1"});
  node.put_job("a", "0 * * * * *");
  node.run_until(kBegin + seconds(59) + milliseconds(990));
  const auto claims = node.take<Commit>();
  ASSERT_EQ(claims.size(), 1u);
  const MonoTime sent_at = node.now.mono + milliseconds(300);
  node.pass(milliseconds(400));
  node.step(CommitAnswered{claims[0].ticket, Outcome::Committed, 7, {}, sent_at});
  const auto starts = node.take<Start>();
  ASSERT_EQ(starts.size(), 1u);
  EXPECT_EQ(starts[0].not_after, sent_at + seconds(1));
}

// Of a claim that was applied and not answered nobody can start the run meanwhile: there is to be one such, not many.
TEST(Scheduler, NothingIsClaimedWhileTheStoreDoesNotAnswer) {
  Node node({"n1"});
  node.put_job("a", "0 * * * * *");
  node.run_until(kBegin + seconds(59));
  node.put_job("b", "1 * * * * *");
  node.run_until(kBegin + seconds(60));
  auto claims = node.take<Commit>();
  ASSERT_EQ(claims.size(), 1u);
  node.step(CommitAnswered{claims[0].ticket, Outcome::Unknown, 0, {}, {}});
  std::vector<Read> reads = node.take<Read>();
  const std::string hold = node.keys.hold(NodeId("n1"), Incarnation("0123"));
  const auto asks_for_hold = [&](const Read& read) { return read.keys == std::vector{hold}; };
  EXPECT_EQ(std::count_if(reads.begin(), reads.end(), asks_for_hold), 1);
  EXPECT_TRUE(node.scheduler.accepting()) << "others need not hear of it";
  for (const Read& read : reads) node.step(ReadAnswered{read.ticket, false, 0, {}});
  node.effects.clear();
  node.run_until(kBegin + seconds(65));
  for (const Effect& effect : node.effects) EXPECT_FALSE(std::holds_alternative<Commit>(effect));
  reads = node.take<Read>();
  const auto probe = std::find_if(reads.begin(), reads.end(), asks_for_hold);
  ASSERT_NE(probe, reads.end()) << "it asks again";
  node.step(ReadAnswered{probe->ticket, true, 9, {}});
  EXPECT_EQ(node.take<Commit>().size(), 1u) << "the firing of b, late";
}

// A run of "a" that is over, up to the point where its end stands in the store.
domain::RunId end_a_run(Node& node) {
  node.put_job("a", "1 * * * * *");
  node.run_until(kBegin + seconds(1));  // before the next list of own keys
  node.step(CommitAnswered{node.take<Commit>().at(0).ticket, Outcome::Committed, 7, {}, node.now.mono});
  const domain::RunId run = node.take<Start>().at(0).run;
  node.step(RunStarted{run, node.now.wall});
  domain::RunEnd end;
  end.status = domain::RunStatus::Succeeded;
  end.started_at = end.ended_at = node.now.wall;
  node.step(RunEnded{run, end, "its output"});
  node.step(CommitAnswered{node.take<Commit>().at(0).ticket, Outcome::Committed, 8, {}, node.now.mono});
  return run;
}

// Steps a list of our own keys, which shows `key` alone, and says what is read after it.
std::vector<std::string> read_after_list(Node& node, const std::string& key) {
  node.run_until(node.now.wall + seconds(4));
  std::vector<std::string> wanted;
  int lists = 0;
  for (const Read& read : node.take<Read>()) {
    if (read.most == 0 || read.prefix != node.keys.running(NodeId("n1"))) continue;
    ++lists;
    node.step(ReadAnswered{read.ticket, true, 9, {{.key = key, .value = {}, .modified = 8}}});
    for (const Read& next : node.take<Read>()) wanted.insert(wanted.end(), next.keys.begin(), next.keys.end());
  }
  EXPECT_EQ(lists, 1);
  return wanted;
}

TEST(Scheduler, ARunWithoutRoomInTheHistoryComesBackFromTheShelfAsItWas) {
  Node plain({"n1"}), node({"n1"});
  const domain::RunId run = end_a_run(plain);
  const domain::RunRecord without = plain.take<Record>().at(0).record;

  node.step(HistoryRoom{false});
  ASSERT_EQ(end_a_run(node), run);
  std::vector<Shelve> shelved = node.take<Shelve>();
  ASSERT_EQ(shelved.size(), 1u);
  EXPECT_EQ(node.scheduler.records_waiting(), 1u);
  const std::string key = node.keys.running(NodeId("n1"), run);
  EXPECT_TRUE(read_after_list(node, key).empty()) << "its key is known";
  node.step(RunRecorded{run});  // of no record of ours
  node.effects.clear();

  node.step(HistoryRoom{true});
  node.step(Unshelved{decode_shelved(encode(shelved[0].run)).value()});
  const auto records = node.take<Record>();
  ASSERT_EQ(records.size(), 1u);
  EXPECT_TRUE(records[0].shelved);
  const domain::RunRecord& record = records[0].record;
  EXPECT_EQ(record.id, without.id);
  EXPECT_EQ(record.command, without.command);
  EXPECT_EQ(record.end.status, without.end.status);
  EXPECT_EQ(record.end.ended_at, without.end.ended_at);
  EXPECT_EQ(record.worker, without.worker);
  EXPECT_EQ(record.fence, without.fence);
  EXPECT_EQ(record.job_revision, without.job_revision);
  EXPECT_EQ(record.output, "its output");
  node.step(RunRecorded{run});
  const auto removal = node.take<Commit>();
  ASSERT_EQ(removal.size(), 1u);
  ASSERT_EQ(removal[0].txn.writes.size(), 1u);
  EXPECT_EQ(removal[0].txn.writes[0].key, key);
  node.step(CommitAnswered{removal[0].ticket, Outcome::Committed, 10, {}, node.now.mono});
  EXPECT_EQ(node.take<Forget>().size(), 1u);
  EXPECT_EQ(node.scheduler.records_waiting(), 0u);
}

TEST(Scheduler, WhatTheShelfLostIsReadFromTheStoreAgain) {
  Node node({"n1"});
  node.step(HistoryRoom{false});
  const domain::RunId run = end_a_run(node);
  ASSERT_EQ(node.take<Shelve>().size(), 1u);
  node.step(ShelfLost{});
  const std::string key = node.keys.running(NodeId("n1"), run);
  EXPECT_EQ(read_after_list(node, key), std::vector{key});
}

// What waits on the shelf is to stand in the older state of a store too (rule 30): it is all fetched.
TEST(Scheduler, AStoreThatWasSetBackGetsTheKeysOfTheShelfAgain) {
  Node node({"n1"});
  node.step(HistoryRoom{false});
  const domain::RunId run = end_a_run(node);
  std::vector<Shelve> shelved = node.take<Shelve>();
  ASSERT_EQ(shelved.size(), 1u);
  node.step(Obstacles{.store_set_back = true});
  ASSERT_EQ(node.take<UnshelveAll>().size(), 1u);
  node.step(Unshelved{shelved[0].run});
  bool put_again = false;
  for (const Effect& effect : node.effects) {
    if (const auto* commit = std::get_if<Commit>(&effect))
      put_again |= commit->txn.writes.at(0).key == node.keys.running(NodeId("n1"), run) && commit->txn.writes[0].value;
  }
  EXPECT_TRUE(put_again);
  EXPECT_EQ(node.take<Record>().size(), 1u);
}

TEST(Scheduler, RefusedDocumentsAreCountedAndTheFirstOfThemNamed) {
  Node node({"n1"});
  for (int i = 0; i < 150; ++i)
    node.step(JobSeen{JobName(fmt::format("wrong-{:03}", i)), ++node.revision, nullptr, "an unknown field"});
  EXPECT_EQ(node.scheduler.refused_count(), 150u);
  EXPECT_EQ(node.scheduler.refused_jobs().size(), Scheduler::kRefusedShown);
  EXPECT_EQ(node.scheduler.refused_jobs().at("wrong-000"), "an unknown field");

  node.put_job("wrong-000", "0 0 1 1 *");
  node.step(JobGone{JobName("wrong-001"), ++node.revision});
  EXPECT_EQ(node.scheduler.refused_count(), 148u);
  EXPECT_FALSE(node.scheduler.refused_jobs().contains("wrong-000"));
  EXPECT_FALSE(node.scheduler.refused_jobs().contains("wrong-001"));
}

}  // namespace
}  // namespace cronfleet::core
