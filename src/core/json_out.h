// core/json_out.h: writes one JSON object straight into a string. Claims write two of these values each, 30,000 times a
// second, so nothing is built in between. Bytes that are no UTF-8 become U+FFFD: what is written can always be read.
#pragma once

#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "base/time.h"

namespace cronfleet::core {

// Keys are literals of ours and need no escaping. Call end() once, last.
class JsonOut {
 public:
  JsonOut() { out_.reserve(384); }

  void text(std::string_view key, std::string_view value) {
    name(key);
    quoted(value);
  }
  void text_if(std::string_view key, std::string_view value) {
    if (!value.empty()) text(key, value);
  }
  template <typename Integer>
  void number(std::string_view key, Integer value) {
    name(key);
    append_number(value);
  }
  void flag(std::string_view key, bool value) {
    name(key);
    out_ += value ? "true" : "false";
  }
  void ms(std::string_view key, WallTime at) { number(key, to_ms(at)); }
  void ms_if(std::string_view key, WallTime at) {
    if (at != WallTime{}) ms(key, at);
  }
  // {"a":"b"} of a map of texts, ["a"] of a vector of texts; left out when empty.
  template <typename Map>
  void map_if(std::string_view key, const Map& map) {
    if (map.empty()) return;
    name(key);
    char before = '{';
    for (const auto& [inner_key, value] : map) {
      out_ += before;
      quoted(inner_key);
      out_ += ':';
      quoted(value);
      before = ',';
    }
    out_ += '}';
  }
  template <typename Vector>
  void list_if(std::string_view key, const Vector& texts) {
    if (texts.empty()) return;
    name(key);
    char before = '[';
    for (const auto& value : texts) {
      out_ += before;
      quoted(value);
      before = ',';
    }
    out_ += ']';
  }
  void begin_object(std::string_view key) {
    name(key);
    before_ = '{';
  }
  void end_object() {
    CHECK(before_ == ',');  // no empty objects
    out_ += '}';
  }
  std::string end() {
    if (before_ == '{') out_ += '{';
    out_ += '}';
    return std::move(out_);
  }

 private:
  void name(std::string_view key) {
    out_ += before_;
    before_ = ',';
    out_ += '"';
    out_ += key;
    out_ += "\":";
  }
  template <typename Integer>
  void append_number(Integer value) {
    char digits[24];
    const auto [last, error] = std::to_chars(digits, digits + sizeof digits, value);
    CHECK(error == std::errc());
    out_.append(digits, last);
  }
  void quoted(std::string_view value);

  std::string out_;
  char before_ = '{';  // what stands before the next key
};

}  // namespace cronfleet::core
