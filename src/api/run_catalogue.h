// api/run_catalogue.h: the runs as the API knows them: what waits and runs (from the coordination store) in front of
// what is over (from the history).
//
// A run moves in one direction: trigger/ (asked for), running/ (claimed), history (recorded). Everything here looks in
// that order, so a run on its way is never missed. While the coordination store is away the watched copies answer in
// its place, and say so; while the history is, what runs is shown alone, as partial. Straight-line, blocks for at most
// 10 s per store; call from any handler thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "api/history_probe.h"
#include "api/job_catalogue.h"
#include "api/problem.h"
#include "coord/coord_store.h"
#include "core/entries.h"
#include "history/run_history.h"

namespace cronfleet::api {

struct RunView {
  domain::RunRecord record;  // of a run that is not over: what is known of it; `end` then has its status only
  bool recorded = false;     // it is in the history: nothing of it changes any more
};

struct KillRequest {
  std::string actor, reason;
  std::optional<std::chrono::milliseconds> grace;  // instead of the job's kill_grace
  Effect effect = Effect::Write;
};

class RunCatalogue {
 public:
  // `kept_elsewhere`: why the history does not have everything; empty where it has.
  RunCatalogue(coord::CoordStore& store, StoreReader& reader, Copies& copies, history::RunHistory& history,
               std::string kept_elsewhere, core::Keys keys, const async::Clock& clock);

  // 404 run_not_found; 503 where the copies do not know it and the store is away.
  Outcome<RunView> get(const domain::RunId& run, Reading& reading);
  Outcome<RunView> get(const domain::RunId& run);
  // The record of a run that is over; nothing while it is not, or while the history cannot tell.
  std::optional<domain::RunRecord> recorded(const domain::RunId& run);
  struct Runs {
    std::vector<RunView> items;
    std::string next_cursor;
    std::string partial;  // why records are missing; empty: none are
  };
  // A page of the history; the first page also has in front what is not in the history yet, newest first.
  Outcome<Runs> list(const history::RunQuery& query, Reading& reading);
  Outcome<history::OutputSlice> output(const domain::RunId& run, std::uint64_t from, std::size_t bytes_max);
  // The order to end a run is durable; its worker follows within a second. 404 run_not_found, 409 run_over,
  // 409 not_claimed: it has not reached a worker yet.
  Outcome<RunView> kill(const domain::RunId& run, const KillRequest& request);

  // The run of an entry under running/ or trigger/; nothing where it cannot be read.
  std::optional<RunView> view_of(const core::KeyValue& entry) const;

  // Empty when the store, or the history, answers; else what is wrong, within 2 s. For readiness.
  std::string coordination_trouble();
  std::string history_trouble();

 private:
  // Not in the history yet, newest first.
  Outcome<std::vector<RunView>> living(Reading& reading);
  Outcome<std::vector<Watched::Entry>> under(const std::string& prefix, Watched& copy, Reading& reading);
  RunView view_of(const NodeId& node, const core::RunningEntry& entry) const;
  RunView view_of(const core::TriggerEntry& entry) const;

  coord::CoordStore& store_;
  StoreReader& reader_;
  Copies& copies_;
  history::RunHistory& history_;
  HistoryProbe probe_;
  const std::string kept_elsewhere_;
  const core::Keys keys_;
  const async::Clock& clock_;
};

}  // namespace cronfleet::api
