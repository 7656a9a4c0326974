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
  settings.integer("http.apiPort", http.port, 0, 65535).alias("http.port");
  settings.ms("http.apiReadTimeout", http.read_timeout, milliseconds(1), minutes(10));
  settings.ms("http.apiWriteTimeout", http.write_timeout, milliseconds(1), minutes(10));
  host_names(settings, "http.allowed_hosts", http.allowed_hosts);
  settings.integer("http.page_size", http.page_size, 1, 500).alias("log.logDefaultLimitPage");
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
  settings.unused("log.logDatabase", Form::Text);
  settings.unused("log.logCollection", Form::Text);
}

void declare(Settings& settings, WorkerConfig& worker) {
  settings.integer("worker.capacity", worker.capacity, 1, 100'000);
  settings.duration("worker.shutdown_grace", worker.shutdown_grace, milliseconds(0), hours(24));
  settings.duration("worker.claim_lead", worker.claim_lead, milliseconds(0), milliseconds(800));
  settings.duration("worker.takeover_delay", worker.takeover_delay, milliseconds(50), minutes(1));
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

}  // namespace

void declare(Settings& settings, StandaloneConfig& config) {
  declare_data_dir(settings, config.data_dir);
  declare_node_id(settings, config.worker.node_id);
  settings.unused("webroot", Form::Text);
  declare(settings, config.http);
  declare(settings, config.metrics);
  declare(settings, config.log);
  declare(settings, config.worker);
  declare(settings, config.history);
  declare_reference_stores(settings);
}

void check(Settings& settings, const StandaloneConfig& config) {
  if (config.data_dir.empty() && !settings.has_value("data_dir"))
    settings.refuse("data_dir", "has no default without HOME or XDG_STATE_HOME: name a folder");
  const bool both = config.metrics.enabled && config.http.address == config.metrics.address;
  if (both && config.http.port == config.metrics.port && config.http.port != 0)
    settings.refuse("metrics.port", fmt::format("is {}, as is http.apiPort: expected another one", config.http.port));
}

}  // namespace cronfleet::config
