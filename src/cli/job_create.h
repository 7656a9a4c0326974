// cli/job_create.h: a job out of flags.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "cli/cli.h"
#include "domain/job.h"

namespace cronfleet::cli {

struct CreateWishes {
  std::string name, schedule, zone, timeout, user, directory, description;
  std::vector<std::string> command;                     // one text is for the shell, several are an argument vector
  std::vector<std::string> labels, environment, where;  // NAME=VALUE
  bool disabled = false;
};
void add_create_options(CLI::App& verb, CreateWishes& wishes);

// The flags behind the members of the document (ClientRequest::flags).
const std::map<std::string, std::string>& create_flags();

// Every mistake at once, under its flag: "--schedule: …".
CliResult<domain::Job> job_of(const CreateWishes& wishes);

}  // namespace cronfleet::cli
