#include "domain/json_reader.h"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <charconv>
#include <cmath>

#include "base/check.h"
#include "base/utf8.h"
#include "domain/json_places.h"
#include "domain/nearest.h"

namespace cronfleet::domain {
namespace json = boost::json;

namespace {

constexpr std::size_t kDepthMax = 32;  // SEC-33
constexpr std::size_t kQuotedMax = 60;

std::size_t keys_in(const json::value& value) {
  std::size_t count = 0;
  if (const json::object* object = value.if_object()) {
    count += object->size();
    for (const auto& member : *object) count += keys_in(member.value());
  } else if (const json::array* array = value.if_array()) {
    for (const json::value& element : *array) count += keys_in(element);
  }
  return count;
}

// The number token at the head of `text`, read with correct rounding (the parser is off by one in the last place).
std::optional<double> exact_number(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc()) return std::nullopt;
  return value;
}

// What stands at `offset`, for "found …".
std::string found_at(std::string_view text, std::size_t offset) {
  if (offset >= text.size()) return "the end of the text";
  const Utf8Head head = utf8_head(text.substr(offset));
  if (head.length == 0) return fmt::format("the byte 0x{:02X}", static_cast<unsigned char>(text[offset]));
  if (head.point < 0x20 || head.point == 0x7f)
    return fmt::format("the control character U+{:04X}", static_cast<std::uint32_t>(head.point));
  return fmt::format("'{}'", text.substr(offset, head.length));
}

std::size_t past_space_backwards(std::string_view text, std::size_t offset) {
  while (offset > 0 && std::string_view(" \t\r\n").find(text[offset - 1]) != std::string_view::npos) --offset;
  return offset;
}

std::string syntax_message(std::string_view text, std::size_t offset, const json::error_code& error,
                           const JsonOptions& options) {
  const std::string found = found_at(text, offset);
  if (error == json::error::too_deep) return fmt::format("nested more than {} deep", kDepthMax);
  if (error == json::error::incomplete) return "the text ends in the middle of the document";
  if (text.substr(offset, 1) == "/" && options.comments == JsonComments::Refused)
    return "comments are not allowed here";
  if (error == json::error::extra_data) return fmt::format("expected the end of the text, found {}", found);
  if (text.starts_with("\xef\xbb\xbf")) return "expected JSON in plain UTF-8, found a byte order mark";
  if (offset >= text.size()) return fmt::format("{}, found {}", error.message(), found);
  const char c = text[offset];
  const std::size_t before = past_space_backwards(text, offset);
  const char last = before > 0 ? text[before - 1] : '\0';
  if (utf8_head(text.substr(offset)).length == 0) return fmt::format("not valid UTF-8: found {}", found);
  if (c == '/' && options.comments == JsonComments::Allowed) return "expected a whole comment, // … or /* … */";
  if ((c == '}' || c == ']') && last == ',') return fmt::format("expected another value after ',', found {}", found);
  if (c == '\'') return "texts and keys stand in double quotes, found '";
  if (static_cast<unsigned char>(c) < 0x20) return fmt::format("a text cannot hold {} as it is, write \\u…", found);
  if (last == '{' || last == ',')
    return fmt::format("expected a {}value, found {}", last == '{' ? "key in double quotes or a " : "key or ", found);
  if (last == '"' || last == ']' || last == '}') return fmt::format("expected ',', ':' or an end, found {}", found);
  return fmt::format("not JSON ({}): found {}", error.message(), found);
}

FieldError error_at(std::string_view text, std::size_t offset, std::string pointer, std::string message) {
  const Place place = place_of(text, offset);
  return FieldError{std::move(pointer), place.line, place.column, std::move(message), {}};
}

}  // namespace

// One call of read_json: the text, for places, and the mistakes so far.
class JsonReading {
 public:
  JsonReading(std::string_view text, const JsonOptions& options) : text_(text), options_(options) {}

  DocumentErrors run(void (*read)(void* target, const JsonValue& root), void* target) {
    if (text_.size() > options_.bytes_max) {
      errors_.add(
          {"", 0, 0, fmt::format("has {} bytes, at most {} are allowed", text_.size(), options_.bytes_max), ""});
      return std::move(errors_);
    }
    std::array<unsigned char, 4096> tree;
    json::monotonic_resource memory(tree.data(), tree.size());
    const std::optional<json::value> root = parse(&memory);
    if (root) {
      refuse_duplicates(*root);
      read(target, JsonValue(*root, *this, nullptr, {}, 0));
    }
    errors_.sort_by_place();
    return std::move(errors_);
  }

  std::string_view text() const { return text_; }
  template <typename Make>
  void add(Make make) {
    errors_.add_made(std::move(make));
  }

  static std::vector<JsonStep> path_of(const JsonValue& value) {
    std::vector<JsonStep> path;
    for (const JsonValue* at = &value; at->parent_ != nullptr; at = at->parent_) {
      const bool member = at->parent_->kind() == JsonKind::Object;
      path.push_back({member ? JsonStep::Kind::Member : JsonStep::Kind::Element, at->key_, at->index_});
    }
    std::reverse(path.begin(), path.end());
    return path;
  }
  JsonSpan span_of(const JsonValue& value) const {
    const auto span = find_value(text_, path_of(value));
    CHECK(span);
    return *span;
  }

 private:
  std::optional<json::value> parse(json::storage_ptr memory) {
    json::parse_options rules;
    rules.max_depth = kDepthMax;
    rules.allow_comments = options_.comments == JsonComments::Allowed;
    std::array<unsigned char, 1024> stack;
    json::parser parser({}, rules, stack.data(), stack.size());
    parser.reset(std::move(memory));
    json::error_code error;
    std::size_t offset = parser.write_some(text_.data(), text_.size(), error);
    if (!error && offset < text_.size()) error = json::error::extra_data;
    if (!error) return parser.release();
    if (error == json::error::incomplete) offset = text_.size();
    if (offset > text_.size()) offset = find_broken_comment(text_);  // Boost 1.81 counts wrong there
    errors_.add(error_at(text_, offset, "", syntax_message(text_, offset, error, options_)));
    return std::nullopt;
  }

  void refuse_duplicates(const json::value& root) {
    if (count_keys(text_) == keys_in(root)) return;
    for (const DuplicateKey& key : find_duplicates(text_)) {
      errors_.add_made([&] {
        const Place first = place_of(text_, key.first);
        return error_at(
            text_, key.second, key.pointer,
            fmt::format("stands here for the second time, first at line {}, column {}", first.line, first.column));
      });
    }
  }

  std::string_view text_;
  const JsonOptions& options_;
  DocumentErrors errors_;
};

std::string_view to_string(JsonKind kind) {
  switch (kind) {
    case JsonKind::Null: return "null";
    case JsonKind::Boolean: return "true or false";
    case JsonKind::Number: return "a number";
    case JsonKind::Text: return "a text";
    case JsonKind::Array: return "an array";
    case JsonKind::Object: return "an object";
  }
  CHECK(false);
}

JsonKind JsonValue::kind() const {
  switch (value_.kind()) {
    case json::kind::null: return JsonKind::Null;
    case json::kind::bool_: return JsonKind::Boolean;
    case json::kind::int64:
    case json::kind::uint64:
    case json::kind::double_: return JsonKind::Number;
    case json::kind::string: return JsonKind::Text;
    case json::kind::array: return JsonKind::Array;
    case json::kind::object: return JsonKind::Object;
  }
  CHECK(false);
}

std::optional<std::string_view> JsonValue::text() const {
  const json::string* text = value_.if_string();
  if (text != nullptr) return std::string_view(text->data(), text->size());
  refuse_kind("a text");
  return std::nullopt;
}

std::optional<bool> JsonValue::boolean() const {
  const bool* boolean = value_.if_bool();
  if (boolean != nullptr) return *boolean;
  refuse_kind("true or false");
  return std::nullopt;
}

template <typename Bound>
void JsonValue::refuse_number(std::string_view kind, Bound least, Bound most) const {
  reading_.add([&] {
    const JsonSpan span = reading_.span_of(*this);
    const std::string_view token = reading_.text().substr(span.value, std::min(span.end - span.value, kQuotedMax));
    return error_at(reading_.text(), span.value, pointer(),
                    fmt::format("expected {} from {} to {}, found {}", kind, least, most, token));
  });
}

std::optional<std::int64_t> JsonValue::integer(std::int64_t least, std::int64_t most) const {
  const std::int64_t* small = value_.if_int64();
  if (small != nullptr && *small >= least && *small <= most) return *small;
  if (kind() != JsonKind::Number) {
    refuse_kind(fmt::format("a whole number from {} to {}", least, most));
  } else {
    refuse_number("a whole number", least, most);
  }
  return std::nullopt;
}

std::optional<double> JsonValue::number(double least, double most) const {
  std::optional<double> number;
  if (const std::int64_t* small = value_.if_int64()) {
    number = static_cast<double>(*small);
  } else if (kind() == JsonKind::Number) {
    number = exact_number(raw());
  } else {
    refuse_kind(fmt::format("a number from {} to {}", least, most));
    return std::nullopt;
  }
  if (number && std::isfinite(*number) && *number >= least && *number <= most) return number;
  refuse_number("a number", least, most);
  return std::nullopt;
}

std::optional<std::chrono::milliseconds> JsonValue::duration(std::chrono::milliseconds least,
                                                             std::chrono::milliseconds most) const {
  const std::string expected = R"(a duration like "90s" or "1h30m")";
  if (kind() != JsonKind::Text) {
    refuse_kind(expected);
    return std::nullopt;
  }
  const std::string_view found = *text();
  const auto parsed = read_duration(found);
  // Past what any duration may be it is past the bounds too, and those say more.
  if (!parsed && parsed.error() == NoDuration::NotOne) {
    refuse(fmt::format("expected {}, found {}", expected, quoted(found)));
    return std::nullopt;
  }
  if (parsed) {
    const auto duration = std::chrono::floor<std::chrono::milliseconds>(*parsed);
    const bool below_a_millisecond = duration.count() == 0 && parsed->count() != 0;
    if (!below_a_millisecond && duration >= least && duration <= most) return duration;
  }
  refuse(fmt::format("expected a duration from {} to {}, found {}", to_text(least), to_text(most), quoted(found)));
  return std::nullopt;
}

std::optional<WallTime> JsonValue::instant() const {
  const std::string expected = R"(an instant like "2026-03-01T02:00:00Z")";
  if (kind() != JsonKind::Text) {
    refuse_kind(expected);
    return std::nullopt;
  }
  const auto parsed = parse_rfc3339(*text());
  if (parsed) return from_ms(to_ms(*parsed));
  refuse(fmt::format("expected {}, found {}", expected, quoted(*text())));
  return std::nullopt;
}

JsonValue::Children JsonValue::members() const {
  if (value_.is_object()) return Children(*this, size());
  refuse_kind("an object");
  return Children(*this, 0);
}

JsonValue::Children JsonValue::elements() const {
  if (value_.is_array()) return Children(*this, size());
  refuse_kind("an array");
  return Children(*this, 0);
}

std::size_t JsonValue::size() const {
  if (const json::object* object = value_.if_object()) return object->size();
  if (const json::array* array = value_.if_array()) return array->size();
  return 0;
}

JsonValue JsonValue::child(std::size_t index) const {
  if (const json::array* array = value_.if_array()) return JsonValue((*array)[index], reading_, this, {}, index);
  const auto& member = *(value_.get_object().begin() + static_cast<std::ptrdiff_t>(index));
  return JsonValue(member.value(), reading_, this, std::string_view(member.key().data(), member.key().size()), index);
}

void JsonValue::refuse(std::string message, std::string suggestion) const {
  reading_.add([&] {
    FieldError error = error_at(reading_.text(), reading_.span_of(*this).value, pointer(), std::move(message));
    error.suggestion = std::move(suggestion);
    return error;
  });
}

template <typename Suggestion>
void JsonValue::refuse_unknown_key(Suggestion suggestion) const {
  reading_.add([&] {
    FieldError error = error_at(reading_.text(), reading_.span_of(*this).key, pointer(), "unknown key");
    error.suggestion = suggestion();
    return error;
  });
}

void JsonValue::refuse_key(const std::vector<std::string_view>& known) const {
  refuse_unknown_key([&] { return nearest(key_, known); });
}

void JsonValue::refuse_key_for(std::string_view meant) const {
  refuse_unknown_key([&] { return meant; });
}

void JsonValue::refuse_member(std::string_view key, std::string message) const {
  reading_.add([&] {
    std::vector<JsonStep> path = JsonReading::path_of(*this);
    path.push_back({JsonStep::Kind::Member, key, 0});
    const auto span = find_value(reading_.text(), path);
    const std::size_t offset = span ? span->value : reading_.span_of(*this).value;
    return error_at(reading_.text(), offset, pointer() + "/" + pointer_part(key), std::move(message));
  });
}

void JsonValue::refuse_kind(std::string_view expected) const {
  refuse(fmt::format("expected {}, found {}", expected, to_string(kind())));
}

std::string JsonValue::pointer() const {
  std::string pointer;
  for (const JsonStep& step : JsonReading::path_of(*this))
    pointer += "/" + (step.kind == JsonStep::Kind::Member ? pointer_part(step.key) : fmt::format("{}", step.index));
  return pointer;
}

int JsonValue::line() const { return place_of(reading_.text(), reading_.span_of(*this).value).line; }

int JsonValue::column() const { return place_of(reading_.text(), reading_.span_of(*this).value).column; }

std::string_view JsonValue::raw() const {
  const JsonSpan span = reading_.span_of(*this);
  return reading_.text().substr(span.value, span.end - span.value);
}

DocumentErrors detail::read_json(std::string_view text, const JsonOptions& options,
                                 void (*read)(void* target, const JsonValue& root), void* target) {
  return JsonReading(text, options).run(read, target);
}

std::string quoted(std::string_view text) {
  std::string out = "'";
  std::size_t count = 0;
  for (; !text.empty() && count < kQuotedMax; ++count) {
    const Utf8Head head = utf8_head(text);
    if (head.length == 0 || head.point < 0x20 || (head.point >= 0x7f && head.point < 0xa0)) {
      out += head.length == 0 ? std::string(kReplacementCharacter)
                              : fmt::format("\\u{:04x}", static_cast<std::uint32_t>(head.point));
    } else {
      out += text.substr(0, head.length);
    }
    text.remove_prefix(std::max<std::size_t>(head.length, 1));
  }
  if (!text.empty()) out += "…";
  return out + "'";
}

}  // namespace cronfleet::domain
