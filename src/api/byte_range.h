// api/byte_range.h: one range of bytes as Range asks for it (RFC 9110, section 14).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace cronfleet::api {

struct ByteRange {
  std::optional<std::uint64_t> first;  // absent: the last `last` bytes are wanted
  std::optional<std::uint64_t> last;   // included; absent: to the end

  struct Slice {
    std::uint64_t offset = 0, length = 0;
  };
  // The part of `length` bytes that it means; nothing where there is none of it (416).
  std::optional<Slice> of(std::uint64_t length) const;
};

// "bytes=0-99", "bytes=100-", "bytes=-100". Nothing for other units, several ranges and everything that is none: such a
// header is passed over, as the standard allows.
std::optional<ByteRange> parse_byte_range(std::string_view text);

}  // namespace cronfleet::api
