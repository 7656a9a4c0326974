#include "domain/parameters.h"

#include <algorithm>
#include <charconv>

#include "domain/json_reader.h"
#include "domain/json_writer.h"

namespace cronfleet::domain {
namespace {

constexpr std::pair<std::string_view, Parameter::Type> kTypes[] = {
    {"text", Parameter::Type::Text}, {"integer", Parameter::Type::Integer}, {"boolean", Parameter::Type::Boolean}};

std::string_view name_of(Parameter::Type type) { return kTypes[static_cast<std::size_t>(type)].first; }

void read_name(const JsonValue& value, std::string& into) {
  const auto text = value.text();
  if (!text) return;
  const auto fits = [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  };
  if (text->empty() || text->size() > 128 || !std::all_of(text->begin(), text->end(), fits) ||
      (text->front() >= '0' && text->front() <= '9'))
    return value.refuse(fmt::format("expected the name of a variable like TABLE, found {}", quoted(*text)));
  if (text->starts_with("CRONFLEET_"))
    return value.refuse("variables that begin with CRONFLEET_ are set by the worker");
  into = *text;
}

void read_type(const JsonValue& value, Parameter::Type& into) {
  const auto text = value.text();
  if (!text) return;
  for (const auto& [word, type] : kTypes) {
    if (word != *text) continue;
    into = type;
    return;
  }
  value.refuse(fmt::format("expected text, integer or boolean, found {}", quoted(*text)));
}

// The type stands anywhere among the members, so values are looked at once all have been read.
void check_value(const JsonValue& value, const Parameter& parameter, std::string_view text) {
  if (const auto fits = check_parameter(parameter, text); !fits) value.refuse(fits.error().message());
}

void read_parameter(const JsonValue& value, Parameter& parameter) {
  bool has_name = false;
  for (const JsonValue& member : value.members()) {
    if (member.key() == "name") {
      has_name = true;
      read_name(member, parameter.name);
    } else if (member.key() == "type") {
      read_type(member, parameter.type);
    } else if (member.key() == "description") {
      const auto text = member.text();
      if (text && text->size() > kParameterBytesMax)
        member.refuse(fmt::format("has {} bytes, at most {} are allowed", text->size(), kParameterBytesMax));
      parameter.description = text.value_or("");
    } else if (member.key() == "default") {
      parameter.default_value = read_parameter_value(member);
    } else if (member.key() == "choices") {
      if (member.size() > kParameterChoicesMax)
        member.refuse(fmt::format("has {} choices, at most {} are allowed", member.size(), kParameterChoicesMax));
      for (const JsonValue& element : member.elements())
        if (auto choice = read_parameter_value(element)) parameter.choices.push_back(*std::move(choice));
    } else {
      member.refuse_key({"name", "type", "default", "choices", "description"});
    }
  }
  if (value.kind() != JsonKind::Object) return;
  if (!has_name) value.refuse_member("name", "missing: as which variable does it reach the run?");
  for (const JsonValue& member : value.members()) {
    if (member.key() == "default" && parameter.default_value) check_value(member, parameter, *parameter.default_value);
    if (member.key() != "choices") continue;
    Parameter any = parameter;  // a choice is held to the type alone
    any.choices.clear();
    for (const JsonValue& element : member.elements())
      if (const auto choice = read_parameter_value(element)) check_value(element, any, *choice);
  }
}

}  // namespace

std::optional<std::string> read_parameter_value(const JsonValue& value) {
  switch (value.kind()) {
    case JsonKind::Text: {
      const std::string_view text = *value.text();
      if (text.size() > kParameterBytesMax || text.find('\0') != std::string_view::npos) {
        value.refuse(fmt::format("expected at most {} bytes and none that is 0", kParameterBytesMax));
        return std::nullopt;
      }
      return std::string(text);
    }
    case JsonKind::Boolean: return *value.boolean() ? "true" : "false";
    case JsonKind::Number:
      if (const auto number = value.integer(INT64_MIN, INT64_MAX)) return std::to_string(*number);
      return std::nullopt;
    case JsonKind::Null:
    case JsonKind::Array:
    case JsonKind::Object: break;
  }
  value.refuse_kind("a text, a whole number, true or false");
  return std::nullopt;
}

Result<void> check_parameter(const Parameter& parameter, std::string_view text) {
  switch (parameter.type) {
    case Parameter::Type::Integer: {
      std::int64_t number = 0;
      const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
      if (read.ec != std::errc() || read.ptr != text.data() + text.size())
        return fail(Code::InvalidArgument, "expected a whole number, found {}", quoted(text));
      break;
    }
    case Parameter::Type::Boolean:
      if (text != "true" && text != "false")
        return fail(Code::InvalidArgument, "expected true or false, found {}", quoted(text));
      break;
    case Parameter::Type::Text: break;
  }
  if (!parameter.choices.empty() &&
      std::find(parameter.choices.begin(), parameter.choices.end(), text) == parameter.choices.end())
    return fail(Code::InvalidArgument, "expected one of {}, found {}", fmt::join(parameter.choices, ", "),
                quoted(text));
  return {};
}

void read_parameters(const JsonValue& value, std::vector<Parameter>& parameters) {
  if (value.size() > kParametersMax)
    return value.refuse(fmt::format("has {} parameters, at most {} are allowed", value.size(), kParametersMax));
  for (const JsonValue& element : value.elements()) {
    Parameter parameter;
    read_parameter(element, parameter);
    if (!parameter.name.empty() && std::any_of(parameters.begin(), parameters.end(),
                                               [&](const Parameter& other) { return other.name == parameter.name; }))
      element.refuse_member("name", fmt::format("{} is declared twice", quoted(parameter.name)));
    parameters.push_back(std::move(parameter));
  }
}

void write_parameters(JsonWriter& json, const std::vector<Parameter>& parameters) {
  json.array([&] {
    for (const Parameter& parameter : parameters) {
      json.object([&] {
        json.member("name", parameter.name);
        json.member("type", name_of(parameter.type));
        if (parameter.default_value) json.member("default", *parameter.default_value);
        if (!parameter.choices.empty()) {
          json.key("choices").array([&] {
            for (const std::string& choice : parameter.choices) json.value(choice);
          });
        }
        if (!parameter.description.empty()) json.member("description", parameter.description);
      });
    }
  });
}

}  // namespace cronfleet::domain
