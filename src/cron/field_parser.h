// cron/field_parser.h: reads one word of an expression into the sets of a schedule. Internal to cron/.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "cron/parse.h"
#include "cron/schedule.h"

namespace cronfleet::cron {

enum class Field : std::uint8_t { Second, Minute, Hour, Day, Month, Weekday, Year, None };

struct FieldRule {
  std::string_view name;     // as users read it
  std::string_view hash;     // as H hashes it; empty: no H
  std::string_view allowed;  // for messages
  int low, high, step_max;
};
const FieldRule& rule_of(Field field);

// A mistake, as cheap to pass on as a number; its sentence is made only when it reaches the user.
struct Problem {
  ErrorCode code;
  Field field = Field::None;
  int position = 0;                   // FieldCount: how many there are
  std::string_view where;             // a slice of the text
  std::string_view reason;            // which of the mistakes that the code stands for
  ErrorCode hint = ErrorCode::Empty;  // SixFieldHint: the mistake itself
};
ParseError to_error(const Problem& problem, std::string_view text);

// What the words of an expression say. Plain numbers: the bit-fields of FieldSets are filled once, at the end.
struct Draft {
  std::array<std::uint64_t, 6> bits{};   // second to day-of-week
  std::array<std::uint64_t, 3> years{};  // bit 0 is 1970
  std::uint64_t nth_weekdays = 0;
  std::uint32_t workdays = 0, last_days = 0, last_workdays = 0, last_weekdays = 0;
  bool interval = false;     // second, minute or hour has *, ?, a range or a step
  bool plus = false;         // day-of-week starts with +
  bool any_day = false;      // an item of day-of-month is exactly * or ?
  bool any_weekday = false;  // the same of day-of-week
};
inline constexpr std::array<std::uint64_t, 3> kAllYears{~std::uint64_t{0}, ~std::uint64_t{0}, 3};

// Every value of a field, second to day-of-week.
inline constexpr std::array<std::uint64_t, 6> kAllValues{
    (1ull << 60) - 1, (1ull << 60) - 1, 0xffffff, 0x7fffffff, 0xfff, 0x7f};

// Makes the schedule in place: a copy right after bit-fields were written costs more than writing them.
void compile(const Draft& draft, Schedule& into);

// Adds `word` to `draft`. False: `problem` says why (all but its position).
bool parse_field(Field field, std::string_view word, std::string_view key, Draft& draft, Problem& problem);

}  // namespace cronfleet::cron
