#include "api/go_form.h"

#include <algorithm>
#include <charconv>
#include <map>

#include "api/go_json.h"

namespace cronfleet::api {
namespace {

constexpr std::string_view kFormType = "application/x-www-form-urlencoded";

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// url.QueryUnescape; the error in its place.
bool unescape(std::string_view text, std::string& out, std::string& error) {
  out.clear();
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '+') {
      out += ' ';
    } else if (text[at] != '%') {
      out += text[at];
    } else if (at + 2 >= text.size() || hex_value(text[at + 1]) < 0 || hex_value(text[at + 2]) < 0) {
      error = "invalid URL escape " + go_quoted(text.substr(at, 3));
      return false;
    } else {
      out += static_cast<char>(hex_value(text[at + 1]) << 4 | hex_value(text[at + 2]));
      at += 2;
    }
  }
  return true;
}

bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
void trim_left(std::string_view& text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
}

bool is_token(char c) {
  return static_cast<unsigned char>(c) > 0x20 && static_cast<unsigned char>(c) < 0x7f &&
         std::string_view("()<>@,;:\\\"/[]?=").find(c) == std::string_view::npos;
}
std::string_view take_token(std::string_view& text) {
  std::size_t length = 0;
  while (length < text.size() && is_token(text[length])) ++length;
  const std::string_view token = text.substr(0, length);
  text.remove_prefix(length);
  return token;
}

// A token or a quoted text; nothing where there is neither.
std::optional<std::string> take_value(std::string_view& text) {
  if (text.empty()) return std::nullopt;
  if (text.front() != '"') {
    const std::string_view token = take_token(text);
    return token.empty() ? std::nullopt : std::optional<std::string>(token);
  }
  std::string out;
  for (std::size_t at = 1; at < text.size(); ++at) {
    if (text[at] == '"') {
      text.remove_prefix(at + 1);
      return out;
    }
    if (text[at] == '\r' || text[at] == '\n') return std::nullopt;
    const bool escapes = text[at] == '\\' && at + 1 < text.size() &&
                         std::string_view("()<>@,;:\\\"/[]?=").find(text[at + 1]) != std::string_view::npos;
    out += text[escapes ? ++at : at];
  }
  return std::nullopt;
}

std::optional<std::pair<std::string, std::string>> take_parameter(std::string_view& text) {
  std::string_view rest = text;
  const auto take = [&rest](char c) {
    trim_left(rest);
    if (!rest.starts_with(c)) return false;
    rest.remove_prefix(1);
    trim_left(rest);
    return true;
  };
  if (!take(';')) return std::nullopt;
  std::string name = lower_case(take_token(rest));
  if (name.empty() || !take('=')) return std::nullopt;
  auto value = take_value(rest);
  if (!value) return std::nullopt;
  text = rest;
  return std::pair(std::move(name), *std::move(value));
}

std::string media_type_error(std::string_view type) {
  if (take_token(type).empty()) return "mime: no media type";
  if (type.empty()) return {};
  if (!type.starts_with('/')) return "mime: expected slash after first token";
  type.remove_prefix(1);
  if (take_token(type).empty()) return "mime: expected token after slash";
  return type.empty() ? "" : "mime: unexpected content after media subtype";
}

}  // namespace

std::string_view GoValues::get(std::string_view name) const {
  for (const auto& [key, value] : pairs_)
    if (key == name) return value;
  return {};
}

bool GoValues::has(std::string_view name) const {
  return std::any_of(pairs_.begin(), pairs_.end(), [name](const auto& pair) { return pair.first == name; });
}

std::string parse_go_query(std::string_view text, GoValues& values) {
  std::string error, name, value, mistake;
  while (!text.empty()) {
    const auto end = std::min(text.find('&'), text.size());
    const std::string_view pair = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (pair.find(';') != std::string_view::npos) {
      error = "invalid semicolon separator in query";
      continue;
    }
    if (pair.empty()) continue;
    const auto equals = std::min(pair.find('='), pair.size());
    const std::string_view right = pair.substr(std::min(equals + 1, pair.size()));
    if (!unescape(pair.substr(0, equals), name, mistake) || !unescape(right, value, mistake)) {
      if (error.empty()) error = mistake;
      continue;
    }
    values.add(name, value);
  }
  return error;
}

GoMediaType parse_go_media_type(std::string_view text) {
  GoMediaType media;
  const auto end = std::min(text.find(';'), text.size());
  std::string_view base = text.substr(0, end);
  trim_left(base);
  while (!base.empty() && is_space(base.back())) base.remove_suffix(1);
  media.type = lower_case(base);
  media.error = media_type_error(media.type);
  if (!media.error.empty()) return {{}, media.error};
  text.remove_prefix(end);
  std::map<std::string, std::string> seen;
  for (trim_left(text); !text.empty(); trim_left(text)) {
    auto parameter = take_parameter(text);
    if (!parameter) {
      std::string_view rest = text.substr(1);
      trim_left(rest);
      if (!text.starts_with(';') || !rest.empty()) media.error = "mime: invalid media parameter";
      return media;
    }
    const auto [place, is_new] = seen.insert(*parameter);
    if (!is_new && place->second != parameter->second) return {{}, "mime: duplicate parameter name"};
  }
  return media;
}

GoForm parse_go_form(const Request& request) {
  GoForm form;
  const bool reads_body =
      request.method == Method::Post || request.method == Method::Put || request.method == Method::Patch;
  if (reads_body) {
    const std::string_view type = request.headers.get("Content-Type").value_or("");
    const GoMediaType media = parse_go_media_type(type.empty() ? "application/octet-stream" : type);
    form.error = media.error;
    if (media.type == kFormType) {
      std::string error = parse_go_query(request.body, form.body);
      if (form.error.empty()) form.error = std::move(error);
    }
  }
  form.all = form.body;
  std::string error = parse_go_query(request.query(), form.all);
  if (form.error.empty()) form.error = std::move(error);
  return form;
}

std::optional<std::int64_t> parse_go_integer(std::string_view text) {
  const bool plus = text.starts_with('+');
  if (plus) text.remove_prefix(1);
  if (plus && text.starts_with('-')) return std::nullopt;
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string clean_go_path(std::string_view path) {
  std::vector<std::string_view> kept;
  std::string_view rest = path;
  while (!rest.empty()) {
    const auto end = std::min(rest.find('/'), rest.size());
    const std::string_view part = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (part.empty() || part == ".") continue;
    if (part != "..") {
      kept.push_back(part);
    } else if (!kept.empty()) {
      kept.pop_back();
    }
  }
  std::string clean;
  for (const std::string_view part : kept) clean.append("/").append(part);
  if (clean.empty() || path.ends_with('/')) clean += '/';
  return clean;
}

}  // namespace cronfleet::api
