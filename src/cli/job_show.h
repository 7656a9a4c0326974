// cli/job_show.h: `cronfleet job list|get`.
#pragma once

#include <string>
#include <vector>

#include "cli/cli.h"

namespace cronfleet::cli {

struct JobFilter {  // as the API takes it
  std::vector<std::string> labels;
  std::string text, filter, sort;
};

int list_jobs(const Cli& cli, const JobFilter& filter);
int show_job(const Cli& cli, const std::string& name);

}  // namespace cronfleet::cli
