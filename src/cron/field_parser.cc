#include "cron/field_parser.h"

#include <algorithm>
#include <array>
#include <utility>

namespace cronfleet::cron {
namespace {

constexpr std::array<FieldRule, 8> kRules{{
    {"second", "second", "0-59", 0, 59, 59},
    {"minute", "minute", "0-59", 0, 59, 59},
    {"hour", "hour", "0-23", 0, 23, 23},
    {"day-of-month", "day", "1-31", 1, 31, 31},
    {"month", "month", "1-12 or JAN-DEC", 1, 12, 12},
    {"day-of-week", "weekday", "0-7 or SUN-SAT", 0, 6, 7},
    {"year", "", "1970-2099", 1970, 2099, 129},
    {"", "", "", 0, 0, 0},
}};

constexpr std::array<std::string_view, 12> kMonthNames{"january",   "february", "march",    "april",
                                                       "may",       "june",     "july",     "august",
                                                       "september", "october",  "november", "december"};
constexpr std::array<std::string_view, 7> kWeekdayNames{"sunday",   "monday", "tuesday", "wednesday",
                                                        "thursday", "friday", "saturday"};

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }
constexpr bool is_letter(char c) { return lower(c) >= 'a' && lower(c) <= 'z'; }

// Index of a three-letter or full name, -1 when it is none.
template <std::size_t N>
int find_name(const std::array<std::string_view, N>& names, std::string_view token) {
  if (token.size() < 3) return -1;
  for (std::size_t i = 0; i < N; ++i) {
    const std::string_view name = names[i];
    if (lower(token[0]) != name[0] || lower(token[1]) != name[1] || lower(token[2]) != name[2]) continue;
    if (token.size() == 3) return static_cast<int>(i);
    if (token.size() != name.size()) return -1;
    const bool same =
        std::equal(token.begin(), token.end(), name.begin(), [](char a, char b) { return lower(a) == b; });
    return same ? static_cast<int>(i) : -1;
  }
  return -1;
}

// FNV-1a with a finish, fixed by the dialect: every node must find the same value.
std::uint64_t hash_of(std::string_view key, std::string_view field) {
  std::uint64_t h = 0xcbf29ce484222325;
  const auto add = [&h](char c) { h = (h ^ static_cast<unsigned char>(c)) * 0x100000001b3; };
  for (const char c : key) add(c);
  add('/');
  for (const char c : field) add(c);
  h ^= h >> 33;
  h *= 0xff51afd7ed558ccd;
  h ^= h >> 33;
  h *= 0xc4ceb9fe1a85ec53;
  h ^= h >> 33;
  return h;
}

// Bits low, low+step, ... up to high; high below 64.
constexpr std::uint64_t spread(int low, int high, int step) {
  std::uint64_t bits = std::uint64_t{1} << low;
  for (int shift = step; shift < 64; shift *= 2) bits |= bits << shift;
  return bits & (~std::uint64_t{0} >> (63 - high));
}

template <Field F>
class FieldParser {
 public:
  static constexpr FieldRule kRule = kRules[static_cast<std::size_t>(F)];
  static constexpr int kSize = kRule.high - kRule.low + 1;

  FieldParser(std::string_view word, std::string_view key, Draft& draft, Problem& problem)
      : at_(word.data()), end_(word.data() + word.size()), key_(key), draft_(draft), problem_(problem) {}

  bool parse() {
    const char* const begin = at_;
    if (F == Field::Weekday && *at_ == '+') {
      draft_.plus = true;
      if (++at_ == end_ || *at_ == ',') return fail(ErrorCode::PlusPlace, begin, begin + 1);
    }
    while (true) {
      if (!item()) return false;
      if (at_ == end_) break;
      if (*at_ != ',') return unexpected();
      if (++at_ == end_) return fail(ErrorCode::EmptyItem, at_ - 1, at_);
    }
    if constexpr (F == Field::Weekday) bits_ = (bits_ | bits_ >> 7) & 0x7f;  // 7 is Sunday too
    store();
    return true;
  }

 private:
  // One value of the field, from 0 (the least); Sunday as 7 stays 7.
  struct Value {
    int index;
    const char* begin;
  };

  bool item() {
    item_ = at_;
    if (*at_ == ',') return fail(ErrorCode::EmptyItem, at_, at_ + 1);
    if (*at_ == '*') {
      ++at_;
      interval_ = true;
      if (at_end()) {
        open_ = true;
        return add(0, kSize - 1, 1);
      }
      if (*at_ == '/') return step(0, kSize - 1);
      if (*at_ == '-') return fail(ErrorCode::BadRange, item_, item_end(), "'*' has no place in it");
      return unexpected();
    }
    if (*at_ == '?') {
      ++at_;
      interval_ = open_ = true;
      if (at_end()) return add(0, kSize - 1, 1);
      if (*at_ == '/') return fail(ErrorCode::QuestionStep, item_, item_end());
      return unexpected();
    }
    if (*at_ == '/') return fail(ErrorCode::BadStep, item_, item_end(), "there is nothing before '/'");
    if (*at_ == '-') return fail(ErrorCode::BadRange, item_, item_end(), "'first' is missing");
    if (is_letter(*at_)) {
      const char letter = lower(*at_);
      const bool single = at_ + 1 == end_ || !is_letter(at_[1]);
      if (F != Field::Year && letter == 'h' && single) return hashed();
      if (F == Field::Day && letter == 'l') return last_day();
      if (F == Field::Weekday && letter == 'l' && single) return fail(ErrorCode::LAlone, item_, item_end());
    }
    Value first;
    if (!value(first)) return false;
    if (at_end()) return add(first.index, first.index, 1);
    if (*at_ == '-') return range(first);
    if (*at_ == '/') {
      interval_ = true;
      return step(F == Field::Weekday ? first.index % 7 : first.index, kSize - 1);
    }
    if (F == Field::Day && lower(*at_) == 'w') {
      ++at_;
      if (!at_end()) return after_special();
      draft_.workdays |= 1u << first.index;
      return true;
    }
    if (F == Field::Weekday && lower(*at_) == 'l') {
      ++at_;
      if (!at_end()) return after_special();
      return add_last_weekday(first.index);
    }
    if (F == Field::Weekday && *at_ == '#') return nth(first);
    return unexpected();
  }

  bool range(const Value& first) {
    interval_ = true;
    ++at_;
    if (at_end()) return fail(ErrorCode::BadRange, item_, at_, "'last' is missing");
    if (*at_ == '-') return fail(ErrorCode::BadRange, item_, item_end(), "there is a second '-'");
    if (*at_ == '/') return fail(ErrorCode::BadRange, item_, item_end(), "'last' is missing");
    if (*at_ == '*' || *at_ == '?') return fail(ErrorCode::BadRange, item_, item_end(), "a '*' has no place in it");
    if ((F == Field::Day || F == Field::Weekday) && lower(*at_) == 'l' && (at_ + 1 == end_ || !is_letter(at_[1])))
      return fail(ErrorCode::SingleDayOnly, item_, item_end());
    Value last;
    if (!value(last)) return false;
    int low = first.index, high = last.index;
    if (F == Field::Weekday && (low > high || low == 7)) {
      low %= 7;
      high %= 7;
    }
    if (F == Field::Year && low > high) return fail(ErrorCode::BackwardYears, item_, at_);
    if (low > high) high += kSize;
    if (at_end()) return add(low, high, 1);
    if (*at_ == '/') return step(low, high);
    if (*at_ == '-') return fail(ErrorCode::BadRange, item_, item_end(), "there is a second '-'");
    if (is_special(*at_)) return fail(ErrorCode::SingleDayOnly, item_, item_end());
    return unexpected();
  }

  // At '/'. Adds every n-th member of low..high; a high beyond the field wraps.
  bool step(int low, int high) {
    int step = 0;
    if (!read_step(step)) return false;
    return add(low, high, step);
  }

  bool read_step(int& step) {
    interval_ = true;
    const char* const begin = ++at_;
    while (at_ != end_ && is_digit(*at_) && at_ - begin < 4) step = step * 10 + (*at_++ - '0');
    if (at_ == begin && at_end()) return fail(ErrorCode::BadStep, item_, at_, "the number after '/' is missing");
    if (!at_end()) {
      if (*at_ == '/') return fail(ErrorCode::BadStep, item_, item_end(), "only one '/' is allowed");
      if (at_ != begin && (F == Field::Day || F == Field::Weekday) && is_special(*at_))
        return fail(ErrorCode::SingleDayOnly, item_, item_end());
      return fail(ErrorCode::BadStep, begin, item_end());
    }
    const int digits_max = F == Field::Year ? 3 : 2;
    if (step < 1 || step > kRule.step_max || at_ - begin > digits_max) return fail(ErrorCode::BadStep, begin, at_);
    return true;
  }

  // At H.
  bool hashed() {
    if (key_.empty()) return fail(ErrorCode::HashKey, item_, item_end());
    ++at_;
    int low = 0, high = F == Field::Day ? 27 : kSize - 1;
    if (!at_end() && *at_ == '(' && !hash_range(low, high)) return false;
    const std::uint64_t hash = hash_of(key_, kRule.hash);
    const auto size = static_cast<std::uint64_t>(high - low + 1);
    if (at_end()) {
      const int chosen = low + static_cast<int>(hash % size);
      return add(chosen, chosen, 1);
    }
    if (*at_ != '/') return unexpected();
    int step = 0;
    if (!read_step(step)) return false;
    return add(low + static_cast<int>(hash % std::min(static_cast<std::uint64_t>(step), size)), high, step);
  }

  bool hash_range(int& low, int& high) {
    const auto wrong = [this] { return fail(ErrorCode::HashRange, item_, item_end()); };
    Value first, last;
    ++at_;
    if (!value(first)) return wrong();
    if (at_ == end_ || *at_ != '-') return wrong();
    ++at_;
    if (!value(last)) return wrong();
    if (at_ == end_ || *at_ != ')' || first.index > last.index) return wrong();
    ++at_;
    low = first.index;
    high = last.index;
    return true;
  }

  // At L in day-of-month: L, L-n, LW, L-nW.
  bool last_day() {
    ++at_;
    int offset = 0;
    if (!at_end() && *at_ == '-') {
      const char* const begin = ++at_;
      while (at_ != end_ && is_digit(*at_) && at_ - begin < 3) offset = offset * 10 + (*at_++ - '0');
      if (at_ == begin || at_ - begin > 2 || offset > 30) return fail(ErrorCode::BadOffset, item_, item_end());
    }
    const bool workday = !at_end() && lower(*at_) == 'w';
    if (workday) ++at_;
    if (!at_end()) {
      if (*at_ == '#') return misplaced_or_nth();
      return item_ + 1 == at_ ? fail(ErrorCode::BadValue, item_, item_end()) : after_special();
    }
    (workday ? draft_.last_workdays : draft_.last_days) |= 1u << offset;
    return true;
  }

  // At '#': d#k or d#L.
  bool nth(const Value& weekday) {
    ++at_;
    if (at_end()) return fail(ErrorCode::BadNth, item_, at_);
    const char k = lower(*at_++);
    if (!at_end() || (k != 'l' && (k < '1' || k > '5'))) return fail(ErrorCode::BadNth, item_, item_end());
    if (k == 'l') return add_last_weekday(weekday.index);
    draft_.nth_weekdays |= std::uint64_t{1} << ((k - '1') * 7 + weekday.index % 7);
    return true;
  }

  bool add_last_weekday(int weekday) {
    draft_.last_weekdays |= 1u << (weekday % 7);
    return true;
  }

  // Reads a number or a name. On failure at_ does not matter.
  bool value(Value& into) {
    into.begin = at_;
    if (at_ != end_ && is_digit(*at_)) return number(into);
    const char* const begin = at_;
    while (at_ != end_ && is_letter(*at_)) ++at_;
    std::string_view token(begin, static_cast<std::size_t>(at_ - begin));
    if constexpr (F == Field::Month)
      into.index = find_name(kMonthNames, token);
    else if constexpr (F == Field::Weekday)
      into.index = find_name(kWeekdayNames, token);
    else
      into.index = -1;
    if (into.index >= 0) return at_end_of_value() || glued(begin);
    return unknown_name(token, into);
  }

  bool number(Value& into) {
    const char* const begin = at_;
    int number = 0;
    for (; at_ != end_ && is_digit(*at_); ++at_) number = std::min(number * 10 + (*at_ - '0'), 100'000);
    const auto digits = at_ - begin;
    constexpr int kHigh = F == Field::Weekday ? 7 : kRule.high;
    if (F == Field::Year) {
      if (digits != 4) return fail(ErrorCode::BadValue, begin, std::max(at_, token_end()));
    } else if (digits > 2 && number <= kHigh) {
      return fail(ErrorCode::BadValue, begin, token_end());
    }
    if (!at_end_of_value()) return glued(begin);
    if (number < kRule.low || number > kHigh) return fail(ErrorCode::OutOfRange, begin, at_);
    into.index = number - kRule.low;
    return true;
  }

  // Whether what follows a value can follow one at all; the callers know better what may.
  bool at_end_of_value() const { return at_ == end_ || (!is_letter(*at_) && !is_digit(*at_)) || is_special(*at_); }

  // Something stands right after a value: MON1, 1MON.
  bool glued(const char* begin) { return fail(ErrorCode::BadValue, begin, token_end()); }

  bool unknown_name(std::string_view token, Value& into) {
    const char* const begin = token.data();
    if constexpr (F == Field::Weekday) {
      // FRIL is FRI and L.
      if (token.size() > 3 && lower(token.back()) == 'l') {
        into.index = find_name(kWeekdayNames, token.substr(0, token.size() - 1));
        if (into.index >= 0) {
          --at_;
          return true;
        }
      }
    }
    if (token.empty()) {
      if (at_ != end_ && *at_ == '+') return fail(ErrorCode::PlusPlace, at_, at_ + 1);
      if (at_ != end_ && *at_ == '#') return misplaced_or_nth();
      return fail(ErrorCode::BadValue, item_, item_end(), tilde());
    }
    if (F != Field::Month && find_name(kMonthNames, token) >= 0)
      return fail(ErrorCode::WrongFieldName, begin, at_, "month");
    if (F != Field::Weekday && find_name(kWeekdayNames, token) >= 0)
      return fail(ErrorCode::WrongFieldName, begin, at_, "day-of-week");
    const char last = lower(token.back());
    const bool lone = token.size() == 1 || (token.size() == 2 && lower(token[0]) == (last == 'w' ? 'l' : 'w'));
    if (lone && (last == 'l' || last == 'w')) return fail(ErrorCode::Misplaced, begin, at_, misplaced(token));
    return fail(ErrorCode::BadValue, begin, token_end(), tilde());
  }

  bool misplaced_or_nth() {
    if (F == Field::Weekday) return fail(ErrorCode::BadNth, item_, item_end());
    return fail(ErrorCode::Misplaced, at_, at_ + 1, "# is for day-of-week, after a weekday");
  }

  static std::string_view misplaced(std::string_view token) {
    if (F == Field::Day) return "W is for day-of-month, after a day as in 15W or after L as in LW";
    return lower(token[0]) == 'l' ? "L is for day-of-month, or after a weekday" : "W is for day-of-month";
  }

  // at_ stands where an item should end or go on, and does neither.
  bool unexpected() {
    const char c = lower(*at_);
    if (c == '+') return fail(ErrorCode::PlusPlace, at_, at_ + 1);
    if (*item_ == '*' || *item_ == '?') {
      if (is_special(c)) return fail(ErrorCode::SingleDayOnly, item_, item_end());
      return fail(ErrorCode::BadValue, item_, item_end(), tilde());
    }
    if (c == '#') return misplaced_or_nth();
    if (c == 'l' && !is_next_letter())
      return fail(ErrorCode::Misplaced, item_, item_end(), "L is for day-of-month, or after a weekday");
    if (c == 'w' && !is_next_letter()) return fail(ErrorCode::Misplaced, item_, item_end(), "W is for day-of-month");
    return fail(ErrorCode::BadValue, item_, item_end(), tilde());
  }

  // at_ stands behind a complete L, W or # item that goes on.
  bool after_special() {
    if (*at_ == '-' || *at_ == '/' || is_special(*at_)) return fail(ErrorCode::SingleDayOnly, item_, item_end());
    return unexpected();
  }

  std::string_view tilde() const {
    return std::find(item_, item_end(), '~') == item_end() ? "" : "for a value chosen once for each job write H";
  }

  static bool is_special(char c) { return lower(c) == 'l' || lower(c) == 'w' || c == '#'; }
  bool is_next_letter() const { return at_ + 1 != end_ && is_letter(at_[1]); }
  bool at_end() const { return at_ == end_ || *at_ == ','; }
  const char* item_end() const { return std::find(at_, end_, ','); }
  // The end of the letters and digits at at_.
  const char* token_end() const {
    return std::find_if(at_, end_, [](char c) { return !is_letter(c) && !is_digit(c); });
  }

  // Members of the sequence low..high (counted from 0; beyond the field they wrap).
  bool add(int low, int high, int step) {
    if constexpr (F == Field::Year) {
      if (step == 1) {
        for (std::size_t i = 0; i < draft_.years.size(); ++i) {
          const int base = static_cast<int>(i) * 64, from = std::max(low - base, 0), to = std::min(high - base, 63);
          if (from <= to) draft_.years[i] |= spread(from, to, 1);
        }
        return true;
      }
      for (int year = low; year <= high; year += step)
        draft_.years[static_cast<std::size_t>(year) >> 6] |= std::uint64_t{1} << (year & 63);
    } else {
      constexpr int kTop = F == Field::Weekday ? 7 : kSize - 1;
      if (high <= kTop) {
        bits_ |= low == high ? std::uint64_t{1} << low : spread(low, high, step);
      } else {
        for (int i = low; i <= high; i += step) bits_ |= std::uint64_t{1} << (i % kSize);
      }
    }
    return true;
  }

  void store() {
    if constexpr (F != Field::Year) draft_.bits[static_cast<std::size_t>(F)] = bits_;
    if constexpr (F == Field::Second || F == Field::Minute || F == Field::Hour) draft_.interval |= interval_;
    if constexpr (F == Field::Day) draft_.any_day = open_;
    if constexpr (F == Field::Weekday) draft_.any_weekday = open_;
  }

  bool fail(ErrorCode code, const char* begin, const char* end, std::string_view reason = "") {
    problem_ = {code, F, 0, std::string_view(begin, static_cast<std::size_t>(end - begin)), reason};
    return false;
  }

  const char* at_;
  const char* const end_;
  const char* item_ = nullptr;  // where the item at hand begins
  const std::string_view key_;
  Draft& draft_;
  Problem& problem_;
  std::uint64_t bits_ = 0;
  bool interval_ = false;  // an item was *, ?, a range or a step
  bool open_ = false;      // an item was exactly * or ?
};

template <Field F>
bool parse_as(std::string_view word, std::string_view key, Draft& draft, Problem& problem) {
  return FieldParser<F>(word, key, draft, problem).parse();
}

// Most words are * or one number; those need no parser. False: it is something else.
bool parse_simple(Field field, std::string_view word, Draft& draft) {
  const auto index = static_cast<std::size_t>(field);
  const char first = word[0];
  if (is_digit(first)) {
    int value = first - '0';
    if (word.size() == 2 && is_digit(word[1]))
      value = value * 10 + (word[1] - '0');
    else if (word.size() != 1)
      return false;
    const int bit = field == Field::Weekday ? (value == 7 ? 0 : value) : value - kRules[index].low;
    if (bit < 0 || bit > 63 || (kAllValues[index] >> bit & 1) == 0) return false;
    draft.bits[index] = std::uint64_t{1} << bit;
    return true;
  }
  if (word.size() != 1 || (first != '*' && first != '?')) return false;
  draft.bits[index] = kAllValues[index];
  draft.interval |= field <= Field::Hour;
  draft.any_day |= field == Field::Day;
  draft.any_weekday |= field == Field::Weekday;
  return true;
}

}  // namespace

const FieldRule& rule_of(Field field) { return kRules[static_cast<std::size_t>(field)]; }

void compile(const Draft& draft, Schedule& into) {
  using Dates = FieldSets::Dates;
  const bool all_days = draft.bits[3] == kAllValues[3], all_weekdays = draft.bits[5] == kAllValues[5];
  const bool either = !draft.plus && !draft.any_day && !draft.any_weekday;
  const bool special =
      (draft.workdays | draft.last_days | draft.last_workdays | draft.last_weekdays) != 0 || draft.nth_weekdays != 0;
  const bool all_months = draft.bits[4] == kAllValues[4] && draft.years == kAllYears;
  Dates dates = special ? Dates::Special : Dates::Months;
  if (all_months && (either ? all_days || all_weekdays : all_days && all_weekdays))
    dates = Dates::Any;
  else if (all_months && all_days && !either && !special)
    dates = Dates::Weekdays;

  FieldSets& sets = into.sets_;
  sets.seconds = draft.bits[0];
  sets.minutes = draft.bits[1];
  sets.years = {draft.years[0], draft.years[1]};
  sets.hours = static_cast<std::uint32_t>(draft.bits[2]) & 0xffffff;
  sets.late_years = static_cast<std::uint32_t>(draft.years[2]) & 3;
  sets.kind = FieldSets::Kind::Fields;
  sets.dates = dates;
  sets.either = either;
  sets.interval = draft.interval;
  sets.days = static_cast<std::uint32_t>(draft.bits[3]);
  sets.workdays = draft.workdays;
  sets.last_days = draft.last_days;
  sets.last_workdays = draft.last_workdays;
  sets.nth_weekdays = draft.nth_weekdays & 0x7ffffffff;
  sets.last_weekdays = draft.last_weekdays & 0x7f;
  sets.months = draft.bits[4] & 0xfff;
  sets.weekdays = draft.bits[5] & 0x7f;
  sets.days_restricted = !draft.any_day;
  sets.weekdays_restricted = !draft.any_weekday;
}

bool parse_field(Field field, std::string_view word, std::string_view key, Draft& draft, Problem& problem) {
  if (field != Field::Year && parse_simple(field, word, draft)) return true;
  switch (field) {
    case Field::Second: return parse_as<Field::Second>(word, key, draft, problem);
    case Field::Minute: return parse_as<Field::Minute>(word, key, draft, problem);
    case Field::Hour: return parse_as<Field::Hour>(word, key, draft, problem);
    case Field::Day: return parse_as<Field::Day>(word, key, draft, problem);
    case Field::Month: return parse_as<Field::Month>(word, key, draft, problem);
    case Field::Weekday: return parse_as<Field::Weekday>(word, key, draft, problem);
    case Field::Year: return parse_as<Field::Year>(word, key, draft, problem);
    case Field::None: break;
  }
  return false;
}

}  // namespace cronfleet::cron
