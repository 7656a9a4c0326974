// domain/parameters.h: what a run of a job that is asked for by hand may be told, declared in the job.
//
// JSON key `parameters`: [{"name": "TABLE", "type": "text", "default": "orders", "choices": ["orders", "users"],
// "description": "…"}]. A value reaches the run as the environment variable `name`. Runs by schedule have the defaults;
// one without a default must be given by whoever asks for a run.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace cronfleet::domain {

class JsonValue;
class JsonWriter;

struct Parameter {
  enum class Type { Text, Integer, Boolean };
  std::string name;  // letters, digits and '_', no digit in front, not CRONFLEET_…
  Type type = Type::Text;
  std::optional<std::string> default_value;  // as its text: "5", "true"
  std::vector<std::string> choices;          // empty: any value of the type
  std::string description;
  friend bool operator==(const Parameter&, const Parameter&) = default;
};

inline constexpr std::size_t kParametersMax = 64, kParameterChoicesMax = 100, kParameterBytesMax = 4096;

// The value of `parameters` in a job; notes every mistake.
void read_parameters(const JsonValue& value, std::vector<Parameter>& parameters);
void write_parameters(JsonWriter& json, const std::vector<Parameter>& parameters);

// A value as its text: that of a text, a whole number or a truth value. Notes anything else.
std::optional<std::string> read_parameter_value(const JsonValue& value);
// InvalidArgument: why `text` is no value of it.
Result<void> check_parameter(const Parameter& parameter, std::string_view text);

}  // namespace cronfleet::domain
