#include "apps/doctor_command.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>
#include <thread>

#include "apps/fleet_store.h"
#include "apps/service_flags.h"
#include "async/await.h"
#include "cli/client.h"
#include "cli/terminal.h"
#include "tz/zone_database.h"

namespace cronfleet::apps {
namespace {

constexpr std::uint64_t kDiskRed = 256ull << 20, kDiskYellow = 1ull << 30;

// What has been found, a line each.
class Findings {
 public:
  void ok(std::string_view what, const std::string& text) { line("ok", what, text); }
  void warn(std::string_view what, const std::string& text, const std::string& action) {
    line("warning", what, text + ": " + action);
  }
  void red(std::string_view what, const std::string& text, const std::string& action) {
    ++red_;
    line("RED", what, text + ": " + action);
  }
  int red_lines() const { return red_; }

 private:
  static void line(std::string_view verdict, std::string_view what, const std::string& text) {
    std::printf("%-8s %-14s %s\n", std::string(verdict).c_str(), std::string(what).c_str(), cli::visible(text).c_str());
  }
  int red_ = 0;
};

void look_at_folder(const std::string& path, Findings& findings) {
  std::filesystem::path there = path;
  struct stat about{};
  if (::stat(path.c_str(), &about) == 0) {
    if (!S_ISDIR(about.st_mode))
      return findings.red("data folder", path + " is not a folder", "name another with data_dir");
    if ((about.st_mode & 077) != 0)
      findings.warn("data folder", fmt::format("{} is open to other users (mode {:04o})", path, about.st_mode & 07777),
                    "chmod 700, or the service does it at its start");
  } else {
    while (there.has_parent_path() && ::stat(there.c_str(), &about) != 0) there = there.parent_path();
  }
  if (::access(there.c_str(), W_OK | X_OK) != 0)
    return findings.red("data folder", fmt::format("{} cannot be written: {}", there.string(), std::strerror(errno)),
                        "run as the user of the service, or name another with data_dir");
  findings.ok("data folder", there == path ? path : path + ", which will be made");
  struct statvfs disk{};
  if (::statvfs(there.c_str(), &disk) != 0) return;
  const std::uint64_t free = static_cast<std::uint64_t>(disk.f_bavail) * disk.f_frsize;
  const std::string text = fmt::format("{} MiB free", free >> 20);
  if (free < kDiskRed) return findings.red("disk", text, "make room: a full disk takes no claims");
  if (free < kDiskYellow) return findings.warn("disk", text, "see that it does not fill");
  findings.ok("disk", text);
}

void look_at_zones(Findings& findings) {
  const auto zones = tz::ZoneDatabase::open();
  if (!zones) return findings.red("time zones", zones.error().message(), "install tzdata");
  findings.ok("time zones", fmt::format("version {}", (*zones)->version()));
}

void look_at_clock(Findings& findings) {
  timex state{};
  const int answer = ::adjtimex(&state);
  if (answer < 0 || (state.status & STA_UNSYNC) != 0)
    return findings.warn("clock", "the kernel does not know it as synchronised",
                         "run chrony or systemd-timesyncd (timedatectl says more)");
  findings.ok("clock", fmt::format("synchronised, within {} ms", state.maxerror / 1000));
}

void look_at_port(const config::HttpConfig& http, Findings& findings) {
  const std::string where = fmt::format("{}:{}", http.address, http.port);
  if (http.port == 0) return findings.ok("listener", "any free port");
  const cli::Client client({.host = http.address, .port = std::to_string(http.port)}, std::chrono::milliseconds(2'000));
  const auto answer = client.ask({.target = "/healthz"});
  if (answer && answer->body == R"({"status":"ok"})") {
    const auto ready = client.ask({.target = "/readyz"});
    if (ready && ready->status == 200) return findings.ok("listener", where + ": a cronfleet server answers, ready");
    return findings.red("listener", where + ": a cronfleet server answers, but is not ready",
                        "see /readyz and its log");
  }
  if (!answer && answer.error().kind == cli::ClientError::Kind::Unreachable)
    return findings.ok("listener", where + " is free");
  findings.red("listener", where + " is in use by another program", "end it, or set http.port");
}

void look_at_members(const api::StoreHealth& health, Findings& findings) {
  for (const api::StoreHealth::Member& member : health.members) {
    if (!member.answers) {
      findings.warn("store", member.endpoint + " does not answer: " + member.error, "start it again");
      continue;
    }
    findings.ok("store", fmt::format("{} answers, version {}{}, {} MiB", member.endpoint, member.version,
                                     member.leader ? ", leader" : "", member.database_bytes >> 20));
    if (has_known_holes(member.version))
      findings.warn("store", fmt::format("{} has an etcd with known holes in its access control", member.version),
                    "let nobody but cronfleet reach its ports (docs/operations.md)");
  }
  for (const std::string& alarm : health.alarms)
    findings.red("store", "alarm " + alarm, "compact, defragment, then: etcdctl alarm disarm");
  if (health.set_back)
    findings.red("store", "it is at an older state than it was", "cronfleet alarm confirm restored_store, if meant");
}

// The clocks of the fleet, as their registrations say; each is rewritten every three seconds or so.
void look_at_fleet_clocks(const coord::Listing& registrations, const core::Keys& keys, WallTime now,
                          Findings& findings) {
  std::size_t agree = 0;
  for (const core::KeyValue& entry : registrations.entries) {
    const auto worker = core::decode_worker(entry.value);
    if (!worker || worker->wall == WallTime{}) continue;
    const auto ahead = std::chrono::duration_cast<std::chrono::milliseconds>(worker->wall - now);
    const std::string node = entry.key.substr(keys.workers().size());
    if (ahead > std::chrono::milliseconds(500)) {
      const std::string text = fmt::format("worker '{}' is {} ms ahead of this machine", node, ahead.count());
      if (ahead > std::chrono::seconds(2)) {
        findings.red("fleet clocks", text, "set the clock of the one that is wrong");
      } else {
        findings.warn("fleet clocks", text, "see the clocks of both");
      }
    } else if (ahead < std::chrono::seconds(-12)) {
      findings.red("fleet clocks", fmt::format("worker '{}' is {} ms behind this machine", node, -ahead.count()),
                   "set the clock of the one that is wrong");
    } else {
      ++agree;
    }
  }
  if (agree > 0) findings.ok("fleet clocks", fmt::format("{} workers agree with this machine", agree));
}

void look_at_store(const config::EtcdConfig& config, Findings& findings) {
  Log log({.level = config::LogLevel::Error});
  Daemon daemon(log);
  daemon.on_stop = [] { ::_exit(130); };
  auto fleet = FleetStore::open(daemon, config);
  if (!fleet) return findings.red("store", fleet.error().message(), "correct the configuration");
  std::thread loop([&] { daemon.loop.run(); });
  coord::CoordStore& store = (*fleet)->store();
  const auto limit = config.dial_timeout + 2 * config.call_timeout;
  const auto found =
      async::await<coord::Listing>([&](auto done) { store.get({(*fleet)->keys().fleet()}, std::move(done)); }, limit);
  if (!found) {
    findings.red("store", found.error().message(),
                 found.error().code() == Code::InvalidArgument ? "correct the configuration"
                                                               : "see that a majority of etcd.endpoints runs");
  } else {
    const auto entry = found->entries.empty() ? Result<core::FleetEntry>(core::FleetEntry{})
                                              : core::decode_fleet(found->entries.front().value);
    if (found->entries.empty()) {
      findings.warn("prefix", config.prefix + " is new", "the first service that starts makes it its own");
    } else if (!entry || entry->schema > core::FleetEntry::kSchema) {
      findings.red("prefix", config.prefix + " belongs to something else or to a newer release",
                   "set etcd.prefix to another, or upgrade");
    } else {
      findings.ok("prefix", fmt::format("{} is a fleet's, since {}", config.prefix, to_rfc3339(entry->made_at)));
    }
    const auto workers = async::await<coord::Listing>(
        [&](auto done) { store.list((*fleet)->keys().workers(), std::move(done)); }, limit);
    if (workers) look_at_fleet_clocks(*workers, (*fleet)->keys(), daemon.clock.wall(), findings);
    // Every member is asked in the background; each has answered or failed within the limit.
    const MonoTime until = daemon.clock.mono() + limit;
    const auto known = [&] {
      for (const auto& member : (*fleet)->health().members)
        if (member.version.empty() && member.error.empty()) return false;
      return true;
    };
    while (!known() && daemon.clock.mono() < until) std::this_thread::sleep_for(std::chrono::milliseconds(50));
    look_at_members((*fleet)->health(), findings);
  }
  daemon.loop.stop();
  loop.join();
}

int verdict(const Findings& findings) {
  if (findings.red_lines() == 0) return 0;
  std::printf("%d %s\n", findings.red_lines(), findings.red_lines() == 1 ? "line is red" : "lines are red");
  return 1;
}

template <typename Load, typename Look>
int examine(const ServiceFlags& flags, Load load, Look look) {
  Findings findings;
  const auto sources = flags.sources();
  if (!sources) {
    std::fprintf(stderr, "cronfleet: %s\n", sources.error().second.c_str());
    return sources.error().first;
  }
  const auto loaded = load(*sources);
  if (!loaded) {
    for (const config::Mistake& mistake : loaded.error().all())
      findings.red("configuration", mistake.text(), "correct it");
    return kServiceBadConfiguration;
  }
  findings.ok("configuration", flags.config_file.empty() ? "no file: defaults and environment" : flags.config_file);
  for (const std::string& note : loaded->notes) findings.warn("configuration", note, "nothing to do, if that is meant");
  look(loaded->config, findings);
  look_at_zones(findings);
  look_at_clock(findings);
  return verdict(findings);
}

}  // namespace

void add_doctor_command(CLI::App& app, int& exit_code) {
  auto flags = std::make_shared<ServiceFlags>();
  auto role = std::make_shared<std::string>("standalone");
  CLI::App* command = app.add_subcommand("doctor", "Looks at what a service needs here, and says what to do");
  command->add_option("--role", *role, "standalone, master or worker")
      ->check(CLI::IsMember({"standalone", "master", "worker"}))
      ->capture_default_str();
  flags->add_to(*command);
  flags->add_data_dir_to(*command);
  flags->add_port_to(*command);
  command->footer(
      "Ends with 0 when no line is red, 1 when one is, 78 for a bad configuration.\n"
      "Examples:\n"
      "  cronfleet doctor\n"
      "  cronfleet doctor --role worker --config worker.json\n"
      "  cronfleet doctor --role master --set etcd.endpoints=10.0.0.1:2379");
  command->callback([flags, role, &exit_code] {
    if (*role == "master") {
      exit_code = examine(*flags, config::load_master, [](const config::MasterConfig& config, Findings& findings) {
        look_at_port(config.http, findings);
        look_at_store(config.etcd, findings);
      });
    } else if (*role == "worker") {
      exit_code = examine(*flags, config::load_worker, [](const config::WorkerConfig& config, Findings& findings) {
        look_at_folder(config.data_dir, findings);
        look_at_store(config.etcd, findings);
      });
    } else {
      exit_code =
          examine(*flags, config::load_standalone, [](const config::StandaloneConfig& config, Findings& findings) {
            look_at_folder(config.data_dir, findings);
            look_at_port(config.http, findings);
          });
    }
  });
}

}  // namespace cronfleet::apps
