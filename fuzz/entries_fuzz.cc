// Every decoder of core/entries.h over outside bytes. What decodes must encode, and decode again to the same text.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "core/entries.h"

namespace {

template <typename Decode>
void again(std::string_view text, Decode decode) {
  const auto read = decode(text);
  if (!read) return;
  const std::string written = encode(*read);
  const auto second = decode(written);
  CHECK(second.has_value());
  CHECK(encode(*second) == written);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace cronfleet::core;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  again(text, decode_running);
  again(text, decode_lock);
  again(text, decode_account);
  again(text, decode_trigger);
  again(text, decode_kill);
  again(text, decode_worker);
  if (const auto marker = parse_marker(text)) CHECK(marker->text() == text);
  return 0;
}
