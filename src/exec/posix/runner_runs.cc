// The life of a run inside the runner: waiting → spawning → running → draining → finished.
#include <signal.h>
#include <sys/epoll.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/check.h"
#include "exec/posix/runner_loop.h"

namespace cronfleet::exec::posix {
namespace {

using std::chrono::milliseconds;

// Chunks leave at the latest 100 ms after they were written.
constexpr auto kFreshFor = milliseconds(10);
constexpr auto kFlushDelay = milliseconds(80);

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
  run.started_mono = clock_.mono();  // not before this
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

void Runner::take_answers() {
  if (spawning_ == 0) return;
  std::vector<SpawnAnswer> answers = spawner_->take_answers();
  if (answers.empty()) return;
  for (SpawnAnswer& answer : answers) {
    const std::uint64_t number = answer.number;
    on_spawned(std::move(answer));
    --spawning_;
    const auto found = runs_.find(number);
    if (child_unclaimed_ && found != runs_.end()) on_main_ended(*found->second);
  }
  answers_due_ = spawning_ == 0 ? MonoTime::max() : clock_.mono() + kAnswerPatience;
  if (spawning_ == 0) child_unclaimed_ = false;
}

// They have been due for a while and nothing else happened: the spawner takes its time, or the run its own.
void Runner::ask_for_answers_when_due() {
  while (spawning_ > 0 && answers_due_ <= clock_.mono()) {
    if (!spawner_->ask_for_answers()) {
      answers_due_ = MonoTime::max();
      return;
    }
    take_answers();
  }
}

void Runner::on_spawned(SpawnAnswer answer) {
  Run& run = *runs_.at(answer.number);
  if (answer.why) {
    const bool stopped = *answer.why == NotStarted::Cancelled && stopping_;
    // Another user's limit says nothing of ours, nor does one that the job set itself.
    if (*answer.why == NotStarted::Overloaded && run.request->user.empty() && !run.request->limits.processes)
      on_no_room(answer.error);
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
  fresh_.emplace_back(clock_.mono() + kFreshFor, run.number);
  if (run.frozen) return walk(run);
  const StartedReport report{run.id, run.pid, run.started_at};
  journal_->add(report);
  send_soon(report);
  if (run.request->timeout.count() > 0) set_timer(run, Timer::Timeout, run.started_mono + run.request->timeout);
  set_timer(run, Timer::Fence, run.fence_deadline);
  if (stopping_)
    on_kill(run, {domain::RunStatus::Killed, stop_reason_, "", std::min(stop_grace_, run.request->kill_grace)});
  else if (run.kill)
    on_kill(run, *std::exchange(run.kill, std::nullopt));
}

// Watching three descriptors costs half as much as a spawn, and most runs are short: those that are over by then are
// seen to by SIGCHLD.
void Runner::watch_fresh() {
  if (fresh_.empty()) return;
  const MonoTime now = clock_.mono();
  for (; !fresh_.empty() && fresh_.front().first <= now; fresh_.pop_front()) {
    const auto found = runs_.find(fresh_.front().second);
    if (found != runs_.end()) watch_run(*found->second);
  }
}

void Runner::watch_run(Run& run) {
  if (std::exchange(run.watched, true)) return;
  if (run.pidfd) watch(run.pidfd.get(), run.number, kPidfd);
  if (run.out) watch(run.out.get(), run.number, kOut);
  if (run.err) watch(run.err.get(), run.number, kErr);
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
      close_pipe(run, run.out);
      close_pipe(run, run.err);
      if (has_leftovers(run)) walk(run);
      return settle(run);
  }
}

// ---- output

void Runner::on_run_event(Run& run, unsigned kind, std::uint32_t what) {
  if (kind == kPidfd) return on_main_ended(run);
  Fd& pipe = kind == kOut ? run.out : run.err;
  if (!pipe) return;  // closed earlier in this round
  if ((what & EPOLLIN) != 0) return read_output(run, pipe, kind == kOut ? Stream::Out : Stream::Err);
  close_pipe(run, pipe);  // nobody holds its other end, and it is empty
  if (run.phase == Run::Phase::Draining) settle(run);
}

void Runner::read_output(Run& run, Fd& pipe, Stream stream) {
  const ssize_t size = ::read(pipe.get(), buffer_.data(), buffer_.size());
  if (size < 0 && (errno == EINTR || errno == EAGAIN)) return;
  if (size <= 0) {
    close_pipe(run, pipe);
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

void Runner::close_pipe(const Run& run, Fd& pipe) {
  if (!pipe) return;
  // A child between clone and exec may hold it too: then closing alone would leave it registered.
  if (run.watched) static_cast<void>(::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, pipe.get(), nullptr));
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

}  // namespace cronfleet::exec::posix
