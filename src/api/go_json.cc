#include "api/go_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "base/utf8.h"

namespace cronfleet::api {
namespace {

constexpr std::size_t kDepthMax = 10'000;

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

void append_point(std::string& out, char32_t point) {
  const auto byte = [&out](char32_t value) { out += static_cast<char>(value); };
  if (point < 0x80) return byte(point);
  if (point < 0x800) {
    byte(0xc0 | point >> 6);
  } else if (point < 0x10000) {
    byte(0xe0 | point >> 12);
    byte(0x80 | (point >> 6 & 0x3f));
  } else {
    byte(0xf0 | point >> 18);
    byte(0x80 | (point >> 12 & 0x3f));
    byte(0x80 | (point >> 6 & 0x3f));
  }
  byte(0x80 | (point & 0x3f));
}

// Whether strconv.Quote leaves the point as it is. Exact up to U+07FF, which is all that its callers can hand it: the
// three bytes of a broken escape begin with '%', and a wrong character of a JSON text is a single byte.
bool is_printable(char32_t point) {
  if (point < 0x7f) return point >= 0x20;
  if (point <= 0xa0 || point == 0xad) return false;
  struct Gap {
    char32_t first, last;
  };
  static constexpr Gap kUnassigned[] = {{0x378, 0x379}, {0x380, 0x383}, {0x38b, 0x38b}, {0x38d, 0x38d}, {0x3a2, 0x3a2},
                                        {0x530, 0x530}, {0x557, 0x558}, {0x58b, 0x58c}, {0x590, 0x590}, {0x5c8, 0x5cf},
                                        {0x5eb, 0x5ee}, {0x5f5, 0x605}, {0x61c, 0x61c}, {0x6dd, 0x6dd}, {0x70e, 0x70f},
                                        {0x74b, 0x74c}, {0x7b2, 0x7bf}, {0x7fb, 0x7fc}};
  return std::none_of(std::begin(kUnassigned), std::end(kUnassigned),
                      [point](const Gap& gap) { return point >= gap.first && point <= gap.last; });
}

// The scanner of encoding/json, state by state: it decides what is JSON and which words a mistake gets.
class Scanner {
 public:
  // The mistake; nothing where `text` is one JSON value.
  std::optional<std::string> check(std::string_view text) {
    for (const char c : text) {
      step(c);
      if (!error_.empty()) return error_;
    }
    if (state_ != State::EndTop) step(' ');
    if (!error_.empty()) return error_;
    if (state_ == State::EndTop) return std::nullopt;
    return "unexpected end of JSON input";
  }

 private:
  enum class State {
    BeginValue,
    BeginValueOrEmpty,
    BeginString,
    BeginStringOrEmpty,
    EndValue,
    EndTop,
    InString,
    InEscape,
    InHex,
    Minus,
    Zero,
    Integer,
    Dot,
    Fraction,
    Exponent,
    ExponentSign,
    ExponentDigits,
    Word,
  };
  enum class Inside { ObjectKey, ObjectValue, ArrayValue };

  void fail(char c, std::string_view context) {
    error_ = fmt::format("invalid character {} {}", quoted_character(c), context);
  }
  static std::string quoted_character(char c) {
    if (c == '\'') return R"('\'')";
    if (c == '"') return R"('"')";
    std::string text;
    append_point(text, static_cast<unsigned char>(c));
    const std::string quoted = go_quoted(text);
    return "'" + quoted.substr(1, quoted.size() - 2) + "'";
  }

  void push(char c, Inside inside, State next) {
    inside_.push_back(inside);
    state_ = next;
    if (inside_.size() > kDepthMax) fail(c, "exceeded max depth");
  }
  void pop() {
    inside_.pop_back();
    state_ = inside_.empty() ? State::EndTop : State::EndValue;
  }
  // A value is over and `c` follows it.
  void end_value(char c) {
    if (inside_.empty()) {
      state_ = State::EndTop;
      return step(c);
    }
    state_ = State::EndValue;
    if (is_space(c)) return;
    switch (inside_.back()) {
      case Inside::ObjectKey:
        if (c != ':') return fail(c, "after object key");
        inside_.back() = Inside::ObjectValue;
        state_ = State::BeginValue;
        return;
      case Inside::ObjectValue:
        if (c == '}') return pop();
        if (c != ',') return fail(c, "after object key:value pair");
        inside_.back() = Inside::ObjectKey;
        state_ = State::BeginString;
        return;
      case Inside::ArrayValue:
        if (c == ']') return pop();
        if (c != ',') return fail(c, "after array element");
        state_ = State::BeginValue;
        return;
    }
  }

  void begin_value(char c) {
    if (is_space(c)) return;
    if (c == '{') return push(c, Inside::ObjectKey, State::BeginStringOrEmpty);
    if (c == '[') return push(c, Inside::ArrayValue, State::BeginValueOrEmpty);
    if (c == '"') return become(State::InString);
    if (c == '-') return become(State::Minus);
    if (c == '0') return become(State::Zero);
    if (is_digit(c)) return become(State::Integer);
    for (const std::string_view word : {"true", "false", "null"}) {
      if (c != word.front()) continue;
      word_ = word;
      word_at_ = 1;
      return become(State::Word);
    }
    fail(c, "looking for beginning of value");
  }
  void begin_string(char c) {
    if (is_space(c)) return;
    if (c == '"') return become(State::InString);
    fail(c, "looking for beginning of object key string");
  }
  void in_word(char c) {
    if (c != word_[word_at_]) return fail(c, fmt::format("in literal {} (expecting '{}')", word_, word_[word_at_]));
    if (++word_at_ == word_.size()) state_ = State::EndValue;
  }
  void in_string(char c) {
    if (c == '"') return become(State::EndValue);
    if (c == '\\') return become(State::InEscape);
    if (static_cast<unsigned char>(c) < 0x20) fail(c, "in string literal");
  }
  void in_escape(char c) {
    if (std::string_view("bfnrt\\/\"").find(c) != std::string_view::npos) return become(State::InString);
    if (c != 'u') return fail(c, "in string escape code");
    hex_left_ = 4;
    state_ = State::InHex;
  }
  void in_hex(char c) {
    if (hex_value(c) < 0) return fail(c, "in \\u hexadecimal character escape");
    if (--hex_left_ == 0) state_ = State::InString;
  }
  void after_integer(char c) {
    if (c == '.') return become(State::Dot);
    if (c == 'e' || c == 'E') return become(State::Exponent);
    end_value(c);
  }
  void digit_or(char c, State next, std::string_view context) {
    if (is_digit(c)) return become(next);
    fail(c, context);
  }

  void become(State state) { state_ = state; }
  void step(char c) {
    switch (state_) {
      case State::BeginValueOrEmpty:
        if (c == ']') return end_value(c);
        return is_space(c) ? void() : (become(State::BeginValue), begin_value(c));
      case State::BeginValue: return begin_value(c);
      case State::BeginStringOrEmpty:
        if (c == '}') {
          inside_.back() = Inside::ObjectValue;
          return end_value(c);
        }
        return begin_string(c);
      case State::BeginString: return begin_string(c);
      case State::EndValue: return end_value(c);
      case State::EndTop: return is_space(c) ? void() : fail(c, "after top-level value");
      case State::InString: return in_string(c);
      case State::InEscape: return in_escape(c);
      case State::InHex: return in_hex(c);
      case State::Minus:
        if (c == '0') return become(State::Zero);
        return digit_or(c, State::Integer, "in numeric literal");
      case State::Zero: return after_integer(c);
      case State::Integer: return is_digit(c) ? void() : after_integer(c);
      case State::Dot: return digit_or(c, State::Fraction, "after decimal point in numeric literal");
      case State::Fraction:
        if (is_digit(c)) return;
        if (c == 'e' || c == 'E') return become(State::Exponent);
        return end_value(c);
      case State::Exponent:
        if (c == '+' || c == '-') return become(State::ExponentSign);
        return digit_or(c, State::ExponentDigits, "in exponent of numeric literal");
      case State::ExponentSign: return digit_or(c, State::ExponentDigits, "in exponent of numeric literal");
      case State::ExponentDigits: return is_digit(c) ? void() : end_value(c);
      case State::Word: return in_word(c);
    }
  }

  State state_ = State::BeginValue;
  std::vector<Inside> inside_;
  std::string_view word_;
  std::size_t word_at_ = 0;
  int hex_left_ = 0;
  std::string error_;
};

// Walks a text that the scanner has accepted.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  char peek() {
    while (at_ < text_.size() && is_space(text_[at_])) ++at_;
    return at_ < text_.size() ? text_[at_] : '\0';
  }
  void take() {
    peek();
    ++at_;
  }
  std::string string() {
    take();
    std::string out;
    while (text_[at_] != '"') {
      if (text_[at_] == '\\') {
        escape(out);
        continue;
      }
      const Utf8Head head = utf8_head(text_.substr(at_));
      out += head.length == 0 ? kReplacementCharacter : text_.substr(at_, head.length);
      at_ += std::max<std::size_t>(head.length, 1);
    }
    ++at_;
    return out;
  }
  // Passes over the value that comes.
  void skip() {
    std::size_t depth = 0;
    do {
      const char c = peek();
      if (c == '"') {
        (void)string();
      } else if (c == '{' || c == '[') {
        ++depth;
        ++at_;
      } else if (c == '}' || c == ']') {
        --depth;
        ++at_;
      } else if (c == ',' || c == ':') {
        ++at_;
      } else {
        while (at_ < text_.size() && !is_space(text_[at_]) &&
               std::string_view(",:]}").find(text_[at_]) == std::string_view::npos)
          ++at_;
      }
    } while (depth > 0);
  }

 private:
  char32_t hex() {
    char32_t point = 0;
    for (int i = 0; i < 4; ++i) point = point << 4 | static_cast<char32_t>(hex_value(text_[at_++]));
    return point;
  }
  void escape(std::string& out) {
    const char c = text_[at_ + 1];
    at_ += 2;
    switch (c) {
      case 'b': out += '\b'; return;
      case 'f': out += '\f'; return;
      case 'n': out += '\n'; return;
      case 'r': out += '\r'; return;
      case 't': out += '\t'; return;
      case 'u': break;
      default: out += c; return;
    }
    const char32_t point = hex();
    if (point < 0xd800 || point > 0xdfff) return append_point(out, point);
    const std::size_t after = at_;
    if (point < 0xdc00 && text_.substr(at_, 2) == "\\u") {
      at_ += 2;
      const char32_t low = hex();
      if (low >= 0xdc00 && low <= 0xdfff) return append_point(out, 0x10000 + ((point - 0xd800) << 10) + (low - 0xdc00));
      at_ = after;  // the second one stands for itself
    }
    out += kReplacementCharacter;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

bool equal_letters(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return (x & 0xdf) == (y & 0xdf); });
}

std::string_view kind_of(char first) {
  switch (first) {
    case '{': return "object";
    case '[': return "array";
    case '"': return "string";
    case 't':
    case 'f': return "bool";
    default: return "number";
  }
}

}  // namespace

GoDecoded decode_go_job(std::string_view text) {
  GoDecoded decoded;
  if (auto error = Scanner().check(text)) {
    decoded.kind = GoDecoded::Kind::Syntax;
    decoded.error = *std::move(error);
    return decoded;
  }
  Reader reader(text);
  const char first = reader.peek();
  if (first == 'n') {
    decoded.kind = GoDecoded::Kind::Null;
    return decoded;
  }
  if (first != '{') {
    decoded.kind = GoDecoded::Kind::Type;
    decoded.error = fmt::format("json: cannot unmarshal {} into Go value of type common.Job", kind_of(first));
    return decoded;
  }
  const std::pair<std::string_view, std::string*> fields[] = {
      {"name", &decoded.job.name}, {"command", &decoded.job.command}, {"cronExpr", &decoded.job.cron_expr}};
  reader.take();
  while (reader.peek() != '}') {
    if (reader.peek() == ',') reader.take();
    const std::string key = reader.string();
    reader.take();  // the colon
    const char value = reader.peek();
    const auto field =
        std::find_if(std::begin(fields), std::end(fields), [&](const auto& f) { return equal_letters(f.first, key); });
    if (field != std::end(fields) && value == '"') {
      *field->second = reader.string();
      continue;
    }
    reader.skip();
    if (field == std::end(fields) || value == 'n' || decoded.kind == GoDecoded::Kind::Type) continue;
    decoded.kind = GoDecoded::Kind::Type;
    decoded.error = fmt::format("json: cannot unmarshal {} into Go struct field Job.{} of type string", kind_of(value),
                                field->first);
  }
  return decoded;
}

void append_go_json(std::string& out, std::string_view text) {
  out += '"';
  while (!text.empty()) {
    const char c = text.front();
    const Utf8Head head = utf8_head(text);
    if (head.length == 0) {
      out += "\\ufffd";
    } else if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n' || c == '\r' || c == '\t') {
      out += c == '\n' ? "\\n" : c == '\r' ? "\\r" : "\\t";
    } else if (head.point < 0x20 || c == '<' || c == '>' || c == '&' || head.point == 0x2028 || head.point == 0x2029) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(head.point));
    } else {
      out += text.substr(0, head.length);
    }
    text.remove_prefix(std::max<std::size_t>(head.length, 1));
  }
  out += '"';
}

void append_go_json(std::string& out, const GoJob& job) {
  out += R"({"name":)";
  append_go_json(out, job.name);
  out += R"(,"command":)";
  append_go_json(out, job.command);
  out += R"(,"cronExpr":)";
  append_go_json(out, job.cron_expr);
  out += '}';
}

std::string go_quoted(std::string_view text) {
  static constexpr std::string_view kEscaped = "\a\b\f\n\r\t\v", kLetters = "abfnrtv";
  std::string out = "\"";
  while (!text.empty()) {
    const char c = text.front();
    const Utf8Head head = utf8_head(text);
    if (head.length == 0) {
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    } else if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (is_printable(head.point)) {
      out += text.substr(0, head.length);
    } else if (const auto letter = kEscaped.find(c); letter != std::string_view::npos) {
      out += '\\';
      out += kLetters[letter];
    } else if (head.point < 0x80) {
      out += fmt::format("\\x{:02x}", static_cast<unsigned>(head.point));
    } else {
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(head.point));
    }
    text.remove_prefix(std::max<std::size_t>(head.length, 1));
  }
  return out + '"';
}

}  // namespace cronfleet::api
