// config/options.h: what a cronfleet process can be told, by role. Defaults work; every member says its unit and
// effect. The key that sets a member stands beside it; config/load.h reads them from file, environment and flags.
//
// A role (standalone, master, worker) is a struct of sections; a new setting is a member here and a line in
// config/keys.cc.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace cronfleet::config {

using std::chrono::milliseconds;

// The endpoints of the reference, for clients written for it (docs/compatibility.md).
struct CompatConfig {
  bool enabled = false;   // compat.enabled; true where the file is one of the reference's, told by its webroot
  std::string time_zone;  // compat.time_zone: of jobs saved there; empty: this machine's
  friend bool operator==(const CompatConfig&, const CompatConfig&) = default;
};

struct HttpConfig {
  std::string address = "127.0.0.1";  // http.address: loopback only, until there are login and TLS (SEC-10)
  std::uint16_t port = 8090;          // http.port, http.apiPort; 0: any free one
  // http.read_timeout, http.write_timeout (http.apiReadTimeout, http.apiWriteTimeout): for the body of a request, for
  // writing an answer. A number means ms.
  milliseconds read_timeout = std::chrono::seconds(30);
  milliseconds write_timeout = std::chrono::seconds(30);
  // http.allowed_hosts: names that a Host header may carry beside localhost, 127.0.0.1 and [::1] (SEC-31).
  std::vector<std::string> allowed_hosts;
  int writes_per_second = 50;  // http.writes_per_second: in all, four times as many at once; 0: no limit (SEC-34)
  int page_size = 20;          // log.logDefaultLimitPage: entries of a list where the request names no limit
  CompatConfig compat;
  friend bool operator==(const HttpConfig&, const HttpConfig&) = default;
};

struct MetricsConfig {
  bool enabled = false;               // metrics.enabled; true where metrics.port is set
  std::string address = "127.0.0.1";  // metrics.address: loopback only
  std::uint16_t port = 8091;          // metrics.port; 0: any free one
  friend bool operator==(const MetricsConfig&, const MetricsConfig&) = default;
};

enum class LogLevel { Debug, Info, Warn, Error };
enum class LogFormat { Text, Json };
struct LogConfig {
  LogLevel level = LogLevel::Info;     // log.level: debug, info, warn, error
  LogFormat format = LogFormat::Text;  // log.format: text, json
  friend bool operator==(const LogConfig&, const LogConfig&) = default;
};

// What runs jobs.
struct NodeConfig {
  std::string node_id;  // node_id; empty: made once and kept in the data folder
  int capacity = 16;    // worker.capacity: runs at once; default four per core, 16 at least
  milliseconds shutdown_grace = std::chrono::seconds(30);  // worker.shutdown_grace: for runs, after SIGTERM
  milliseconds claim_lead{20};                // worker.claim_lead: a claim is sent this long before the instant
  milliseconds takeover_delay{500};           // worker.takeover_delay: the next in rank looks this long after it
  std::map<std::string, std::string> labels;  // worker.labels: what jobs may ask for with `where`
  std::string address;  // worker.address: how people reach this machine, for the list of workers; default its host name
  friend bool operator==(const NodeConfig&, const NodeConfig&) = default;
};

// The coordination store of a fleet.
struct EtcdConfig {
  std::vector<std::string> endpoints{"127.0.0.1:2379"};  // etcd.endpoints, etcd.etcdEndpoints: host:port of each member
  std::string prefix = "/cron/";                         // etcd.prefix: begins every key of this fleet
  milliseconds dial_timeout = std::chrono::seconds(5);   // etcd.dial_timeout, etcd.etcdDialTimeout: to connect
  milliseconds call_timeout = std::chrono::seconds(2);   // etcd.call_timeout: for one answer
  std::string ca_file, cert_file, key_file, server_name;  // etcd.…: TLS, PEM files; the name that certificates carry
  std::string user;                                       // etcd.user
  std::string password;                                   // etcd.password: from the environment alone, never printed
  std::string password_file;  // etcd.password_file: its first line is the password; readable by its owner alone
  friend bool operator==(const EtcdConfig&, const EtcdConfig&) = default;
};

struct MongoConfig {
  std::string uri;                                         // mongodb.uri, mongodb.mongodbUri; a password is masked
  milliseconds connect_timeout = std::chrono::seconds(5);  // mongodb.connect_timeout, mongodb.mongodbConnectTimeout
  std::string database = "cron";                           // mongodb.database, log.logDatabase
  std::string collection = "log";                          // mongodb.collection, log.logCollection
  friend bool operator==(const MongoConfig&, const MongoConfig&) = default;
};

// Where the runs of a fleet are recorded. By default in MongoDB where mongodb.uri is set.
enum class HistoryBackend {
  Local,  // each worker in a file of its own: a master sees what runs, and the newest record of each job
  Mongo,  // all in one MongoDB
};

struct HistoryConfig {
  milliseconds retention_age = std::chrono::hours(24 * 90);  // history.retention_age: older runs are removed
  std::int64_t retention_count = 10'000;                     // history.retention_count: runs kept per job
  std::size_t batch_records = 200;                           // history.batch_records, log.logBranch: written together
  milliseconds batch_delay{200};  // history.batch_delay, log.logAutoCommitTimeOut: the longest wait for company
  std::uint64_t spool_bytes_max = 2ull << 30;  // history.spool_bytes_max: local disk for what is not yet written
  friend bool operator==(const HistoryConfig&, const HistoryConfig&) = default;
};

struct StandaloneConfig {
  // data_dir: everything that is kept. Default /var/lib/cronfleet for root, else $XDG_STATE_HOME/cronfleet or
  // ~/.local/state/cronfleet.
  std::string data_dir;
  HttpConfig http;
  MetricsConfig metrics;
  LogConfig log;
  NodeConfig worker;
  HistoryConfig history;
  friend bool operator==(const StandaloneConfig&, const StandaloneConfig&) = default;
};

struct MasterConfig {  // keeps nothing: it has no folder
  HttpConfig http;
  MetricsConfig metrics;
  LogConfig log;
  EtcdConfig etcd;
  HistoryBackend backend = HistoryBackend::Local;  // history.backend
  MongoConfig mongodb;
  friend bool operator==(const MasterConfig&, const MasterConfig&) = default;
};

struct WorkerConfig {
  std::string data_dir;  // data_dir: as in standalone
  MetricsConfig metrics;
  LogConfig log;
  NodeConfig worker;
  EtcdConfig etcd;
  HistoryBackend backend = HistoryBackend::Local;  // history.backend
  HistoryConfig history;                           // its retention counts for the local backend
  MongoConfig mongodb;
  friend bool operator==(const WorkerConfig&, const WorkerConfig&) = default;
};

}  // namespace cronfleet::config
