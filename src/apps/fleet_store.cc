#include "apps/fleet_store.h"

#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>

namespace cronfleet::apps {
namespace {

using Level = Log::Level;

constexpr std::chrono::seconds kVersionsAfter{6};  // every member has been asked by then

Level level_of(coord::EtcdLogLevel level) {
  switch (level) {
    case coord::EtcdLogLevel::Debug:
    case coord::EtcdLogLevel::Info: return Level::Debug;
    case coord::EtcdLogLevel::Warn: return Level::Warn;
    case coord::EtcdLogLevel::Error: return Level::Error;
  }
  return Level::Error;
}

// The first line. A file that others can read is no place for a password (SEC-13).
Result<std::string> password_of(const config::EtcdConfig& config) {
  if (config.password_file.empty()) return config.password;
  const std::string& path = config.password_file;
  struct stat about{};
  if (::stat(path.c_str(), &about) != 0)
    return fail(Code::InvalidArgument, "etcd.password_file '{}': {}", path, std::strerror(errno));
  if ((about.st_mode & 077) != 0)
    return fail(Code::InvalidArgument, "etcd.password_file '{0}' can be read by others (mode {1:04o}): chmod 600 '{0}'",
                path, about.st_mode & 07777);
  std::ifstream file(path);
  std::string line;
  if (!std::getline(file, line) || line.empty())
    return fail(Code::InvalidArgument, "etcd.password_file '{}': expected the password in its first line", path);
  return line;
}

}  // namespace

FleetStore::FleetStore(Daemon& daemon, const config::EtcdConfig& config) : daemon_(daemon), keys_(config.prefix) {}

Result<std::unique_ptr<FleetStore>> FleetStore::open(Daemon& daemon, const config::EtcdConfig& config) {
  auto password = password_of(config);
  if (!password) return Failure(password.error());
  coord::EtcdOptions options;
  options.endpoints = config.endpoints;
  options.dial_timeout = config.dial_timeout;
  options.call_timeout = config.call_timeout;
  options.ca_file = config.ca_file;
  options.cert_file = config.cert_file;
  options.key_file = config.key_file;
  options.server_name = config.server_name;
  options.user = config.user;
  options.password = *std::move(password);
  options.log = [&log = daemon.log](coord::EtcdLogLevel level, std::string text) {
    log.on_message(level_of(level), "grpc", text);
  };
  auto store =
      coord::EtcdCoordStore::open(std::move(options), daemon.loop, daemon.loop, daemon.clock, daemon.rng.fork("etcd"));
  if (!store) return Failure(store.error());
  auto fleet = std::unique_ptr<FleetStore>(new FleetStore(daemon, config));
  fleet->store_ = std::move(*store);
  fleet->admission_ = std::make_unique<coord::Admission>(*fleet->store_, daemon.loop, daemon.clock,
                                                         daemon.rng.fork("admission"), fleet->keys_);
  return fleet;
}

api::StoreHealth FleetStore::health() const {
  const coord::EtcdHealth etcd = store_->health();
  api::StoreHealth health;
  if (!etcd.connected) health.trouble = etcd.last_error.empty() ? "no member has answered yet" : etcd.last_error;
  health.alarms = etcd.alarms;
  health.set_back_to = etcd.fell_to;
  health.another_cluster = etcd.cluster_changed;
  for (const coord::EtcdMember& member : etcd.members)
    health.members.push_back({.endpoint = member.endpoint,
                              .version = member.version,
                              .error = member.error,
                              .answers = member.answers,
                              .leader = member.leader,
                              .database_bytes = member.database_bytes});
  return health;
}

void FleetStore::when_admitted(async::Task go, async::Task refused) {
  admission_->ask(
      [this, go = std::move(go), refused = std::move(refused)](Result<void> answer) mutable {
        if (!answer) {
          daemon_.log.on_message(Level::Error, "the store refuses this process", answer.error().message());
          return refused();
        }
        daemon_.log.on_message(Level::Info, "store reached", fmt::format("etcd.prefix {}", keys_.prefix()));
        notify_service_manager("STATUS=running");
        daemon_.loop.at(daemon_.clock.mono() + kVersionsAfter, [this] { look_at_versions(); });
        go();
      },
      [this](const Status& status) {
        notify_service_manager("STATUS=waiting for the store: " + status.message());
        daemon_.log.on_message(told_ ? Level::Debug : Level::Warn, "waiting for the store", status.message());
        told_ = true;
      });
}

void FleetStore::look_at_versions() {
  for (const coord::EtcdMember& member : store_->health().members) {
    if (!has_known_holes(member.version)) continue;
    daemon_.log.on_message(
        Level::Warn, "etcd has known holes in its access control",
        fmt::format("{} is {}: let nobody but cronfleet reach its ports", member.endpoint, member.version));
  }
}

bool has_known_holes(const std::string& etcd_version) {
  // CVE-2026-33343, -33413 and -73499 are fixed in these.
  constexpr std::array<std::array<int, 3>, 3> kFixed{{{3, 4, 42}, {3, 5, 33}, {3, 6, 14}}};
  std::array<int, 3> is{};
  if (std::sscanf(etcd_version.c_str(), "%d.%d.%d", &is[0], &is[1], &is[2]) != 3) return false;
  for (const auto& fixed : kFixed) {
    if (is[0] == fixed[0] && is[1] == fixed[1]) return is < fixed;
  }
  return is < kFixed.front();
}

}  // namespace cronfleet::apps
