// Any bytes are a run id or refused; what was read is written as it stood.
#include <cstdint>

#include "base/check.h"
#include "domain/run.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto id = cronfleet::domain::parse_run_id(text);
  if (id) CHECK(id->text() == text);
  return 0;
}
