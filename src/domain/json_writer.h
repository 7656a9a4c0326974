// domain/json_writer.h: JSON text, member by member, in the order in which it is written. Numbers and texts come out
// so that json_reader reads back the same; bytes that are no UTF-8 become U+FFFD.
//
//   JsonWriter json;
//   json.object([&] { json.member("name", job.name.text()); json.key("limits").object([&] { … }); });
//   return json.take();
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace cronfleet::domain {

class JsonWriter {
 public:
  template <typename Body>
  JsonWriter& object(Body body) {
    open('{');
    body();
    close('}');
    return *this;
  }
  template <typename Body>
  JsonWriter& array(Body body) {
    open('[');
    body();
    close(']');
    return *this;
  }
  JsonWriter& key(std::string_view key);

  JsonWriter& value(std::string_view text);
  JsonWriter& value(const char* text) { return value(std::string_view(text)); }
  JsonWriter& value(double number);  // must be finite
  template <std::integral T>
  JsonWriter& value(T number) {
    if constexpr (std::same_as<T, bool>) {
      return raw(number ? "true" : "false");
    } else {
      return raw(std::to_string(number));
    }
  }
  JsonWriter& raw(std::string_view json);  // a value that is JSON already

  template <typename T>
  JsonWriter& member(std::string_view name, const T& content) {
    return key(name).value(content);
  }

  std::string take() { return std::move(json_); }

 private:
  void open(char bracket);
  void close(char bracket);
  void separate();

  std::string json_;
  bool follows_ = false;  // a value precedes in the same object or array
};

}  // namespace cronfleet::domain
