#include "cli/help_command.h"

#include <memory>

#include "cli/terminal.h"
#include "cli/usage.h"
#include "cli/words.h"
#include "domain/nearest.h"

namespace cronfleet::cli {
namespace {

int show_help(const CliIo& io, const CLI::App& app, const std::vector<std::string>& path) {
  const CLI::App* command = &app;
  std::string before;  // the words that led to `command`, each with a space behind it
  for (const std::string& word : path) {
    const CLI::App* found = command_named(*command, word);
    if (found == nullptr) {
      std::vector<std::string_view> names;
      for (const CLI::App* one : commands_of(*command)) names.push_back(one->get_name());
      const std::string_view near = domain::nearest(word, names);
      const std::string hint = near.empty() ? "" : words("; did you mean '{}'?", before + std::string(near));
      fmt::print(io.err, "{}",
                 words("{}: {}\nSee {} --help\n", "cronfleet help",
                       words("unknown command '{}'{}", visible(before + word), hint), path_of(*command)));
      return kExitUsage;
    }
    command = found;
    before += word + " ";
  }
  const std::string help = command->get_formatter()->make_help(command, path_of(*command), CLI::AppFormatMode::Normal);
  std::fwrite(help.data(), 1, help.size(), io.out);
  return kExitOk;
}

}  // namespace

void add_help_command(CLI::App& app, CliIo io, int& exit_code) {
  const auto path = std::make_shared<std::vector<std::string>>();
  CLI::App* help = app.add_subcommand("help", "Say how a command is used, as its --help does");
  help->footer(
      "Examples:\n"
      "  cronfleet help\n"
      "  cronfleet help job run\n"
      "  cronfleet help import crontab");
  help->add_option("command", *path, "the words of the command; all commands when absent")->type_name("COMMAND");
  help->callback([path, io, &app, &exit_code] { exit_code = show_help(io, app, *path); });
}

}  // namespace cronfleet::cli
