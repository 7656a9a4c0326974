// Bytes from the runner's socket and journal: refused or read, and what is read encodes to something that reads the
// same.
#include <cstdlib>

#include "exec/posix/messages.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace cronfleet::exec::posix;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto same = [](const auto& message, auto decode) {
    std::string once, twice;
    encode(message, once);
    const auto again = decode(std::string_view(once).substr(4));
    if (!again) std::abort();
    encode(*again, twice);
    if (once != twice) std::abort();
  };
  if (const auto message = decode_to_runner(bytes)) same(*message, decode_to_runner);
  if (const auto message = decode_from_runner(bytes)) same(*message, decode_from_runner);
  FrameReader frames;
  frames.feed(bytes);
  for (auto frame = frames.next(); frame && *frame; frame = frames.next())
    static_cast<void>(decode_to_runner(**frame).has_value());
  return 0;
}
