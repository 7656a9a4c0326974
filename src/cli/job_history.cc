#include "cli/job_history.h"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>

#include "api/url.h"
#include "cli/answers.h"
#include "cli/job_apply.h"
#include "cli/job_files.h"
#include "cli/terminal.h"
#include "cli/text_diff.h"
#include "cli/words.h"
#include "domain/job_json.h"

namespace cronfleet::cli {
namespace {

namespace json = boost::json;

std::string address_of(std::string_view name) { return "/api/v1/jobs/" + api::percent_encode(name); }

CliResult<std::string> yaml_of_version(const Cli& cli, const std::string& name, std::int64_t revision) {
  const auto answer = ask_json(cli, {.target = words("{}/versions/{}", address_of(name), revision)});
  if (!answer) return CliFailure(answer.error());
  const auto* document = answer->is_object() ? answer->get_object().if_contains("job") : nullptr;
  if (!document) return text_at(*answer, {"document"}) + "\n";
  const auto job = domain::decode_job(json::serialize(*document), JobName(name));
  return job ? job_yaml(*job) : json_text(*document) + "\n";
}

std::int64_t revision_at(const json::value& version) {
  const auto* revision = version.is_object() ? version.get_object().if_contains("revision") : nullptr;
  return revision && revision->is_int64() ? revision->get_int64() : 0;
}

// A name as a file: what separates folders cannot stand in a job's name.
std::string file_name_of(const std::string& name) { return (name.starts_with('.') ? "_" + name : name) + ".yaml"; }

CliResult<void> write_file(const std::string& path, const std::string& text) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "we"), &std::fclose);
  if (file && std::fwrite(text.data(), 1, text.size(), file.get()) == text.size() && std::fflush(file.get()) == 0)
    return {};
  return CliFailure({kExitFailure, words("cannot write {}: {}", path, std::strerror(errno))});
}

CliResult<std::vector<domain::Job>> jobs_of(const Cli& cli, const ExportWishes& wishes) {
  std::vector<domain::Job> jobs;
  if (!wishes.names.empty()) {
    for (const std::string& name : wishes.names) {
      auto standing = standing_of(cli, name);
      if (!standing) return CliFailure(standing.error());
      jobs.push_back(std::move(standing->job));
    }
    return jobs;
  }
  std::string target = "/api/v1/jobs?limit=500";
  for (const std::string& label : wishes.labels) target += "&label=" + api::percent_encode(label);
  const auto all = ask_all_pages(cli, target, {{"label", "--label"}});
  if (!all) return CliFailure(all.error());
  for (const json::value& item : array_at(*all, "items")) {
    const std::string name = text_at(item, {"name"});
    const auto* document = item.is_object() ? item.get_object().if_contains("job") : nullptr;
    auto job = domain::decode_job(document ? json::serialize(*document) : "", JobName(name));
    if (!job) {
      cli.say(words("job '{}' is left out: its document cannot be read", visible(name)));
      continue;
    }
    jobs.push_back(domain::without_bookkeeping(*std::move(job)));
  }
  return jobs;
}

}  // namespace

int list_versions(const Cli& cli, const std::string& name) {
  const auto answer = ask_json(cli, {.target = address_of(name) + "/versions"});
  if (!answer) return failed(cli, answer.error());
  print_list(cli, *answer,
             {.columns = {column("REVISION", {"revision"}),
                          time_column("SINCE", {"since"}),
                          {.title = "CURRENT",
                           .data = [](const json::value& item) { return text_at(item, {"current"}); },
                           .shown =
                               [](const json::value& item) {
                                 return std::string(text_at(item, {"current"}) == "true" ? "yes" : "");
                               }},
                          {.title = "CHANGES",
                           .data =
                               [](const json::value& item) {
                                 std::string all;
                                 for (const json::value& one : array_at(item, "changes"))
                                   if (one.is_string())
                                     all += words("{}{}", all.empty() ? "" : " ", one.get_string().c_str());
                                 return all;
                               }}},
              .name_path = {"revision"}});
  return kExitOk;
}

int diff_versions(const Cli& cli, const std::string& name, std::optional<std::int64_t> from,
                  std::optional<std::int64_t> to) {
  if (!from || !to) {
    const auto answer = ask_json(cli, {.target = address_of(name) + "/versions"});
    if (!answer) return failed(cli, answer.error());
    const json::array& versions = array_at(*answer, "items");
    if (versions.empty()) return failed(cli, {kExitNotFound, words("there is no version")});
    if (!to) to = revision_at(versions.front());
    for (std::size_t i = 0; i < versions.size() && !from; ++i)
      if (revision_at(versions[i]) < *to) from = revision_at(versions[i]);
  }
  const auto before = from ? yaml_of_version(cli, name, *from) : CliResult<std::string>("");
  if (!before) return failed(cli, before.error());
  const auto after = yaml_of_version(cli, name, *to);
  if (!after) return failed(cli, after.error());
  const std::string diff = text_diff(*before, *after);
  if (diff.empty()) {
    cli.note(words("nothing changed between them"));
    return kExitOk;
  }
  print_diff(cli, words("job '{}' from revision {} to {}", visible(name), from.value_or(0), *to), diff);
  return kExitDifferences;
}

int restore_version(const Cli& cli, const std::string& name, std::int64_t revision) {
  const auto stands = cli.ask({.target = address_of(name)});
  if (!stands && stands.error().exit_code != kExitNotFound) return failed(cli, stands.error());
  ClientRequest request{.method = "POST", .target = words("{}/versions/{}:restore", address_of(name), revision)};
  if (stands) request.headers["If-Match"] = stands->header("etag");
  if (!stands) request.headers["If-None-Match"] = "*";
  const auto answer = ask_json(cli, request);
  if (!answer) return failed(cli, answer.error());
  const std::string next = text_at(*answer, {"next_firings"});
  print_change(cli, *answer, name,
               words("job '{}' is as it was in revision {}; {}", visible(name), revision,
                     next.empty() ? words("does not fire") : words("fires next at {}", local_time(next))));
  return kExitOk;
}

int export_jobs(const Cli& cli, const ExportWishes& wishes) {
  const auto jobs = jobs_of(cli, wishes);
  if (!jobs) return failed(cli, jobs.error());
  if (!wishes.folder.empty()) {
    std::error_code error;
    std::filesystem::create_directories(wishes.folder, error);
    for (const domain::Job& job : *jobs) {
      const auto written = write_file(wishes.folder + "/" + file_name_of(job.name.text()), job_yaml(job));
      if (!written) return failed(cli, written.error());
    }
    cli.note(jobs->size() == 1 ? words("1 job written to {}", wishes.folder)
                               : words("{} jobs written to {}", jobs->size(), wishes.folder));
    return kExitOk;
  }
  if (cli.settings.output.kind == OutputForm::Kind::Json) {
    json::array all;
    for (const domain::Job& job : *jobs) all.push_back(json::parse(domain::encode_job(job)));
    cli.print(pretty_json(all));
    return kExitOk;
  }
  bool first = true;
  for (const domain::Job& job : *jobs) cli.print((std::exchange(first, false) ? "" : "---\n") + job_yaml(job));
  return kExitOk;
}

}  // namespace cronfleet::cli
