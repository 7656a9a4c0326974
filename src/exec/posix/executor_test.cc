// What a run gets, how it ends, what is said when it does not begin. Real processes throughout.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "exec/posix/executor_harness.h"

namespace cronfleet::exec {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Stream = domain::OutputChunk::Stream;
using domain::RunStatus;

class PosixExecutorTest : public testing::Test {
 protected:
  void SetUp() override {
    const auto opened = harness.open();
    ASSERT_TRUE(opened) << opened.error().text();
    EXPECT_TRUE(opened->entries.empty());
  }
  ExecutorHarness harness;
};
std::map<std::string, std::string> fields_of(const std::string& text) {
  std::map<std::string, std::string> fields;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const std::size_t at = line.find_first_of("=:");
    if (at == std::string::npos) continue;
    std::size_t begin = line.find_first_not_of(" \t", at + 1);
    fields[line.substr(0, at)] = begin == std::string::npos ? "" : line.substr(begin);
  }
  return fields;
}

TEST_F(PosixExecutorTest, ReportsStartOutputAndEndOnce) {
  const Seen seen = harness.run(shell(1, "echo hello; echo trouble >&2; exit 7"));
  ASSERT_TRUE(seen.ended);
  EXPECT_EQ(seen.answers, 1);
  EXPECT_EQ(seen.ends, 1);
  ASSERT_TRUE(seen.started);
  EXPECT_GT(seen.started->pid, 1);
  EXPECT_EQ(seen.text(Stream::Out), "hello\n");
  EXPECT_EQ(seen.text(Stream::Err), "trouble\n");
  const domain::RunEnd& end = seen.ended->end;
  EXPECT_EQ(end.status, RunStatus::Failed);
  EXPECT_EQ(end.exit_code, 7);
  EXPECT_FALSE(end.signal);
  EXPECT_EQ(end.output_bytes, 14u);
  EXPECT_EQ(end.output_bytes_dropped, 0u);
  EXPECT_EQ(end.started_at, seen.started->started_at);
  EXPECT_LE(end.started_at, end.ended_at);
  EXPECT_NE(seen.ended->output_text.find("hello\n"), std::string::npos);
}

TEST_F(PosixExecutorTest, TellsCodesAndSignals) {
  EXPECT_EQ(harness.run(request(1, {"true"})).ended->end.status, RunStatus::Succeeded);
  const Seen signalled = harness.run(shell(2, "kill -USR1 $$"));
  EXPECT_EQ(signalled.ended->end.status, RunStatus::Signalled);
  EXPECT_EQ(signalled.ended->end.signal, SIGUSR1);
  EXPECT_FALSE(signalled.ended->end.exit_code);
}

TEST_F(PosixExecutorTest, MeasuresTimeAndMemory) {
  const Seen seen =
      harness.run(shell(1, "x=$(head -c 30000000 /dev/zero | tr '\\0' a); i=0; while ((i < 60000)); do ((i++)); done"));
  ASSERT_TRUE(seen.ended);
  EXPECT_GT(seen.ended->end.usage.cpu_user, milliseconds(5));
  EXPECT_GT(seen.ended->end.usage.memory_bytes_peak, 30'000'000u);
  EXPECT_EQ(harness.run(request(2, {"true"})).ended->end.usage.memory_bytes_peak, 0u) << "the runner's own";
}

constexpr const char* kProbe = R"probe(
cat /proc/$$/environ | tr '\0' '\n' | sed 's/^/env_/'
cat /proc/self/status
echo "umask_=$(umask)"; echo "cwd_=$(pwd)"
read -r pid comm state ppid pgrp session rest < /proc/$$/stat
echo "pid_=$pid"; echo "group_=$pgrp"; echo "session_=$session"
echo "stdin_=$(readlink /proc/$$/fd/0)"
echo "core_=$(ulimit -c)"; echo "files_=$(ulimit -n)"; echo "fsize_=$(ulimit -f)"; echo "cpu_=$(ulimit -t)"
echo "as_=$(ulimit -v)"; echo "nproc_=$(ulimit -u)"
echo "oom_=$(cat /proc/self/oom_score_adj)"
)probe";

// SEC-53, field by field.
TEST_F(PosixExecutorTest, AProbeFindsExactlyTheStateItWasPromised) {
  ::setenv("CRONFLEET_TEST_SECRET", "must not be seen", 1);
  StartRequest probe = shell(1, kProbe);
  probe.environment["GREETING"] = "hello world";
  probe.environment["CRONFLEET_RUN_ID"] = "forged";
  probe.working_directory = "/usr/lib";
  probe.umask = 0137;
  probe.limits.open_files = 77;
  probe.limits.file_size_bytes = 1 << 20;
  probe.limits.cpu_seconds = 33;
  probe.limits.address_space_bytes = 1 << 30;
  probe.limits.processes = 5000;
  const Seen seen = harness.run(probe);
  ASSERT_TRUE(seen.ended);
  ASSERT_EQ(seen.ended->end.status, RunStatus::Succeeded) << seen.ended->output_text;
  auto found = fields_of(seen.text(Stream::Out));
  EXPECT_EQ(found["env_GREETING"], "hello world");
  EXPECT_EQ(found["env_CRONFLEET_RUN_ID"], run_id(1).text());
  EXPECT_EQ(found["env_CRONFLEET_HOME_ID"].size(), 16u);
  EXPECT_FALSE(found.contains("env_CRONFLEET_TEST_SECRET"));
  EXPECT_EQ(found["umask_"], "0137");
  EXPECT_EQ(found["cwd_"], "/usr/lib");
  EXPECT_EQ(found["pid_"], std::to_string(seen.started->pid));
  EXPECT_EQ(found["group_"], found["pid_"]);
  EXPECT_EQ(found["session_"], found["pid_"]);
  EXPECT_EQ(found["stdin_"], "/dev/null");
  EXPECT_EQ(found["core_"], "0");
  EXPECT_EQ(found["files_"], "77");
  EXPECT_EQ(found["fsize_"], "1024");
  EXPECT_EQ(found["cpu_"], "33");
  EXPECT_EQ(found["as_"], std::to_string((1 << 30) / 1024));
  EXPECT_EQ(found["nproc_"], "5000");
  EXPECT_EQ(found["NoNewPrivs"], "1");
  EXPECT_EQ(found["SigBlk"], "0000000000000000");
  EXPECT_EQ(found["SigIgn"], "0000000000000000");
  EXPECT_EQ(found["oom_"], "0");
  // The fourth is the folder that ls itself has open.
  EXPECT_EQ(harness.run(request(2, {"ls", "/proc/self/fd"})).text(Stream::Out), "0\n1\n2\n3\n");
}

TEST_F(PosixExecutorTest, BecomesAnotherUserWholly) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to become another user";
  StartRequest probe = request(1, {"cat", "/proc/self/status"});
  probe.user = "nobody";
  const Seen seen = harness.run(probe);
  ASSERT_TRUE(seen.ended);
  auto found = fields_of(seen.text(Stream::Out));
  EXPECT_EQ(found["Uid"], "65534\t65534\t65534\t65534");
  EXPECT_EQ(found["Gid"], "65534\t65534\t65534\t65534");
  EXPECT_EQ(found["Groups"].substr(0, 5), "65534");
  for (const char* set : {"CapInh", "CapPrm", "CapEff", "CapAmb"}) EXPECT_EQ(found[set], "0000000000000000") << set;
}

// SEC-57: neither the runner's memory nor the journal is a run's to read.
TEST_F(PosixExecutorTest, AnotherUserCannotReadTheRunnerOrItsJournal) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to become another user";
  const std::string runner = "/proc/" + std::to_string(harness.runner_pid());
  StartRequest probe = shell(1, "cat " + runner + "/environ; cat " + runner + "/maps; ls " + runner + "/fd; ls " +
                                    harness.options().journal_folder + "; true");
  probe.user = "nobody";
  const Seen seen = harness.run(probe);
  ASSERT_TRUE(seen.ended);
  EXPECT_EQ(seen.text(Stream::Out), "");
  EXPECT_NE(seen.text(Stream::Err).find("Permission denied"), std::string::npos);
}

struct RefusedCase {
  const char* what;
  StartRequest request;
  const char* sentence;
};
TEST_F(PosixExecutorTest, SaysWhichStepFailedAndWhy) {
  StartRequest no_directory = request(3, {"true"}), no_user = request(4, {"true"}), file = request(5, {"true"});
  no_directory.working_directory = "/no/such";
  no_user.user = "nobody-of-that-name";
  file.working_directory = "/etc/passwd";
  const std::string script = harness.options().journal_folder + "/script";
  FILE* out = std::fopen(script.c_str(), "w");
  std::fputs("echo no interpreter line\n", out);
  std::fclose(out);
  ::chmod(script.c_str(), 0755);
  const RefusedCase cases[] = {
      {"no such path", request(1, {"/no/such/program"}), "executing '/no/such/program': No such file or directory"},
      {"not in PATH", request(2, {"no-such-program"}),
       "program 'no-such-program' was not found in PATH '/usr/bin:/bin'"},
      {"no directory", no_directory, "entering working directory '/no/such': No such file or directory"},
      {"no user", no_user, "user 'nobody-of-that-name' does not exist on this machine"},
      {"not a directory", file, "entering working directory '/etc/passwd': Not a directory"},
      {"not executable", request(6, {"/etc/passwd"}), "executing '/etc/passwd': Permission denied"},
      {"no interpreter", request(7, {script}), "a script must begin with a line like #!/bin/sh"},
  };
  for (const RefusedCase& c : cases) {
    const Seen seen = harness.run(c.request);
    ASSERT_TRUE(seen.failed) << c.what;
    EXPECT_EQ(seen.failed->why, NotStarted::SpawnFailed) << c.what;
    EXPECT_NE(seen.failed->error.find(c.sentence), std::string::npos) << c.what << ": " << seen.failed->error;
    EXPECT_FALSE(seen.started) << c.what;
  }
}

TEST_F(PosixExecutorTest, EndsARunThatTakesTooLong) {
  StartRequest slow = shell(1, "sleep 100 & wait");
  slow.timeout = milliseconds(200);
  const Seen seen = harness.run(slow);
  ASSERT_TRUE(seen.ended);
  EXPECT_EQ(seen.ended->end.status, RunStatus::TimedOut);
  EXPECT_EQ(seen.ended->end.signal, SIGTERM);
  const auto took = seen.ended->end.ended_at - seen.ended->end.started_at;
  EXPECT_GE(took, milliseconds(100));  // the start is stamped after the clone, on a loaded machine some time after
  EXPECT_LT(took, seconds(5));
}

TEST_F(PosixExecutorTest, EndsAFencedRunAtItsDeadlineUnlessItIsExtended) {
  StartRequest fenced = request(1, {"sleep", "100"}), extended = request(2, {"sleep", "0.8"});
  fenced.fence_deadline = extended.fence_deadline = harness.clock().mono() + milliseconds(300);
  harness.start(fenced);
  harness.start(extended);
  ASSERT_TRUE(harness.wait(2, [](const Seen& seen) { return seen.started.has_value(); }));
  harness.on_loop(
      [&] { harness.executor().set_fence_deadline(run_id(2), harness.clock().mono() + std::chrono::minutes(1)); });
  ASSERT_TRUE(harness.wait(1, [](const Seen& seen) { return seen.over(); }));
  EXPECT_EQ(harness.seen(1).ended->end.status, RunStatus::Killed);
  EXPECT_EQ(harness.seen(1).ended->end.reason, domain::Reason::Fenced);
  ASSERT_TRUE(harness.wait(2, [](const Seen& seen) { return seen.over(); }));
  EXPECT_EQ(harness.seen(2).ended->end.status, RunStatus::Succeeded);
}

TEST_F(PosixExecutorTest, StartsAtItsMomentAndNotBefore) {
  std::vector<WallTime> at;
  for (int i = 0; i < 10; ++i) {
    StartRequest later = request(i, {"true"});
    later.start_at = harness.clock().wall() + milliseconds(50 + 20 * (i % 4));
    at.push_back(later.start_at);
    harness.start(later);
  }
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(harness.wait(i, [](const Seen& seen) { return seen.over(); }));
    const auto late = harness.seen(i).started->started_at - at[static_cast<std::size_t>(i)];
    EXPECT_GE(late, milliseconds(0));
    EXPECT_LT(late, seconds(2));
  }
}

TEST_F(PosixExecutorTest, DoesNotStartWhatIsTooLate) {
  StartRequest late = request(1, {"true"}), fenced = request(2, {"true"});
  late.not_after = harness.clock().mono() - milliseconds(1);
  fenced.fence_deadline = harness.clock().mono() - milliseconds(1);
  EXPECT_EQ(harness.run(late).failed->why, NotStarted::TooLate);
  EXPECT_EQ(harness.run(fenced).failed->why, NotStarted::TooLate);
}

TEST_F(PosixExecutorTest, KillsInEveryPhase) {
  const KillOrder by_ann{RunStatus::Killed, domain::Reason::Replaced, "ann", {}};
  // Unknown: nothing happens.
  harness.kill(99, by_ann);
  // Waiting.
  StartRequest waiting = request(1, {"true"});
  waiting.start_at = harness.clock().wall() + std::chrono::hours(1);
  harness.start(waiting);
  harness.kill(1, by_ann);
  ASSERT_TRUE(harness.wait(1, [](const Seen& seen) { return seen.over(); }));
  EXPECT_EQ(harness.seen(1).failed->why, NotStarted::Cancelled);
  // While it starts: killed, or never started, but one of the two.
  for (int i = 100; i < 200; ++i) {
    harness.on_loop([&] {
      harness.executor().start(request(i, {"sleep", "100"}));
      if (i % 2 == 0) harness.executor().cancel(run_id(i));
      harness.executor().kill(run_id(i), by_ann);
    });
  }
  for (int i = 100; i < 200; ++i) {
    ASSERT_TRUE(harness.wait(i, [](const Seen& seen) { return seen.over(); })) << i;
    const Seen seen = harness.seen(i);
    EXPECT_EQ(seen.answers, 1);
    if (seen.failed) {
      EXPECT_EQ(seen.failed->why, NotStarted::Cancelled);
    } else {
      EXPECT_EQ(seen.ended->end.status, RunStatus::Killed);
      EXPECT_EQ(seen.ended->end.actor, "ann");
      EXPECT_EQ(seen.ends, 1);
    }
  }
  // Twice, the second time with no patience; and after the end.
  StartRequest deaf = shell(3, "trap '' TERM; echo ready; sleep 100 & wait; sleep 100");
  deaf.kill_grace = seconds(100);
  harness.start(deaf);
  ASSERT_TRUE(harness.wait(3, [](const Seen& seen) { return !seen.output.empty(); }));
  harness.kill(3, by_ann);
  harness.kill(3, {RunStatus::Killed, domain::Reason::None, "bob", milliseconds(0)});
  ASSERT_TRUE(harness.wait(3, [](const Seen& seen) { return seen.over(); }, seconds(20)));
  EXPECT_EQ(harness.seen(3).ended->end.actor, "ann");
  EXPECT_EQ(harness.seen(3).ended->end.signal, SIGKILL);
  harness.kill(3, by_ann);
  EXPECT_EQ(harness.run(request(4, {"true"})).ended->end.status, RunStatus::Succeeded);
  EXPECT_EQ(harness.seen(3).ends, 1);
}

TEST_F(PosixExecutorTest, StopEndsWhatRunsAndRefusesWhatComes) {
  StartRequest waiting = request(1, {"true"});
  waiting.start_at = harness.clock().wall() + std::chrono::hours(1);
  harness.start(waiting);
  harness.start(request(2, {"sleep", "100"}));
  ASSERT_TRUE(harness.wait(2, [](const Seen& seen) { return seen.started.has_value(); }));
  const auto stopped = harness.stop(milliseconds(200));
  EXPECT_TRUE(stopped) << stopped.error().text();
  EXPECT_EQ(harness.seen(1).failed->why, NotStarted::Stopped);
  EXPECT_EQ(harness.seen(2).ended->end.status, RunStatus::Killed);
  EXPECT_EQ(harness.seen(2).ended->end.reason, domain::Reason::Shutdown);
  EXPECT_EQ(harness.run(request(3, {"true"})).failed->why, NotStarted::Stopped);
  EXPECT_EQ(harness.runner_pid(), 0);
}

TEST(PosixExecutorLimits, AtItsCapItIsOverloadedAndRecovers) {
  PosixOptions options;
  options.runs_max = 2;
  ExecutorHarness harness(options);
  ASSERT_TRUE(harness.open());
  harness.start(request(1, {"sleep", "100"}));
  harness.start(request(2, {"sleep", "100"}));
  EXPECT_EQ(harness.run(request(3, {"true"})).failed->why, NotStarted::Overloaded);
  harness.kill(1, {});
  ASSERT_TRUE(harness.wait(1, [](const Seen& seen) { return seen.over(); }));
  EXPECT_EQ(harness.run(request(4, {"true"})).ended->end.status, RunStatus::Succeeded);
}

// REL-F25, with the limit lowered while the runner lives.
TEST(PosixExecutorLimits, WithoutDescriptorsNothingIsExecuted) {
  ExecutorHarness harness;
  ASSERT_TRUE(harness.open());
  ASSERT_EQ(harness.run(request(1, {"true"})).ended->end.status, RunStatus::Succeeded);
  rlimit was{};
  const int runner = harness.runner_pid();
  ASSERT_EQ(::prlimit(runner, RLIMIT_NOFILE, nullptr, &was), 0);
  const rlimit low{20, was.rlim_max};
  ASSERT_EQ(::prlimit(runner, RLIMIT_NOFILE, &low, nullptr), 0);
  std::size_t overloaded = 0;
  for (int i = 10; i < 20; ++i) harness.start(request(i, {"sleep", "0.5"}));
  for (int i = 10; i < 20; ++i) {
    ASSERT_TRUE(harness.wait(i, [](const Seen& seen) { return seen.over(); }));
    const Seen seen = harness.seen(i);
    if (!seen.failed) continue;
    EXPECT_EQ(seen.failed->why, NotStarted::Overloaded) << seen.failed->error;
    ++overloaded;
  }
  EXPECT_GT(overloaded, 0u);
  ASSERT_EQ(::prlimit(runner, RLIMIT_NOFILE, &was, nullptr), 0);
  EXPECT_EQ(harness.run(request(30, {"true"})).ended->end.status, RunStatus::Succeeded);
}

TEST(PosixExecutorLimits, WithoutAProcessToBeHadNothingIsExecuted) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to become another user";
  ExecutorHarness harness;
  ASSERT_TRUE(harness.open());
  StartRequest holder = request(1, {"sleep", "100"}), second = request(2, {"true"});
  holder.user = second.user = "nobody";
  second.limits.processes = 0;
  harness.start(holder);
  ASSERT_TRUE(harness.wait(1, [](const Seen& seen) { return seen.started.has_value(); }));
  const Seen seen = harness.run(second);
  ASSERT_TRUE(seen.failed);
  EXPECT_EQ(seen.failed->why, NotStarted::Overloaded) << seen.failed->error;
}

}  // namespace
}  // namespace cronfleet::exec

int main(int argc, char** argv) {
  int exit_code = 0;
  if (cronfleet::exec::run_as_runner(argc, argv, exit_code)) return exit_code;
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
