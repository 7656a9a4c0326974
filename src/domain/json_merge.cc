#include "domain/json_merge.h"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "base/check.h"

namespace cronfleet::domain {
namespace {

namespace json = boost::json;

json::value parsed(std::string_view text) {
  boost::system::error_code error;
  json::value value = json::parse({text.data(), text.size()}, error);
  CHECK(!error);
  return value;
}
std::string text_of(const json::value& value) { return json::serialize(value); }

json::value merged(json::value document, const json::value& patch) {
  if (!patch.is_object()) return patch;
  if (!document.is_object()) document = json::object();
  json::object& members = document.as_object();
  for (const auto& [key, value] : patch.as_object()) {
    if (!value.is_null()) {
      json::value& place = members[key];
      place = merged(place, value);
      continue;
    }
    // Not erase(), which puts the last member in the place of the one that goes.
    if (const auto found = members.find(key); found != members.end()) members.stable_erase(found);
  }
  return document;
}

std::string escaped(json::string_view key) {
  std::string out;
  for (const char c : key) out += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
  return out;
}

void add_changes(const std::string& pointer, const json::value& before, const json::value& after,
                 std::vector<JsonChange>& changes) {
  if (before == after) return;
  if (!before.is_object() || !after.is_object()) {
    changes.push_back({pointer, text_of(before), text_of(after)});
    return;
  }
  for (const auto& [key, value] : before.as_object()) {
    const json::value* now = after.as_object().if_contains(key);
    const std::string place = pointer + "/" + escaped(key);
    if (now != nullptr) {
      add_changes(place, value, *now, changes);
    } else {
      changes.push_back({place, text_of(value), ""});
    }
  }
  for (const auto& [key, value] : after.as_object())
    if (!before.as_object().contains(key)) changes.push_back({pointer + "/" + escaped(key), "", text_of(value)});
}

}  // namespace

std::string merge_patch(std::string_view document, std::string_view patch) {
  return text_of(merged(parsed(document), parsed(patch)));
}

std::vector<JsonChange> json_changes(std::string_view before, std::string_view after) {
  std::vector<JsonChange> changes;
  add_changes("", parsed(before), parsed(after), changes);
  return changes;
}

}  // namespace cronfleet::domain
