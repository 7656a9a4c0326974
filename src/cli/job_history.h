// cli/job_history.h: the versions of a job, what changed between them, and jobs as files.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/cli.h"

namespace cronfleet::cli {

int list_versions(const Cli& cli, const std::string& name);
// From one version to another, as a diff of their YAML; `to` absent: what stands; `from` absent: the one before it.
// 0 equal, 3 different.
int diff_versions(const Cli& cli, const std::string& name, std::optional<std::int64_t> from,
                  std::optional<std::int64_t> to);
int restore_version(const Cli& cli, const std::string& name, std::int64_t revision);

struct ExportWishes {
  std::vector<std::string> names, labels;  // no names: all jobs, or those with the labels
  std::string folder;                      // a file for each; empty: all on standard output
};
// Documents for `job apply`: YAML, or with -o json a JSON array of them; the same jobs give the same bytes.
int export_jobs(const Cli& cli, const ExportWishes& wishes);

}  // namespace cronfleet::cli
