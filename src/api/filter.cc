#include "api/filter.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "api/http.h"
#include "base/time.h"
#include "base/utf8.h"
#include "domain/json_reader.h"
#include "domain/nearest.h"

namespace cronfleet::api {
namespace {

constexpr std::size_t kBytesMax = 1024;
constexpr std::size_t kTermsMax = 32;

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool is_field_character(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

std::string_view operator_text(FilterOperator op) {
  switch (op) {
    case FilterOperator::Is: return ":";
    case FilterOperator::Contains: return "~";
    case FilterOperator::Below: return "<";
    case FilterOperator::Above: return ">";
  }
  return "";
}

std::vector<FilterOperator> operators_of(FilterField::Kind kind) {
  switch (kind) {
    case FilterField::Kind::Text: return {FilterOperator::Is, FilterOperator::Contains};
    case FilterField::Kind::Word:
    case FilterField::Kind::Label: return {FilterOperator::Is};
    case FilterField::Kind::Duration: return {FilterOperator::Below, FilterOperator::Above};
    case FilterField::Kind::Number: return {FilterOperator::Is, FilterOperator::Below, FilterOperator::Above};
  }
  return {};
}

class Parser {
 public:
  Parser(std::string_view text, const std::vector<FilterField>& fields) : text_(text), fields_(fields) {}

  tl::expected<std::vector<FilterTerm>, FilterError> parse() {
    if (text_.size() > kBytesMax) return refuse(0, text_.size(), fmt::format("has more than {} bytes", kBytesMax));
    if (!is_utf8(text_)) return refuse(0, text_.size(), "is not valid UTF-8");
    std::vector<FilterTerm> terms;
    for (;;) {
      while (at_ < text_.size() && is_space(text_[at_])) ++at_;
      if (at_ == text_.size()) return terms;
      const std::size_t begin = at_;
      auto term = read_term();
      if (!term) return tl::unexpected(std::move(term.error()));
      if (terms.size() == kTermsMax) return refuse(begin, at_ - begin, fmt::format("more than {} terms", kTermsMax));
      term->column = column_of(begin);
      term->length = characters_in(begin, at_ - begin);
      terms.push_back(*std::move(term));
    }
  }

 private:
  int characters_in(std::size_t begin, std::size_t bytes) const {
    return static_cast<int>(utf8_count(text_.substr(begin, bytes)));
  }
  int column_of(std::size_t at) const { return characters_in(0, at) + 1; }

  tl::unexpected<FilterError> refuse(std::size_t begin, std::size_t bytes, std::string message,
                                     std::string suggestion = {}) const {
    return tl::unexpected(FilterError{.column = column_of(begin),
                                      .length = characters_in(begin, bytes),
                                      .message = std::move(message),
                                      .suggestion = std::move(suggestion)});
  }

  tl::expected<FilterTerm, FilterError> read_term() {
    FilterTerm term;
    if (text_[at_] == '-') {
      term.negated = true;
      ++at_;
    }
    const std::size_t begin = at_;
    std::size_t end = at_;
    while (end < text_.size() && is_field_character(text_[end])) ++end;
    const bool has_field =
        end > begin && end < text_.size() && std::string_view(":~<>").find(text_[end]) != std::string_view::npos;
    if (!has_field) {
      auto value = read_value();
      if (!value) return tl::unexpected(std::move(value.error()));
      term.values.push_back(*std::move(value));
      return term;
    }
    const std::string_view name = text_.substr(begin, end - begin);
    const auto field =
        std::find_if(fields_.begin(), fields_.end(), [name](const FilterField& f) { return f.name == name; });
    if (field == fields_.end()) {
      std::vector<std::string_view> known;
      for (const FilterField& f : fields_) known.push_back(f.name);
      return refuse(begin, name.size(),
                    fmt::format("unknown field '{}'; expected one of {}, or quotes around a text with '{}'", name,
                                fmt::join(known, ", "), text_[end]),
                    std::string(domain::nearest(name, known)));
    }
    term.field = name;
    const char sign = text_[end];
    term.op = sign == ':'   ? FilterOperator::Is
              : sign == '~' ? FilterOperator::Contains
              : sign == '<' ? FilterOperator::Below
                            : FilterOperator::Above;
    const auto allowed = operators_of(field->kind);
    if (std::find(allowed.begin(), allowed.end(), term.op) == allowed.end()) {
      std::vector<std::string_view> signs;
      for (const FilterOperator op : allowed) signs.push_back(operator_text(op));
      return refuse(end, 1, fmt::format("'{}' takes {}, found '{}'", name, fmt::join(signs, " or "), sign));
    }
    at_ = end + 1;
    return read_values(*field, std::move(term));
  }

  tl::expected<FilterTerm, FilterError> read_values(const FilterField& field, FilterTerm term) {
    for (;;) {
      const std::size_t begin = at_;
      auto value = read_value();
      if (!value) return tl::unexpected(std::move(value.error()));
      if (auto error = check(field, *value, begin, term)) return tl::unexpected(*std::move(error));
      term.values.push_back(*std::move(value));
      if (at_ == text_.size() || text_[at_] != ',') return term;
      if (term.op != FilterOperator::Is || field.kind == FilterField::Kind::Number)
        return refuse(at_, 1, fmt::format("'{}{}' takes one value", field.name, operator_text(term.op)));
      ++at_;
    }
  }

  std::optional<FilterError> check(const FilterField& field, const std::string& value, std::size_t begin,
                                   FilterTerm& term) const {
    const auto wrong = [&](std::string expected, std::string suggestion = {}) {
      return refuse(begin, at_ - begin, fmt::format("expected {}, found {}", expected, domain::quoted(value)),
                    std::move(suggestion))
          .value();
    };
    switch (field.kind) {
      case FilterField::Kind::Text: return std::nullopt;
      case FilterField::Kind::Word:
        if (std::find(field.words.begin(), field.words.end(), value) != field.words.end()) return std::nullopt;
        return wrong(fmt::format("one of {}", fmt::join(field.words, ", ")),
                     std::string(domain::nearest(value, field.words)));
      case FilterField::Kind::Label:
        if (!value.starts_with('=')) return std::nullopt;
        return wrong("the name of a label, or name=value");
      case FilterField::Kind::Duration: {
        const auto duration = parse_duration(value);
        if (!duration) return wrong("a duration like 90s or 1h30m");
        term.duration = *duration;
        return std::nullopt;
      }
      case FilterField::Kind::Number: break;
    }
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), term.number);
    if (error == std::errc() && end == value.data() + value.size()) return std::nullopt;
    return wrong("a whole number");
  }

  // A quoted text, or everything up to a space or comma.
  tl::expected<std::string, FilterError> read_value() {
    const std::size_t begin = at_;
    std::string value;
    if (at_ < text_.size() && text_[at_] == '"') {
      for (++at_; at_ < text_.size() && text_[at_] != '"'; ++at_) {
        if (text_[at_] == '\\' && at_ + 1 < text_.size()) ++at_;
        value += text_[at_];
      }
      if (at_ == text_.size()) return refuse(begin, at_ - begin, "the quotes are not closed");
      ++at_;
      const bool ends = at_ == text_.size() || is_space(text_[at_]) || text_[at_] == ',';
      if (!ends) return refuse(at_, 1, "expected a space after the quotes");
    } else {
      while (at_ < text_.size() && !is_space(text_[at_]) && text_[at_] != ',' && text_[at_] != '"')
        value += text_[at_++];
      if (at_ < text_.size() && text_[at_] == '"') return refuse(at_, 1, "quotes stand around a whole value");
    }
    if (value.empty()) return refuse(begin, std::max<std::size_t>(at_ - begin, 1), "a value is missing");
    return value;
  }

  std::string_view text_;
  const std::vector<FilterField>& fields_;
  std::size_t at_ = 0;
};

}  // namespace

tl::expected<std::vector<FilterTerm>, FilterError> parse_filter(std::string_view text,
                                                                const std::vector<FilterField>& fields) {
  return Parser(text, fields).parse();
}

bool filter_takes(const FilterTerm& term, std::string_view text) {
  if (term.op == FilterOperator::Is)
    return std::find(term.values.begin(), term.values.end(), text) != term.values.end();
  const std::string lower = lower_case(text);
  return std::any_of(term.values.begin(), term.values.end(),
                     [&lower](const std::string& value) { return lower.find(lower_case(value)) != std::string::npos; });
}

}  // namespace cronfleet::api
