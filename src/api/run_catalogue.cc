#include "api/run_catalogue.h"

#include <algorithm>
#include <set>

#include "api/query.h"
#include "async/await.h"

namespace cronfleet::api {
namespace {

constexpr std::chrono::milliseconds kProbeTimeout{2'000};

Problem not_found(const domain::RunId& run) {
  return at_parameter("id", {.status = 404, .code = "run_not_found", .detail = fmt::format("no run '{}'", run.text())});
}

bool wanted(const history::RunQuery& query, const domain::RunRecord& record) {
  if (query.job && *query.job != record.id.firing.job) return false;
  if (query.worker && *query.worker != record.worker) return false;
  if (query.from && record.scheduled_at < *query.from) return false;
  if (query.until && record.scheduled_at >= *query.until) return false;
  return query.statuses.empty() ||
         std::find(query.statuses.begin(), query.statuses.end(), record.end.status) != query.statuses.end();
}

domain::RunStatus status_of(const core::RunningEntry& entry, WallTime now) {
  switch (entry.phase) {
    case core::Phase::Waiting: return domain::RunStatus::Waiting;
    case core::Phase::Ended: return entry.end.status;
    case core::Phase::Claimed:
    case core::Phase::Settling: break;
  }
  return entry.scheduled_at > now ? domain::RunStatus::Claimed : domain::RunStatus::Running;
}

}  // namespace

RunCatalogue::RunCatalogue(coord::CoordStore& store, StoreReader& reader, Copies& copies, history::RunHistory& history,
                           std::string kept_elsewhere, core::Keys keys, const async::Clock& clock)
    : store_(store),
      reader_(reader),
      copies_(copies),
      history_(history),
      probe_(history),
      kept_elsewhere_(std::move(kept_elsewhere)),
      keys_(std::move(keys)),
      clock_(clock) {}

RunView RunCatalogue::view_of(const NodeId& node, const core::RunningEntry& entry) const {
  RunView view;
  domain::RunRecord& record = view.record;
  record.id = entry.run;
  record.command = entry.command;
  if (entry.phase == core::Phase::Ended) record.end = entry.end;
  record.end.status = status_of(entry, clock_.wall());
  // Its worker starts it at once; the record will have the exact moment.
  if (record.end.status == domain::RunStatus::Running)
    record.end.started_at = std::max(entry.scheduled_at, entry.claimed_at);
  record.worker = node;
  record.trigger = entry.trigger;
  record.triggered_by = entry.triggered_by;
  record.scheduled_at = entry.scheduled_at;
  record.claimed_at = entry.claimed_at;
  record.job_revision = entry.job_revision;
  record.fence = entry.fence;
  record.final = entry.phase == core::Phase::Ended && entry.final;
  if (entry.range) {
    record.range_count = entry.range->count;
    record.range_from = entry.range->from;
  }
  return view;
}

RunView RunCatalogue::view_of(const core::TriggerEntry& entry) const {
  RunView view;
  view.record.id = {.firing = {.job = entry.job, .which = entry.id}, .attempt = 1};
  view.record.end.status = domain::RunStatus::Waiting;
  view.record.trigger = domain::Trigger::Manual;
  view.record.triggered_by = entry.actor;
  view.record.scheduled_at = entry.requested_at;
  view.record.final = false;
  return view;
}

std::optional<RunView> RunCatalogue::view_of(const core::KeyValue& entry) const {
  if (entry.key.starts_with(keys_.triggers())) {
    const auto decoded = core::decode_trigger(entry.value);
    return decoded ? std::optional(view_of(*decoded)) : std::nullopt;
  }
  const auto decoded = core::decode_running(entry.value);
  if (!decoded) return std::nullopt;
  const std::string_view rest = std::string_view(entry.key).substr(keys_.running().size());
  return view_of(NodeId(std::string(rest.substr(0, rest.find('/')))), *decoded);
}

Outcome<std::vector<Watched::Entry>> RunCatalogue::under(const std::string& prefix, Watched& copy, Reading& reading) {
  if (!reading.copy_will_do() && !reading.stale()) {
    auto listing = reader_.list(prefix);
    if (listing) {
      reading.saw(listing->revision);
      std::vector<Watched::Entry> entries;
      entries.reserve(listing->entries.size());
      for (core::KeyValue& entry : listing->entries)
        entries.push_back(std::make_shared<const core::KeyValue>(std::move(entry)));
      return entries;
    }
    if (listing.error().code() != Code::Unavailable || !copy.copy()->whole)
      return Refusal(problem_of(listing.error().with("listing what runs")));
    reading.store_is_away();
  } else if (!reader_.answers()) {
    reading.store_is_away();
  }
  const auto whole = copy.copy();
  reading.saw(whole->revision);
  return whole->entries;
}

Outcome<std::vector<RunView>> RunCatalogue::living(Reading& reading) {
  const auto triggers = under(keys_.triggers(), copies_.triggers, reading);
  if (!triggers) return Refusal(triggers.error());
  const auto running = under(keys_.running(), copies_.running, reading);
  if (!running) return Refusal(running.error());
  std::vector<RunView> views;
  std::set<domain::Firing> claimed;
  for (const Watched::Entry& entry : *running) {
    auto view = view_of(*entry);
    if (!view) continue;  // its worker raises the alarm
    claimed.insert(view->record.id.firing);
    views.push_back(*std::move(view));
  }
  for (const Watched::Entry& entry : *triggers) {
    auto view = view_of(*entry);
    if (view && !claimed.contains(view->record.id.firing)) views.push_back(*std::move(view));
  }
  std::sort(views.begin(), views.end(), [](const RunView& a, const RunView& b) {
    return std::tie(b.record.scheduled_at, b.record.id) < std::tie(a.record.scheduled_at, a.record.id);
  });
  return views;
}

Outcome<RunView> RunCatalogue::get(const domain::RunId& run) {
  Reading reading;
  return get(run, reading);
}

Outcome<RunView> RunCatalogue::get(const domain::RunId& run, Reading& reading) {
  const auto living_runs = living(reading);
  if (!living_runs) return Refusal(living_runs.error());
  for (const RunView& view : *living_runs)
    if (view.record.id == run && !view.record.final) return view;
  auto record = history_.get(run);
  if (record) return RunView{.record = *std::move(record), .recorded = true};
  if (record.error().code() != Code::NotFound)
    return Refusal(problem_of(record.error().with("reading run '{}'", run.text())));
  // Over, and its record on the way to the history.
  for (const RunView& view : *living_runs)
    if (view.record.id == run) return view;
  if (reading.is_a_guess()) return Refusal(store_away());
  Problem problem = not_found(run);
  if (!kept_elsewhere_.empty()) problem.detail += "; " + kept_elsewhere_;
  return Refusal(std::move(problem));
}

std::optional<domain::RunRecord> RunCatalogue::recorded(const domain::RunId& run) {
  auto record = history_.get(run);
  if (!record) return std::nullopt;
  return *std::move(record);
}

Outcome<RunCatalogue::Runs> RunCatalogue::list(const history::RunQuery& query, Reading& reading) {
  Runs runs{.items = {}, .next_cursor = {}, .partial = kept_elsewhere_};
  if (query.cursor.empty()) {
    auto views = living(reading);
    if (!views) return Refusal(std::move(views.error()));
    for (RunView& view : *views)
      if (wanted(query, view.record)) runs.items.push_back(std::move(view));
    if (query.order == history::Order::OldestFirst) std::reverse(runs.items.begin(), runs.items.end());
  }
  auto page = history_.find(query);
  if (!page && page.error().code() == Code::InvalidArgument) {
    Query wrong;
    wrong.refuse("cursor", page.error().message());
    return Refusal(*wrong.problem());
  }
  if (!page && page.error().code() == Code::Unavailable && query.cursor.empty()) {
    runs.partial = "the history does not answer: only what runs is shown";
    return runs;
  }
  if (!page) return Refusal(problem_of(page.error().with("listing runs")));
  // Recorded between the two reads, or on its way out of running/: the record is what counts.
  std::erase_if(runs.items, [&](const RunView& view) {
    return std::any_of(page->items.begin(), page->items.end(),
                       [&](const domain::RunRecord& record) { return record.id == view.record.id; });
  });
  for (domain::RunRecord& record : page->items) runs.items.push_back({.record = std::move(record), .recorded = true});
  runs.next_cursor = std::move(page->next_cursor);
  return runs;
}

Outcome<history::OutputSlice> RunCatalogue::output(const domain::RunId& run, std::uint64_t from,
                                                   std::size_t bytes_max) {
  auto slice = history_.output(run, from, bytes_max);
  if (slice) return *std::move(slice);
  if (slice.error().code() == Code::NotFound) return history::OutputSlice{.chunks = {}, .next_offset = from};
  return Refusal(problem_of(slice.error().with("reading output of run '{}'", run.text())));
}

Outcome<RunView> RunCatalogue::kill(const domain::RunId& run, const KillRequest& request) {
  // A key that moves between the look and the write (a takeover) is looked for again.
  for (int tries = 0; tries < 4; ++tries) {
    auto view = get(run);
    if (!view) return view;
    if (view->recorded || domain::is_final(view->record.end.status))
      return refuse_parameter("id", 409, "run_over", "run '{}' is over: {}", run.text(),
                              domain::to_string(view->record.end.status));
    if (view->record.worker.empty())
      return refuse(409, "not_claimed", "run '{}' has not reached a worker yet; try again in a second", run.text());
    if (request.effect == Effect::DryRun) return view;
    core::KillEntry entry;
    entry.actor = request.actor;
    entry.reason = request.reason;
    entry.requested_at = from_ms(to_ms(clock_.wall()));
    entry.grace = request.grace;
    core::Txn txn;
    txn.expected = {{.key = keys_.running(view->record.worker, run), .kind = core::Condition::Kind::Present}};
    txn.writes = {{keys_.kill(run), core::encode(entry)}};
    const auto answers =
        async::await<std::vector<core::TxnAnswer>>([&](auto done) { store_.commit({txn}, std::move(done)); });
    if (!answers) return Refusal(problem_of(answers.error().with("ordering the end of run '{}'", run.text())));
    if (answers->front().committed) return view;
  }
  return refuse(409, "run_moving", "run '{}' is changing hands; try again", run.text());
}

std::string RunCatalogue::coordination_trouble() {
  const auto answer = reader_.note(async::await<coord::Listing>(
      [&](auto done) { store_.get({keys_.prefix() + "ready"}, std::move(done)); }, kProbeTimeout));
  return answer ? "" : answer.error().message();
}

std::string RunCatalogue::history_trouble() { return probe_.trouble(); }

}  // namespace cronfleet::api
