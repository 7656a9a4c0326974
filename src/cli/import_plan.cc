#include "cli/import_plan.h"

namespace cronfleet::cli {
namespace {

constexpr const char* kSourceLabel = "crontab";  // set by crontab::translate

// `stands` is what an import of the same crontab has made. Standard input has one name for everybody's.
bool is_of_same_source(const domain::Job& stands, const domain::Job& job) {
  const auto before = stands.about->labels.find(kSourceLabel), now = job.about->labels.find(kSourceLabel);
  if (before == stands.about->labels.end() || now == job.about->labels.end() || before->second != now->second)
    return false;
  return now->second != "stdin" || stands.process->user == job.process->user;
}

// `stands` with all that a line of a crontab says; switches, policies and labels that were set since stay.
domain::Job updated(domain::Job stands, const domain::Job& job) {
  stands.schedule = job.schedule;
  stands.time_zone = job.time_zone;
  stands.command = job.command;
  domain::ProcessSettings& process = stands.process.edit();
  process.shell = job.process->shell;
  process.user = job.process->user;
  process.environment = job.process->environment;
  process.working_directory = job.process->working_directory;
  stands.timing.edit().jitter = job.timing->jitter;
  if (!job.about->description.empty()) stands.about.edit().description = job.about->description;
  return stands;
}

}  // namespace

std::vector<ImportStep> steps_of(const std::vector<TranslatedFile>& files) {
  std::vector<ImportStep> steps;
  for (const TranslatedFile& file : files)
    for (const crontab::Import& import : file.translation.imports)
      steps.push_back({.file = &file, .import = &import, .job = import.job});
  return steps;
}

CliResult<void> compare_with_server(const Cli& cli, std::vector<ImportStep>& steps) {
  for (ImportStep& step : steps) {
    auto standing = standing_of(cli, step.job.name.text());
    if (!standing && standing.error().exit_code != kExitNotFound) return CliFailure(standing.error());
    if (!standing) {
      step.kind = ImportStep::Kind::Create;
      continue;
    }
    step.standing = *std::move(standing);
    const domain::Job& stands = step.standing->job;
    step.kind = ImportStep::Kind::Taken;
    if (stands == step.job) step.kind = ImportStep::Kind::Keep;
    if (step.kind == ImportStep::Kind::Keep || !is_of_same_source(stands, step.job)) continue;
    step.job = updated(stands, step.job);
    step.kind = stands == step.job ? ImportStep::Kind::Keep : ImportStep::Kind::Change;
  }
  return {};
}

std::string_view word_of(ImportStep::Kind kind) {
  switch (kind) {
    case ImportStep::Kind::Unknown: break;
    case ImportStep::Kind::Create: return "created";
    case ImportStep::Kind::Keep: return "unchanged";
    case ImportStep::Kind::Change: return "changed";
    case ImportStep::Kind::Taken: return "conflict";
  }
  return "";
}

}  // namespace cronfleet::cli
