// domain/json_merge.h: what a change makes of a JSON document, and what changed between two of them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace cronfleet::domain {

// `patch` applied to `document` as a merge patch (RFC 7396): members replace, null removes, objects merge. Both must be
// JSON that read_json accepts. Members keep their order; new ones come last.
std::string merge_patch(std::string_view document, std::string_view patch);

struct JsonChange {
  std::string pointer;  // RFC 6901; empty: the whole document
  std::string before;   // JSON text; empty: it was not there
  std::string after;    // empty: it is gone
  friend bool operator==(const JsonChange&, const JsonChange&) = default;
};
// Member by member, in the order of `before`, then what is new in the order of `after`. Arrays change as a whole, the
// order of members does not count.
std::vector<JsonChange> json_changes(std::string_view before, std::string_view after);

}  // namespace cronfleet::domain
