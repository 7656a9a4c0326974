#include "cli/job_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <filesystem>
#include <map>

#include "cli/read_input.h"
#include "cli/terminal.h"
#include "domain/job_json.h"

namespace cronfleet::cli {
namespace {

namespace json = boost::json;
namespace fs = std::filesystem;

CliResult<std::vector<std::string>> files_of(const std::string& path) {
  std::error_code error;
  if (!fs::is_directory(path, error)) return std::vector<std::string>{path};
  std::vector<std::string> files;
  for (auto entry = fs::directory_iterator(path, error); !error && entry != fs::directory_iterator();
       entry.increment(error))
    if (entry->path().extension() == ".json") files.push_back(entry->path().string());
  if (error) return CliFailure({kExitInvalid, fmt::format("cannot read the folder {}: {}", path, error.message())});
  if (files.empty()) return CliFailure({kExitInvalid, fmt::format("no *.json file in {}", path)});
  std::sort(files.begin(), files.end());
  return files;
}

// Collects jobs and mistakes of all files.
struct Collected {
  std::vector<JobDocument> documents;
  std::map<std::string, std::string> names;  // to where
  std::string mistakes;

  void add(const std::string& where, std::string_view text) {
    auto job = domain::decode_job(text);
    if (!job) {
      for (const domain::FieldError& error : job.error().errors())
        mistakes += fmt::format("\n  {}: {}", where, visible(error.text()));
      return;
    }
    const auto [known, is_new] = names.emplace(job->name.text(), where);
    if (!is_new)
      mistakes += fmt::format("\n  {}: job '{}' stands in {} already", where, visible(job->name.text()), known->second);
    documents.push_back({where, *std::move(job)});
  }
};

// What the API prints: the document stands under "job".
const json::value* inner_document(const json::value& value) {
  if (!value.is_object()) return nullptr;
  const auto& object = value.get_object();
  const json::value* job = object.if_contains("job");
  return job && job->is_object() ? job : nullptr;
}

void collect(const std::string& where, const std::string& text, Collected& collected) {
  json::error_code no_json;
  const auto parsed = json::parse(text, no_json);
  const json::array* items = nullptr;
  if (!no_json && parsed.is_array()) items = &parsed.get_array();
  if (!no_json && parsed.is_object())
    if (const auto* list = parsed.get_object().if_contains("items"); list && list->is_array())
      items = &list->get_array();
  if (items) {
    for (std::size_t i = 0; i < items->size(); ++i) {
      const auto* inner = inner_document((*items)[i]);
      collected.add(fmt::format("{}[{}]", where, i), json::serialize(inner ? *inner : (*items)[i]));
    }
  } else if (const auto* inner = no_json ? nullptr : inner_document(parsed)) {
    collected.add(where, json::serialize(*inner));
  } else {
    collected.add(where, text);  // as it stands, so that mistakes have their place
  }
}

}  // namespace

CliResult<std::vector<JobDocument>> read_job_files(const std::vector<std::string>& paths, std::FILE* in) {
  Collected collected;
  for (const std::string& path : paths) {
    if (path == "-") {
      const auto text = read_stream(in, "stdin");
      if (!text) return CliFailure(text.error());
      collect("stdin", *text, collected);
      continue;
    }
    const auto files = files_of(path);
    if (!files) return CliFailure(files.error());
    for (const std::string& file : *files) {
      const auto text = read_path(file);
      if (!text) return CliFailure(text.error());
      collect(file, *text, collected);
    }
  }
  if (!collected.mistakes.empty())
    return CliFailure({kExitInvalid, "nothing was applied, because of these mistakes:" + collected.mistakes});
  return std::move(collected.documents);
}

}  // namespace cronfleet::cli
