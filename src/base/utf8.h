// base/utf8.h: what is valid UTF-8 (overlong forms, surrogates and values past U+10FFFF are not), and how to make it
// so.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace cronfleet {

constexpr std::string_view kReplacementCharacter = "\xef\xbf\xbd";  // U+FFFD

// Bytes of the sequence at the head of `text` and its code point; 0 bytes where there is no valid one.
struct Utf8Head {
  std::size_t length = 0;
  char32_t point = 0;
};
Utf8Head utf8_head(std::string_view text);

bool is_utf8(std::string_view text);
// Code points in `text`; each byte outside a valid sequence counts as one.
std::size_t utf8_count(std::string_view text);
// `text` with each byte outside a valid sequence replaced by U+FFFD: for display only, the bytes are kept elsewhere.
std::string repair_utf8(std::string_view text);

}  // namespace cronfleet
