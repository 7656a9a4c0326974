#include "cron/query.h"

#include <utility>

namespace cronfleet::cron {
namespace {

using Compiled = std::pair<Schedule, ZonePtr>;

tl::expected<Compiled, QueryError> compile(const Query& query, const ZoneSource& zones) {
  if (query.count < 1 || query.count > kFiringsMax) {
    return tl::unexpected(
        QueryError{"count", "count", 0, 0, 0, fmt::format("count is {}, expected 1 to {}", query.count, kFiringsMax)});
  }
  auto parsed = parse(query.expression, {.key = query.key, .zones = &zones});
  if (!parsed) {
    ParseError& error = parsed.error();
    return tl::unexpected(QueryError{to_string(error.code), error.field, error.position, error.column, error.length,
                                     std::move(error.message)});
  }
  ZonePtr zone = parsed->zone;
  if (zone == nullptr) zone = zones.find(query.time_zone);
  if (zone == nullptr) {
    return tl::unexpected(
        QueryError{"zone", "time_zone", 0, 0, 0, fmt::format("unknown time zone '{}'", query.time_zone)});
  }
  return Compiled{parsed->schedule.anchored_at(query.from), std::move(zone)};
}

Firings firings_of(const Compiled& compiled, const Query& query) {
  Firings found{compiled.second, {}};
  WallTime after = query.from;
  while (static_cast<std::int64_t>(found.firings.size()) < query.count) {
    const auto at = next(compiled.first, *found.zone, after);
    if (!at) break;
    found.firings.push_back(*at);
    after = *at;
  }
  return found;
}

}  // namespace

tl::expected<Firings, QueryError> firings(const Query& query, const ZoneSource& zones) {
  return compile(query, zones).map([&](const Compiled& compiled) { return firings_of(compiled, query); });
}

tl::expected<Explanation, QueryError> explain(const Query& query, const ZoneSource& zones) {
  return compile(query, zones).map([&](const Compiled& compiled) {
    return Explanation{firings_of(compiled, query),
                       describe(compiled.first, *compiled.second, query.language, query.from)};
  });
}

}  // namespace cronfleet::cron
