// Any bytes are a configuration or have mistakes; what was loaded is printed so that it loads again to the same. The
// first byte chooses whether the rest is a file, a variable or a flag.
#include <cstdint>

#include "base/check.h"
#include "base/utf8.h"
#include "config/load.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace cronfleet::config;
  if (size == 0) return 0;
  const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  Sources sources;
  sources.is_root = true;
  if (data[0] % 4 == 0) {
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos) return 0;
    sources.environment = {{"CRONFLEET_" + text.substr(0, equals), text.substr(equals + 1)}};
  } else if (data[0] % 4 == 1) {
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos) return 0;
    sources.overrides = {{"--set", text.substr(0, equals), text.substr(equals + 1)}};
  } else {
    sources.file_name = "c.json";
    sources.file_text = text;
  }
  const auto loaded = load_standalone(sources);
  if (!loaded) {
    CHECK(!loaded.error().empty() && !loaded.error().text().empty());
    return 0;
  }
  Sources again;
  again.is_root = true;
  again.file_name = "printed.json";
  again.file_text = loaded->printed;
  const auto second = load_standalone(again);
  CHECK(second && second->config == loaded->config);
  return 0;
}
