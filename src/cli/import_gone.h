// cli/import_gone.h: jobs that an earlier import of the same crontabs made, and whose line stands there no more.
#pragma once

#include <string>
#include <vector>

#include "cli/crontab_files.h"
#include "cli/import_plan.h"

namespace cronfleet::cli {

struct GoneJob {
  std::string name, source, etag;
};
// Asks for the jobs of these crontabs, also of files that have gone from a folder. Only those with names as this
// import gives them: the same path on another machine, imported with another --prefix, is another crontab.
CliResult<std::vector<GoneJob>> gone_of(const Cli& cli, const CrontabWishes& wishes,
                                        const std::vector<TranslatedFile>& files, const std::vector<ImportStep>& steps);

// Deletes them; the exit code. What fails is said.
int delete_gone(const Cli& cli, const std::vector<GoneJob>& gone, const std::string& reason);

}  // namespace cronfleet::cli
