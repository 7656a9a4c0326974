// cli/completion.h: what may stand at the cursor of a command line, for bash, zsh and fish.
//
// `cronfleet completion SHELL` prints the shell's part. That asks `cronfleet __complete SHELL …`, which answers from
// the same table as --help, and names of jobs, runs, workers and labels from the server: within 150 ms, or nothing.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "cli/cli.h"

namespace cronfleet::cli {

struct Candidate {
  std::string text, description;
};
// Where the words lead: which command, and what may come next.
struct Completion {
  std::vector<Candidate> candidates;
  std::string kind;  // JOB, RUN, WORKER, LABEL, CONTEXT, REVISION: to be asked for; PATH: the shell's own; else empty
  std::string word;  // what has been typed of it
  std::string before{};  // what stands before it in one word: "--status="
  std::string first{};   // the first word of the command that is no option: a job's name
  ClientOptions options;
};
// `words` after the program's name, the one at the cursor last (empty: a new one). Pure.
Completion complete(const CLI::App& app, const std::vector<std::string>& words);

// The words of a line up to the cursor, as bash would take them, without the program's name.
std::vector<std::string> words_of_line(std::string_view line);

// `__complete SHELL …`; the exit code is 3 where the shell should offer files.
int run_completion(const CLI::App& app, int count, const char* const* arguments);

void add_completion_command(CLI::App& app, CliIo io, int& exit_code);

}  // namespace cronfleet::cli
