// cron/query.h: the questions that users ask of an expression, as the command line and the API put them: when does it
// fire next, and what does it mean. Pure; call from any thread.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "cron/describe.h"
#include "cron/parse.h"
#include "cron/zone.h"

namespace cronfleet::cron {

inline constexpr std::int64_t kFiringsMax = 1000;

struct Query {
  std::string_view expression;
  std::string_view time_zone = "UTC";  // a TZ= prefix in the expression wins
  WallTime from;                       // firings lie strictly after it; @every is anchored at it
  std::int64_t count = 5;              // 1 to kFiringsMax
  std::string_view key = {};           // the job's name, for H
  Language language = Language::English;
};

struct QueryError {
  std::string_view code;   // to_string(ErrorCode), or "zone" for `time_zone`, "count" for `count`
  std::string_view field;  // of the expression ("hour"), or the member of the query; empty for the whole expression
  int position;            // of the field in the expression, from 1; 0 elsewhere
  int column;              // in the expression, from 1; 0 when the mistake is not in it
  int length;
  std::string message;
};

struct Firings {
  ZonePtr zone;                   // the one that counted
  std::vector<WallTime> firings;  // fewer than asked when the schedule ends, empty for never
};
tl::expected<Firings, QueryError> firings(const Query& query, const ZoneSource& zones);

struct Explanation {
  Firings next;
  Description description;
};
tl::expected<Explanation, QueryError> explain(const Query& query, const ZoneSource& zones);

}  // namespace cronfleet::cron
