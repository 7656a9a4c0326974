// Runs that do not want to end, that flood, that come in thousands (REL-F22 to F26). Real processes throughout.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <fstream>

#include "exec/posix/executor_harness.h"
#include "exec/posix/processes.h"

namespace cronfleet::exec {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Stream = domain::OutputChunk::Stream;
using domain::RunStatus;

#ifdef CRONFLEET_SANITIZED
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

// A word that no other test has on a command line: SLEEP in a script becomes "sleep <it>".
std::string make_token() {
  static int count = 0;
  return fmt::format("86400.{}{:03}", ::getpid(), ++count);
}
std::string fill_in(std::string script, const std::string& token) {
  for (std::size_t at; (at = script.find("SLEEP")) != std::string::npos;) script.replace(at, 5, "sleep " + token);
  return script + " # " + token;
}
std::size_t count_with(const std::string& token) {
  std::size_t count = 0;
  for (const pid_t pid : posix::all_processes()) {
    const posix::Fd file(::open(("/proc/" + std::to_string(pid) + "/cmdline").c_str(), O_RDONLY | O_CLOEXEC));
    std::string line(4096, '\0');
    line.resize(static_cast<std::size_t>(std::max<ssize_t>(::read(file.get(), line.data(), line.size()), 0)));
    if (line.find(token) == std::string::npos) continue;
    const auto process = posix::look_at(pid);
    if (process && !process->ended()) ++count;
  }
  return count;
}
// Looks again and again until it holds.
bool comes_true(const std::function<bool()>& holds, milliseconds patience = seconds(30)) {
  const async::SystemClock clock;
  const MonoTime end = clock.mono() + patience;
  while (!holds())
    if (clock.mono() > end) return false;
  return true;
}

std::string cgroup_root() {
  std::ifstream mounts("/proc/self/mounts");
  for (std::string device, folder, kind, rest; mounts >> device >> folder >> kind && std::getline(mounts, rest);)
    if (kind == "cgroup2") return folder;
  return {};
}

enum class Keeping { Proc, Cgroup };
class Torture : public testing::TestWithParam<Keeping> {
 protected:
  void SetUp() override {
    PosixOptions options;
    options.cgroup_folder = "";
    if (GetParam() == Keeping::Cgroup) {
      cgroup_ = cgroup_root() + "/cronfleet-test-" + std::to_string(::getpid());
      if (::mkdir(cgroup_.c_str(), 0755) != 0) GTEST_SKIP() << "no writable cgroup v2 here";
      options.cgroup_folder = cgroup_;
    }
    harness.emplace(options);
    const auto opened = harness->open();
    ASSERT_TRUE(opened) << opened.error().text();
    ASSERT_TRUE(harness->wait_for([&] { return !harness->condition_.empty(); }));
    const char* expected = GetParam() == Keeping::Cgroup ? "by cgroup v2" : "by their sessions";
    EXPECT_NE(harness->condition_.find(expected), std::string::npos) << harness->condition_;
  }
  void TearDown() override {
    harness.reset();
    if (cgroup_.empty()) return;
    EXPECT_TRUE(comes_true([&] { return ::rmdir(cgroup_.c_str()) == 0 || errno == ENOENT; }));
  }
  std::optional<ExecutorHarness> harness;
  std::string cgroup_;
};
INSTANTIATE_TEST_SUITE_P(Keeping, Torture, testing::Values(Keeping::Proc, Keeping::Cgroup),
                         [](const auto& keeping) { return keeping.param == Keeping::Proc ? "Proc" : "Cgroup"; });

struct TortureCase {
  const char* why;
  const char* script;  // prints "ready" once everything stands
};
constexpr TortureCase kUnwilling[] = {
    {"one process", "echo ready; SLEEP"},
    {"a child", "SLEEP & echo ready; wait"},
    {"another session", "setsid SLEEP & setsid bash -c 'SLEEP & SLEEP' & echo ready; wait"},
    {"double fork", "(SLEEP & SLEEP &) ; (setsid bash -c 'SLEEP & exec SLEEP' &); echo ready; SLEEP"},
    {"TERM ignored by all", "trap '' TERM HUP INT; SLEEP & (SLEEP &) ; echo ready; SLEEP; SLEEP"},
    {"TERM ignored by a child only",
     "bash -c 'trap \"\" TERM; SLEEP; SLEEP' & setsid bash -c 'trap \"\" TERM; SLEEP; "
     "SLEEP' & echo ready; SLEEP"},
    {"stopped", "SLEEP & kill -STOP $!; (setsid SLEEP & kill -STOP $!) ; echo ready; kill -STOP $$; SLEEP"},
    {"environment thrown away", "env -i setsid sleep TOKEN & (env -i setsid sleep TOKEN &) ; echo ready; SLEEP"},
    {"starts a new one whenever one ends",
     "trap 'setsid SLEEP & SLEEP &' TERM CHLD; (setsid SLEEP &); echo ready; "
     "while :; do SLEEP & wait; done"},
};

TEST_P(Torture, AKillLeavesNothing) {
  int run = 0;
  for (const TortureCase& c : kUnwilling) {
    ++run;
    const std::string token = make_token();
    std::string script = c.script;
    for (std::size_t at; (at = script.find("TOKEN")) != std::string::npos;) script.replace(at, 5, token);
    StartRequest unwilling = shell(run, fill_in(script, token));
    unwilling.kill_grace = milliseconds(250);
    harness->start(unwilling);
    ASSERT_TRUE(harness->wait(run, [](const Seen& seen) { return !seen.output.empty(); })) << c.why;
    ASSERT_TRUE(comes_true([&] { return count_with(token) >= 1; })) << c.why;
    const MonoTime asked = harness->clock().mono();
    harness->kill(run, {});
    ASSERT_TRUE(harness->wait(run, [](const Seen& seen) { return seen.over(); })) << c.why;
    EXPECT_EQ(count_with(token), 0u) << c.why;
    const Seen seen = harness->seen(run);
    EXPECT_LT(seen.ended_seen_at - asked, unwilling.kill_grace + seconds(kSanitized ? 4 : 2)) << c.why;
    EXPECT_EQ(seen.ended->end.status, RunStatus::Killed) << c.why;
    EXPECT_EQ(seen.ended->end.error, "") << c.why;
  }
}

constexpr TortureCase kResidue[] = {
    {"a child", "SLEEP & echo done"},
    {"a daemon that holds stdout", "(setsid bash -c 'trap \"\" TERM; SLEEP; SLEEP' &) ; echo done"},
    {"a daemon that holds nothing", "(setsid SLEEP </dev/null >/dev/null 2>&1 &) ; echo done"},
    {"a daemon without its environment", "(env -i setsid sleep TOKEN >/dev/null 2>&1 &) ; echo done"},
    {"a stopped one", "SLEEP & kill -STOP $!; echo done"},
};

TEST_P(Torture, ANormalEndLeavesNothingAndIsNotHeldUp) {
  // A long run beside it makes the unmarked ones harder to tell: they are told by their session or left for later.
  int run = 0;
  for (const TortureCase& c : kResidue) {
    ++run;
    const std::string token = make_token();
    std::string script = c.script;
    for (std::size_t at; (at = script.find("TOKEN")) != std::string::npos;) script.replace(at, 5, token);
    const Seen seen = harness->run(shell(run, fill_in(script, token)));
    ASSERT_TRUE(seen.ended) << c.why;
    EXPECT_EQ(count_with(token), 0u) << c.why;
    EXPECT_EQ(seen.ended->end.status, RunStatus::Succeeded) << c.why;
    EXPECT_EQ(seen.text(Stream::Out), "done\n") << c.why;
    EXPECT_LT(seen.ended->end.ended_at - seen.ended->end.started_at, seconds(kSanitized ? 4 : 2)) << c.why;
  }
}

TEST_P(Torture, AForkBombEnds) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to become another user, whom the limit on processes binds";
  const std::string token = make_token();
  StartRequest bomb = shell(1, "bomb() { bomb | bomb & }; echo ready; bomb; wait; SLEEP # " + token);
  bomb.arguments.back() = fill_in(bomb.arguments.back(), token);
  bomb.user = "nobody";
  bomb.limits.processes = 150;
  bomb.kill_grace = milliseconds(250);
  harness->start(bomb);
  ASSERT_TRUE(comes_true([&] { return count_with(token) >= 60; }));
  const MonoTime asked = harness->clock().mono();
  harness->kill(1, {});
  ASSERT_TRUE(harness->wait(1, [](const Seen& seen) { return seen.over(); }));
  EXPECT_EQ(count_with(token), 0u);
  EXPECT_LT(harness->seen(1).ended_seen_at - asked, bomb.kill_grace + seconds(kSanitized ? 6 : 2));
}

TEST_P(Torture, OutputAndEndAtOnceBlockNobody) {
  // Each writes and ends at once while a child holds its pipes open: what the look at its end has read, epoll still
  // reports as readable in that round. A runner that then waits for more stands still, for all runs.
  constexpr int kRuns = 64;
  const std::string token = make_token();
  for (int run = 1; run <= kRuns; ++run) harness->start(shell(run, fill_in("SLEEP & echo out; echo err >&2", token)));
  for (int run = 1; run <= kRuns; ++run)
    ASSERT_TRUE(harness->wait(run, [](const Seen& seen) { return seen.over(); })) << run;
  EXPECT_EQ(count_with(token), 0u);
}

TEST_P(Torture, RunsDoNotEndEachOther) {
  const std::string token = make_token(), other = make_token();
  harness->start(shell(1, fill_in("(setsid SLEEP &) ; SLEEP & echo ready; wait", token)));
  harness->start(shell(2, fill_in("(setsid SLEEP &) ; SLEEP & echo ready; wait", other)));
  for (const int run : {1, 2}) ASSERT_TRUE(harness->wait(run, [](const Seen& seen) { return !seen.output.empty(); }));
  ASSERT_TRUE(comes_true([&] { return count_with(other) >= 3; }));
  harness->kill(1, {});
  ASSERT_TRUE(harness->wait(1, [](const Seen& seen) { return seen.over(); }));
  EXPECT_EQ(count_with(token), 0u);
  EXPECT_GE(count_with(other), 3u);
  EXPECT_FALSE(harness->seen(2).over());
  // Nor does a short one that ends by itself beside it.
  EXPECT_EQ(harness->run(shell(3, "(setsid sleep 1000 &) ; true")).ended->end.status, RunStatus::Succeeded);
  EXPECT_GE(count_with(other), 3u);
}

std::uint64_t memory_of(int pid, const char* field) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string name; status >> name;) {
    if (name != field) continue;
    std::uint64_t kib = 0;
    status >> kib;
    return kib * 1024;
  }
  return 0;
}

TEST(PosixExecutorFlood, AFloodIsCountedAndMemoryStaysFlat) {
  ExecutorHarness harness;
  ASSERT_TRUE(harness.open());
  ASSERT_TRUE(harness.run(shell(1, "head -c 100000 /dev/zero")).ended);
  const int runner = harness.runner_pid();
  const std::uint64_t before = memory_of(runner, "VmRSS:"), own_before = memory_of(::getpid(), "VmRSS:");
  const std::uint64_t bytes = (std::getenv("CRONFLEET_LONG") != nullptr ? 10ull
                               : kSanitized                             ? 0ull
                                                                        : 1ull) *
                                  1'000'000'000 +
                              (kSanitized ? 100'000'000 : 7);
  const Seen seen = harness.run(shell(2, fmt::format("head -c {} /dev/zero; printf END >&2", bytes)));
  ASSERT_TRUE(seen.ended);
  EXPECT_EQ(seen.ended->end.status, RunStatus::Succeeded);
  EXPECT_EQ(seen.ended->end.output_bytes, bytes + 3);
  std::uint64_t stored = 0, sequence = 0, end = 0;
  for (const auto& chunk : seen.output) {
    EXPECT_EQ(chunk.sequence, sequence++);
    EXPECT_GE(chunk.offset, end);
    EXPECT_LE(chunk.bytes.size(), 64u << 10);
    end = chunk.offset + chunk.bytes.size();
    stored += chunk.bytes.size();
  }
  EXPECT_EQ(stored, 1u << 20);
  EXPECT_EQ(seen.ended->end.output_bytes_dropped, bytes + 3 - stored);
  EXPECT_EQ(seen.text(Stream::Err), "END");
  EXPECT_NE(seen.ended->output_text.find(fmt::format("[... {} bytes left out ...]", bytes + 3 - stored)),
            std::string::npos);
  if (!kSanitized) {
    EXPECT_LT(memory_of(runner, "VmHWM:") - before, 8u << 20);
    EXPECT_LT(memory_of(::getpid(), "VmRSS:") - own_before, 12u << 20);  // with all that the harness keeps
  }
}

TEST(PosixExecutorFlood, AWorkerThatDoesNotReadHoldsNobodyUp) {
  PosixOptions options;
  options.outbox_bytes_max = 64 << 10;
  ExecutorHarness harness(options);
  ASSERT_TRUE(harness.open());
  const std::string done = harness.options().journal_folder + "/done", go = harness.options().journal_folder + "/go";
  std::vector<std::string> files;
  harness.on_loop([&] {
    for (int i = 1; i <= 4; ++i) {
      files.push_back(done + std::to_string(i));
      StartRequest flood = shell(
          i,
          fmt::format("until [ -e {} ]; do sleep 0.01; done; head -c 20000000 /dev/zero; touch {}", go, files.back()));
      flood.output_bytes_max = 4 << 20;
      harness.executor().start(flood);
    }
  });
  for (int i = 1; i <= 4; ++i) ASSERT_TRUE(harness.wait(i, [](const Seen& seen) { return seen.started.has_value(); }));
  harness.on_loop([&] {
    std::ofstream(go).put('\n');
    // The loop reads nothing until all of them have written everything.
    for (const std::string& file : files)
      EXPECT_TRUE(comes_true([&] { return std::filesystem::exists(file); })) << file;
  });
  for (int i = 1; i <= 4; ++i) {
    ASSERT_TRUE(harness.wait(i, [](const Seen& seen) { return seen.over(); }));
    const Seen seen = harness.seen(i);
    std::uint64_t stored = 0;
    for (const auto& chunk : seen.output) stored += chunk.bytes.size();
    EXPECT_EQ(seen.ended->end.output_bytes, 20'000'000u);
    EXPECT_EQ(seen.ended->end.output_bytes_dropped, 20'000'000u - stored);
    EXPECT_EQ(stored, 4u << 20);
  }
}

TEST(PosixExecutorFlood, OutputArrivesWhileTheRunGoesOn) {
  ExecutorHarness harness;
  ASSERT_TRUE(harness.open());
  harness.start(shell(1, "printf 'no newline'; sleep 100"));
  ASSERT_TRUE(harness.wait(1, [](const Seen& seen) { return !seen.output.empty(); }));
  EXPECT_EQ(harness.seen(1).text(Stream::Out), "no newline");
  EXPECT_FALSE(harness.seen(1).over());
}

std::size_t descriptors_of(int pid) {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/fd"))
    ++count;
  return count;
}

TEST(PosixExecutorSoak, ThousandsOfShortRunsLeaveNoDescriptorAndNoZombie) {
  ExecutorHarness harness;
  ASSERT_TRUE(harness.open());
  const int half = kSanitized ? 150 : 5'000, at_once = 32;
  int started = 0, total = half;
  ASSERT_TRUE(harness.run(request(0, {"true"})).ended);
  const auto start_one = [&] {
    if (started == total) return;
    const int i = ++started;
    // Now and then one leaves a child behind, for the runner to adopt and to end.
    harness.executor().start(i % 100 == 0 ? shell(i, "(setsid sleep 1000 &)") : request(i, {"true"}));
  };
  harness.on_loop([&] {
    harness.acknowledge_ends_ = true;
    harness.keep_seen_ = false;
    harness.on_over_ = start_one;
  });
  const int runner = harness.runner_pid();
  struct Held {
    std::size_t descriptors;
    std::uint64_t memory;
  };
  const auto run_until = [&](int until) {
    harness.on_loop([&] {
      total = until;
      for (int i = 0; i < at_once; ++i) start_one();
    });
    EXPECT_TRUE(harness.wait_for([&] { return harness.over_ >= static_cast<std::size_t>(until) + 1; },
                                 std::chrono::minutes(4)));
    EXPECT_TRUE(comes_true([&] { return posix::children_of(runner).empty(); }));
    return Held{descriptors_of(runner), memory_of(runner, "VmRSS:")};
  };
  const Held before = {descriptors_of(runner), memory_of(runner, "VmRSS:")};
  const Held first = run_until(half), second = run_until(2 * half);
  harness.on_loop([&] { harness.on_over_ = nullptr; });  // the last one counts before it asks for another
  fmt::print("descriptors {}, {}, {}; KiB of memory {}, {}, {} after 1, {}, {} runs\n", before.descriptors,
             first.descriptors, second.descriptors, before.memory >> 10, first.memory >> 10, second.memory >> 10, half,
             2 * half);
  // The journal holds a segment or two open.
  EXPECT_LE(first.descriptors, before.descriptors + 2);
  EXPECT_LE(second.descriptors, before.descriptors + 2);
  if (!kSanitized) {
    EXPECT_LT(first.memory, before.memory + (2u << 20));
    EXPECT_LT(second.memory, first.memory + (256u << 10));  // it has what it needs by then
  }
}

}  // namespace
}  // namespace cronfleet::exec

int main(int argc, char** argv) {
  int exit_code = 0;
  if (cronfleet::exec::run_as_runner(argc, argv, exit_code)) return exit_code;
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
