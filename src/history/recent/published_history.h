// history/recent/published_history.h: a worker's own history, of which the newest record of each job, and those of runs
// started by hand, are also put into the coordination store (recent/<job>, recent/<run id>), where masters read them
// (recent_history.h). For fleets without a common history.
//
// An insert is answered once its records are published, or could not be: publishing is by best effort and never fails
// an insert. The keys have a lease of a day, so that those of deleted jobs go. Loop thread, as any RunHistory.
#pragma once

#include <memory>

#include "async/clock.h"
#include "coord/coord_store.h"
#include "core/entries.h"
#include "history/run_history.h"

namespace cronfleet::history {

class PublishedHistory final : public RunHistory {
 public:
  // All are borrowed.
  PublishedHistory(RunHistory& inner, coord::CoordStore& store, const async::Clock& clock, core::Keys keys);
  ~PublishedHistory() override;

  void insert(std::vector<domain::RunRecord> records, async::Callback<Result<std::vector<Inserted>>> done) override;
  void append_output(std::vector<domain::OutputChunk> chunks, async::Callback<Result<std::size_t>> done) override;
  Result<domain::RunRecord> get(const domain::RunId& run) override;
  Result<RunPage> find(const RunQuery& query) override;
  Result<OutputSlice> output(const domain::RunId& run, std::uint64_t from, std::size_t bytes_max) override;
  Result<std::vector<StatusCount>> counts(WallTime from, WallTime until) override;
  void prune(Retention retention, WallTime now, std::size_t records_max,
             async::Callback<Result<std::size_t>> done) override;

 private:
  struct State;
  std::shared_ptr<State> state_;  // answers of the store find it gone
};

}  // namespace cronfleet::history
