// tests/cron_data.h: the published cron facts (tests/data/cron/README.md) as rows.
#pragma once

#include <cstdlib>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

namespace cronfleet {

struct CronFact {
  std::string id, expression, time_zone, from, expected, key;
};

// Where a copy of the table beside the repository would lie.
inline std::string shared_cron_table() {
  const char* folder = std::getenv("CRONFLEET_SHARED");
  return std::string(folder != nullptr ? folder : "../shared") + "/testdata/cron/published.tsv";
}

inline std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts(1);
  for (const char c : text) {
    if (c == separator)
      parts.emplace_back();
    else
      parts.back() += c;
  }
  return parts;
}

// Empty when the file is not there.
inline std::vector<CronFact> read_cron_facts(const std::string& path) {
  std::vector<CronFact> facts;
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);  // the header
  while (std::getline(file, line)) {
    const std::vector<std::string> columns = split(line, '\t');
    if (columns.size() != 7) continue;
    CronFact fact{columns[0], columns[2], columns[3], columns[4], columns[5], ""};
    for (auto at = fact.expression.find("\\t"); at != std::string::npos; at = fact.expression.find("\\t"))
      fact.expression.replace(at, 2, "\t");
    constexpr std::string_view kJob = "job=";
    if (const auto at = columns[6].find(kJob); at != std::string::npos)
      fact.key = columns[6].substr(at + kJob.size(), columns[6].find_first_of(" ;,", at) - at - kJob.size());
    facts.push_back(std::move(fact));
  }
  return facts;
}

}  // namespace cronfleet
