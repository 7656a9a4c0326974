// cli/job_edit.h: `job edit`: a job in the editor of whoever calls, saved unless somebody else changed the same.
#pragma once

#include <string>

#include "cli/cli.h"

namespace cronfleet::cli {

// Opens the job as YAML in $VISUAL, $EDITOR or vi. A text that is no job is opened again with its mistakes on top where
// somebody sits at a terminal, and kept in a file where not. What somebody else changed meanwhile is merged member by
// member; where both changed the same member it is a conflict: the newest job is opened with both versions shown, or
// the text is kept (kExitConflict).
int edit_job(const Cli& cli, const std::string& name);

}  // namespace cronfleet::cli
