// YAML from outside: never a crash, mistakes have their place, and what is read is JSON that comes back from YAML.
#include <algorithm>
#include <boost/json.hpp>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "cli/output.h"
#include "cli/yaml_reader.h"

using namespace cronfleet::cli;

namespace {

// Boost.JSON reads a number of many digits as a double that may be one step off, so it need not come back exactly.
bool same(const boost::json::value& a, const boost::json::value& b) {
  if (a.is_double() && b.is_double())
    return a == b || std::abs(a.get_double() - b.get_double()) <= 1e-14 * std::abs(a.get_double());
  if (a.is_array() && b.is_array()) return std::ranges::equal(a.get_array(), b.get_array(), same);
  if (!a.is_object() || !b.is_object()) return a == b;
  return a.get_object().size() == b.get_object().size() && std::ranges::all_of(a.get_object(), [&](const auto& member) {
           const boost::json::value* other = b.get_object().if_contains(member.key());
           return other != nullptr && same(member.value(), *other);
         });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 4096) return 0;
  const auto documents = read_yaml(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!documents) {
    CHECK(documents.error().place.line >= 1 && !documents.error().message.empty());
    return 0;
  }
  for (const YamlDocument& document : *documents) {
    const auto value = boost::json::parse(document.json);
    if (!value.is_object() || value.get_object().empty()) continue;
    const auto again = read_yaml(yaml_text(value));
    if (again) CHECK(again->size() == 1 && same(boost::json::parse(again->front().json), value));
  }
  return 0;
}
