// The etcd store while members and connections fail: what it must never do, and how soon it is well again.
#include <grpc/support/log.h>
#include <signal.h>
#include <stdlib.h>

#include <memory>

#include "coord/batcher.h"
#include "tests/integration/etcd_faults.h"

namespace cronfleet::testing {
namespace {

// ---- unknown results ----

// One of several that claim the instants 1, 2, 3, … of one job through a connection of their own, as a worker does: by
// a transaction that names a token, read back whenever the answer is not a clean yes or no.
class Claimer {
 public:
  Claimer(EtcdCoordStore& store, TurnedLoop& loop, std::string marker, int last, std::string name)
      : store_(store),
        batcher_(store, loop, loop, loop.clock(), {}),
        marker_(std::move(marker)),
        last_(last),
        name_(std::move(name)) {}

  void start() { claim(1); }
  bool finished() const { return finished_; }
  std::vector<std::string> won;  // tokens
  int unknown = 0;

 private:
  static std::string text(int instant) { return fmt::format("{:015d}", instant); }
  std::string token(int instant) const { return fmt::format("{} {}", text(instant), name_); }

  void claim(int instant) {
    if (instant > last_) {
      finished_ = true;
      return;
    }
    Txn txn;
    txn.expected = instant == 1 ? std::vector<Condition>{{marker_, Kind::Absent, {}, 0}}
                                : std::vector<Condition>{{marker_, Kind::ValueGreater, text(instant - 1), 0},
                                                         {marker_, Kind::ValueLess, text(instant), 0}};
    txn.writes = {{marker_, token(instant), 0}, {marker_ + "/run/" + token(instant), name_, 0}};
    txn.read_if_refused = {marker_};
    batcher_.add(std::move(txn), [this, instant](Result<TxnAnswer> answer) {
      if (!answer) {
        EXPECT_EQ(answer.error().code(), Code::Unavailable) << answer.error().text();
        ++unknown;
        return read_back(instant);
      }
      if (answer->committed) {
        won.push_back(token(instant));
        return claim(instant + 1);
      }
      // A no: also one to our own claim, sent before and applied after it was thought lost.
      decide(instant, answer->found.empty() ? std::string() : answer->found.front().value);
    });
  }
  void read_back(int instant) {
    store_.get({marker_}, [this, instant](Result<Listing> found) {
      if (!found) return read_back(instant);
      decide(instant, found->entries.empty() ? std::string() : found->entries.front().value);
    });
  }
  void decide(int instant, const std::string& marker) {
    if (marker == token(instant)) won.push_back(marker);
    if (marker < text(instant)) return claim(instant);
    // Past it, and whose it was shows in its own key, which stays.
    if (marker != token(instant) && marker.substr(0, 15) != text(instant)) return look_who(instant);
    claim(instant + 1);
  }
  void look_who(int instant) {
    store_.get({marker_ + "/run/" + token(instant)}, [this, instant](Result<Listing> found) {
      if (!found) return look_who(instant);
      if (!found->entries.empty()) won.push_back(token(instant));
      claim(instant + 1);
    });
  }

  EtcdCoordStore& store_;
  coord::Batcher batcher_;
  const std::string marker_;
  const int last_;
  const std::string name_;
  bool finished_ = false;
};

TEST_F(EtcdFaults, UnknownResultsNeverGiveOneInstantTwice) {
  start(1);
  constexpr int kInstants = 400, kClaimers = 3;
  const auto direct = open(quick(server_->endpoints()));
  WatchLog log;
  const auto watch = direct->watch("/marker", 0, log);
  std::vector<std::unique_ptr<TcpProxy>> proxies;
  std::vector<std::unique_ptr<EtcdCoordStore>> stores;
  std::vector<std::unique_ptr<Claimer>> claimers;
  for (int i = 0; i < kClaimers; ++i) {
    proxies.push_back(std::make_unique<TcpProxy>(server_->endpoint(0)));
    stores.push_back(open(quick({proxies.back()->endpoint()})));
    claimers.push_back(
        std::make_unique<Claimer>(*stores.back(), loop_, "/marker", kInstants, fmt::format("claimer{}", i)));
  }
  for (auto& claimer : claimers) claimer->start();
  Rng rng(7);
  const auto all_finished = [&] {
    return std::all_of(claimers.begin(), claimers.end(), [](const auto& one) { return one->finished(); });
  };
  std::uint64_t turns = 0;
  ASSERT_TRUE(run_until(
      [&] {
        if (++turns % 40 == 0) {
          TcpProxy& proxy = *proxies[rng.below(kClaimers)];
          switch (rng.below(4)) {
            case 0: proxy.cut(TcpProxy::Direction::Requests); break;
            case 1:
            case 2: proxy.cut(TcpProxy::Direction::Replies); break;
            case 3: proxy.close_all(); break;
          }
        }
        return all_finished();
      },
      seconds(200)));
  // What the store went through: every instant once, in order.
  std::vector<std::string> markers;
  ASSERT_TRUE(run_until([&] {
    return std::count_if(log.changes.begin(), log.changes.end(),
                         [](const Change& c) { return c.entry.key == "/marker"; }) >= kInstants;
  }));
  for (const Change& change : log.changes) {
    if (change.entry.key == "/marker") markers.push_back(change.entry.value);
  }
  ASSERT_EQ(markers.size(), static_cast<std::size_t>(kInstants));
  for (int i = 0; i < kInstants; ++i)
    EXPECT_EQ(markers[static_cast<std::size_t>(i)].substr(0, 15), fmt::format("{:015d}", i + 1));
  // What the claimers believe: each of these theirs, once.
  std::vector<std::string> believed;
  int unknown = 0;
  std::uint64_t cuts = 0;
  for (const auto& claimer : claimers) {
    believed.insert(believed.end(), claimer->won.begin(), claimer->won.end());
    unknown += claimer->unknown;
  }
  for (const auto& proxy : proxies) cuts += proxy->cuts();
  std::sort(believed.begin(), believed.end());
  std::sort(markers.begin(), markers.end());
  EXPECT_EQ(believed, markers);
  EXPECT_GT(unknown, 10) << "the faults did not bite";
  RecordProperty("unknown", unknown);
  RecordProperty("cuts", static_cast<int>(cuts));
}

TEST_F(EtcdFaults, ACutReplyIsUnknownAndReadBackShowsTheWrite) {
  start(1);
  TcpProxy proxy(server_->endpoint(0));
  auto options = quick({proxy.endpoint()});
  options.probe_interval = seconds(600);  // the reply that is cut is not that to a probe
  const auto store = open(options);
  WaitingStore ask(*store, loop_);
  ASSERT_TRUE(run_until([&] { return !store->health().version.empty(); }));
  ASSERT_TRUE(ask.put("/a", "1"));
  proxy.cut(TcpProxy::Direction::Replies);
  const auto lost = ask.put("/a", std::string(100, '2'));
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().code(), Code::Unavailable);
  EXPECT_NE(lost.error().message().find(proxy.endpoint()), std::string::npos) << lost.error().text();
  // A call that still goes into the connection that was cut fails like it.
  auto found = ask.get({"/a"});
  ASSERT_TRUE(eventually_ok([&] { return found = ask.get({"/a"}); })) << found.error().text();
  EXPECT_EQ(found->entries.at(0).value, std::string(100, '2'));
}

// ---- members ----

TEST_F(EtcdFaults, AFrozenMemberCostsOneDeadlineAndNoMore) {
  start(3);
  const auto store = open(quick(server_->endpoints()));
  WaitingStore ask(*store, loop_);
  ASSERT_TRUE(run_until([&] {
    const auto health = store->health();
    return std::all_of(health.members.begin(), health.members.end(), [](const auto& one) { return one.answers; });
  }));
  const LeaseId lease = *ask.grant(seconds(30));
  Copy copy;
  coord::Mirror mirror(*store, loop_, loop_.clock(), Rng(3), "/jobs/", copy);
  mirror.start();
  ASSERT_TRUE(run_until([&] { return copy.synced == 1; }));
  const std::size_t leader = server_->leader();
  for (const std::size_t frozen : {(leader + 1) % 3, (leader + 2) % 3}) {
    server_->stop(frozen);
    int failures = 0;
    for (int i = 0; i < 30; ++i) {
      const auto done = ask.put("/jobs/" + std::to_string(i), std::to_string(frozen));
      if (!done) {
        ++failures;
        EXPECT_EQ(done.error().code(), Code::Unavailable);
        EXPECT_NE(done.error().message().find("no answer in time"), std::string::npos) << done.error().text();
      }
    }
    EXPECT_LE(failures, 2);  // one for the calls; a probe may look at it half thawed
    EXPECT_TRUE(eventually_ok([&] { return ask.keep_alive(lease); }));
    EXPECT_TRUE(eventually_ok([&] { return ask.put("/jobs/last", std::to_string(frozen)); }));
    EXPECT_TRUE(run_until([&] { return copy.entries["/jobs/last"] == std::to_string(frozen); }, seconds(20)));
    EXPECT_TRUE(store->health().connected);
    EXPECT_FALSE(store->health().members[frozen].answers);
    server_->cont(frozen);
    EXPECT_TRUE(run_until([&] { return store->health().members[frozen].answers; }));
  }
}

TEST_F(EtcdFaults, AFrozenLeaderIsFollowed) {
  start(3);
  const auto store = open(quick(server_->endpoints()));
  WaitingStore ask(*store, loop_);
  const LeaseId lease = *ask.grant(seconds(60));
  Copy copy;
  coord::Mirror mirror(*store, loop_, loop_.clock(), Rng(3), "/k/", copy);
  mirror.start();
  ASSERT_TRUE(ask.put("/k/a", "before"));
  const std::size_t leader = server_->leader();
  server_->stop(leader);
  EXPECT_TRUE(eventually_ok([&] { return ask.put("/k/a", "after"); }));
  EXPECT_TRUE(run_until([&] { return copy.entries["/k/a"] == "after"; }));
  EXPECT_TRUE(eventually_ok([&] { return ask.keep_alive(lease); }));
  server_->cont(leader);
  EXPECT_TRUE(run_until([&] { return store->health().members[leader].answers; }));
  EXPECT_TRUE(ask.put("/k/a", "again"));
}

TEST_F(EtcdFaults, AKilledLeaderIsFollowedAndNothingAcknowledgedIsLost) {
  start(3);
  const auto store = open(quick(server_->endpoints()));
  WaitingStore ask(*store, loop_);
  WatchLog log;
  Copy copy;
  coord::Mirror mirror(*store, loop_, loop_.clock(), Rng(3), "/k/", copy);
  mirror.start();
  std::map<std::string, std::string> acknowledged;
  const auto write = [&](int from, int to) {
    for (int i = from; i < to; ++i) {
      const std::string key = fmt::format("/k/{}", i);
      ASSERT_TRUE(eventually_ok([&] { return ask.put(key, std::to_string(i)); }));
      acknowledged[key] = std::to_string(i);
    }
  };
  const LeaseId lease = *ask.grant(seconds(20));
  write(0, 50);
  const std::size_t leader = server_->leader();
  server_->kill(leader);
  write(50, 100);
  EXPECT_TRUE(eventually_ok([&] { return ask.keep_alive(lease); }));
  EXPECT_FALSE(store->health().members[leader].answers);
  server_->restart(leader);
  write(100, 150);
  EXPECT_TRUE(run_until([&] { return copy.entries == acknowledged; }));
  EXPECT_TRUE(run_until([&] { return store->health().members[leader].answers; }));
  EXPECT_EQ(store->health().fell_to, 0);
}

TEST_F(EtcdFaults, LostQuorumEndsWatchesAndShows) {
  start(3);
  auto options = quick(server_->endpoints());
  options.watch_silence = seconds(600);  // it is not silence that must end the watch
  const auto store = open(options);
  WaitingStore ask(*store, loop_);
  ASSERT_TRUE(eventually_ok([&] { return ask.put("/a", "1"); }));
  WatchLog log;
  const auto watch = store->watch("/", 0, log);
  ASSERT_TRUE(run_until([&] { return log.changes.size() == 1; }));
  // Frozen, so that no connection breaks where the watch may live; it is on one of the three.
  const std::size_t leader = server_->leader();
  server_->kill(leader);
  server_->kill((leader + 1) % 3);
  ASSERT_TRUE(run_until([&] { return log.failure.has_value(); }));
  EXPECT_EQ(log.failure->code(), Code::Unavailable) << log.failure->text();
  // Whoever held it, a watch on the member that is left ends too.
  WatchLog again;
  const auto on_survivor = store->watch("/", 0, again);
  ASSERT_TRUE(run_until([&] { return again.failure.has_value(); }));
  EXPECT_EQ(again.failure->code(), Code::Unavailable);
  EXPECT_FALSE(ask.put("/a", "2"));
  EXPECT_TRUE(run_until([&] { return !store->health().connected; }));
  EXPECT_FALSE(store->health().last_error.empty());
  server_->restart(leader);
  EXPECT_TRUE(eventually_ok([&] { return ask.put("/a", "3"); }));
  EXPECT_TRUE(run_until([&] { return store->health().connected; }));
}

TEST_F(EtcdFaults, AWatchOnAMemberWithoutLeaderEnds) {
  start(3);
  const std::size_t leader = server_->leader(), left = (leader + 1) % 3;
  auto options = quick({server_->endpoint(left)});
  options.watch_silence = seconds(600);
  options.call_timeout = seconds(30);  // nor does a probe
  options.probe_interval = seconds(600);
  const auto store = open(options);
  WaitingStore ask(*store, loop_);
  ASSERT_TRUE(ask.put("/a", "1"));
  WatchLog log;
  const auto watch = store->watch("/", 0, log);
  ASSERT_TRUE(run_until([&] { return log.changes.size() == 1; }));
  server_->kill(leader);
  server_->kill((leader + 2) % 3);
  ASSERT_TRUE(run_until([&] { return log.failure.has_value(); }));
  EXPECT_EQ(log.failure->code(), Code::Unavailable);
  EXPECT_NE(log.failure->message().find("no leader"), std::string::npos) << log.failure->text();
}

// ---- the rest ----

TEST_F(EtcdFaults, ARestoredStoreIsNoticed) {
  start(1);
  const auto store = open(quick(server_->endpoints()));
  WaitingStore ask(*store, loop_);
  ASSERT_TRUE(ask.put("/a", "1"));
  server_->save_snapshot();
  Revision newest = 0;
  for (int i = 0; i < 50; ++i) newest = *ask.put("/a", std::to_string(i));
  EXPECT_EQ(store->health().fell_to, 0);
  server_->restore_snapshot();
  ASSERT_TRUE(eventually_ok([&] { return ask.get({"/a"}); }));
  EXPECT_GT(store->health().fell_to, 0);
  EXPECT_LT(store->health().fell_to, newest);
  EXPECT_EQ(store->health().revision, newest);
  WatchLog log;
  const auto watch = store->watch("/", newest, log);
  ASSERT_TRUE(run_until([&] { return log.failure.has_value(); }));
  EXPECT_EQ(log.failure->code(), Code::Compacted) << log.failure->text();
}

TEST_F(EtcdFaults, ProxyVariablesAreIgnored) {
  start(1);
  ::setenv("http_proxy", "http://127.0.0.1:1", 1);
  const auto store = open(quick(server_->endpoints()));
  WaitingStore ask(*store, loop_);
  const auto done = ask.put("/a", "1");
  ::unsetenv("http_proxy");
  EXPECT_TRUE(done) << done.error().text();
}

TEST_F(EtcdFaults, AStoreGoesWithCallsAndWatchesUnderWay) {
  start(1);
  for (const bool silent : {false, true}) {
    TcpProxy proxy(server_->endpoint(0));
    auto options = quick({proxy.endpoint()});
    options.call_timeout = seconds(60);
    auto store = open(options);
    {
      WaitingStore ask(*store, loop_);
      ASSERT_TRUE(eventually_ok([&] { return ask.put("/a", "1"); }));
    }
    WatchLog log;
    auto watch = store->watch("/", 0, log);
    ASSERT_TRUE(run_until([&] { return !log.changes.empty(); }));
    if (silent) proxy.blackhole();
    for (int i = 0; i < 100; ++i) {
      store->commit({{{}, {{"/b", std::to_string(i), 0}}, {}}}, [](auto) { FAIL() << "answered after its end"; });
      store->list("/", [](auto) { FAIL() << "answered after its end"; });
      store->keep_alive(1, [](auto) { FAIL() << "answered after its end"; });
    }
    WatchLog unopened;
    auto late = store->watch("/", 0, unopened);
    int turns = 0;
    run_until([&] { return ++turns > 150; });  // some are posted still, some are with gRPC
    const MonoTime before = loop_.clock().mono();
    store.reset();
    EXPECT_LT(loop_.clock().mono() - before, seconds(5));
    turns = 0;
    run_until([&] { return ++turns > 1'000; });
    watch.reset();
    late.reset();
  }
}

TEST_F(EtcdFaults, NobodyThereIsUnavailableAtOnceAndHealthSaysWhy) {
  const std::string endpoint = fmt::format("127.0.0.1:{}", free_port());
  const auto store = open(quick({endpoint}));
  WaitingStore ask(*store, loop_);
  const auto refused = ask.get({"/a"});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::Unavailable);
  EXPECT_NE(refused.error().message().find(endpoint), std::string::npos) << refused.error().text();
  const auto health = store->health();
  EXPECT_FALSE(health.connected);
  ASSERT_EQ(health.members.size(), 1u);
  EXPECT_FALSE(health.members[0].error.empty());
  WatchLog log;
  const auto watch = store->watch("/", 0, log);
  ASSERT_TRUE(run_until([&] { return log.failure.has_value(); }));
  EXPECT_EQ(log.failure->code(), Code::Unavailable);
}

TEST_F(EtcdFaults, MoreCallsThanItHoldsAreRefused) {
  start(1);
  TcpProxy proxy(server_->endpoint(0));
  proxy.blackhole();
  auto options = quick({proxy.endpoint()});
  options.calls_max = 5;
  options.call_timeout = seconds(20);
  options.probe_interval = seconds(600);
  const auto store = open(options);
  int refused = 0;
  for (int i = 0; i < 20; ++i) {
    store->get({"/a"}, [&](Result<Listing> answer) {
      refused += !answer && answer.error().message().find("not sent") != std::string::npos;
    });
  }
  EXPECT_TRUE(run_until([&] { return refused >= 15; }, seconds(10)));
}

TEST_F(EtcdFaults, GrpcsOwnLinesGoToTheLog) {
  std::vector<std::string> lines;
  auto options = quick({fmt::format("127.0.0.1:{}", free_port())});
  options.log = [&](coord::EtcdLogLevel, std::string line) { lines.push_back(std::move(line)); };
  auto store = open(options);
  gpr_log(GPR_ERROR, "said by grpc");
  ASSERT_FALSE(lines.empty());
  EXPECT_NE(lines.back().find("said by grpc"), std::string::npos);
  store.reset();
  gpr_log(GPR_ERROR, "said to nobody");
  EXPECT_EQ(lines.back().find("said to nobody"), std::string::npos);
}

}  // namespace
}  // namespace cronfleet::testing
