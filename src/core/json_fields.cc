#include "core/json_fields.h"

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>

namespace cronfleet::core {
namespace {

constexpr std::int64_t kMsMax = 999'999'999'999'999;  // 15 digits, as in the marker
constexpr std::int64_t kYear0 = -62'167'219'200'000, kYear10000 = 253'402'300'800'000;

std::string_view std_view(const boost::json::string& text) { return {text.data(), text.size()}; }

}  // namespace

void JsonFields::refuse(std::string_view key, std::string_view expected) const {
  if (!failure_) failure_ = Status(Code::Corrupt, fmt::format("{}: field '{}': expected {}", what_, key, expected));
}

void JsonFields::required(std::string_view key) const {
  if (find(key) == nullptr) refuse(key, "a value, found none");
}

void JsonFields::text(std::string_view key, std::string& into) const {
  const boost::json::value* value = find(key);
  if (value == nullptr) return;
  if (!value->is_string()) return refuse(key, "a text");
  into = std_view(value->get_string());
}

void JsonFields::flag(std::string_view key, bool& into) const {
  const boost::json::value* value = find(key);
  if (value == nullptr) return;
  if (!value->is_bool()) return refuse(key, "true or false");
  into = value->get_bool();
}

void JsonFields::ms(std::string_view key, WallTime& into) const {
  std::int64_t value = to_ms(into);
  number(key, value);
  if (value < -kMsMax || value > kMsMax) return refuse(key, "milliseconds since 1970, at most 15 digits");
  into = from_ms(value);
}

void JsonFields::rfc3339(std::string_view key, WallTime& into) const {
  std::string value;
  text(key, value);
  if (value.empty()) return;
  const auto at = parse_rfc3339(value);
  // An offset can lead out of the years that have four digits.
  if (!at || to_ms(*at) < kYear0 || to_ms(*at) >= kYear10000) return refuse(key, "a time like 2026-03-01T02:00:00Z");
  into = *at;
}

void JsonFields::map(std::string_view key, std::map<std::string, std::string>& into) const {
  const boost::json::object* found = object(key);
  if (found == nullptr) return;
  for (const auto& [inner_key, value] : *found) {
    if (!value.is_string()) return refuse(key, "an object of texts");
    into[std::string(inner_key.data(), inner_key.size())] = std_view(value.get_string());
  }
}

void JsonFields::list(std::string_view key, std::vector<std::string>& into) const {
  const boost::json::value* value = find(key);
  if (value == nullptr) return;
  if (!value->is_array()) return refuse(key, "a list of texts");
  for (const boost::json::value& element : value->get_array()) {
    if (!element.is_string()) return refuse(key, "a list of texts");
    into.emplace_back(std_view(element.get_string()));
  }
}

const boost::json::object* JsonFields::object(std::string_view key) const {
  const boost::json::value* value = find(key);
  if (value == nullptr) return nullptr;
  if (value->is_object()) return &value->get_object();
  refuse(key, "an object");
  return nullptr;
}

}  // namespace cronfleet::core
