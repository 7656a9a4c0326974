// base/time.h: moments and their text.
//
// WallTime is UTC with microseconds and can jump: schedules, records. Firings lie on whole milliseconds.
// MonoTime never goes back and counts through suspend (CLOCK_BOOTTIME): leases, time-outs, measurements.
// The two do not convert into each other. Neither has a now(): clocks are handed in (async/clock.h).
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"

namespace cronfleet {

struct WallTag {
  using duration = std::chrono::microseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<WallTag, duration>;
  static constexpr bool is_steady = false;
};
struct MonoTag {
  using duration = std::chrono::nanoseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<MonoTag, duration>;
  static constexpr bool is_steady = true;
};
using WallTime = WallTag::time_point;
using MonoTime = MonoTag::time_point;
using Millis = std::chrono::milliseconds;

// Milliseconds since 1970, rounded down; the form in which instants are stored.
constexpr std::int64_t to_ms(WallTime at) { return std::chrono::floor<Millis>(at.time_since_epoch()).count(); }
constexpr WallTime from_ms(std::int64_t ms) { return WallTime(Millis(ms)); }
constexpr WallTime from_seconds(std::int64_t seconds) { return WallTime(std::chrono::seconds(seconds)); }

// "2026-03-01T02:00:00Z"; milliseconds are written only where there are some.
std::string to_rfc3339(WallTime at);
// "2026-03-01T02:00:00.123Z": always three digits (API-1).
std::string to_rfc3339_ms(WallTime at);
// RFC 3339 with Z or an offset, upper-case T and Z, up to nine digits of a second (kept to microseconds).
// InvalidArgument: not of that form, or no such date.
Result<WallTime> parse_rfc3339(std::string_view text);

// "1h30m", "90s", "0.5h", "250ms", "1d12h"; also ISO 8601 "PT1H30M". Units d h m s ms us ns, no sign, no spaces.
enum class NoDuration { NotOne, TooLong };  // not of that form; beyond 100 years
tl::expected<std::chrono::nanoseconds, NoDuration> read_duration(std::string_view text);
// The same, or InvalidArgument with a sentence.
Result<std::chrono::nanoseconds> parse_duration(std::string_view text);
// The shortest text that parse_duration reads back: "1h30m", "0s".
std::string to_text(std::chrono::nanoseconds duration);

}  // namespace cronfleet
