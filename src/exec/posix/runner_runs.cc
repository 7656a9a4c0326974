// The life of a run inside the runner: waiting → spawning → running → draining → finished.
#include <signal.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/check.h"
#include "exec/posix/runner_loop.h"

namespace cronfleet::exec::posix {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr auto kFlushDelay = milliseconds(80);  // chunks leave at the latest 100 ms after they were written
constexpr auto kDrainMax = seconds(2);          // REL-9
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

}  // namespace

void Runner::set_timer(Run& run, Timer timer, MonoTime at) {
  MonoTime& now = run.timers[static_cast<std::size_t>(timer)];
  if (now == at) return;
  if (now != MonoTime::max()) timers_.erase({now, run.number, timer});
  now = at;
  if (at != MonoTime::max()) timers_.emplace(at, run.number, timer);
}

// ---- starting

void Runner::on_start(StartOrder order) {
  const auto refuse = [&](NotStarted why, std::string error) {
    StartFailedReport report{order.run, why, std::move(error)};
    journal_->add(report);
    send(report);
  };
  if (stopping_) return refuse(NotStarted::Stopped, "the runner is stopping");
  if (by_id_.contains(order.run)) return send(StartFailedReport{order.run, NotStarted::SpawnFailed, "it runs already"});
  if (runs_.size() >= options_.runs_max)
    return refuse(NotStarted::Overloaded,
                  fmt::format("{} runs at once are as many as this machine takes", runs_.size()));
  auto made = std::make_unique<Run>();
  Run& run = *made;
  run.number = ++last_number_;
  run.id = std::move(order.run);
  run.fence_deadline = order.request.fence_deadline;
  run.output = OutputKeeper(order.request.output_bytes_max);
  run.request = std::make_shared<const StartRequest>(std::move(order.request));
  by_id_[run.id] = &run;
  runs_[run.number] = std::move(made);
  if (run.request->start_at > clock_.wall())
    waiting_.emplace(run.request->start_at, run.number);
  else
    on_due(run);
}

void Runner::on_due(Run& run) {
  waiting_.erase({run.request->start_at, run.number});
  run.phase = Run::Phase::Spawning;
  journal_->add_intent(run.id);
  to_spawn_.push_back({run.number, run.id, run.request, run.withdrawn});
}

// It will not be executed, and that is proved.
void Runner::withdraw(Run& run, NotStarted why, std::string error) {
  StartFailedReport report{run.id, why, std::move(error)};
  journal_->add(report);
  send(report);
  remove(run);
}

void Runner::on_spawned(SpawnAnswer answer) {
  Run& run = *runs_.at(answer.number);
  if (answer.why) {
    const bool stopped = *answer.why == NotStarted::Cancelled && stopping_;
    return withdraw(run, stopped ? NotStarted::Stopped : *answer.why, std::move(answer.error));
  }
  run.phase = Run::Phase::Running;
  run.pid = answer.pid;
  run.pidfd = std::move(answer.pidfd);
  run.out = std::move(answer.out);
  run.err = std::move(answer.err);
  run.started_at = answer.started_at;
  run.started_mono = answer.started_mono;
  run.frozen = answer.frozen;
  run.in_cgroup = answer.in_cgroup;
  by_pid_[run.pid] = &run;
  watch(run.pidfd.get(), run.number, 0);
  watch(run.out.get(), run.number, 1);
  watch(run.err.get(), run.number, 2);
  if (run.frozen) return walk(run);
  const StartedReport report{run.id, run.pid, run.started_at};
  journal_->add(report);
  send(report);
  if (run.request->timeout.count() > 0) set_timer(run, Timer::Timeout, run.started_mono + run.request->timeout);
  set_timer(run, Timer::Fence, run.fence_deadline);
  if (stopping_)
    on_kill(run, {domain::RunStatus::Killed, stop_reason_, "", std::min(stop_grace_, run.request->kill_grace)});
  else if (run.kill)
    on_kill(run, *std::exchange(run.kill, std::nullopt));
}

// ---- ending

void Runner::on_kill(Run& run, KillOrder order) {
  if (run.phase == Run::Phase::Waiting) return withdraw(run, NotStarted::Cancelled, "");
  if (run.phase == Run::Phase::Spawning) {
    run.withdrawn->store(true);
    if (!run.kill) run.kill = std::move(order);  // in case it is too late for that
    return;
  }
  if (run.phase == Run::Phase::Draining && !run.kill) return;  // it has ended by itself
  const MonoTime now = clock_.mono();
  const MonoTime kill_at = now + std::max(order.grace.value_or(run.request->kill_grace), milliseconds(0));
  const bool first = !run.kill;
  if (first) {
    run.kill = std::move(order);
    set_timer(run, Timer::Timeout, MonoTime::max());
    set_timer(run, Timer::Fence, MonoTime::max());
  }
  if (kill_at >= run.kill_at) return;
  run.kill_at = kill_at;
  if (kill_at <= now) return walk(run);
  if (first) {
    signal_group(run, SIGTERM);
    signal_group(run, SIGCONT);  // a stopped process cannot act on it
  }
  if (run.phase == Run::Phase::Running)
    set_timer(run, Timer::Grace, kill_at);
  else
    set_timer(run, Timer::Drain, std::min(run.timers[static_cast<std::size_t>(Timer::Drain)], kill_at));
}

void Runner::stop_all(Reason reason, milliseconds grace) {
  if (!stopping_) stop_reason_ = reason;
  stop_grace_ = stopping_ ? std::min(stop_grace_, grace) : grace;
  stopping_ = true;
  std::vector<std::uint64_t> numbers;
  for (const auto& [number, run] : runs_) numbers.push_back(number);
  std::sort(numbers.begin(), numbers.end());
  for (const std::uint64_t number : numbers) {
    const auto found = runs_.find(number);
    if (found == runs_.end()) continue;
    Run& run = *found->second;
    if (run.phase == Run::Phase::Waiting)
      withdraw(run, NotStarted::Stopped, "the runner is stopping");
    else
      on_kill(run, {domain::RunStatus::Killed, reason, "", std::min(stop_grace_, run.request->kill_grace)});
  }
}

void Runner::signal_group(const Run& run, int number) {
  // While the main process is not reaped its number is its own; afterwards members() knows who is left.
  if (run.phase == Run::Phase::Running) ::kill(-run.pid, number);
}

void Runner::on_run_timer(Run& run, Timer timer) {
  switch (timer) {
    case Timer::Timeout: return on_kill(run, {domain::RunStatus::TimedOut, Reason::None, "", std::nullopt});
    case Timer::Fence: return on_kill(run, {domain::RunStatus::Killed, Reason::Fenced, "", std::nullopt});
    case Timer::Grace: return walk(run);
    case Timer::Walk: return run.phase == Run::Phase::Draining ? settle(run) : walk(run);
    case Timer::Flush: return flush_head(run);
    case Timer::Drain:
      close_pipe(run.out);
      close_pipe(run.err);
      if (has_leftovers(run)) walk(run);
      return settle(run);
  }
}

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
  for (const auto& [number, run] : runs_)
    if (run->phase == Run::Phase::Running && run->started_mono <= process->started_at() + milliseconds(20)) return 0;
  return asking.number;
}

std::vector<Process> Runner::members(Run& run) {
  std::vector<pid_t> roots;
  if (run.phase == Run::Phase::Running) roots.push_back(run.pid);
  for (const pid_t child : children_of(::getpid()))
    if (!by_pid_.contains(child) && owner_of(child, run) == run.number) roots.push_back(child);
  return family_of(roots);
}

// Whatever is left of an ended run has been handed to us. So no adopted children at all, the usual case and one call,
// means nothing is left of anybody.
bool Runner::has_leftovers(Run& run) {
  if (run.in_cgroup) return cgroups_->populated(run.number);
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

// ---- output

void Runner::on_run_event(Run& run, unsigned kind) {
  switch (kind) {
    case 0: return on_main_ended(run);
    case 1: return read_output(run, run.out, Stream::Out);
    default: return read_output(run, run.err, Stream::Err);
  }
}

void Runner::read_output(Run& run, Fd& pipe, Stream stream) {
  if (!pipe) return;  // closed earlier in this round
  const ssize_t size = ::read(pipe.get(), buffer_.data(), buffer_.size());
  if (size < 0 && (errno == EINTR || errno == EAGAIN)) return;
  if (size <= 0) {
    close_pipe(pipe);
    if (run.phase == Run::Phase::Draining) settle(run);
    return;
  }
  run.output.add(stream, {buffer_.data(), static_cast<std::size_t>(size)});
  const std::size_t pending = run.output.head_bytes_pending();
  if (pending == 0) return;
  if (pending >= kPieceBytesMax && !congested())
    flush_head(run);
  else if (run.timers[static_cast<std::size_t>(Timer::Flush)] == MonoTime::max())
    set_timer(run, Timer::Flush, clock_.mono() + kFlushDelay);
}

void Runner::close_pipe(Fd& pipe) {
  if (!pipe) return;
  // A child between clone and exec may hold it too: then closing alone would leave it registered.
  static_cast<void>(::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, pipe.get(), nullptr));
  pipe.reset();
}

void Runner::flush_head(Run& run) {
  if (run.output.head_bytes_pending() == 0) return;
  if (congested()) return set_timer(run, Timer::Flush, clock_.mono() + kFlushDelay);  // it waits here, bounded
  set_timer(run, Timer::Flush, MonoTime::max());
  emit(run, run.output.take_head());
}

void Runner::emit(Run& run, std::vector<Piece> pieces) {
  for (Piece& piece : pieces) {
    OutputReport report{run.id, run.sequence, piece.offset, piece.stream, clock_.wall(), {}};
    if (!journal_->add_output(run.id, report, piece.bytes)) continue;  // counted as dropped
    ++run.sequence;
    run.bytes_stored += piece.bytes.size();
    report.bytes = std::move(piece.bytes);
    send(std::move(report));
  }
}

// ---- the end

void Runner::on_main_ended(Run& run) {
  if (!run.pidfd) return;
  siginfo_t how{};
  rusage used{};
  if (!wait_for(run.pidfd, how, used)) return;
  static_cast<void>(::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, run.pidfd.get(), nullptr));
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
  end.usage.memory_bytes_peak = static_cast<std::uint64_t>(used.ru_maxrss) * 1024;
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
  settle(run);
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
  close_pipe(run.out);
  close_pipe(run.err);
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
    encode(FromRunner(std::move(report)), ends_unsynced_);
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

}  // namespace cronfleet::exec::posix
