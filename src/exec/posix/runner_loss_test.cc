// Runner or worker die, the disk is full, the runner says nonsense: what is left behind, and what the journal knows.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "exec/posix/executor_harness.h"
#include "exec/posix/processes.h"

namespace cronfleet::exec {
namespace {

using domain::Reason;
using domain::RunStatus;
using std::chrono::milliseconds;
using std::chrono::seconds;

class TempFolder {
 public:
  TempFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "cronfleet-loss-XXXXXX").string();
    CHECK(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~TempFolder() {
    ::umount(path_.c_str());
    std::filesystem::remove_all(path_);
  }
  std::string journal() const { return path_ + "/journal"; }
  const std::string& path() const { return path_; }
  PosixOptions options() const {
    PosixOptions options;
    options.journal_folder = journal();
    return options;
  }

 private:
  std::string path_;
};

bool gone(int pid) {
  const auto process = posix::look_at(pid);
  return !process || process->ended();
}
bool comes_true(const std::function<bool()>& holds, milliseconds patience = seconds(30)) {
  const async::SystemClock clock;
  const MonoTime end = clock.mono() + patience;
  while (!holds())
    if (clock.mono() > end) return false;
  return true;
}
int number_in(const Seen& seen, std::size_t index) {
  std::istringstream words(seen.text(domain::OutputChunk::Stream::Out));
  int number = 0;
  for (std::size_t i = 0; i <= index; ++i) words >> number;
  return number;
}
const JournalEntry* find(const posix::JournalReplay& all, int run) {
  for (const JournalEntry& entry : all.entries)
    if (entry.run == run_id(run)) return &entry;
  return nullptr;
}

// REL-F2.
TEST(RunnerLoss, AKilledRunnerIsReplacedAndNothingOfItGoesOn) {
  ExecutorHarness harness;
  ASSERT_TRUE(harness.open());
  EXPECT_EQ(harness.run(shell(1, "echo finished")).ended->end.status, RunStatus::Succeeded);
  // Two processes: the run itself, and one that a parent-death signal does not reach. Each tells its pid.
  harness.start(shell(2, "setsid bash -c 'echo $$; exec sleep 1000' & sleep 0.05; echo $$; exec sleep 1000"));
  ASSERT_TRUE(harness.wait(2, [](const Seen& seen) {
    const std::string text = seen.text(domain::OutputChunk::Stream::Out);
    return std::count(text.begin(), text.end(), '\n') == 2;
  }));
  const int pids[] = {number_in(harness.seen(2), 0), number_in(harness.seen(2), 1)};
  ASSERT_GT(pids[1], 1);
  EXPECT_EQ(::kill(harness.runner_pid(), SIGKILL), 0);
  ASSERT_TRUE(harness.wait_for([&] { return harness.lost_.size() == 1; }));
  EXPECT_EQ(harness.run(request(3, {"true"})).failed->why, NotStarted::Overloaded);

  const auto reopened = harness.open();
  ASSERT_TRUE(reopened) << reopened.error().text();
  for (const int pid : pids) EXPECT_TRUE(gone(pid)) << pid;
  EXPECT_TRUE(reopened->same_boot);
  const JournalEntry* finished = find(*reopened, 1);
  ASSERT_TRUE(finished && finished->ended);
  EXPECT_EQ(finished->ended->output_text, "finished\n");
  const JournalEntry* lost = find(*reopened, 2);
  ASSERT_TRUE(lost);
  EXPECT_TRUE(lost->reached_exec);
  EXPECT_FALSE(lost->ended);
  ASSERT_TRUE(lost->started);
  EXPECT_EQ(lost->started->started_at, harness.seen(2).started->started_at);
  EXPECT_EQ(lost->output.empty(), false);
  EXPECT_EQ(harness.run(request(4, {"true"})).ended->end.status, RunStatus::Succeeded);
}

TEST(RunnerLoss, ASweepEndsOnlyWhatIsOurs) {
  ExecutorHarness ours, others;
  ASSERT_TRUE(ours.open());
  ASSERT_TRUE(others.open());
  others.start(request(1, {"sleep", "1000"}));
  ASSERT_TRUE(others.wait(1, [](const Seen& seen) { return seen.started.has_value(); }));
  ::kill(ours.runner_pid(), SIGKILL);
  ASSERT_TRUE(ours.wait_for([&] { return ours.lost_.size() == 1; }));
  ASSERT_TRUE(ours.open());
  EXPECT_FALSE(gone(others.seen(1).started->pid));
  EXPECT_FALSE(others.seen(1).over());
}

// The worker dies: its end of the socket closes, whatever killed it.
TEST(WorkerDeath, TheRunnerEndsWhatIsLeftAndWritesItDown) {
  TempFolder temp;
  int plain = 0, deaf = 0, runner = 0;
  {
    ExecutorHarness harness(temp.options());
    ASSERT_TRUE(harness.open());
    StartRequest waiting = request(3, {"true"});
    waiting.start_at = harness.clock().wall() + std::chrono::hours(1);
    harness.start(waiting);
    StartRequest unwilling =
        shell(2, "trap '' TERM; echo still here; (setsid sleep 1000 &) ; while :; do sleep 1; done");
    unwilling.kill_grace = std::chrono::hours(1);
    harness.start(shell(1, "echo before; trap 'echo at the end; exit 0' TERM; sleep 1000 & wait"));
    harness.start(unwilling);
    for (const int run : {1, 2}) ASSERT_TRUE(harness.wait(run, [](const Seen& seen) { return !seen.output.empty(); }));
    plain = harness.seen(1).started->pid;
    deaf = harness.seen(2).started->pid;
    runner = harness.runner_pid();
  }
  const async::SystemClock clock;
  const MonoTime died = clock.mono();
  ExecutorHarness next(temp.options());
  const auto opened = next.open();
  ASSERT_TRUE(opened) << opened.error().text();
  EXPECT_GT(clock.mono() - died, seconds(4)) << "the deaf one has at most five seconds of grace, and gets them";
  EXPECT_LT(clock.mono() - died, seconds(12));
  for (const int pid : {plain, deaf}) EXPECT_TRUE(gone(pid));
  EXPECT_TRUE(comes_true([&] { return gone(runner); }));  // it lets go of the journal just before its exit
  const JournalEntry* ended = find(*opened, 1);
  ASSERT_TRUE(ended && ended->ended);
  EXPECT_EQ(ended->ended->end.status, RunStatus::Killed);
  EXPECT_EQ(ended->ended->end.reason, Reason::WorkerDied);
  EXPECT_EQ(ended->ended->output_text, "before\nat the end\n");
  const JournalEntry* killed = find(*opened, 2);
  ASSERT_TRUE(killed && killed->ended);
  EXPECT_EQ(killed->ended->end.status, RunStatus::Killed);
  EXPECT_EQ(killed->ended->end.signal, SIGKILL);
  const JournalEntry* never = find(*opened, 3);
  ASSERT_TRUE(never);
  EXPECT_FALSE(never->reached_exec);
  // Once acknowledged none of it comes again.
  next.on_loop([&] {
    for (const int run : {1, 2, 3}) next.executor().acknowledge(run_id(run));
  });
  ASSERT_TRUE(next.stop(milliseconds(0)));
  const auto again = posix::replay(temp.journal());
  ASSERT_TRUE(again);
  EXPECT_TRUE(again->entries.empty());
}

// As at a start that fails later on: the folder is nobody's once the program has ended.
TEST(WorkerDeath, ARunnerWithoutRunsIsGoneBeforeItsWorker) {
  TempFolder temp;
  int runner = 0;
  {
    ExecutorHarness harness(temp.options());
    ASSERT_TRUE(harness.open());
    runner = harness.runner_pid();
    ASSERT_EQ(::kill(runner, 0), 0);
  }
  EXPECT_EQ(::kill(runner, 0), -1);
}

TEST(WorkerDeath, AFencedRunEndsAtItsDeadlineWhileTheWorkerHangs) {
  ExecutorHarness harness;
  ASSERT_TRUE(harness.open());
  StartRequest fenced = request(1, {"sleep", "1000"});
  fenced.fence_deadline = harness.clock().mono() + milliseconds(400);
  harness.start(fenced);
  ASSERT_TRUE(harness.wait(1, [](const Seen& seen) { return seen.started.has_value(); }));
  const int pid = harness.seen(1).started->pid;
  harness.on_loop([&] { EXPECT_TRUE(comes_true([&] { return gone(pid); })); });  // the loop hangs until then
  ASSERT_TRUE(harness.wait(1, [](const Seen& seen) { return seen.over(); }));
  EXPECT_EQ(harness.seen(1).ended->end.reason, Reason::Fenced);
}

// REL-F13.
TEST(FullDisk, RunsGoOnEndsAreKeptAndTheWorkerIsTold) {
  TempFolder temp;
  if (::mount("tmpfs", temp.path().c_str(), "tmpfs", 0, "size=16m") != 0)
    GTEST_SKIP() << "cannot mount a tmpfs: not root";
  PosixOptions options = temp.options();
  options.journal_reserve_bytes = 1 << 20;
  {
    ExecutorHarness harness(options);
    ASSERT_TRUE(harness.open());
    ASSERT_EQ(harness.run(shell(1, "echo early")).ended->end.output_bytes_dropped, 0u);
    const std::string filler = temp.path() + "/filler";
    {
      const posix::Fd fd(::open(filler.c_str(), O_WRONLY | O_CREAT, 0600));
      const std::string block(4096, 'f');
      while (::write(fd.get(), block.data(), block.size()) > 0) {
      }
    }
    StartRequest loud = shell(2, "head -c 1000000 /dev/zero; sleep 0.3; echo late");
    const Seen seen = harness.run(loud);
    ASSERT_TRUE(seen.ended);
    EXPECT_EQ(seen.ended->end.status, RunStatus::Succeeded);
    EXPECT_EQ(seen.ended->end.output_bytes, 1'000'005u);
    EXPECT_GT(seen.ended->end.output_bytes_dropped, 900'000u);
    ASSERT_TRUE(harness.wait_for([&] { return harness.journal_full_; }, seconds(2)));
    for (int i = 10; i < 60; ++i) EXPECT_EQ(harness.run(request(i, {"true"})).ended->end.status, RunStatus::Succeeded);
    std::filesystem::remove(filler);
    ASSERT_TRUE(harness.wait_for([&] { return !harness.journal_full_; }, seconds(5)));
    EXPECT_EQ(harness.run(shell(3, "echo again")).ended->end.output_bytes_dropped, 0u);
    ASSERT_TRUE(harness.stop(milliseconds(0)));
  }
  const auto read = posix::replay(temp.journal());
  ASSERT_TRUE(read);
  EXPECT_EQ(read->entries.size(), 53u);
  for (const JournalEntry& entry : read->entries) EXPECT_TRUE(entry.ended) << entry.run.text();
}

TEST(Opening, AFolderMayBeNamedFromWhereWeStand) {
  TempFolder temp;
  PosixOptions options;
  options.journal_folder = std::filesystem::relative(temp.journal()).string();
  ExecutorHarness harness(options);
  ASSERT_TRUE(harness.open());
  EXPECT_TRUE(harness.run(request(1, {"true"})).ended);
  EXPECT_TRUE(std::filesystem::exists(temp.journal() + "/lock"));
}

TEST(Opening, AFolderThatCannotBeMadeIsSaid) {
  PosixOptions options;
  options.journal_folder = "/proc/no/journal";
  ExecutorHarness harness(options);
  const auto opened = harness.open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code(), Code::Unavailable);
  EXPECT_NE(opened.error().message().find("/proc/no/journal"), std::string::npos);
}

TEST(Opening, ARunnerThatCannotBeStartedIsSaid) {
  TempFolder temp;
  PosixOptions options = temp.options();
  options.runner_command = {"/no/such/runner"};
  ExecutorHarness harness(options);
  const auto opened = harness.open();
  ASSERT_FALSE(opened);
  EXPECT_NE(opened.error().message().find("/no/such/runner"), std::string::npos);
}

TEST(Opening, ARunnerThatSaysNonsenseIsLost) {
  TempFolder temp;
  PosixOptions options = temp.options();
  options.runner_command = {"/bin/sh", "-c", "printf '\\377\\377\\377\\377nonsense' >&3; exec sleep 1000"};
  ExecutorHarness harness(options);
  ASSERT_TRUE(harness.open());
  ASSERT_TRUE(harness.wait_for([&] { return harness.lost_.size() == 1; }));
  EXPECT_NE(harness.lost_[0].find("corrupt"), std::string::npos) << harness.lost_[0];
}

TEST(Opening, TwoWorkersDoNotShareAJournal) {
  TempFolder temp;
  ExecutorHarness first(temp.options());
  ASSERT_TRUE(first.open());
  PosixOptions options = temp.options();
  options.open_patience = milliseconds(50);
  ExecutorHarness second(options);
  ASSERT_TRUE(first.run(request(1, {"true"})).ended);
  const auto opened = second.open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code(), Code::Conflict);
}

// What was spawned too late is killed at once, and never said to have started. The limit is moved through the time that
// a spawn takes until it falls inside.
TEST(Frozen, WhatWasSpawnedTooLateIsKilledAndNotStarted) {
  PosixOptions options;
  options.spawn_margin = milliseconds(0);
  ExecutorHarness harness(options);
  ASSERT_TRUE(harness.open());
  bool frozen = false;
  for (int i = 0; i < 3000 && !frozen; ++i) {
    StartRequest late = request(i, {"sleep", "0.001"});
    late.not_after = harness.clock().mono() + std::chrono::microseconds(50 + 10 * (i % 100));
    const Seen seen = harness.run(late);
    ASSERT_EQ(seen.answers, 1);
    if (!seen.failed) continue;
    ASSERT_TRUE(seen.failed->why == NotStarted::TooLate || seen.failed->why == NotStarted::Frozen)
        << seen.failed->error;
    frozen = seen.failed->why == NotStarted::Frozen;
    if (!frozen) continue;
    EXPECT_EQ(seen.ends, 0);
    ASSERT_TRUE(harness.stop(milliseconds(0)));
    const auto read = posix::replay(harness.options().journal_folder);
    ASSERT_TRUE(read);
    EXPECT_TRUE(find(*read, i)->reached_exec) << "it may have run an instruction";
  }
  EXPECT_TRUE(frozen);
}

// A spawn that could meet the last moment is not begun, so that it can be tried again instead of being killed.
TEST(Frozen, NothingIsSpawnedShortlyBeforeTheLastMoment) {
  PosixOptions options;
  options.spawn_margin = std::chrono::minutes(10);
  ExecutorHarness harness(options);
  ASSERT_TRUE(harness.open());
  StartRequest close = request(1, {"sleep", "0.001"});
  close.not_after = harness.clock().mono() + std::chrono::minutes(9);
  const Seen seen = harness.run(close);
  ASSERT_TRUE(seen.failed);
  EXPECT_EQ(seen.failed->why, NotStarted::TooLate) << seen.failed->error;
  StartRequest early = request(2, {"sleep", "0.001"});
  early.not_after = harness.clock().mono() + std::chrono::minutes(20);
  EXPECT_TRUE(harness.run(early).ended);
  ASSERT_TRUE(harness.stop(milliseconds(0)));
  const auto read = posix::replay(harness.options().journal_folder);
  ASSERT_TRUE(read);
  EXPECT_FALSE(find(*read, 1)->reached_exec) << "it was never executed";
}

}  // namespace
}  // namespace cronfleet::exec
