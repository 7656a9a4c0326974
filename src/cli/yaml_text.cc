// JSON values as YAML 1.2 that YAML 1.1 readers take alike.
#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "base/utf8.h"
#include "cli/output.h"
#include "cli/terminal.h"
#include "domain/json_writer.h"

namespace cronfleet::cli {
namespace {

namespace json = boost::json;

// Words and first letters that some reader takes for something else than a text.
bool is_plain(std::string_view text) {
  static constexpr std::string_view kWords[] = {"y",    "n",     "yes",  "no",   "on",  "off",
                                                "true", "false", "null", "none", "inf", "nan"};
  if (text.empty() || text.size() > 200) return false;
  const char first = text.front();
  if (!((first | 32) >= 'a' && (first | 32) <= 'z') && first != '/' && first != '_') return false;
  if (text.back() == ' ' || text.back() == ':') return false;
  std::string lower;
  for (const char c : text) {
    const bool fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      std::string_view("_-./+@ ").find(c) != std::string_view::npos;
    if (!fine) return false;
    lower += c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  }
  return std::find(std::begin(kWords), std::end(kWords), lower) == std::end(kWords);
}

// A text of several lines that can stand as it is.
bool is_block(std::string_view text) {
  if (text.find('\n') == std::string_view::npos ||
      std::string_view(" \t\n").find(text.front()) != std::string_view::npos)
    return false;
  while (!text.empty()) {
    const Utf8Head head = utf8_head(text);
    if (head.length == 0) return false;
    const char c = text.front();
    if (c != '\n' && c != '\t' && (head.point < 0x20 || head.point == 0x7f || acts_on_terminal(head.point)))
      return false;
    if (head.point == 0x85 || head.point == 0x2028 || head.point == 0x2029 || head.point == 0xfeff) return false;
    text.remove_prefix(head.length);
  }
  return true;
}

std::string_view view(const json::string& text) { return {text.data(), text.size()}; }
std::string scalar(const json::value& value) {
  if (value.is_string() && is_plain(view(value.get_string()))) return std::string(view(value.get_string()));
  if (value.is_double()) return domain::JsonWriter().value(value.get_double()).take();
  return json_text(value);
}

void write(const json::value& value, std::size_t depth, std::string& out);

void write_block(std::string_view text, std::size_t depth, std::string& out) {
  const bool ends = text.ends_with('\n'), ends_twice = text.ends_with("\n\n");
  out += !ends ? " |-\n" : ends_twice ? " |+\n" : " |\n";
  if (ends) text.remove_suffix(1);
  for (;;) {
    const auto end = std::min(text.find('\n'), text.size());
    if (end > 0) out.append(depth * 2, ' ');
    out += text.substr(0, end);
    out += '\n';
    if (end == text.size()) break;
    text.remove_prefix(end + 1);
  }
}

bool is_nested(const json::value& value) {
  return (value.is_object() && !value.get_object().empty()) || (value.is_array() && !value.get_array().empty());
}

// What follows "key:" or "-".
void write_after(const json::value& value, std::size_t depth, std::string& out) {
  if (is_nested(value)) {
    out += '\n';
    write(value, depth + 1, out);
  } else if (value.is_string() && is_block(view(value.get_string()))) {
    write_block(view(value.get_string()), depth + 1, out);
  } else {
    out += " " + scalar(value) + "\n";
  }
}

void write(const json::value& value, std::size_t depth, std::string& out) {
  if (value.is_object() && !value.get_object().empty()) {
    for (const auto& member : value.get_object()) {
      out.append(depth * 2, ' ');
      out += scalar(json::value(member.key())) + ":";
      write_after(member.value(), depth, out);
    }
  } else if (value.is_array() && !value.get_array().empty()) {
    for (const json::value& element : value.get_array()) {
      out.append(depth * 2, ' ');
      out += '-';
      if (element.is_object() && !element.get_object().empty()) {
        std::string inner;
        write(element, depth + 1, inner);
        out += ' ' + inner.substr((depth + 1) * 2);  // its first member stands behind the dash
      } else {
        write_after(element, depth, out);
      }
    }
  } else {
    out += scalar(value) + "\n";
  }
}

}  // namespace

std::string yaml_text(const json::value& value) {
  std::string out;
  if (value.is_string() && is_block(view(value.get_string()))) {
    return json_text(value) + "\n";
  }
  write(value, 0, out);
  return out;
}

}  // namespace cronfleet::cli
