#include "apps/doctor_command.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <thread>

#include "apps/doctor_findings.h"
#include "apps/fleet_history.h"
#include "apps/fleet_store.h"
#include "apps/service_flags.h"
#include "async/await.h"

namespace cronfleet::apps {
namespace {

using cli::said;
using cli::words;

void look_at_members(const api::StoreHealth& health, Findings& findings) {
  for (const api::StoreHealth::Member& member : health.members) {
    if (!member.answers) {
      findings.warn("store", words("{} does not answer: {}", member.endpoint, said(member.error)),
                    words("start it again"));
      continue;
    }
    findings.ok("store", words("{} answers, version {}{}, {} MiB", member.endpoint, member.version,
                               member.leader ? words(", leader") : "", member.database_bytes >> 20));
    if (has_known_holes(member.version))
      findings.warn("store", words("{} has an etcd with known holes in its access control", member.version),
                    words("let nobody but cronfleet reach its ports (docs/operations.md)"));
  }
  for (const std::string& alarm : health.alarms)
    findings.red("store", words("alarm {}", alarm), words("compact, defragment, then: etcdctl alarm disarm"));
  if (health.set_back_to != 0)
    findings.red("store", words("it is at an older state than it was"),
                 words("cronfleet alarm confirm restored_store, if meant"));
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
      const std::string text = words("worker '{}' is {} ms ahead of this machine", node, ahead.count());
      if (ahead > std::chrono::seconds(2)) {
        findings.red("fleet clocks", text, words("set the clock of the one that is wrong"));
      } else {
        findings.warn("fleet clocks", text, words("see the clocks of both"));
      }
    } else if (ahead < std::chrono::seconds(-12)) {
      findings.red("fleet clocks", words("worker '{}' is {} ms behind this machine", node, -ahead.count()),
                   words("set the clock of the one that is wrong"));
    } else {
      ++agree;
    }
  }
  if (agree > 0) findings.ok("fleet clocks", words("{} workers agree with this machine", agree));
}

void look_at_store(const config::EtcdConfig& config, Findings& findings) {
  Log log({.level = config::LogLevel::Error});
  Daemon daemon(log);
  daemon.on_stop = [] { ::_exit(130); };
  auto fleet = FleetStore::open(daemon, config);
  if (!fleet) return findings.red("store", said(fleet.error().message()), words("correct the configuration"));
  std::thread loop([&] { daemon.loop.run(); });
  coord::CoordStore& store = (*fleet)->store();
  const auto limit = config.dial_timeout + 2 * config.call_timeout;
  const auto found =
      async::await<coord::Listing>([&](auto done) { store.get({(*fleet)->keys().fleet()}, std::move(done)); }, limit);
  if (!found) {
    findings.red("store", said(found.error().message()),
                 found.error().code() == Code::InvalidArgument ? words("correct the configuration")
                                                               : words("see that a majority of etcd.endpoints runs"));
  } else {
    const auto entry = found->entries.empty() ? Result<core::FleetEntry>(core::FleetEntry{})
                                              : core::decode_fleet(found->entries.front().value);
    if (found->entries.empty()) {
      findings.warn("prefix", words("{} is new", config.prefix),
                    words("the first service that starts makes it its own"));
    } else if (!entry || entry->schema > core::FleetEntry::kSchema) {
      findings.red("prefix", words("{} belongs to something else or to a newer release", config.prefix),
                   words("set etcd.prefix to another, or upgrade"));
    } else {
      findings.ok("prefix", words("{} is a fleet's, since {}", config.prefix, to_rfc3339(entry->made_at)));
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

void look_at_history(config::HistoryBackend backend, const config::MongoConfig& config, Findings& findings) {
  if (backend != config::HistoryBackend::Mongo)
    return findings.warn("history", words("every worker keeps its own records (history.backend is local)"),
                         words("set mongodb.uri where one list of all runs is wanted"));
  Log log({.level = config::LogLevel::Error});
  Daemon daemon(log);
  daemon.on_stop = [] { ::_exit(130); };
  const auto usable = FleetHistory::check(daemon, config);
  const std::string where = words("MongoDB, {}.{}", config.database, config.collection);
  if (usable) return findings.ok("history", words("{} answers", where));
  findings.red("history", words("{}: {}", where, said(usable.error().message())),
               usable.error().code() == Code::InvalidArgument
                   ? words("correct mongodb.uri, or what its user may do")
                   : words("start it, or see that this machine reaches it; records wait on disk meanwhile"));
}

int verdict(const Findings& findings) {
  if (findings.red_lines() == 0) return 0;
  const std::string sum =
      findings.red_lines() == 1 ? words("1 line is red") : words("{} lines are red", findings.red_lines());
  std::printf("%s\n", sum.c_str());
  return 1;
}

template <typename Load, typename Look>
int examine(const ServiceFlags& flags, Load load, Look look) {
  Findings findings;
  const auto sources = flags.sources();
  if (!sources) {
    std::fprintf(stderr, "cronfleet: %s\n", said(sources.error().second).c_str());
    return sources.error().first;
  }
  const auto loaded = load(*sources);
  if (!loaded) {
    for (const config::Mistake& mistake : loaded.error().all())
      findings.red("configuration", said(mistake.text()), words("correct it"));
    return kServiceBadConfiguration;
  }
  findings.ok("configuration",
              flags.config_file.empty() ? words("no file: defaults and environment") : flags.config_file);
  for (const std::string& note : loaded->notes)
    findings.warn("configuration", said(note), words("nothing to do, if that is meant"));
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
  command->add_option("--role", *role, "standalone, master or worker (standalone)")
      ->check(CLI::IsMember({"standalone", "master", "worker"}))
      ->type_name("ROLE");
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
        look_at_metrics_port(config.metrics, findings);
        look_at_store(config.etcd, findings);
        look_at_history(config.backend, config.mongodb, findings);
      });
    } else if (*role == "worker") {
      exit_code = examine(*flags, config::load_worker, [](const config::WorkerConfig& config, Findings& findings) {
        look_at_folder(config.data_dir, findings);
        look_at_store_files(config.data_dir, findings);
        look_at_limits(config.worker, findings);
        look_at_shell(findings);
        look_at_metrics_port(config.metrics, findings);
        look_at_store(config.etcd, findings);
        look_at_history(config.backend, config.mongodb, findings);
      });
    } else {
      exit_code =
          examine(*flags, config::load_standalone, [](const config::StandaloneConfig& config, Findings& findings) {
            look_at_folder(config.data_dir, findings);
            look_at_store_files(config.data_dir, findings);
            look_at_limits(config.worker, findings);
            look_at_shell(findings);
            look_at_port(config.http, findings);
            look_at_metrics_port(config.metrics, findings);
          });
    }
  });
}

}  // namespace cronfleet::apps
