#include "apps/worker_part.h"

#include <unistd.h>

#include "apps/heap.h"
#include "apps/machine_gauge.h"
#include "apps/store_seen_file.h"

namespace cronfleet::apps {
namespace {

using Level = Log::Level;

// For the stores to take what is left once no run is.
constexpr std::chrono::seconds kFarewell{10}, kFarewellInHaste{2};
constexpr std::chrono::milliseconds kLook{200};

exec::PosixOptions executor_options(const WorkerSettings& settings) {
  exec::PosixOptions options{.journal_folder = (settings.folder / "journal").string()};
  options.journal_bytes_max = settings.history.spool_bytes_max;
  return options;
}

runtime::WorkerOptions worker_options(const WorkerSettings& settings) {
  runtime::WorkerOptions options;
  options.keys = settings.keys;
  options.attic_folder = settings.folder.string();
  options.scheduler.capacity = settings.worker.capacity;
  options.scheduler.claim_lead = settings.worker.claim_lead;
  options.scheduler.takeover_delay = settings.worker.takeover_delay;
  options.batcher.in_flight_max = settings.batches_under_way;
  options.history.batch_records = settings.history.batch_records;
  options.history.batch_delay = settings.history.batch_delay;
  return options;
}

core::WorkerEntry registration(const WorkerSettings& settings, const cron::ZoneSource& zones) {
  core::WorkerEntry entry;
  entry.node = settings.node;
  entry.host = host_name();
  entry.address = settings.worker.address.empty() ? entry.host : settings.worker.address;
  entry.labels = settings.worker.labels;
  entry.version = settings.version;
  entry.boot_id = boot_id();
  entry.pid = ::getpid();
  entry.zone_version = zones.version();
  return entry;
}

}  // namespace

WorkerPart::WorkerPart(Daemon& daemon, const WorkerSettings& settings)
    : daemon_(daemon),
      shutdown_grace_(settings.worker.shutdown_grace),
      journal_folder_(settings.folder / "journal"),
      journal_bytes_max_(settings.history.spool_bytes_max),
      capacity_(settings.worker.capacity),
      executor_(daemon.loop, daemon.clock, sink_, executor_options(settings)),
      shelf_({.folder = settings.folder, .bytes_max = settings.history.spool_bytes_max}),
      spool_({.path = settings.folder / "spool.db", .bytes_max = settings.history.spool_bytes_max}, daemon.loop) {}

Result<std::unique_ptr<WorkerPart>> WorkerPart::open(Daemon& daemon, const WorkerSettings& settings,
                                                     coord::CoordStore& store, history::RunHistory& history,
                                                     const cron::ZoneSource& zones) {
  auto part = std::unique_ptr<WorkerPart>(new WorkerPart(daemon, settings));
  runtime::WorkerOptions options = worker_options(settings);
  std::function<void(const runtime::StoreSeen&)> keep_store_seen;
  if (settings.store_is_elsewhere) {
    const StoreSeenFile file(settings.folder);
    auto seen = file.read();
    if (!seen) return Failure(seen.error());
    options.store_seen = *seen;
    keep_store_seen = [file, &log = daemon.log](const runtime::StoreSeen& now) {
      if (const auto written = file.write(now); !written)
        log.on_message(Level::Warn, "how far the store was seen is not kept", written.error().text());
    };
  }
  part->worker_ = std::make_unique<runtime::Worker>(
      runtime::WorkerParts{
          .store = store,
          .history = history,
          .executor = part->executor_,
          .loop = daemon.loop,
          .timers = daemon.loop,
          .clock = daemon.clock,
          .tokens = daemon.tokens,
          .zones = zones,
          .rng = daemon.rng.fork("worker"),
          .reopen_executor = [executor = &part->executor_](const auto& take) -> Result<void> {
            if (auto again = executor->open(take); !again) return Failure(again.error());
            return {};
          },
          .keep_store_seen = std::move(keep_store_seen),
          .shelf = &part->shelf_,
          .spool = &part->spool_,
          .measure_machine =
              [gauge = MachineGauge(settings.folder / "journal", settings.history.spool_bytes_max)]() mutable {
                return gauge.look();
              },
          .caught_up = [] { give_back_free_memory(); }},
      std::move(options), registration(settings, zones), daemon.log);
  part->sink_.to = part->worker_.get();
  const auto left = part->executor_.open([&](exec::JournalEntry entry) { part->worker_->left(std::move(entry)); });
  if (!left) return Failure(left.error());
  for (const std::string& damage : left->damage) daemon.log.on_message(Level::Warn, "journal mended", damage);
  return part;
}

void WorkerPart::add_to(MetricsSources& sources) const {
  sources.worker = worker_.get();
  sources.worker_capacity = capacity_;
  sources.journal_folder = journal_folder_;
  sources.journal_bytes_max = journal_bytes_max_;
}

void WorkerPart::start() {
  started_ = true;
  worker_->start(process_alive);
}

void WorkerPart::stop(async::Task done) {
  if (!started_) return leave(std::move(done));
  stopped_ = std::move(done);
  worker_->stop(shutdown_grace_, [this] {
    if (stopped_) leave(std::exchange(stopped_, {}));
  });
  if (++stop_calls_ == 1) look_whether_all_is_over();
}

void WorkerPart::look_whether_all_is_over() {
  if (!stopped_) return;
  const MonoTime now = daemon_.clock.mono();
  if (worker_->scheduler().runs_active() > 0) {
    idle_since_.reset();
  } else if (!idle_since_) {
    idle_since_ = now;
  } else if (now - *idle_since_ >= (stop_calls_ > 1 ? kFarewellInHaste : kFarewell)) {
    daemon_.log.on_message(Level::Warn, "leaving without an answer of the stores",
                           "what they have not taken stands in the journal and follows at the next start");
    return leave(std::exchange(stopped_, {}));
  }
  daemon_.loop.at(now + kLook, [this] { look_whether_all_is_over(); });
}

void WorkerPart::leave(async::Task done) {
  executor_.stop(std::chrono::milliseconds(0), [done = std::move(done)](Result<void>) mutable { done(); });
}

}  // namespace cronfleet::apps
