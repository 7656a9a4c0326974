#include "apps/standalone.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <thread>

#include "api/api.h"
#include "api/http_server.h"
#include "apps/service.h"
#include "async/asio_loop.h"
#include "coord/sqlite/sqlite_coord_store.h"
#include "exec/posix/posix_executor.h"
#include "history/retention.h"
#include "history/sqlite/sqlite_run_history.h"
#include "runtime/worker.h"
#include "tz/zone_database.h"

namespace cronfleet::apps {
namespace {

using Level = Log::Level;

constexpr int kExitFailure = 1;
constexpr int kExitHeld = 69;

// The executor is made before the worker that it reports to.
class LateSink final : public exec::ExecutorSink {
 public:
  exec::ExecutorSink* to = nullptr;
  void on_started(exec::Started e) override { to->on_started(std::move(e)); }
  void on_start_failed(exec::StartFailed e) override { to->on_start_failed(std::move(e)); }
  void on_output(domain::OutputChunk e) override { to->on_output(std::move(e)); }
  void on_ended(exec::Ended e) override { to->on_ended(std::move(e)); }
  void on_runner_lost(std::string error) override { to->on_runner_lost(std::move(error)); }
  void on_condition(bool full, std::string text) override { to->on_condition(full, std::move(text)); }
};

Result<void> make_data_folder(const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error)
    return fail(Code::InvalidArgument, "data folder {}: {}; choose another with --data-dir", folder.string(),
                error.message());
  struct stat about{};
  if (::stat(folder.c_str(), &about) != 0 || !S_ISDIR(about.st_mode))
    return fail(Code::InvalidArgument, "data folder {}: not a folder", folder.string());
  if ((about.st_mode & 077) != 0 && ::chmod(folder.c_str(), 0700) != 0)
    return fail(Code::InvalidArgument,
                "data folder {} is open to other users (mode {:04o}) and cannot be closed: {}; expected 0700",
                folder.string(), about.st_mode & 07777, std::strerror(errno));
  if (::access(folder.c_str(), W_OK | X_OK) != 0)
    return fail(Code::InvalidArgument, "data folder {} cannot be written: {}", folder.string(), std::strerror(errno));
  return {};
}

// Made once and kept (REL-17): the configured one, else what the file says, else the host's name and some chance.
Result<NodeId> node_id(const std::filesystem::path& folder, const std::string& configured, TokenSource& tokens) {
  if (!configured.empty()) return NodeId(configured);
  const std::filesystem::path path = folder / "node_id";
  std::string text;
  {
    std::ifstream file(path);
    std::getline(file, text);
  }
  if (!text.empty()) return NodeId(text);
  text = host_name() + "-" + tokens.token().substr(0, 6);
  std::ofstream file(path);
  file << text << '\n';
  file.flush();
  if (!file) return fail(Code::NoSpace, "node id cannot be written to {}: {}", path.string(), std::strerror(errno));
  return NodeId(text);
}

api::HttpOptions http_options(const config::HttpConfig& config) {
  api::HttpOptions options;
  // The default stands for loopback as a whole, in both families.
  if (config.address != "127.0.0.1" && config.address != "localhost") options.addresses = {config.address};
  options.port = config.port;
  options.body_timeout = config.read_timeout;
  options.write_timeout = config.write_timeout;
  for (const std::string& host : config.allowed_hosts) options.guard.hosts.push_back(host);
  return options;
}

int report(Log& log, const Status& status) {
  log.on_message(Level::Error, "cannot start", status.message());
  return status.code() == Code::Conflict ? kExitHeld : kExitFailure;
}

}  // namespace

int run_standalone(const StandaloneOptions& options, Log& log) {
  const config::StandaloneConfig& config = options.config;
  const std::filesystem::path folder = config.data_dir;
  ::umask(077);
  if (const auto made = make_data_folder(folder); !made) return report(log, made.error());

  async::SystemClock clock;
  async::SystemTokens tokens;
  async::AsioLoop loop(clock);
  std::function<void(int)> on_signal = [](int) {};
  Signals signals(loop, [&on_signal](int signal) { on_signal(signal); });

  auto store = coord::SqliteCoordStore::open({.folder = folder / "coord"}, loop, clock);
  if (!store) return report(log, store.error());
  const auto zones = tz::ZoneDatabase::open();
  if (!zones) return report(log, zones.error());
  const history::Retention retention{std::chrono::duration_cast<std::chrono::hours>(config.history.retention_age),
                                     static_cast<std::uint64_t>(config.history.retention_count)};
  auto history =
      history::SqliteRunHistory::open((folder / "history.db").string(), loop, clock, {.retention = retention});
  if (!history) return report(log, history.error());
  const auto node = node_id(folder, config.worker.node_id, tokens);
  if (!node) return report(log, node.error());

  LateSink sink;
  exec::PosixOptions exec_options{.journal_folder = (folder / "journal").string()};
  exec_options.journal_bytes_max = config.history.spool_bytes_max;
  exec::PosixExecutor executor(loop, clock, sink, exec_options);
  auto left = executor.open();
  if (!left) return report(log, left.error());
  for (const std::string& damage : left->damage) log.on_message(Level::Warn, "journal mended", damage);

  runtime::WorkerOptions worker_options;
  worker_options.scheduler.capacity = config.worker.capacity;
  worker_options.scheduler.claim_lead = config.worker.claim_lead;
  worker_options.scheduler.takeover_delay = config.worker.takeover_delay;
  worker_options.history.batch_records = config.history.batch_records;
  worker_options.history.batch_delay = config.history.batch_delay;
  core::WorkerEntry registration;
  registration.node = *node;
  registration.host = host_name();
  registration.version = options.version;
  registration.boot_id = boot_id();
  registration.pid = ::getpid();
  registration.zone_version = (*zones)->version();
  Rng rng(std::stoull(tokens.token().substr(0, 16), nullptr, 16));
  runtime::Worker worker({.store = **store,
                          .history = **history,
                          .executor = executor,
                          .loop = loop,
                          .timers = loop,
                          .clock = clock,
                          .tokens = tokens,
                          .zones = **zones,
                          .rng = rng.fork("worker"),
                          .reopen_executor = [&executor]() -> Result<std::vector<exec::JournalEntry>> {
                            auto again = executor.open();
                            if (!again) return tl::unexpected(again.error());
                            return std::move(again->entries);
                          }},
                         worker_options, registration, log);
  sink.to = &worker;
  history::RetentionDriver pruner(**history, loop, clock, rng.fork("retention"), {.keep = retention});

  api::Api api({.store = **store,
                .history = **history,
                .keys = worker_options.keys,
                .zones = **zones,
                .clock = clock,
                .tokens = tokens,
                .version = options.version,
                .mode = "standalone",
                .node = node->text(),
                .page_size = static_cast<std::size_t>(config.http.page_size)});
  api::Router router;
  api.add_routes(router);
  const api::AccessLog access = [&log](const api::AccessEntry& entry) {
    const std::string about = fmt::format("{} {} {} {:.1f} ms {}", entry.method, entry.path, entry.status,
                                          static_cast<double>(entry.took.count()) / 1000, entry.request_id);
    if (!entry.trouble.empty()) return log.on_message(Level::Warn, "request failed", about + ": " + entry.trouble);
    log.on_message(Level::Debug, "request", about);
  };
  api::HttpServer server(http_options(config.http), router, clock, tokens, access);
  if (const auto listening = server.start(); !listening) return report(log, listening.error());
  for (const std::string& address : server.listening()) log.on_message(Level::Info, "listening", address);

  int exit_code = 0;
  std::thread closing;  // stops what waits for the loop; joined once the loop has ended
  const auto leave = [&] {
    executor.stop(std::chrono::milliseconds(0), [&](Result<void>) { closing = std::thread([&] { loop.stop(); }); });
  };
  log.when_refused = [&] {
    exit_code = kExitHeld;
    loop.post(leave);
  };
  on_signal = [&](int) {
    log.on_message(Level::Info, "stopping",
                   "runs may end until worker.shutdown_grace is over; a second signal ends them now");
    notify_service_manager("STOPPING=1");
    worker.stop(config.worker.shutdown_grace, leave);
  };
  std::function<void()> watchdog = [&] {
    notify_service_manager("WATCHDOG=1");
    if (const auto interval = watchdog_interval()) loop.at(clock.mono() + *interval, watchdog);
  };
  watchdog();

  worker.start(std::move(left->entries), process_alive);
  log.on_message(Level::Info, "node", node->text());
  notify_service_manager("READY=1");
  loop.run();
  if (closing.joinable()) closing.join();
  return exit_code;
}

}  // namespace cronfleet::apps
