// cron/zone.h: a time zone as a value: the list of its offset changes.
//
// A Zone is immutable and holds no cache, so any number of threads may ask it at once. Zones are built at the edge
// (tz/zone_database.h) and handed to cron::next(), to the core and to the simulator as ZonePtr. A table covers 1900 to
// 2100, the rule for future years included; before its first and after its last change the nearest offset holds.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"

namespace cronfleet::cron {

// Seconds since 1970-01-01 00:00:00 on a wall clock of some zone.
using LocalSeconds = std::int64_t;

class Zone {
 public:
  // From the instant `at` (seconds since 1970, UTC) on, clocks show UTC + `offset` seconds.
  struct Change {
    std::int64_t at;
    std::int32_t offset;
  };

  // The time between two changes. `begin` and `end` are UTC seconds, end excluded; clocks show UTC + `offset`.
  struct Segment {
    std::int64_t begin;
    std::int64_t end;
    std::int64_t offset;
    // Local times below this one were shown before, in the segment in front (an overlap under three hours).
    LocalSeconds repeated_until;

    LocalSeconds local_begin() const { return begin + offset; }
    LocalSeconds local_end() const { return end + offset; }
  };

  // Changes of this size or more are corrections of the calendar (a skipped day), not a clock put forward or back.
  static constexpr std::int64_t kCorrectionSeconds = 3 * 3600;

  // `changes` in rising order; those that do not change the offset are dropped.
  Zone(std::string name, std::int32_t first_offset, const std::vector<Change>& changes);

  const std::string& name() const { return name_; }
  const std::vector<Segment>& segments() const { return segments_; }

  // Index of the segment that holds the instant. Constant time: one look into a table by quarter of a year.
  std::size_t segment_at(std::int64_t utc_seconds) const {
    if (segments_.size() == 1) return 0;
    const std::int64_t bucket = (utc_seconds - kFirstBucketAt) >> kBucketBits;
    if (bucket < 0) return segment_from(0, utc_seconds);
    if (bucket >= static_cast<std::int64_t>(first_in_bucket_.size())) return segments_.size() - 1;
    return segment_from(first_in_bucket_[static_cast<std::size_t>(bucket)], utc_seconds);
  }

  std::chrono::seconds offset_at(WallTime at) const {
    const auto whole = std::chrono::floor<std::chrono::seconds>(at.time_since_epoch()).count();
    return std::chrono::seconds(segments_[segment_at(whole)].offset);
  }

  // "2026-03-01T02:00:00+01:00": the moment as clocks in this zone show it.
  std::string to_local_rfc3339(WallTime at) const;

 private:
  static constexpr std::int64_t kFirstBucketAt = -2208988800;  // 1900-01-01
  static constexpr int kBucketBits = 23;                       // 97 days

  std::size_t segment_from(std::size_t index, std::int64_t utc_seconds) const {
    while (segments_[index].end <= utc_seconds) ++index;
    return index;
  }

  std::string name_;
  std::vector<Segment> segments_;
  std::vector<std::uint16_t> first_in_bucket_;
};

using ZonePtr = std::shared_ptr<const Zone>;

// Where zones come from. Implementations answer from any thread.
class ZoneSource {
 public:
  virtual ~ZoneSource() = default;
  // The zone of that exact name ("Europe/Berlin"); null when there is none. Equal names give the same pointer.
  virtual ZonePtr find(std::string_view name) const = 0;
  virtual std::vector<std::string> names() const = 0;  // sorted
  virtual std::string version() const = 0;             // of the zone data, as "2026f"
};

// "UTC"; always the same pointer.
ZonePtr utc();

}  // namespace cronfleet::cron
