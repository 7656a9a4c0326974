#include <algorithm>
#include <array>

#include "cron/field_parser.h"
#include "cron/parse.h"

namespace cronfleet::cron {
namespace {

constexpr std::size_t kQuotedCharsMax = 40;

bool continues_character(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

int characters(std::string_view text) {
  return static_cast<int>(std::count_if(text.begin(), text.end(), [](char c) { return !continues_character(c); }));
}

// The user's text, fit for one line: control characters as '?', long text cut at a whole character.
std::string shown(std::string_view text) {
  std::string out;
  std::size_t count = 0;
  for (const char c : text) {
    if (!continues_character(c) && ++count > kQuotedCharsMax) return out + "...";
    out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
  }
  return out;
}

// How many single-character edits lead from one to the other, upper case read as lower.
std::size_t edits(std::string_view from, std::string_view to) {
  std::array<std::size_t, 16> row{};
  for (std::size_t j = 0; j <= to.size(); ++j) row[j] = j;
  for (std::size_t i = 0; i < from.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < to.size(); ++j) {
      const char c = from[i] >= 'A' && from[i] <= 'Z' ? static_cast<char>(from[i] + 32) : from[i];
      const std::size_t replaced = diagonal + (c == to[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row[to.size()];
}

std::string macro_sentence(const Problem& problem) {
  if (!problem.reason.empty())
    return fmt::format("a macro is the whole schedule: '{}' may not follow it", shown(problem.where));
  constexpr std::array<std::string_view, 10> kNames{"@daily",    "@yearly", "@annually", "@monthly", "@weekly",
                                                    "@midnight", "@hourly", "@minutely", "@every",   "@at"};
  std::string sentence = fmt::format("unknown macro '{}'", shown(problem.where));
  if (problem.where.size() > 15) return sentence;
  const auto nearest = std::min_element(kNames.begin(), kNames.end(), [&](std::string_view a, std::string_view b) {
    return edits(problem.where, a) < edits(problem.where, b);
  });
  if (edits(problem.where, *nearest) <= 2) sentence += fmt::format("; did you mean {}?", *nearest);
  return sentence;
}

std::string step_sentence(const Problem& problem, const FieldRule& rule) {
  const std::string allowed = fmt::format("step must be 1-{} in {}", rule.step_max, rule.name);
  if (problem.reason.empty()) return fmt::format("{}, found '{}'", allowed, shown(problem.where));
  return fmt::format("'{}': {}; {}", shown(problem.where), problem.reason, allowed);
}

std::string bad_value_sentence(const Problem& problem, const FieldRule& rule) {
  std::string sentence = fmt::format("'{}' is not {} {}: use {}", shown(problem.where),
                                     rule.name == "hour" ? "an" : "a", rule.name, rule.allowed);
  if (!problem.reason.empty()) sentence += fmt::format("; {}", problem.reason);
  return sentence;
}

std::string sentence_of(const Problem& problem) {
  const FieldRule& rule = rule_of(problem.field);
  const std::string where = shown(problem.where);
  switch (problem.code) {
    case ErrorCode::Empty: return "schedule is empty";
    case ErrorCode::FieldCount: return fmt::format("expected 5, 6 or 7 fields, found {}", problem.position);
    case ErrorCode::OutOfRange:
      return fmt::format("{} {} is out of range {}", rule.name, where, rule.allowed.substr(0, rule.allowed.find(' ')));
    case ErrorCode::BadValue: return bad_value_sentence(problem, rule);
    case ErrorCode::WrongFieldName:
      return fmt::format("{} is a {} name; {} takes {}", where, problem.reason, rule.name, rule.allowed);
    case ErrorCode::EmptyItem: return fmt::format("empty list item in {}", rule.name);
    case ErrorCode::BadRange: return fmt::format("'{}': a range is first-last; {}", where, problem.reason);
    case ErrorCode::BackwardYears: return fmt::format("year range {} runs backwards", where);
    case ErrorCode::BadStep: return step_sentence(problem, rule);
    case ErrorCode::QuestionStep: return fmt::format("'?' takes no step; write *{}", where.substr(1));
    case ErrorCode::Misplaced: return fmt::format("'{}' in {}: {}", where, rule.name, problem.reason);
    case ErrorCode::LAlone: return "L alone is ambiguous in day-of-week: write 6, 0, or 5L for the last Friday";
    case ErrorCode::BadNth: return fmt::format("'{}': '#' takes 1 to 5 or L, after a weekday", where);
    case ErrorCode::BadOffset: return fmt::format("'{}': L-n takes 0 to 30", where);
    case ErrorCode::SingleDayOnly: return fmt::format("'{}': W, L and # apply to one day; list them separately", where);
    case ErrorCode::PlusPlace: return "'+' may only start the day-of-week field, with a value after it";
    case ErrorCode::HashKey: return "H needs the job's name";
    case ErrorCode::HashRange:
      return fmt::format("'{}': H(a-b) needs a <= b inside the field, {}", where, rule.allowed);
    case ErrorCode::SixFieldHint: {
      Problem itself = problem;
      itself.code = problem.hint;
      return sentence_of(itself);
    }
    case ErrorCode::Zone:
      return problem.reason.empty() ? fmt::format("unknown time zone '{}'", where) : std::string(problem.reason);
    case ErrorCode::Macro: return macro_sentence(problem);
    case ErrorCode::Reboot:
      return "@reboot is not supported by a cluster scheduler: a cluster has no reboot; use a one-shot @at";
    case ErrorCode::Duration:
    case ErrorCode::Timestamp: return fmt::format("'{}' {}", where, problem.reason);
  }
  return "";
}

}  // namespace

std::string_view to_string(ErrorCode code) {
  switch (code) {
    case ErrorCode::Empty: return "empty";
    case ErrorCode::FieldCount: return "field_count";
    case ErrorCode::OutOfRange: return "out_of_range";
    case ErrorCode::BadValue: return "bad_value";
    case ErrorCode::WrongFieldName: return "wrong_field_name";
    case ErrorCode::EmptyItem: return "empty_item";
    case ErrorCode::BadRange: return "bad_range";
    case ErrorCode::BackwardYears: return "backward_years";
    case ErrorCode::BadStep: return "bad_step";
    case ErrorCode::QuestionStep: return "question_step";
    case ErrorCode::Misplaced: return "misplaced";
    case ErrorCode::LAlone: return "l_alone";
    case ErrorCode::BadNth: return "bad_nth";
    case ErrorCode::BadOffset: return "bad_offset";
    case ErrorCode::SingleDayOnly: return "single_day_only";
    case ErrorCode::PlusPlace: return "plus_place";
    case ErrorCode::HashKey: return "hash_key";
    case ErrorCode::HashRange: return "hash_range";
    case ErrorCode::SixFieldHint: return "six_field_hint";
    case ErrorCode::Zone: return "zone";
    case ErrorCode::Macro: return "macro";
    case ErrorCode::Reboot: return "reboot";
    case ErrorCode::Duration: return "duration";
    case ErrorCode::Timestamp: return "timestamp";
  }
  return "";
}

ParseError to_error(const Problem& problem, std::string_view text) {
  const bool in_field = problem.field != Field::None;
  const auto before = static_cast<std::size_t>(problem.where.data() - text.data());
  ParseError error{problem.code,
                   rule_of(problem.field).name,
                   in_field ? problem.position : 0,
                   problem.code == ErrorCode::Empty ? 1 : characters(text.substr(0, before)) + 1,
                   characters(problem.where),
                   sentence_of(problem)};
  if (in_field) error.message += fmt::format(" (field {}, column {})", error.position, error.column);
  if (problem.code == ErrorCode::SixFieldHint)
    error.message += "; six words are read as second..day-of-week: for minute..year name a year or write seven words";
  return error;
}

}  // namespace cronfleet::cron
