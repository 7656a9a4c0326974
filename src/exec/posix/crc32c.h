// exec/posix/crc32c.h: CRC-32C (Castagnoli), by which the journal knows a whole frame from a torn one.
#pragma once

#include <cstdint>
#include <string_view>

namespace cronfleet::exec::posix {

// The checksum of `bytes` after bytes whose checksum is `before`.
std::uint32_t crc32c(std::string_view bytes, std::uint32_t before = 0);
// The same where the processor has no instruction for it.
std::uint32_t crc32c_by_tables(std::string_view bytes, std::uint32_t before = 0);

}  // namespace cronfleet::exec::posix
