// Any bytes are a job or have mistakes with a place in the text; a job that was read is written and read back equal.
#include <cstdint>

#include "base/check.h"
#include "base/utf8.h"
#include "domain/job_json.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace cronfleet::domain;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto job = decode_job(text);
  if (!job) {
    CHECK(!job.error().empty());
    for (const FieldError& error : job.error().errors()) {
      CHECK(error.line >= 1 && error.column >= 1 && !error.message.empty());
      CHECK(cronfleet::is_utf8(error.text()));
    }
    (void)job.error().status();
    return 0;
  }
  const std::string written = encode_job(*job);
  const auto again = decode_job(written);
  CHECK(again && *again == *job);
  CHECK(encode_job(*again) == written);
  (void)shown_command(*job);
  return 0;
}
