// What docs/ says about keys and fields is what the code takes. Runs in the root of the checkout.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <regex>
#include <sstream>

#include "config/load.h"
#include "domain/job_json.h"
#include "domain/run_json.h"

namespace cronfleet {
namespace {

std::string file(const std::string& path) {
  std::ifstream stream(path);
  EXPECT_TRUE(stream) << path << ": run this in the root of the checkout";
  return {std::istreambuf_iterator<char>(stream), {}};
}

// Whether `document` names `word` as code, in a table.
bool names(const std::string& document, std::string_view word) {
  return document.find(fmt::format("`{}`", word)) != std::string::npos;
}

TEST(Documents, EveryKeyOfAJob) {
  const std::string formats = file("docs/formats.md");
  for (const std::string_view key : domain::job_field_names()) EXPECT_TRUE(names(formats, key)) << key;
}

TEST(Documents, EveryFieldOfARun) {
  const std::string formats = file("docs/formats.md");
  for (const std::string_view field : domain::run_field_names()) EXPECT_TRUE(names(formats, field)) << field;
}

// And no key that is not there: every `a.b` in the table of settings loads or is refused for its value alone.
template <typename Load>
std::string refusal(Load load, const config::Sources& sources) {
  const auto loaded = load(sources);
  return loaded ? "" : loaded.error().text();
}

void expect_every_setting(const std::string& operations, const std::string& all) {
  std::string section;
  std::istringstream printed(all);
  for (std::string line; std::getline(printed, line);) {
    std::smatch found;
    if (std::regex_match(line, found, std::regex(R"re(  "(\w+)": \{)re"))) section = found[1].str() + ".";
    if (line.starts_with("  }")) section.clear();
    if (!std::regex_search(line, found, std::regex(R"re(^ +"(\w+)": [^{])re"))) continue;
    EXPECT_TRUE(names(operations, section + found[1].str())) << section << found[1];
  }
}

TEST(Documents, EverySettingAndNoOther) {
  const std::string operations = file("docs/operations.md");
  config::Sources sources;
  sources.is_root = true;
  expect_every_setting(operations, config::load_standalone(sources)->printed);
  expect_every_setting(operations, config::load_master(sources)->printed);
  expect_every_setting(operations, config::load_worker(sources)->printed);
  const std::string rows = operations.substr(operations.find("## Configuration"));
  const std::string table = rows.substr(0, rows.find("\n## "));
  const std::regex key(R"(`((http|metrics|log|worker|history|etcd|mongodb)\.\w+)`)");
  for (auto at = std::sregex_iterator(table.begin(), table.end(), key); at != std::sregex_iterator(); ++at) {
    sources.overrides = {{"--set", (*at)[1].str(), "\x01"}};
    const bool known = refusal(config::load_standalone, sources).find("unknown key") == std::string::npos ||
                       refusal(config::load_master, sources).find("unknown key") == std::string::npos ||
                       refusal(config::load_worker, sources).find("unknown key") == std::string::npos;
    EXPECT_TRUE(known) << (*at)[1];
  }
}

}  // namespace
}  // namespace cronfleet
