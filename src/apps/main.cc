// cronfleet: one binary for the services and for the client. One file per subcommand; this one only joins them.
#include <CLI/CLI.hpp>
#include <csignal>

#include "apps/doctor_command.h"
#include "apps/service_commands.h"
#include "async/asio_loop.h"
#include "cli/cron_command.h"
#include "cli/import_command.h"
#include "cli/job_command.h"
#include "cli/run_command.h"
#include "cli/version_command.h"
#include "cli/worker_command.h"

int main(int count, char** arguments) {
  using namespace cronfleet::apps;
  using namespace cronfleet::cli;
  std::signal(SIGPIPE, SIG_IGN);  // a closed pipe is an error of the write, not the end of us
  CLI::App app("cronfleet: a crontab for a fleet. Each firing runs once, on time, and is accounted for.", "cronfleet");
  app.require_subcommand(1);
  app.footer(
      "Examples:\n"
      "  cronfleet standalone\n"
      "  cronfleet job apply -f nightly.json\n"
      "  cronfleet cron explain '0 3 * * 1-5' --zone Asia/Shanghai");
  int exit_code = 0;
  add_standalone_command(app, exit_code);
  add_master_command(app, exit_code);
  add_worker_verbs(add_worker_command(app, exit_code), {}, exit_code);
  add_job_command(app, {}, exit_code);
  add_run_command(app, {}, exit_code);
  add_alarm_command(app, {}, exit_code);
  add_cron_command(app, {.now = [] { return cronfleet::async::SystemClock().wall(); }}, exit_code);
  add_import_command(app, {}, exit_code);
  add_doctor_command(app, exit_code);
  add_version_command(app, {}, exit_code);
  add_runner_command(app, exit_code);
  try {
    app.parse(count, arguments);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kExitUsage;
  }
  return exit_code;
}
