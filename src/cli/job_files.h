// cli/job_files.h: the job documents behind `job apply -f`.
#pragma once

#include <string>
#include <vector>

#include "cli/cli.h"
#include "domain/job.h"

namespace cronfleet::cli {

struct JobDocument {
  std::string where;  // "nightly.json", "jobs.yaml[2]", "stdin"
  domain::Job job;
};

// All documents of a file, of the *.json, *.yaml and *.yml files of a folder (by name, not those in folders below), or
// of `in` for "-". A file holds jobs: one, an array of them, what `job get` and `job list` print with -o json or yaml,
// and in YAML any number of documents. All are read and checked: every mistake is named with its file, line and
// column, and none is returned then. The same name twice is a mistake.
CliResult<std::vector<JobDocument>> read_job_files(const std::vector<std::string>& paths, std::FILE* in);

// The same, but what is wrong or cannot be read is left out: of two of one name the second.
struct ReadableJobs {
  std::vector<JobDocument> documents;
  std::vector<std::string> mistakes;  // each with its place
};
ReadableJobs read_what_is_right(const std::vector<std::string>& paths, std::FILE* in);

// The same as the first for one text, called `where`.
CliResult<std::vector<JobDocument>> read_job_text(const std::string& where, const std::string& text);

// A job as its owner keeps it, without what saves have set: its document as YAML, in the order of domain::encode_job:
// for files, editors and diffs.
std::string job_yaml(const domain::Job& job);

}  // namespace cronfleet::cli
