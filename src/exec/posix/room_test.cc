// REL-F25: how much room there is, and that it follows the limits while the runner lives.
#include "exec/posix/room.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "exec/posix/executor_harness.h"

namespace cronfleet::exec {
namespace {

class CgroupRoom : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "cronfleet-room-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    mount = name;
  }
  void TearDown() override { std::filesystem::remove_all(mount); }
  void put(const std::string& cgroup, const std::string& most, const std::string& used) {
    std::filesystem::create_directories(mount + cgroup);
    std::ofstream(mount + cgroup + "/pids.max") << most << '\n';
    std::ofstream(mount + cgroup + "/pids.current") << used << '\n';
  }
  std::string mount;
};

TEST_F(CgroupRoom, TheTightestCgroupAboveUsCounts) {
  put("/system.slice/cronfleet.service", "max", "5");
  put("/system.slice", "100", "90");
  const auto limit = posix::of_cgroups("0::/system.slice/cronfleet.service\n", mount);
  EXPECT_EQ(limit.left, 10u);
  EXPECT_EQ(limit.most, 100u);
  EXPECT_NE(limit.name.find("'/system.slice'"), std::string::npos) << limit.name;
  put("/system.slice/cronfleet.service", "8", "9");  // lowered below what is there
  EXPECT_EQ(posix::of_cgroups("0::/system.slice/cronfleet.service\n", mount).left, 0u);
}

TEST_F(CgroupRoom, VersionOneAndContainersAreRead) {
  put("/pids/docker/x", "20", "12");
  EXPECT_EQ(posix::of_cgroups("9:cpu:/\n8:pids:/docker/x\n", mount).left, 8u);
  put("", "30", "1");
  EXPECT_EQ(posix::of_cgroups("0::/\n", mount).left, 29u);
  EXPECT_FALSE(posix::of_cgroups("9:cpu:/\n", mount).left);
  EXPECT_FALSE(posix::of_cgroups("", mount).left);
}

TEST(Room, FollowsTheDescriptorsLimit) {
  ExecutorHarness harness;
  ASSERT_TRUE(harness.open());
  const int runner = harness.runner_pid();
  rlimit was{};
  ASSERT_EQ(::prlimit(runner, RLIMIT_NOFILE, nullptr, &was), 0);
  if (was.rlim_cur < 200) GTEST_SKIP() << "needs a RLIMIT_NOFILE of 200";
  ASSERT_TRUE(harness.wait_for([&] { return !harness.condition_.empty(); }));  // it has raised its own limit by then
  const rlimit low{70, was.rlim_max};
  ASSERT_EQ(::prlimit(runner, RLIMIT_NOFILE, &low, nullptr), 0);
  ASSERT_TRUE(harness.wait_for([&] { return harness.room_.runs_max == 2; }));
  EXPECT_NE(harness.room_.limit.find("RLIMIT_NOFILE"), std::string::npos) << harness.room_.limit;
  const rlimit none{64, was.rlim_max};
  ASSERT_EQ(::prlimit(runner, RLIMIT_NOFILE, &none, nullptr), 0);
  ASSERT_TRUE(harness.wait_for([&] { return harness.room_.runs_max == 0; }));
  ASSERT_EQ(::prlimit(runner, RLIMIT_NOFILE, &was, nullptr), 0);
  ASSERT_TRUE(harness.wait_for([&] { return harness.room_.runs_max > 2; }));
}

// Before the next look: the limit is met by a start, and the worker hears of it with the answer.
TEST(Room, AnOverloadedStartIsToldAtOnce) {
#ifdef CRONFLEET_SANITIZED
  GTEST_SKIP() << "the sanitizer opens descriptors of its own where this test leaves none";
#endif
  ExecutorHarness harness;
  ASSERT_TRUE(harness.open());
  const int runner = harness.runner_pid();
  ASSERT_TRUE(harness.wait_for([&] { return !harness.condition_.empty(); }));
  rlimit was{};
  ASSERT_EQ(::prlimit(runner, RLIMIT_NOFILE, nullptr, &was), 0);
  const rlimit low{10, was.rlim_max};
  ASSERT_EQ(::prlimit(runner, RLIMIT_NOFILE, &low, nullptr), 0);
  const Seen seen = harness.run(request(1, {"true"}));
  ASSERT_TRUE(seen.failed);
  EXPECT_EQ(seen.failed->why, NotStarted::Overloaded) << seen.failed->error;
  ASSERT_TRUE(harness.wait_for([&] { return harness.room_.runs_max == 0; }));
  ASSERT_EQ(::prlimit(runner, RLIMIT_NOFILE, &was, nullptr), 0);
  ASSERT_TRUE(harness.wait_for([&] { return harness.room_.runs_max > 0; }));
  EXPECT_EQ(harness.run(request(2, {"true"})).ended->end.status, domain::RunStatus::Succeeded);
}

// RLIMIT_NPROC binds nobody who is privileged: as root this test runs itself again as another user.
TEST(Room, FollowsTheProcessLimitOfAnOrdinaryUser) {
  if (::geteuid() == 0) {
    if (::access("/usr/bin/setpriv", X_OK) != 0) GTEST_SKIP() << "needs setpriv to become another user";
    std::string folder = (std::filesystem::temp_directory_path() / "cronfleet-room-XXXXXX").string();
    ASSERT_NE(::mkdtemp(folder.data()), nullptr);
    std::filesystem::permissions(folder, std::filesystem::perms(0755));
    std::filesystem::copy_file("/proc/self/exe", folder + "/program");  // where the other user can read it
    const std::string command =
        "cd / && unset GTEST_OUTPUT && /usr/bin/setpriv --reuid=64999 --regid=64999 --clear-groups " + folder +
        "/program --gtest_filter=Room.FollowsTheProcessLimitOfAnOrdinaryUser";
    EXPECT_EQ(std::system(command.c_str()), 0);
    std::filesystem::remove_all(folder);
    return;
  }
  ExecutorHarness harness;
  const auto opened = harness.open();
  ASSERT_TRUE(opened) << opened.error().text();
  const int runner = harness.runner_pid();
  ASSERT_EQ(harness.run(request(1, {"true"})).ended->end.status, domain::RunStatus::Succeeded);
  rlimit was{};
  ASSERT_EQ(::prlimit(runner, RLIMIT_NPROC, nullptr, &was), 0);
  const rlimit low{1, was.rlim_max};
  ASSERT_EQ(::prlimit(runner, RLIMIT_NPROC, &low, nullptr), 0);
  ASSERT_TRUE(harness.wait_for([&] { return harness.room_.runs_max == 0; }));
  ASSERT_TRUE(harness.wait_for([&] { return harness.room_.limit.find("RLIMIT_NPROC") != std::string::npos; }))
      << harness.room_.limit;
  const Seen refused = harness.run(request(2, {"true"}));
  ASSERT_TRUE(refused.failed);
  EXPECT_EQ(refused.failed->why, NotStarted::Overloaded) << refused.failed->error;
  ASSERT_EQ(::prlimit(runner, RLIMIT_NPROC, &was, nullptr), 0);
  ASSERT_TRUE(harness.wait_for([&] { return harness.room_.runs_max > 0; }));
  EXPECT_EQ(harness.run(request(3, {"true"})).ended->end.status, domain::RunStatus::Succeeded);
}

}  // namespace
}  // namespace cronfleet::exec
