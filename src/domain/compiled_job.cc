#include "domain/compiled_job.h"

#include <strings.h>

#include <algorithm>
#include <string>
#include <vector>

#include "cron/parse.h"
#include "domain/json_reader.h"
#include "domain/nearest.h"

namespace cronfleet::domain {
namespace {

// The finalizer of MurmurHash3 over FNV-1a, as for H (cron-semantics.md §6).
std::uint64_t firing_hash(const JobName& name, WallTime instant) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  const auto mix = [&hash](unsigned char byte) { hash = (hash ^ byte) * 0x100000001b3ULL; };
  for (const char c : name.text()) mix(static_cast<unsigned char>(c));
  for (std::uint64_t ms = static_cast<std::uint64_t>(to_ms(instant)), i = 0; i < 8; ++i, ms >>= 8)
    mix(static_cast<unsigned char>(ms));
  hash ^= hash >> 33;
  hash *= 0xff51afd7ed558ccdULL;
  hash ^= hash >> 33;
  hash *= 0xc4ceb9fe1a85ec53ULL;
  return hash ^ (hash >> 33);
}

// "Berlin" and "berlin" mean Europe/Berlin; else a slip of the pen.
std::string nearest_zone(std::string_view name, const std::vector<std::string>& names) {
  std::vector<std::string_view> cities;
  for (const std::string& zone : names) cities.push_back(std::string_view(zone).substr(zone.rfind('/') + 1));
  const auto is_city = [&](std::string_view city) {
    return city.size() == name.size() && !name.empty() && strncasecmp(city.data(), name.data(), name.size()) == 0;
  };
  const auto city = std::find_if(cities.begin(), cities.end(), is_city);
  if (city != cities.end()) return names[static_cast<std::size_t>(city - cities.begin())];
  return std::string(nearest(name, {names.begin(), names.end()}));
}

}  // namespace

tl::expected<CompiledJob, DocumentErrors> compile(JobPtr job, const cron::ZoneSource& zones) {
  DocumentErrors errors;
  const auto parsed = cron::parse(job->schedule, {.key = job->name.text(), .zones = &zones});
  if (!parsed) {
    const cron::ParseError& error = parsed.error();
    errors.add({"/schedule", 0, error.column, error.message, ""});
  }
  cron::ZonePtr zone = job->time_zone->empty() ? cron::utc() : zones.find(*job->time_zone);
  if (zone == nullptr)
    errors.add({"/time_zone", 0, 0,
                fmt::format("expected the name of a time zone like Europe/Berlin, found {}", quoted(*job->time_zone)),
                nearest_zone(*job->time_zone, zones.names())});
  if (!errors.empty()) return tl::unexpected(std::move(errors));
  cron::Schedule schedule = parsed->schedule;
  if (schedule.is_every() && job->schedule_set_at) schedule = schedule.anchored_at(*job->schedule_set_at);
  if (parsed->zone != nullptr) zone = parsed->zone;
  WallTime from = WallTime::min(), until = WallTime::max();
  if (job->window->starts_at) from = std::max(from, *job->window->starts_at);
  if (job->window->paused_until) from = std::max(from, *job->window->paused_until);
  if (job->window->ends_at) until = *job->window->ends_at;
  if (!job->enabled) until = WallTime::min();
  return CompiledJob{std::move(job), std::move(schedule), std::move(zone), from, until};
}

std::optional<WallTime> next_firing(const CompiledJob& compiled, WallTime after) {
  if (after >= compiled.counts_until) return std::nullopt;
  // "Strictly after" one tick before the bound is "at or after" it.
  if (after < compiled.counts_from) after = compiled.counts_from - WallTime::duration(1);
  auto next = cron::next(compiled.schedule, *compiled.zone, after);
  // A fraction of a second in `after` is dropped by the search, so an instant before the bound may come out.
  while (next && *next <= after) next = cron::next(compiled.schedule, *compiled.zone, *next);
  if (next && *next >= compiled.counts_until) return std::nullopt;
  return next;
}

std::chrono::milliseconds jitter_of(const CompiledJob& compiled, WallTime instant) {
  const auto most = compiled.job->timing->jitter;
  if (most.count() <= 0) return std::chrono::milliseconds(0);
  std::int64_t limit = most.count() + 1;
  if (const auto next = cron::next(compiled.schedule, *compiled.zone, instant))
    limit = std::min(limit, to_ms(*next) - to_ms(instant));
  return std::chrono::milliseconds(
      static_cast<std::int64_t>(firing_hash(compiled.job->name, instant) % static_cast<std::uint64_t>(limit)));
}

}  // namespace cronfleet::domain
