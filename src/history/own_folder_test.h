// history/own_folder_test.h: a folder of the test's own, in which nothing may be left behind. For tests.
#pragma once

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <filesystem>

namespace cronfleet::history {

class OwnFolderTest : public ::testing::Test {
 protected:
  void SetUp() override { std::filesystem::create_directories(folder_); }
  void TearDown() override {
    EXPECT_TRUE(std::filesystem::is_empty(folder_)) << "nothing is left behind, nor to be seen meanwhile";
    std::filesystem::remove_all(folder_);
  }
  // As on a full disk: files grow no further than `bytes` during `task`.
  template <typename Task>
  static void with_files_up_to(rlim_t bytes, Task task) {
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
    const auto handler = ::signal(SIGXFSZ, SIG_IGN);
    const rlimit small{bytes, before.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
    task();
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
    ::signal(SIGXFSZ, handler);
  }
  std::string folder_ =
      ::testing::TempDir() + ::testing::UnitTest::GetInstance()->current_test_info()->test_suite_name();
};

}  // namespace cronfleet::history
