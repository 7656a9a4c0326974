#include "cli/answer_form.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <set>
#include <vector>

#include "api/api_document.h"
#include "base/check.h"
#include "base/utf8.h"
#include "cli/output.h"
#include "cli/terminal.h"
#include "cli/words.h"
#include "domain/nearest.h"

namespace cronfleet::cli {
namespace {

namespace json = boost::json;

const json::value& document() {
  static const json::value kDocument = json::parse(json::string_view(api::api_document()));
  return kDocument;
}

const json::value* member(const json::value& value, std::string_view key) {
  return value.is_object() ? value.get_object().if_contains(json::string_view(key.data(), key.size())) : nullptr;
}

// The schemas that may say something about one value: references followed, choices and parts side by side.
using Schemas = std::vector<const json::value*>;
void add(const json::value& schema, Schemas& all) {
  if (const auto* reference = member(schema, "$ref")) {
    const auto& path = reference->as_string();
    return add(document().at_pointer(json::string_view(path).substr(1)), all);
  }
  for (const char* key : {"allOf", "oneOf", "anyOf"})
    if (const auto* parts = member(schema, key))
      for (const json::value& part : parts->as_array()) add(part, all);
  all.push_back(&schema);
}

// Nothing is said about what stands in it.
bool is_free(const json::value& schema) {
  if (schema.is_bool()) return schema.get_bool();
  for (const char* key : {"properties", "additionalProperties", "items", "allOf", "oneOf", "anyOf"})
    if (member(schema, key)) return false;
  const auto* type = member(schema, "type");
  return !type || *type == "object" || *type == "array";
}

bool is_number(std::string_view part) {
  return !part.empty() && std::all_of(part.begin(), part.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// What stands under `part` of what `schemas` say.
Schemas below(const Schemas& schemas, std::string_view part) {
  Schemas found;
  for (const json::value* schema : schemas) {
    if (is_free(*schema)) {
      found.push_back(schema);
      continue;
    }
    const auto* properties = member(*schema, "properties");
    if (const auto* property = properties ? member(*properties, part) : nullptr) {
      add(*property, found);
    } else if (const auto* others = member(*schema, "additionalProperties"); others && *others != false) {
      add(*others, found);
    }
    if (const auto* items = member(*schema, "items"); items && is_number(part)) add(*items, found);
  }
  return found;
}

std::vector<std::string_view> names_in(const Schemas& schemas) {
  std::set<std::string_view> names;
  for (const json::value* schema : schemas)
    if (const auto* properties = member(*schema, "properties"))
      for (const auto& property : properties->as_object()) names.insert({property.key().data(), property.key().size()});
  return {names.begin(), names.end()};
}

// Of all answers that say it was done.
Schemas schemas_of_operation(std::string_view operation) {
  const auto space = operation.find(' ');
  std::string method(operation.substr(0, space));
  for (char& c : method) c = static_cast<char>(c | 32);
  const auto* path = member(document().at("paths"), operation.substr(space + 1));
  CHECK(path);
  Schemas all;
  for (const auto& [status, answer] : path->at(method).at("responses").as_object()) {
    const auto* content = status.starts_with('2') ? member(answer, "content") : nullptr;
    if (const auto* form = content ? member(*content, "application/json") : nullptr) add(form->at("schema"), all);
  }
  CHECK(!all.empty());
  Schemas items;
  for (const json::value* schema : all)
    if (const auto* properties = member(*schema, "properties"))
      if (const auto* list = member(*properties, "items")) add(list->at("items"), items);
  return items.empty() ? all : items;
}

std::string unknown_field(const TemplatePiece& field, std::size_t begin, std::string_view part,
                          const Schemas& schemas) {
  const auto known = names_in(schemas);
  const std::string_view near = domain::nearest(part, known);
  const std::string before = field.text.substr(0, begin);
  return words("-o template: column {}: there is no field '{}'{}", field.column + utf8_count(before),
               visible(before + std::string(part)),
               !near.empty()   ? words("; did you mean '{}'?", before + std::string(near))
               : known.empty() ? ""
                               : words("; expected one of {}", fmt::join(known, ", ")));
}

}  // namespace

std::optional<std::string> template_mistake(std::string_view pattern, const AnswerForm& form) {
  if (form.operation.empty() && form.schema.empty()) return std::nullopt;
  const auto pieces = template_pieces(pattern);
  if (!pieces) return pieces.error();
  const json::value own = json::parse(form.schema.empty() ? "{}" : json::string_view(form.schema));
  Schemas whole;
  if (form.operation.empty()) add(own, whole);
  if (!form.operation.empty()) whole = schemas_of_operation(form.operation);
  for (const TemplatePiece& piece : *pieces) {
    Schemas at = whole;
    for (std::size_t begin = 0; piece.is_field && begin <= piece.text.size();) {
      const auto end = std::min(piece.text.find('.', begin), piece.text.size());
      const std::string_view part = std::string_view(piece.text).substr(begin, end - begin);
      Schemas next = below(at, part);
      if (next.empty()) return unknown_field(piece, begin, part, at);
      at = std::move(next);
      begin = end + 1;
    }
  }
  return std::nullopt;
}

}  // namespace cronfleet::cli
