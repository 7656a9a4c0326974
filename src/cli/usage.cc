#include "cli/usage.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <optional>

#include "cli/terminal.h"
#include "cli/words.h"
#include "domain/nearest.h"

namespace cronfleet::cli {
namespace {

constexpr std::size_t kColumn = 30;
// Ends a word in brackets, which CLI11 would take apart where several words are taken.
constexpr char kWhole = '\x1f';

class Help final : public CLI::Formatter {
 public:
  Help() {
    column_width(kColumn);
    label("Positionals", words("Positionals"));
  }

  std::string make_usage(const CLI::App* app, std::string name) const override {
    std::string line = words("Usage:") + " " + (name.empty() ? app->get_name() : name);
    if (!app->get_options([](const CLI::Option* one) { return one->nonpositional(); }).empty()) line += " [OPTIONS]";
    for (const CLI::Option* one : app->get_options([](const CLI::Option* o) { return o->get_positional(); }))
      line += " " + make_option_usage(one);
    if (!app->get_subcommands([](const CLI::App*) { return true; }).empty())
      line += app->get_require_subcommand_min() == 0 ? " [COMMAND]" : " COMMAND";
    return line + "\n";
  }

  std::string make_group(std::string group, bool is_positional,
                         std::vector<const CLI::Option*> options) const override {
    if (group == "Options") group = words("Options");
    if (group != "Client") return CLI::Formatter::make_group(std::move(group), is_positional, std::move(options));
    std::string names;
    for (const CLI::Option* one : options) names += " --" + one->get_lnames().front();
    return "\n" + words("Also:") + names + "\n";
  }

  std::string make_subcommands(const CLI::App* app, CLI::AppFormatMode mode) const override {
    constexpr std::string_view kTitle = "\nSubcommands:\n";
    std::string text = CLI::Formatter::make_subcommands(app, mode);
    return text.starts_with(kTitle) ? "\n" + words("Commands:") + "\n" + text.substr(kTitle.size()) : text;
  }

  std::string make_option_opts(const CLI::Option* option) const override {
    const std::string type = type_of(*option);
    return type.empty() ? "" : " " + type;
  }
};

void set_help(CLI::App& app, const std::shared_ptr<Help>& help) {
  app.formatter(help);
  for (CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; })) set_help(*sub, help);
}

// The command that the arguments reached.
const CLI::App& reached(const CLI::App& app) {
  const auto parsed = app.get_subcommands();
  return parsed.empty() ? app : reached(*parsed.back());
}

std::string suggestion(std::string_view word, const std::vector<std::string>& known) {
  const std::vector<std::string_view> views(known.begin(), known.end());
  const std::string_view near = domain::nearest(word, views);
  return near.empty() ? "" : words("; did you mean '{}'?", near);
}

// "-v", and no flag of that letter.
bool is_unknown_flag(const CLI::App& command, std::string_view word) {
  if (word.size() < 2 || word[0] != '-' || word[1] == '-') return false;
  for (const CLI::Option* one : command.get_options())
    if (one->check_sname(std::string(1, word[1]))) return false;
  return true;
}

// CLI::IsMember says "--output: yml not in {table,json}".
std::string with_nearest(const std::string& what) {
  constexpr std::string_view kNotIn = " not in {";
  const auto at = what.rfind(kNotIn);
  if (at == std::string::npos || !what.ends_with('}')) return what;
  std::vector<std::string> known{""};
  for (const char c : what.substr(at + kNotIn.size(), what.size() - at - kNotIn.size() - 1)) {
    if (c == ',') known.emplace_back();
    if (c != ',') known.back() += c;
  }
  const auto colon = what.rfind(": ", at);
  const std::string word =
      what.substr(colon == std::string::npos ? 0 : colon + 2, at - (colon == std::string::npos ? 0 : colon + 2));
  return words("{}'{}': expected one of {}{}", what.substr(0, at - word.size()), word, fmt::join(known, ", "),
               suggestion(word, known));
}

// The first of the words that nothing takes, which CLI11 lists from the last to the first.
std::string extra_word(const CLI::ParseError& error, int count, const char* const* arguments) {
  if (dynamic_cast<const CLI::ExtrasError*>(&error) == nullptr) return "";
  const std::string_view what = error.what();
  std::string_view found;
  for (int i = 1; i < count; ++i)
    if (const std::string_view word = arguments[i]; word.size() > found.size() && what.ends_with(word)) found = word;
  std::string word(found);
  std::erase(word, kWhole);
  return word;
}

// What a positional is in a sentence, as "name"; empty for an option.
std::string what_of(const CLI::Option& option) {
  if (option.nonpositional()) return "";
  std::string name = option.get_name(true, false);
  if (name == "copy") return "name";
  if (name == "EXPRESSION") return "expression";
  if (name.ends_with('s')) name.pop_back();
  return name;
}

// "--limit" as the person wrote it, which may be "-n"; `name` where it stands nowhere.
std::string as_written(const CLI::Option& option, const std::string& name, int count, const char* const* arguments) {
  const auto stands = [&](const std::string& one) {
    for (int i = 1; i < count; ++i) {
      const std::string_view word = arguments[i];
      if (word == "--") return false;
      if (one.starts_with("--") ? word.substr(0, word.find('=')) == one : word.starts_with(one)) return true;
    }
    return false;
  };
  if (stands(name)) return name;
  for (const std::string& one : option.get_lnames())
    if (stands("--" + one)) return "--" + one;
  for (const std::string& one : option.get_snames())
    if (stands("-" + one)) return "-" + one;
  return name;
}

// CLI11's own sentences about a word too few or too many, without the name before them.
std::string in_our_words(const CLI::Option& option, std::string what) {
  if (what.ends_with(" missing") && what.find(" required ") != std::string::npos)
    return words("a value is missing; expected {}", type_of(option));
  if (what.starts_with("At Most ")) return words("it is given more than once");
  if (what == "too many inputs for a flag" || what == "Should be true/false or a number")
    return words("it takes no value");
  return what;
}

std::optional<std::int64_t> whole(const std::string& text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

}  // namespace

std::string path_of(const CLI::App& app) {
  return app.get_parent() ? path_of(*app.get_parent()) + " " + app.get_name() : app.get_name();
}

std::vector<const CLI::App*> commands_of(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App* one) { return !one->get_group().empty(); });
}

CLI::Validator whole_number(std::int64_t least, std::int64_t most, std::string instead) {
  return CLI::Validator(
      [least, most, instead = std::move(instead)](std::string& text) {
        const auto value = whole(text);
        if (value && *value >= least && *value <= most) return std::string();
        return words("'{}': expected a whole number from {} to {}{}", text, least, most,
                     value && *value > most ? said(instead) : "");
      },
      "", "");
}

CLI::Validator seconds_from(double least, double most) {
  return CLI::Validator(
      [least, most](std::string& text) {
        char* end = nullptr;
        const double value = std::strtod(text.c_str(), &end);
        if (end != text.c_str() && *end == '\0' && value >= least && value <= most) return std::string();
        return words("'{}': expected seconds from {} to {}", text, least, most);
      },
      "", "");
}

CLI::Validator revision_number() {
  return CLI::Validator(
      [](std::string& text) {
        const auto value = whole(text);
        return value && *value > 0 ? std::string()
                                   : words("'{}': expected a revision as cronfleet job history lists them", text);
      },
      "", "");
}

std::string type_of(const CLI::Option& option) {
  if (option.get_items_expected_max() == 0) return "";
  const std::string name = option.get_type_name();
  return name.substr(0, name.find(':'));
}

void set_help(CLI::App& app) { set_help(app, std::make_shared<Help>()); }

void set_values(CLI::App& app) {
  for (CLI::Option* option : app.get_options([](CLI::Option*) { return true; })) {
    if (option->get_items_expected_max() == 0) continue;
    const std::string type = type_of(*option), name = option->get_name(true, false);
    if (option->nonpositional() && !option->check_lname("file")) option->allow_extra_args(false);
    const bool may_be_empty = type == "TEXT" || name == "command";
    // Before all other checks, whose sentences know nothing of it.
    option->transform(CLI::Validator(
        [type, may_be_empty, what = what_of(*option)](std::string& value) {
          if (value.starts_with('[') && value.ends_with(kWhole)) value.pop_back();
          if (may_be_empty || !value.empty()) return std::string();
          return what.empty() ? words("it is empty; expected {}", type) : words("the {} is empty", what);
        },
        "", ""));
  }
  for (CLI::App* sub : app.get_subcommands([](CLI::App*) { return true; })) set_values(*sub);
}

std::vector<std::string> words_of(int count, const char* const* arguments) {
  std::vector<std::string> all;
  bool may_be_option = true;
  for (int i = 0; i < count; ++i) {
    std::string word = arguments[i];
    may_be_option = may_be_option && word != "--";
    const bool without_value =
        may_be_option && word.size() > 3 && word.starts_with("--") && word.find('=') == word.size() - 1;
    if (without_value) word.pop_back();
    if (word.starts_with('[') && word.ends_with(']')) word += kWhole;
    all.push_back(std::move(word));
    if (without_value) all.emplace_back();
  }
  return all;
}

const CLI::App* command_named(const CLI::App& app, std::string_view word) {
  for (const CLI::App* one : commands_of(app))
    if (one->get_name() == word) return one;
  return nullptr;
}

bool asks_for_help_of_nothing(const CLI::App& app) {
  const CLI::App& command = reached(app);
  return !commands_of(command).empty() && command.remaining_size() > 0;
}

std::string usage_mistake(const CLI::App& app, const CLI::ParseError& error, int count, const char* const* arguments) {
  const CLI::App& command = reached(app);
  std::string what = error.what();
  std::erase(what, kWhole);
  constexpr std::string_view kRequired = " is required";
  for (const CLI::Option* one : command.get_options())
    if (!one->nonpositional() && what == one->get_name(true, false) + std::string(kRequired))
      return words("{}: {}\nSee {} --help\n", path_of(command), words("the {} is missing", what_of(*one)),
                   path_of(command));
  // The names of positionals stand in no command line: their sentences do without.
  for (const CLI::Option* one : command.get_options())
    if (const std::string head = one->get_name(true, false) + ": "; !one->nonpositional() && what.starts_with(head))
      what = what.substr(head.size());
  for (const CLI::Option* one : command.get_options()) {
    const std::string name = one->get_name(), head = name + ": ";
    if (!one->nonpositional() || !what.starts_with(head)) continue;
    what = as_written(*one, name, count, arguments) + ": " + in_our_words(*one, what.substr(head.size()));
    break;
  }
  what = with_nearest(what);
  constexpr std::string_view kNoNumber = "Could not convert: ";
  if (what.starts_with(kNoNumber)) {
    const auto equals = what.find(" = ");
    const std::string name = what.substr(kNoNumber.size(), equals - kNoNumber.size());
    const CLI::Option* option = command.get_option_no_throw(name);
    what = option && option->get_items_expected_max() == 0
               ? words("{}: it takes no value", name)
               : words("{} '{}': expected a whole number", name, what.substr(std::min(equals + 3, what.size())));
  }
  if (what.ends_with(kRequired)) what = words("{} is missing", what.substr(0, what.size() - kRequired.size()));
  std::vector<std::string> options, commands;
  for (const CLI::Option* one : command.get_options())
    for (const std::string& name : one->get_lnames()) options.push_back("--" + name);
  for (const CLI::App* sub : commands_of(command)) commands.push_back(sub->get_name());
  // The first word that is an option nobody knows, or no command where one is expected.
  std::string unknown;
  int depth = 0;  // words that led to the command
  for (const CLI::App* one = &command; one->get_parent(); one = one->get_parent()) ++depth;
  for (int i = depth + 1; i < count && unknown.empty(); ++i) {
    const std::string word = arguments[i];
    if (word == "--") break;
    const std::string name = word.substr(0, word.find('='));
    if (word.starts_with("--") && std::find(options.begin(), options.end(), name) == options.end()) unknown = name;
  }
  if (!unknown.empty()) {
    what = words("unknown option '{}'{}", visible(unknown), suggestion(unknown, options));
  } else if (!commands.empty() && depth + 1 < count && arguments[depth + 1][0] != '-') {
    std::string word = arguments[depth + 1];
    std::erase(word, kWhole);
    what = words("unknown command '{}'{}", visible(word), suggestion(word, commands));
  } else if (!commands.empty() && depth + 1 < count && is_unknown_flag(command, arguments[depth + 1])) {
    what = words("unknown option '{}'{}", visible(arguments[depth + 1]), "");
  } else if (const std::string extra = commands.empty() ? extra_word(error, count, arguments) : ""; !extra.empty()) {
    what = is_unknown_flag(command, extra) ? words("unknown option '{}'{}", visible(extra), "")
                                           : words("'{}' is one word too many", visible(extra));
  } else if (!commands.empty() && command.get_require_subcommand_min() > 0) {
    what = words("a command is missing");
  }
  return words("{}: {}\nSee {} --help\n", path_of(command), visible(what), path_of(command));
}

}  // namespace cronfleet::cli
