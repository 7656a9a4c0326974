#include "cli/import_gone.h"

#include <algorithm>
#include <boost/json.hpp>
#include <filesystem>
#include <set>

#include "cli/answers.h"
#include "cli/job_batch.h"
#include "cli/terminal.h"
#include "cli/words.h"

namespace cronfleet::cli {
namespace {

namespace json = boost::json;
namespace fs = std::filesystem;

// Whether a job of `user` with this label was made from one of the crontabs.
bool is_from(const std::vector<TranslatedFile>& files, const std::vector<std::string>& paths, const std::string& label,
             const std::string& user) {
  for (const TranslatedFile& file : files)
    if (crontab::source_label(file.place) == label) return file.user.empty() || file.user == user;
  return std::any_of(paths.begin(), paths.end(), [&](const std::string& path) {
    std::error_code error;
    return path != "-" && fs::is_directory(path, error) &&
           fs::path(place_of(path)) / fs::path(label).filename() == label;
  });
}

}  // namespace

CliResult<std::vector<GoneJob>> gone_of(const Cli& cli, const CrontabWishes& wishes,
                                        const std::vector<TranslatedFile>& files,
                                        const std::vector<ImportStep>& steps) {
  std::set<std::string> there;
  for (const ImportStep& step : steps) there.insert(step.job.name.text());
  const auto all = ask_all_pages(cli, "/api/v1/jobs?limit=500&label=crontab");
  if (!all) return CliFailure(all.error());
  std::vector<GoneJob> gone;
  for (const json::value& item : array_at(*all, "items")) {
    const std::string name = text_at(item, {"name"}), label = text_at(item, {"job", "labels", "crontab"});
    if (there.count(name) != 0 || !is_from(files, wishes.paths, label, text_at(item, {"job", "user"}))) continue;
    if (!crontab::is_name_for(name, wishes.prefix, text_at(item, {"job", "command"}))) continue;
    gone.push_back({name, label, words("\"{}\"", text_at(item, {"revision"}))});
  }
  return gone;
}

int delete_gone(const Cli& cli, const std::vector<GoneJob>& gone, const std::string& reason) {
  std::vector<JobChange> changes;
  for (const GoneJob& job : gone)
    changes.push_back({.kind = JobChange::Kind::Delete, .name = job.name, .if_match = job.etag});
  const auto answers = change_jobs(cli, changes, Effect::Write, reason);
  if (!answers) {
    cli.say(words("the server did not answer: some of the jobs whose line is gone may still be there"));
    return failed(cli, answers.error());
  }
  int exit_code = kExitOk;
  for (std::size_t i = 0; i < answers->size(); ++i) {
    const CliError& refusal = (*answers)[i].refusal;
    if (refusal.exit_code == 0 || refusal.exit_code == kExitNotFound) continue;
    if (exit_code == kExitOk) exit_code = refusal.exit_code;
    cli.say(words(
        "job '{}' is still there: {}", visible(gone[i].name),
        refusal.exit_code == kExitConflict ? words("somebody else saved or deleted it meanwhile") : refusal.message));
  }
  return exit_code;
}

}  // namespace cronfleet::cli
