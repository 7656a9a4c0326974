#include "config/keys.h"

#include <arpa/inet.h>

#include <algorithm>

namespace cronfleet::config {
namespace {

using domain::quoted;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using Form = Settings::Form;

bool is_loopback(const std::string& address) {
  in_addr v4{};
  in6_addr v6{};
  if (inet_pton(AF_INET, address.c_str(), &v4) == 1) return ntohl(v4.s_addr) >> 24 == 127;
  return inet_pton(AF_INET6, address.c_str(), &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

void loopback_address(Settings& settings, std::string path, std::string& into) {
  const auto take = [&into](const JsonValue& value) {
    const auto text = value.text();
    if (!text) return;
    into = *text;
    if (is_loopback(into)) return;
    value.refuse(
        fmt::format("expected an address of this machine alone, like 127.0.0.1 or ::1, found {}: anybody who "
                    "reaches the port can run commands, until there are login and TLS",
                    quoted(into)));
  };
  settings.key(std::move(path), Form::Text, take, [&into](domain::JsonWriter& json) { json.value(into); });
}

// Names as a Host header has them, without a port.
void host_names(Settings& settings, std::string path, std::vector<std::string>& into) {
  const auto is_name = [](std::string_view name) {
    return !name.empty() && name.size() <= 253 && std::all_of(name.begin(), name.end(), [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
    });
  };
  Settings::Key& key = settings.texts(std::move(path), into, 64);
  key.read = [&into, is_name, all = std::move(key.read)](const JsonValue& value) {
    all(value);
    const auto wrong = std::find_if_not(into.begin(), into.end(), is_name);
    if (wrong == into.end() || value.kind() != domain::JsonKind::Array) return;
    value.refuse(fmt::format("expected host names like cron.example.org, without a port, found {}", quoted(*wrong)));
  };
}

void declare_node_id(Settings& settings, std::string& into) {
  Settings::Key& key = settings.text("node_id", into, 64);
  key.read = [&into, bounded = std::move(key.read)](const JsonValue& value) {
    bounded(value);
    const bool allowed = std::all_of(into.begin(), into.end(), [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
             std::string_view("-_.").find(c) != std::string_view::npos;
    });
    if (!allowed) value.refuse(fmt::format("expected letters, digits, '-', '_' and '.', found {}", quoted(into)));
  };
}

void declare_data_dir(Settings& settings, std::string& into) {
  Settings::Key& key = settings.text("data_dir", into, 4000);
  key.read = [&into, bounded = std::move(key.read)](const JsonValue& value) {
    bounded(value);
    if (value.kind() == domain::JsonKind::Text && !into.starts_with('/'))
      value.refuse(fmt::format("expected a path that begins with '/', found {}: nothing is expanded", quoted(into)));
  };
}

void declare(Settings& settings, HttpConfig& http) {
  loopback_address(settings, "http.address", http.address);
  settings.integer("http.port", http.port, 0, 65535).alias("http.apiPort");
  settings.ms("http.read_timeout", http.read_timeout, milliseconds(1), minutes(10)).alias("http.apiReadTimeout");
  settings.ms("http.write_timeout", http.write_timeout, milliseconds(1), minutes(10)).alias("http.apiWriteTimeout");
  host_names(settings, "http.allowed_hosts", http.allowed_hosts);
  settings.integer("http.writes_per_second", http.writes_per_second, 0, 1'000'000);
  settings.integer("http.page_size", http.page_size, 1, 500).alias("log.logDefaultLimitPage");
  settings.boolean("compat.enabled", http.compat.enabled);
  settings.text("compat.time_zone", http.compat.time_zone, 256);
}

void declare(Settings& settings, MetricsConfig& metrics) {
  settings.boolean("metrics.enabled", metrics.enabled);
  loopback_address(settings, "metrics.address", metrics.address);
  settings.integer("metrics.port", metrics.port, 0, 65535);
}

void declare(Settings& settings, LogConfig& log) {
  settings.word(
      "log.level", log.level,
      {{"debug", LogLevel::Debug}, {"info", LogLevel::Info}, {"warn", LogLevel::Warn}, {"error", LogLevel::Error}});
  settings.word("log.format", log.format, {{"text", LogFormat::Text}, {"json", LogFormat::Json}});
}

// Labels of a worker: what jobs ask for by name and value.
void declare_labels(Settings& settings, std::string path, std::map<std::string, std::string>& into) {
  Settings::Key& key = settings.text_map(std::move(path), into, 64);
  key.read = [&into, all = std::move(key.read)](const JsonValue& value) {
    all(value);
    for (const auto& [name, text] : into) {
      if (name.empty() || name.size() > 256 || text.size() > 256)
        value.refuse(fmt::format("expected names and values of 1 to 256 bytes, found {}", quoted(name)));
    }
  };
}

void declare(Settings& settings, NodeConfig& worker) {
  settings.integer("worker.capacity", worker.capacity, 1, 100'000);
  settings.duration("worker.shutdown_grace", worker.shutdown_grace, milliseconds(0), hours(24));
  settings.duration("worker.claim_lead", worker.claim_lead, milliseconds(0), milliseconds(800));
  settings.duration("worker.takeover_delay", worker.takeover_delay, milliseconds(50), minutes(1));
  declare_labels(settings, "worker.labels", worker.labels);
  settings.text("worker.address", worker.address, 255);
}

void declare_prefix(Settings& settings, std::string& into) {
  Settings::Key& key = settings.text("etcd.prefix", into, 256);
  key.read = [&into, bounded = std::move(key.read)](const JsonValue& value) {
    bounded(value);
    if (into.size() < 2 || !into.ends_with('/'))
      value.refuse(fmt::format("expected a text that ends with '/', like \"/cron/\", found {}", quoted(into)));
  };
}

void declare(Settings& settings, EtcdConfig& etcd) {
  settings.texts("etcd.endpoints", etcd.endpoints, 64).alias("etcd.etcdEndpoints");
  declare_prefix(settings, etcd.prefix);
  settings.ms("etcd.dial_timeout", etcd.dial_timeout, milliseconds(1), minutes(10)).alias("etcd.etcdDialTimeout");
  settings.ms("etcd.call_timeout", etcd.call_timeout, milliseconds(10), minutes(1));
  settings.text("etcd.ca_file", etcd.ca_file, 4000);
  settings.text("etcd.cert_file", etcd.cert_file, 4000);
  settings.text("etcd.key_file", etcd.key_file, 4000);
  settings.text("etcd.server_name", etcd.server_name, 253);
  settings.text("etcd.user", etcd.user, 256);
  settings.secret("etcd.password", etcd.password, "etcd.password_file");
  settings.text("etcd.password_file", etcd.password_file, 4000);
}

void declare(Settings& settings, MongoConfig& mongodb) {
  settings.uri("mongodb.uri", mongodb.uri, 4000).alias("mongodb.mongodbUri");
  settings.ms("mongodb.connect_timeout", mongodb.connect_timeout, milliseconds(1), minutes(10))
      .alias("mongodb.mongodbConnectTimeout");
  settings.text("mongodb.database", mongodb.database, 63).alias("log.logDatabase");
  settings.text("mongodb.collection", mongodb.collection, 120).alias("log.logCollection");
}

void declare_backend(Settings& settings, HistoryBackend& into) {
  settings.word("history.backend", into, {{"local", HistoryBackend::Local}, {"mongo", HistoryBackend::Mongo}});
}

void declare(Settings& settings, HistoryConfig& history) {
  settings.duration("history.retention_age", history.retention_age, hours(1), hours(24 * 366 * 10));
  settings.integer("history.retention_count", history.retention_count, 1, 1'000'000'000);
  settings.integer("history.batch_records", history.batch_records, 1, 10'000).alias("log.logBranch");
  settings.ms("history.batch_delay", history.batch_delay, milliseconds(1), seconds(60))
      .alias("log.logAutoCommitTimeOut");
  settings.bytes("history.spool_bytes_max", history.spool_bytes_max, 16ull << 20, 1ull << 44);
}

// The reference's own stores, and its pages: standalone has SQLite and carries the console inside.
void declare_reference_stores(Settings& settings) {
  settings.unused("etcd.etcdEndpoints", Form::List);
  settings.unused("etcd.etcdDialTimeout", Form::Number);
  settings.unused("mongodb.mongodbUri", Form::Text);
  settings.unused("mongodb.mongodbConnectTimeout", Form::Number);
}

// ---- what keys of the reference mean here ---------------------------------------------------------------------------

void note_http(Settings& settings) {
  settings.note("http.apiPort", "the port is open to this machine alone, not to the network");
  settings.note("http.apiReadTimeout", "counts for the body of a request; its head has 10 s");
  settings.note("http.apiWriteTimeout", "counts for each piece of an answer, not for the whole of it");
}

void note_webroot(Settings& settings) {
  settings.note("webroot", "has no effect: the program serves no files from disk");
}

void note_webroot(Settings& settings, const CompatConfig& compat) {
  settings.note("webroot", compat.enabled ? "serves no files from disk; it mounts the endpoints of compat.enabled"
                                          : "has no effect: the program serves no files from disk");
}

void note_etcd(Settings& settings) {
  settings.note("etcd.etcdDialTimeout", "counts for one attempt to connect; there are as many as it takes");
}

void note_mongodb(Settings& settings, HistoryBackend backend) {
  if (backend == HistoryBackend::Mongo) return;
  for (const char* key :
       {"mongodb.mongodbUri", "mongodb.uri", "mongodb.mongodbConnectTimeout", "log.logDatabase", "log.logCollection"})
    settings.note(key, "has no effect while history.backend is \"local\"");
}

void note_no_store(Settings& settings) {
  for (const char* key : {"etcd.etcdEndpoints", "etcd.etcdDialTimeout", "mongodb.mongodbUri",
                          "mongodb.mongodbConnectTimeout", "log.logDatabase", "log.logCollection"})
    settings.note(key, "has no effect: standalone keeps everything in its data folder");
}

// ---- checks ---------------------------------------------------------------------------------------------------------

void check_data_dir(Settings& settings, const std::string& data_dir) {
  if (data_dir.empty() && !settings.has_value("data_dir"))
    settings.refuse("data_dir", "has no default without HOME or XDG_STATE_HOME: name a folder");
}

void check_ports(Settings& settings, const HttpConfig& http, const MetricsConfig& metrics) {
  const bool both = metrics.enabled && http.address == metrics.address;
  if (both && http.port == metrics.port && http.port != 0)
    settings.refuse("metrics.port", fmt::format("is {}, as is http.port: expected another one", http.port));
}

void check_etcd(Settings& settings, const EtcdConfig& etcd) {
  if (etcd.endpoints.empty()) settings.refuse("etcd.endpoints", "is empty: expected host:port of at least one member");
  const bool password = !etcd.password.empty(), file = !etcd.password_file.empty();
  if (password && file) settings.refuse("etcd.password_file", "is set beside etcd.password: expected one of them");
  if ((password || file) && etcd.user.empty())
    settings.refuse(file ? "etcd.password_file" : "etcd.password", "is set without etcd.user");
  if (!etcd.user.empty() && !password && !file)
    settings.refuse("etcd.user",
                    "is set without a password: name a file with etcd.password_file, or set the variable "
                    "CRONFLEET_ETCD_PASSWORD");
  if (etcd.cert_file.empty() != etcd.key_file.empty())
    settings.refuse(etcd.cert_file.empty() ? "etcd.key_file" : "etcd.cert_file",
                    "is set alone: a client certificate needs etcd.cert_file and etcd.key_file");
}

void check_mongodb(Settings& settings, HistoryBackend backend, const MongoConfig& mongodb) {
  if (backend == HistoryBackend::Mongo && mongodb.uri.empty())
    settings.refuse("history.backend", "is \"mongo\", but mongodb.uri is not set");
}

}  // namespace

void declare(Settings& settings, StandaloneConfig& config) {
  declare_data_dir(settings, config.data_dir);
  declare_node_id(settings, config.worker.node_id);
  settings.unused("webroot", Form::Text);
  declare(settings, config.http);
  declare(settings, config.metrics);
  declare(settings, config.log);
  settings.unused("log.logDatabase", Form::Text);
  settings.unused("log.logCollection", Form::Text);
  declare(settings, config.worker);
  declare(settings, config.history);
  declare_reference_stores(settings);
}

void declare(Settings& settings, MasterConfig& config) {
  settings.unused("webroot", Form::Text);
  declare(settings, config.http);
  declare(settings, config.metrics);
  declare(settings, config.log);
  settings.unused("log.logBranch", Form::Number);
  settings.unused("log.logAutoCommitTimeOut", Form::Number);
  declare(settings, config.etcd);
  declare_backend(settings, config.backend);
  declare(settings, config.mongodb);
}

void declare(Settings& settings, WorkerConfig& config) {
  declare_data_dir(settings, config.data_dir);
  declare_node_id(settings, config.worker.node_id);
  settings.unused("webroot", Form::Text);
  for (const char* key : {"http.apiPort", "http.apiReadTimeout", "http.apiWriteTimeout"})
    settings.unused(key, Form::Number);
  declare(settings, config.metrics);
  declare(settings, config.log);
  settings.unused("log.logDefaultLimitPage", Form::Number);
  declare(settings, config.worker);
  declare(settings, config.etcd);
  declare_backend(settings, config.backend);
  declare(settings, config.history);
  declare(settings, config.mongodb);
}

namespace {

// Whoever names a MongoDB means it, as in the reference.
HistoryBackend settled(Settings& settings, HistoryBackend backend, const MongoConfig& mongodb) {
  if (settings.has_value("history.backend")) return backend;
  return mongodb.uri.empty() ? HistoryBackend::Local : HistoryBackend::Mongo;
}

// A file with a webroot is one of the reference's masters: its clients find their endpoints.
void mount_compat(Settings& settings, CompatConfig& compat) {
  if (settings.has_value("webroot") && !settings.has_value("compat.enabled")) compat.enabled = true;
}

// Whoever names a port for them wants metrics.
void open_metrics(Settings& settings, MetricsConfig& metrics) {
  if (settings.has_value("metrics.port") && !settings.has_value("metrics.enabled")) metrics.enabled = true;
}

}  // namespace

void settle(Settings& settings, StandaloneConfig& config) {
  mount_compat(settings, config.http.compat);
  open_metrics(settings, config.metrics);
}
void settle(Settings& settings, MasterConfig& config) {
  mount_compat(settings, config.http.compat);
  open_metrics(settings, config.metrics);
  config.backend = settled(settings, config.backend, config.mongodb);
}
void settle(Settings& settings, WorkerConfig& config) {
  open_metrics(settings, config.metrics);
  config.backend = settled(settings, config.backend, config.mongodb);
}

void check(Settings& settings, const StandaloneConfig& config) {
  check_data_dir(settings, config.data_dir);
  check_ports(settings, config.http, config.metrics);
  note_http(settings);
  note_webroot(settings, config.http.compat);
  note_no_store(settings);
}

void check(Settings& settings, const MasterConfig& config) {
  check_ports(settings, config.http, config.metrics);
  check_etcd(settings, config.etcd);
  check_mongodb(settings, config.backend, config.mongodb);
  note_http(settings);
  note_webroot(settings, config.http.compat);
  note_etcd(settings);
  note_mongodb(settings, config.backend);
  for (const char* key : {"log.logBranch", "log.logAutoCommitTimeOut"})
    settings.note(key, "has no effect: a master writes no records");
}

void check(Settings& settings, const WorkerConfig& config) {
  check_data_dir(settings, config.data_dir);
  check_etcd(settings, config.etcd);
  check_mongodb(settings, config.backend, config.mongodb);
  note_webroot(settings);
  note_etcd(settings);
  note_mongodb(settings, config.backend);
  for (const char* key : {"http.apiPort", "http.apiReadTimeout", "http.apiWriteTimeout", "log.logDefaultLimitPage"})
    settings.note(key, "has no effect: a worker answers no requests");
}

}  // namespace cronfleet::config
