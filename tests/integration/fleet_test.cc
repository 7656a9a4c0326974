// Masters and workers as processes over a real etcd: what a user can see of a fleet.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>

#include <algorithm>
#include <boost/json.hpp>
#include <fstream>
#include <set>

#include "api/raw_client.h"
#include "core/entries.h"
#include "tests/integration/process.h"
#include "tests/services/etcd_server.h"
#include "tests/services/mongo_server.h"

namespace cronfleet::integration {
namespace {

using cronfleet::testing::EtcdProgram;
using cronfleet::testing::EtcdServer;
using cronfleet::testing::EtcdServerOptions;
using cronfleet::testing::MongoProgram;
using cronfleet::testing::MongoServer;
using std::chrono::seconds;

std::string joined(const std::vector<std::string>& endpoints) {
  std::string text;
  for (const std::string& endpoint : endpoints) text += (text.empty() ? "" : ",") + endpoint;
  return text;
}

std::vector<std::string> with(std::vector<std::string> arguments, const std::vector<std::string>& more) {
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

class Fleet : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const std::string missing = EtcdProgram::debian().missing; !missing.empty()) GTEST_SKIP() << missing;
  }
  void start_etcd(EtcdServerOptions options = {}) {
    etcd_ = std::make_unique<EtcdServer>(std::move(options));
    ASSERT_TRUE(etcd_->wait_until_healthy());
  }
  std::vector<std::string> master_arguments(const std::vector<std::string>& more = {}) {
    return with({binary(), "master", "--port", "0", "--set", "etcd.endpoints=" + joined(etcd_->endpoints())}, more);
  }
  std::vector<std::string> worker_arguments(const std::string& node, const std::vector<std::string>& more = {}) {
    return with({binary(), "worker", "--data-dir", (folder_ / node).string(), "--set", "node_id=" + node, "--set",
                 "worker.shutdown_grace=2s", "--set", "etcd.endpoints=" + joined(etcd_->endpoints())},
                more);
  }
  // Ids of the workers that take runs, as this master sees them.
  static std::set<std::string> ready_workers(Server& master) {
    std::set<std::string> nodes;
    const boost::json::value answer = master.ask("GET", "/api/v1/workers").json();
    if (!answer.is_object() || !answer.as_object().contains("items")) return nodes;
    for (const auto& item : answer.at("items").as_array())
      if (text_of(item.as_object(), "state") == "ready") nodes.insert(text_of(item.as_object(), "node"));
    return nodes;
  }
  // How it ends, and what it said.
  static std::pair<int, std::string> ending(const std::vector<std::string>& arguments,
                                            std::map<std::string, std::string> environment = {}) {
    Process process(arguments, std::move(environment));
    const int exit_code = process.wait();
    return {exit_code, process.errors()};
  }
  std::string truth_job() const {
    return R"("schedule":"* * * * * *","command":"echo $CRONFLEET_RUN_ID $CRONFLEET_NODE >> )" +
           (folder_ / "truth").string() + "\"";
  }
  std::vector<std::string> started() const {
    std::vector<std::string> ids;
    for (const std::string& line : lines_of(folder_ / "truth")) ids.push_back(line.substr(0, line.find(' ')));
    return ids;
  }

  Folder folder_;
  std::unique_ptr<EtcdServer> etcd_;
};

TEST_F(Fleet, EveryFiringStartsOnceWhoeverDies) {
  start_etcd();
  Server a(master_arguments()), b(master_arguments());
  Process first(worker_arguments("w1")), second(worker_arguments("w2"));
  ASSERT_TRUE(a.wait_until_ready()) << a.process().errors();
  ASSERT_TRUE(b.wait_until_ready()) << b.process().errors();
  ASSERT_TRUE(eventually([&] { return ready_workers(b).size() == 2; })) << first.errors() << second.errors();
  // Four jobs, so that each worker is the first choice of some.
  for (const char* job : {"tick-1", "tick-2", "tick-3", "tick-4"}) ASSERT_EQ(a.put_job(job, truth_job()), 201);
  ASSERT_TRUE(eventually([&] { return started().size() >= 12; })) << first.errors() << second.errors();
  for (Server* master : {&a, &b}) {
    ASSERT_TRUE(eventually([&] {
      const auto runs = master->runs("tick-1");
      return std::any_of(runs.begin(), runs.end(),
                         [](const auto& run) { return text_of(run, "status") == "succeeded"; });
    })) << "a record is seen through every master";
  }
  first.signal(SIGKILL);
  const std::size_t at_death = started().size();
  ASSERT_TRUE(eventually([&] { return started().size() >= at_death + 20; })) << second.errors();
  ASSERT_TRUE(eventually([&] { return ready_workers(a) == std::set<std::string>{"w2"}; }));
  const std::vector<std::string> ids = started();
  EXPECT_EQ(std::set<std::string>(ids.begin(), ids.end()).size(), ids.size()) << "a run was started twice";
  second.signal(SIGTERM);
  EXPECT_EQ(second.wait(), 0) << second.errors();
  for (Server* master : {&a, &b}) {
    master->process().signal(SIGTERM);
    EXPECT_EQ(master->process().wait(), 0) << master->process().errors();
  }
}

// API-9: whoever is asked after a write was acknowledged, through whatever master, sees it.
TEST_F(Fleet, ReadsSeeWhatAnotherMasterAcknowledged) {
  start_etcd();
  Server a(master_arguments()), b(master_arguments());
  ASSERT_TRUE(a.wait_until_ready() && b.wait_until_ready());
  for (int i = 0; i < 60; ++i) {
    const std::string name = "job-" + std::to_string(i);
    Server& writer = i % 2 == 0 ? a : b;
    Server& other = i % 2 == 0 ? b : a;
    ASSERT_EQ(writer.put_job(name, R"("schedule":"@daily","command":"true")"), 201);
    EXPECT_EQ(other.ask("GET", "/api/v1/jobs?limit=1").json().at("total").as_int64(), i + 1);
    const HttpAnswer job = other.ask("GET", "/api/v1/jobs/" + name);
    ASSERT_EQ(job.status, 200);
    const std::int64_t revision = job.json().at("revision").as_int64();
    const HttpAnswer explained = other.ask("GET", "/api/v1/jobs/" + name + ":explain");
    EXPECT_EQ(explained.json().at("revision").as_int64(), revision);
    EXPECT_GE(std::stoll(explained.headers.at("x-cronfleet-revision")), revision);
    EXPECT_EQ(other.ask("GET", "/api/v1/jobs:glance?name=" + name).json().at("items").as_array().size(), 1u);
    EXPECT_EQ(other.ask("GET", "/api/v1/firings?job=" + name).json().at("items").as_array().size(), 1u);
    ASSERT_EQ(writer.put_job(name, R"("schedule":"@daily","command":"false")"), 200);
    EXPECT_EQ(other.ask("GET", "/api/v1/jobs/" + name + "/versions").json().at("items").as_array().size(), 2u);
    const HttpAnswer asked = a.ask("POST", "/api/v1/jobs/" + name + ":run");
    ASSERT_EQ(asked.status, 202) << asked.body;
    EXPECT_EQ(b.ask("GET", asked.headers.at("location")).status, 200);
    EXPECT_EQ(b.ask("GET", "/api/v1/runs?job=" + name).json().at("items").as_array().size(), 1u);
  }
  Process worker(worker_arguments("w1"));
  ASSERT_TRUE(eventually([&] { return ready_workers(a).contains("w1"); })) << worker.errors();
  for (int i = 0; i < 20; ++i) {
    Server& writer = i % 2 == 0 ? a : b;
    Server& other = i % 2 == 0 ? b : a;
    const std::string labels = fmt::format(R"({{"round":"{}"}})", i), path = "/api/v1/workers/w1";
    ASSERT_EQ(writer.ask("PUT", path + "/labels", labels, {{"If-Match", "*"}}).status, 200);
    EXPECT_EQ(other.ask("GET", path + "/labels").json().at("labels"), boost::json::parse(labels));
    EXPECT_EQ(other.ask("GET", path).json().at("settings").at("labels"), boost::json::parse(labels));
  }
}

std::uint16_t port_after(const std::string& log, const std::string& mark) {
  const auto at = log.find(mark);
  if (at == std::string::npos || log.find('\n', at) == std::string::npos) return 0;
  return static_cast<std::uint16_t>(std::stoi(log.substr(at + mark.size())));
}

// A master tells live of what others did: a save through another master, the life of a run on a worker, the worker
// itself; and who was away resumes where it was. Its numbers stand at a listener of their own.
TEST_F(Fleet, AMasterTellsEventsAndNumbersOfTheWholeFleet) {
  start_etcd();
  Server a(master_arguments({"--set", "metrics.port=0"})), b(master_arguments());
  ASSERT_TRUE(a.wait_until_ready() && b.wait_until_ready());
  const std::uint16_t port = port_after(a.process().errors(), "listening: 127.0.0.1:");
  ASSERT_NE(port, 0);
  const std::string ask = "GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n";
  std::string last_id;
  {
    api::RawClient listener(port);
    listener.send(ask + "\r\n");
    EXPECT_THAT(listener.take_until("event: hello"), ::testing::HasSubstr("text/event-stream"));
    Process worker(worker_arguments("w1"));
    EXPECT_THAT(listener.take_until("\"w1\""), ::testing::HasSubstr("event: worker\n")) << worker.errors();
    ASSERT_EQ(b.put_job("told", truth_job()), 201);
    EXPECT_THAT(listener.take_until("\"told\""), ::testing::HasSubstr("event: job\n"));
    EXPECT_THAT(listener.take_until("\"succeeded\""), ::testing::HasSubstr("told@")) << worker.errors();
    const std::string more = listener.take_until("\nevent: run");
    last_id = more.substr(more.rfind("id: ") + 4);
    last_id = last_id.substr(0, last_id.find('\n'));
    worker.signal(SIGTERM);
    EXPECT_EQ(worker.wait(), 0) << worker.errors();
  }
  // Nobody listened when this was done.
  EXPECT_EQ(b.ask("DELETE", "/api/v1/jobs/told", "", {{"If-Match", "*"}, {"X-Cronfleet-Client", "test"}}).status, 200);
  api::RawClient again(port);
  again.send(ask + "Last-Event-ID: " + last_id + "\r\n\r\n");
  const std::string missed = again.take_until("event: job_deleted");
  EXPECT_THAT(missed, ::testing::HasSubstr("\"resumed\":true"));
  EXPECT_THAT(again.take_until("\"told\""), ::testing::Not(::testing::HasSubstr("event: resync")));

  const std::uint16_t metrics = port_after(a.process().errors(), "metrics: http://127.0.0.1:");
  ASSERT_NE(metrics, 0) << a.process().errors();
  std::string numbers;
  EXPECT_TRUE(eventually([&] {
    numbers = api::RawClient(metrics).ask("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n").body;
    return numbers.find("\ncronfleet_http_streams 1\n") != std::string::npos;
  })) << numbers;
  EXPECT_THAT(numbers, ::testing::HasSubstr("\ncronfleet_coordination_up 1\n"));
  EXPECT_THAT(numbers, ::testing::HasSubstr("mode=\"master\""));
  EXPECT_THAT(numbers,
              ::testing::HasSubstr(
                  "cronfleet_http_requests_total{method=\"GET\",route=\"/api/v1/events\",status=\"2xx\"} 2\n"));
  EXPECT_EQ(api::RawClient(metrics).ask("GET /api/v1/jobs HTTP/1.1\r\nHost: localhost\r\n\r\n").status, 404);
}

TEST_F(Fleet, WhatNoWaitingHelpsEndsWithASentence) {
  start_etcd();
  const std::string endpoint = etcd_->endpoint(0);
  const auto master = [&](const std::vector<std::string>& more, std::map<std::string, std::string> environment = {}) {
    return ending(with({binary(), "master", "--port", "0"}, more), std::move(environment));
  };
  const auto expect = [](const std::pair<int, std::string>& ended, std::initializer_list<const char*> parts) {
    EXPECT_EQ(ended.first, 78) << ended.second;
    for (const char* part : parts)
      EXPECT_NE(ended.second.find(part), std::string::npos) << part << "\n" << ended.second;
  };
  expect(master({"--set", "etcd.endpoints=127.0.0.1:notaport"}), {"etcd.endpoints", "notaport"});
  expect(master({"--set", "etcd.endpoints=" + endpoint, "--set", "etcd.ca_file=/no/such.pem"}),
         {"etcd.ca_file", "/no/such.pem"});
  expect(master({"--set", "etcd.endpoints=" + endpoint, "--set", "etcd.user=ann", "--set",
                 "etcd.password_file=" + (folder_ / "nothing").string()}),
         {"etcd.password_file", "nothing"});
  std::ofstream(folder_ / "password") << "secret\n";
  ::chmod((folder_ / "password").c_str(), 0644);
  expect(master({"--set", "etcd.endpoints=" + endpoint, "--set", "etcd.user=ann", "--set",
                 "etcd.password_file=" + (folder_ / "password").string()}),
         {"chmod 600", "0644"});
  etcd_->etcdctl({"put", "/busy/settings", "of another program"});
  expect(master({"--set", "etcd.endpoints=" + endpoint, "--set", "etcd.prefix=/busy/"}),
         {"etcd.prefix '/busy/'", "/busy/settings"});
  etcd_->etcdctl({"put", "/newer/fleet", R"({"schema":99,"made_at":"2026-01-01T00:00:00Z"})"});
  expect(master({"--set", "etcd.endpoints=" + endpoint, "--set", "etcd.prefix=/newer/"}), {"schema 99", "upgrade"});
  expect(ending(worker_arguments("w", {"--set", "etcd.prefix=/newer/"})), {"schema 99", "upgrade"});
  etcd_->enable_auth("cron", "right");
  expect(master({"--set", "etcd.endpoints=" + endpoint, "--set", "etcd.user=cron"},
                {{"CRONFLEET_ETCD_PASSWORD", "wrong"}}),
         {"etcd.user"});
  Server allowed(
      with({binary(), "master", "--port", "0", "--set", "etcd.endpoints=" + endpoint, "--set", "etcd.user=cron"}, {}),
      {{"CRONFLEET_ETCD_PASSWORD", "right"}});
  EXPECT_TRUE(allowed.wait_until_ready()) << allowed.process().errors();
  EXPECT_EQ(allowed.process().errors().find("right"), std::string::npos) << "a password is in the log";
}

// A run-now that its worker may not take from etcd is tried for ever: the log says so once, the alarms for as long.
TEST_F(Fleet, AWriteThatTheStoreRefusesIsToldOnce) {
  start_etcd();
  etcd_->enable_auth("master", "secret", "/cron/");
  etcd_->etcdctl({"user", "add", "worker:secret"});
  etcd_->etcdctl({"role", "add", "no-triggers"});
  const auto grant = [&](const char* kind, const char* from, const char* to) {
    etcd_->etcdctl({"role", "grant-permission", "no-triggers", kind, from, to});
  };
  grant("readwrite", "/cron/", "/cron/trigger/");
  grant("read", "/cron/trigger/", "/cron/trigger0");
  grant("readwrite", "/cron/trigger0", "/cron0");
  etcd_->etcdctl({"user", "grant-role", "worker", "no-triggers"});
  Server master(master_arguments({"--set", "etcd.user=master"}), {{"CRONFLEET_ETCD_PASSWORD", "secret"}});
  Process worker(worker_arguments("w1", {"--set", "etcd.user=worker"}), {{"CRONFLEET_ETCD_PASSWORD", "secret"}});
  ASSERT_TRUE(master.wait_until_ready()) << master.process().errors();
  ASSERT_TRUE(eventually([&] { return ready_workers(master).size() == 1; })) << worker.errors();
  ASSERT_EQ(master.put_job("by-hand", R"("schedule":"@yearly","command":"true")"), 201);
  ASSERT_EQ(master.ask("POST", "/api/v1/jobs/by-hand:run").status, 202);
  EXPECT_TRUE(eventually([&] {
    return master.ask("GET", "/api/v1/alarms").body.find("the store refuses a write: ") != std::string::npos;
  })) << worker.errors();
  // By the time that it stands in the registration it has been refused many times.
  const std::string said = worker.errors();
  const auto first = said.find("the store refuses a write");
  ASSERT_NE(first, std::string::npos) << said;
  EXPECT_NE(said.find("permission denied", first), std::string::npos) << said;
  EXPECT_EQ(said.find("the store refuses a write", first + 1), std::string::npos) << said;
}

TEST_F(Fleet, SpeaksTlsWithItsStore) {
  EtcdServerOptions tls;
  tls.tls = true;
  start_etcd(std::move(tls));
  const auto arguments = [&](const std::string& ca_file) {
    return master_arguments({"--set", "etcd.ca_file=" + ca_file, "--set", "etcd.cert_file=" + etcd_->cert_file(),
                             "--set", "etcd.key_file=" + etcd_->key_file()});
  };
  Server master(arguments(etcd_->ca_file()));
  EXPECT_TRUE(master.wait_until_ready()) << master.process().errors();
  EXPECT_EQ(master.put_job("nightly", R"("schedule":"@yearly","command":"true")"), 201);
  // A certificate that does not fit may be replaced any time: it waits, and says what for.
  Server distrustful(arguments(etcd_->other_ca_file()));
  ASSERT_TRUE(distrustful.wait_until_listening());
  EXPECT_TRUE(eventually([&] {
    return distrustful.process().errors().find("waiting for the store") != std::string::npos;
  })) << distrustful.process().errors();
  EXPECT_EQ(distrustful.ask("GET", "/readyz").status, 503);
}

TEST_F(Fleet, AMasterWithoutItsStoreAnswersAndRecovers) {
  start_etcd();
  etcd_->kill(0);
  Server master(master_arguments());
  Process worker(worker_arguments("w1"));
  ASSERT_TRUE(master.wait_until_listening()) << master.process().errors();
  EXPECT_EQ(master.ask("GET", "/healthz").status, 200);
  EXPECT_EQ(master.ask("GET", "/readyz").status, 503);
  const HttpAnswer starting = master.ask("GET", "/api/v1/jobs");
  EXPECT_EQ(starting.status, 503);
  EXPECT_TRUE(starting.headers.contains("retry-after"));
  ASSERT_TRUE(eventually([&] { return worker.errors().find("waiting for the store") != std::string::npos; }));
  etcd_->restart(0);
  ASSERT_TRUE(master.wait_until_ready(seconds(60))) << master.process().errors();
  ASSERT_TRUE(eventually([&] { return ready_workers(master).size() == 1; }, seconds(60))) << worker.errors();
  ASSERT_EQ(master.put_job("nightly", R"("schedule":"@yearly","command":"true")"), 201);
  ASSERT_EQ(master.ask("GET", "/api/v1/jobs").json().at("total").as_int64(), 1);

  etcd_->stop(0);  // frozen, the worst kind of away
  ASSERT_TRUE(eventually([&] { return master.ask("GET", "/api/v1/jobs").headers.contains("x-cronfleet-stale"); }));
  const HttpAnswer stale = master.ask("GET", "/api/v1/jobs");
  EXPECT_EQ(stale.status, 200);
  EXPECT_EQ(stale.json().at("items").as_array().size(), 1u);
  EXPECT_EQ(master.ask("GET", "/api/v1/workers").status, 200);
  const HttpAnswer refused =
      master.ask("PUT", "/api/v1/jobs/nightly", R"({"schedule":"@daily","command":"true"})", {{"If-Match", "*"}});
  EXPECT_EQ(refused.status, 503) << refused.body;
  EXPECT_TRUE(refused.headers.contains("retry-after"));
  EXPECT_EQ(master.ask("GET", "/readyz").status, 503);
  etcd_->cont(0);
  ASSERT_TRUE(eventually([&] { return master.ask("GET", "/readyz").status == 200; }, seconds(60)));
  ASSERT_TRUE(eventually([&] { return !master.ask("GET", "/api/v1/jobs").headers.contains("x-cronfleet-stale"); }));
  EXPECT_EQ(master.put_job("nightly", R"("schedule":"@daily","command":"true")"), 200);
}

// The files that the reference ships, with the port of this test's etcd in them.
TEST_F(Fleet, TheReferencesFilesStartIt) {
  start_etcd();
  const std::string etcd =
      R"("ETCD的配置": "ETCD", "etcd": {"etcdEndpoints": [")" + etcd_->endpoint(0) + R"("], "etcdDialTimeout": 5000},)";
  const std::string mongodb =
      R"("mongodb": {"mongodbUri": "mongodb://127.0.0.1:1", "mongodbConnectTimeout": 5000},)";  // nobody is there
  std::ofstream(folder_ / "master.json")
      << R"({"http": {"API服务端接口": "x", "apiPort": 0, "apiReadTimeout": 5000, "apiWriteTimeout": 5000},)" << etcd
      << mongodb << R"("log": {"logDatabase": "cron", "logCollection": "log", "logDefaultLimitPage": 50},)"
      << R"("webroot": "./webroot"})";
  std::ofstream(folder_ / "worker.json")
      << "{" << etcd << mongodb
      << R"("log": {"logDatabase": "cron", "logCollection": "log", "logBranch": 100, "logAutoCommitTimeOut": 1000}})";
  Server master({binary(), "master", "--config", (folder_ / "master.json").string()});
  Process worker(
      {binary(), "worker", "--config", (folder_ / "worker.json").string(), "--data-dir", (folder_ / "data").string()});
  ASSERT_TRUE(master.wait_until_ready()) << master.process().errors();
  ASSERT_TRUE(eventually([&] { return ready_workers(master).size() == 1; })) << worker.errors();
  for (const char* key : {"http.apiPort: ", "webroot: ", "etcd.etcdDialTimeout: "})
    EXPECT_NE(master.process().errors().find(key), std::string::npos) << key;
  EXPECT_NE(master.ask("GET", "/readyz").body.find("degraded"), std::string::npos);
  // A job as the reference puts it runs like any other; without its MongoDB what is over waits, and is shown.
  etcd_->etcdctl({"put", "/cron/jobs/old", R"({"name":"old","command":"true","cronExpr":"*/1 * * * * * *"})"});
  ASSERT_TRUE(eventually([&] {
    const auto runs = master.runs("old");
    return std::any_of(runs.begin(), runs.end(), [](const auto& run) { return text_of(run, "status") == "succeeded"; });
  })) << worker.errors();
  // And one that cannot be read is shown with the reason.
  etcd_->etcdctl({"put", "/cron/jobs/broken", R"({"name":"broken","command":"true","cronExpr":"0 99 * * *"})"});
  ASSERT_TRUE(eventually([&] {
    const boost::json::value jobs = master.ask("GET", "/api/v1/jobs").json();
    for (const auto& item : jobs.at("items").as_array())
      if (text_of(item.as_object(), "name") == "broken") return item.at("valid") == false;
    return false;
  }));
}

TEST_F(Fleet, WithMongoDbEveryMasterShowsEveryRecord) {
  if (const std::string missing = MongoProgram::find().missing; !missing.empty()) GTEST_SKIP() << missing;
  start_etcd();
  MongoServer mongodb;
  const std::vector<std::string> common = {"--set", "mongodb.uri=" + mongodb.uri()};
  Server a(master_arguments(common)), b(master_arguments(common));
  Process first(worker_arguments("w1", common)), second(worker_arguments("w2", common));
  ASSERT_TRUE(a.wait_until_ready() && b.wait_until_ready()) << a.process().errors();
  ASSERT_TRUE(eventually([&] { return ready_workers(b).size() == 2; })) << first.errors() << second.errors();
  ASSERT_EQ(a.put_job("tick", truth_job()), 201);
  const auto recorded = [](Server& master) {
    std::set<std::string> ids;
    for (const auto& run : master.runs("tick"))
      if (text_of(run, "status") == "succeeded") ids.insert(text_of(run, "id"));
    return ids;
  };
  for (Server* master : {&a, &b})
    ASSERT_TRUE(eventually([&] { return recorded(*master).size() >= 4; })) << first.errors();
  EXPECT_FALSE(b.ask("GET", "/api/v1/runs").json().as_object().contains("partial"));
  const std::string run = *recorded(b).begin();
  EXPECT_EQ(b.ask("GET", "/api/v1/runs/" + percent_encoded(run) + "/output").status, 200);

  mongodb.kill();
  ASSERT_TRUE(eventually([&] { return a.ask("GET", "/api/v1/runs").json().as_object().contains("partial"); }));
  const std::size_t before = started().size();
  ASSERT_TRUE(eventually([&] { return started().size() >= before + 3; })) << "runs go on";
  mongodb.restart();
  const std::vector<std::string> all = started();
  ASSERT_TRUE(eventually(
      [&] {
        const std::set<std::string> ids = recorded(b);
        return std::all_of(all.begin(), all.end(), [&](const std::string& id) { return ids.contains(id); });
      },
      seconds(60)))
      << "every run is recorded once the history is back";
}

TEST_F(Fleet, OneLivingProcessPerNodeId) {
  start_etcd();
  Server master(master_arguments());
  Process first(worker_arguments("w1"));
  ASSERT_TRUE(master.wait_until_ready());
  ASSERT_TRUE(eventually([&] { return ready_workers(master).size() == 1; })) << first.errors();
  const auto same_folder = ending(worker_arguments("w1"));
  EXPECT_EQ(same_folder.first, 69) << same_folder.second;
  EXPECT_NE(same_folder.second.find(std::to_string(first.pid())), std::string::npos) << same_folder.second;
  Process same_node(with(worker_arguments("w2"), {"--set", "node_id=w1"}));
  EXPECT_EQ(same_node.wait(seconds(60)), 69) << same_node.errors();
  EXPECT_TRUE(first.running());
}

// Others recorded the run as lost while its machine was down for long: coming back, it frees the job (rule 18).
TEST_F(Fleet, AWorkerThatComesBackFreesWhatItHadLocked) {
  start_etcd();
  Server master(master_arguments());
  ASSERT_TRUE(master.wait_until_ready());
  ASSERT_EQ(master.put_job("yearly", R"("schedule":"@yearly","command":"true")"), 201);
  const JobName job("yearly");
  const core::LockEntry left{{{job, from_seconds(1'767'225'600)}, 1},
                             NodeId("w1"),
                             Incarnation(std::string(32, 'a')),
                             from_seconds(4'102'444'800)};
  etcd_->etcdctl({"put", core::Keys().lock(job), core::encode(left)});
  const auto refused = master.ask("POST", "/api/v1/jobs/yearly:run");
  EXPECT_EQ(refused.status, 409);
  EXPECT_NE(refused.body.find("worker 'w1' is out of contact"), std::string::npos) << refused.body;
  Process worker(worker_arguments("w1"));
  ASSERT_TRUE(eventually([&] { return master.ask("POST", "/api/v1/jobs/yearly:run").status == 202; }))
      << worker.errors();
  EXPECT_TRUE(eventually([&] {
    const auto runs = master.runs("yearly");
    return !runs.empty() && text_of(runs.front(), "status") == "succeeded";
  })) << worker.errors();
}

TEST_F(Fleet, AWorkerLeavesAlsoWithoutItsStore) {
  start_etcd();
  Server master(master_arguments());
  Process worker(worker_arguments("w1"));
  ASSERT_TRUE(master.wait_until_ready());
  ASSERT_TRUE(eventually([&] { return ready_workers(master).size() == 1; })) << worker.errors();
  ASSERT_EQ(master.put_job("tick", truth_job()), 201);
  ASSERT_TRUE(eventually([&] { return !started().empty(); })) << worker.errors();
  etcd_->stop(0);
  worker.signal(SIGTERM);
  EXPECT_EQ(worker.wait(seconds(60)), 0) << worker.errors();
  etcd_->cont(0);
  Process again(worker_arguments("w1"));
  const std::vector<std::string> before = started();
  ASSERT_TRUE(eventually([&] { return started().size() > before.size() + 1; }, seconds(60))) << again.errors();
  const std::vector<std::string> ids = started();
  EXPECT_EQ(std::set<std::string>(ids.begin(), ids.end()).size(), ids.size()) << "a run was started twice";
}

TEST_F(Fleet, TheDoctorSeesWhatIsWrong) {
  start_etcd();
  const std::string endpoints = "etcd.endpoints=" + etcd_->endpoint(0);
  Process worker(worker_arguments("w1"));
  Server master(master_arguments());
  ASSERT_TRUE(master.wait_until_ready());
  ASSERT_TRUE(eventually([&] { return ready_workers(master).size() == 1; })) << worker.errors();
  const auto doctor = [&](std::vector<std::string> more) {
    return ending(with({binary(), "doctor", "--role", "worker", "--data-dir", (folder_ / "new").string()}, more)).first;
  };
  EXPECT_EQ(doctor({"--set", endpoints}), 0);
  EXPECT_EQ(doctor({"--set", endpoints, "--set", "etcd.prefix=relative"}), 78);
  etcd_->etcdctl({"put", "/newer/fleet", R"({"schema":99})"});
  EXPECT_EQ(doctor({"--set", endpoints, "--set", "etcd.prefix=/newer/"}), 1);
  core::WorkerEntry ahead;
  ahead.node = NodeId("ahead");
  ahead.wall = *parse_rfc3339("2999-01-01T00:00:00Z");
  etcd_->etcdctl({"put", "/cron/workers/ahead", core::encode(ahead)});
  EXPECT_EQ(doctor({"--set", endpoints}), 1);
  EXPECT_EQ(doctor({"--set", "etcd.endpoints=127.0.0.1:1", "--set", "etcd.dial_timeout=200", "--set",
                    "etcd.call_timeout=200"}),
            1);
}

}  // namespace
}  // namespace cronfleet::integration
