// domain/job.h: what a user saves. The JSON form, its defaults and its errors: domain/job_json.h.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/ids.h"
#include "base/rare.h"
#include "base/status.h"
#include "base/time.h"
#include "domain/parameters.h"
#include "domain/where.h"

namespace cronfleet::domain {

using std::chrono::milliseconds;

// What to do when a firing comes due while a run of the job goes on (REL G5, protocol.md rules 19-21).
struct Overlap {
  enum class Mode : std::uint8_t { Forbid, Allow, Replace, Queue };
  Mode mode = Mode::Forbid;
  std::int16_t queue_max =
      0;  // Queue only, 1..1000: firings that may wait; past that the oldest becomes skipped(queue_full)
  bool fenced() const { return mode != Mode::Allow; }
  friend bool operator==(const Overlap&, const Overlap&) = default;
};

// What to do with firings that nobody started in time (REL-16, protocol.md rule 20).
struct Misfire {
  enum class Mode : std::uint8_t { RunOnce, Skip, RunAll };
  Mode mode = Mode::RunOnce;
  std::int16_t run_all_max = 0;  // RunAll only, 1..10000
  friend bool operator==(const Misfire&, const Misfire&) = default;
};

struct Retry {
  int count = 0;  // further attempts after the first, 0..100
  milliseconds delay{0};
  double factor = 1.0;  // 1..10: each delay is the former times this
  milliseconds delay_max{std::chrono::hours(1)};
  std::vector<int> exit_codes;  // only after these; empty: after any failure
  friend bool operator==(const Retry&, const Retry&) = default;
};

struct Delivery {
  enum class Mode : std::uint8_t { AtMostOnce, AtLeastOnce };
  Mode mode = Mode::AtMostOnce;
  std::int16_t attempts_max = 1;  // AtLeastOnce only, 1..100; retries and re-deliveries share the count
  friend bool operator==(const Delivery&, const Delivery&) = default;
};

// Kernel limits of a run's processes; absent: inherited from the service.
struct Limits {
  std::optional<std::uint64_t> cpu_seconds, address_space_bytes, open_files, processes, file_size_bytes;
  friend bool operator==(const Limits&, const Limits&) = default;
};

// What the processes of a run find around them.
struct ProcessSettings {
  std::vector<std::string> shell{"/bin/bash", "-c"};  // the command text is appended as one argument
  std::map<std::string, std::string> environment;     // JSON key "env"
  std::string working_directory;                      // empty: "/"
  std::string user;                                   // empty: the service's own
  std::optional<unsigned> umask;                      // 0..0777; absent: 022
  Limits limits;
  std::uint64_t output_bytes_max = 1 << 20;  // head and tail kept together, 0..64 MiB
  friend bool operator==(const ProcessSettings&, const ProcessSettings&) = default;
};

// Which instants of its schedule count.
struct Window {
  std::optional<WallTime> paused_until;  // instants before it are no firings
  std::optional<WallTime> starts_at;     // first instant that counts
  std::optional<WallTime> ends_at;       // first instant that no longer counts
  friend bool operator==(const Window&, const Window&) = default;
};

// How long things may take.
struct Timing {
  milliseconds timeout{0};  // of a run; 0: none
  milliseconds kill_grace{std::chrono::seconds(10)};
  milliseconds catch_up_window{std::chrono::hours(24)};
  milliseconds start_deadline{std::chrono::seconds(60)};
  milliseconds jitter{0};  // at most; fixed per firing by hash
  friend bool operator==(const Timing&, const Timing&) = default;
};

// For people and filters: it changes nothing of what is run.
struct About {
  std::map<std::string, std::string> labels;
  std::string description;
  std::string owner;
  friend bool operator==(const About&, const About&) = default;
};

// 128 bits, in a document as 32 hex digits.
class Stamp {
 public:
  Stamp() = default;
  explicit Stamp(const std::array<unsigned char, 16>& bits) : bits_(bits), set_(true) {}
  static Stamp from_text(std::string_view text);  // unset where it is none: what it stands in is adopted either way
  std::string text() const;                       // empty where it is unset
  explicit operator bool() const { return set_; }
  friend bool operator==(const Stamp&, const Stamp&) = default;

 private:
  std::array<unsigned char, 16> bits_{};
  bool set_ = false;
};

// A worker holds one for every job of the fleet: what few of them set is Rare.
struct Job {
  JobName name;
  std::string schedule;         // the expression as written (cron-semantics.md)
  Rare<std::string> time_zone;  // IANA name; empty: UTC
  // Text for the shell, or an argument vector that is executed as it is.
  std::variant<std::string, std::vector<std::string>> command;
  Rare<ProcessSettings> process;
  Rare<Window> window;
  Rare<About> about;
  Rare<Timing> timing;
  Rare<Retry> retry;
  Rare<Where> where;  // which workers may run it; a change moves no firings, so the stamp does not cover it
  Rare<std::vector<Parameter>> parameters;  // of runs asked for by hand; a change moves no firings

  // Set by a save (protocol.md rules 1, 5, 25); absent in a document put by hand until it is adopted.
  std::optional<WallTime> since;
  std::optional<WallTime> schedule_set_at;  // anchor of @every
  Stamp stamp;
  bool enabled = true;
  Overlap overlap;
  Misfire misfire;
  Delivery delivery;

  // Whether claims of this job take its lock, and whether others may follow its runs (protocol.md rule 18).
  bool fenced() const { return overlap.fenced() || delivery.mode == Delivery::Mode::AtLeastOnce; }
  int attempts_max() const;
  friend bool operator==(const Job&, const Job&) = default;
};

using JobPtr = std::shared_ptr<const Job>;

// The job as a user would write it: without what a save sets by itself.
Job without_bookkeeping(Job job);

// 1..128 characters of any script, spaces inside; no control characters, none of / : @ # ? %, no space at either end,
// valid UTF-8. InvalidArgument names the rule that is broken.
Result<JobName> make_job_name(std::string_view text);

// Hash over name, schedule, zone, windows, pause, enabled and since (protocol.md rule 5). A document
// whose stamp differs was edited by hand and is adopted before anybody claims it.
Stamp stamp_of(const Job& job);
bool has_valid_stamp(const Job& job);

// Whether a change from `before` to `after` moves firings (schedule, zone, window, pause, enabled): such a save sets
// since.
bool changes_firings(const Job& before, const Job& after);

}  // namespace cronfleet::domain
