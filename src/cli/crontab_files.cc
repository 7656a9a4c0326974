#include "cli/crontab_files.h"

#include <fmt/format.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "cli/read_input.h"
#include "cli/words.h"
#include "tz/local_zone.h"
#include "tz/zone_database.h"

namespace cronfleet::cli {
namespace {

namespace fs = std::filesystem;

std::optional<std::string> home_of(const std::string& user) {
  const passwd* entry = ::getpwnam(user.c_str());
  if (!entry || !entry->pw_dir || entry->pw_dir[0] != '/') return std::nullopt;
  return entry->pw_dir;
}

// Names that cron itself reads in /etc/cron.d.
bool is_read_by_cron(const std::string& name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
}

struct Source {
  std::string path, place, text;
  crontab::Form form = crontab::Form::User;
  std::string user;
  bool is_guess = false;  // nothing says that it is a user's
};

bool is_program(const std::string& name) {
  for (const char* folder : {"/usr/local/bin/", "/usr/bin/", "/bin/", "/usr/sbin/", "/sbin/"})
    if (::access((folder + name).c_str(), X_OK) == 0) return true;
  return false;
}

// Lines read as a user's whose command begins with a user, and no program: those of a system crontab do.
std::optional<TranslatedFile::Suspicion> suspicion_of(const std::vector<crontab::Line>& lines) {
  TranslatedFile::Suspicion found;
  for (const crontab::Line& line : lines) {
    const auto* entry = std::get_if<crontab::Entry>(&line.what);
    if (!entry) continue;
    ++found.of;
    const auto end = entry->command.find_first_of(" \t");
    const std::string word = entry->command.substr(0, end);
    const auto next = end == std::string::npos ? end : entry->command.find_first_not_of(" \t", end);
    // Nobody's command begins with a dash: "mail -s".
    if (next == std::string::npos || entry->command[next] == '-') continue;
    if (!::getpwnam(word.c_str()) || is_program(word)) continue;
    ++found.lines;
    found.user = word;
  }
  return found.lines * 2 > found.of ? std::optional(found) : std::nullopt;
}

Source source_of(const CrontabWishes& wishes, const std::string& path) {
  Source source{.path = path == "-" ? "stdin" : path, .place = place_of(path), .user = wishes.user};
  const std::string folder = fs::path(source.place).parent_path().string();
  const bool of_the_system = source.place == "/etc/crontab" || folder == "/etc/cron.d";
  source.form = wishes.system || of_the_system ? crontab::Form::System : crontab::Form::User;
  if (source.user.empty() && (folder.ends_with("/cron/crontabs") || folder == "/var/spool/cron"))
    source.user = fs::path(source.place).filename().string();
  source.is_guess = source.form == crontab::Form::User && source.user.empty();
  if (source.user.empty()) source.user = user_name();
  return source;
}

CliResult<std::vector<Source>> sources_of(const CrontabWishes& wishes, std::FILE* in) {
  std::vector<Source> sources;
  for (const std::string& path : wishes.paths) {
    std::error_code error;
    if (path != "-" && fs::is_directory(path, error)) {
      std::vector<std::string> files;
      for (auto entry = fs::directory_iterator(path, error); !error && entry != fs::directory_iterator();
           entry.increment(error))
        if (entry->is_regular_file() && is_read_by_cron(entry->path().filename().string()))
          files.push_back(entry->path().string());
      if (error) return CliFailure({kExitInvalid, words("cannot read the folder {}: {}", path, error.message())});
      if (files.empty()) return CliFailure({kExitInvalid, words("no file in {} that cron would read", path)});
      std::sort(files.begin(), files.end());
      for (const std::string& file : files) {
        sources.push_back(source_of(wishes, file));
        sources.back().form = crontab::Form::System;
        sources.back().is_guess = false;
      }
    } else {
      sources.push_back(source_of(wishes, path));
    }
  }
  for (Source& source : sources) {
    auto text = source.path == "stdin" ? read_stream(in, "stdin") : read_path(source.path);
    if (!text) return CliFailure(text.error());
    source.text = *std::move(text);
  }
  return sources;
}

}  // namespace

std::string place_of(const std::string& path) {
  if (path == "-") return "stdin";
  std::error_code error;
  const fs::path place = fs::absolute(path, error);
  return error ? path : place.lexically_normal().string();
}

CliResult<std::vector<TranslatedFile>> translate_crontabs(const CrontabWishes& wishes, std::FILE* in) {
  const auto zones = tz::ZoneDatabase::open();
  if (!zones) return CliFailure({kExitFailure, said(zones.error().message())});
  const std::string zone = wishes.zone.empty() ? tz::local_zone(tz::local_zone_sources(), **zones) : wishes.zone;
  if (!(*zones)->find(zone)) {
    const std::string near = (*zones)->nearest(zone);
    return CliFailure(
        {kExitInvalid, words("unknown time zone '{}'{}", zone, near.empty() ? "" : words("; did you mean {}?", near))});
  }
  auto sources = sources_of(wishes, in);
  if (!sources) return CliFailure(sources.error());
  std::vector<TranslatedFile> files;
  std::map<std::string, int> taken;
  for (const Source& source : *sources) {
    const crontab::Options options{.form = source.form,
                                   .user = source.user,
                                   .zone = zone,
                                   .prefix = wishes.prefix,
                                   .source = source.place,
                                   .from = wishes.from,
                                   .home_of = home_of};
    const auto lines = crontab::read_crontab(source.text, source.form);
    files.push_back({.path = source.path,
                     .place = source.place,
                     .user = source.form == crontab::Form::System ? "" : source.user,
                     .is_of_the_system = source.is_guess ? suspicion_of(lines) : std::nullopt,
                     .translation = crontab::translate(lines, options, **zones, taken)});
  }
  return files;
}

}  // namespace cronfleet::cli
