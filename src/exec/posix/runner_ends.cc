// The end of a run: its main process, what it left behind, its last output.
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>

#include "base/check.h"
#include "exec/posix/runner_loop.h"

namespace cronfleet::exec::posix {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr auto kDrainMax = seconds(2);  // REL-9
constexpr int kDrainLooksMax = 8;
constexpr auto kWalkDelay = milliseconds(5);
constexpr auto kWalkDelayMax = milliseconds(100);
constexpr auto kWalkMax = seconds(20);  // after its end; what a SIGKILL has not ended by then hangs in the kernel

// waitid with the resources used, which glibc's wrapper leaves out.
bool wait_for(const Fd& pidfd, siginfo_t& how, rusage& used) {
  how.si_pid = 0;
  return ::syscall(SYS_waitid, P_PIDFD, pidfd.get(), &how, WEXITED | WNOHANG, &used) == 0 && how.si_pid != 0;
}

std::chrono::microseconds duration_of(const timeval& time) {
  return seconds(time.tv_sec) + std::chrono::microseconds(time.tv_usec);
}

// Linux counts in what a process had before its exec, which is ours: no more than that says nothing of the command.
std::uint64_t memory_peak_of(const rusage& used) {
  rusage ours{};
  ::getrusage(RUSAGE_SELF, &ours);
  return used.ru_maxrss > ours.ru_maxrss ? static_cast<std::uint64_t>(used.ru_maxrss) * 1024 : 0;
}

}  // namespace

// ---- who belongs to it

// The run that an adopted process came from; 0 when that cannot be told yet.
std::uint64_t Runner::owner_of(pid_t adopted, const Run& asking) {
  const auto process = look_at(adopted);
  if (!process || process->ended()) return 0;
  if (const auto id = environment_of(adopted, "CRONFLEET_RUN_ID")) {
    const auto found = by_id_.find(*id);
    if (found != by_id_.end()) return found->second->number;
  }
  const auto leader = by_pid_.find(process->session);
  if (leader != by_pid_.end()) return leader->second->number;
  // It shed every mark. Some run that was there when it began is its own; once none of these goes on, it is residue.
  for (const auto& [number, run] : runs_) {
    const bool may_run = run->phase == Run::Phase::Spawning || run->phase == Run::Phase::Running;
    if (may_run && run->started_mono <= process->started_at() + milliseconds(20)) return 0;
  }
  return asking.number;
}

std::vector<Process> Runner::members(Run& run) {
  std::vector<pid_t> roots;
  if (run.phase == Run::Phase::Running) roots.push_back(run.pid);
  for (const pid_t child : children_of_main_thread())
    if (!by_pid_.contains(child) && owner_of(child, run) == run.number) roots.push_back(child);
  return family_of(roots);
}

// Whatever is left of an ended run has been handed to us. So no adopted children at all, the usual case and one call,
// means nothing is left of anybody.
bool Runner::has_leftovers(Run& run) {
  if (run.in_cgroup) return cgroups_->populated(run.number);
  if (nobody_adopted_) return false;
  siginfo_t any{};
  if (::waitid(P_ALL, 0, &any, static_cast<int>(WEXITED | WNOHANG | WNOWAIT | __WNOTHREAD)) != 0 && errno == ECHILD)
    return false;
  return !members(run).empty();
}

// Kills everything that is of the run, and looks again soon.
void Runner::walk(Run& run) {
  run.walking = true;
  if (run.in_cgroup)
    cgroups_->kill(run.number);
  else
    freeze_and_kill([&] { return members(run); });
  const auto delay = std::min<milliseconds>(kWalkDelay * (1 << std::min(run.walks++, 5)), kWalkDelayMax);
  set_timer(run, Timer::Grace, MonoTime::max());
  set_timer(run, Timer::Walk, clock_.mono() + delay);
}

// ---- the end

void Runner::on_main_ended(Run& run) {
  if (!run.pidfd) return;
  siginfo_t how{};
  rusage used{};
  if (!wait_for(run.pidfd, how, used)) return;
  if (run.watched) static_cast<void>(::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, run.pidfd.get(), nullptr));
  run.pidfd.reset();
  run.phase = Run::Phase::Draining;
  draining_.insert(run.number);
  run.ended_mono = clock_.mono();
  for (const Timer timer : {Timer::Timeout, Timer::Fence, Timer::Grace}) set_timer(run, timer, MonoTime::max());

  domain::RunEnd& end = run.end;
  end.started_at = run.started_at;
  end.ended_at = clock_.wall();
  end.usage.cpu_user = duration_of(used.ru_utime);
  end.usage.cpu_system = duration_of(used.ru_stime);
  end.usage.memory_bytes_peak = memory_peak_of(used);
  if (how.si_code == CLD_EXITED) {
    end.exit_code = how.si_status;
    end.status = how.si_status == 0 ? domain::RunStatus::Succeeded : domain::RunStatus::Failed;
  } else {
    end.signal = how.si_status;
    end.status = domain::RunStatus::Signalled;
  }
  if (run.kill) {
    end.status = run.kill->status;
    end.reason = run.kill->reason;
    end.actor = run.kill->actor;
  }
  drain(run);
  ended_.push_back(run.number);
}

// What the main process has written is there: mostly all of it, and both pipes at their end, in one look.
void Runner::drain(Run& run) {
  for (int looks = 0; looks < kDrainLooksMax; ++looks) {
    pollfd pipes[2] = {{run.out.get(), POLLIN, 0}, {run.err.get(), POLLIN, 0}};  // closed ones (-1) are passed over
    if (::poll(pipes, 2, 0) <= 0) break;
    for (std::size_t i = 0; i < 2; ++i) {
      Fd& pipe = i == 0 ? run.out : run.err;
      if ((pipes[i].revents & POLLIN) != 0)
        read_output(run, pipe, i == 0 ? Stream::Out : Stream::Err);
      else if (pipes[i].revents != 0)
        close_pipe(run, pipe);
    }
    if (!run.out && !run.err) return;
  }
  watch_run(run);
}

// After the end of the main process: waits for its output and for what it left behind, not for long.
void Runner::settle(Run& run) {
  if (run.finishing) return;
  if (has_leftovers(run)) {
    if (clock_.mono() >= run.ended_mono + kWalkMax) {
      run.end.error = "processes of this run could not be ended by SIGKILL";
      return finish(run);
    }
    if (run.walking) {
      if (run.timers[static_cast<std::size_t>(Timer::Walk)] == MonoTime::max()) walk(run);
      return;
    }
    if (!run.leftovers_asked) {
      run.leftovers_asked = true;
      for (const Process& process : members(run)) {
        signal(process, SIGTERM);
        signal(process, SIGCONT);
      }
    }
  } else if (!run.out && !run.err) {
    return finish(run);
  }
  if (run.timers[static_cast<std::size_t>(Timer::Drain)] == MonoTime::max() && !run.walking)
    set_timer(run, Timer::Drain, std::min(run.ended_mono + kDrainMax, run.kill_at));
  else if (run.walking && !run.out && !run.err)
    finish(run);
  else if (run.walking)
    set_timer(run, Timer::Drain, run.ended_mono + kDrainMax);
}

void Runner::finish(Run& run) {
  close_pipe(run, run.out);
  close_pipe(run, run.err);
  draining_.erase(run.number);
  by_pid_.erase(run.pid);
  for (std::size_t timer = 0; timer < kTimers; ++timer) set_timer(run, static_cast<Timer>(timer), MonoTime::max());
  if (run.in_cgroup) cgroups_->remove(run.number);
  if (run.frozen)
    return withdraw(run, NotStarted::Frozen, "the last moment to start it had passed when it was spawned");
  run.finishing = true;
  finishing_.push_back(run.number);
}

// The tails of ended runs leave as fast as the worker reads.
void Runner::finish_waiting() {
  while (!finishing_.empty() && !congested()) {
    Run& run = *runs_.at(finishing_.front());
    finishing_.pop_front();
    emit(run, run.output.take_head());
    emit(run, run.output.take_tail());
    run.end.output_bytes = run.output.bytes();
    run.end.output_bytes_dropped = run.end.output_bytes - run.bytes_stored;
    EndedReport report{run.id, std::move(run.end)};
    journal_->add(report);
    send(std::move(report));
    remove(run);
  }
}

void Runner::remove(Run& run) {
  waiting_.erase({run.request->start_at, run.number});
  for (std::size_t timer = 0; timer < kTimers; ++timer) set_timer(run, static_cast<Timer>(timer), MonoTime::max());
  if (run.pid != 0) by_pid_.erase(run.pid);
  by_id_.erase(std::string(run.id));
  runs_.erase(run.number);
}

// ---- processes that became ours when their parents ended

void Runner::on_child_signal() {
  signalfd_siginfo signal_info;  // one SIGCHLD stands for any number of children
  static_cast<void>(!::read(signals_.get(), &signal_info, sizeof signal_info));
  child_signalled_ = true;
  child_unclaimed_ = spawning_ > 0;
  for (const auto& [at, number] : fresh_) {
    const auto found = runs_.find(number);
    if (found != runs_.end()) on_main_ended(*found->second);
  }
}

// The runs themselves are children of the spawner thread and reaped by their pidfd; without __WNOTHREAD we would take
// them away from it.
bool Runner::reap_adopted() {
  for (bool any = false;; any = true) {
    siginfo_t gone{};
    const int failed = ::waitid(P_ALL, 0, &gone, static_cast<int>(WEXITED | WNOHANG | __WNOTHREAD));
    nobody_adopted_ = failed != 0 && errno == ECHILD;
    if (failed != 0 || gone.si_pid == 0) return any;
  }
}

// Once for all ends of a round.
void Runner::settle_ended() {
  if (!child_signalled_ && ended_.empty()) return;
  child_signalled_ = false;
  const bool any_reaped = reap_adopted();
  const auto settle_each = [&](const auto& numbers) {
    for (const std::uint64_t number : numbers) {
      const auto found = runs_.find(number);
      if (found != runs_.end()) settle(*found->second);
    }
  };
  settle_each(std::exchange(ended_, {}));
  if (any_reaped) settle_each(std::vector(draining_.begin(), draining_.end()));
  nobody_adopted_ = false;
}

}  // namespace cronfleet::exec::posix
