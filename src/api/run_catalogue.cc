#include "api/run_catalogue.h"

#include <algorithm>

#include "api/await.h"

namespace cronfleet::api {
namespace {

constexpr std::chrono::milliseconds kProbeTimeout{2'000};

Problem not_found(const domain::RunId& run) {
  return {.status = 404, .code = "run_not_found", .detail = fmt::format("no run '{}'", run.text())};
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

RunCatalogue::RunCatalogue(coord::CoordStore& store, history::RunHistory& history, core::Keys keys,
                           const async::Clock& clock)
    : store_(store), history_(history), keys_(std::move(keys)), clock_(clock) {}

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

Outcome<std::vector<RunView>> RunCatalogue::living() {
  std::vector<RunView> views;
  const auto triggers = await<coord::Listing>([&](auto done) { store_.list(keys_.triggers(), std::move(done)); });
  if (!triggers) return Refusal(problem_of(triggers.error().with("listing what was asked for")));
  const auto running = await<coord::Listing>([&](auto done) { store_.list(keys_.running(), std::move(done)); });
  if (!running) return Refusal(problem_of(running.error().with("listing what runs")));
  for (const core::KeyValue& entry : running->entries) {
    const auto decoded = core::decode_running(entry.value);
    if (!decoded) continue;  // its worker raises the alarm
    const std::string_view rest = std::string_view(entry.key).substr(keys_.running().size());
    views.push_back(view_of(NodeId(std::string(rest.substr(0, rest.find('/')))), *decoded));
  }
  for (const core::KeyValue& entry : triggers->entries) {
    const auto decoded = core::decode_trigger(entry.value);
    if (!decoded) continue;
    RunView view = view_of(*decoded);
    const bool claimed = std::any_of(views.begin(), views.end(), [&](const RunView& other) {
      return other.record.id.firing == view.record.id.firing;
    });
    if (!claimed) views.push_back(std::move(view));
  }
  std::sort(views.begin(), views.end(), [](const RunView& a, const RunView& b) {
    return std::tie(b.record.scheduled_at, b.record.id) < std::tie(a.record.scheduled_at, a.record.id);
  });
  return views;
}

Outcome<RunView> RunCatalogue::get(const domain::RunId& run) {
  const auto views = living();
  if (!views) return Refusal(views.error());
  for (const RunView& view : *views)
    if (view.record.id == run && !view.record.final) return view;
  auto record = history_.get(run);
  if (record) return RunView{.record = *std::move(record), .recorded = true};
  if (record.error().code() != Code::NotFound)
    return Refusal(problem_of(record.error().with("reading run '{}'", run.text())));
  for (const RunView& view : *views)
    if (view.record.id == run) return view;
  return Refusal(not_found(run));
}

std::optional<domain::RunRecord> RunCatalogue::recorded(const domain::RunId& run) {
  auto record = history_.get(run);
  if (!record) return std::nullopt;
  return *std::move(record);
}

Outcome<RunCatalogue::Runs> RunCatalogue::list(const history::RunQuery& query) {
  Runs runs;
  if (query.cursor.empty()) {
    auto views = living();
    if (!views) return Refusal(std::move(views.error()));
    for (RunView& view : *views)
      if (wanted(query, view.record)) runs.items.push_back(std::move(view));
    if (query.order == history::Order::OldestFirst) std::reverse(runs.items.begin(), runs.items.end());
  }
  auto page = history_.find(query);
  if (!page && page.error().code() == Code::InvalidArgument)
    return refuse(400, "invalid_cursor", "{}", page.error().message());
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
      return refuse(409, "run_over", "run '{}' is over: {}", run.text(), domain::to_string(view->record.end.status));
    if (view->record.worker.empty())
      return refuse(409, "not_claimed", "run '{}' has not reached a worker yet; try again in a second", run.text());
    core::KillEntry entry;
    entry.actor = request.actor;
    entry.reason = request.reason;
    entry.requested_at = from_ms(to_ms(clock_.wall()));
    entry.grace = request.grace;
    core::Txn txn;
    txn.expected = {{.key = keys_.running(view->record.worker, run), .kind = core::Condition::Kind::Present}};
    txn.writes = {{keys_.kill(run), core::encode(entry)}};
    const auto answers = await<std::vector<core::TxnAnswer>>([&](auto done) { store_.commit({txn}, std::move(done)); });
    if (!answers) return Refusal(problem_of(answers.error().with("ordering the end of run '{}'", run.text())));
    if (answers->front().committed) return view;
  }
  return refuse(409, "run_moving", "run '{}' is changing hands; try again", run.text());
}

Outcome<RunCatalogue::Workers> RunCatalogue::workers() {
  const auto listing = await<coord::Listing>([&](auto done) { store_.list(keys_.workers(), std::move(done)); });
  if (!listing) return Refusal(problem_of(listing.error().with("listing workers")));
  Workers workers{.items = {}, .revision = listing->revision};
  for (const core::KeyValue& entry : listing->entries) {
    auto decoded = core::decode_worker(entry.value);
    if (!decoded) {
      decoded = core::WorkerEntry{};
      decoded->warnings = {"its registration cannot be read"};
    }
    decoded->node = NodeId(entry.key.substr(keys_.workers().size()));
    workers.items.push_back(*std::move(decoded));
  }
  return workers;
}

std::string RunCatalogue::coordination_trouble() {
  const auto answer =
      await<coord::Listing>([&](auto done) { store_.get({keys_.prefix() + "ready"}, std::move(done)); }, kProbeTimeout);
  return answer ? "" : answer.error().message();
}

std::string RunCatalogue::history_trouble() {
  const auto answer = history_.find({.job = {}, .statuses = {}, .worker = {}, .from = {}, .until = {}, .limit = 1});
  return answer ? "" : answer.error().message();
}

}  // namespace cronfleet::api
