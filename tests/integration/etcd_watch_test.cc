// Watches and lists of the etcd store while it is compacted, cut off, large or full.
#include "tests/integration/etcd_faults.h"

namespace cronfleet::testing {
namespace {

// ---- watches ----

TEST_F(EtcdFaults, CompactionWhileCutOffIsMadeUpForWithItsDeletions) {
  start(1);
  TcpProxy proxy(server_->endpoint(0));
  const auto direct = open(quick(server_->endpoints())), store = open(quick({proxy.endpoint()}));
  WaitingStore ask(*direct, loop_);
  std::map<std::string, std::string> want;
  const auto put = [&](int i, const std::string& value) {
    const std::string key = fmt::format("/jobs/{:04}", i);
    ASSERT_TRUE(ask.put(key, value));
    want[key] = value;
  };
  for (int i = 0; i < 100; ++i) put(i, "old");
  Copy copy;
  coord::Mirror mirror(*store, loop_, loop_.clock(), Rng(3), "/jobs/", copy);
  mirror.start();
  ASSERT_TRUE(run_until([&] { return copy.entries == want; }));
  proxy.blackhole();
  for (int i = 0; i < 1'000; ++i) put(i % 90, std::to_string(i));
  Revision last = 0;
  for (int i = 90; i < 100; ++i) {
    const std::string key = fmt::format("/jobs/{:04}", i);
    last = *ask.erase(key);
    want.erase(key);
  }
  ASSERT_TRUE(ask.compact(last));
  // Long enough to be noticed, so that what was held back in the proxy does not simply arrive late.
  ASSERT_TRUE(run_until([&] { return !copy.troubles.empty(); }));
  proxy.close_all();
  proxy.pass();
  EXPECT_TRUE(run_until([&] { return copy.entries == want; }));
  EXPECT_GE(copy.synced, 2) << "it resumed over a compaction";
}

TEST_F(EtcdFaults, ADeletionAtTheCompactedRevisionIsNotMissed) {
  start(1);
  const auto store = open(quick(server_->endpoints()));
  WaitingStore ask(*store, loop_);
  ASSERT_TRUE(ask.put("/w/a", "1"));
  const Revision seen = *ask.put("/w/b", "1");
  const Revision deleted = *ask.erase("/w/a");
  ASSERT_TRUE(ask.put("/elsewhere", "1"));
  ASSERT_TRUE(ask.compact(deleted));
  WatchLog log;
  const auto watch = store->watch("/w/", seen, log);
  ASSERT_TRUE(run_until([&] { return log.failure.has_value() || !log.changes.empty(); }));
  if (log.failure) {
    EXPECT_EQ(log.failure->code(), Code::Compacted);
  } else {
    EXPECT_EQ(log.texts(), (std::vector<std::string>{"/w/a gone"}));
  }
}

TEST_F(EtcdFaults, ASilentConnectionFailsTheWatchAndAQuietOneDoesNot) {
  start(1);
  TcpProxy proxy(server_->endpoint(0));
  const auto direct = open(quick(server_->endpoints())), store = open(quick({proxy.endpoint()}));
  WaitingStore ask(*direct, loop_);
  const Revision start_at = *ask.put("/w/a", "1");
  WatchLog log;
  const auto watch = store->watch("/w/", start_at, log);
  ASSERT_TRUE(ask.put("/w/a", "2"));
  ASSERT_TRUE(run_until([&] { return log.changes.size() == 1; }));
  // Three times the silence that it allows: asked for signs of life, it gave them.
  const MonoTime quiet_until = loop_.clock().mono() + milliseconds(3'500);
  ASSERT_TRUE(run_until([&] { return loop_.clock().mono() > quiet_until; }));
  EXPECT_FALSE(log.failure);
  proxy.half_open(TcpProxy::Direction::Replies);
  ASSERT_TRUE(run_until([&] { return log.failure.has_value(); }, seconds(20)));
  EXPECT_EQ(log.failure->code(), Code::Unavailable);
  EXPECT_NE(log.failure->message().find("silent"), std::string::npos) << log.failure->text();
  EXPECT_EQ(log.changes.size(), 1u);
}

TEST_F(EtcdFaults, AStandingWatchResumesWithoutGapsOverBrokenConnections) {
  start(1);
  TcpProxy proxy(server_->endpoint(0));
  const auto direct = open(quick(server_->endpoints())), store = open(quick({proxy.endpoint()}));
  WaitingStore ask(*direct, loop_);
  ASSERT_TRUE(ask.put("/w/0", "0"));
  Copy copy;
  coord::Mirror mirror(*store, loop_, loop_.clock(), Rng(3), "/w/", copy);
  mirror.start();
  ASSERT_TRUE(run_until([&] { return copy.synced == 1; }));
  std::map<std::string, std::string> want{{"/w/0", "0"}};
  for (int i = 1; i <= 300; ++i) {
    const std::string key = fmt::format("/w/{}", i % 20);
    if (i % 7 == 0) {
      ASSERT_TRUE(ask.erase(key));
      want.erase(key);
    } else {
      ASSERT_TRUE(ask.put(key, std::to_string(i)));
      want[key] = std::to_string(i);
    }
    if (i % 40 == 0) proxy.close_all();
  }
  EXPECT_TRUE(run_until([&] { return copy.entries == want; }));
  EXPECT_EQ(copy.synced, 1) << "it listed again where it could resume";
  EXPECT_FALSE(copy.troubles.empty()) << "the faults did not bite";
}

// ---- sizes ----

TEST_F(EtcdFaults, AHundredThousandKeysAreListedAsOfOneRevision) {
  start(1);
  const auto store = open({.endpoints = server_->endpoints()});
  WaitingStore ask(*store, loop_);
  const std::string value(331, 'v');
  for (int i = 0; i < 100'000;) {
    std::vector<Txn> batch;
    for (int member = 0; member < 50; ++member) {
      Txn txn;
      for (int k = 0; k < 40; ++k, ++i) txn.writes.push_back({fmt::format("/jobs/{:06}", i), value, 0});
      batch.push_back(std::move(txn));
    }
    const auto done = ask.commit(std::move(batch));
    ASSERT_TRUE(done) << done.error().text();
  }
  // Two keys that always change together, the first and the last: a list that is not of one revision tears them apart.
  bool stop = false;
  int writes = 0;
  std::function<void()> write = [&] {
    if (stop) return;
    const std::string count = std::to_string(++writes);
    store->commit({{{}, {{"/jobs/000000", count, 0}, {"/jobs/099999", count, 0}}, {}}}, [&](auto) { write(); });
  };
  write();
  for (int round = 0; round < 3; ++round) {
    const auto listing = ask.list("/jobs/");
    ASSERT_TRUE(listing) << listing.error().text();
    ASSERT_EQ(listing->entries.size(), 100'000u);
    EXPECT_EQ(listing->entries.front().value, listing->entries.back().value);
    EXPECT_GE(listing->revision, listing->entries.back().modified);
    for (std::size_t i = 1; i < listing->entries.size(); ++i)
      ASSERT_LT(listing->entries[i - 1].key, listing->entries[i].key);
  }
  stop = true;
  EXPECT_GT(writes, 3);
}

TEST_F(EtcdFaults, AListSurvivesACompactionBetweenItsPages) {
  start(1);
  auto options = quick(server_->endpoints());
  options.list_page = 10;
  const auto store = open(options);
  WaitingStore ask(*store, loop_);
  for (int i = 0; i < 200; ++i) ASSERT_TRUE(ask.put(fmt::format("/k/{:03}", i), "1"));
  std::optional<Result<Listing>> got;
  store->list("/k/", [&](Result<Listing> listing) { got = std::move(listing); });
  const Revision revision = *ask.put("/k/000", "2");
  ASSERT_TRUE(ask.compact(revision));
  ASSERT_TRUE(run_until([&] { return got.has_value(); }));
  ASSERT_TRUE(*got) << got->error().text();
  EXPECT_EQ((*got)->entries.size(), 200u);
}

TEST_F(EtcdFaults, ABatchTooLargeForOneRequestTravelsInParts) {
  start(1);
  const auto store = open(quick(server_->endpoints()));
  WaitingStore ask(*store, loop_);
  std::vector<Txn> batch;
  for (int i = 0; i < 64; ++i) {
    batch.push_back({{{fmt::format("/k/{:02}", i), Kind::Absent, {}, 0}},
                     {{fmt::format("/k/{:02}", i), std::string(60'000, 'v'), 0}},
                     {}});
  }
  const auto answers = ask.commit(batch);
  ASSERT_TRUE(answers) << answers.error().text();
  ASSERT_EQ(answers->size(), 64u);
  for (const TxnAnswer& one : *answers) EXPECT_TRUE(one.committed);
  EXPECT_EQ(ask.list("/k/")->entries.size(), 64u);
  const auto too_large = ask.put("/large", std::string(3 << 20, 'v'));
  ASSERT_FALSE(too_large);
  EXPECT_EQ(too_large.error().code(), Code::InvalidArgument) << too_large.error().text();
  std::vector<std::string> many;
  for (int i = 0; i < 700; ++i) many.push_back(fmt::format("/k/{:02}", i));
  const auto found = ask.get(many);
  ASSERT_TRUE(found) << found.error().text();
  EXPECT_EQ(found->entries.size(), 64u);
}

TEST_F(EtcdFaults, AFullQuotaIsNoSpaceAndShows) {
  start(1, {"--quota-backend-bytes=4194304"});
  const auto store = open(quick(server_->endpoints()));
  WaitingStore ask(*store, loop_);
  std::optional<Status> refused;
  for (int i = 0; i < 400 && !refused; ++i) {
    const auto done = ask.put(fmt::format("/k/{}", i % 4), std::string(100'000, static_cast<char>('a' + i % 26)));
    if (!done) refused = done.error();
  }
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->code(), Code::NoSpace) << refused->text();
  EXPECT_TRUE(ask.get({"/k/0"}));
  EXPECT_TRUE(run_until([&] { return store->health().alarms == std::vector<std::string>{"NOSPACE"}; }));
  EXPECT_TRUE(store->health().connected);
  ASSERT_TRUE(ask.compact(store->health().revision));
  server_->etcdctl({"defrag"});
  server_->etcdctl({"alarm", "disarm"});
  EXPECT_TRUE(eventually_ok([&] { return ask.put("/k/0", "room"); }));
  EXPECT_TRUE(run_until([&] { return store->health().alarms.empty(); }));
}

}  // namespace
}  // namespace cronfleet::testing
