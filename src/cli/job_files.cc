#include "cli/job_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <filesystem>
#include <map>
#include <optional>

#include "cli/output.h"
#include "cli/read_input.h"
#include "cli/terminal.h"
#include "cli/words.h"
#include "cli/yaml_reader.h"
#include "domain/job_json.h"

namespace cronfleet::cli {
namespace {

namespace json = boost::json;
namespace fs = std::filesystem;

bool is_job_file(const fs::path& path) {
  return path.extension() == ".json" || path.extension() == ".yaml" || path.extension() == ".yml";
}

CliResult<std::vector<std::string>> files_of(const std::string& path) {
  std::error_code error;
  if (!fs::is_directory(path, error)) return std::vector<std::string>{path};
  std::vector<std::string> files;
  for (auto entry = fs::directory_iterator(path, error); !error && entry != fs::directory_iterator();
       entry.increment(error))
    if (is_job_file(entry->path())) files.push_back(entry->path().string());
  if (error) return CliFailure({kExitInvalid, words("cannot read the folder {}: {}", path, error.message())});
  if (files.empty()) return CliFailure({kExitInvalid, words("no *.json or *.yaml file in {}", path)});
  std::sort(files.begin(), files.end());
  return files;
}

// Where the values of a document stand; null where its own text says it.
using Places = const YamlDocument*;

// Collects jobs and mistakes of all files.
struct Collected {
  std::vector<JobDocument> documents;
  std::map<std::string, std::string> names;  // to where
  std::vector<std::string> mistakes;
  std::optional<CliError> unreadable;  // the first file that was

  // `prefix` is the pointer of the job in the document that `places` knows.
  void add(const std::string& where, std::string_view text, Places places = nullptr, const std::string& prefix = "") {
    auto job = domain::decode_job(text);
    if (!job) {
      for (domain::FieldError error : job.error().errors()) {
        if (places) {
          const YamlPlace place = places->place_of(prefix + error.pointer);
          error.line = place.line;
          error.column = place.column;
        }
        mistakes.push_back(words("{}: {}", where, visible(said(error.text()))));
      }
      return;
    }
    const auto [known, is_new] = names.emplace(job->name.text(), where);
    if (!is_new)
      return mistakes.push_back(
          words("{}: job '{}' stands in {} already", where, visible(job->name.text()), known->second));
    documents.push_back({where, domain::without_bookkeeping(*std::move(job))});
  }

  template <typename T>
  const T* readable(const CliResult<T>& result) {
    if (result) return &*result;
    mistakes.push_back(result.error().message);
    if (!unreadable) unreadable = result.error();
    return nullptr;
  }

  CliResult<std::vector<JobDocument>> done() {
    if (unreadable) return CliFailure(*unreadable);
    if (mistakes.empty()) return std::move(documents);
    std::string text = words("nothing was applied, because of these mistakes:");
    for (const std::string& mistake : mistakes) text += "\n  " + mistake;
    return CliFailure({kExitInvalid, text});
  }
};

// What the API prints: the document stands under "job".
const json::value* inner_document(const json::value& value) {
  if (!value.is_object()) return nullptr;
  const json::value* job = value.get_object().if_contains("job");
  return job && job->is_object() ? job : nullptr;
}

// One job, an array of them, or an answer of the API; `text` is the value's own, or empty.
void collect_value(const std::string& where, const json::value& value, std::string_view text, Places places,
                   Collected& collected) {
  const json::array* items = value.is_array() ? &value.get_array() : nullptr;
  std::string prefix;
  if (value.is_object()) {
    if (const auto* list = value.get_object().if_contains("items"); list && list->is_array()) {
      items = &list->get_array();
      prefix = "/items";
    }
  }
  if (items) {
    for (std::size_t i = 0; i < items->size(); ++i) {
      const auto* inner = inner_document((*items)[i]);
      collected.add(words("{}[{}]", where, i), json::serialize(inner ? *inner : (*items)[i]), places,
                    words("{}/{}{}", prefix, i, inner ? "/job" : ""));
    }
  } else if (const auto* inner = inner_document(value)) {
    collected.add(where, json::serialize(*inner), places, "/job");
  } else if (text.empty()) {
    collected.add(where, json::serialize(value), places);
  } else {
    collected.add(where, text);  // as it stands, so that mistakes have their place
  }
}

void collect_yaml(const std::string& where, const std::string& text, Collected& collected) {
  const auto documents = read_yaml(text);
  if (!documents) {
    const YamlMistake& mistake = documents.error();
    collected.mistakes.push_back(
        words("{}: line {}, column {}: {}", where, mistake.place.line, mistake.place.column, visible(mistake.message)));
    return;
  }
  for (std::size_t i = 0; i < documents->size(); ++i) {
    const YamlDocument& document = (*documents)[i];
    collect_value(documents->size() == 1 ? where : words("{}[{}]", where, i), json::parse(document.json), "", &document,
                  collected);
  }
}

void collect(const std::string& where, const std::string& text, Collected& collected) {
  const auto first = text.find_first_not_of(" \t\r\n");
  const bool looks_like_json = first != std::string::npos && (text[first] == '{' || text[first] == '[');
  if (!looks_like_json && !where.ends_with(".json")) return collect_yaml(where, text, collected);
  json::error_code no_json;
  const auto value = json::parse(text, no_json);
  if (no_json) return collected.add(where, text);  // its reader says what is wrong, and where
  // JSON is YAML as well: that reader knows where the values of an array stand.
  const auto documents = read_yaml(text);
  collect_value(where, value, text, documents && documents->size() == 1 ? &documents->front() : nullptr, collected);
}

Collected collect_all(const std::vector<std::string>& paths, std::FILE* in) {
  Collected collected;
  for (const std::string& path : paths) {
    if (path == "-") {
      const auto text = read_stream(in, "stdin");
      if (collected.readable(text)) collect("stdin", *text, collected);
      continue;
    }
    const auto files = files_of(path);
    if (!collected.readable(files)) continue;
    for (const std::string& file : *files) {
      const auto text = read_path(file);
      if (collected.readable(text)) collect(file, *text, collected);
    }
  }
  return collected;
}

}  // namespace

CliResult<std::vector<JobDocument>> read_job_files(const std::vector<std::string>& paths, std::FILE* in) {
  return collect_all(paths, in).done();
}

ReadableJobs read_what_is_right(const std::vector<std::string>& paths, std::FILE* in) {
  Collected collected = collect_all(paths, in);
  return {std::move(collected.documents), std::move(collected.mistakes)};
}

CliResult<std::vector<JobDocument>> read_job_text(const std::string& where, const std::string& text) {
  Collected collected;
  collect(where, text, collected);
  return collected.done();
}

std::string job_yaml(const domain::Job& job) {
  return yaml_text(json::parse(domain::encode_job(domain::without_bookkeeping(job))));
}

}  // namespace cronfleet::cli
