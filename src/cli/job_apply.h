// cli/job_apply.h: `job apply` and `job diff`: documents against what stands on the server.
#pragma once

#include <string>
#include <vector>

#include "cli/cli.h"
#include "cli/job_files.h"

namespace cronfleet::cli {

// A job as it stands.
struct Standing {
  domain::Job job;  // without stamps
  std::string etag;
};
// NotFound where there is none; kExitInvalid where its document cannot be read.
CliResult<Standing> standing_of(const Cli& cli, const std::string& name);

// Saves over `standing` (null: creates). A lost answer is looked for in the store: what stands there as it was to be
// has been saved.
CliResult<boost::json::value> save_job(const Cli& cli, const domain::Job& job, const Standing* standing,
                                       const std::map<std::string, std::string>& flags = {});

struct ApplyWishes {
  std::vector<std::string> paths;
  std::string prune;  // "team=db" or "team": jobs with this label that stand in no document are deleted
  bool dry_run = false, keep_going = false, yes = false;
};
// Everything is read and judged before the first write. 0, 3 for a dry run that finds differences, else the code of the
// first failure, also where keep_going applied the rest.
int apply_jobs(const Cli& cli, const ApplyWishes& wishes);

extern const AnswerForm kAppliedForm;  // of each job

// Prints `diff` of text_diff() under a title.
void print_diff(const Cli& cli, const std::string& title, const std::string& diff, std::string_view indent = {});

}  // namespace cronfleet::cli
