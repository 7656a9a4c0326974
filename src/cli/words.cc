#include "cli/words.h"

#include <cstdlib>

namespace cronfleet::cli {
namespace {

std::string_view variable(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

}  // namespace

Language language_of(std::string_view lc_all, std::string_view lc_messages, std::string_view lang) {
  for (const std::string_view one : {lc_all, lc_messages, lang})
    if (!one.empty()) return one.starts_with("zh") ? Language::Chinese : Language::English;
  return Language::English;
}

Language language() { return language_of(variable("LC_ALL"), variable("LC_MESSAGES"), variable("LANG")); }

std::string_view detail::in_language(std::string_view english) {
  if (language() == Language::English) return english;
  const auto found = chinese().find(english);
  return found == chinese().end() ? english : found->second;
}

void translate_help(CLI::App& app) {
  if (language() == Language::English) return;
  app.description(std::string(detail::in_language(app.get_description())));
  for (CLI::Option* option : app.get_options([](CLI::Option*) { return true; }))
    option->description(std::string(detail::in_language(option->get_description())));
  for (CLI::App* sub : app.get_subcommands([](CLI::App*) { return true; })) translate_help(*sub);
}

}  // namespace cronfleet::cli
