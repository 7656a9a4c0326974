// cli/reference.h: the pages about the command line, from the same table as --help: docs/cli.md and docs/man/*.1.
#pragma once

#include <CLI/CLI.hpp>
#include <map>
#include <string>

namespace cronfleet::cli {

std::string reference_page(const CLI::App& app);  // Markdown
// Name ("cronfleet-job.1") → roff: one for cronfleet itself, one for each noun.
std::map<std::string, std::string> man_pages(const CLI::App& app);

// `__reference FOLDER`: writes cli.md and man/*.1 there. scripts/cli-page calls it.
int write_reference(const CLI::App& app, const std::string& folder);

}  // namespace cronfleet::cli
