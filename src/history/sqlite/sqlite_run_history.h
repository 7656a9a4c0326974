// history/sqlite/sqlite_run_history.h: the run history in an SQLite file of its own, for one machine.
//
// Writes go to one writer thread, which commits all that is queued in one transaction, synced to disk before anything
// of it is answered: kill -9 or a power cut loses no answered record. Reads use a few connections of their own and
// block neither the writer nor each other. The file format is in docs/formats.md and schema.cc.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "async/clock.h"
#include "async/loop.h"
#include "history/run_history.h"

namespace cronfleet::history {

struct SqliteHistoryOptions {
  Retention retention;                     // a record past its age is refused: prune() would delete it again
  std::size_t readers = 4;                 // connections; one more reader waits for the first to finish
  std::size_t cache_bytes = 32 << 20;      // pages that the writer holds in memory
  std::size_t queue_bytes_max = 64 << 20;  // of writes that wait; past it they answer Unavailable
  std::uint64_t file_bytes_max = 0;        // past it writes answer NoSpace; 0: as the disk allows
};

class SqliteRunHistory final : public RunHistory {
 public:
  // Writes are answered on `loop`, which must outlive this.
  //   InvalidArgument  the path cannot be used, or the file is another program's or of an unknown version
  //   Corrupt          it is damaged; the sentence says what to do
  static Result<std::unique_ptr<SqliteRunHistory>> open(const std::string& path, async::Loop& loop,
                                                        const async::Clock& clock, SqliteHistoryOptions options);
  ~SqliteRunHistory() override;  // writes what is queued first

  void insert(std::vector<domain::RunRecord> records, async::Callback<Result<std::vector<Inserted>>> done) override;
  void append_output(std::vector<domain::OutputChunk> chunks, async::Callback<Result<std::size_t>> done) override;
  Result<domain::RunRecord> get(const domain::RunId& run) override;
  Result<RunPage> find(const RunQuery& query) override;
  Result<OutputSlice> output(const domain::RunId& run, std::uint64_t from, std::size_t bytes_max) override;
  Result<std::vector<StatusCount>> counts(WallTime from, WallTime until) override;
  void prune(Retention retention, WallTime now, std::size_t records_max,
             async::Callback<Result<std::size_t>> done) override;

  std::uint64_t too_old() const;  // records refused for their age since the start; any thread

 private:
  struct Impl;
  explicit SqliteRunHistory(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace cronfleet::history
