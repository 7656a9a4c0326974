// cli/crontab_files.h: finds and translates the crontabs that `import crontab` is given.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/cli.h"
#include "crontab/translate.h"

namespace cronfleet::cli {

struct CrontabWishes {
  std::vector<std::string> paths;  // files, folders like /etc/cron.d, "-"
  bool system = false;             // lines name a user; so they do in /etc/crontab, in folders and below /etc/cron.d
  std::string user;                // whose crontab it is; empty: by the path (…/crontabs/NAME), else who runs this
  std::string zone;                // empty: this machine's
  std::string prefix;
  WallTime from;
};
struct TranslatedFile {
  std::string path;   // "stdin" for "-"
  std::string place;  // the same, whatever folder the command was run in: the jobs are labelled with it
  std::string user;   // whose crontab it is; empty where the lines say so
  // Nobody said what it is, and most of its lines would start a program called like a user of this machine: that many
  // of so many, and one such name.
  struct Suspicion {
    std::size_t lines = 0, of = 0;
    std::string user;
  };
  std::optional<Suspicion> is_of_the_system{};
  crontab::Translation translation;
};
std::string place_of(const std::string& path);
CliResult<std::vector<TranslatedFile>> translate_crontabs(const CrontabWishes& wishes, std::FILE* in);

}  // namespace cronfleet::cli
