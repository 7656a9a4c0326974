// What a run costs in the executor, against the bare spawner (the same clone, two pipes, a pidfd and nothing else) in
// the same process and the same minute.
//
//   exec_bench rate [seconds]      runs/s and own CPU per run, `true` and `bash -c true`, 8 and 64 at once, in turns
//   exec_bench ours [seconds]      ours alone, `true`, 8 at once: something to attach a profiler to
//   exec_bench memory [seconds]    the same for `true` while this process holds 1 GiB of touched memory
//   exec_bench flood [gigabytes]   output through the executor: speed, growth of the runner's memory
//   exec_bench lateness [seconds]  one start each second, then 100 each second, against the bare spawner with a timer
#include <fcntl.h>
#include <fmt/core.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/timerfd.h>
#include <sys/wait.h>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <numeric>

#include "exec/posix/executor_harness.h"
#include "exec/posix/spawn.h"

namespace cronfleet::exec {
namespace {

using std::chrono::duration;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;
using Arguments = std::vector<std::string>;

struct Sample {
  double runs_per_second = 0, cpu_us_per_run = 0;
};
double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}
double percentile(std::vector<double> values, double part) {
  std::sort(values.begin(), values.end());
  return values[std::min(values.size() - 1, static_cast<std::size_t>(part * static_cast<double>(values.size())))];
}

// All threads of a process, as the scheduler counted them.
double cpu_us_of(int pid) {
  double sum = 0;
  for (const auto& task : std::filesystem::directory_iterator(fmt::format("/proc/{}/task", pid))) {
    std::ifstream file(task.path() / "schedstat");
    double ns = 0;
    file >> ns;
    sum += ns / 1000;
  }
  return sum;
}

double own_cpu_us() { return cpu_us_of(::getpid()); }

// The bare spawner: one thread, everything inline.
class Bare {
 public:
  explicit Bare(Arguments arguments) : arguments_(std::move(arguments)) {
    for (Slot& slot : slots_) slot = {};
  }
  // Starts one in a free slot.
  void start() {
    const std::size_t index = static_cast<std::size_t>(
        std::find_if(slots_.begin(), slots_.end(), [](const Slot& slot) { return !slot.used; }) - slots_.begin());
    Slot& slot = slots_.at(index);
    int out[2], err[2];
    CHECK(::pipe2(out, O_CLOEXEC) == 0 && ::pipe2(err, O_CLOEXEC) == 0);
    posix::SpawnPlan plan;
    plan.programs = arguments_[0] == "true" ? Arguments{"/usr/bin/true"} : Arguments{"/bin/bash"};
    plan.arguments = arguments_;
    plan.environment = {"PATH=/usr/bin:/bin"};
    plan.in = null_.get();
    plan.out = out[1];
    plan.err = err[1];
    auto spawned = posix::spawn(plan, stack_);
    CHECK(spawned);
    ::close(out[1]);
    ::close(err[1]);
    slot.used = true;
    slot.open = 3;
    slot.fds[0] = spawned->pidfd.release();
    slot.fds[1] = out[0];
    slot.fds[2] = err[0];
    for (unsigned kind = 0; kind < 3; ++kind) {
      epoll_event event{};
      event.events = EPOLLIN;
      event.data.u64 = index * 4 + kind;
      CHECK(::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, slot.fds[kind], &event) == 0);
    }
    ++running_;
  }
  // Waits for events once; returns how many runs are over.
  int wait() {
    epoll_event events[64];
    const int count = ::epoll_wait(epoll_.get(), events, 64, -1);
    int over = 0;
    for (int i = 0; i < count; ++i) {
      Slot& slot = slots_[events[i].data.u64 / 4];
      const std::size_t kind = events[i].data.u64 % 4;
      if (kind == 0) {
        siginfo_t how{};
        CHECK(::waitid(static_cast<idtype_t>(P_PIDFD), static_cast<id_t>(slot.fds[0]), &how, WEXITED | WNOHANG) == 0);
        if (how.si_pid == 0) continue;
      } else {
        char bytes[4096];
        if (::read(slot.fds[kind], bytes, sizeof bytes) > 0) continue;
      }
      ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, slot.fds[kind], nullptr);
      ::close(slot.fds[kind]);
      if (--slot.open > 0) continue;
      slot.used = false;
      --running_;
      ++over;
    }
    return over;
  }
  int running() const { return running_; }

 private:
  struct Slot {
    bool used = false;
    int open = 0;
    int fds[3] = {-1, -1, -1};
  };
  Arguments arguments_;
  std::vector<Slot> slots_ = std::vector<Slot>(256);
  posix::ChildStack stack_;
  posix::Fd epoll_{::epoll_create1(EPOLL_CLOEXEC)}, null_{::open("/dev/null", O_RDWR | O_CLOEXEC)};
  int running_ = 0;
};

Sample bare_rate(const Arguments& arguments, int at_once, duration<double> span) {
  const async::SystemClock clock;
  Bare bare(arguments);
  const double cpu = own_cpu_us();
  const MonoTime begin = clock.mono();
  int over = 0;
  while (duration<double>(clock.mono() - begin) < span) {
    while (bare.running() < at_once) bare.start();
    over += bare.wait();
  }
  const double took = duration<double>(clock.mono() - begin).count();
  const Sample sample{over / took, (own_cpu_us() - cpu) / over};
  while (bare.running() > 0) bare.wait();
  return sample;
}

class Ours {
 public:
  explicit Ours(std::string journal) {
    PosixOptions options;
    options.journal_folder = std::move(journal);
    options.cgroup_folder = "";
    harness_.emplace(options);
    const auto opened = harness_->open();
    if (!opened) fmt::print("{}\n", opened.error().text());
    CHECK(opened);
    harness_->acknowledge_ends_ = true;
    harness_->keep_seen_ = false;
  }
  Sample rate(const Arguments& arguments, int at_once, duration<double> span) {
    std::atomic<bool> going = true;
    std::atomic<int> over = 0, running = 0;
    const auto start_one = [&] {
      ++running;
      harness_->executor().start(request(++number_, arguments));
    };
    harness_->on_over_ = [&] {
      --running;
      ++over;
      if (going) start_one();
    };
    const int runner = harness_->runner_pid();
    const double own = own_cpu_us(), of_runner = cpu_us_of(runner);
    const MonoTime begin = harness_->clock().mono();
    harness_->on_loop([&] {
      for (int i = 0; i < at_once; ++i) start_one();
    });
    std::this_thread::sleep_for(span);  // not in the harness, which would wake us for every report
    const int done = over;
    const double took = duration<double>(harness_->clock().mono() - begin).count();
    worker_us_ = (own_cpu_us() - own) / done;
    const Sample sample{done / took, (cpu_us_of(runner) - of_runner) / done};
    going = false;
    harness_->wait_for([&] { return running == 0; });
    return sample;
  }
  double worker_us() const { return worker_us_; }
  ExecutorHarness& harness() { return *harness_; }

 private:
  std::optional<ExecutorHarness> harness_;
  int number_ = 0;
  double worker_us_ = 0;
};

void compare(Ours& ours, const Arguments& arguments, int at_once, duration<double> span, const char* what) {
  std::vector<double> bare_runs, our_runs, ratios, bare_cpu, runner_cpu, worker_cpu;
  for (int round = 0; round < 7; ++round) {
    const Sample bare = bare_rate(arguments, at_once, span);
    const Sample our = ours.rate(arguments, at_once, span);
    bare_runs.push_back(bare.runs_per_second);
    our_runs.push_back(our.runs_per_second);
    ratios.push_back(our.runs_per_second / bare.runs_per_second);
    bare_cpu.push_back(bare.cpu_us_per_run);
    runner_cpu.push_back(our.cpu_us_per_run);
    worker_cpu.push_back(ours.worker_us());
  }
  fmt::print(
      "{:<28} {:>3} at once  bare {:6.0f}/s {:5.1f} us  ours {:6.0f}/s runner {:5.1f} us worker {:5.1f} us  ratio "
      "{:.3f}\n",
      what, at_once, median(bare_runs), median(bare_cpu), median(our_runs), median(runner_cpu), median(worker_cpu),
      median(ratios));
  std::fflush(stdout);
}

void rate(const std::string& journal, duration<double> span) {
  Ours ours(journal);
  for (const int at_once : {8, 64}) {
    compare(ours, {"true"}, at_once, span, "true");
    compare(ours, {"bash", "-c", "true"}, at_once, span, "bash -c true");
  }
}

void ours_alone(const std::string& journal, duration<double> span) {
  Ours ours(journal);
  fmt::print("runner {}, worker {}\n", ours.harness().runner_pid(), ::getpid());
  std::fflush(stdout);
  const Sample sample = ours.rate({"true"}, 8, span);
  fmt::print("true, 8 at once: {:.0f}/s, runner {:.1f} us, worker {:.1f} us\n", sample.runs_per_second,
             sample.cpu_us_per_run, ours.worker_us());
}

void memory(const std::string& journal, duration<double> span) {
  Ours ours(journal);
  std::vector<double> ratios, small_runs, big_runs;
  for (int round = 0; round < 5; ++round) {
    const Sample small = ours.rate({"true"}, 64, span);
    std::vector<char> held(1u << 30, 'x');
    const Sample big = ours.rate({"true"}, 64, span);
    CHECK(held[held.size() / 2] == 'x');
    small_runs.push_back(small.runs_per_second);
    big_runs.push_back(big.runs_per_second);
    ratios.push_back(big.runs_per_second / small.runs_per_second);
  }
  fmt::print("true, 64 at once: {:.0f}/s with little memory, {:.0f}/s with 1 GiB touched, ratio {:.3f}\n",
             median(small_runs), median(big_runs), median(ratios));
}

double memory_of(int pid, const char* field) {
  std::ifstream status(fmt::format("/proc/{}/status", pid));
  for (std::string name; status >> name;) {
    double kib = 0;
    if (name == field && status >> kib) return kib / 1024;
  }
  return 0;
}

void flood(const std::string& journal, int gigabytes) {
  PosixOptions options;
  options.journal_folder = journal;
  ExecutorHarness harness(options);
  CHECK(harness.open());
  harness.run(shell(1, "head -c 100000 /dev/zero"));
  const int runner = harness.runner_pid();
  const double before = memory_of(runner, "VmRSS:");
  const Seen seen = harness.run(shell(2, fmt::format("head -c {} /dev/zero", gigabytes * 1'000'000'000ll)));
  CHECK(seen.ended);
  const double took = duration<double>(seen.ended->end.ended_at - seen.ended->end.started_at).count();
  fmt::print(
      "{} bytes of output in {:.2f} s ({:.2f} GB/s), {} left out; runner {:.1f} MiB before, at most {:.1f} MiB, grew "
      "by {:.1f} MiB\n",
      seen.ended->end.output_bytes, took, static_cast<double>(seen.ended->end.output_bytes) / took / 1e9,
      seen.ended->end.output_bytes_dropped, before, memory_of(runner, "VmHWM:"), memory_of(runner, "VmHWM:") - before);
}

// How late starts are, in ms: `count` at each of `rounds` instants a second apart, ours at the whole second, bare ones
// half a second later.
void lateness(const std::string& journal, int rounds, int count) {
  PosixOptions options;
  options.journal_folder = journal;
  options.cgroup_folder = "";
  ExecutorHarness harness(options);
  CHECK(harness.open());
  harness.acknowledge_ends_ = true;
  const posix::Fd timer(::timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC));
  ::prctl(PR_SET_TIMERSLACK, 1);
  std::vector<double> ours, bare;
  Bare spawner({"true"});
  const std::int64_t first = to_ms(harness.clock().wall()) / 1000 + 2;
  for (int round = 0; round < rounds; ++round) {
    const WallTime at = from_seconds(first + round), bare_at = at + milliseconds(500);
    harness.on_loop([&] {
      for (int i = 0; i < count; ++i) {
        StartRequest one = request(round * count + i, {"true"});
        one.start_at = at;
        harness.executor().start(std::move(one));
      }
    });
    for (int i = 0; i < count; ++i) {
      const int run = round * count + i;
      CHECK(harness.wait(run, [](const Seen& seen) { return seen.over(); }));
      const Seen seen = harness.seen(run);
      if (seen.started) ours.push_back(duration<double, std::milli>(seen.started->started_at - at).count());
    }
    const auto since = bare_at.time_since_epoch();
    itimerspec spec{};
    spec.it_value.tv_sec = since.count() / 1'000'000;
    spec.it_value.tv_nsec = since.count() % 1'000'000 * 1000;
    ::timerfd_settime(timer.get(), TFD_TIMER_ABSTIME, &spec, nullptr);
    std::uint64_t fired = 0;
    CHECK(::read(timer.get(), &fired, sizeof fired) == sizeof fired);
    for (int i = 0; i < count; ++i) {
      spawner.start();
      bare.push_back(duration<double, std::milli>(harness.clock().wall() - bare_at).count());
    }
    while (spawner.running() > 0) spawner.wait();
  }
  fmt::print(
      "{:>3} each second, {} s: ours p50 {:.2f} p99 {:.2f} ms, bare p50 {:.2f} p99 {:.2f} ms, p99 ratio {:.2f}\n",
      count, rounds, percentile(ours, 0.5), percentile(ours, 0.99), percentile(bare, 0.5), percentile(bare, 0.99),
      percentile(ours, 0.99) / percentile(bare, 0.99));
  std::fflush(stdout);
}

}  // namespace
}  // namespace cronfleet::exec

int main(int argc, char** argv) {
  using namespace cronfleet::exec;
  int exit_code = 0;
  if (run_as_runner(argc, argv, exit_code)) return exit_code;
  const std::string what = argc > 1 ? argv[1] : "all";
  const int number = argc > 2 ? std::atoi(argv[2]) : 0;
  std::string folder = "/var/tmp/exec-bench-XXXXXX";  // on disk: ends are synced to it
  CHECK(::mkdtemp(folder.data()) != nullptr);
  const std::string journal = folder + "/journal";
  if (what == "rate" || what == "all") rate(journal, std::chrono::duration<double>(number > 0 ? number : 1));
  if (what == "ours") ours_alone(journal, std::chrono::duration<double>(number > 0 ? number : 5));
  if (what == "memory" || what == "all") memory(journal, std::chrono::duration<double>(number > 0 ? number : 1));
  if (what == "flood" || what == "all") flood(journal, number > 0 ? number : 10);
  if (what == "lateness" || what == "all") {
    lateness(journal, number > 0 ? number : 20, 1);
    lateness(journal, number > 0 ? number : 20, 100);
  }
  std::filesystem::remove_all(folder);
  return 0;
}
