#include <fmt/format.h>

#include <algorithm>

#include "crontab/vixie.h"

namespace cronfleet::crontab {
namespace {

constexpr std::array<std::string_view, 12> kMonths = {"jan", "feb", "mar", "apr", "may", "jun",
                                                      "jul", "aug", "sep", "oct", "nov", "dec"};
constexpr std::array<std::string_view, 7> kWeekdays = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

struct Kind {
  std::string_view name;
  int low, high;
  const std::string_view* names;
  std::size_t name_count;
};
constexpr std::array<Kind, 5> kKinds = {{{"minute", 0, 59, nullptr, 0},
                                         {"hour", 0, 23, nullptr, 0},
                                         {"day of month", 1, 31, nullptr, 0},
                                         {"month", 1, 12, kMonths.data(), kMonths.size()},
                                         {"day of week", 0, 7, kWeekdays.data(), kWeekdays.size()}}};

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_word(char c) { return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool same_word(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [&](char x, char y) { return lower(x) == lower(y); });
}

// One field, item by item.
class FieldReader {
 public:
  FieldReader(std::string_view text, const Kind& kind) : text_(text), kind_(kind) {}

  tl::expected<std::uint64_t, FieldMistake> read() {
    std::uint64_t bits = 0;
    do {
      if (auto done = read_item(bits); !done) return tl::unexpected(done.error());
    } while (take(','));
    if (at_ < text_.size()) return refuse(fmt::format("'{}' cannot stand here", text_.substr(at_)));
    return bits;
  }

 private:
  tl::unexpected<FieldMistake> refuse(std::string message) const {
    return tl::unexpected(
        FieldMistake{0, static_cast<int>(at_) + 1, fmt::format("{}: {}", kind_.name, std::move(message))});
  }
  bool take(char c) {
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  tl::expected<int, FieldMistake> number(bool names_allowed) {
    const std::size_t begin = at_;
    std::size_t end = begin;
    while (end < text_.size() && is_word(text_[end])) ++end;
    const std::string_view word = text_.substr(begin, end - begin);
    if (word.empty()) {
      if (at_ < text_.size() && text_[at_] == '~')
        return refuse("a random value (~) is cronie's; H picks one here that stays the same");
      return refuse(at_ < text_.size() ? fmt::format("expected a number, found '{}'", text_.substr(at_))
                                       : std::string("expected a number, found nothing"));
    }
    if (std::all_of(word.begin(), word.end(), is_digit)) {
      if (word.size() > 4) return refuse(fmt::format("{} is out of range {}-{}", word, kind_.low, kind_.high));
      int value = 0;
      for (const char c : word) value = value * 10 + (c - '0');
      at_ = end;
      return value;
    }
    for (std::size_t i = 0; names_allowed && i < kind_.name_count; ++i) {
      if (!same_word(word, kind_.names[i])) continue;
      at_ = end;
      return static_cast<int>(i) + kind_.low;
    }
    return refuse(fmt::format("'{}' is no value of it", word));
  }

  tl::expected<void, FieldMistake> read_item(std::uint64_t& bits) {
    int first = kind_.low, last = kind_.high, step = 1;
    const std::size_t begin = at_;
    if (!take('*')) {
      const auto low = number(true);
      if (!low) return tl::unexpected(low.error());
      first = last = *low;
      if (take('-')) {
        const auto high = number(true);
        if (!high) return tl::unexpected(high.error());
        last = *high;
      } else if (at_ < text_.size() && text_[at_] == '/') {
        return refuse("a step follows a range or a star");
      }
    }
    if (take('/')) {
      const auto by = number(false);
      if (!by) return tl::unexpected(by.error());
      if (*by == 0) return refuse("the step is 0");
      step = *by;
    }
    for (const int value : {first, last}) {
      if (value >= kind_.low && value <= kind_.high) continue;
      at_ = begin;
      return refuse(fmt::format("{} is out of range {}-{}", value, kind_.low, kind_.high));
    }
    if (first > last) {
      at_ = begin;
      return refuse("a range that runs backwards matches nothing");
    }
    for (int value = first; value <= last; value += step) bits |= std::uint64_t{1} << value;
    return {};
  }

  std::string_view text_;
  const Kind& kind_;
  std::size_t at_ = 0;
};

}  // namespace

tl::expected<VixieFields, FieldMistake> read_vixie_fields(const std::array<std::string_view, 5>& words) {
  std::array<std::uint64_t, 5> bits{};
  for (std::size_t i = 0; i < words.size(); ++i) {
    auto read = FieldReader(words[i], kKinds[i]).read();
    if (!read) {
      read.error().field = static_cast<int>(i);
      return tl::unexpected(read.error());
    }
    bits[i] = *read;
  }
  VixieFields fields;
  fields.minutes = bits[0];
  fields.hours = static_cast<std::uint32_t>(bits[1]);
  fields.days = static_cast<std::uint32_t>(bits[2]);
  fields.months = static_cast<std::uint32_t>(bits[3]);
  fields.weekdays = static_cast<std::uint32_t>((bits[4] | bits[4] >> 7) & 0x7f);  // 0 and 7 are Sunday
  fields.minute_star = words[0].starts_with('*');
  fields.hour_star = words[1].starts_with('*');
  fields.day_star = words[2].starts_with('*');
  fields.weekday_star = words[4].starts_with('*');
  return fields;
}

std::string_view vixie_macro(std::string_view macro) {
  constexpr std::pair<std::string_view, std::string_view> kMacros[] = {
      {"@yearly", "0 0 1 1 *"}, {"@annually", "0 0 1 1 *"}, {"@monthly", "0 0 1 * *"}, {"@weekly", "0 0 * * 0"},
      {"@daily", "0 0 * * *"},  {"@midnight", "0 0 * * *"}, {"@hourly", "0 * * * *"}};
  for (const auto& [name, fields] : kMacros)
    if (name == macro) return fields;
  return {};
}

}  // namespace cronfleet::crontab
