// bench/lateness_bench.cc: how late runs start, the claim included (speed-limits.md §2, §8).
//
// Starts `cronfleet standalone` with N jobs that fire every second and a bare spawner (a timer, clone(VM|VFORK), two
// pipes and a pidfd for each, nothing else) in turn, and compares the first clock reading of the program they start
// with the second it was due at.
//
//   lateness_bench [N=1] [SECONDS=20] [ROUNDS=3] [bare]      bare: that alone, for a bench that brings its own other
//   side
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "tests/integration/process.h"

namespace cronfleet {
namespace {

using integration::Folder;
using integration::Standalone;

std::vector<double> lateness_ms(const std::filesystem::path& stamps) {
  std::vector<double> late;
  for (const std::string& line : integration::lines_of(stamps)) {
    const long long us = std::stoll(line) % 1'000'000;
    late.push_back(static_cast<double>(us > 950'000 ? us - 1'000'000 : us) / 1000);  // an early start counts as such
  }
  std::sort(late.begin(), late.end());
  return late;
}

double quantile(const std::vector<double>& sorted, double q) {
  return sorted.empty()
             ? 0
             : sorted[std::min(sorted.size() - 1, static_cast<std::size_t>(q * static_cast<double>(sorted.size())))];
}

void print(const char* who, const std::vector<double>& late) {
  std::printf("%-12s %7zu starts   p50 %8.2f ms   p90 %8.2f ms   p99 %8.2f ms   max %8.2f ms\n", who, late.size(),
              quantile(late, 0.5), quantile(late, 0.9), quantile(late, 0.99), late.empty() ? 0 : late.back());
}

std::vector<double> with_cronfleet(int jobs, int seconds) {
  Folder folder;
  Standalone cronfleet(folder / "data", {"--set", "worker.capacity=1000"});
  CHECK(cronfleet.wait_until_ready());
  const std::filesystem::path stamps = folder / "stamps";
  for (int i = 0; i < jobs; ++i) {
    CHECK(cronfleet.put_job("stamp-" + std::to_string(i),
                            R"("schedule":"* * * * * *","overlap":"allow","command":[")" CRONFLEET_STAMP R"(",")" +
                                stamps.string() + "\"]") == 201);
  }
  integration::eventually([&] { return integration::lines_of(stamps).size() >= static_cast<std::size_t>(jobs) * 2; });
  std::filesystem::remove(stamps);  // warm from here on
  integration::eventually(
      [&] {
        return integration::lines_of(stamps).size() >=
               static_cast<std::size_t>(jobs) * static_cast<std::size_t>(seconds);
      },
      std::chrono::seconds(seconds + 30));
  return lateness_ms(stamps);
}

struct Exec {
  char* const* argv;
  int out;
  int err;
};
int exec_child(void* data) {
  auto* exec = static_cast<Exec*>(data);
  ::dup2(exec->out, 1);
  ::dup2(exec->err, 2);
  ::execv(exec->argv[0], exec->argv);
  ::_exit(127);
}

std::vector<double> with_bare_spawner(int jobs, int seconds) {
  Folder folder;
  std::string stamps = (folder / "stamps").string(), program = CRONFLEET_STAMP;
  char* argv[] = {program.data(), stamps.data(), nullptr};
  const int timer = ::timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC);
  static char stack[64 << 10];
  for (int second = 0; second < seconds; ++second) {
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    itimerspec due{};
    due.it_value.tv_sec = now.tv_sec + 1;
    ::timerfd_settime(timer, TFD_TIMER_ABSTIME, &due, nullptr);
    std::uint64_t ticks = 0;
    CHECK(::read(timer, &ticks, sizeof ticks) == sizeof ticks);
    struct Child {
      int pidfd, out, err;
    };
    std::vector<Child> children;
    for (int i = 0; i < jobs; ++i) {
      int out[2], err[2], pidfd = -1;
      CHECK(::pipe2(out, O_CLOEXEC) == 0 && ::pipe2(err, O_CLOEXEC) == 0);
      Exec exec{argv, out[1], err[1]};
      CHECK(::clone(exec_child, stack + sizeof stack, CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, &exec, &pidfd) >
            0);
      ::close(out[1]);
      ::close(err[1]);
      children.push_back({pidfd, out[0], err[0]});
    }
    for (const Child& child : children) {
      pollfd wait{child.pidfd, POLLIN, 0};
      ::poll(&wait, 1, -1);
      siginfo_t info{};
      ::waitid(static_cast<idtype_t>(3), static_cast<id_t>(child.pidfd), &info, WEXITED);  // P_PIDFD
      for (const int fd : {child.pidfd, child.out, child.err}) ::close(fd);
    }
  }
  ::close(timer);
  return lateness_ms(stamps);
}

}  // namespace
}  // namespace cronfleet

int main(int argc, char** argv) {
  const int jobs = argc > 1 ? std::atoi(argv[1]) : 1;
  const int seconds = argc > 2 ? std::atoi(argv[2]) : 20;
  const int rounds = argc > 3 ? std::atoi(argv[3]) : 3;
  const bool bare_alone = argc > 4 && std::string_view(argv[4]) == "bare";
  if (jobs < 1 || jobs > 1000 || seconds < 1 || rounds < 1) {
    std::fprintf(stderr, "usage: lateness_bench [N=1 of 1000] [SECONDS=20] [ROUNDS=3] [bare]\n");
    return 2;
  }
  std::printf("%d job(s) every second, %d s a round\n", jobs, seconds);
  std::vector<double> ratios;
  for (int round = 0; round < rounds; ++round) {
    const auto bare = cronfleet::with_bare_spawner(jobs, seconds);
    cronfleet::print("bare", bare);
    if (bare_alone) continue;
    const auto ours = cronfleet::with_cronfleet(jobs, seconds);
    cronfleet::print("cronfleet", ours);
    ratios.push_back(cronfleet::quantile(ours, 0.99) / cronfleet::quantile(bare, 0.99));
  }
  if (bare_alone) return 0;
  std::sort(ratios.begin(), ratios.end());
  std::printf("p99, cronfleet / bare: median %.2f [%.2f-%.2f]\n", ratios[ratios.size() / 2], ratios.front(),
              ratios.back());
}
