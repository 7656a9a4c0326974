#include "tests/cron_oracle.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <regex>
#include <sstream>

namespace cronfleet::oracle {
namespace {

using absl::CivilDay;
using absl::CivilSecond;

const std::vector<std::string> kMonths{"january", "february", "march",     "april",   "may",      "june",
                                       "july",    "august",   "september", "october", "november", "december"};
const std::vector<std::string> kDays{"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"};

std::string lowered(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

int weekday_of(CivilDay day) { return (static_cast<int>(absl::GetWeekday(day)) + 1) % 7; }  // absl counts from Monday
CivilDay last_day_of(CivilDay day) { return CivilDay(absl::CivilMonth(day) + 1) - 1; }

// nW: the workday nearest to `target` inside its month.
CivilDay nearest_workday(CivilDay target) {
  for (int distance = 0; distance < 4; ++distance) {
    for (const int way : {-1, 1}) {
      const CivilDay day = target + way * distance;
      if (absl::CivilMonth(day) != absl::CivilMonth(target)) continue;
      if (weekday_of(day) >= 1 && weekday_of(day) <= 5) return day;
    }
  }
  std::abort();
}

struct FieldRule {
  std::string hash;
  int low, high, step_max;
  std::vector<std::string> names;
  int first_name;
};
const std::map<std::string, FieldRule> kRules{
    {"second", {"second", 0, 59, 59, {}, 0}},    {"minute", {"minute", 0, 59, 59, {}, 0}},
    {"hour", {"hour", 0, 23, 23, {}, 0}},        {"day", {"day", 1, 31, 31, {}, 0}},
    {"month", {"month", 1, 12, 12, kMonths, 1}}, {"weekday", {"weekday", 0, 6, 7, kDays, 0}},
    {"year", {"", 1970, 2099, 129, {}, 0}},
};

std::uint64_t hash(const std::string& text) {
  std::uint64_t h = 0xcbf29ce484222325ull;
  for (const unsigned char c : text) {
    h ^= c;
    h *= 0x100000001b3ull;
  }
  h ^= h >> 33;
  h *= 0xff51afd7ed558ccdull;
  h ^= h >> 33;
  h *= 0xc4ceb9fe1a85ec53ull;
  h ^= h >> 33;
  return h;
}

struct Refused {};

// One word of an expression.
class Word {
 public:
  Word(const std::string& field, const std::string& key, Plan& plan)
      : field_(field), rule_(kRules.at(field)), key_(key), plan_(plan) {}

  std::set<int> read(std::string text) {
    text = lowered(text);
    if (field_ == "weekday" && text.starts_with("+")) {
      plan_.both = true;
      text.erase(0, 1);
    }
    text += ',';
    std::set<int> values;
    for (std::size_t begin = 0, end; begin < text.size(); begin = end + 1) {
      end = text.find(',', begin);
      item(text.substr(begin, end - begin), values);
    }
    return values;
  }

 private:
  int value(const std::string& text) const {
    if (std::isdigit(static_cast<unsigned char>(text[0]))) {
      const bool right_length = field_ == "year" ? text.size() == 4 : text.size() <= 2;
      const int number = right_length ? std::stoi(text) : -1;
      if (number < rule_.low || number > (field_ == "weekday" ? 7 : rule_.high)) throw Refused();
      return number;
    }
    for (std::size_t i = 0; i < rule_.names.size(); ++i) {
      if (text == rule_.names[i] || text == rule_.names[i].substr(0, 3)) return static_cast<int>(i) + rule_.first_name;
    }
    throw Refused();
  }

  int step(const std::string& text) const {
    if (text.empty()) return 1;
    const int number = std::stoi(text.substr(1));
    if (number < 1 || number > rule_.step_max) throw Refused();
    return number;
  }

  // first..last with wrapping, as one sequence.
  std::vector<int> sequence(int first, int last) const {
    std::vector<int> members;
    if (field_ == "weekday") {
      if (first == 7)
        first = 0, last %= 7;
      else if (first > last)
        last %= 7;
    }
    if (first <= last) {
      for (int i = first; i <= last; ++i) members.push_back(i);
      return members;
    }
    if (field_ == "year") throw Refused();
    for (int i = first; i <= rule_.high; ++i) members.push_back(i);
    for (int i = rule_.low; i <= last; ++i) members.push_back(i);
    return members;
  }

  void take(const std::vector<int>& members, int step, std::set<int>& values) const {
    for (std::size_t i = 0; i < members.size(); i += static_cast<std::size_t>(step))
      values.insert(field_ == "weekday" ? members[i] % 7 : members[i]);
  }

  void item(const std::string& text, std::set<int>& values) {
    static const std::string kValue = "([0-9]+|[a-z]+)", kStep = "(/[0-9]{1,3})?";
    static const std::regex kStar("\\*" + kStep), kPlain(kValue + kStep), kRange(kValue + "-" + kValue + kStep),
        kHash("h(?:\\(" + kValue + "-" + kValue + "\\))?" + kStep), kLast("l(?:-([0-9]{1,2}))?(w)?"),
        kWorkday("([0-9]+)w"), kLastWeekday("([0-9]+|[a-z]+?)(?:#l|l)"), kNth("([0-9]+|[a-z]+)#([1-5])");
    std::smatch m;
    const bool timed = field_ == "second" || field_ == "minute" || field_ == "hour";
    if (text == "?" || std::regex_match(text, m, kStar)) {
      if (text == "*" || text == "?") {
        if (field_ == "day") plan_.any_day = true;
        if (field_ == "weekday") plan_.any_weekday = true;
      }
      if (timed) plan_.interval = true;
      return take(sequence(rule_.low, rule_.high), text == "?" ? 1 : step(limited(m[1])), values);
    }
    if (field_ != "year" && std::regex_match(text, m, kHash)) return hashed(m, timed, values);
    if (field_ == "day" && std::regex_match(text, m, kLast)) return last_day(m);
    if (field_ == "day" && std::regex_match(text, m, kWorkday)) {
      const int day = value(m[1]);
      plan_.special_days.push_back([day](CivilDay at) {
        const CivilDay target(at.year(), at.month(), day);  // normalised: another month when this one is too short
        return target.month() == at.month() && nearest_workday(target) == at;
      });
      return;
    }
    if (std::regex_match(text, m, kRange)) {
      if (timed) plan_.interval = true;
      return take(sequence(value(m[1]), value(m[2])), step(limited(m[3])), values);
    }
    if (std::regex_match(text, m, kPlain) && (field_ != "weekday" || !is_last_weekday(text))) {
      const int first = value(m[1]);
      if (!m[2].matched) return take({first}, 1, values);
      if (timed) plan_.interval = true;
      return take(sequence(first % (field_ == "weekday" ? 7 : 10000), rule_.high), step(limited(m[2])), values);
    }
    if (field_ == "weekday" && std::regex_match(text, m, kLastWeekday)) {
      const int weekday = value(m[1]) % 7;
      plan_.special_weekdays.push_back(
          [weekday](CivilDay at) { return weekday_of(at) == weekday && at.month() != (at + 7).month(); });
      return;
    }
    if (field_ == "weekday" && std::regex_match(text, m, kNth)) {
      const int weekday = value(m[1]) % 7, k = std::stoi(m[2]);
      plan_.special_weekdays.push_back(
          [weekday, k](CivilDay at) { return weekday_of(at) == weekday && (at.day() + 6) / 7 == k; });
      return;
    }
    throw Refused();
  }

  // Steps have as many digits as the largest one.
  std::string limited(const std::string& text) const {
    if (text.size() > (field_ == "year" ? 4 : 3)) throw Refused();
    return text;
  }

  bool is_last_weekday(const std::string& text) const {
    if (text.size() < 4 || text.back() != 'l') return false;
    const std::string name = text.substr(0, text.size() - 1);
    return std::any_of(kDays.begin(), kDays.end(),
                       [&](const std::string& day) { return name == day || name == day.substr(0, 3); });
  }

  void hashed(const std::smatch& m, bool timed, std::set<int>& values) {
    if (key_.empty()) throw Refused();
    int low = rule_.low, high = field_ == "day" ? 28 : rule_.high;
    if (m[1].matched) {
      low = value(m[1]);
      high = value(m[2]);
      if (low > high) throw Refused();
    }
    const std::uint64_t h = hash(key_ + "/" + rule_.hash), size = static_cast<std::uint64_t>(high - low + 1);
    if (!m[3].matched) return take({low + static_cast<int>(h % size)}, 1, values);
    if (timed) plan_.interval = true;
    const int n = step(limited(m[3]));
    const int first = low + static_cast<int>(h % std::min<std::uint64_t>(static_cast<std::uint64_t>(n), size));
    for (int i = first; i <= high; i += n) values.insert(field_ == "weekday" ? i % 7 : i);
  }

  void last_day(const std::smatch& m) {
    const int offset = m[1].matched ? std::stoi(m[1]) : 0;
    const bool workday = m[2].matched;
    if (offset > 30) throw Refused();
    plan_.special_days.push_back([offset, workday](CivilDay at) {
      const CivilDay target = last_day_of(at) - offset;
      if (target.month() != at.month()) return false;
      return (workday ? nearest_workday(target) : target) == at;
    });
  }

  const std::string field_;
  const FieldRule& rule_;
  const std::string& key_;
  Plan& plan_;
};

std::vector<std::string> words_of(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

// Go's duration text in whole seconds.
std::int64_t duration(const std::string& text) {
  static const std::regex kWhole("(?:[0-9]+\\.?[0-9]*(?:h|ms|m|s|us|ns)|\\.[0-9]+(?:h|ms|m|s|us|ns))+");
  static const std::regex kPart("([0-9]*\\.?[0-9]*)(h|ms|us|ns|m|s)");
  static const std::map<std::string, long double> kUnits{{"h", 3600.0L}, {"m", 60.0L},  {"s", 1.0L},
                                                         {"ms", 1e-3L},  {"us", 1e-6L}, {"ns", 1e-9L}};
  if (!std::regex_match(text, kWhole)) throw Refused();
  long double total = 0;
  for (std::sregex_iterator it(text.begin(), text.end(), kPart), end; it != end; ++it)
    total += std::stold((*it)[1].str()) * kUnits.at((*it)[2].str());
  if (total < 1 || total > 9.2e9L) throw Refused();
  return static_cast<std::int64_t>(total + 1e-10L);
}

void read_fields(const std::vector<std::string>& words, const std::string& key, Plan& plan) {
  static const std::regex kFourDigits("[0-9]{4}");
  const bool has_year = words.size() == 7 || (words.size() == 6 && std::regex_search(words[5], kFourDigits));
  const bool has_second = words.size() == 7 || (words.size() == 6 && !has_year);
  if (words.size() < 5 || words.size() > 7) throw Refused();
  std::size_t i = 0;
  const auto word = [&](const std::string& field) { return Word(field, key, plan).read(words[i++]); };
  plan.second = has_second ? word("second") : std::set<int>{0};
  plan.minute = word("minute");
  plan.hour = word("hour");
  plan.day = word("day");
  plan.month = word("month");
  plan.weekday = word("weekday");
  if (has_year) {
    plan.year = word("year");
  } else {
    for (int year = 1970; year <= 2099; ++year) plan.year.insert(year);
  }
}

// The instants of one wall-clock time (the four lines of the rule).
void add_instants(const Plan& plan, const absl::TimeZone& zone, CivilSecond at, std::set<Instant>& into) {
  const absl::TimeZone::TimeInfo info = zone.At(at);
  const Instant pre = absl::ToUnixSeconds(info.pre), post = absl::ToUnixSeconds(info.post);
  constexpr Instant kThreeHours = 3 * 3600;
  switch (info.kind) {
    case absl::TimeZone::TimeInfo::UNIQUE: into.insert(pre); break;
    case absl::TimeZone::TimeInfo::REPEATED:
      into.insert(pre);
      if (plan.interval || post - pre >= kThreeHours) into.insert(post);
      break;
    case absl::TimeZone::TimeInfo::SKIPPED:
      if (pre - post < kThreeHours && plan.hour.size() != 24) into.insert(absl::ToUnixSeconds(info.trans));
      break;
  }
}

// Adds the firings of wall-clock times in [from, to]; calls `stop` after each that matched.
void walk(const Plan& plan, const absl::TimeZone& zone, CivilSecond from, CivilSecond to, std::set<Instant>& into,
          const std::function<bool(CivilSecond)>& stop) {
  for (CivilDay day(from); day <= CivilDay(to); ++day) {
    if (day.year() >= 2100) return;
    if (!plan.matches(day)) continue;
    for (const int hour : plan.hour) {
      const CivilSecond begin(day.year(), day.month(), day.day(), hour, 0, 0);
      if (begin + 3599 < from || begin > to) continue;
      for (const int minute : plan.minute) {
        if (begin + minute * 60 + 59 < from) continue;
        for (const int second : plan.second) {
          const CivilSecond at = begin + (minute * 60 + second);
          if (at < from || at > to) continue;
          add_instants(plan, zone, at, into);
          if (stop(at)) return;
        }
      }
    }
  }
}

constexpr int kAround = 4 * 3600;  // more than any gap or overlap that moves a firing

}  // namespace

bool Plan::matches(CivilDay date) const {
  if (!year.contains(static_cast<int>(date.year())) || !month.contains(date.month())) return false;
  const auto any_of = [&](const auto& items) {
    return std::any_of(items.begin(), items.end(), [&](const auto& item) { return item(date); });
  };
  const bool by_day = day.contains(date.day()) || any_of(special_days);
  const bool by_weekday = weekday.contains(weekday_of(date)) || any_of(special_weekdays);
  if (any_day || any_weekday || both) return by_day && by_weekday;
  return by_day || by_weekday;
}

std::optional<Plan> read(const std::string& text, const std::string& key) {
  Plan plan;
  std::vector<std::string> words = words_of(text);
  try {
    if (words.empty()) return std::nullopt;
    static const std::regex kZone("(?:cron_tz|tz)=(.*)", std::regex::icase);
    std::smatch m;
    if (const std::string first = words.front(); std::regex_match(first, m, kZone)) {
      plan.zone = m[1];
      if (plan.zone.empty()) return std::nullopt;
      words.erase(words.begin());
      if (words.empty()) return std::nullopt;
    }
    static const std::map<std::string, std::string> kMacros{
        {"@yearly", "0 0 0 1 1 * *"}, {"@annually", "0 0 0 1 1 * *"}, {"@monthly", "0 0 0 1 * * *"},
        {"@weekly", "0 0 0 * * 0 *"}, {"@daily", "0 0 0 * * * *"},    {"@midnight", "0 0 0 * * * *"},
        {"@hourly", "0 0 * * * * *"}, {"@minutely", "0 * * * * * *"}};
    const std::string first = lowered(words[0]);
    if (first.starts_with("@")) {
      if (const auto macro = kMacros.find(first); macro != kMacros.end() && words.size() == 1) {
        words = words_of(macro->second);
      } else if (first == "@every" && words.size() == 2) {
        plan.every = duration(words[1]);
        return plan;
      } else if (first == "@at" && words.size() == 2) {
        static const std::regex kTime("\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(Z|[+-]\\d\\d:\\d\\d)");
        absl::Time at;
        std::string error;
        if (!std::regex_match(words[1], kTime) || !absl::ParseTime(absl::RFC3339_sec, words[1], &at, &error))
          return std::nullopt;
        plan.at = absl::ToUnixSeconds(at);
        return plan;
      } else {
        return std::nullopt;
      }
    }
    read_fields(words, key, plan);
    return plan;
  } catch (const Refused&) {
    return std::nullopt;
  }
}

std::set<Instant> firings(const Plan& plan, const absl::TimeZone& zone, Instant after, Instant until) {
  std::set<Instant> all;
  walk(plan, zone, zone.At(absl::FromUnixSeconds(after)).cs - kAround,
       zone.At(absl::FromUnixSeconds(until)).cs + kAround, all, [](CivilSecond) { return false; });
  return {all.upper_bound(after), all.upper_bound(until)};
}

std::vector<Instant> next(const Plan& plan, const absl::TimeZone& zone, Instant after, std::size_t count) {
  std::vector<Instant> found;
  if (plan.at) {
    if (*plan.at > after) found.push_back(*plan.at);
    return found;
  }
  if (plan.every > 0) {
    for (Instant at = after + plan.every; found.size() < count; at += plan.every) {
      const auto year = zone.At(absl::FromUnixSeconds(at)).cs.year();
      if (year >= 2100) break;
      if (year >= 1970) found.push_back(at);
    }
    return found;
  }
  while (found.size() < count) {
    std::set<Instant> all;
    const CivilSecond local = zone.At(absl::FromUnixSeconds(after)).cs;
    CivilSecond stop_at = CivilSecond::max();
    walk(plan, zone, std::max(local - kAround, CivilSecond(1970, 1, 1)), CivilSecond(2099, 12, 31, 23, 59, 59), all,
         [&](CivilSecond at) {
           if (stop_at == CivilSecond::max() && all.upper_bound(after) != all.end()) stop_at = at + 2 * kAround;
           return at >= stop_at;
         });
    const auto first = all.upper_bound(after);
    if (first == all.end()) break;
    found.push_back(after = *first);
  }
  return found;
}

}  // namespace cronfleet::oracle
