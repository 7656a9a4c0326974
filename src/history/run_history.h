// history/run_history.h: what came of every firing, and what the runs wrote. Final records only, inserted once.
//
// Writes answer on the Loop given at construction and never inside the call; each is idempotent by id, so an answer of
// Unavailable or a crash is followed by the same call again. Reads block, are safe from any thread and are meant for
// the handler threads of the API. Moments are kept in whole milliseconds; a record is listed by, and grows old from,
// the instant in its run id (scheduled_at for a run started by hand), here called its plan time. The exact contract is
// the suite in tests/conformance/, which every backend passes; history/contract.h has what all backends do alike.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "async/callback.h"
#include "base/status.h"
#include "domain/run.h"

namespace cronfleet::history {

// What came of one record of an insert.
struct Inserted {
  enum class Outcome {
    Stored,
    Duplicate,  // a record of this run id stood already: it stands, and `standing` says what it is
    Refused,  // can never be stored (too large, invalid, older than the retention); `error` says why. The others were.
  };
  Outcome outcome = Outcome::Stored;
  domain::RunStatus standing = domain::RunStatus::Lost;  // Duplicate: its status
  bool standing_final = true;                            // Duplicate: its `final`
  std::string error;
};

enum class Order { NewestFirst, OldestFirst };  // by plan time, then by RunId's own order

struct RunQuery {
  std::optional<JobName> job;
  std::vector<domain::RunStatus> statuses;  // any of these; empty: all
  std::optional<NodeId> worker;
  std::optional<WallTime> from, until;  // plan time in [from, until)
  Order order = Order::NewestFirst;
  std::size_t limit = 50;  // 1..500
  std::string cursor;      // of the page before; empty: first page
};
struct RunPage {
  std::vector<domain::RunRecord> items;  // without `output`
  std::string next_cursor;               // empty: no more. Stable while records are inserted.
};

struct OutputSlice {
  std::vector<domain::OutputChunk>
      chunks;                     // in order, at least one where there is one; the first may begin before `from`
  std::uint64_t next_offset = 0;  // ask from here for more
};

struct Retention {
  std::chrono::hours age{24 * 90};         // 0: for ever
  std::uint64_t records_per_job = 10'000;  // the newest; 0: all
};

struct StatusCount {
  domain::RunStatus status;
  std::uint64_t count = 0;  // of firings: a range counts for all of its own
};

class RunHistory {
 public:
  virtual ~RunHistory() = default;

  // Stores all of `records` durably; one answer each, in order.
  //   NoSpace      disk or quota full; nothing of the batch is stored
  //   Corrupt      the store is damaged; the sentence says what to do
  //   Unavailable  no answer in time; each may or may not be stored: insert again
  virtual void insert(std::vector<domain::RunRecord> records, async::Callback<Result<std::vector<Inserted>>> done) = 0;
  // Stores chunks by (run, sequence); one that exists already is left as it is. Answers how many were new.
  //   InvalidArgument  one of them can never be stored; none was
  virtual void append_output(std::vector<domain::OutputChunk> chunks, async::Callback<Result<std::size_t>> done) = 0;

  virtual Result<domain::RunRecord> get(const domain::RunId& run) = 0;  // with `output`; NotFound
  //   InvalidArgument  limit out of range, or not a cursor of ours
  virtual Result<RunPage> find(const RunQuery& query) = 0;
  // Output of a run, finished or not, from byte `from` of all it wrote; at most about `bytes_max`.
  virtual Result<OutputSlice> output(const domain::RunId& run, std::uint64_t from, std::size_t bytes_max) = 0;
  // By plan time in [from, until); in order of status, without those that do not occur.
  virtual Result<std::vector<StatusCount>> counts(WallTime from, WallTime until) = 0;

  // Deletes what is past `retention` (oldest first, output too), at most `records_max` records; answers how many. Call
  // again until 0. Output of which no record ever came goes by its own age.
  virtual void prune(Retention retention, WallTime now, std::size_t records_max,
                     async::Callback<Result<std::size_t>> done) = 0;
};

}  // namespace cronfleet::history
