// The etcd store with TLS and with users: what it lets in, what it refuses, and what it says about it.
#include <filesystem>
#include <memory>

#include "coord/etcd/etcd_coord_store.h"
#include "tests/conformance/coord_store_suite.h"
#include "tests/services/etcd_server.h"
#include "tests/services/waiting_store.h"

namespace cronfleet::testing {
namespace {

using coord::EtcdCoordStore;
using coord::EtcdOptions;
using std::chrono::seconds;

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(CoordStoreSuite);

class EtcdSecurity : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const auto program = EtcdProgram::debian(); !program.missing.empty()) GTEST_SKIP() << program.missing;
  }
  EtcdServer& start(EtcdServerOptions options) {
    options.place = TemporaryFolder::Place::Memory;
    server_ = std::make_unique<EtcdServer>(std::move(options));
    return *server_;
  }
  std::unique_ptr<EtcdCoordStore> open(EtcdOptions options) {
    options.dial_timeout = options.call_timeout = seconds(5);
    options.watch_silence = seconds(1);
    options.probe_interval = milliseconds(300);
    auto store = EtcdCoordStore::open(std::move(options), loop_, loop_, loop_.clock(), Rng(1));
    EXPECT_TRUE(store.has_value()) << store.error().text();
    return std::move(*store);
  }
  EtcdOptions tls() {
    return {.endpoints = server_->endpoints(),
            .ca_file = server_->ca_file(),
            .cert_file = server_->cert_file(),
            .key_file = server_->key_file()};
  }
  Result<Revision> put(EtcdCoordStore& store, const std::string& key = "/cron/a") {
    return WaitingStore(store, loop_).put(key, "1");
  }
  bool run_until(const std::function<bool()>& done) { return loop_.run_until(done, seconds(60)); }

  std::unique_ptr<EtcdServer> server_;
  TurnedLoop loop_;
};

// ---- TLS ----

TEST_F(EtcdSecurity, MutualTlsWorksWithThreeMembers) {
  start({.members = 3, .tls = true});
  const auto store = open(tls());
  for (int i = 0; i < 12; ++i) {
    const auto done = put(*store);
    ASSERT_TRUE(done) << done.error().text();
  }
  WatchLog log;
  const auto watch = store->watch("/cron/", 0, log);
  EXPECT_TRUE(run_until([&] { return !log.changes.empty(); }));
  EXPECT_TRUE(run_until([&] {
    for (const auto& member : store->health().members) {
      if (!member.answers || member.version.empty()) return false;
    }
    return true;
  }));
}

TEST_F(EtcdSecurity, AnotherAuthorityIsRefusedAndHealthSaysSo) {
  start({.tls = true});
  auto options = tls();
  options.ca_file = server_->other_ca_file();
  const auto store = open(options);
  const auto refused = put(*store);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::Unavailable);
  EXPECT_NE(refused.error().message().find("andshake"), std::string::npos) << refused.error().text();
  EXPECT_FALSE(store->health().connected);
}

TEST_F(EtcdSecurity, ANameThatTheCertificateDoesNotCarryIsRefused) {
  start({.tls = true});
  auto options = tls();
  options.server_name = "other.example";
  EXPECT_FALSE(put(*open(options)));
  options.server_name = "etcd.example";
  const auto done = put(*open(options));
  EXPECT_TRUE(done) << done.error().text();
}

TEST_F(EtcdSecurity, WithoutAClientCertificateItIsRefused) {
  start({.tls = true});
  auto options = tls();
  options.cert_file = options.key_file = "";
  const auto refused = put(*open(options));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::Unavailable);
}

TEST_F(EtcdSecurity, PlainTextToATlsServerIsRefused) {
  start({.tls = true});
  EXPECT_FALSE(put(*open({.endpoints = server_->endpoints()})));
}

TEST_F(EtcdSecurity, ChangedFilesAreTakenUpWithoutARestart) {
  start({.tls = true});
  const TemporaryFolder folder;
  const std::string ca = folder.file("ca.pem");
  std::filesystem::copy_file(server_->other_ca_file(), ca);
  auto options = tls();
  options.ca_file = ca;
  std::vector<std::string> lines;
  options.log = [&](coord::EtcdLogLevel level, std::string line) {
    if (level == coord::EtcdLogLevel::Info || level == coord::EtcdLogLevel::Error) lines.push_back(std::move(line));
  };
  const auto store = open(options);
  ASSERT_FALSE(put(*store));
  // Gone for a moment: said once, nothing breaks.
  std::filesystem::remove(ca);
  ASSERT_TRUE(run_until([&] { return !lines.empty(); }));
  EXPECT_NE(lines[0].find("etcd.ca_file"), std::string::npos) << lines[0];
  std::filesystem::copy_file(server_->ca_file(), ca);
  EXPECT_TRUE(run_until([&] { return put(*store).has_value(); }));

  server_->renew_client_certificate();
  const std::size_t before = lines.size();
  ASSERT_TRUE(run_until([&] { return lines.size() > before; }));
  EXPECT_NE(lines.back().find("have changed"), std::string::npos) << lines.back();
  EXPECT_TRUE(put(*store));
}

// ---- users ----

TEST_F(EtcdSecurity, AUserWithTheRightPasswordDoesEverything) {
  start({});
  server_->enable_auth("worker", "secret", "/cron/");
  const auto store = open({.endpoints = server_->endpoints(), .user = "worker", .password = "secret"});
  WaitingStore ask(*store, loop_);
  ASSERT_TRUE(put(*store));
  const auto lease = ask.grant(seconds(30));
  ASSERT_TRUE(lease) << lease.error().text();
  EXPECT_TRUE(ask.keep_alive(*lease));
  EXPECT_TRUE(ask.list("/cron/"));
  WatchLog log;
  const auto watch = store->watch("/cron/", 0, log);
  EXPECT_TRUE(run_until([&] { return !log.changes.empty(); }));
  EXPECT_TRUE(run_until([&] { return store->health().connected; }));
}

TEST_F(EtcdSecurity, RefusalsNameTheKeyToChange) {
  start({});
  server_->enable_auth("worker", "secret", "/cron/");
  const auto wrong = put(*open({.endpoints = server_->endpoints(), .user = "worker", .password = "wrong"}));
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code(), Code::InvalidArgument);
  EXPECT_NE(wrong.error().message().find("etcd.password"), std::string::npos) << wrong.error().text();
  EXPECT_EQ(wrong.error().message().find("wrong"), std::string::npos) << "it shows the password";

  const auto nobody_store = open({.endpoints = server_->endpoints()});
  const auto nobody = put(*nobody_store);
  ASSERT_FALSE(nobody);
  EXPECT_EQ(nobody.error().code(), Code::InvalidArgument);
  EXPECT_NE(nobody.error().message().find("etcd.user"), std::string::npos) << nobody.error().text();

  const auto store = open({.endpoints = server_->endpoints(), .user = "worker", .password = "secret"});
  const auto outside = put(*store, "/elsewhere");
  ASSERT_FALSE(outside);
  EXPECT_EQ(outside.error().code(), Code::InvalidArgument);
  EXPECT_NE(outside.error().message().find("role"), std::string::npos) << outside.error().text();
  WatchLog log;
  const auto watch = store->watch("/elsewhere", 0, log);
  ASSERT_TRUE(run_until([&] { return log.failure.has_value(); }));
  EXPECT_EQ(log.failure->code(), Code::InvalidArgument) << log.failure->text();
  EXPECT_TRUE(put(*store));
}

TEST_F(EtcdSecurity, ATokenThatDiedWithTheServerIsRenewed) {
  start({});
  server_->enable_auth("worker", "secret", "/cron/");
  const auto store = open({.endpoints = server_->endpoints(), .user = "worker", .password = "secret"});
  WaitingStore ask(*store, loop_);
  ASSERT_TRUE(put(*store));
  const auto lease = ask.grant(seconds(60));
  ASSERT_TRUE(lease);
  server_->restart(0);
  ASSERT_TRUE(server_->wait_until_healthy());
  // Each kind of call by itself finds the token dead; a broken connection is not what is tested.
  ASSERT_TRUE(run_until([&] { return store->health().connected; }));
  const auto done = ask.keep_alive(*lease);
  EXPECT_TRUE(done) << done.error().text();
  server_->restart(0);
  ASSERT_TRUE(server_->wait_until_healthy());
  WatchLog log;
  coord::WatchHandle watch;
  ASSERT_TRUE(run_until([&] {
    if (log.failure && log.failure->code() != Code::Unavailable) return true;
    if (!watch || log.failure) {
      log = WatchLog();
      watch = store->watch("/cron/", 0, log);
    }
    return !log.changes.empty();
  }));
  EXPECT_FALSE(log.failure) << log.failure->text();
  server_->restart(0);
  ASSERT_TRUE(server_->wait_until_healthy());
  EXPECT_TRUE(run_until([&] {
    const auto written = put(*store);
    EXPECT_TRUE(written || written.error().code() == Code::Unavailable) << written.error().text();
    return written.has_value();
  }));
}

TEST_F(EtcdSecurity, TokensThatExpireAreRenewed) {
  start({.flags = {"--auth-token-ttl=1"}});
  server_->enable_auth("worker", "secret", "/cron/");
  const auto store = open({.endpoints = server_->endpoints(), .user = "worker", .password = "secret"});
  ASSERT_TRUE(put(*store));
  // A second and a half without a call of ours: etcd forgets a token that nobody uses.
  const MonoTime later = loop_.clock().mono() + milliseconds(2'500);
  loop_.run_until([&] { return loop_.clock().mono() > later; });
  const auto done = put(*store);
  EXPECT_TRUE(done) << done.error().text();
}

TEST_F(EtcdSecurity, AUserWhereNoneIsAskedForAndUsersTurnedOnLater) {
  start({});
  const auto store = open({.endpoints = server_->endpoints(), .user = "worker", .password = "secret"});
  ASSERT_TRUE(put(*store));
  server_->enable_auth("worker", "secret", "/cron/");
  const auto done = put(*store);
  EXPECT_TRUE(done) << done.error().text();
}

}  // namespace
}  // namespace cronfleet::testing
