// cli/follow.h: follows the output of a run until it is over, across a restart of the server.
#pragma once

#include <string>

#include "cli/cli.h"
#include "domain/run.h"

namespace cronfleet::cli {

enum class Streams {
  Together,  // stdout and stderr of the job both to ours
  Apart,     // each to its own
  Aside,     // both to our stderr: stdout is for data
  None,      // nothing is printed: only its end counts
};
enum class Escapes {
  ColourOnly,  // what a terminal may be told by a job (SEC-30)
  All,         // the bytes as they are
};
// What Ctrl-C means.
enum class OnInterrupt {
  Ask,     // once, where somebody can answer; else Detach
  Detach,  // the run goes on
  Kill,    // the run is ended, and followed to its end
};

// Prints the output of `run` from its beginning, and that of its further attempts, until the last one is over; answers
// the record of that one. A connection that breaks is made again from where it broke, for up to a minute without any
// answer. A second Ctrl-C always detaches (kExitInterrupted).
CliResult<domain::RunRecord> follow_run(const Cli& cli, const std::string& run, Streams streams, Escapes escapes,
                                        OnInterrupt on_interrupt);

// "nightly@… failed with exit code 3", for people.
std::string sentence_of(const domain::RunRecord& record);
// The exit code of a job as a shell would say it: its own, 128 + n for a signal; 125 where it has none to give.
int exit_code_of(const domain::RunRecord& record);

}  // namespace cronfleet::cli
