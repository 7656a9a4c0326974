// The etcd store under the contract of every coordination store: on Debian's etcd with one and with three members, and
// on a current one.
#include <map>

#include "base/check.h"
#include "coord/etcd/etcd_coord_store.h"
#include "tests/conformance/coord_store_suite.h"
#include "tests/services/etcd_server.h"
#include "tests/services/turned_loop.h"

namespace cronfleet::testing {
namespace {

// One cluster for all tests of this program; each test has a place of its own in it.
EtcdServer& cluster(const std::string& program, std::size_t members) {
  static std::map<std::pair<std::string, std::size_t>, std::unique_ptr<EtcdServer>> all;
  auto& one = all[{program, members}];
  if (!one) {
    one = std::make_unique<EtcdServer>(
        EtcdServerOptions{.program = program, .members = members, .place = TemporaryFolder::Place::Memory});
  }
  return *one;
}

class EtcdBackend final : public CoordBackend {
 public:
  EtcdBackend(const EtcdProgram& program, std::size_t members) {
    CHECK(program.missing.empty());
    static int made = 0;
    prefix_ = fmt::format("/suite/{}/", ++made);
    store_ = *coord::EtcdCoordStore::open({.endpoints = cluster(program.path, members).endpoints()}, loop_, loop_,
                                          loop_.clock(), Rng(static_cast<std::uint64_t>(made)));
  }

  coord::CoordStore& store() override { return *store_; }
  bool run_until(const std::function<bool()>& done) override { return loop_.run_until(done); }
  MonoTime now() override { return loop_.clock().mono(); }
  std::string prefix() override { return prefix_; }

 private:
  TurnedLoop loop_;
  std::string prefix_;
  std::unique_ptr<coord::EtcdCoordStore> store_;
};

std::vector<CoordBackendParam> backends() {
  std::vector<CoordBackendParam> all;
  const auto add = [&](const std::string& name, const EtcdProgram& program, std::size_t members) {
    if (program.missing.empty())
      all.push_back({name, [=] { return std::make_unique<EtcdBackend>(program, members); }, milliseconds(2'000)});
  };
  add("debian_single", EtcdProgram::debian(), 1);
  add("debian_three", EtcdProgram::debian(), 3);
  add("current_single", EtcdProgram::current(), 1);
  add("current_three", EtcdProgram::current(), 3);
  return all;
}

INSTANTIATE_TEST_SUITE_P(Etcd, CoordStoreSuite, ::testing::ValuesIn(backends()),
                         [](const auto& param) { return param.param.name; });
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(CoordStoreSuite);

TEST(CoordStoreEtcd, RunsOnDebiansEtcd) {
  if (const auto program = EtcdProgram::debian(); !program.missing.empty()) GTEST_SKIP() << program.missing;
}
TEST(CoordStoreEtcd, RunsOnACurrentEtcd) {
  if (const auto program = EtcdProgram::current(); !program.missing.empty()) GTEST_SKIP() << program.missing;
}

}  // namespace
}  // namespace cronfleet::testing
