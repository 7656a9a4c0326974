#include <gtest/gtest.h>

#include <fstream>

#include "config/load.h"

namespace cronfleet::config {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

Sources at_home() {
  Sources sources;
  sources.environment = {{"HOME", "/home/ann"}, {"PATH", "/bin"}};
  sources.cores = 2;
  return sources;
}
Sources with_file(std::string text) {
  Sources sources = at_home();
  sources.file_name = "c.json";
  sources.file_text = std::move(text);
  return sources;
}
std::string mistakes(const Sources& sources) {
  const auto loaded = load_standalone(sources);
  return loaded ? "" : loaded.error().text();
}

// The reference's files, as they are.
constexpr std::string_view kMasterFile = R"({
  "HTTP的配置": "HTTP",
  "http": {
    "API服务端接口":"提供任务增删改查服务",
    "apiPort":8090,
    "API接口读超时":"单位是毫秒",
    "apiReadTimeout":5000,
    "API接口写超时":"单位是毫秒",
    "apiWriteTimeout":5000
  },
  "ETCD的配置": "ETCD",
  "etcd": {"ETCD的集群列表": "配置多个，避免单点故障", "etcdEndpoints": ["localhost:2379"], "etcdDialTimeout": 5000},
  "mongodb": {"mongodbUri": "mongodb://127.0.0.1:27017", "mongodbConnectTimeout": 5000},
  "log": {"logDatabase": "cron", "logCollection": "log", "log的默认分页大小": "默认值", "logDefaultLimitPage": 50},
  "web页面根目录": "静态页面，前后端完全分离开发",
  "webroot": "./webroot"
})";
constexpr std::string_view kWorkerFile = R"({
  "etcd": {"etcdEndpoints": ["localhost:2379"], "etcdDialTimeout": 5000},
  "mongodb": {"mongodbUri": "mongodb://127.0.0.1:27017", "mongodbConnectTimeout": 5000},
  "log": {"logDatabase": "cron", "logCollection": "log", "logBranch的阈值": "吞吐量", "logBranch": 100,
          "logAutoCommitTimeOut": 1000}
})";

TEST(Config, DefaultsAreEnough) {
  const auto loaded = load_standalone(at_home());
  ASSERT_TRUE(loaded);
  StandaloneConfig want;
  want.data_dir = "/home/ann/.local/state/cronfleet";
  EXPECT_EQ(loaded->config, want);
}

struct DataDirCase {
  const char* why;
  bool is_root;
  std::vector<std::pair<std::string, std::string>> environment;
  std::string_view want;
};
const DataDirCase kDataDirCases[] = {
    {"root", true, {{"HOME", "/root"}}, "/var/lib/cronfleet"},
    {"home", false, {{"HOME", "/home/ann"}}, "/home/ann/.local/state/cronfleet"},
    {"state folder", false, {{"HOME", "/home/ann"}, {"XDG_STATE_HOME", "/s"}}, "/s/cronfleet"},
    {"a relative one is ignored",
     false,
     {{"HOME", "/home/ann"}, {"XDG_STATE_HOME", "s"}},
     "/home/ann/.local/state/cronfleet"},
    {"told", true, {{"CRONFLEET_DATA_DIR", "/d"}}, "/d"},
};

TEST(Config, DataFolder) {
  for (const DataDirCase& c : kDataDirCases) {
    Sources sources;
    sources.is_root = c.is_root;
    sources.environment = c.environment;
    const auto loaded = load_standalone(sources);
    ASSERT_TRUE(loaded) << c.why;
    EXPECT_EQ(loaded->config.data_dir, c.want) << c.why;
  }
  EXPECT_EQ(mistakes({}), "data_dir: has no default without HOME or XDG_STATE_HOME: name a folder\n");
}

TEST(Config, CapacityFollowsTheCores) {
  Sources sources = at_home();
  for (const auto& [cores, want] : {std::pair{1u, 16}, {4u, 16}, {5u, 20}, {64u, 256}}) {
    sources.cores = cores;
    EXPECT_EQ(load_standalone(sources)->config.worker.capacity, want);
  }
}

TEST(Config, TheReferencesFilesAreTaken) {
  const auto master = load_standalone(with_file(std::string(kMasterFile)));
  ASSERT_TRUE(master) << mistakes(with_file(std::string(kMasterFile)));
  EXPECT_EQ(master->config.http.port, 8090);
  EXPECT_EQ(master->config.http.read_timeout, seconds(5));
  EXPECT_EQ(master->config.http.page_size, 50);
  const auto worker = load_standalone(with_file(std::string(kWorkerFile)));
  ASSERT_TRUE(worker) << mistakes(with_file(std::string(kWorkerFile)));
  EXPECT_EQ(worker->config.history.batch_records, 100u);
  EXPECT_EQ(worker->config.history.batch_delay, seconds(1));
}

TEST(Config, LaterSourcesWin) {
  Sources sources = with_file(R"({"http": {"port": 1}, "log": {"level": "warn"}, "worker": {"capacity": 7}})");
  sources.environment.emplace_back("CRONFLEET_HTTP_API_PORT", "2");
  sources.environment.emplace_back("CRONFLEET_LOG_LEVEL", "error");
  sources.environment.emplace_back("CRONFLEET_HTTP_ALLOWED_HOSTS", "a.example, b.example");
  sources.environment.emplace_back("CRONFLEET_HISTORY_SPOOL_BYTES_MAX", "1GiB");
  sources.environment.emplace_back("CRONFLEET_METRICS_ENABLED", "false");
  sources.overrides = {{"--port", "http.port", "3"}, {"--port", "http.apiPort", "4"}};
  const auto loaded = load_standalone(sources);
  ASSERT_TRUE(loaded) << mistakes(sources);
  EXPECT_EQ(loaded->config.http.port, 4);
  EXPECT_EQ(loaded->config.log.level, LogLevel::Error);
  EXPECT_EQ(loaded->config.worker.capacity, 7);
  EXPECT_EQ(loaded->config.http.allowed_hosts, (std::vector<std::string>{"a.example", "b.example"}));
  EXPECT_EQ(loaded->config.history.spool_bytes_max, 1ull << 30);
  EXPECT_FALSE(loaded->config.metrics.enabled);
}

struct MistakeCase {
  const char* why;
  std::string_view file;
  std::string_view want;
};
constexpr MistakeCase kMistakeCases[] = {
    {"comments", "// head\n{ /* here */ \"log\": {} }", ""},
    {"no JSON", "{\n  \"http\": {,}\n}", "c.json:2:12: expected a key in double quotes or a value, found ','\n"},
    {"unknown in a section", R"({"http": {"apiPrt": 1}})",
     "c.json:1:11: http.apiPrt: unknown key; did you mean 'apiPort'?\n"},
    {"unknown section", R"({"htpp": {}})", "c.json:1:2: htpp: unknown key; did you mean 'http'?\n"},
    {"a comment is a text", R"({"端口": "x", "// note": "x", "# note": "x", "数": 1})",
     "c.json:1:44: 数: unknown key\n"},
    {"twice under two names", R"({"http": {"port": 1, "apiPort": 2}})",
     "c.json:1:33: http.apiPort: is set a second time, first at line 1 under another name\n"},
    {"twice", R"({"log": {}, "log": {}})",
     "c.json:1:13: log: stands here for the second time, first at line 1, column 2\n"},
    {"section of another kind", R"({"http": 8090})", "c.json:1:10: http: expected an object, found a number\n"},
    {"port", R"({"http": {"apiPort": 65536}})",
     "c.json:1:22: http.apiPort: expected a whole number from 0 to 65535, found 65536\n"},
    {"same port", "{\"http\": {\"apiPort\": 9000},\n \"metrics\": {\"port\": 9000}}",
     "c.json:2:22: metrics.port: is 9000, as is http.port: expected another one\n"},
    {"same port, but no metrics", R"({"http": {"apiPort": 9000}, "metrics": {"port": 9000, "enabled": false}})", ""},
    {"word", R"({"log": {"level": "warning", "format": "xml"}})",
     "c.json:1:19: log.level: expected \"debug\" or \"info\" or \"warn\" or \"error\", found 'warning'\n"
     "c.json:1:40: log.format: expected \"text\" or \"json\", found 'xml'\n"},
    {"duration", R"({"worker": {"claim_lead": "1s"}})",
     "c.json:1:27: worker.claim_lead: expected a duration from 0s to 800ms, found '1s'\n"},
    {"bytes", R"({"history": {"spool_bytes_max": "2GB"}})",
     "c.json:1:33: history.spool_bytes_max: expected bytes like 4096 or \"2GiB\", from 16MiB to 16TiB\n"},
    {"host with a port", R"({"http": {"allowed_hosts": ["a", "b:80"]}})",
     "c.json:1:28: http.allowed_hosts: expected host names like cron.example.org, without a port, found 'b:80'\n"},
    {"relative folder", R"({"data_dir": "~/cron"})",
     "c.json:1:14: data_dir: expected a path that begins with '/', found '~/cron': nothing is expanded\n"},
    {"node id", R"({"node_id": "a/b"})",
     "c.json:1:13: node_id: expected letters, digits, '-', '_' and '.', found 'a/b'\n"},
    {"unused keys are checked too", R"({"etcd": {"etcdEndpoints": [1], "etcdDialTimeout": "5s"}, "webroot": 1})",
     "c.json:1:29: etcd.etcdEndpoints.0: expected a text, found a number\n"
     "c.json:1:52: etcd.etcdDialTimeout: expected a whole number from -9223372036854775808 to 9223372036854775807, "
     "found a text\n"
     "c.json:1:70: webroot: expected a text, found a number\n"},
};

TEST(Config, SaysWhatIsWrongAndWhere) {
  for (const MistakeCase& c : kMistakeCases) EXPECT_EQ(mistakes(with_file(std::string(c.file))), c.want) << c.why;
}

struct AddressCase {
  std::string_view address;
  bool taken;
};
constexpr AddressCase kAddressCases[] = {
    {"127.0.0.1", true},         {"127.8.9.1", true}, {"::1", true},
    {"0.0.0.0", false},          {"::", false},       {"", false},
    {"192.168.1.2", false},      {"*", false},        {"::ffff:127.0.0.1", false},
    {"cron.example.org", false}, {"127.1", false},    {"localhost", false},
};

TEST(Config, OnlyLoopbackIsListenedOn) {
  for (const AddressCase& c : kAddressCases) {
    for (const char* section : {"http", "metrics"}) {
      const std::string refused =
          mistakes(with_file(fmt::format(R"({{"{}": {{"address": "{}"}}}})", section, c.address)));
      EXPECT_EQ(refused.empty(), c.taken) << c.address;
      EXPECT_EQ(refused.find("until there are login and TLS") == std::string::npos, c.taken) << refused;
    }
  }
}

// Somebody who has set up the client in a shell's profile can start a service from it.
TEST(Config, VariablesOfTheClientAreNoSettings) {
  Sources sources = with_file("{}");
  for (const char* name : {"SERVER", "CONTEXT", "CONTEXTS", "OUTPUT", "TIMEOUT"})
    sources.environment.emplace_back(std::string("CRONFLEET_") + name, "anything");
  EXPECT_EQ(mistakes(sources), "");
}

TEST(Config, MistakesOfAllSourcesComeAtOnce) {
  Sources sources = with_file("{\n  \"http\": {\"apiPort\": \"x\", \"adress\": 1},\n  \"log\": {\"level\": 1}\n}");
  sources.environment.emplace_back("CRONFLEET_METRICS_PORT", "many");
  sources.environment.emplace_back("CRONFLEET_METRICS_PROT", "1");
  sources.environment.emplace_back("CRONFLEET_WORKER_SHUTDOWN_GRACE", "30");
  sources.environment.emplace_back("CRONFLEET_RUN_ID", "that of a run around us");
  sources.overrides = {{"--capacity", "worker.capacity", "0"}, {"--set", "worker.capacty", "1"}};
  EXPECT_EQ(mistakes(sources),
            "c.json:2:23: http.apiPort: expected a whole number from 0 to 65535, found a text\n"
            "c.json:2:28: http.adress: unknown key; did you mean 'address'?\n"
            "c.json:3:20: log.level: expected a text, found a number\n"
            "CRONFLEET_METRICS_PORT: metrics.port: expected a whole number, found 'many'\n"
            "CRONFLEET_METRICS_PROT: no setting has this variable; did you mean 'CRONFLEET_METRICS_PORT'?\n"
            "CRONFLEET_WORKER_SHUTDOWN_GRACE: worker.shutdown_grace: expected a duration like \"90s\" or \"1h30m\", "
            "found '30'\n"
            "--capacity: worker.capacity: expected a whole number from 1 to 100000, found 0\n"
            "--set: worker.capacty: unknown key; did you mean 'worker.capacity'?\n");
  EXPECT_EQ(load_standalone(sources).error().status().code(), Code::InvalidArgument);
}

TEST(Config, PrintsEveryKeyAndItsSource) {
  Sources sources = with_file(R"({"http": {"port": 9000},
 "mongodb": {"mongodbUri": "mongodb://ann:se:cr@et@db.example:27017"},
 "etcd": {"etcdEndpoints": ["a:2379", // one
                            "b:2379"]}})");
  sources.environment.emplace_back("CRONFLEET_LOG_LEVEL", "debug");
  sources.overrides = {{"--data-dir", "data_dir", "/srv/cron"}};
  const auto loaded = load_standalone(sources);
  ASSERT_TRUE(loaded) << mistakes(sources);
  EXPECT_EQ(loaded->printed, R"({
  "data_dir": "/srv/cron",  // --data-dir
  "node_id": "",  // default
  "http": {
    "address": "127.0.0.1",  // default
    "port": 9000,  // c.json:1
    "read_timeout": 30000,  // default
    "write_timeout": 30000,  // default
    "allowed_hosts": [],  // default
    "writes_per_second": 50,  // default
    "page_size": 20  // default
  },
  "compat": {
    "enabled": false,  // default
    "time_zone": ""  // default
  },
  "metrics": {
    "enabled": false,  // default
    "address": "127.0.0.1",  // default
    "port": 8091  // default
  },
  "log": {
    "level": "debug",  // CRONFLEET_LOG_LEVEL
    "format": "text"  // default
  },
  "worker": {
    "capacity": 16,  // default
    "shutdown_grace": "30s",  // default
    "claim_lead": "20ms",  // default
    "takeover_delay": "500ms",  // default
    "labels": {},  // default
    "address": ""  // default
  },
  "history": {
    "retention_age": "2160h",  // default
    "retention_count": 10000,  // default
    "batch_records": 200,  // default
    "batch_delay": 200,  // default
    "spool_bytes_max": "2GiB"  // default
  },
  "etcd": {
    "etcdEndpoints": ["a:2379","b:2379"]  // c.json:3; not used by standalone
  },
  "mongodb": {
    "mongodbUri": "mongodb://ann:***@db.example:27017"  // c.json:2; not used by standalone
  }
}
)");
}

TEST(Config, WhatItPrintsCanBeLoaded) {
  Sources sources = with_file(std::string(kMasterFile));
  sources.environment.emplace_back("CRONFLEET_HTTP_ALLOWED_HOSTS", "a.example");
  sources.environment.emplace_back("CRONFLEET_HISTORY_RETENTION_AGE", "36h");
  const auto first = load_standalone(sources);
  ASSERT_TRUE(first);
  const auto second = load_standalone(with_file(first->printed));
  ASSERT_TRUE(second) << mistakes(with_file(first->printed));
  EXPECT_EQ(second->config, first->config);
}

// The reference's own files start our processes, and each key that means something else is named once.
TEST(Config, TheReferencesFilesStartAFleet) {
  const auto master = load_master(with_file(std::string(kMasterFile)));
  ASSERT_TRUE(master) << master.error().text();
  EXPECT_EQ(master->config.http.port, 8090);
  EXPECT_EQ(master->config.http.page_size, 50);
  EXPECT_EQ(master->config.etcd.endpoints, std::vector<std::string>{"localhost:2379"});
  EXPECT_EQ(master->config.etcd.dial_timeout, seconds(5));
  EXPECT_EQ(master->config.mongodb.uri, "mongodb://127.0.0.1:27017");
  EXPECT_EQ(
      master->notes,
      (std::vector<std::string>{
          "c.json:5:15: http.apiPort: the port is open to this machine alone, not to the network",
          "c.json:7:22: http.apiReadTimeout: counts for the body of a request; its head has 10 s",
          "c.json:9:23: http.apiWriteTimeout: counts for each piece of an answer, not for the whole of it",
          "c.json:16:14: webroot: serves no files from disk; it mounts the endpoints of compat.enabled",
          "c.json:12:96: etcd.etcdDialTimeout: counts for one attempt to connect; there are as many as it takes"}));
  EXPECT_TRUE(master->config.http.compat.enabled) << "its clients find their endpoints";
  Sources told = with_file(std::string(kMasterFile));
  told.overrides.push_back({"--set", "compat.enabled", "false"});
  EXPECT_FALSE(load_master(told)->config.http.compat.enabled);
  EXPECT_FALSE(load_master(with_file("{}"))->config.http.compat.enabled);
  const auto worker = load_worker(with_file(std::string(kWorkerFile)));
  ASSERT_TRUE(worker) << worker.error().text();
  EXPECT_EQ(worker->config.history.batch_records, 100u);
  EXPECT_EQ(worker->config.history.batch_delay, seconds(1));
  EXPECT_EQ(master->config.backend, HistoryBackend::Mongo);  // whoever names one means it
  EXPECT_EQ(worker->config.backend, HistoryBackend::Mongo);
  EXPECT_EQ(worker->notes.size(), 1u);
  Sources local = with_file(std::string(kWorkerFile));
  local.overrides = {{"--set", "history.backend", "local"}};
  EXPECT_EQ(load_worker(local)->config.backend, HistoryBackend::Local);
  EXPECT_EQ(load_worker(local)->notes.size(), 5u);
  EXPECT_EQ(load_worker(at_home())->config.backend, HistoryBackend::Local);
  // One file for both roles.
  EXPECT_TRUE(load_worker(with_file(std::string(kMasterFile))));
  EXPECT_TRUE(load_master(with_file(std::string(kWorkerFile))));
}

std::string fleet_mistakes(const Sources& sources) {
  const auto loaded = load_worker(sources);
  return loaded ? "" : loaded.error().text();
}

constexpr MistakeCase kFleetMistakeCases[] = {
    {"no member", R"({"etcd": {"endpoints": []}})",
     "c.json:1:24: etcd.endpoints: is empty: expected host:port of at least one member\n"},
    {"prefix", R"({"etcd": {"prefix": "/cron"}})",
     "c.json:1:21: etcd.prefix: expected a text that ends with '/', like \"/cron/\", found '/cron'\n"},
    {"a password in a file", R"({"etcd": {"user": "ann", "password": "x"}})",
     "c.json:1:38: etcd.password: is a secret and taken from the variable CRONFLEET_ETCD_PASSWORD alone; here "
     "etcd.password_file may name a file that holds it\n"
     "c.json:1:19: etcd.user: is set without a password: name a file with etcd.password_file, or set the variable "
     "CRONFLEET_ETCD_PASSWORD\n"},
    {"a user alone", R"({"etcd": {"password_file": "/run/p"}})",
     "c.json:1:28: etcd.password_file: is set without etcd.user\n"},
    {"half a certificate", R"({"etcd": {"cert_file": "/c.pem"}})",
     "c.json:1:24: etcd.cert_file: is set alone: a client certificate needs etcd.cert_file and etcd.key_file\n"},
    {"nearest key", R"({"etcd": {"endpoint": []}})",
     "c.json:1:11: etcd.endpoint: unknown key; did you mean 'endpoints'?\n"},
    {"no MongoDB", R"({"history": {"backend": "mongo"}})",
     "c.json:1:25: history.backend: is \"mongo\", but mongodb.uri is not set\n"},
    {"labels", R"({"worker": {"labels": {"zone": 1, "": "x"}}})",
     "c.json:1:23: worker.labels: expected names and values of 1 to 256 bytes, found ''\n"
     "c.json:1:32: worker.labels.zone: expected a text, found a number\n"},
};

TEST(Config, WhatAFleetIsTold) {
  for (const MistakeCase& c : kFleetMistakeCases)
    EXPECT_EQ(fleet_mistakes(with_file(std::string(c.file))), c.want) << c.why;
}

TEST(Config, SecretsComeFromTheEnvironmentAndAreNeverShown) {
  Sources sources = with_file(R"({"etcd": {"user": "ann"}, "mongodb": {"uri": "mongodb://ann:s3cret@db.example"}})");
  sources.environment.emplace_back("CRONFLEET_ETCD_PASSWORD", "s3cret");
  sources.environment.emplace_back("CRONFLEET_WORKER_LABELS", "zone=eu, gpu=true");
  const auto loaded = load_worker(sources);
  ASSERT_TRUE(loaded) << loaded.error().text();
  EXPECT_EQ(loaded->config.etcd.password, "s3cret");
  EXPECT_EQ(loaded->config.worker.labels, (std::map<std::string, std::string>{{"gpu", "true"}, {"zone", "eu"}}));
  EXPECT_EQ(loaded->printed.find("s3cret"), std::string::npos) << loaded->printed;
  EXPECT_NE(loaded->printed.find("\"password\": \"***\""), std::string::npos) << loaded->printed;
  sources.overrides = {{"--set", "etcd.password", "x"}};
  EXPECT_NE(fleet_mistakes(sources).find("taken from the variable"), std::string::npos);
  sources.overrides = {};
  sources.environment.back().second = "zone";
  EXPECT_EQ(fleet_mistakes(sources),
            "CRONFLEET_WORKER_LABELS: worker.labels: expected pairs like zone=eu,gpu=true, found 'zone'\n");
}

TEST(Config, WhatAFleetPrintsCanBeLoaded) {
  Sources sources = with_file(std::string(kMasterFile));
  sources.environment.emplace_back("CRONFLEET_WORKER_LABELS", "zone=eu");
  const auto first = load_worker(sources);
  ASSERT_TRUE(first);
  const auto second = load_worker(with_file(first->printed));
  ASSERT_TRUE(second) << second.error().text();
  EXPECT_EQ(second->config, first->config);
}

TEST(Config, VariableOfAKey) {
  EXPECT_EQ(variable_of("http.apiPort"), "CRONFLEET_HTTP_API_PORT");
  EXPECT_EQ(variable_of("data_dir"), "CRONFLEET_DATA_DIR");
  EXPECT_EQ(variable_of("log.logAutoCommitTimeOut"), "CRONFLEET_LOG_LOG_AUTO_COMMIT_TIME_OUT");
}

TEST(Config, FilesThatCannotBeRead) {
  EXPECT_EQ(read_config_file("/nowhere/c.json").error().code(), Code::NotFound);
  EXPECT_EQ(read_config_file("/proc").error().code(), Code::InvalidArgument);
  const std::string path = testing::TempDir() + "config_test.json";
  for (const std::size_t size : {std::size_t{1} << 20, (std::size_t{1} << 20) + 1}) {
    std::ofstream(path, std::ios::trunc) << std::string(size, ' ');
    EXPECT_EQ(read_config_file(path).has_value(), size == 1 << 20);
  }
}

}  // namespace
}  // namespace cronfleet::config
