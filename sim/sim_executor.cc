#include "sim/sim_executor.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/check.h"

namespace cronfleet::sim {

using domain::Reason;
using domain::RunEnd;
using domain::RunId;
using domain::RunStatus;
using exec::NotStarted;
using std::chrono::microseconds;
using std::chrono::milliseconds;

namespace {
constexpr int kTerm = 15, kKill = 9;
constexpr milliseconds kClockLook{1'000};  // how often a wait for a wall time is compared with the clock again

std::int64_t number(const std::map<std::string, std::string>& environment, const std::string& name) {
  const auto found = environment.find(name);
  if (found == environment.end()) return 0;
  std::int64_t value = 0;
  std::from_chars(found->second.data(), found->second.data() + found->second.size(), value);
  return value;
}

exec::KillOrder order_of(RunStatus status, Reason reason) {
  exec::KillOrder order;
  order.status = status;
  order.reason = reason;
  return order;
}
}  // namespace

struct SimMachine::Process {
  enum class State { Waiting, Spawning, Running };
  exec::StartRequest request;
  std::weak_ptr<SimExecutor*> life;
  State state = State::Waiting;
  Probe probe;
  async::TimerId step = 0;  // the start while waiting or spawning, the end while running
  async::TimerId timeout = 0, fence = 0, grace = 0;
  MonoTime grace_until = MonoTime::max();
  std::optional<exec::KillOrder> order;
  std::size_t exec = 0;  // index into the evidence
  std::uint64_t output_bytes = 0, chunks = 0;
  RunEnd begun;  // started_at
};

SimMachine::SimMachine(NodeId node, async::Timers& timers, const async::Clock& clock, const async::Clock& true_clock,
                       Rng rng, MachineOptions options, Evidence& evidence)
    : node_(std::move(node)),
      timers_(timers),
      clock_(clock),
      true_clock_(true_clock),
      rng_(rng),
      options_(options),
      evidence_(evidence) {}

SimMachine::~SimMachine() { reset(); }

std::vector<RunId> SimMachine::running() const {
  std::vector<RunId> runs;
  for (const auto& [run, process] : processes_) {
    if (process->state == Process::State::Running) runs.push_back(run);
  }
  return runs;
}

std::vector<exec::JournalEntry> SimMachine::replay() {
  std::vector<RunId> left;
  for (const auto& [run, process] : processes_) left.push_back(run);
  for (const RunId& run : left) {
    Process& process = *processes_.at(run);
    process.life.reset();
    if (process.state != Process::State::Running) {
      drop(process);
      processes_.erase(run);
      continue;
    }
    if (!process.order) process.order = order_of(RunStatus::Killed, Reason::WorkerDied);
    ended_by(run, kKill);
  }
  reset();
  return replay_unswept();
}

std::vector<exec::JournalEntry> SimMachine::replay_unswept() {
  std::vector<exec::JournalEntry> entries;
  for (const auto& [run, entry] : journal_) entries.push_back(entry);
  return entries;
}

void SimMachine::worker_died() {
  if (notice_ != 0) return;
  notice_ = timers_.at(after(up_to(options_.notice_max)), [this] {
    notice_ = 0;
    std::vector<RunId> left;
    for (const auto& [run, process] : processes_) left.push_back(run);
    for (const RunId& run : left) {
      Process* process = find(run);
      if (process == nullptr) continue;
      process->life.reset();
      kill(run, order_of(RunStatus::Killed, Reason::WorkerDied));
    }
  });
}

void SimMachine::set_disk_full(bool full) {
  if (disk_full_ == full) return;
  disk_full_ = full;
  if (const auto life = connected_.lock())
    (*life)->tell([full](exec::ExecutorSink& sink) { sink.on_condition(full, full ? "the disk is full" : ""); });
}

void SimMachine::machine_died(Disk disk) {
  for (const auto& [run, process] : processes_) {
    if (process->state != Process::State::Running) continue;
    evidence_.execs[process->exec].end =
        TrueEnd{true_clock_.wall(), clock_.wall(), RunStatus::Lost, std::nullopt, kKill};
  }
  reset();
  if (disk == Disk::Lost) journal_.clear();
}

void SimMachine::reset() {
  ++epoch_;
  timers_.cancel(std::exchange(notice_, 0));
  for (const auto& [run, process] : processes_) drop(*process);
  processes_.clear();
}

void SimMachine::drop(Process& process) {
  for (async::TimerId* timer : {&process.step, &process.timeout, &process.fence, &process.grace})
    timers_.cancel(std::exchange(*timer, 0));
}

microseconds SimMachine::up_to(microseconds most) {
  return microseconds(1 + rng_.below(static_cast<std::uint64_t>(std::max<std::int64_t>(most.count(), 1))));
}

void SimMachine::point(std::string_view name) {
  if (hook_) hook_(name);
}

SimMachine::Process* SimMachine::find(const RunId& run) {
  const auto found = processes_.find(run);
  return found == processes_.end() ? nullptr : found->second.get();
}

// ---- a start ------------------------------------------------------------------------------------------------------

void SimMachine::start(exec::StartRequest request, std::weak_ptr<SimExecutor*> life) {
  const RunId run = request.run;
  if (find(run) != nullptr) {  // asked for twice: the second request is the product's mistake, and a second execution
    timers_.cancel(std::exchange(processes_.at(run)->step, 0));
    drop(*processes_.at(run));
    processes_.erase(run);
  }
  auto process = std::make_unique<Process>();
  process->probe = parse_probe(request.arguments.empty() ? "" : request.arguments.back());
  process->request = std::move(request);
  process->life = std::move(life);
  processes_[run] = std::move(process);
  wait_for_start(run);
}

void SimMachine::wait_for_start(const RunId& run) {
  Process& process = *processes_.at(run);
  const auto left = process.request.start_at - clock_.wall();
  if (left > microseconds(0)) {
    process.step = timers_.at(after(std::min<std::chrono::nanoseconds>(left, kClockLook)), [this, run] {
      if (Process* waiting = find(run)) {
        waiting->step = 0;
        wait_for_start(run);
      }
    });
    return;
  }
  spawn(run);
}

void SimMachine::spawn(const RunId& run) {
  Process& process = *processes_.at(run);
  if (clock_.mono() > process.request.not_after) return refuse(run, NotStarted::TooLate, "its time had passed");
  if (disk_full_) return refuse(run, NotStarted::Overloaded, "the journal has no space left");
  if (rng_.chance(options_.overload)) return refuse(run, NotStarted::Overloaded, "no process to be had");
  const std::uint64_t epoch = epoch_;
  point("before-exec");
  if (epoch != epoch_) return;
  if (rng_.chance(options_.spawn_failure)) return refuse(run, NotStarted::SpawnFailed, "no such file or directory");
  exec::JournalEntry& intent = journal_[run];
  intent.run = run;
  intent.reached_exec = true;
  process.state = Process::State::Spawning;
  process.step = timers_.at(after(up_to(options_.spawn_max)), [this, run] {
    if (find(run) != nullptr) exec(run);
  });
}

void SimMachine::exec(const RunId& run) {
  Process& process = *processes_.at(run);
  process.step = 0;
  process.exec = evidence_.execs.size();
  process.begun.started_at = clock_.wall();
  evidence_.execs.push_back({.run = run,
                             .node = node_,
                             .at = true_clock_.wall(),
                             .node_wall = clock_.wall(),
                             .fence = number(process.request.environment, "CRONFLEET_FENCE"),
                             .version = process.probe.version,
                             .undone = false,
                             .end = {}});
  if (clock_.mono() > process.request.not_after) {
    evidence_.execs.back().undone = true;
    evidence_.execs.back().end = TrueEnd{true_clock_.wall(), clock_.wall(), RunStatus::Killed, std::nullopt, kKill};
    return refuse(run, NotStarted::Frozen, "its time passed while it was being started");
  }
  process.state = Process::State::Running;
  const std::uint64_t epoch = epoch_;
  point("after-exec");
  if (epoch != epoch_ || find(run) == nullptr) return;

  const bool fails = rng_.below(100) < static_cast<std::uint64_t>(process.probe.fail_percent);
  const int exit_code = fails ? 1 : process.probe.exit_code;
  process.step = timers_.at(after(process.probe.duration), [this, run, exit_code] {
    Process* running = find(run);
    if (running == nullptr) return;
    running->step = 0;
    RunEnd end;
    end.status = exit_code == 0 ? RunStatus::Succeeded : RunStatus::Failed;
    end.exit_code = exit_code;
    this->end(run, std::move(end));
  });
  if (process.request.timeout > milliseconds(0)) {
    process.timeout = timers_.at(after(process.request.timeout), [this, run] {
      if (Process* running = find(run)) terminate(*running, order_of(RunStatus::TimedOut, Reason::None));
    });
  }
  set_fence(run, process.request.fence_deadline);
  const exec::Started started{run, 1000, clock_.wall()};
  journal_[run].started = started;
  if (const auto life = process.life.lock()) {
    (*life)->tell([started](exec::ExecutorSink& sink) { sink.on_started(started); });
    if (rng_.chance(options_.output)) write(run, process);
  }
}

void SimMachine::write(const RunId& run, Process& process) {
  domain::OutputChunk chunk;
  chunk.run = run;
  chunk.sequence = process.chunks++;
  chunk.offset = process.output_bytes;
  chunk.written_at = clock_.wall();
  chunk.bytes = fmt::format("output {} of {}\n", chunk.sequence, run.text());
  process.output_bytes += chunk.bytes.size();
  evidence_.execs[process.exec].output_bytes = process.output_bytes;
  journal_[run].output.push_back(chunk);
  if (const auto life = process.life.lock())
    (*life)->tell([chunk](exec::ExecutorSink& sink) { sink.on_output(chunk); });
}

void SimMachine::refuse(const RunId& run, NotStarted why, std::string error) {
  Process& process = *processes_.at(run);
  const auto life = process.life.lock();
  drop(process);
  processes_.erase(run);
  if (why != NotStarted::Frozen) journal_.erase(run);
  if (life) {
    (*life)->tell([failed = exec::StartFailed{run, why, std::move(error)}](exec::ExecutorSink& sink) {
      sink.on_start_failed(failed);
    });
  }
}

// ---- an end -------------------------------------------------------------------------------------------------------

void SimMachine::kill(const RunId& run, const exec::KillOrder& order) {
  Process* process = find(run);
  if (process == nullptr) return;
  if (process->state == Process::State::Waiting) return refuse(run, NotStarted::Cancelled, "withdrawn before it began");
  if (process->state == Process::State::Spawning) {  // it is too late to withdraw: kill what comes of it
    timers_.at(after(options_.spawn_max), [this, run, order] { kill(run, order); });
    return;
  }
  terminate(*process, order);
}

void SimMachine::terminate(Process& process, const exec::KillOrder& order) {
  const RunId run = process.request.run;
  if (!process.order) {
    process.order = order;
    if (!process.probe.stubborn && process.probe.term_delay < process.probe.duration) {
      timers_.cancel(process.step);
      process.step = timers_.at(after(process.probe.term_delay), [this, run] {
        if (find(run) != nullptr) ended_by(run, kTerm);
      });
    }
  }
  const MonoTime until = after(order.grace.value_or(process.request.kill_grace));
  if (until >= process.grace_until) return;
  process.grace_until = until;
  timers_.cancel(process.grace);
  process.grace = timers_.at(until, [this, run] {
    if (find(run) != nullptr) ended_by(run, kKill);
  });
}

void SimMachine::set_fence(const RunId& run, MonoTime deadline) {
  Process* process = find(run);
  if (process == nullptr) return;
  process->request.fence_deadline = deadline;
  timers_.cancel(std::exchange(process->fence, 0));
  if (process->state != Process::State::Running || deadline == MonoTime::max()) return;
  process->fence = timers_.at(deadline, [this, run] {
    Process* running = find(run);
    if (running == nullptr) return;
    running->fence = 0;
    // Woken long after the deadline, there is no time for manners.
    const bool late = clock_.mono() > running->request.fence_deadline + running->request.kill_grace;
    exec::KillOrder order = order_of(RunStatus::Killed, Reason::Fenced);
    if (late) order.grace = milliseconds(0);
    terminate(*running, order);
  });
}

void SimMachine::ended_by(const RunId& run, std::optional<int> signal) {
  const exec::KillOrder order = processes_.at(run)->order.value_or(exec::KillOrder{});
  RunEnd end;
  end.status = order.status;
  end.reason = order.reason;
  end.signal = signal;
  end.actor = order.actor;
  this->end(run, std::move(end));
}

void SimMachine::end(const RunId& run, RunEnd end) {
  Process& process = *processes_.at(run);
  if (process.order && !end.signal) {  // it was told to go and went by itself
    end.status = process.order->status;
    end.reason = process.order->reason;
    end.actor = process.order->actor;
  }
  if (process.chunks > 0) write(run, process);  // its last words
  end.started_at = process.begun.started_at;
  end.ended_at = clock_.wall();
  end.output_bytes = process.output_bytes;
  if (options_.kill_descendants || !process.order)
    evidence_.execs[process.exec].end =
        TrueEnd{true_clock_.wall(), end.ended_at, end.status, end.exit_code, end.signal};
  const auto life = process.life;
  drop(process);
  processes_.erase(run);
  const std::uint64_t epoch = epoch_;
  point("after-exit");
  if (epoch != epoch_) return;
  const exec::Ended ended{run, std::move(end), ""};
  auto& entry = journal_[run];
  entry.run = run;
  entry.reached_exec = true;
  entry.ended = ended;
  point("after-journal");
  if (epoch != epoch_) return;
  if (const auto connected = life.lock()) {
    (*connected)->tell([ended](exec::ExecutorSink& sink) { sink.on_ended(ended); });
  }
}

// ---- the worker's side --------------------------------------------------------------------------------------------

SimExecutor::SimExecutor(SimMachine& machine, async::Loop& loop)
    : machine_(machine), loop_(loop), self_(std::make_shared<SimExecutor*>(this)) {
  machine_.connected_ = self_;
  if (machine_.disk_full_) tell([](exec::ExecutorSink& sink) { sink.on_condition(true, "the disk is full"); });
}

SimExecutor::~SimExecutor() = default;

void SimExecutor::tell(std::function<void(exec::ExecutorSink&)> tell) {
  loop_.post([life = std::weak_ptr<SimExecutor*>(self_), tell = std::move(tell)] {
    const auto self = life.lock();
    if (self && (*self)->sink_ != nullptr) tell(*(*self)->sink_);
  });
}

void SimExecutor::order(std::function<void()> order) {
  // A socket keeps the order of its messages.
  ordered_at_ = std::max(ordered_at_, machine_.after(machine_.up_to(machine_.options_.message_max)));
  machine_.timers_.at(ordered_at_, [this_epoch = machine_.epoch_, &machine = machine_, order = std::move(order)] {
    if (machine.epoch_ == this_epoch) order();
  });
}

void SimExecutor::start(exec::StartRequest request) {
  order([&machine = machine_, life = std::weak_ptr<SimExecutor*>(self_), request = std::move(request)]() mutable {
    machine.start(std::move(request), life);
  });
}

void SimExecutor::cancel(const RunId& run) {
  order([&machine = machine_, run] {
    const auto* process = machine.find(run);
    if (process != nullptr && process->state == SimMachine::Process::State::Waiting)
      machine.refuse(run, NotStarted::Cancelled, "withdrawn before it began");
  });
}

void SimExecutor::kill(const RunId& run, exec::KillOrder kill_order) {
  order([&machine = machine_, run, kill_order = std::move(kill_order)] { machine.kill(run, kill_order); });
}

void SimExecutor::set_fence_deadline(const RunId& run, MonoTime deadline) {
  order([&machine = machine_, run, deadline] { machine.set_fence(run, deadline); });
}

void SimExecutor::acknowledge(const RunId& run) {
  order([&machine = machine_, run] {
    if (machine.find(run) == nullptr) machine.journal_.erase(run);
  });
}

}  // namespace cronfleet::sim
