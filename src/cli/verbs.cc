#include "cli/verbs.h"

namespace cronfleet::cli {

CLI::App* Verbs::add(const char* name, const char* what, const char* examples, AnswerForm answer,
                     std::function<int(const Cli&)> action) const {
  CLI::App* verb = noun_.add_subcommand(name, what);
  verb->footer(examples);
  verb->callback([io = io_, options = options_, &exit_code = exit_code_, answer, action = std::move(action)] {
    exit_code = with_cli(io, *options, answer, action);
  });
  add_client_options(*verb, *options_);
  return verb;
}

}  // namespace cronfleet::cli
