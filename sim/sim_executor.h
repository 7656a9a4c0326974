// sim/sim_executor.h: simulated machines and processes behind exec::Executor.
//
// A SimMachine is what outlives a worker: the runner with its processes, and the journal on the local disk. A
// SimExecutor is the connection of one life of the worker to it. The machine lives on timers and a clock of its own, so
// that the runner goes on (fence deadlines included) while the worker is stopped, and stops with it where the whole
// machine does. Commands are probes (evidence.h); each execution is written down as evidence where it happens.
//
// The order of every step is that of the real runner: intent journalled → exec → end journalled → end reported. At each
// of these the hook is called with a name, and may end the worker or the machine there.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "async/loop.h"
#include "base/rng.h"
#include "exec/executor.h"
#include "sim/evidence.h"

namespace cronfleet::sim {

struct MachineOptions {
  std::chrono::microseconds message_max{300};  // between worker and runner, each way, at most
  std::chrono::microseconds spawn_max{2'000};  // from the decision to exec, at most
  std::chrono::milliseconds notice_max{50};    // until the runner sees that its worker is gone, at most
  double spawn_failure = 0;                    // chance per start: exec refused
  double overload = 0;                         // chance per start: no process to be had
  double output = 0.05;                        // chance per run: writes a line
  bool kill_descendants = true;                // REL-9; switched off in its test: they live on
};

class SimExecutor;

class SimMachine {
 public:
  using Hook = std::function<void(std::string_view point)>;

  SimMachine(NodeId node, async::Timers& timers, const async::Clock& clock, const async::Clock& true_clock, Rng rng,
             MachineOptions options, Evidence& evidence);
  ~SimMachine();

  // The next life of the worker begins: ends what is left of earlier ones and says what the journal holds about them.
  std::vector<exec::JournalEntry> replay();
  // The same without the first half (protocol.md rule 9 switched off).
  std::vector<exec::JournalEntry> replay_unswept();
  // The worker is gone: the runner notices after a while, ends its runs as killed(worker_died) and journals that.
  void worker_died();
  // The machine is off: every process ends at once, with no word in the journal. The journal survives unless asked to
  // go.
  enum class Disk { Kept, Lost };
  void machine_died(Disk disk);

  void set_node(NodeId node) { node_ = std::move(node); }  // another disk, another id
  void set_hook(Hook hook) { hook_ = std::move(hook); }
  void set_disk_full(bool full);
  bool disk_full() const { return disk_full_; }
  MachineOptions& options() { return options_; }

  std::vector<domain::RunId> running() const;
  std::size_t journal_entries() const { return journal_.size(); }

 private:
  friend class SimExecutor;
  struct Process;

  std::chrono::microseconds up_to(std::chrono::microseconds most);
  void start(exec::StartRequest request, std::weak_ptr<SimExecutor*> life);
  void wait_for_start(const domain::RunId& run);
  void spawn(const domain::RunId& run);
  void exec(const domain::RunId& run);
  void refuse(const domain::RunId& run, exec::NotStarted why, std::string error);
  void kill(const domain::RunId& run, const exec::KillOrder& order);
  void set_fence(const domain::RunId& run, MonoTime deadline);
  void terminate(Process& process, const exec::KillOrder& order);
  void write(const domain::RunId& run, Process& process);
  void end(const domain::RunId& run, domain::RunEnd end);
  void ended_by(const domain::RunId& run, std::optional<int> signal);
  void drop(Process& process);
  void reset();
  void point(std::string_view name);
  Process* find(const domain::RunId& run);
  MonoTime after(std::chrono::nanoseconds delay) const { return clock_.mono() + delay; }

  NodeId node_;
  async::Timers& timers_;
  const async::Clock& clock_;
  const async::Clock& true_clock_;
  Rng rng_;
  MachineOptions options_;
  Evidence& evidence_;
  Hook hook_;
  bool disk_full_ = false;
  std::weak_ptr<SimExecutor*> connected_;  // the life of the worker that goes on
  std::uint64_t epoch_ = 0;                // grows when the machine dies or is swept: what was under way then is void
  async::TimerId notice_ = 0;
  std::map<domain::RunId, std::unique_ptr<Process>> processes_;
  std::map<domain::RunId, exec::JournalEntry> journal_;
};

class SimExecutor final : public exec::Executor {
 public:
  // `loop`: the worker's. Answers go to the sink once attach() has named it.
  SimExecutor(SimMachine& machine, async::Loop& loop);
  ~SimExecutor() override;
  void attach(exec::ExecutorSink& sink) { sink_ = &sink; }

  void start(exec::StartRequest request) override;
  void cancel(const domain::RunId& run) override;
  void kill(const domain::RunId& run, exec::KillOrder order) override;
  void set_fence_deadline(const domain::RunId& run, MonoTime deadline) override;
  void acknowledge(const domain::RunId& run) override;

 private:
  friend class SimMachine;
  // Brings `tell` to the sink, on the worker's loop, unless this life is over by then.
  void tell(std::function<void(exec::ExecutorSink&)> tell);
  // Brings `order` to the runner, in order.
  void order(std::function<void()> order);

  SimMachine& machine_;
  async::Loop& loop_;
  exec::ExecutorSink* sink_ = nullptr;
  std::shared_ptr<SimExecutor*> self_;  // what is on its way holds it weakly
  MonoTime ordered_at_{};
};

}  // namespace cronfleet::sim
