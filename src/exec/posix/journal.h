// exec/posix/journal.h: what the runner writes down on local disk before it tells it: intents, output, ends (REL-6).
// journal_frames.h has the form; replay.h reads it.
//
// Segments are freed oldest first, once all their runs are acknowledged; what a long run still needs of an old segment
// is carried over into the newest. Disk full (REL-F13): output is no longer taken; intents and ends go to the reserve.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "exec/posix/file.h"
#include "exec/posix/journal_frames.h"
#include "exec/posix/messages.h"

namespace cronfleet::exec::posix {

struct JournalOptions {
  std::string folder;
  std::uint64_t bytes_max = 512ull << 20;  // 80 % of it: output is only counted; all of it: full()
  std::uint64_t segment_bytes = 8ull << 20;
  std::uint64_t reserve_bytes = 4ull << 20;  // set aside for intents and ends: about 15,000 of them
};

// One thread, but for File (below). Fails only where it says so: full() tells of a full disk.
class Journal {
 public:
  // Makes the folder, takes its lock, cuts a torn end, begins a new segment. Blocks while another runner, which is
  // ending its runs, holds the lock, for at most `patience`.
  //   Conflict     the lock is still held after that
  //   NoSpace      no room for the reserve
  //   Unavailable  the folder cannot be used; the sentence says why
  static Result<std::unique_ptr<Journal>> open(JournalOptions options, std::chrono::milliseconds patience);
  ~Journal();

  // Small frames: kept until flush(), which writes them together; never refused. Those that something waits for make
  // the flush urgent, starts and acknowledgements may wait a little.
  void add_intent(std::string_view run);
  void add(const StartedReport& report);
  void add(const StartFailedReport& report);
  void add(const EndedReport& report);
  void acknowledge(std::string_view run);  // and frees what can be freed
  void flush();
  bool flush_urgent() const { return urgent_; }
  bool flush_wanted() const { return !waiting_.empty(); }

  // Written at once. False: no room, the bytes are to be counted as dropped.
  bool add_output(std::string_view run, const OutputReport& head, std::string_view bytes);

  // Files with bytes not yet known to be on disk; the sync thread calls sync() on each. After that everything flushed
  // before take_unsynced() is durable.
  struct File {
    Fd fd;
    std::string path;
    bool folder = false;
    Result<void> sync() const;
  };
  std::vector<std::shared_ptr<const File>> take_unsynced();
  bool unsynced() const { return !unsynced_.empty(); }

  bool full() const { return full_; }
  bool takes_output() const { return !full_ && total_bytes_ < options_.bytes_max / 10 * 8; }
  void retry();  // while full(), about each second: looks whether there is room again
  // All that the one segment holds is acknowledged. tidy() then gives its bytes back, but for empty_bytes().
  bool idle() const;
  void tidy();
  static std::uint64_t empty_bytes();  // of a segment that holds nothing
  std::uint64_t bytes() const { return total_bytes_; }
  std::size_t runs() const;  // that are not acknowledged: 8 bytes of memory each, and some 80 for the newest
  std::size_t segments() const { return segments_.size(); }
  std::uint64_t live_bytes() const { return live_bytes_; }  // of runs that are not acknowledged

 private:
  // Where a run that is not acknowledged has its frames: in no segment before the first and in none after the last, but
  // for those of segments where it is at rest.
  struct Place {
    std::uint64_t bytes = 0, first = 0, last = 0;
    bool over = false;  // it has its end, or did not start: no frame follows unless it is started once more
  };
  struct Segment {
    std::uint64_t number = 0;
    std::shared_ptr<File> file;
    std::uint64_t bytes = 0;           // written
    std::uint64_t bytes_reserved = 0;  // of a reserve in use: no more than this fits
    std::size_t first_of = 0;          // how many runs have it as their first
    // Runs that are over and have all their frames here: the first halves of their digests, in order.
    std::vector<std::uint64_t> at_rest;
    std::uint64_t at_rest_bytes = 0;
  };
  struct Frame {
    RunDigest run;
    std::uint8_t type;
    std::string bytes;
  };
  explicit Journal(JournalOptions options) : options_(std::move(options)) {}

  Result<void> load();
  Result<void> load_segment(std::uint64_t number);
  Result<void> begin_segment();
  Result<void> make_reserve();
  bool use_reserve();
  void add_frame(std::string_view run, std::uint8_t type, std::string_view payload);
  bool write(std::string_view a, std::string_view b);
  void count(const RunDigest& run, std::uint8_t type, std::uint64_t bytes);
  void forget(const RunDigest& run);
  void put_to_rest();
  void wake(const RunDigest& run, Segment& segment, std::uint64_t bytes);
  void rotate_when_due();
  void collect();
  bool carry_over(Segment& segment);
  std::string path(std::uint64_t number) const;

  JournalOptions options_;
  Fd lock_;
  std::shared_ptr<File> folder_;
  RunHasher hasher_;
  std::map<std::uint64_t, Segment> segments_;                 // the last one is written to
  std::unordered_map<RunDigest, Place, RunDigestHash> live_;  // but for those at rest
  std::uint64_t live_bytes_ = 0, total_bytes_ = 0;
  std::vector<Frame> waiting_;  // until flush(); longer only while even the reserve is used up
  std::vector<std::shared_ptr<File>> unsynced_;
  bool reserve_ready_ = false, full_ = false, urgent_ = false;
};

}  // namespace cronfleet::exec::posix
