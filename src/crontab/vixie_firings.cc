#include <chrono>
#include <optional>

#include "crontab/vixie.h"

namespace cronfleet::crontab {
namespace {

using LocalMinute = std::int64_t;  // minutes since 1970 on the wall clock

constexpr std::int64_t kEndOfTime = 4'102'444'800;     // 2100-01-01T00:00:00Z
constexpr std::int64_t kCorrection = 3 * 60;           // minutes: more is a correction of the clock, not a change of it
constexpr std::int64_t kLateMost = 5;                  // minutes: as much as cron takes for its own lateness
constexpr std::int64_t kCatchUpSeconds = 4 * 60 * 60;  // longer than any catching up lasts

std::int64_t floor_div(std::int64_t value, std::int64_t by) {
  return value >= 0 ? value / by : -((-value + by - 1) / by);
}

bool matches_day(const VixieFields& fields, std::int64_t day) {
  const std::chrono::sys_days at{std::chrono::days(day)};
  const std::chrono::year_month_day date(at);
  return fields.matches_date(static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                             std::chrono::weekday(at).c_encoding());
}

bool matches(const VixieFields& fields, LocalMinute at) {
  const std::int64_t day = floor_div(at, 1440), minute = at - day * 1440;
  return fields.matches_time(static_cast<unsigned>(minute / 60), static_cast<unsigned>(minute % 60)) &&
         matches_day(fields, day);
}

// The first matching minute in [from, until).
std::optional<LocalMinute> next_match(const VixieFields& fields, LocalMinute from, LocalMinute until) {
  for (LocalMinute at = from; at < until;) {
    const std::int64_t day = floor_div(at, 1440), end = (day + 1) * 1440;
    if (!matches_day(fields, day)) {
      at = end;
      continue;
    }
    for (; at < end && at < until; ++at) {
      const std::int64_t minute = at - day * 1440;
      if (fields.matches_time(static_cast<unsigned>(minute / 60), static_cast<unsigned>(minute % 60))) return at;
    }
  }
  return std::nullopt;
}

// cron's main loop: it wakes up each minute and compares the wall clock with the last minute whose lines it has run.
class Daemon {
 public:
  Daemon(const VixieFields& fields, const cron::Zone& zone, std::int64_t from)
      : fields_(fields), zone_(zone), now_(from), done_(clock()) {}

  // Advances to the next minute in which something is started, and answers how often; 0 at the end of time.
  int next() {
    while ((now_ += 60) < kEndOfTime) {
      skip_quiet_minutes();
      if (const int times = wake_up(); times > 0) return times;
    }
    return 0;
  }
  WallTime now() const { return from_seconds(now_); }

 private:
  const cron::Zone::Segment& segment() const { return zone_.segments()[zone_.segment_at(now_)]; }
  LocalMinute clock() const { return floor_div(now_ + segment().offset, 60); }

  // While the clock just goes on nothing happens before the next match.
  void skip_quiet_minutes() {
    if (clock() != done_ + 1) return;
    const std::int64_t end = std::min(segment().end, kEndOfTime);
    const LocalMinute limit = clock() + (end - now_ + 59) / 60;
    const LocalMinute target = next_match(fields_, clock(), limit).value_or(limit - 1);
    now_ += (target - clock()) * 60;
    done_ = target - 1;
  }

  int wake_up() {
    const LocalMinute running = clock();
    const std::int64_t ahead = running - done_;
    if (ahead == 1 || ahead > kCorrection || ahead < -kCorrection) {
      done_ = running;
      return matches(fields_, running) ? 1 : 0;
    }
    if (ahead <= 0) return fields_.wild() && matches(fields_, running) ? 1 : 0;  // put back: wait until caught up
    int times = 0;
    if (ahead > kLateMost) {  // put forward
      if (fields_.wild()) {
        done_ = running;
        return matches(fields_, running) ? 1 : 0;
      }
    }
    while (done_ < running) times += matches(fields_, ++done_) ? 1 : 0;
    return times;
  }

  const VixieFields& fields_;
  const cron::Zone& zone_;
  std::int64_t now_;
  LocalMinute done_;  // the last local minute whose lines have been run
};

}  // namespace

bool VixieFields::matches_date(unsigned month, unsigned day, unsigned weekday) const {
  if ((months >> month & 1) == 0) return false;
  const bool by_day = (days >> day & 1) != 0, by_weekday = (weekdays >> weekday & 1) != 0;
  return day_star || weekday_star ? by_day && by_weekday : by_day || by_weekday;
}

std::vector<VixieFiring> vixie_firings(const VixieFields& fields, const cron::Zone& zone, WallTime from,
                                       std::size_t count) {
  const std::int64_t after = std::chrono::floor<std::chrono::seconds>(from.time_since_epoch()).count();
  std::vector<VixieFiring> firings;
  // Begun early, so that a clock put back just before `from` is still being caught up at it.
  Daemon daemon(fields, zone, floor_div(after - kCatchUpSeconds, 60) * 60);
  while (firings.size() < count) {
    const int times = daemon.next();
    if (times == 0) break;
    if (daemon.now() > from) firings.push_back({daemon.now(), times});
  }
  return firings;
}

}  // namespace cronfleet::crontab
