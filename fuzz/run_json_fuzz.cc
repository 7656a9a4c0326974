// Any bytes are a run or have mistakes; a run that was read is written so that it reads back the same.
#include <cstdint>

#include "base/check.h"
#include "domain/run_json.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace cronfleet::domain;
  const auto run = decode_run({reinterpret_cast<const char*>(data), size});
  if (!run) {
    CHECK(!run.error().empty());
    return 0;
  }
  const std::string written = encode_run(*run);
  const auto again = decode_run(written);
  CHECK(again && encode_run(*again) == written);
  return 0;
}
