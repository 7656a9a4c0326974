// cli/job_batch.h: many changes of jobs through one call, each with an answer of its own.
#pragma once

#include <string>
#include <vector>

#include "cli/cli.h"

namespace cronfleet::cli {

struct JobChange {
  enum class Kind { Put, Delete };
  Kind kind = Kind::Put;
  std::string name;
  std::string document{};  // Put: the job
  std::string if_match{};  // empty: only where there is none
};
struct JobChanged {
  std::string revision{};
  bool changed = false;
  CliError refusal{.exit_code = 0};  // exit_code 0: done
};

enum class Effect { Judge, Write };  // Judge: nothing is written

// Answers in the order of `changes`; in as many requests as the server's limits need, one after the other. `reason`
// stands in the server's log.
CliResult<std::vector<JobChanged>> change_jobs(const Cli& cli, const std::vector<JobChange>& changes, Effect effect,
                                               std::string_view reason);

}  // namespace cronfleet::cli
