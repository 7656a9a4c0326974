#include "tz/zone_database.h"

#include <absl/time/time.h>

#include <algorithm>
#include <fstream>

#include "domain/nearest.h"

namespace cronfleet::tz {
namespace {

constexpr std::string_view kVersionMark = "# version ";

// The words of one line of tzdata.zi that name a zone: "Z name ..." and "L target name".
std::string name_in(std::string_view line) {
  std::size_t skipped = 0;
  if (line.starts_with("Z ")) skipped = 1;
  if (line.starts_with("L ")) skipped = 2;
  if (skipped == 0) return "";
  for (; skipped > 0; --skipped) {
    const std::size_t space = line.find(' ');
    if (space == std::string_view::npos) return "";
    line.remove_prefix(space + 1);
  }
  return std::string(line.substr(0, line.find(' ')));
}

// The instant at which clocks go from `change.from` to `change.to`. A gap holds `from`, an overlap holds `to`; where
// only the abbreviation changes, both exist once.
absl::Time instant_of(const absl::TimeZone& zone, const absl::TimeZone::CivilTransition& change) {
  const absl::TimeZone::TimeInfo info = zone.At(std::min(change.from, change.to));
  return info.kind == absl::TimeZone::TimeInfo::UNIQUE ? info.pre : info.trans;
}

cron::ZonePtr read(const std::string& name) {
  absl::TimeZone source;
  if (!absl::LoadTimeZone(name, &source)) return nullptr;
  const absl::Time begin = absl::FromCivil(absl::CivilSecond(1900, 1, 1), absl::UTCTimeZone());
  const absl::Time end = absl::FromCivil(absl::CivilSecond(2101, 1, 1), absl::UTCTimeZone());
  std::vector<cron::Zone::Change> changes;
  absl::TimeZone::CivilTransition transition;
  for (absl::Time at = begin; source.NextTransition(at, &transition);) {
    at = instant_of(source, transition);
    if (at >= end) break;
    changes.push_back({absl::ToUnixSeconds(at), source.At(at).offset});
  }
  return std::make_shared<const cron::Zone>(name, source.At(begin).offset, changes);
}

}  // namespace

Result<std::shared_ptr<const ZoneDatabase>> ZoneDatabase::open(const std::string& folder) {
  std::ifstream list(folder + "/tzdata.zi");
  if (!list) return fail(Code::NotFound, "no time zones: {}/tzdata.zi is missing; install the package tzdata", folder);
  std::set<std::string, std::less<>> names;
  std::string version = "unknown";
  for (std::string line; std::getline(list, line);) {
    if (line.starts_with(kVersionMark)) version = line.substr(kVersionMark.size());
    if (std::string name = name_in(line); !name.empty()) names.insert(std::move(name));
  }
  names.insert("UTC");
  return std::shared_ptr<const ZoneDatabase>(new ZoneDatabase(std::move(names), std::move(version)));
}

cron::ZonePtr ZoneDatabase::find(std::string_view name) const {
  if (name == "UTC") return cron::utc();
  const auto known = names_.find(name);
  if (known == names_.end()) return nullptr;
  const std::lock_guard lock(mutex_);
  const auto found = loaded_.find(name);
  if (found != loaded_.end()) return found->second;
  cron::ZonePtr zone = read(*known);
  if (zone != nullptr) loaded_.emplace(*known, zone);
  return zone;
}

std::vector<std::string> ZoneDatabase::names() const { return {names_.begin(), names_.end()}; }

std::string ZoneDatabase::nearest(std::string_view name) const {
  return std::string(domain::nearest(name, {names_.begin(), names_.end()}));
}

}  // namespace cronfleet::tz
