#include "api/byte_range.h"

#include <algorithm>
#include <charconv>

#include "api/http.h"

namespace cronfleet::api {
namespace {

// False where it is no number. One that is too large for 64 bits counts as the largest.
bool take_number(std::string_view text, std::optional<std::uint64_t>& into) {
  if (text.empty()) return true;
  if (text.find_first_not_of("0123456789") != std::string_view::npos) return false;
  std::uint64_t number = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  into = read.ec == std::errc() ? number : UINT64_MAX;
  return true;
}

}  // namespace

std::optional<ByteRange> parse_byte_range(std::string_view text) {
  const auto equals = text.find('=');
  if (equals == std::string_view::npos || !equal_ignoring_case(trimmed(text.substr(0, equals)), "bytes"))
    return std::nullopt;
  const std::string_view wanted = trimmed(text.substr(equals + 1));
  const auto dash = wanted.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  ByteRange range;
  if (!take_number(wanted.substr(0, dash), range.first) || !take_number(wanted.substr(dash + 1), range.last))
    return std::nullopt;
  if (!range.first && !range.last) return std::nullopt;
  if (range.first && range.last && *range.last < *range.first) return std::nullopt;
  return range;
}

std::optional<ByteRange::Slice> ByteRange::of(std::uint64_t length) const {
  if (!first) {
    const std::uint64_t count = std::min(*last, length);
    if (count == 0) return std::nullopt;
    return Slice{length - count, count};
  }
  if (*first >= length) return std::nullopt;
  return Slice{*first, std::min(last.value_or(length - 1), length - 1) - *first + 1};
}

}  // namespace cronfleet::api
