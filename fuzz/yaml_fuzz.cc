// YAML from outside: never a crash, mistakes have their place, and what is read is JSON that comes back from YAML.
#include <boost/json.hpp>
#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "cli/output.h"
#include "cli/yaml_reader.h"

using namespace cronfleet::cli;

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
    if (again) CHECK(again->size() == 1 && boost::json::parse(again->front().json) == value);
  }
  return 0;
}
