// api/go_json.h: JSON as Go's encoding/json reads and writes it, for the endpoints that answer as the reference does
// (docs/compatibility.md). Field names in any letter case, the last duplicate wins, null changes nothing, bytes that
// are no UTF-8 become U+FFFD, and every mistake has the words that Go has for it. Pure.
#pragma once

#include <string>
#include <string_view>

namespace cronfleet::api {

// A job as the reference knows it.
struct GoJob {
  std::string name{}, command{}, cron_expr{};
  friend bool operator==(const GoJob&, const GoJob&) = default;
};

struct GoDecoded {
  enum class Kind {
    Value,   // an object; fields that it lacks are empty
    Null,    // the JSON null: nothing was set
    Syntax,  // no JSON: nothing was set
    Type,    // JSON of another kind, whole or in a field: the fields that fit are set
  };
  Kind kind = Kind::Value;
  GoJob job{};
  std::string error{};  // Syntax, Type: as Go says it
};
// json.Unmarshal of `text` into the reference's common.Job.
GoDecoded decode_go_job(std::string_view text);

// `text` between quotation marks as json.Marshal writes it: <, > and & escaped, U+2028 and U+2029 too.
void append_go_json(std::string& out, std::string_view text);
// {"name":…,"command":…,"cronExpr":…}
void append_go_json(std::string& out, const GoJob& job);

// strconv.Quote: for the errors that name a part of the input.
std::string go_quoted(std::string_view text);

}  // namespace cronfleet::api
