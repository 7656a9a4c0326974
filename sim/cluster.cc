#include "sim/cluster.h"

#include <algorithm>
#include <deque>

#include "base/check.h"

namespace cronfleet::sim {

using std::chrono::milliseconds;

// A shelf that takes nothing now and then, as on a full disk.
class MemoryShelf final : public history::Shelf {
 public:
  explicit MemoryShelf(Rng rng) : rng_(rng) {}
  bool put(std::string_view bytes) override {
    if (rng_.below(16) == 0) return false;
    waiting_.emplace_back(bytes);
    return true;
  }
  Result<std::string> take() override {
    std::string oldest = std::move(waiting_.front());
    waiting_.pop_front();
    return oldest;
  }
  std::size_t size() const override { return waiting_.size(); }

 private:
  Rng rng_;
  std::deque<std::string> waiting_;
};

// What lies on a machine's disk of it: the records by run, in the order in which they were put.
using SpooledRecords = std::vector<std::pair<std::string, std::string>>;

// Takes a while to write, and a while more to say so; now and then there is no room.
class MemorySpool final : public history::RecordSpool {
 public:
  MemorySpool(SpooledRecords& disk, VirtualNode& loop, Rng rng)
      : disk_(disk), loop_(loop), rng_(rng), left_(disk.size()) {}
  void put(std::string run, std::string bytes, async::Callback<bool> done) override {
    auto answer = std::make_shared<async::Callback<bool>>(std::move(done));
    full_ = rng_.below(16) == 0;
    if (full_) return after(up_to(), [answer] { (*answer)(false); });
    after(up_to(), [this, run = std::move(run), bytes = std::move(bytes), answer]() mutable {
      remove(run);
      disk_.emplace_back(std::move(run), std::move(bytes));
      after(up_to(), [answer] { (*answer)(true); });
    });
  }
  void remove(std::string run) override {
    const auto found = std::ranges::find(disk_, run, &SpooledRecords::value_type::first);
    if (found == disk_.end()) return;
    if (static_cast<std::size_t>(found - disk_.begin()) < read_) --read_;
    if (static_cast<std::size_t>(found - disk_.begin()) < left_) --left_;
    disk_.erase(found);
  }
  Result<std::vector<std::string>> left(std::size_t) override {
    if (read_ >= left_) return std::vector<std::string>();
    return std::vector{disk_[read_++].second};
  }
  std::size_t size() const override { return disk_.size(); }
  std::string trouble() const override { return full_ ? "there is no room" : ""; }

 private:
  milliseconds up_to() { return milliseconds(1 + rng_.below(150)); }
  void after(milliseconds delay, async::Task task) { loop_.at(loop_.mono() + delay, std::move(task)); }

  SpooledRecords& disk_;
  VirtualNode& loop_;
  Rng rng_;
  std::size_t read_ = 0, left_;  // of what earlier lives put
  bool full_ = false;
};

// One life of a worker and all that goes with it.
struct Cluster::Life final : runtime::WorkerObserver {
  Life(Cluster& cluster, Machine& machine);

  void on_message(Level level, std::string_view what, std::string_view about) override;
  void on_refused(const Status& status) override;

  Cluster& owner;
  Machine& machine;
  std::unique_ptr<SimClient> store;
  SimHistory history;
  SimExecutor executor;
  RngTokens tokens;
  MemoryShelf shelf;
  MemorySpool spool;
  runtime::Worker worker;
};

struct Cluster::Machine {
  Machine(Cluster& cluster, std::size_t i)
      : index(i),
        loop(cluster.time_, std::chrono::hours(1 + i)),
        runner(cluster.time_, std::chrono::hours(1 + i)),
        node(fmt::format("n{}", i + 1)) {}

  std::size_t index;
  VirtualNode loop, runner;
  NodeId node;
  int disks = 1, lives = 0, boots = 1;
  std::unique_ptr<SimMachine> processes;
  std::unique_ptr<Life> life;
  int cut_requests = 0, cut_answers = 0, slow = 0, disk_full = 0;  // how many faults do
  milliseconds extra{0};
  int stopped = 0, runner_stopped = 0;  // how many faults hold it
  std::optional<Fault> waiting_crash;   // for its point to be reached
  milliseconds drifted{0};
  int drifts = 0;                 // how many faults make its clock go wrong
  runtime::StoreSeen store_seen;  // on its disk, like:
  SpooledRecords spooled;
};

Cluster::Life::Life(Cluster& cluster, Machine& m)
    : owner(cluster),
      machine(m),
      store(cluster.store_.client(m.loop)),
      history(cluster.history_, m.loop, [&cluster, &m](std::string_view point) { cluster.reached(m, point); }),
      executor(*m.processes, m.loop),
      tokens(cluster.rng_.fork("tokens")),
      shelf(Rng(cluster.plan_.seed).fork("shelf")),
      spool(m.spooled, m.loop, Rng(cluster.plan_.seed).fork("spool")),
      worker(
          {*store,
           history,
           executor,
           m.loop,
           m.loop,
           m.loop,
           tokens,
           cluster.zones_,
           cluster.rng_.fork("worker"),
           {},
           [&m](const runtime::StoreSeen& seen) { m.store_seen = seen; },
           &shelf,
           &spool},
          [&] {
            runtime::WorkerOptions options;
            options.scheduler = cluster.plan_.scheduler;
            options.batcher.in_flight_max = cluster.plan_.nodes > 1 ? 4 : 1;  // as apps/ does
            options.rules = cluster.plan_.rules;
            options.store_seen = m.store_seen;
            options.housekeeping = cluster.plan_.housekeeping;
            const Held& held = cluster.plan_.held;
            options.records_held = std::min(options.records_held, held.records);
            options.records_held_away = std::min(options.records_held_away, held.records);
            options.history.output_bytes_away = held.output_bytes;
            options.scheduler.ended_keys_max = held.keys;
            return options;
          }(),
          [&] {
            core::WorkerEntry entry;
            entry.node = m.node;
            entry.host = entry.node.text();
            entry.labels = {{"zone", zone_of(m.index)}};
            entry.pid = m.lives;
            entry.boot_id = fmt::format("{}-{}", m.index, m.boots);
            return entry;
          }(),
          *this) {
  executor.attach(worker);
  link(m, *store);
}

void Cluster::Life::on_message(Level level, std::string_view what, std::string_view about) {
  if (level == Level::Debug) return;
  owner.say_(fmt::format("{}: {} ({})", machine.node, what, about));
}

// Another life of this node id is registered still: the service comes again after a while.
void Cluster::Life::on_refused(const Status& status) {
  owner.say_(fmt::format("{}: refused: {}", machine.node, status.text()));
  owner.world_.at(owner.world_.mono(), [cluster = &owner, m = &machine, life = this] {
    if (m->life.get() != life) return;
    cluster->end_life(*m);
    cluster->world_.at(cluster->world_.mono() + std::chrono::seconds(2), [cluster, m] {
      if (!m->life) cluster->boot(*m);
    });
  });
}

Cluster::Cluster(const Plan& plan, VirtualTime& time, VirtualNode& world, SimStore& store, SimHistoryStore& history,
                 const cron::ZoneSource& zones, Evidence& evidence, Say say)
    : plan_(plan),
      time_(time),
      world_(world),
      store_(store),
      history_(history),
      zones_(zones),
      evidence_(evidence),
      say_(std::move(say)),
      rng_(Rng(plan.seed).fork("cluster")),
      operator_(store.client(world)) {
  for (std::size_t i = 0; i < plan.nodes; ++i) {
    machines_.push_back(std::make_unique<Machine>(*this, i));
    Machine& machine = *machines_.back();
    machine.processes = std::make_unique<SimMachine>(machine.node, machine.runner, machine.runner, world_,
                                                     rng_.fork("machine"), plan.machine, evidence);
    machine.processes->options().kill_descendants = plan.rules.kill_descendants;
    machine.processes->set_hook([this, m = &machine](std::string_view point) { reached(*m, point); });
    boot(machine);
  }
}

Cluster::~Cluster() {
  for (auto& machine : machines_) end_life(*machine);
}

void Cluster::boot(Machine& machine) {
  CHECK(!machine.life);
  ++machine.lives;
  if (!plan_.rules.keep_spooled) machine.spooled.clear();
  machine.loop.restart();
  std::vector<exec::JournalEntry> journal =
      plan_.rules.sweep_before_claims ? machine.processes->replay() : machine.processes->replay_unswept();
  say_(fmt::format("{}: boots, its journal has {} runs", machine.node, journal.size()));
  machine.life = std::make_unique<Life>(*this, machine);
  const auto pid = machine.lives;
  // Within its own task, like everything else that the worker does.
  machine.loop.post([life = machine.life.get(), journal = std::move(journal), pid]() mutable {
    for (exec::JournalEntry& left : journal) life->worker.left(std::move(left));
    life->worker.start([pid](std::int64_t other) { return other == pid; });
  });
}

void Cluster::end_life(Machine& machine) {
  machine.loop.crash();
  machine.life.reset();
  machine.waiting_crash.reset();
}

// ---- faults
// -----------------------------------------------------------------------------------------------------------

std::size_t Cluster::span(const Fault& fault, const std::string& node) {
  evidence_.faults.push_back({std::string(to_string(fault.kind)), NodeId(node), world_.wall(), WallTime::max()});
  say_(fmt::format("fault: {}{}{}{} for {}", to_string(fault.kind), node.empty() ? "" : " of ", node,
                   fault.point.empty() ? "" : " at " + fault.point, to_text(fault.length)));
  return evidence_.faults.size() - 1;
}

void Cluster::until_then(const Fault& fault, std::function<void()> heal) {
  const std::size_t index = evidence_.faults.size() - 1;
  healing_[index] = [this, index, heal = std::move(heal)] {
    evidence_.faults[index].until = world_.wall();
    heal();
  };
  world_.at(world_.mono() + fault.length, [this, index] {
    if (auto found = healing_.extract(index)) found.mapped()();
  });
}

void Cluster::inject(const Fault& fault) {
  Machine& machine = *machines_[fault.node % machines_.size()];
  const std::string& node = machine.node.text();
  using Kind = Fault::Kind;
  switch (fault.kind) {
    case Kind::Crash:
    case Kind::MachineCrash:
    case Kind::DiskLost:
      if (!machine.life || machine.stopped > 0) return;
      if (fault.point.empty()) return crash(machine, fault);
      machine.waiting_crash = fault;
      return;
    case Kind::Freeze:
    case Kind::MachineFreeze: {
      const bool whole = fault.kind == Kind::MachineFreeze;
      span(fault, node);
      ++machine.stopped;
      machine.loop.freeze();
      if (whole && ++machine.runner_stopped > 0) machine.runner.freeze();
      return until_then(fault, [m = &machine, whole] {
        // The runner first: it ends what must not go on before the worker does anything.
        if (whole && --m->runner_stopped == 0) m->runner.thaw();
        if (--m->stopped == 0 && m->loop.frozen()) m->loop.thaw();
      });
    }
    case Kind::Cut:
    case Kind::CutRequests:
    case Kind::CutAnswers:
    case Kind::SlowLink: {
      span(fault, node);
      const auto count = [m = &machine, kind = fault.kind](int by) {
        if (kind == Kind::Cut || kind == Kind::CutRequests) m->cut_requests += by;
        if (kind == Kind::Cut || kind == Kind::CutAnswers) m->cut_answers += by;
        if (kind == Kind::SlowLink) m->slow += by;
        if (m->life) link(*m, *m->life->store);
      };
      if (fault.kind == Kind::SlowLink) machine.extra = fault.step;
      count(1);
      return until_then(fault, [count] { count(-1); });
    }
    case Kind::StoreRestart:
    case Kind::StoreDown:
      span(fault, "");
      store_.set_available(false);
      if (fault.kind == Kind::StoreRestart) store_.break_watches();
      ++store_down_;
      return until_then(fault, [this] {
        if (--store_down_ == 0) store_.set_available(true);
      });
    case Kind::StoreRestored: return set_back(fault);
    case Kind::LeaderChange:
      span(fault, "");
      store_.leader_change();
      return until_then(fault, [] {});
    case Kind::StoreFull:
      span(fault, "");
      store_.set_full(true);
      ++store_full_;
      return until_then(fault, [this] {
        if (--store_full_ == 0) store_.set_full(false);
      });
    case Kind::Compact: {
      operator_->compact(store_.revision(), [](Result<Revision>) {});
      return;
    }
    case Kind::HistoryDown:
      span(fault, "");
      history_.set_down(true);
      ++history_down_;
      return until_then(fault, [this] {
        if (--history_down_ == 0) history_.set_down(false);
      });
    case Kind::DiskFull:
      span(fault, node);
      machine.processes->set_disk_full(true);
      ++machine.disk_full;
      return until_then(fault, [m = &machine] {
        if (--m->disk_full == 0) m->processes->set_disk_full(false);
      });
    case Kind::Drain:
    case Kind::Relabel: {
      const bool drains = fault.kind == Kind::Drain;
      const NodeId id = machine.node;
      core::NodeSettings& settings = settings_[id];
      if (drains ? settings.drain : !settings.labels.empty()) return;
      span(fault, node);
      if (drains) {
        settings.drain = true;
      } else {
        settings.labels["zone"] = zone_of(machine.index, true);
      }
      put_settings(id);
      return until_then(fault, [this, id, drains] {
        if (drains) {
          settings_[id].drain = false;
        } else {
          settings_[id].labels.clear();
        }
        put_settings(id);
      });
    }
    case Kind::ClockStep:
      evidence_.shared_clock = false;
      span(fault, node);
      machine.loop.step_wall(fault.step);
      machine.runner.step_wall(fault.step);
      return until_then(fault, [m = &machine, step = fault.step] {
        m->loop.step_wall(-step);
        m->runner.step_wall(-step);
      });
    case Kind::ClockDrift:
      evidence_.shared_clock = false;
      span(fault, node);
      ++machine.drifts;
      drift(machine, fault.step, world_.mono() + fault.length);
      return until_then(fault, [m = &machine] {
        m->loop.step_wall(-m->drifted);
        m->runner.step_wall(-m->drifted);
        m->drifted = milliseconds(0);
        --m->drifts;
      });
  }
}

void Cluster::back_up(const Fault& restored) { backups_[&restored] = {world_.wall(), store_.snapshot()}; }

// Its members are stopped, get their data from the backup, and start; some time later an operator says what has
// happened.
void Cluster::set_back(const Fault& fault) {
  constexpr milliseconds kStopped{1'000};
  const Backup& backup = backups_.at(&fault);
  span(fault, "");
  store_.set_available(false);
  ++store_down_;
  ++being_restored_;
  const std::size_t restored = evidence_.restored.size();
  evidence_.restored.push_back({backup.at, world_.wall()});
  world_.at(world_.mono() + kStopped, [this, state = backup.state] {
    const core::Revision before = store_.revision();
    store_.restore(*state);
    --being_restored_;
    restored_last_ = world_.mono();
    evidence_.former_past += before - store_.revision();
    say_(fmt::format("the store is set back from revision {} to {}", before, store_.revision()));
    if (--store_down_ == 0) store_.set_available(true);
  });
  until_then(fault, [this, restored] { confirm(restored); });
}

// Again and again until the store has it. One operator brings the backups back: while the store is set back once more,
// he does not call the state before meant, and he waits until the workers have noticed.
void Cluster::confirm(std::size_t restored) {
  if (restored + 1 != evidence_.restored.size()) return;
  const auto again = [this, restored] {
    world_.at(world_.mono() + milliseconds(200), [this, restored] { confirm(restored); });
  };
  if (being_restored_ > 0 || world_.mono() < restored_last_ + milliseconds(3'000)) return again();
  const core::RestoredEntry word{.revision = store_.revision(), .by = "operator", .at = world_.wall()};
  std::vector<core::Txn> batch(1);
  batch[0].writes = {{core::Keys(evidence_.prefix).restored(), core::encode(word)}};
  operator_->commit(std::move(batch), [this, restored, again](Result<std::vector<core::TxnAnswer>> answer) {
    if (!answer) return again();
    evidence_.restored[restored].confirmed = world_.wall();
  });
}

// Again and again until the store has it.
void Cluster::put_settings(const NodeId& node) {
  settings_[node].at = world_.wall();
  std::vector<core::Txn> batch(1);
  batch[0].writes = {{core::Keys(evidence_.prefix).node_settings(node), core::encode(settings_[node])}};
  operator_->commit(std::move(batch), [this, node](Result<std::vector<core::TxnAnswer>> answer) {
    if (!answer) world_.at(world_.mono() + milliseconds(200), [this, node] { put_settings(node); });
  });
}

void Cluster::drift(Machine& machine, milliseconds step, MonoTime until) {
  if (world_.mono() >= until || machine.drifts == 0) return;
  machine.drifted += step;
  machine.loop.step_wall(step);
  machine.runner.step_wall(step);
  world_.at(world_.mono() + std::chrono::seconds(1), [this, m = &machine, step, until] { drift(*m, step, until); });
}

// What lies between a worker and the store now.
void Cluster::link(Machine& machine, SimClient& client) {
  client.cut_off(machine.cut_requests > 0, SimClient::Way::Requests);
  client.cut_off(machine.cut_answers > 0, SimClient::Way::Answers);
  const bool slow = machine.slow > 0;
  client.slow_down(slow ? machine.extra : milliseconds(0), slow ? 0.05 : 0);
}

void Cluster::crash(Machine& machine, const Fault& fault) {
  span(fault, machine.node.text());
  end_life(machine);
  switch (fault.kind) {
    case Fault::Kind::Crash: machine.processes->worker_died(); break;
    case Fault::Kind::MachineCrash:
      ++machine.boots;
      machine.processes->machine_died(SimMachine::Disk::Kept);
      break;
    default:
      ++machine.boots;
      ++machine.disks;
      machine.store_seen = {};
      machine.processes->machine_died(SimMachine::Disk::Lost);
      machine.node = NodeId(fmt::format("n{}-disk{}", machine.index + 1, machine.disks));
      machine.processes->set_node(machine.node);
      break;
  }
  until_then(fault, [this, m = &machine] {
    if (!m->life) boot(*m);
  });
}

void Cluster::reached(Machine& machine, std::string_view point) {
  if (!machine.waiting_crash || machine.waiting_crash->point != point || !machine.life) return;
  if (machine.runner_stopped > 0) return;  // nothing dies, and nothing is started again, on a machine that is suspended
  const Fault fault = *std::exchange(machine.waiting_crash, std::nullopt);
  // Nothing of this moment runs on: what the worker was told before it is all that it will ever know.
  if (fault.kind == Fault::Kind::Crash) {
    world_.post([this, m = &machine, fault] {
      if (m->life) crash(*m, fault);
    });
    return;
  }
  crash(machine, fault);
}

void Cluster::on_commit(const std::vector<Change>& changes) {
  for (const auto& machine : machines_) {
    if (!machine->waiting_crash) continue;
    const std::string own = "/cron/running/" + machine->node.text() + "/";
    for (const Change& change : changes) {
      if (change.entry.key.rfind(own, 0) != 0) continue;
      if (change.deleted) {
        reached(*machine, "removed");
      } else {
        reached(*machine, change.entry.value.find("\"ended\"") != std::string::npos ? "end" : "claim");
      }
      if (!machine->waiting_crash) break;
    }
  }
}

void Cluster::heal() {
  for (const auto& machine : machines_) machine->waiting_crash.reset();
  while (!healing_.empty()) {
    auto first = healing_.extract(healing_.begin());
    first.mapped()();
  }
  for (const auto& machine : machines_) {
    machine->processes->options() = MachineOptions{.kill_descendants = plan_.rules.kill_descendants};
    if (!machine->life) boot(*machine);
  }
}

bool Cluster::anything_spooled() const {
  return std::ranges::any_of(machines_, [](const auto& machine) { return !machine->spooled.empty(); });
}

bool Cluster::healthy() const {
  return healing_.empty() && std::all_of(machines_.begin(), machines_.end(), [](const auto& machine) {
           return machine->life && machine->life->worker.ready();
         });
}

}  // namespace cronfleet::sim
