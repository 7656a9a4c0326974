// Every file of tests/scenarios/ over one scheduler. With CRONFLEET_UPDATE_SCENARIOS set, the files are written anew
// with what the scheduler does: read the difference before you keep it.
#include "tests/scenario.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <vector>

namespace cronfleet::scenario {
namespace {

std::vector<std::string> names() {
  std::vector<std::string> found;
  for (const auto& entry : std::filesystem::directory_iterator("tests/scenarios")) {
    if (entry.path().extension() == ".txt") found.push_back(entry.path().stem().string());
  }
  std::sort(found.begin(), found.end());
  return found;
}

class Scenario : public testing::TestWithParam<std::string> {};

TEST_P(Scenario, GoesAsWritten) {
  const std::string path = "tests/scenarios/" + GetParam() + ".txt";
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  const Report report = run(text.str());
  if (std::getenv("CRONFLEET_UPDATE_SCENARIOS") != nullptr && !report.updated.empty()) {
    std::ofstream(path) << report.updated;
    return;
  }
  EXPECT_EQ(report.failure, "") << path;
}
INSTANTIATE_TEST_SUITE_P(Files, Scenario, testing::ValuesIn(names()), [](const auto& file) { return file.param; });

TEST(ScenarioRunner, ALineThatIsWrongFails) {
  const std::string head = "job a {\"schedule\": \"*/5 * * * *\", \"command\": \"true\"}\nstart 2026-03-01T02:00:00Z\n";
  EXPECT_EQ(run(head + "02:04:00 woke → nothing\n").failure, "");
  EXPECT_NE(run(head + "02:05:00 woke → nothing\n").failure, "");
  EXPECT_NE(run(head + "02:04:00 woke → start a@02:05:00.1\n").failure, "");
  EXPECT_NE(run(head + "01:04:00 woke → nothing\n").failure, "");
  EXPECT_NE(run(head + "02:04:00 dances → nothing\n").failure, "");
}

}  // namespace
}  // namespace cronfleet::scenario
