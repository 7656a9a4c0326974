// cli/cron_command.h: `cronfleet cron next` and `cronfleet cron explain`, which need no server.
//
// Data goes to `out`, all else to `err`. Exit codes: 0, 1 (no zone data), 2 (usage), 7 (invalid expression or zone).
#pragma once

#include <CLI/CLI.hpp>
#include <cstdio>
#include <functional>
#include <string>
#include <string_view>

#include "base/time.h"
#include "cron/zone.h"

namespace cronfleet::cli {

struct CronCommandIo {
  std::FILE* in = stdin;
  std::FILE* out = stdout;
  std::FILE* err = stderr;
  std::function<WallTime()> now;  // where --from is absent
};

// Adds the subcommand `cron`. When it is chosen, CLI11 calls it back while it parses; `exit_code` then holds the
// result.
void add_cron_command(CLI::App& app, CronCommandIo io, int& exit_code);

// One line of `cron next --stdin`: {"expression","time_zone","from","count","key"} in, {"firings":[...]} or
// {"error":{"code","message","field","column","length"}} appended to `out`, with a newline. Never fails: what is wrong
// with the line is the answer.
void answer_line(std::string_view line, const cron::ZoneSource& zones, WallTime now, std::string& out);

}  // namespace cronfleet::cli
