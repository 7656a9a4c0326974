#include "cron/zone.h"

#include <algorithm>
#include <limits>

#include "base/check.h"

namespace cronfleet::cron {
namespace {

// Far from every instant we meet, near enough that an offset can be added.
constexpr std::int64_t kAlways = std::int64_t{1} << 60;
constexpr std::int64_t kLastBucketAt = 4133980800;  // 2101-01-01

}  // namespace

Zone::Zone(std::string name, std::int32_t first_offset, const std::vector<Change>& changes) : name_(std::move(name)) {
  segments_.push_back({-kAlways, kAlways, first_offset, -kAlways});
  for (const Change& change : changes) {
    Segment& last = segments_.back();
    if (change.offset == last.offset) continue;
    CHECK(change.at > last.begin);
    last.end = change.at;
    const LocalSeconds until = last.local_end();
    const std::int64_t back = last.offset - change.offset;
    segments_.push_back({change.at, kAlways, change.offset, back > 0 && back < kCorrectionSeconds ? until : -kAlways});
  }
  CHECK(segments_.size() < std::numeric_limits<std::uint16_t>::max());
  if (segments_.size() == 1) return;
  std::size_t index = 0;
  for (std::int64_t at = kFirstBucketAt; at < kLastBucketAt; at += std::int64_t{1} << kBucketBits) {
    index = segment_from(index, at);
    first_in_bucket_.push_back(static_cast<std::uint16_t>(index));
  }
}

std::string Zone::to_local_rfc3339(WallTime at) const {
  const auto offset = offset_at(at);
  std::string text = to_rfc3339(at + offset);
  text.pop_back();  // Z
  const std::int64_t minutes = std::abs(offset.count()) / 60;
  return fmt::format("{}{}{:02}:{:02}", text, offset.count() < 0 ? '-' : '+', minutes / 60, minutes % 60);
}

ZonePtr utc() {
  static const ZonePtr zone = std::make_shared<const Zone>("UTC", 0, std::vector<Zone::Change>{});
  return zone;
}

}  // namespace cronfleet::cron
