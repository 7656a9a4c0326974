// cronfleet: one binary for the services and for the client. One file per subcommand; this one only joins them.
#include <CLI/CLI.hpp>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <string_view>
#include <vector>

#include "apps/doctor_command.h"
#include "apps/mongoc_counters.h"
#include "apps/service_commands.h"
#include "async/asio_loop.h"
#include "cli/completion.h"
#include "cli/context_command.h"
#include "cli/cron_command.h"
#include "cli/events_command.h"
#include "cli/help_command.h"
#include "cli/import_command.h"
#include "cli/job_command.h"
#include "cli/reference.h"
#include "cli/run_command.h"
#include "cli/usage.h"
#include "cli/version.h"
#include "cli/version_command.h"
#include "cli/words.h"
#include "cli/worker_command.h"

// Whoever closes the pipe that a client command writes to wants no more of it: the usual end. Services go on.
static bool is_service(int count, const char* const* arguments) {
  const std::string_view noun = count > 1 ? arguments[1] : "";
  if (noun == "worker") return count == 2 || arguments[2][0] == '-';
  return noun == "standalone" || noun == "master" || noun == "runner" || noun == "doctor";
}

// The exit code of a command that ended with `exit_code`, once all that it printed has been written.
static int written(int exit_code) {
  std::cout.flush();
  const bool flushed = std::fflush(stdout) == 0 && std::cout;
  const std::string why = std::strerror(errno);
  if (flushed && !std::ferror(stdout)) return exit_code;
  const bool said = exit_code == cronfleet::cli::kExitFailure;
  if (!flushed && !said) fmt::print(stderr, "{}\n", cronfleet::cli::words("cannot write the output: {}", why));
  if (flushed && !said) fmt::print(stderr, "{}\n", cronfleet::cli::words("the output cannot be written"));
  // That something differs is no use without what.
  return exit_code == cronfleet::cli::kExitOk || exit_code == cronfleet::cli::kExitDifferences
             ? static_cast<int>(cronfleet::cli::kExitFailure)
             : exit_code;
}

int main(int count, char** arguments) {
  using namespace cronfleet::apps;
  using namespace cronfleet::cli;
  take_mongoc_counters_away();
  std::signal(SIGPIPE, is_service(count, arguments) ? SIG_IGN : SIG_DFL);
  CLI::App app("cronfleet: a crontab for a fleet. Each firing runs once, on time, and is accounted for.", "cronfleet");
  app.require_subcommand(1);
  app.footer(
      "Examples:\n"
      "  cronfleet standalone\n"
      "  cronfleet job apply -f nightly.json\n"
      "  cronfleet cron explain '0 3 * * 1-5' --zone Asia/Shanghai");
  app.set_version_flag("--version", "cronfleet " + std::string(kVersion), "Say which release this is");
  int exit_code = 0;
  add_standalone_command(app, exit_code);
  add_master_command(app, exit_code);
  add_worker_verbs(add_worker_command(app, exit_code), {}, exit_code);
  add_job_command(app, {}, exit_code);
  add_run_command(app, {}, exit_code);
  add_alarm_command(app, {}, exit_code);
  add_events_command(app, {}, exit_code);
  add_context_command(app, {}, exit_code);
  add_cron_command(app, {.now = [] { return cronfleet::async::SystemClock().wall(); }}, exit_code);
  add_import_command(app, {}, exit_code);
  add_doctor_command(app, exit_code);
  add_completion_command(app, {}, exit_code);
  add_version_command(app, {}, exit_code);
  add_help_command(app, {}, exit_code);
  add_runner_command(app, exit_code);
  set_help(app);
  set_values(app);
  translate_help(app);
  if (count > 1 && std::string_view(arguments[1]) == "__complete") return run_completion(app, count - 2, arguments + 2);
  if (count == 3 && std::string_view(arguments[1]) == "__reference") return write_reference(app, arguments[2]);
  const std::vector<std::string> all = words_of(count, arguments);
  std::vector<const char*> words;
  for (const std::string& word : all) words.push_back(word.c_str());
  try {
    app.parse(static_cast<int>(words.size()), words.data());
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0 && !asks_for_help_of_nothing(app)) return written(app.exit(error));  // --help
    std::fputs(usage_mistake(app, error, static_cast<int>(words.size()), words.data()).c_str(), stderr);
    return kExitUsage;
  }
  return written(exit_code);
}
