#include "domain/json_places.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <map>

#include "base/check.h"
#include "base/utf8.h"

namespace cronfleet::domain {
namespace {

// The text of a key, from its token with quotation marks.
std::string decoded(std::string_view token) {
  if (token.find('\\') == std::string_view::npos) return std::string(token.substr(1, token.size() - 2));
  const boost::json::value value = boost::json::parse({token.data(), token.size()});
  return std::string(value.as_string());
}

bool is_key(std::string_view token, std::string_view key) {
  const std::string_view inside = token.substr(1, token.size() - 2);
  return inside.find('\\') == std::string_view::npos ? inside == key : decoded(token) == key;
}

// The last character of the text (in quotation marks) and of the comment that begin at `at`.
std::size_t end_of_text(std::string_view text, std::size_t at) {
  for (std::size_t quote = text.find('"', at + 1); quote != std::string_view::npos; quote = text.find('"', quote + 1)) {
    std::size_t first = quote;  // of the backslashes in front of it: an odd number escapes it
    while (text[first - 1] == '\\') --first;
    if ((quote - first) % 2 == 0) return quote;
  }
  return text.size();
}
std::optional<std::size_t> end_of_comment(std::string_view text, std::size_t at) {
  const std::string_view opening = text.substr(at, 2);
  if (opening == "//") return std::min(text.find('\n', at), text.size());
  const std::size_t end = opening == "/*" ? text.find("*/", at + 2) : std::string_view::npos;
  return end == std::string_view::npos ? std::nullopt : std::optional(end + 1);
}

// Walks over an accepted text. Depth is bounded by what the parser accepted.
class Walker {
 public:
  explicit Walker(std::string_view text) : text_(text) {}

  std::size_t at() const { return at_; }
  void move_to(std::size_t offset) { at_ = offset; }
  char head() const { return at_ < text_.size() ? text_[at_] : '\0'; }

  void skip_space() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
        ++at_;
      } else if (c == '/') {
        at_ = std::min(end_of_comment(text_, at_).value_or(text_.size()) + 1, text_.size());
      } else {
        return;
      }
    }
  }

  std::string_view take_text() {
    const std::size_t begin = at_;
    at_ = end_of_text(text_, begin) + 1;
    return text_.substr(begin, at_ - begin);
  }

  void skip_value() {
    if (head() == '"') {
      take_text();
    } else if (head() == '{' || head() == '[') {
      each_child([this](const auto&, std::size_t, std::size_t) { skip_value(); });
    } else {
      const std::size_t end = text_.find_first_of(",]} \t\r\n/", at_);
      at_ = end == std::string_view::npos ? text_.size() : end;
    }
  }

  // Calls visit(key token, index, key offset) with the walker at each member or element; visit must walk over it.
  template <typename Visit>
  void each_child(Visit visit) {
    const bool object = head() == '{';
    ++at_;
    skip_space();
    for (std::size_t index = 0; head() != '}' && head() != ']'; ++index) {
      CHECK(at_ < text_.size());
      const std::size_t begin = at_;
      std::string_view token;
      if (object) {
        token = take_text();
        skip_space();
        ++at_;  // the colon
        skip_space();
      }
      visit(token, index, begin);
      skip_space();
      if (head() == ',') ++at_;
      skip_space();
    }
    ++at_;
  }

 private:
  std::string_view text_;
  std::size_t at_ = 0;
};

void collect_duplicates(Walker& walker, const std::string& pointer, std::vector<DuplicateKey>& found) {
  if (walker.head() != '{' && walker.head() != '[') return walker.skip_value();
  std::map<std::string, std::size_t> seen;
  walker.each_child([&](std::string_view token, std::size_t index, std::size_t begin) {
    const std::string key = token.empty() ? fmt::format("{}", index) : decoded(token);
    const std::string child = pointer + "/" + pointer_part(key);
    const auto [first, added] = seen.emplace(key, begin);
    if (!added) found.push_back({child, first->second, begin});
    collect_duplicates(walker, child, found);
  });
}

}  // namespace

Place place_of(std::string_view text, std::size_t offset) {
  const std::string_view before = text.substr(0, offset);
  Place place;
  for (const char c : before) place.line += c == '\n' ? 1 : 0;
  const std::size_t newline = before.rfind('\n');
  const std::string_view line = newline == std::string_view::npos ? before : before.substr(newline + 1);
  place.column = static_cast<int>(utf8_count(line)) + 1;
  return place;
}

std::optional<JsonSpan> find_value(std::string_view text, const std::vector<JsonStep>& path) {
  Walker walker(text);
  walker.skip_space();
  JsonSpan span{walker.at(), walker.at(), 0};
  for (const JsonStep& step : path) {
    const bool member = step.kind == JsonStep::Kind::Member;
    if (walker.head() != (member ? '{' : '[')) return std::nullopt;
    std::optional<JsonSpan> child;
    walker.each_child([&](std::string_view token, std::size_t index, std::size_t begin) {
      const bool wanted = member ? is_key(token, step.key) : index == step.index;
      if (wanted) child = JsonSpan{begin, walker.at(), 0};
      walker.skip_value();
    });
    if (!child) return std::nullopt;
    span = *child;
    walker.move_to(span.value);
  }
  walker.skip_value();
  span.end = walker.at();
  return span;
}

std::vector<DuplicateKey> find_duplicates(std::string_view text) {
  Walker walker(text);
  walker.skip_space();
  std::vector<DuplicateKey> found;
  collect_duplicates(walker, "", found);
  return found;
}

std::size_t count_keys(std::string_view text) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == ':') {
      ++count;
    } else if (text[i] == '"') {
      i = end_of_text(text, i);
    } else if (text[i] == '/') {  // only comments have one outside a text
      i = end_of_comment(text, i).value_or(text.size());
    }
  }
  return count;
}

std::size_t find_broken_comment(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '"') {
      i = end_of_text(text, i);
    } else if (text[i] == '/') {
      const auto end = end_of_comment(text, i);
      if (!end) return i;
      i = *end;
    }
  }
  return text.size();
}

std::string pointer_part(std::string_view key) {
  std::string part;
  for (const char c : key) {
    if (c == '~') {
      part += "~0";
    } else if (c == '/') {
      part += "~1";
    } else {
      part += c;
    }
  }
  return part;
}

}  // namespace cronfleet::domain
