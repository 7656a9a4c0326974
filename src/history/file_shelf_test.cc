#include "history/file_shelf.h"

#include <gtest/gtest.h>

#include "base/rng.h"
#include "history/own_folder_test.h"

namespace cronfleet::history {
namespace {

class FileShelfTest : public OwnFolderTest {};

TEST_F(FileShelfTest, GivesBackInOrderWhatItWasGivenAndItsSpaceWithIt) {
  FileShelf shelf({.folder = folder_, .bytes_max = 1 << 20, .file_bytes = 1 << 10});
  Rng rng(7);
  std::uint64_t put = 0, taken = 0;
  const auto text = [](std::uint64_t number) { return std::to_string(number) + std::string(number * 37 % 600, 'x'); };
  for (int i = 0; i < 20'000; ++i) {
    if (shelf.size() < 200 && (rng.below(2) == 0 || shelf.size() == 0)) {
      ASSERT_TRUE(shelf.put(text(put++)));
    } else {
      const auto bytes = shelf.take();
      ASSERT_TRUE(bytes.has_value()) << bytes.error().text();
      ASSERT_EQ(*bytes, text(taken++));
    }
    ASSERT_EQ(shelf.size(), put - taken);
    ASSERT_LE(shelf.bytes(), shelf.size() * 650 + 3 * (2 << 10)) << "files that were read to their end are gone";
  }
  while (shelf.size() > 0) ASSERT_EQ(shelf.take().value(), text(taken++));
  EXPECT_EQ(shelf.bytes(), 0u);
  EXPECT_TRUE(shelf.put(""));
  EXPECT_EQ(shelf.take().value(), "");
}

TEST_F(FileShelfTest, TakesNothingPastItsBound) {
  FileShelf shelf({.folder = folder_, .bytes_max = 1'000});
  EXPECT_FALSE(shelf.put(std::string(1'000, 'x')));
  EXPECT_TRUE(shelf.put(std::string(900, 'x')));
  EXPECT_FALSE(shelf.put(std::string(100, 'y')));
  EXPECT_EQ(shelf.take().value().size(), 900u);
  EXPECT_TRUE(shelf.put(std::string(900, 'z')));
}

// As on a full disk: a write that was not taken whole leaves nothing behind.
TEST_F(FileShelfTest, KeepsWhatItHasWhenAWriteFails) {
  FileShelf shelf({.folder = folder_});
  ASSERT_TRUE(shelf.put("one"));
  with_files_up_to(64, [&] { EXPECT_FALSE(shelf.put(std::string(500, 'x'))); });
  ASSERT_TRUE(shelf.put("two"));
  EXPECT_EQ(shelf.take().value(), "one");
  EXPECT_EQ(shelf.take().value(), "two");
}

TEST_F(FileShelfTest, TakesNothingWhereThereIsNoFolder) {
  FileShelf shelf({.folder = folder_ + "/missing"});
  EXPECT_FALSE(shelf.put("one"));
  EXPECT_EQ(shelf.size(), 0u);
}

}  // namespace
}  // namespace cronfleet::history
