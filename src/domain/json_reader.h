// domain/json_reader.h: strict reading of JSON that comes from outside: jobs, configuration, request bodies.
//
// read_json parses a text, hands its root to a function that takes what it wants, and returns every mistake found on
// the way with pointer, line, column, what stands there and what was expected. Refused beyond what JSON itself refuses:
// duplicate keys, numbers that are not finite, nesting past 32, text after the document, texts past `bytes_max`.
//
//   DocumentErrors errors = read_json(text, {}, [&](const JsonValue& root) {
//     for (const JsonValue& member : root.members()) {
//       if (member.key() == "count") count = member.integer(0, 100);
//       else member.refuse_key({"count"});
//     }
//   });
//
// Costs about 2 us for a job of 300 bytes. Places are looked up only for mistakes, and only for the first
// DocumentErrors::kErrorsMax of them: each takes a walk over the text.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/time.h"
#include "domain/field_error.h"

namespace boost::json {
class value;
}

namespace cronfleet::domain {

enum class JsonComments { Refused, Allowed };  // "// …" and "/* … */"

struct JsonOptions {
  std::size_t bytes_max = 1 << 20;  // SEC-33
  JsonComments comments = JsonComments::Refused;
};

enum class JsonKind { Null, Boolean, Number, Text, Array, Object };
std::string_view to_string(JsonKind kind);  // as in "expected text, found a number"

class JsonReading;  // one call of read_json

// A value in the parsed text. The getters return nothing, and note the mistake, where another kind or range was
// expected. Lives as long as the function given to read_json runs; a child also no longer than its parent object.
class JsonValue {
 public:
  JsonValue(const JsonValue&) = delete;
  JsonValue& operator=(const JsonValue&) = delete;

  JsonKind kind() const;
  std::string_view key() const { return key_; }  // of a member; empty for the root and for elements

  std::optional<std::string_view> text() const;
  std::optional<bool> boolean() const;
  std::optional<std::int64_t> integer(std::int64_t least, std::int64_t most) const;
  std::optional<double> number(double least, double most) const;
  // Texts of a fixed form: "1h30m" in whole milliseconds, "2026-03-01T02:00:00Z" cut to milliseconds.
  std::optional<std::chrono::milliseconds> duration(std::chrono::milliseconds least,
                                                    std::chrono::milliseconds most) const;
  std::optional<WallTime> instant() const;

  class Children;
  Children members() const;   // of an object, in the order of the text; empty, and noted, for anything else
  Children elements() const;  // of an array, likewise
  std::size_t size() const;   // of an object or array, else 0

  // Notes a mistake: about this value, about its key (unknown; suggests the nearest of `known`, or `meant`), about a
  // member that was read before or is missing, about its kind.
  void refuse(std::string message, std::string suggestion = {}) const;
  void refuse_key(const std::vector<std::string_view>& known) const;
  void refuse_key_for(std::string_view meant) const;
  void refuse_member(std::string_view key, std::string message) const;
  void refuse_kind(std::string_view expected) const;

  std::string pointer() const;
  int line() const;  // where the value begins, from 1
  int column() const;
  std::string_view raw() const;  // the value as it stands in the text

 private:
  friend class JsonReading;
  JsonValue(const boost::json::value& value, JsonReading& reading, const JsonValue* parent, std::string_view key,
            std::size_t index)
      : value_(value), reading_(reading), parent_(parent), key_(key), index_(index) {}
  JsonValue child(std::size_t index) const;
  template <typename Bound>
  void refuse_number(std::string_view kind, Bound least, Bound most) const;
  template <typename Suggestion>
  void refuse_unknown_key(Suggestion suggestion) const;

  const boost::json::value& value_;
  JsonReading& reading_;
  const JsonValue* parent_;
  std::string_view key_;
  std::size_t index_;
};

class JsonValue::Children {
 public:
  class Iterator {
   public:
    Iterator(const JsonValue& parent, std::size_t index) : parent_(parent), index_(index) {}
    JsonValue operator*() const { return parent_.child(index_); }
    Iterator& operator++() {
      ++index_;
      return *this;
    }
    bool operator!=(const Iterator& other) const { return index_ != other.index_; }

   private:
    const JsonValue& parent_;
    std::size_t index_;
  };
  Children(const JsonValue& parent, std::size_t size) : parent_(parent), size_(size) {}
  Iterator begin() const { return Iterator(parent_, 0); }
  Iterator end() const { return Iterator(parent_, size_); }

 private:
  const JsonValue& parent_;
  std::size_t size_;
};

namespace detail {
DocumentErrors read_json(std::string_view text, const JsonOptions& options,
                         void (*read)(void* target, const JsonValue& root), void* target);
}

// `read` is called once, or not at all when the text is no JSON. The mistakes come in the order of their places.
template <typename Read>
DocumentErrors read_json(std::string_view text, const JsonOptions& options, Read&& read) {
  using Target = std::remove_reference_t<Read>;
  return detail::read_json(
      text, options, [](void* target, const JsonValue& root) { (*static_cast<Target*>(target))(root); }, &read);
}

// `text` in quotes for an error sentence: cut to 60 characters, control characters and broken UTF-8 made visible.
std::string quoted(std::string_view text);

}  // namespace cronfleet::domain
