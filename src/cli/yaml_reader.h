// cli/yaml_reader.h: YAML documents as JSON, so that one decoder reads both.
//
// YAML 1.2's core schema: null, true, false, whole and decimal numbers; all else, and everything in quotes, is a text.
// Refused: aliases and anchors (a page of them can stand for gigabytes), tags but the standard ones, merge keys, keys
// that are no texts, the same key twice, more than 32 levels.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

namespace cronfleet::cli {

struct YamlPlace {
  int line = 0, column = 0;  // from 1
};
struct YamlMistake {
  YamlPlace place;
  std::string message;
};
struct YamlDocument {
  std::string json;
  std::map<std::string, YamlPlace> places;  // by JSON pointer: where each value stands

  // Of the value at `pointer`, or of the nearest one around it.
  YamlPlace place_of(std::string pointer) const;
};
// Empty documents are left out.
tl::expected<std::vector<YamlDocument>, YamlMistake> read_yaml(std::string_view text);

}  // namespace cronfleet::cli
