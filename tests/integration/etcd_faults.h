// tests/integration/etcd_faults.h: a real etcd whose members and connections fail, and stores over it that are quick to
// notice.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/rng.h"
#include "coord/etcd/etcd_coord_store.h"
#include "coord/mirror.h"
#include "tests/conformance/coord_store_suite.h"
#include "tests/services/etcd_server.h"
#include "tests/services/tcp_proxy.h"
#include "tests/services/waiting_store.h"

namespace cronfleet::testing {

using coord::EtcdCoordStore;
using coord::EtcdOptions;
using std::chrono::seconds;
using Kind = Condition::Kind;

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(CoordStoreSuite);

// What a mirror knows, as a map.
class Copy final : public coord::MirrorSink {
 public:
  void on_put(const KeyValue& entry) override { entries[entry.key] = entry.value; }
  void on_removed(const std::string& key, Revision) override { entries.erase(key); }
  void on_synced(Revision) override { ++synced; }
  void on_trouble(const Status& status) override { troubles.push_back(status); }
  std::map<std::string, std::string> entries;
  int synced = 0;
  std::vector<Status> troubles;
};

class EtcdFaults : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const auto program = EtcdProgram::debian(); !program.missing.empty()) GTEST_SKIP() << program.missing;
  }
  void start(std::size_t members, std::vector<std::string> flags = {}) {
    server_ = std::make_unique<EtcdServer>(
        EtcdServerOptions{.members = members, .flags = std::move(flags), .place = TemporaryFolder::Place::Memory});
  }
  std::unique_ptr<EtcdCoordStore> open(EtcdOptions options) {
    auto store = EtcdCoordStore::open(std::move(options), loop_, loop_, loop_.clock(), Rng(++seed_));
    EXPECT_TRUE(store.has_value()) << store.error().text();
    return std::move(*store);
  }
  // Quick to notice, so that tests are.
  EtcdOptions quick(std::vector<std::string> endpoints) {
    return {.endpoints = std::move(endpoints),
            .dial_timeout = milliseconds(1'000),
            .call_timeout = milliseconds(1'000),
            .watch_silence = milliseconds(1'000),
            .probe_interval = milliseconds(500)};
  }
  bool run_until(const std::function<bool()>& done, milliseconds most = seconds(60)) {
    return loop_.run_until(done, most);
  }
  template <typename Call>
  bool eventually_ok(Call call) {
    return run_until([&] { return call().has_value(); });
  }

  std::unique_ptr<EtcdServer> server_;
  TurnedLoop loop_;
  std::uint64_t seed_ = 0;
};

}  // namespace cronfleet::testing
