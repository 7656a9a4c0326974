// history/recent/recent_history.h: what a master without a common history knows of runs that are over: the newest
// record of each job and those of runs started by hand, as their workers published them (published_history.h). It is
// read only: writes are InvalidArgument.
#pragma once

#include "async/loop.h"
#include "coord/coord_store.h"
#include "core/entries.h"
#include "history/run_history.h"

namespace cronfleet::history {

class RecentHistory final : public RunHistory {
 public:
  // Both are borrowed; `loop` is the one on which the store answers.
  RecentHistory(coord::CoordStore& store, async::Loop& loop, core::Keys keys)
      : store_(store), loop_(loop), keys_(std::move(keys)) {}

  void insert(std::vector<domain::RunRecord> records, async::Callback<Result<std::vector<Inserted>>> done) override;
  void append_output(std::vector<domain::OutputChunk> chunks, async::Callback<Result<std::size_t>> done) override;
  Result<domain::RunRecord> get(const domain::RunId& run) override;
  Result<RunPage> find(const RunQuery& query) override;
  // Of a run that wrote little; nothing of others.
  Result<OutputSlice> output(const domain::RunId& run, std::uint64_t from, std::size_t bytes_max) override;
  Result<std::vector<StatusCount>> counts(WallTime from, WallTime until) override;
  void prune(Retention retention, WallTime now, std::size_t records_max,
             async::Callback<Result<std::size_t>> done) override;

 private:
  Result<std::vector<domain::RunRecord>> all();

  coord::CoordStore& store_;
  async::Loop& loop_;
  const core::Keys keys_;
};

}  // namespace cronfleet::history
