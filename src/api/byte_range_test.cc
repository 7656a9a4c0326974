#include "api/byte_range.h"

#include <gtest/gtest.h>

namespace cronfleet::api {
namespace {

struct RangeCase {
  const char* text;
  std::uint64_t length;
  std::uint64_t offset, count;  // count 0: unsatisfiable
};

TEST(ByteRange, WhatItMeansOfALength) {
  constexpr RangeCase kCases[] = {
      {"bytes=0-0", 10, 0, 1},
      {"bytes=0-", 10, 0, 10},
      {"bytes=9-", 10, 9, 1},
      {"bytes=10-", 10, 0, 0},
      {"bytes=2-5", 10, 2, 4},
      {"bytes=2-99", 10, 2, 8},
      {"bytes=-3", 10, 7, 3},
      {"bytes=-10", 10, 0, 10},
      {"bytes=-11", 10, 0, 10},
      {"bytes=-0", 10, 0, 0},
      {"bytes=0-", 0, 0, 0},
      {"bytes=-5", 0, 0, 0},
      {" Bytes = 1-2 ", 10, 1, 2},
      {"bytes=99999999999999999999-", 10, 0, 0},
      {"bytes=0-99999999999999999999", 10, 0, 10},
  };
  for (const RangeCase& c : kCases) {
    const auto range = parse_byte_range(c.text);
    ASSERT_TRUE(range) << c.text;
    const auto slice = range->of(c.length);
    ASSERT_EQ(slice.has_value(), c.count > 0) << c.text;
    if (!slice) continue;
    EXPECT_EQ(slice->offset, c.offset) << c.text;
    EXPECT_EQ(slice->length, c.count) << c.text;
  }
}

TEST(ByteRange, OthersArePassedOver) {
  for (const char* text : {"", "bytes", "bytes=", "bytes=-", "bytes=a-", "bytes=1-a", "bytes=5-2", "bytes=0-1,5-6",
                           "lines=0-1", "bytes=--1", "bytes=1--2", "bytes= 1 - 2", "bytes=+1-2", "bytes=1"})
    EXPECT_FALSE(parse_byte_range(text)) << text;
}

}  // namespace
}  // namespace cronfleet::api
