#include "api/worker_catalogue.h"

#include <algorithm>
#include <set>

#include "async/await.h"
#include "domain/nearest.h"

namespace cronfleet::api {
namespace {

constexpr int kTriesMax = 8;
constexpr std::string_view kRestored = "restored";  // how a worker's warning of a store set back begins
constexpr std::size_t kLocksAtOnce = 30;            // an etcd transaction takes 128 conditions and writes in all
constexpr std::size_t kJobsWithoutWorkerShown = 100;

Problem not_found(const NodeId& node) {
  return {.status = 404, .code = "worker_not_found", .detail = fmt::format("no worker '{}' is registered", node)};
}
Problem unsettled() {
  return {.status = 503,
          .code = "busy",
          .detail = "somebody else was changing the same; nothing has changed",
          .retry_after = std::chrono::seconds(1)};
}

WorkerView::State state_of(const WorkerView& view) {
  if (view.settings.drain && !view.entry.accepting)
    return view.entry.running > 0 ? WorkerView::State::Draining : WorkerView::State::Drained;
  if (view.settings.drain) return WorkerView::State::Draining;
  return view.entry.accepting ? WorkerView::State::Ready : WorkerView::State::NotAccepting;
}

core::WorkerEntry registration_of(const core::KeyValue& entry) {
  auto decoded = core::decode_worker(entry.value);
  if (decoded) return *std::move(decoded);
  core::WorkerEntry unreadable;
  unreadable.accepting = false;
  unreadable.warnings = {"its registration cannot be read"};
  return unreadable;
}

std::optional<Alarm> alarm_of(const core::WorkerEntry& worker, std::string_view warning) {
  // How runs are kept together is no alarm; what may follow it is trouble with the disk.
  constexpr std::string_view kKept = "runs are kept together";
  if (warning.starts_with(kKept)) {
    const auto rest = warning.find("; ");
    if (rest == std::string_view::npos) return std::nullopt;
    return Alarm{.code = "disk_full",
                 .node = worker.node.text(),
                 .detail = std::string(warning.substr(rest + 2)),
                 .action = "make room in its data folder; it takes runs again by itself"};
  }
  struct Known {
    std::string_view word, code, action;
  };
  static constexpr Known kKnown[] = {
      {"clock", "clock_suspect", "set its clock (chronyc tracking, timedatectl); it claims nothing until it agrees"},
      {"time", "clock_differs", "set the clocks (chronyc tracking, timedatectl): past 2 s it claims nothing"},
      {"disk", "disk_full", "make room in its data folder; it takes runs again by itself"},
      {"journal", "disk_full", "make room in its data folder; it takes runs again by itself"},
      {"room", "no_room", "raise the limit that it names; it takes more runs again by itself"},
      {kRestored, "restored_store",
       "if the store was set back on purpose: cronfleet alarm confirm restored_store; else bring the newer state back"},
      {"marker", "marker_ahead", "set the clock that put it there; then: cronfleet alarm confirm marker_ahead"},
      {"spool:", "spool_trouble", "do what it says; records that cannot be put there wait in the store meanwhile"},
      {"spooled", "records_spooled",
       "start the history again; until it has them, keep that machine's disk: nothing else knows of these runs"},
      {"history", "history_away", "see why the history does not answer; records wait on the worker's disk meanwhile"},
      {"its registration", "foreign_worker",
       "a program of another kind or a newer version is registered under this prefix: end it, or set etcd.prefix"},
  };
  for (const Known& known : kKnown) {
    if (warning.starts_with(known.word))
      return Alarm{.code = std::string(known.code),
                   .node = worker.node.text(),
                   .detail = std::string(warning),
                   .action = std::string(known.action)};
  }
  return Alarm{
      .code = "worker_warning", .node = worker.node.text(), .detail = std::string(warning), .action = "see its log"};
}

// Firings of a job that no worker may run stay open up to catch_up_window, a day, before they are recorded as missed.
void add_jobs_without_worker(const StoredJobs& jobs, const std::vector<WorkerView>& workers, WallTime now,
                             std::vector<Alarm>& alarms) {
  const auto admitted = [&](const domain::Where& where) {
    return std::any_of(workers.begin(), workers.end(), [&](const WorkerView& view) {
      const bool stays = view.state == WorkerView::State::Ready || view.state == WorkerView::State::NotAccepting;
      return stays && domain::admits(where, view.entry.node, view.entry.labels);
    });
  };
  std::size_t shown = 0;
  for (const auto& stored : jobs) {
    if (!stored->job || stored->job->where->empty() || state_of(*stored, now) != "enabled") continue;
    if (admitted(*stored->job->where)) continue;
    alarms.push_back(
        {.code = "job_without_worker",
         .job = stored->name.text(),
         .detail = fmt::format("no worker that takes runs may run '{}', by its where: {}", stored->name,
                               domain::shown_where(*stored->job->where)),
         .action = "start such a worker, undrain or label one (cronfleet worker labels), or edit the job"});
    if (++shown == kJobsWithoutWorkerShown) return;
  }
}

void add_store_alarms(const StoreHealth& health, std::vector<Alarm>& alarms) {
  if (!health.trouble.empty())
    alarms.push_back({.code = "store_away",
                      .detail = health.trouble,
                      .action = "see that a majority of the store's members run and can be reached"});
  if (!health.full.empty())
    alarms.push_back({.code = "store_space",
                      .detail = health.full,
                      .action = "make room on the disk of its data folder; it takes writes again by itself"});
  for (const std::string& alarm : health.alarms) {
    if (alarm == "NOSPACE") {
      alarms.push_back({.code = "store_space",
                        .detail = "the store has reached its quota and takes no writes",
                        .action = "compact and defragment it, then: etcdctl alarm disarm"});
    } else {
      alarms.push_back({.code = "store_damaged",
                        .detail = fmt::format("the store raised the alarm {}", alarm),
                        .action = "replace the member that is damaged, then: etcdctl alarm disarm"});
    }
  }
  if (health.set_back_to != 0)
    alarms.push_back({.code = "restored_store",
                      .detail = "the store is at an older state than it was",
                      .action = "if that is meant: cronfleet alarm confirm restored_store"});
  if (health.another_cluster)
    alarms.push_back({.code = "another_store",
                      .detail = "etcd.endpoints lead to another cluster than before",
                      .action = "see that every member of etcd.endpoints belongs to one cluster"});
  for (const StoreHealth::Member& member : health.members) {
    if (health.trouble.empty() && !member.answers)
      alarms.push_back({.code = "store_member_away",
                        .detail = fmt::format("{} does not answer: {}", member.endpoint, member.error),
                        .action = "start it again; the store goes on without it as long as a majority is left"});
  }
}

bool warns_of_restore(const core::KeyValue& registration) {
  const auto warnings = registration_of(registration).warnings;
  return std::any_of(warnings.begin(), warnings.end(), [](const auto& one) { return one.starts_with(kRestored); });
}

}  // namespace

bool StoreHealth::takes_writes() const {
  return full.empty() && std::find(alarms.begin(), alarms.end(), "NOSPACE") == alarms.end();
}

std::string_view to_string(WorkerView::State state) {
  switch (state) {
    case WorkerView::State::Ready: return "ready";
    case WorkerView::State::NotAccepting: return "not_accepting";
    case WorkerView::State::Draining: return "draining";
    case WorkerView::State::Drained: return "drained";
    case WorkerView::State::Gone: return "gone";
  }
  return {};
}

WorkerCatalogue::WorkerCatalogue(coord::CoordStore& store, StoreReader& reader, Copies& copies, core::Keys keys,
                                 const async::Clock& clock, std::function<StoreHealth()> health,
                                 std::function<std::string()> clock_trouble,
                                 std::function<std::string()> history_trouble)
    : store_(store),
      reader_(reader),
      copies_(copies),
      keys_(std::move(keys)),
      clock_(clock),
      health_(std::move(health)),
      clock_trouble_(std::move(clock_trouble)),
      history_trouble_(std::move(history_trouble)) {}

Outcome<core::TxnAnswer> WorkerCatalogue::commit(core::Txn txn) {
  auto answers =
      async::await<std::vector<core::TxnAnswer>>([&](auto done) { store_.commit({std::move(txn)}, std::move(done)); });
  if (!answers) return Refusal(problem_of(answers.error().with("writing")));
  return std::move(answers->front());
}

Outcome<WorkerCatalogue::Workers> WorkerCatalogue::list(Reading& reading) {
  Workers workers;
  std::vector<Watched::Entry> registrations, settings;
  const auto take = [](coord::Listing& listing, std::vector<Watched::Entry>& into) {
    for (core::KeyValue& entry : listing.entries)
      into.push_back(std::make_shared<const core::KeyValue>(std::move(entry)));
  };
  bool from_copies = reading.copy_will_do();
  if (from_copies && !reader_.answers()) reading.store_is_away();
  if (!from_copies) {
    auto registered = reader_.list(keys_.workers());
    auto set = registered ? reader_.list(keys_.nodes()) : Result<coord::Listing>(Failure(registered.error()));
    if (set) {
      take(*registered, registrations);
      take(*set, settings);
      workers.revision = registered->revision;
    } else if (set.error().code() != Code::Unavailable || !copies_.workers.copy()->whole) {
      return Refusal(problem_of(set.error().with("listing workers")));
    } else {
      from_copies = true;
      reading.store_is_away();
    }
  }
  if (from_copies) {
    registrations = copies_.workers.copy()->entries;
    settings = copies_.nodes.copy()->entries;
    workers.revision = copies_.workers.copy()->revision;
  }
  reading.saw(workers.revision);

  std::map<NodeId, WorkerView> views;
  for (const Watched::Entry& entry : settings) {
    const NodeId node(entry->key.substr(keys_.nodes().size()));
    WorkerView& view = views[node];
    if (auto decoded = core::decode_node_settings(entry->value)) view.settings = *std::move(decoded);
    view.settings_revision = entry->modified;
  }
  std::set<NodeId> registered;
  for (const Watched::Entry& entry : registrations) {
    const NodeId node(entry->key.substr(keys_.workers().size()));
    views[node].entry = registration_of(*entry);
    registered.insert(node);
  }
  // Whose runs are left behind is shown as well, though nobody ever set anything for it. The copy is near enough.
  const auto running = copies_.running.copy();  // held: a copy that has been replaced goes with its last holder
  for (const Watched::Entry& entry : running->entries) {
    const std::string_view rest = std::string_view(entry->key).substr(keys_.running().size());
    const NodeId node(std::string(rest.substr(0, rest.find('/'))));
    if (!registered.contains(node)) ++views[node].keys_left;
  }
  for (auto& [node, view] : views) {
    view.entry.node = node;
    if (registered.contains(node)) view.state = state_of(view);
    workers.items.push_back(std::move(view));
  }
  return workers;
}

Outcome<WorkerView> WorkerCatalogue::get(const NodeId& node) {
  Reading reading;
  return get(node, reading);
}

Outcome<WorkerView> WorkerCatalogue::get(const NodeId& node, Reading& reading) {
  auto workers = list(reading);
  if (!workers) return Refusal(std::move(workers.error()));
  for (WorkerView& view : workers->items)
    if (view.entry.node == node) return std::move(view);
  if (reading.is_a_guess()) return Refusal(store_away());
  Problem problem = not_found(node);
  std::vector<std::string_view> known;
  for (const WorkerView& view : workers->items) known.push_back(view.entry.node.text());
  if (const std::string_view meant = domain::nearest(node.text(), known); !meant.empty())
    problem.errors.push_back(
        {.parameter = "node", .code = problem.code, .detail = problem.detail, .suggestion = std::string(meant)});
  return Refusal(std::move(problem));
}

Outcome<WorkerView> WorkerCatalogue::change(const NodeId& node, const Precondition& precondition,
                                            const std::function<void(core::NodeSettings&)>& edit,
                                            const Intent& intent) {
  const std::string key = keys_.node_settings(node);
  for (int tries = 0; tries < kTriesMax; ++tries) {
    auto view = get(node);
    if (!view) return view;
    // A registration may be a moment old; the settings must be exact, and the commit sees to that.
    const auto& wanted = precondition.revisions;
    if (precondition.kind == Precondition::Kind::Revision &&
        std::find(wanted.begin(), wanted.end(), view->settings_revision) == wanted.end())
      return refuse(412, "precondition_failed", "the settings of worker '{}' are at revision {}", node,
                    view->settings_revision);
    core::NodeSettings settings = view->settings;
    edit(settings);
    settings.by = intent.by;
    settings.reason = intent.reason;
    settings.at = from_ms(to_ms(clock_.wall()));
    core::Txn txn;
    txn.expected = {view->settings_revision == 0 ? core::Condition{.key = key, .kind = core::Condition::Kind::Absent}
                                                 : core::Condition{.key = key,
                                                                   .kind = core::Condition::Kind::ModifiedAt,
                                                                   .revision = view->settings_revision}};
    txn.writes = {{key, core::encode(settings)}};
    if (intent.effect == Effect::Write) {
      const auto answer = commit(std::move(txn));
      if (!answer) return Refusal(answer.error());
      if (!answer->committed) continue;
      view->settings_revision = answer->revision;
    }
    view->settings = std::move(settings);
    if (view->state != WorkerView::State::Gone) view->state = state_of(*view);
    return view;
  }
  return Refusal(unsettled());
}

Outcome<WorkerView> WorkerCatalogue::drain(const NodeId& node, Drain drain, const Intent& intent) {
  return change(node, {}, [&](core::NodeSettings& settings) { settings.drain = drain == Drain::On; }, intent);
}

Outcome<WorkerView> WorkerCatalogue::set_labels(const NodeId& node, std::map<std::string, std::string> labels,
                                                const Intent& intent, const Precondition& precondition) {
  return change(node, precondition, [&](core::NodeSettings& settings) { settings.labels = labels; }, intent);
}

Outcome<WorkerCatalogue::Forgotten> WorkerCatalogue::forget(const NodeId& node, const Intent& intent) {
  const auto standing = reader_.get({keys_.worker(node)});
  if (!standing) return Refusal(problem_of(standing.error().with("reading worker '{}'", node)));
  if (!standing->entries.empty())
    return refuse(409, "worker_lives", "worker '{}' is registered: it runs, or ended less than 10 s ago", node);
  const auto holds = reader_.list(keys_.holds() + node.text() + "/");
  if (!holds) return Refusal(problem_of(holds.error().with("reading the hold of worker '{}'", node)));
  if (!holds->entries.empty())
    return refuse(409, "worker_lives", "worker '{}' held its runs less than 30 s ago; try again when that is over",
                  node);
  const auto locks = reader_.list(keys_.locks());
  if (!locks) return Refusal(problem_of(locks.error().with("listing locks")));

  Forgotten forgotten;
  core::Txn txn;
  const auto begin = [&] {
    txn = {};
    txn.expected = {{.key = keys_.worker(node), .kind = core::Condition::Kind::Absent}};
  };
  std::vector<core::Txn> all;
  std::set<std::string> conditions;
  begin();
  for (const core::KeyValue& entry : locks->entries) {
    const auto lock = core::decode_lock(entry.value);
    if (!lock || lock->node != node) continue;
    const std::string hold = keys_.hold(node, lock->incarnation);
    if (conditions.insert(hold).second) txn.expected.push_back({.key = hold, .kind = core::Condition::Kind::Absent});
    txn.expected.push_back({.key = entry.key, .kind = core::Condition::Kind::ValueEquals, .value = entry.value});
    txn.writes.push_back({entry.key, std::nullopt});
    forgotten.jobs.push_back(entry.key.substr(keys_.locks().size()));
    if (txn.writes.size() < kLocksAtOnce) continue;
    all.push_back(std::move(txn));
    conditions.clear();
    begin();
  }
  if (!txn.writes.empty()) all.push_back(std::move(txn));
  if (all.empty()) {
    if (const auto known = get(node); !known) return Refusal(known.error());
  }
  if (intent.effect == Effect::DryRun) return forgotten;
  for (core::Txn& one : all) {
    const auto answer = commit(std::move(one));
    if (!answer) return Refusal(answer.error());
    if (!answer->committed)
      return refuse(409, "worker_lives", "worker '{}' has come back, or its runs are changing hands; look again", node);
  }
  // Who vouched for it stays with the node.
  Intent noted = intent;
  noted.reason = noted.reason.empty() ? "forgotten" : "forgotten: " + noted.reason;
  auto kept = change(node, {}, [](core::NodeSettings&) {}, noted);
  if (!kept && kept.error().status != 404) return Refusal(std::move(kept.error()));
  return forgotten;
}

core::Revision WorkerCatalogue::set_back_to(const coord::Listing& confirmed) const {
  const core::Revision revision = health().set_back_to;
  // Said after the store was set back: what is older stood in the state that was restored.
  const auto& entries = confirmed.entries;
  return !entries.empty() && entries.front().modified > revision ? 0 : revision;
}

Outcome<core::RestoredEntry> WorkerCatalogue::confirm_restored(const Intent& intent) {
  const auto now = reader_.get({keys_.restored()});
  if (!now) return Refusal(problem_of(now.error().with("reading the store's revision")));
  // Read from the store, not from the copies: a word that nobody needs would settle what a later restore has to ask.
  const auto workers = reader_.list(keys_.workers());
  if (!workers) return Refusal(problem_of(workers.error().with("listing workers")));
  const bool stands =
      set_back_to(*now) != 0 || std::any_of(workers->entries.begin(), workers->entries.end(), warns_of_restore);
  if (!stands)
    return refuse_parameter(
        "code", 409, "alarm_not_raised",
        "the alarm restored_store is not raised: neither this server nor a worker has found the store at an "
        "older state; see what stands in GET /api/v1/alarms, and confirm it once it stands there");
  core::RestoredEntry entry;
  entry.revision = now->revision;
  entry.by = intent.by;
  entry.at = from_ms(to_ms(clock_.wall()));
  if (intent.effect == Effect::DryRun) return entry;
  core::Txn txn;
  txn.writes = {{keys_.restored(), core::encode(entry)}};
  const auto answer = commit(std::move(txn));
  if (!answer) return Refusal(answer.error());
  return entry;
}

Outcome<std::vector<Alarm>> WorkerCatalogue::alarms(const StoredJobs& jobs, Reading& reading) {
  std::vector<Alarm> alarms;
  // A key is given up much sooner than a list; and what did not answer a moment ago the reader does not ask again.
  const auto confirmed = reader_.get({keys_.restored()});
  StoreHealth store = health();
  if (confirmed) store.set_back_to = set_back_to(*confirmed);
  add_store_alarms(store, alarms);
  if (const std::string trouble = clock_trouble_ ? clock_trouble_() : std::string(); !trouble.empty())
    alarms.push_back({.code = "clock_suspect",
                      .detail = "of the server that answers: " + trouble,
                      .action = "set its clock (chronyc tracking, timedatectl); edits go through another master"});
  const bool answers = confirmed.has_value();
  const auto workers = list(reading);
  if (!workers) {
    // What can be told without the store is told.
    if (alarms.empty() && workers.error().status == 503)
      alarms.push_back({.code = "store_away",
                        .detail = "the coordination store does not answer",
                        .action = "see that a majority of its members run and can be reached"});
    if (alarms.empty()) return Refusal(workers.error());
    return alarms;
  }
  if ((reading.stale() || !answers) &&
      std::none_of(alarms.begin(), alarms.end(), [](const Alarm& a) { return a.code == "store_away"; }))
    alarms.push_back({.code = "store_away",
                      .detail = "the coordination store does not answer",
                      .action = "see that a majority of its members run and can be reached"});
  if (history_trouble_)
    if (const std::string trouble = history_trouble_(); !trouble.empty())
      alarms.push_back({.code = "history_away",
                        .detail = "the history does not answer",
                        .action = "see why it is down; records wait on the workers' disks meanwhile"});
  std::set<std::string> zones;
  bool any_ready = false;
  for (const WorkerView& view : workers->items) {
    for (const std::string& warning : view.entry.warnings)
      if (auto alarm = alarm_of(view.entry, warning)) alarms.push_back(*std::move(alarm));
    for (const auto& [job, why] : view.entry.refused)
      alarms.push_back({.code = "job_refused",
                        .node = view.entry.node.text(),
                        .job = job,
                        .detail = why,
                        .action = "correct its document: cronfleet job get, cronfleet job apply"});
    if (view.state == WorkerView::State::Gone && view.keys_left > 0)
      alarms.push_back(
          {.code = "worker_gone",
           .node = view.entry.node.text(),
           .detail = fmt::format("it is out of contact; {} of its runs wait to be settled", view.keys_left),
           .action =
               "start it again; if its machine is off for certain: cronfleet worker forget " + view.entry.node.text()});
    if (view.state != WorkerView::State::Gone && !view.entry.zone_version.empty())
      zones.insert(view.entry.zone_version);
    any_ready = any_ready || view.state == WorkerView::State::Ready;
  }
  if (any_ready)
    add_jobs_without_worker(jobs, workers->items, clock_.wall(), alarms);
  else
    alarms.push_back({.code = "no_workers",
                      .detail = "no worker takes runs",
                      .action = "start one: cronfleet worker --config worker.json; or undrain one"});
  if (zones.size() > 1)
    alarms.push_back({.code = "zone_data_differs",
                      .detail = fmt::format("workers have {} versions of the time zone data", zones.size()),
                      .action = "update tzdata everywhere and restart the workers"});
  return alarms;
}

}  // namespace cronfleet::api
