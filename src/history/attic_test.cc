#include "history/attic.h"

#include <gtest/gtest.h>

#include "history/own_folder_test.h"

namespace cronfleet::history {
namespace {

class AtticTest : public OwnFolderTest {};

void expect_finds(const Attic& attic, const std::string& name, const std::optional<std::string>& expected) {
  const auto found = attic.find(name);
  ASSERT_TRUE(found) << found.error().text();
  EXPECT_EQ(*found, expected) << name;
}

TEST_F(AtticTest, FindsWhatItWasGivenInAnyOrder) {
  for (const std::string& folder : {folder_, std::string(), folder_ + "/missing"}) {
    Attic attic(folder);
    const auto text = [](int i) { return std::to_string(i) + std::string(static_cast<std::size_t>(i) * 7 % 300, 'x'); };
    for (int i = 0; i < 500; ++i) attic.put(std::to_string(i), text(i));
    attic.put("3", "another");
    attic.put("empty", "");
    for (int i = 499; i >= 0; --i) expect_finds(attic, std::to_string(i), i == 3 ? "another" : text(i));
    expect_finds(attic, "empty", "");
    expect_finds(attic, "never", std::nullopt);
    for (int i = 0; i < 500; ++i) attic.drop(std::to_string(i));
    expect_finds(attic, "7", std::nullopt);
    attic.drop("empty");
    EXPECT_EQ(attic.size(), 0u);
    attic.put("again", "words");
    expect_finds(attic, "again", "words");
  }
}

TEST_F(AtticTest, OnAFullDiskTheRestStaysInMemory) {
  Attic attic(folder_);
  attic.put("one", "first");
  with_files_up_to(64, [&] { attic.put("two", std::string(500, 'x')); });
  attic.put("three", "third");
  expect_finds(attic, "one", "first");
  expect_finds(attic, "two", std::string(500, 'x'));
  expect_finds(attic, "three", "third");
}

}  // namespace
}  // namespace cronfleet::history
