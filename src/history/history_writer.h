// history/history_writer.h: batches records and output on their way into the history, and never drops any.
//
// A batch closes at `batch_records` or after `batch_delay`, whichever comes first; one insert is under way at a time.
// Failures are repeated with backoff and jitter for ever: until the answer, the record is safe in the running/ key and
// the runner's journal. Output of a run is stored before its record. Loop thread only.
#pragma once

#include <cstddef>
#include <memory>

#include "async/loop.h"
#include "base/rng.h"
#include "history/run_history.h"

namespace cronfleet::history {

struct HistoryOptions {
  std::size_t batch_records = 200;             // sent together; more is cheaper per record
  std::chrono::milliseconds batch_delay{200};  // the longest a record waits for company
  std::size_t output_bytes_max = 8 << 20;      // of output held in memory; past it chunks are refused, and come again
                                               // from the journal when their run is recorded
};

class HistoryWriter {
 public:
  using Recorded = async::Callback<Inserted>;  // Stored, Duplicate or Refused: final in any case

  HistoryWriter(RunHistory& history, async::Timers& timers, const async::Clock& clock, Rng rng, HistoryOptions options);
  ~HistoryWriter();

  void record(domain::RunRecord record, Recorded done);
  void output(domain::OutputChunk chunk);

  std::size_t records_waiting() const;
  // Empty while the history answers; else what it last said.
  const std::string& trouble() const;
  // Sends what there is without waiting for company and calls `done` when nothing is left (or never, while it is down).
  void flush(async::Task done);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace cronfleet::history
