// sim/sim_history.h: the run history as the simulator has it. One SimHistoryStore is the server and outlives every
// node; each node reaches it through a SimHistory of its own, which goes with the node when that crashes.
//
// A call takes its time on the way to the store and on the way back. What a crashed node had sent is still stored; its
// answer is dropped. All chance comes from the Rng, all containers are ordered: one seed gives one course of events.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "async/loop.h"
#include "base/rng.h"
#include "history/contract.h"
#include "history/run_history.h"

namespace cronfleet::sim {

struct SimHistoryFaults {
  std::chrono::microseconds latency_min{200}, latency_max{5'000};  // of one way
  double unavailable = 0;                                          // chance that a call is lost before the store
  double unknown = 0;                            // chance that its answer is: stored, but nobody knows
  std::chrono::milliseconds timeout{2'000};      // after which a lost call answers Unavailable
  double outage = 0;                             // chance, for each call, that an outage begins
  std::chrono::milliseconds outage_max{60'000};  // its longest
};

class SimHistoryStore {
 public:
  // `timers` and `clock` are the world's, not a node's.
  SimHistoryStore(async::Timers& timers, const async::Clock& clock, Rng rng, SimHistoryFaults faults,
                  history::Retention retention = {});

  void set_faults(SimHistoryFaults faults) { faults_ = faults; }
  void set_down(bool down) { down_ = down; }                      // until told otherwise; outages end by themselves
  void set_full(bool full) { full_ = full; }                      // writes answer NoSpace
  void set_first_stands(bool stands) { first_stands_ = stands; }  // protocol.md rule 10, switched off in its test

  // What stands, for the checkers.
  const std::map<domain::RunId, domain::RunRecord>& records() const { return records_; }
  const std::map<std::uint64_t, domain::OutputChunk>* chunks(const domain::RunId& run) const;
  std::uint64_t too_old() const { return too_old_; }
  std::uint64_t inserts() const { return inserts_; }

 private:
  friend class SimHistory;
  bool reachable();
  std::chrono::nanoseconds latency();

  Result<std::vector<history::Inserted>> insert(const std::vector<domain::RunRecord>& records);
  Result<std::size_t> append(const std::vector<domain::OutputChunk>& chunks);
  Result<std::size_t> prune(history::Retention retention, WallTime now, std::size_t records_max);
  void erase(const history::Position& position);

  async::Timers& timers_;
  const async::Clock& clock_;
  Rng rng_;
  SimHistoryFaults faults_;
  history::Retention retention_;
  bool down_ = false, full_ = false, first_stands_ = true;
  MonoTime outage_until_{};
  std::map<domain::RunId, domain::RunRecord> records_;
  std::set<history::Position> by_time_;
  std::map<JobName, std::set<history::Position>> by_job_;
  std::map<domain::RunId, std::map<std::uint64_t, domain::OutputChunk>> chunks_;
  std::uint64_t too_old_ = 0, inserts_ = 0;
};

// Answers on `loop`, the node's. Reads answer at once, or Unavailable while the store cannot be reached.
class SimHistory final : public history::RunHistory {
 public:
  // Called at "record-sent", when records leave the node, and at "record-stored", when they stand and nobody knows yet.
  using Hook = std::function<void(std::string_view point)>;

  SimHistory(SimHistoryStore& store, async::Loop& loop, Hook hook = {})
      : store_(store), loop_(loop), hook_(std::move(hook)) {}

  void insert(std::vector<domain::RunRecord> records,
              async::Callback<Result<std::vector<history::Inserted>>> done) override;
  void append_output(std::vector<domain::OutputChunk> chunks, async::Callback<Result<std::size_t>> done) override;
  Result<domain::RunRecord> get(const domain::RunId& run) override;
  Result<history::RunPage> find(const history::RunQuery& query) override;
  Result<history::OutputSlice> output(const domain::RunId& run, std::uint64_t from, std::size_t bytes_max) override;
  Result<std::vector<history::StatusCount>> counts(WallTime from, WallTime until) override;
  void prune(history::Retention retention, WallTime now, std::size_t records_max,
             async::Callback<Result<std::size_t>> done) override;

 private:
  // Carries `write` to the store and its answer back, with the faults of the day.
  template <typename Answer, typename Write>
  void send(Write write, async::Callback<Result<Answer>> done);

  SimHistoryStore& store_;
  async::Loop& loop_;
  const Hook hook_;
  std::shared_ptr<int> alive_ = std::make_shared<int>();
};

}  // namespace cronfleet::sim
