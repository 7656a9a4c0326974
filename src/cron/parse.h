// cron/parse.h: from the text of a schedule to a Schedule.
//
// The text is five, six or seven fields or a macro (@daily, @every 1h30m, @at 2026-03-01T02:00:00Z, ...), with
// "TZ=Zone " or "CRON_TZ=Zone " in front where it brings its own zone. Of six words the sixth is the year when it holds
// four digits in a row, otherwise the first is the second. Pure; does not allocate on success.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "cron/schedule.h"
#include "cron/zone.h"

namespace cronfleet::cron {

enum class SixFields {
  Auto,          // a year in the sixth word: minute first, otherwise second first
  SecondsFirst,  // second .. day-of-week
  YearLast,      // minute .. year
};

struct ParseOptions {
  std::string_view key;               // the job's name, for H; empty: H is an error
  const ZoneSource* zones = nullptr;  // for a TZ= prefix; null: only UTC is known
  SixFields six_fields = SixFields::Auto;
};

enum class ErrorCode : std::uint8_t {
  Empty,
  FieldCount,
  OutOfRange,
  BadValue,
  WrongFieldName,
  EmptyItem,
  BadRange,
  BackwardYears,
  BadStep,
  QuestionStep,
  Misplaced,
  LAlone,
  BadNth,
  BadOffset,
  SingleDayOnly,
  PlusPlace,
  HashKey,
  HashRange,
  SixFieldHint,
  Zone,
  Macro,
  Reboot,
  Duration,
  Timestamp,
};
// "out_of_range": stable words, the same in JSON.
std::string_view to_string(ErrorCode code);

// The first mistake, left to right (the number of fields is checked before any field).
struct ParseError {
  ErrorCode code;
  std::string_view field;  // "hour", "day-of-month", ...; empty when the mistake is not in a field
  int position;            // of the field as written, from 1; 0 without a field
  int column;              // of the offending text in characters, from 1
  int length;              // of the offending text in characters
  std::string message;     // one sentence: what was found, what is allowed
};

struct Parsed {
  Schedule schedule;
  ZonePtr zone;  // from a TZ= prefix; null without one
};

tl::expected<Parsed, ParseError> parse(std::string_view text, const ParseOptions& options = {});

}  // namespace cronfleet::cron
