// api/filter.h: the filter of lists (UI-23), as a person types it into one box:
//
//   state:failed,lost label:team=db -owner:ann name~backup next<1h "db dump"
//
// Terms are separated by spaces and must all hold; '-' in front turns one around. A term is a field, an operator and a
// value: ':' is, one of several where commas stand between them; '~' contains, without regard to the case of ASCII
// letters; '<' and '>' compare. A value with spaces or commas stands in double quotes, where a backslash takes the next
// character as it is. A word without a field is looked for in whatever a list says it searches. Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

namespace cronfleet::api {

enum class FilterOperator { Is, Contains, Below, Above };

struct FilterTerm {
  std::string field;  // empty: a word without a field, Contains
  FilterOperator op = FilterOperator::Contains;
  bool negated = false;
  std::vector<std::string> values;       // at least one; several only with Is
  std::chrono::nanoseconds duration{0};  // of a field of durations
  std::int64_t number = 0;               // of a field of numbers
  int column = 0, length = 0;            // where it stands, in characters, from 1
};

struct FilterField {
  enum class Kind {
    Text,      // Is and Contains
    Word,      // Is, one of `words`
    Label,     // Is: a name, or name=value
    Duration,  // Below and Above: "90s", "1h30m"
    Number,    // Is, Below and Above: a whole number
  };
  std::string_view name;
  Kind kind = Kind::Text;
  std::vector<std::string_view> words{};
};

struct FilterError {
  int column = 0;  // of the offending text in characters, from 1
  int length = 0;  // in characters
  std::string message;
  std::string suggestion;  // what was probably meant; empty: nothing near
};

// At most 32 terms in 1,024 bytes.
tl::expected<std::vector<FilterTerm>, FilterError> parse_filter(std::string_view text,
                                                                const std::vector<FilterField>& fields);

// Whether a text is what a term of Kind::Text or Word asks for, `negated` not looked at.
bool filter_takes(const FilterTerm& term, std::string_view text);

}  // namespace cronfleet::api
