// cli/import_plan.h: what an import does to each job, in view of what stands on the server.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/crontab_files.h"
#include "cli/job_apply.h"

namespace cronfleet::cli {

struct ImportStep {
  enum class Kind {
    Unknown,  // the server was not asked
    Create,
    Keep,    // as an import has made it
    Change,  // an earlier import of the same source has made it, and the line has changed since
    Taken,   // another job has that name
  };
  Kind kind = Kind::Unknown;
  const TranslatedFile* file = nullptr;
  const crontab::Import* import = nullptr;
  domain::Job job;                     // as it is to be; what no line says is as it stands
  std::optional<Standing> standing{};  // of Keep, Change and Taken
};

// All of them, each Unknown.
std::vector<ImportStep> steps_of(const std::vector<TranslatedFile>& files);
// Asks for each job.
CliResult<void> compare_with_server(const Cli& cli, std::vector<ImportStep>& steps);

// "created", "unchanged", "changed", "conflict"; empty for Unknown.
std::string_view word_of(ImportStep::Kind kind);

}  // namespace cronfleet::cli
