#include "cli/yaml_reader.h"

#include <fmt/format.h>
#include <yaml.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <memory>
#include <set>

#include "base/utf8.h"
#include "domain/json_writer.h"

namespace cronfleet::cli {
namespace {

constexpr int kDepthMax = 32;

YamlPlace place_of(const yaml_mark_t& mark) {
  return {static_cast<int>(mark.line) + 1, static_cast<int>(mark.column) + 1};
}

std::string_view text_of(const yaml_event_t& event) {
  return {reinterpret_cast<const char*>(event.data.scalar.value), event.data.scalar.length};
}

// One event, freed with its owner.
struct Event {
  yaml_event_t raw{};
  Event() = default;
  ~Event() { yaml_event_delete(&raw); }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
};

std::string escaped(std::string_view key) {  // RFC 6901
  std::string out;
  for (const char c : key) out += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
  return out;
}

bool is_digits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// The JSON text of a plain scalar that is no text; empty for one that is.
std::string number_or_word(std::string_view text) {
  if (text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL") return "null";
  if (text == "true" || text == "True" || text == "TRUE") return "true";
  if (text == "false" || text == "False" || text == "FALSE") return "false";
  std::string_view digits = text;
  if (digits.front() == '-' || digits.front() == '+') digits.remove_prefix(1);
  const bool negative = text.front() == '-';
  if (is_digits(digits) && digits.size() <= 18) {
    const long long value = std::strtoll(std::string(digits).c_str(), nullptr, 10);
    return fmt::format("{}{}", negative && value != 0 ? "-" : "", value);
  }
  // digits [ . digits ] [ e [ sign ] digits ]
  std::string_view mantissa = digits.substr(0, digits.find_first_of("eE"));
  std::string_view exponent = digits.substr(std::min(mantissa.size() + 1, digits.size()));
  if (!exponent.empty() && (exponent.front() == '-' || exponent.front() == '+')) exponent.remove_prefix(1);
  if (mantissa.size() < digits.size() && !is_digits(exponent)) return {};
  const auto dot = std::min(mantissa.find('.'), mantissa.size());
  if (!is_digits(mantissa.substr(0, dot)) || (dot < mantissa.size() && !is_digits(mantissa.substr(dot + 1)))) return {};
  const double value = std::strtod(std::string(text).c_str(), nullptr);
  return std::isfinite(value) ? domain::JsonWriter().value(value).take() : std::string();
}

// Reads one stream, event by event.
class Reader {
 public:
  explicit Reader(std::string_view text) {
    yaml_parser_initialize(&parser_);
    yaml_parser_set_input_string(&parser_, reinterpret_cast<const unsigned char*>(text.data()), text.size());
    yaml_parser_set_encoding(&parser_, YAML_UTF8_ENCODING);
  }
  ~Reader() { yaml_parser_delete(&parser_); }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  tl::expected<std::vector<YamlDocument>, YamlMistake> read() {
    std::vector<YamlDocument> documents;
    for (;;) {
      Event event;
      if (!next(event)) return tl::unexpected(mistake_);
      if (event.raw.type == YAML_STREAM_END_EVENT) return documents;
      if (event.raw.type != YAML_DOCUMENT_START_EVENT) continue;
      if (event.raw.data.document_start.tag_directives.start != event.raw.data.document_start.tag_directives.end) {
        refuse(event.raw, "tag directives are not taken");
        return tl::unexpected(mistake_);
      }
      document_ = {};
      Event root;
      if (!next(root)) return tl::unexpected(mistake_);
      const bool empty = root.raw.type == YAML_SCALAR_EVENT && text_of(root.raw).empty();
      if (!value(root.raw, "", 0)) return tl::unexpected(mistake_);
      if (!empty) documents.push_back(std::move(document_));
    }
  }

 private:
  bool refuse(const yaml_event_t& event, std::string message) {
    mistake_ = {place_of(event.start_mark), std::move(message)};
    return false;
  }

  bool next(Event& event) {
    if (yaml_parser_parse(&parser_, &event.raw)) return true;
    const bool has_mark = parser_.problem_mark.line != 0 || parser_.problem_mark.column != 0;
    mistake_ = {place_of(has_mark ? parser_.problem_mark : parser_.mark),
                fmt::format("this is no YAML: {}", parser_.problem ? parser_.problem : "out of memory")};
    if (parser_.problem && std::string_view(parser_.problem) == "found character that cannot start any token")
      mistake_.message += " (a text that begins with @, ` or % stands in quotes)";
    return false;
  }

  bool check(const yaml_event_t& event, const unsigned char* anchor, const unsigned char* tag) {
    if (anchor) return refuse(event, "anchors and aliases are not taken: write the value out");
    static constexpr std::string_view kStandard = "tag:yaml.org,2002:";
    const std::string_view name = tag ? reinterpret_cast<const char*>(tag) : "";
    if (!tag || name == "!") return true;
    for (const char* known : {"str", "int", "float", "bool", "null", "map", "seq"})
      if (name == std::string(kStandard) + known) return true;
    return refuse(event, fmt::format("the tag '{}' is not taken", name));
  }

  bool scalar(const yaml_event_t& event) {
    if (!check(event, event.data.scalar.anchor, event.data.scalar.tag)) return false;
    const std::string_view text = text_of(event);
    const std::string_view tag =
        event.data.scalar.tag ? reinterpret_cast<const char*>(event.data.scalar.tag) : std::string_view();
    const bool plain = event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE && event.data.scalar.plain_implicit;
    std::string json = plain || (!tag.empty() && tag != "!" && !tag.ends_with(":str")) ? number_or_word(text) : "";
    document_.json += json.empty() ? domain::JsonWriter().value(text).take() : json;
    return true;
  }

  bool sequence(const yaml_event_t& start, const std::string& pointer, int depth) {
    if (!check(start, start.data.sequence_start.anchor, start.data.sequence_start.tag)) return false;
    document_.json += '[';
    for (int i = 0;; ++i) {
      Event event;
      if (!next(event)) return false;
      if (event.raw.type == YAML_SEQUENCE_END_EVENT) break;
      if (i > 0) document_.json += ',';
      if (!value(event.raw, fmt::format("{}/{}", pointer, i), depth + 1)) return false;
    }
    document_.json += ']';
    return true;
  }

  bool mapping(const yaml_event_t& start, const std::string& pointer, int depth) {
    if (!check(start, start.data.mapping_start.anchor, start.data.mapping_start.tag)) return false;
    document_.json += '{';
    std::set<std::string, std::less<>> keys;
    for (;;) {
      Event key;
      if (!next(key)) return false;
      if (key.raw.type == YAML_MAPPING_END_EVENT) break;
      if (key.raw.type == YAML_ALIAS_EVENT)
        return refuse(key.raw, "anchors and aliases are not taken: write the value out");
      if (key.raw.type != YAML_SCALAR_EVENT) return refuse(key.raw, "a key is a text");
      const std::string_view name = text_of(key.raw);
      if (name == "<<" && key.raw.data.scalar.style == YAML_PLAIN_SCALAR_STYLE)
        return refuse(key.raw, "merge keys (<<) are not taken: write the members out");
      if (!check(key.raw, key.raw.data.scalar.anchor, key.raw.data.scalar.tag)) return false;
      if (!keys.emplace(name).second) return refuse(key.raw, fmt::format("the key '{}' stands here twice", name));
      if (keys.size() > 1) document_.json += ',';
      document_.json += domain::JsonWriter().value(name).take() + ":";
      const std::string inner = pointer + "/" + escaped(name);
      Event content;
      if (!next(content)) return false;
      if (!value(content.raw, inner, depth + 1)) return false;
      document_.places[inner] = place_of(key.raw.start_mark);  // a member is where its key stands
    }
    document_.json += '}';
    return true;
  }

  bool value(const yaml_event_t& event, const std::string& pointer, int depth) {
    if (depth > kDepthMax) return refuse(event, fmt::format("nested more than {} deep", kDepthMax));
    document_.places[pointer] = place_of(event.start_mark);
    switch (event.type) {
      case YAML_ALIAS_EVENT: return refuse(event, "anchors and aliases are not taken: write the value out");
      case YAML_SCALAR_EVENT: return scalar(event);
      case YAML_SEQUENCE_START_EVENT: return sequence(event, pointer, depth);
      case YAML_MAPPING_START_EVENT: return mapping(event, pointer, depth);
      default: return refuse(event, "expected a value");
    }
  }

  yaml_parser_t parser_{};
  YamlDocument document_;
  YamlMistake mistake_;
};

}  // namespace

YamlPlace YamlDocument::place_of(std::string pointer) const {
  for (;;) {
    if (const auto found = places.find(pointer); found != places.end()) return found->second;
    const auto slash = pointer.rfind('/');
    if (slash == std::string::npos) return {};
    pointer.resize(slash);
  }
}

tl::expected<std::vector<YamlDocument>, YamlMistake> read_yaml(std::string_view text) {
  if (!is_utf8(text)) return tl::unexpected(YamlMistake{{1, 1}, "this is no UTF-8"});
  return Reader(text).read();
}

}  // namespace cronfleet::cli
