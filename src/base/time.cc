#include "base/time.h"

#include <array>
#include <optional>

namespace cronfleet {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Reads exactly `width` digits at `at`; nothing where there are fewer.
std::optional<int> digits(std::string_view text, std::size_t at, std::size_t width) {
  if (at + width > text.size()) return std::nullopt;
  int value = 0;
  for (std::size_t i = at; i < at + width; ++i) {
    if (!is_digit(text[i])) return std::nullopt;
    value = value * 10 + (text[i] - '0');
  }
  return value;
}

std::string date_and_time(WallTime at) {
  using namespace std::chrono;
  const auto whole = floor<seconds>(at.time_since_epoch());
  const auto day = floor<days>(whole);
  const year_month_day date{sys_days(day)};
  const hh_mm_ss time{whole - day};
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), time.hours().count(),
                     time.minutes().count(), time.seconds().count());
}

int ms_of_second(WallTime at) { return static_cast<int>(((to_ms(at) % 1000) + 1000) % 1000); }

Failure not_rfc3339(std::string_view text) {
  return fail(Code::InvalidArgument, "'{}' is not an RFC 3339 time like 2026-03-01T02:00:00Z", text);
}

struct Unit {
  std::string_view name;
  std::int64_t nanoseconds;
};
constexpr std::array<Unit, 7> kUnits{{{"ms", 1'000'000},
                                      {"us", 1'000},
                                      {"ns", 1},
                                      {"d", 86'400'000'000'000},
                                      {"h", 3'600'000'000'000},
                                      {"m", 60'000'000'000},
                                      {"s", 1'000'000'000}}};
constexpr double kDurationMax = 100.0 * 366 * 86'400 * 1e9;

struct Number {
  double value;
  std::size_t length;
};

// Digits with at most one point between or before them.
std::optional<Number> leading_number(std::string_view text) {
  double value = 0;
  double scale = 0;
  std::size_t i = 0;
  bool any = false;
  for (; i < text.size() && (is_digit(text[i]) || (text[i] == '.' && scale == 0)); ++i) {
    if (text[i] == '.') {
      scale = 1;
      continue;
    }
    any = true;
    value = value * 10 + (text[i] - '0');
    if (scale != 0) scale *= 10;
  }
  if (!any) return std::nullopt;
  return Number{scale == 0 ? value : value / scale, i};
}

}  // namespace

std::string to_rfc3339(WallTime at) {
  const int ms = ms_of_second(at);
  return ms == 0 ? date_and_time(at) + "Z" : to_rfc3339_ms(at);
}

std::string to_rfc3339_ms(WallTime at) { return fmt::format("{}.{:03}Z", date_and_time(at), ms_of_second(at)); }

Result<WallTime> parse_rfc3339(std::string_view text) {
  using namespace std::chrono;
  const auto y = digits(text, 0, 4), mo = digits(text, 5, 2), d = digits(text, 8, 2);
  const auto h = digits(text, 11, 2), mi = digits(text, 14, 2), s = digits(text, 17, 2);
  if (!y || !mo || !d || !h || !mi || !s) return not_rfc3339(text);
  if (text[4] != '-' || text[7] != '-' || text[10] != 'T' || text[13] != ':' || text[16] != ':')
    return not_rfc3339(text);
  const year_month_day date{year{*y}, month{static_cast<unsigned>(*mo)}, day{static_cast<unsigned>(*d)}};
  if (!date.ok() || *h > 23 || *mi > 59 || *s > 59)
    return fail(Code::InvalidArgument, "'{}': no such date or time", text);
  std::size_t at = 19;
  std::int64_t micros = 0;
  if (at < text.size() && text[at] == '.') {
    std::size_t count = 0;
    for (++at; at < text.size() && is_digit(text[at]); ++at, ++count) {
      if (count < 6) micros = micros * 10 + (text[at] - '0');
    }
    if (count == 0 || count > 9) return not_rfc3339(text);
    for (; count < 6; ++count) micros *= 10;
  }
  if (at >= text.size()) return not_rfc3339(text);
  seconds offset{0};
  if (text[at] == 'Z') {
    if (at + 1 != text.size()) return not_rfc3339(text);
  } else {
    const auto oh = digits(text, at + 1, 2), om = digits(text, at + 4, 2);
    if ((text[at] != '+' && text[at] != '-') || !oh || !om || text[at + 3] != ':' || at + 6 != text.size())
      return not_rfc3339(text);
    if (*oh > 23 || *om > 59) return fail(Code::InvalidArgument, "'{}': no such offset", text);
    offset = (hours(*oh) + minutes(*om)) * (text[at] == '-' ? -1 : 1);
  }
  const auto since_epoch = sys_days(date).time_since_epoch() + hours(*h) + minutes(*mi) + seconds(*s) - offset;
  return WallTime(duration_cast<microseconds>(since_epoch) + microseconds(micros));
}

tl::expected<std::chrono::nanoseconds, NoDuration> read_duration(std::string_view text) {
  const auto refuse = [] { return tl::unexpected(NoDuration::NotOne); };
  std::string_view rest = text;
  std::string lowered;
  if (rest.starts_with("P")) {  // ISO 8601, days and smaller
    for (const char c : rest.substr(1)) {
      if (c == 'D')
        lowered += 'd';
      else if (c == 'H')
        lowered += 'h';
      else if (c == 'M')
        lowered += 'm';
      else if (c == 'S')
        lowered += 's';
      else if (is_digit(c) || c == '.')
        lowered += c;
      else if (c != 'T')
        return refuse();
    }
    rest = lowered;
  }
  if (rest.empty()) return refuse();
  double total = 0;
  while (!rest.empty()) {
    const auto number = leading_number(rest);
    if (!number) return refuse();
    rest.remove_prefix(number->length);
    const Unit* unit = nullptr;
    for (const Unit& candidate : kUnits) {
      if (unit == nullptr && rest.starts_with(candidate.name)) unit = &candidate;
    }
    if (unit == nullptr) return refuse();
    rest.remove_prefix(unit->name.size());
    total += number->value * static_cast<double>(unit->nanoseconds);
    if (total > kDurationMax) return tl::unexpected(NoDuration::TooLong);
  }
  return std::chrono::nanoseconds(static_cast<std::int64_t>(total));
}

Result<std::chrono::nanoseconds> parse_duration(std::string_view text) {
  const auto duration = read_duration(text);
  if (duration) return *duration;
  if (duration.error() == NoDuration::TooLong)
    return fail(Code::InvalidArgument, "duration '{}' is longer than 100 years", text);
  return fail(Code::InvalidArgument, "'{}' is not a duration like 1h30m, 90s or PT1H30M", text);
}

std::string to_text(std::chrono::nanoseconds duration) {
  std::int64_t left = duration.count();
  if (left == 0) return "0s";
  std::string text;
  const auto take = [&](std::int64_t size, std::string_view unit) {
    if (left >= size) text += fmt::format("{}{}", left / size, unit);
    left %= size;
  };
  take(3'600'000'000'000, "h");
  take(60'000'000'000, "m");
  take(1'000'000'000, "s");
  take(1'000'000, "ms");
  take(1'000, "us");
  take(1, "ns");
  return text;
}

}  // namespace cronfleet
