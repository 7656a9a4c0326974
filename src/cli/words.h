// cli/words.h: what the client says, in the language of whoever reads it: English, or Chinese where LC_ALL, LC_MESSAGES
// or LANG begin with "zh". Codes, names and data are never translated.
//
//   cli.note(words("job '{}' deleted", name));
#pragma once

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <map>
#include <string>
#include <string_view>

namespace cronfleet::cli {

enum class Language { English, Chinese };
// As the variables say, each empty where it is not set; the first that is set counts.
Language language_of(std::string_view lc_all, std::string_view lc_messages, std::string_view lang);
Language language();  // of this process

// English → Chinese: sentences with their places ({}), and the texts of --help.
const std::map<std::string_view, std::string_view>& chinese();

namespace detail {
std::string_view in_language(std::string_view english);
}

// The sentence in the reader's language; English where there is none other.
template <typename... Args>
std::string words(fmt::format_string<Args...> english, Args&&... args) {
  return fmt::vformat(
      detail::in_language(fmt::string_view(english).data() == nullptr
                              ? std::string_view()
                              : std::string_view(fmt::string_view(english).data(), fmt::string_view(english).size())),
      fmt::make_format_args(args...));
}

// A finished English sentence of ours from below the command line (a mistake in an expression, a crontab or a
// configuration; what a service logs) in the reader's language; as it is where it has no form in sentences.cc.
std::string said(std::string_view english);
std::string said_in_chinese(std::string_view english);

// Descriptions of commands and options, in the reader's language.
void translate_help(CLI::App& app);

}  // namespace cronfleet::cli
