// cli/job_files.h: the job documents behind `job apply -f`.
#pragma once

#include <string>
#include <vector>

#include "cli/cli.h"
#include "domain/job.h"

namespace cronfleet::cli {

struct JobDocument {
  std::string where;  // "nightly.json", "jobs.json[2]", "stdin"
  domain::Job job;
};

// All documents of a file, of the *.json files of a folder (by name, not those in folders below), or of `in` for "-".
// A file holds one job, an array of jobs, or what `job get -o json` and `job list -o json` print. All are read and
// checked: every mistake is named with its file, line and column, and none is returned then. The same name twice is a
// mistake.
CliResult<std::vector<JobDocument>> read_job_files(const std::vector<std::string>& paths, std::FILE* in);

}  // namespace cronfleet::cli
