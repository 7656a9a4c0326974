#include "cron/parse.h"

#include <array>
#include <limits>
#include <optional>

#include "cron/field_parser.h"

namespace cronfleet::cron {
namespace {

// Left as they are until split() fills them: clearing them costs as much as reading a field.
struct Word {
  const char* begin;
  const char* end;
  std::string_view text() const { return {begin, static_cast<std::size_t>(end - begin)}; }
};
using Words = std::array<Word, 8>;

constexpr std::array<Field, 7> kSevenFields{Field::Second, Field::Minute,  Field::Hour, Field::Day,
                                            Field::Month,  Field::Weekday, Field::Year};

constexpr bool is_space(char c) {
  constexpr std::uint64_t kSpaces = 1ull << ' ' | 1ull << '\t' | 1ull << '\r' | 1ull << '\n';
  return static_cast<unsigned char>(c) <= ' ' && (kSpaces >> static_cast<unsigned char>(c) & 1) != 0;
}
constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

bool equals(std::string_view text, std::string_view lower_case) {
  if (text.size() != lower_case.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (lower(text[i]) != lower_case[i]) return false;
  }
  return true;
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

std::string_view first_word(std::string_view text) {
  std::size_t length = 0;
  while (length < text.size() && !is_space(text[length])) ++length;
  return text.substr(0, length);
}

// Fills `words` with as many as there is room for; returns how many there are.
int split(std::string_view text, Words& words) {
  int count = 0;
  const char* at = text.data();
  const char* const end = at + text.size();
  while (true) {
    while (at != end && is_space(*at)) ++at;
    if (at == end) return count;
    const char* const begin = at;
    while (at != end && !is_space(*at)) ++at;
    if (count < static_cast<int>(words.size())) words[static_cast<std::size_t>(count)] = {begin, at};
    ++count;
  }
}

bool has_four_digits(std::string_view word) {
  int run = 0;
  for (const char c : word) {
    run = is_digit(c) ? run + 1 : 0;
    if (run == 4) return true;
  }
  return false;
}

// Reads `count` words as the fields from `first` on; the others keep their defaults: second 0, any year.
bool parse_words(const Words& words, int count, std::size_t first, std::string_view key, Schedule& schedule,
                 Problem& problem) {
  Draft draft;
  if (first != 0) draft.bits[0] = 1;
  if (first + static_cast<std::size_t>(count) < kSevenFields.size()) draft.years = kAllYears;
  for (int i = 0; i < count; ++i) {
    const auto index = static_cast<std::size_t>(i);
    if (!parse_field(kSevenFields[first + index], words[index].text(), key, draft, problem)) {
      problem.position = i + 1;
      return false;
    }
  }
  compile(draft, schedule);
  return true;
}

bool parse_fields(std::string_view text, const ParseOptions& options, Schedule& schedule, Problem& problem) {
  Words words;
  const int count = split(text, words);
  if (count < 5 || count > 7) {
    problem = {ErrorCode::FieldCount, Field::None, count, text, ""};
    return false;
  }
  if (count != 6) return parse_words(words, count, count == 7 ? 0 : 1, options.key, schedule, problem);
  const bool year_last = options.six_fields == SixFields::YearLast ||
                         (options.six_fields == SixFields::Auto && has_four_digits(words[5].text()));
  if (parse_words(words, 6, year_last ? 1 : 0, options.key, schedule, problem)) return true;
  Problem ignored;
  if (!year_last && problem.code != ErrorCode::HashKey && parse_words(words, 6, 1, options.key, schedule, ignored)) {
    problem.hint = problem.code;
    problem.code = ErrorCode::SixFieldHint;
  }
  return false;
}

struct Unit {
  std::string_view name;
  std::uint64_t nanoseconds;
};
constexpr std::array<Unit, 6> kUnits{{{"ns", 1},
                                      {"us", 1'000},
                                      {"ms", 1'000'000},
                                      {"s", 1'000'000'000},
                                      {"m", 60'000'000'000},
                                      {"h", 3'600'000'000'000}}};
__extension__ using Wide = unsigned __int128;

// Whole seconds of a duration in Go's text form, without sign or spaces.
std::optional<std::int64_t> duration_seconds(std::string_view text) {
  constexpr Wide kMax = std::numeric_limits<std::int64_t>::max();  // nanoseconds, as in Go: 292 years
  Wide total = 0;
  if (text.empty()) return std::nullopt;
  while (!text.empty()) {
    Wide whole = 0, fraction = 0, scale = 1;
    std::size_t at = 0;
    for (; at < text.size() && is_digit(text[at]); ++at) {
      whole = whole * 10 + static_cast<unsigned>(text[at] - '0');
      if (whole > kMax) return std::nullopt;
    }
    std::size_t digits = at;
    if (at < text.size() && text[at] == '.') {
      for (++at; at < text.size() && is_digit(text[at]); ++at, ++digits) {
        if (scale >= 1'000'000'000'000'000) continue;  // far below a nanosecond of an hour
        fraction = fraction * 10 + static_cast<unsigned>(text[at] - '0');
        scale *= 10;
      }
    }
    if (digits == 0) return std::nullopt;
    std::size_t unit_end = at;
    while (unit_end < text.size() && text[unit_end] != '.' && !is_digit(text[unit_end])) ++unit_end;
    const std::string_view name = text.substr(at, unit_end - at);
    const Unit* unit = nullptr;
    for (const Unit& candidate : kUnits) {
      if (candidate.name == name) unit = &candidate;
    }
    if (unit == nullptr) return std::nullopt;
    total += whole * unit->nanoseconds + fraction * unit->nanoseconds / scale;
    if (total > kMax) return std::nullopt;
    text.remove_prefix(unit_end);
  }
  return static_cast<std::int64_t>(total / 1'000'000'000);
}

bool parse_every(std::string_view argument, std::string_view whole, Schedule& schedule, Problem& problem) {
  const auto seconds = duration_seconds(argument);
  if (seconds && *seconds >= 1) {
    schedule = Schedule::every(std::chrono::seconds(*seconds));
    return true;
  }
  problem = {ErrorCode::Duration, Field::None, 0, argument.empty() ? whole : argument,
             seconds ? "is shorter than one second" : "is not a duration like 1h30m"};
  return false;
}

bool parse_at(std::string_view argument, std::string_view whole, Schedule& schedule, Problem& problem) {
  const auto instant = parse_rfc3339(argument);
  const bool whole_seconds = argument.find('.') == std::string_view::npos;
  if (instant && whole_seconds) {
    schedule = Schedule::at(*instant);
    return true;
  }
  const bool has_form = argument.size() >= 20 && argument[4] == '-' && argument[7] == '-' && argument[10] == 'T';
  std::string_view reason = "is not an RFC 3339 time like 2026-03-01T02:00:00Z";
  if (instant)
    reason = "has a fraction: whole seconds are allowed";
  else if (has_form && instant.error().message().find("no such") != std::string::npos)
    reason = "names no such date or time";
  problem = {ErrorCode::Timestamp, Field::None, 0, argument.empty() ? whole : argument, reason};
  return false;
}

struct Macro {
  std::string_view name;
  std::array<std::uint64_t, 6> bits;
};
constexpr std::uint64_t kEveryMinute = kAllValues[1], kEveryHour = kAllValues[2], kEveryDay = kAllValues[3],
                        kEveryMonth = kAllValues[4], kEveryWeekday = kAllValues[5];
constexpr std::array<Macro, 8> kMacros{{
    {"@yearly", {1, 1, 1, 1, 1, kEveryWeekday}},
    {"@annually", {1, 1, 1, 1, 1, kEveryWeekday}},
    {"@monthly", {1, 1, 1, 1, kEveryMonth, kEveryWeekday}},
    {"@weekly", {1, 1, 1, kEveryDay, kEveryMonth, 1}},
    {"@daily", {1, 1, 1, kEveryDay, kEveryMonth, kEveryWeekday}},
    {"@midnight", {1, 1, 1, kEveryDay, kEveryMonth, kEveryWeekday}},
    {"@hourly", {1, 1, kEveryHour, kEveryDay, kEveryMonth, kEveryWeekday}},
    {"@minutely", {1, kEveryMinute, kEveryHour, kEveryDay, kEveryMonth, kEveryWeekday}},
}};

void compile_macro(const Macro& macro, Schedule& into) {
  Draft draft;
  draft.bits = macro.bits;
  draft.years = kAllYears;
  draft.interval = macro.bits[2] == kEveryHour;
  draft.any_day = macro.bits[3] == kEveryDay;
  draft.any_weekday = macro.bits[5] == kEveryWeekday;
  compile(draft, into);
}

bool parse_macro(std::string_view text, Schedule& schedule, Problem& problem) {
  const std::string_view name = first_word(text);
  const std::string_view argument = trim(text.substr(name.size()));
  if (equals(name, "@every")) return parse_every(argument, text, schedule, problem);
  if (equals(name, "@at")) return parse_at(argument, text, schedule, problem);
  if (equals(name, "@reboot")) {
    problem = {ErrorCode::Reboot, Field::None, 0, name, ""};
    return false;
  }
  for (const Macro& macro : kMacros) {
    if (!equals(name, macro.name)) continue;
    if (argument.empty()) {
      compile_macro(macro, schedule);
      return true;
    }
    problem = {ErrorCode::Macro, Field::None, 0, argument, "nothing may follow"};
    return false;
  }
  problem = {ErrorCode::Macro, Field::None, 0, name, ""};
  return false;
}

// Takes "TZ=Zone " or "CRON_TZ=Zone " from the front of `text`.
bool parse_zone(std::string_view& text, const ParseOptions& options, ZonePtr& zone, Problem& problem) {
  const char first = lower(text.front());
  if (first != 't' && first != 'c') return true;
  const std::size_t length = first == 't' ? 3 : 8;
  if (!equals(text.substr(0, length), first == 't' ? "tz=" : "cron_tz=")) return true;
  const std::string_view name = first_word(text.substr(length));
  if (name == "UTC")
    zone = utc();
  else if (!name.empty() && options.zones != nullptr)
    zone = options.zones->find(name);
  if (zone == nullptr) {
    problem = {ErrorCode::Zone, Field::None, 0, name.empty() ? text.substr(0, length) : name,
               name.empty() ? "the time zone is empty" : ""};
    return false;
  }
  text = trim(text.substr(length + name.size()));
  return true;
}

}  // namespace

tl::expected<Parsed, ParseError> parse(std::string_view text, const ParseOptions& options) {
  tl::expected<Parsed, ParseError> answer;
  Problem problem;
  std::string_view rest = trim(text);
  bool good = !rest.empty() && parse_zone(rest, options, answer->zone, problem);
  if (good || rest.empty()) {
    if (rest.empty()) {
      problem = {ErrorCode::Empty, Field::None, 0, rest, ""};
      good = false;
    } else if (rest.front() == '@') {
      good = parse_macro(rest, answer->schedule, problem);
    } else {
      good = parse_fields(rest, options, answer->schedule, problem);
    }
  }
  if (!good) answer = tl::unexpected(to_error(problem, text));
  return answer;
}

}  // namespace cronfleet::cron
