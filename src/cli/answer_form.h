// cli/answer_form.h: which fields the objects have that a command prints, so that -o 'template={nmae}' is refused
// before anything is asked for or changed.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace cronfleet::cli {

// Both empty: the command prints no objects, or checks by itself.
struct AnswerForm {
  std::string_view operation{};  // of docs/api.yaml, as "GET /api/v1/jobs"; of an answer with items each of these
  std::string_view schema{};     // where it is no object of the API: JSON schema, which may refer to docs/api.yaml
};

// What a template names and `form` does not have: its column in the template, and the nearest field there is.
std::optional<std::string> template_mistake(std::string_view pattern, const AnswerForm& form);

}  // namespace cronfleet::cli
