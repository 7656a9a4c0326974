#include "domain/json_writer.h"

#include <fmt/format.h>

#include <cmath>

#include "base/check.h"
#include "base/utf8.h"

namespace cronfleet::domain {
namespace {

void append_escaped(std::string& json, std::string_view text) {
  while (!text.empty()) {
    std::size_t plain = 0;
    const auto is_plain = [](char c) {
      return static_cast<unsigned char>(c) >= 0x20 && static_cast<unsigned char>(c) < 0x7f && c != '"' && c != '\\';
    };
    while (plain < text.size() && is_plain(text[plain])) ++plain;
    json += text.substr(0, plain);
    text.remove_prefix(plain);
    if (text.empty()) return;
    const char c = text.front();
    const Utf8Head head = utf8_head(text);
    if (head.length == 0) {
      json += kReplacementCharacter;
    } else if (c == '"' || c == '\\') {
      json += '\\';
      json += c;
    } else if (c == '\n') {
      json += "\\n";
    } else if (c == '\t') {
      json += "\\t";
    } else if (head.point < 0x20 || head.point == 0x7f) {
      json += fmt::format("\\u{:04x}", static_cast<unsigned>(head.point));
    } else {
      json += text.substr(0, head.length);
    }
    text.remove_prefix(head.length == 0 ? 1 : head.length);
  }
}

}  // namespace

void JsonWriter::separate() {
  if (follows_) json_ += ',';
}

void JsonWriter::open(char bracket) {
  separate();
  json_ += bracket;
  follows_ = false;
}

void JsonWriter::close(char bracket) {
  json_ += bracket;
  follows_ = true;
}

JsonWriter& JsonWriter::key(std::string_view key) {
  value(key);
  json_ += ':';
  follows_ = false;
  return *this;
}

JsonWriter& JsonWriter::value(std::string_view text) {
  separate();
  json_ += '"';
  append_escaped(json_, text);
  json_ += '"';
  follows_ = true;
  return *this;
}

JsonWriter& JsonWriter::value(double number) {
  CHECK(std::isfinite(number));
  return raw(fmt::format("{}", number));
}

JsonWriter& JsonWriter::raw(std::string_view json) {
  separate();
  json_ += json;
  follows_ = true;
  return *this;
}

}  // namespace cronfleet::domain
