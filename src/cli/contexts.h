// cli/contexts.h: the servers that somebody works with, by name, in a file that is theirs alone.
//
// {"current": "prod", "contexts": {"prod": {"servers": ["http://10.0.0.1:8090"], "output": "wide", "timeout": 10}}}
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cli/cli.h"

namespace cronfleet::cli {

struct Context {
  std::vector<std::string> servers;
  std::string output;  // empty: not set
  std::optional<double> timeout_seconds;
};

struct Contexts {
  std::string current;
  std::map<std::string, Context> all;
};

// $CRONFLEET_CONTEXTS, else cronfleet/contexts.json in $XDG_CONFIG_HOME or ~/.config; empty where there is no home.
std::string contexts_path();

// An absent file is an empty one. Refused: a file that others may read or write, or that another owns; a file that is
// not of the form above (kExitBadConfiguration).
CliResult<Contexts> load_contexts(const std::string& path);
// Whole or not at all, mode 0600, in a folder that is made where it is missing.
CliResult<void> save_contexts(const std::string& path, const Contexts& contexts);

}  // namespace cronfleet::cli
