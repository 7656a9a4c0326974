#include "apps/store_seen_file.h"

#include <gtest/gtest.h>

#include <fstream>

#include "tests/conformance/temporary_folder.h"

namespace cronfleet::apps {
namespace {

struct StoreSeenFileTest : ::testing::Test {
  testing::TemporaryFolder folder;
  StoreSeenFile file{folder.path()};
};

TEST_F(StoreSeenFileTest, WhatWasWrittenIsRead) {
  EXPECT_EQ(*file.read(), runtime::StoreSeen{});
  for (const bool set_back : {false, true}) {
    for (const WallTime word : {WallTime{}, from_ms(1'772'366'399'000)}) {
      const runtime::StoreSeen seen{4'711, from_ms(1'772'366'400'123), word, set_back};
      ASSERT_TRUE(file.write(seen).has_value());
      EXPECT_EQ(*file.read(), seen);
    }
  }
}

TEST_F(StoreSeenFileTest, AnythingElseIsRefusedByName) {
  for (const char* wrong : {"", "x", "12", "12 x", "-1 5", "12 -5", "12 5 set", "12 5 set back again", "12 5 6 7"}) {
    std::ofstream(folder.file("store_seen"), std::ios::trunc) << wrong;
    const auto read = file.read();
    ASSERT_FALSE(read.has_value()) << wrong;
    EXPECT_EQ(read.error().code(), Code::Corrupt);
    EXPECT_NE(read.error().text().find("store_seen"), std::string::npos);
  }
}

}  // namespace
}  // namespace cronfleet::apps
