// history/history_writer.h: batches records and output on their way into the history, and never drops any.
//
// A batch closes at `batch_records` (or `batch_bytes`) or after `batch_delay`, whichever comes first; one call to the
// history is under way at a time. Failures are repeated with backoff and jitter for ever: until the answer, the record
// is safe in the running/ key and the runner's journal. What got no answer is sent again in halves, for a server that
// is slower than its time-out for as much as we sent would never be done with it; whole batches come back with success.
// Output of a run is stored before its record. Loop thread only.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "async/loop.h"
#include "base/rng.h"
#include "history/run_history.h"

namespace cronfleet::history {

struct HistoryOptions {
  std::size_t batch_records = 200;             // sent together; more is cheaper per record
  std::size_t batch_chunks = 1'000;            // pieces of output sent together
  std::size_t batch_bytes = 4 << 20;           // of text or output sent together, so that no call takes long
  std::chrono::milliseconds batch_delay{200};  // the longest a record waits for company
  std::chrono::milliseconds output_delay{50};  // the longest output waits: people watch it
  std::chrono::milliseconds retry_delay{100};  // after a failure; doubles up to retry_delay_max, less up to a half
  std::chrono::milliseconds retry_delay_max{10'000};
  std::size_t output_bytes_max = 8 << 20;     // of output held in memory; past it chunks are refused, and come again
                                              // from the journal when their run is recorded
  std::size_t output_bytes_away = 256 << 10;  // the same while the history gives no answer
  std::size_t record_bytes_max = 64 << 20;    // past it has_room() is false
};

class HistoryWriter {
 public:
  using Recorded = async::Callback<Inserted>;  // Stored, Duplicate or Refused: final in any case

  // All counted since the start.
  struct Counters {
    std::uint64_t stored = 0, duplicates = 0, refused = 0;  // records
    std::uint64_t chunks_stored = 0;                        // acknowledged, among them those that stood already
    std::uint64_t chunks_set_aside = 0;                     // could never be stored
    std::uint64_t chunks_without_room = 0;                  // output() answered false
    std::uint64_t failures = 0;                             // calls that were repeated
  };
  // A record or a chunk that can never be stored, and what the history said about it.
  struct SetAside {
    domain::RunId run;
    std::string reason;
  };

  HistoryWriter(RunHistory& history, async::Timers& timers, const async::Clock& clock, Rng rng, HistoryOptions options);
  ~HistoryWriter();

  // Never refuses: see has_room() for who wants to keep memory small.
  void record(domain::RunRecord record, Recorded done);
  // False: no room, the chunk was not taken. Offer it and what follows it again before its run is recorded.
  bool output(domain::OutputChunk chunk);

  // Chunks that output() took since the start, and how many of these are through: stored or set aside, in order.
  std::uint64_t output_taken() const;
  std::uint64_t output_done() const;
  std::size_t records_waiting() const;
  std::optional<WallTime> oldest_waiting() const;  // when the run of the first record that waits was over
  std::size_t output_bytes_waiting() const;
  // False while the records waiting hold more than `record_bytes_max`: leave further ones where they are safe.
  bool has_room() const;
  // Empty while the history answers; else what it last said.
  const std::string& trouble() const;
  std::chrono::milliseconds latency() const;  // of the last call that was answered; 0 before the first
  const Counters& counters() const;
  const std::deque<SetAside>& set_aside() const;  // the newest 32
  // Sends what there is without waiting for company and calls `done` when nothing is left (or never, while it is down).
  void flush(async::Task done);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace cronfleet::history
