#include "apps/metrics_part.h"

#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fstream>

#include "apps/machine_gauge.h"
#include "async/await.h"

namespace cronfleet::apps {
namespace {

constexpr std::chrono::milliseconds kLoopTimeout{2'000};
constexpr std::string_view kContentType = "text/plain; version=0.0.4; charset=utf-8";

api::HttpOptions server_options(const config::MetricsConfig& config) {
  api::HttpOptions options;
  if (config.address != "127.0.0.1" && config.address != "localhost") options.addresses = {config.address};
  options.port = config.port;
  options.port_setting = "metrics.port";
  options.connections_max = 64;
  options.streams_max = 0;
  options.handler_threads = 1;
  options.handler_queue_max = 16;
  return options;
}

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

std::size_t entries_of(const char* folder) {
  std::size_t count = 0;
  if (DIR* open = ::opendir(folder)) {
    while (const dirent* entry = ::readdir(open)) count += entry->d_name[0] != '.';
    ::closedir(open);
  }
  return count;
}

void tell_process(MetricsText& text) {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  text.one("process_cpu_seconds_total", "counter", "User and system CPU time spent.",
           seconds(used.ru_utime) + seconds(used.ru_stime));
  std::uint64_t pages = 0, resident = 0;
  std::ifstream("/proc/self/statm") >> pages >> resident;
  text.one("process_resident_memory_bytes", "gauge", "Resident memory.",
           static_cast<double>(resident) * static_cast<double>(::sysconf(_SC_PAGESIZE)));
  text.one("process_open_fds", "gauge", "Open descriptors.", static_cast<double>(entries_of("/proc/self/fd")));
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  text.one("process_max_fds", "gauge", "Most descriptors that may be open.", static_cast<double>(limit.rlim_cur));
}

void tell_http(MetricsText& text, const api::HttpCounts& counts) {
  text.family("cronfleet_http_requests_total", "counter", "Requests answered, by route and class of status.");
  for (const auto& [key, count] : counts.requests)
    text.sample(static_cast<double>(count),
                {{"method", key.method}, {"route", key.route}, {"status", fmt::format("{}xx", key.status_class)}});
  text.family("cronfleet_http_request_seconds", "histogram",
              "From the end of a request's head until its answer begins; streams until they begin.");
  text.samples(counts.seconds);
  text.one("cronfleet_http_connections", "gauge", "Open connections.", static_cast<double>(counts.connections));
  text.one("cronfleet_http_streams", "gauge", "Open event streams.", static_cast<double>(counts.streams));
}

void tell_store(MetricsText& text, const api::StoreHealth& health) {
  text.one("cronfleet_coordination_up", "gauge", "1 while a member of the coordination store answers.",
           health.trouble.empty() ? 1 : 0);
  text.family("cronfleet_coordination_member_up", "gauge", "1 while this member answers.");
  for (const auto& member : health.members) text.sample(member.answers ? 1 : 0, {{"endpoint", member.endpoint}});
  text.family("cronfleet_coordination_member_leader", "gauge", "1 for the member that leads.");
  for (const auto& member : health.members) text.sample(member.leader ? 1 : 0, {{"endpoint", member.endpoint}});
  text.family("cronfleet_coordination_database_bytes", "gauge", "Size of this member's database.");
  for (const auto& member : health.members)
    text.sample(static_cast<double>(member.database_bytes), {{"endpoint", member.endpoint}});
  text.family("cronfleet_coordination_alarm", "gauge", "1 for each alarm that the store has raised.");
  for (const std::string& alarm : health.alarms) text.sample(1, {{"alarm", alarm}});
  text.one("cronfleet_coordination_set_back", "gauge", "1 when the store was set back to an older state.",
           health.set_back_to != 0 ? 1 : 0);
}

void tell_mongo(MetricsText& text, const history::MongoStatus& status) {
  using State = history::MongoStatus::State;
  static constexpr std::pair<State, std::string_view> kStates[] = {
      {State::Unknown, "unknown"}, {State::Available, "available"}, {State::Away, "away"}, {State::Refused, "refused"}};
  text.family("cronfleet_mongodb_state", "gauge", "1 for the state that MongoDB is in.");
  for (const auto& [state, name] : kStates) text.sample(status.state == state ? 1 : 0, {{"state", name}});
  text.one("cronfleet_mongodb_indexes_ready", "gauge", "1 once the indexes are there.", status.indexes_ready ? 1 : 0);
  text.one("cronfleet_mongodb_calls_total", "counter", "Calls.", static_cast<double>(status.calls));
  text.one("cronfleet_mongodb_failures_total", "counter", "Calls that failed for reasons of the server.",
           static_cast<double>(status.failures));
  text.one("cronfleet_mongodb_queue_bytes", "gauge", "Writes that wait.", static_cast<double>(status.queue_bytes));
  text.one("cronfleet_mongodb_records_too_old_total", "counter", "Records refused for their age.",
           static_cast<double>(status.too_old));
  text.one("cronfleet_mongodb_documents_undecodable_total", "counter", "Documents that queries passed over.",
           static_cast<double>(status.undecodable));
}

void tell_spool(MetricsText& text, const std::filesystem::path& folder, std::uint64_t bytes_max) {
  text.one("cronfleet_spool_bytes", "gauge",
           "Journal on local disk: output and ends on their way to the history; 0 soon after all is there.",
           static_cast<double>(spool_bytes_of(folder)));
  text.one("cronfleet_spool_bytes_max", "gauge", "history.spool_bytes_max.", static_cast<double>(bytes_max));
}

void tell_outbox(MetricsText& text, const runtime::Outbox& outbox, WallTime now) {
  const history::HistoryWriter& writer = outbox.writer();
  const auto& counters = writer.counters();
  text.one("cronfleet_history_up", "gauge", "1 while the history takes what the worker sends.",
           writer.trouble().empty() ? 1 : 0);
  text.family("cronfleet_history_records_total", "counter", "Records sent to the history, by what it said.");
  text.sample(static_cast<double>(counters.stored), {{"outcome", "stored"}});
  text.sample(static_cast<double>(counters.duplicates), {{"outcome", "duplicate"}});
  text.sample(static_cast<double>(counters.refused), {{"outcome", "refused"}});
  text.family("cronfleet_history_chunks_total", "counter", "Chunks of output, by what came of them.");
  text.sample(static_cast<double>(counters.chunks_stored), {{"outcome", "stored"}});
  text.sample(static_cast<double>(counters.chunks_set_aside), {{"outcome", "set_aside"}});
  text.sample(static_cast<double>(counters.chunks_without_room), {{"outcome", "put_off"}});
  text.one("cronfleet_history_failures_total", "counter", "Calls to the history that were repeated.",
           static_cast<double>(counters.failures));
  text.one("cronfleet_history_records_waiting", "gauge", "Records that the history has not acknowledged.",
           static_cast<double>(outbox.records_waiting()));
  const auto oldest = outbox.oldest_waiting();
  const double age = oldest ? static_cast<double>(to_ms(now) - to_ms(*oldest)) / 1e3 : 0;
  text.one("cronfleet_spool_oldest_seconds", "gauge",
           "Since the run was over whose record has waited longest for the history; 0 while none waits.",
           std::max(age, 0.0));
  text.one("cronfleet_history_output_bytes_waiting", "gauge", "Output in memory that waits for the history.",
           static_cast<double>(outbox.output_bytes_waiting()));
}

void tell_worker(MetricsText& text, const runtime::Worker& worker, int capacity, WallTime now) {
  const runtime::Measures& measures = worker.measures();
  const core::Scheduler& scheduler = worker.scheduler();
  text.one("cronfleet_worker_accepting", "gauge", "1 while the worker may claim firings.", worker.ready() ? 1 : 0);
  text.one("cronfleet_worker_capacity", "gauge", "Runs at once.", capacity);
  text.one("cronfleet_jobs", "gauge", "Jobs that the worker follows.", static_cast<double>(scheduler.jobs()));
  text.one("cronfleet_jobs_refused", "gauge", "Jobs that the worker cannot schedule.",
           static_cast<double>(scheduler.refused_jobs().size()));
  text.one("cronfleet_runs_active", "gauge", "Runs that are claimed, starting or running here.",
           static_cast<double>(scheduler.runs_active()));
  text.one("cronfleet_runs_unrecorded", "gauge", "Runs that are over and not yet in the history.",
           static_cast<double>(scheduler.records_waiting()));
  text.family("cronfleet_runs_total", "counter", "Firings with a verdict, by status and trigger.");
  for (const auto& [key, count] : measures.runs)
    text.sample(static_cast<double>(count),
                {{"status", domain::to_string(key.first)}, {"trigger", domain::to_string(key.second)}});
  text.one("cronfleet_run_starts_total", "counter", "Processes started.", static_cast<double>(measures.started));
  text.one("cronfleet_run_start_failures_total", "counter", "Starts that did not come about.",
           static_cast<double>(measures.start_failures));
  text.family("cronfleet_run_start_lateness_seconds", "histogram",
              "From the instant of a scheduled firing to its start.");
  text.samples(measures.lateness_seconds);
  text.family("cronfleet_run_duration_seconds", "histogram", "From start to end of a run.");
  text.samples(measures.duration_seconds);
  text.one("cronfleet_run_output_bytes_total", "counter", "Output taken from runs.",
           static_cast<double>(measures.output_bytes));
  text.family("cronfleet_coordination_transactions_total", "counter",
              "Claims, ends and other writes of the worker, by what came of them.");
  text.sample(static_cast<double>(measures.committed), {{"outcome", "committed"}});
  text.sample(static_cast<double>(measures.refused), {{"outcome", "refused"}});
  text.sample(static_cast<double>(measures.unknown), {{"outcome", "unknown"}});
  text.family("cronfleet_coordination_transaction_seconds", "histogram",
              "From a transaction to its answer, waiting for company included.");
  text.samples(measures.commit_seconds);
  tell_outbox(text, worker.outbox(), now);
}

}  // namespace

MetricsPart::MetricsPart(Daemon& daemon, const config::MetricsConfig& config, MetricsSources sources)
    : daemon_(daemon),
      enabled_(config.enabled),
      sources_(std::move(sources)),
      server_(server_options(config), router_, daemon.clock, daemon.tokens) {
  router_.add({api::Method::Get, "/metrics", [this](api::Call& call) -> api::Answer {
                 if (auto problem = call.query.problem()) return api::Refusal(*std::move(problem));
                 auto text = collect();
                 if (!text) return api::refuse(503, "stuck", "the loop of this process does not answer");
                 return api::Response{.content_type = std::string(kContentType), .body = *std::move(text)};
               }});
}

MetricsPart::~MetricsPart() { server_.stop(std::chrono::milliseconds(0)); }

Result<void> MetricsPart::start() {
  if (!enabled_) return {};
  if (auto listening = server_.start(); !listening) return listening;
  for (const std::string& address : server_.listening())
    daemon_.log.on_message(Log::Level::Info, "metrics", "http://" + address + "/metrics");
  return {};
}

std::optional<std::string> MetricsPart::collect() {
  MetricsText text;
  text.family("cronfleet_build_info", "gauge", "Which release this is, and as what it runs.");
  text.sample(1, {{"version", sources_.version}, {"mode", sources_.mode}});
  tell_process(text);
  if (sources_.http) tell_http(text, sources_.http());
  if (sources_.store_health) tell_store(text, sources_.store_health());
  if (sources_.mongo) tell_mongo(text, sources_.mongo());
  if (!sources_.journal_folder.empty()) tell_spool(text, sources_.journal_folder, sources_.journal_bytes_max);
  // The worker belongs to the loop. What was posted may run after this has given up: it holds nothing of ours.
  auto of_loop = async::await<std::string>(
      [this](async::Callback<Result<std::string>> done) {
        daemon_.loop.post([worker = sources_.worker, capacity = sources_.worker_capacity, now = daemon_.clock.wall(),
                           done = std::move(done)]() mutable {
          MetricsText told;
          if (worker) tell_worker(told, *worker, capacity, now);
          done(told.take());
        });
      },
      kLoopTimeout);
  if (!of_loop) return std::nullopt;
  return text.take() + *of_loop;
}

}  // namespace cronfleet::apps
