// cron/calendar.h: the months of 1970 to 2099 as a table of 6 KB, so that a date costs one multiplication and a load.
// Internal to cron/.
#pragma once

#include <array>
#include <cstdint>

namespace cronfleet::cron {

inline constexpr int kFirstYear = 1970;
inline constexpr int kYears = 130;
inline constexpr unsigned kMonths = kYears * 12;

struct Month {
  std::uint16_t start;         // days since 1970-01-01
  std::uint8_t length;         // days
  std::uint8_t first_weekday;  // of the 1st, 0 is Sunday
};

constexpr std::array<Month, kMonths + 1> make_months() {
  constexpr std::uint8_t kLengths[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  std::array<Month, kMonths + 1> months{};
  unsigned day = 0;
  for (unsigned i = 0; i <= kMonths; ++i) {
    const unsigned year = kFirstYear + i / 12;
    const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    const auto length = static_cast<std::uint8_t>(kLengths[i % 12] + (leap && i % 12 == 1 ? 1 : 0));
    months[i] = {static_cast<std::uint16_t>(day), length, static_cast<std::uint8_t>((day + 4) % 7)};
    day += length;
  }
  return months;
}
inline constexpr std::array<Month, kMonths + 1> kMonthTable = make_months();
inline constexpr unsigned kDays = kMonthTable[kMonths].start;  // days of 1970 to 2099

// Index of the month (0 is January 1970) of a day below kDays. The product is right or one too big.
constexpr unsigned month_of_day(std::uint32_t day) {
  const auto guess = static_cast<unsigned>((std::uint64_t{day} * 2'204'854 + 40'000'000) >> 26);
  return guess - (kMonthTable[guess].start > day ? 1 : 0);
}

constexpr bool month_of_day_is_right() {
  for (unsigned i = 0; i < kMonths; ++i) {
    if (month_of_day(kMonthTable[i].start) != i || month_of_day(kMonthTable[i + 1].start - 1u) != i) return false;
  }
  return true;
}
static_assert(month_of_day_is_right());

}  // namespace cronfleet::cron
