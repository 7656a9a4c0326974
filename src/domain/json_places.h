// domain/json_places.h: where things stand in a JSON text. Internal to json_reader.cc, and only for texts that its
// parser has accepted: nothing is checked a second time.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cronfleet::domain {

struct Place {
  int line = 1;
  int column = 1;  // in characters
};
Place place_of(std::string_view text, std::size_t offset);

struct JsonStep {
  enum class Kind { Member, Element };
  Kind kind = Kind::Member;
  std::string_view key;   // of a member
  std::size_t index = 0;  // of an element
};

struct JsonSpan {
  std::size_t key = 0;    // offset of the key's quotation mark; of the value where there is no key
  std::size_t value = 0;  // offset of the value
  std::size_t end = 0;    // just past the value
};
// The value that `path` leads to; nothing where the text has none. Of equal keys the last, as the
// parser takes them.
std::optional<JsonSpan> find_value(std::string_view text, const std::vector<JsonStep>& path);

struct DuplicateKey {
  std::string pointer;
  std::size_t first = 0, second = 0;  // offsets of the two keys
};
// Every key that stands twice in one object.
std::vector<DuplicateKey> find_duplicates(std::string_view text);

// How many keys the text has: colons outside texts and comments.
std::size_t count_keys(std::string_view text);

// The first '/' outside texts and comments that begins no whole comment; the end of the text where there is none.
std::size_t find_broken_comment(std::string_view text);

// A key or index as a part of a JSON pointer: "a/b" becomes "a~1b".
std::string pointer_part(std::string_view key);

}  // namespace cronfleet::domain
