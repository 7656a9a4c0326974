// runtime/outbox.h: what this worker still owes the history: the output and the records of its runs, from the effect
// that hands a record over to the event that says that the history has it.
//
//   output   to the writer; what it has no room for waits here, per run in order, and the record of the run behind it
//   records  to the writer; without room to the shelf, while memory keeps a digest; and where too many ended keys wait
//            in the store, to the spool (protocol.md rule 29)
//   attic    what the journal of an earlier life has of the output of many runs, until the record of each goes; where
//            others recorded the run, until no other output waits
//
// Loop thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "coord/guard.h"
#include "history/attic.h"
#include "runtime/measures.h"
#include "runtime/worker_parts.h"

namespace cronfleet::runtime {

class Outbox {
 public:
  using Step = std::function<void(core::Event)>;

  // `step` takes each event for the scheduler: at once or, during an effect, after it. All are borrowed.
  Outbox(WorkerParts& parts, const WorkerOptions& options, Measures& measures, WorkerObserver& observer, Step step);

  // What earlier lives spooled; some at a time, then `done`.
  void read_spool(async::Task done);
  bool spool_read() const { return spool_read_; }

  void output(domain::OutputChunk chunk);
  // What an earlier life left of it, or nothing.
  void left(const domain::RunId& run, const core::RunOutput& output);
  void perform(core::Record& record);
  void perform(core::RecordRange& range);
  void perform(core::Shelve& shelve);
  void perform(core::UnshelveAll& all);
  void perform(core::Spool& spool);
  void perform(core::Forget& forget);
  // After each event: says in one, to be stepped through inside this call, whether there is room, and fetches some of
  // what waits on the shelf when there is.
  void settle(const std::function<void(const core::Event&)>& step_now);
  // Now and then: what had no room is offered again, and the log hears of a history that went or is back.
  void look();

  const history::HistoryWriter& writer() const { return writer_; }
  // Records on their way into the history, in memory and on the shelf.
  std::size_t records_waiting() const;
  std::size_t output_bytes_waiting() const;        // in memory
  std::optional<WallTime> oldest_waiting() const;  // when the run of the one that has waited longest was over
  void add_warnings(std::vector<std::string>& warnings) const;

 private:
  std::size_t records_held() const;
  std::size_t records_spooled() const;
  bool has_room() const;
  bool has_room_for_bytes() const;
  bool may_unshelve() const;
  core::Event unshelved();
  std::optional<core::RunOutput> find_left(const domain::RunId& run);
  std::optional<core::RunOutput> take_left(const domain::RunId& run);
  void send_output();
  void offer_output(domain::OutputChunk chunk);
  void offer_all(std::vector<domain::OutputChunk> chunks);
  void forget_behind_output(const domain::RunId& run);
  void record_when_output_is_through(domain::RunRecord record);
  void count(const domain::RunEnd& end, domain::Trigger trigger, WallTime scheduled_at);
  void look_at_spool(std::string trouble);
  void look_at_history();

  WorkerParts& parts_;
  const WorkerOptions& options_;
  Measures& measures_;
  WorkerObserver& observer_;
  const Step step_;
  history::HistoryWriter writer_;
  history::Attic attic_;

  // Output that the writer had no room for, per run in order, and records that wait behind it.
  std::map<domain::RunId, std::vector<domain::OutputChunk>> output_waiting_;
  std::size_t output_waiting_bytes_ = 0;
  std::map<domain::RunId, domain::RunRecord> records_waiting_;
  std::deque<domain::RunId> recorded_by_others_;  // their output lies in the attic until no other waits
  // Runs that the journal may drop when the output that waits for them is through, or so much that the writer took.
  std::set<domain::RunId> forgotten_;
  std::deque<std::pair<std::uint64_t, domain::RunId>> forgotten_after_;

  bool room_told_ = true;      // as the scheduler knows it
  WallTime shelf_ended_at_{};  // when about the run was over that is first on the shelf
  bool spool_read_ = false;
  bool history_away_ = false;  // as the log says
  std::string spool_trouble_;  // as the log says: why the spool takes no records,
  std::string spool_lost_;     // and which file of it could not be read
  coord::Guard alive_;
};

}  // namespace cronfleet::runtime
