#include "apps/folder_owner.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "tests/conformance/temporary_folder.h"

namespace cronfleet::apps {
namespace {

struct FolderOwnerTest : ::testing::Test {
  testing::TemporaryFolder folder;
  FolderOwner first{"machine-a", "boot-1", 100, 5'000};
  bool first_lives = true;

  Result<void> own(const FolderOwner& self) {
    return own_folder(folder.path(), self, [this](std::int64_t pid) {
      return pid == first.process && first_lives ? std::optional(first.started_at) : std::nullopt;
    });
  }
};

TEST_F(FolderOwnerTest, ACopyBesideItsLivingOriginalIsRefused) {
  ASSERT_TRUE(own(first).has_value());
  FolderOwner copy = first;
  copy.process = 101;
  const auto refused = own(copy);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code(), Code::Conflict);
  EXPECT_NE(refused.error().text().find("process 100"), std::string::npos);
  first_lives = false;
  EXPECT_TRUE(own(copy).has_value()) << "its restart";
}

TEST_F(FolderOwnerTest, APidUsedAgainIsNoOriginal) {
  ASSERT_TRUE(own(first).has_value());
  first.started_at = 6'000;
  EXPECT_TRUE(own({"machine-a", "boot-1", 101, 7'000}).has_value());
}

TEST_F(FolderOwnerTest, AfterAReboot) {
  ASSERT_TRUE(own(first).has_value());
  EXPECT_TRUE(own({"machine-a", "boot-2", 101, 900}).has_value()) << "whatever has the pid now";
}

TEST_F(FolderOwnerTest, AnotherMachineIsRefusedUntilToldOtherwise) {
  ASSERT_TRUE(own(first).has_value());
  const FolderOwner elsewhere{"machine-b", "boot-3", 7, 70};
  const auto refused = own(elsewhere);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code(), Code::InvalidArgument);
  for (const std::string& part :
       {std::string("machine-a"), std::string("machine-b"), std::string(folder.file("machine"))})
    EXPECT_NE(refused.error().text().find(part), std::string::npos) << part;
  std::filesystem::remove(folder.file("machine"));
  EXPECT_TRUE(own(elsewhere).has_value());
  EXPECT_FALSE(own(first).has_value());
}

TEST_F(FolderOwnerTest, WithoutAMachineIdNothingIsRefusedForIt) {
  ASSERT_TRUE(own({"", "boot-1", 100, 5'000}).has_value());
  EXPECT_TRUE(own({"machine-b", "boot-3", 7, 70}).has_value());
}

TEST_F(FolderOwnerTest, AnythingElseInTheFileIsRefusedByName) {
  for (const char* wrong : {"", "a b", "a b c d", "a b -1 5", "a b 1 5 6"}) {
    std::ofstream(folder.file("machine"), std::ios::trunc) << wrong;
    const auto refused = own(first);
    ASSERT_FALSE(refused.has_value()) << wrong;
    EXPECT_EQ(refused.error().code(), Code::Corrupt) << wrong;
  }
}

TEST(ProcessStart, IsThatOfALivingProcess) {
  EXPECT_TRUE(process_start(::getpid()).has_value());
  EXPECT_EQ(process_start(::getpid()), this_process().started_at);
  EXPECT_FALSE(process_start(-5).has_value());
}

}  // namespace
}  // namespace cronfleet::apps
