// cron/field_parser.h: reads one word of an expression into the sets of a schedule. Internal to cron/.
#pragma once

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

// Adds `word` to `sets`. False: `problem` says why (all but its position).
bool parse_field(Field field, std::string_view word, std::string_view key, FieldSets& sets, bool& plus,
                 Problem& problem);

}  // namespace cronfleet::cron
