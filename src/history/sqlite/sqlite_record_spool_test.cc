#include "history/sqlite/sqlite_record_spool.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "tests/conformance/queue_loop.h"
#include "tests/conformance/temporary_folder.h"

namespace cronfleet::history::sqlite {
namespace {

struct SqliteRecordSpoolTest : ::testing::Test {
  void open(std::uint64_t bytes_max = 64 << 20) {
    spool.reset();
    spool = std::make_unique<SqliteRecordSpool>(RecordSpoolOptions{.path = file, .bytes_max = bytes_max}, loop);
  }
  bool put(const std::string& run, const std::string& bytes) {
    std::optional<bool> kept;
    spool->put(run, bytes, [&](bool answer) { kept = answer; });
    EXPECT_TRUE(loop.run_until([&] { return kept.has_value(); }));
    return kept.value_or(false);
  }
  std::vector<std::string> left() {
    std::vector<std::string> all;
    for (;;) {
      const auto some = spool->left(7);
      EXPECT_TRUE(some.has_value()) << some.error().text();
      if (!some || some->empty()) return all;
      EXPECT_LE(some->size(), 7u);
      all.insert(all.end(), some->begin(), some->end());
    }
  }

  testing::TemporaryFolder folder;
  std::string file = folder.file("spool.db");
  testing::QueueLoop loop;
  std::unique_ptr<SqliteRecordSpool> spool;
};

TEST_F(SqliteRecordSpoolTest, WhatWasAnsweredOutlivesTheProcessInOrderUntilItIsRemoved) {
  open();
  EXPECT_FALSE(std::filesystem::exists(file)) << "most workers never need it";
  spool->remove("a@1#1");
  std::vector<std::string> expected;
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(put("a@" + std::to_string(i) + "#1", std::string(static_cast<std::size_t>(i), '\0') + "x"));
    if (i % 3 != 0) expected.push_back(std::string(static_cast<std::size_t>(i), '\0') + "x");
  }
  EXPECT_EQ(spool->size(), 50u);
  for (int i = 0; i < 50; i += 3) spool->remove("a@" + std::to_string(i) + "#1");
  open();
  EXPECT_EQ(left(), expected);
  EXPECT_EQ(spool->size(), expected.size());
  EXPECT_TRUE(left().empty()) << "once";
}

TEST_F(SqliteRecordSpoolTest, ARunPutAgainHasItsNewestBytesOnly) {
  open();
  ASSERT_TRUE(put("a@1#1", "old"));
  ASSERT_TRUE(put("a@1#1", "new"));
  EXPECT_EQ(spool->size(), 1u);
  open();
  EXPECT_EQ(left(), std::vector<std::string>{"new"});
}

// Records are put and removed while those of earlier lives are still being read.
TEST_F(SqliteRecordSpoolTest, ReadsWhatEarlierLivesLeftWhileItIsWrittenTo) {
  open();
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(put("old " + std::to_string(i), "old"));
  open();
  ASSERT_EQ(spool->left(7)->size(), 7u);
  ASSERT_TRUE(put("new", "new"));
  spool->remove("old 3");
  ASSERT_TRUE(put("old 19", "once more"));
  std::vector<std::string> rest = left();
  EXPECT_EQ(rest, std::vector<std::string>(12, "old")) << "what was put in this life is known already";
  EXPECT_EQ(spool->size(), 20u);
}

TEST_F(SqliteRecordSpoolTest, PastItsBoundItTakesNothingAndKeepsWhatItHas) {
  open(256 << 10);
  int kept = 0;
  while (put("run " + std::to_string(kept), std::string(10'000, 'x'))) ASSERT_LT(++kept, 100);
  EXPECT_GT(kept, 10);
  EXPECT_EQ(spool->trouble(), fmt::format("spool of records '{}': no space left: database or disk is full: "
                                          "make room in its folder, or raise history.spool_bytes_max",
                                          file));
  EXPECT_LE(std::filesystem::file_size(file), 256u << 10);
  for (int i = 0; i < 5; ++i) spool->remove("run " + std::to_string(i));
  EXPECT_TRUE(put("after", "y")) << "room again";
  EXPECT_EQ(spool->trouble(), "");
  open(256 << 10);
  EXPECT_EQ(left().size(), static_cast<std::size_t>(kept) - 5 + 1);
}

TEST_F(SqliteRecordSpoolTest, ADamagedFileIsSetAsideAndSaidSo) {
  open();
  ASSERT_TRUE(put("a", "x"));
  spool.reset();
  std::ofstream(file, std::ios::in | std::ios::binary) << "no database at all, though as long as the head of one";
  open();
  const auto some = spool->left(7);
  ASSERT_FALSE(some.has_value());
  EXPECT_EQ(some.error().code(), Code::Corrupt);
  EXPECT_EQ(some.error().message(),
            fmt::format("spool of records '{0}' is damaged (file is not a database) and is kept as '{0}.damaged': "
                        "records that it holds may be in no history; `sqlite3 {0}.damaged .recover` reads what is left "
                        "of them",
                        file));
  EXPECT_TRUE(std::filesystem::exists(file + ".damaged"));
  EXPECT_TRUE(left().empty());
  EXPECT_TRUE(put("b", "y"));
  open();
  EXPECT_EQ(left(), std::vector<std::string>{"y"});
}

TEST_F(SqliteRecordSpoolTest, OnlyItsOwnerReadsTheFile) {
  open();
  ASSERT_TRUE(put("a", "x"));
  struct stat state{};
  ASSERT_EQ(::stat(file.c_str(), &state), 0);
  EXPECT_EQ(state.st_mode & 0777, 0600u);
}

}  // namespace
}  // namespace cronfleet::history::sqlite
