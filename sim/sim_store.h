// sim/sim_store.h: a coordination store with etcd's rules, under virtual time, that can fail in etcd's ways.
//
// One SimStore is the whole cluster; each node talks to it through a SimClient of its own, which can be cut off. All
// chance comes from the Rng handed in, all containers are ordered: a seed gives one course of events. Single-threaded.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "async/loop.h"
#include "base/rng.h"
#include "coord/coord_store.h"

namespace cronfleet::sim {

using coord::Change;
using coord::Condition;
using coord::KeyValue;
using coord::LeaseId;
using coord::Listing;
using coord::Revision;
using coord::Txn;
using coord::TxnAnswer;

// All off but the latency. A probability counts per call.
struct SimFaults {
  std::chrono::microseconds latency_least{100}, latency_usual{600}, latency_most{20'000};  // one way
  double slow = 0.01;                                // share of messages between usual and most
  std::chrono::milliseconds request_timeout{2'000};  // then the client says Unavailable
  double lost = 0;                                   // Unavailable, and it never happened
  double answer_lost = 0;                            // Unavailable, and it did
  double late = 0;                                   // Unavailable at once, and it happens up to `late_most` afterwards
  std::chrono::milliseconds late_most{5'000};
  double watch_broken = 0;                          // per delivery: this one and all later ones are missing …
  std::chrono::milliseconds watch_silence{10'000};  // … until, within this time, the client notices: Unavailable
  std::chrono::milliseconds watch_delay_most{5};
  std::chrono::milliseconds lease_lag_most{500};  // a lease ends this much after its time
  // Windows that come by themselves; 0: none. A client's begin with the client.
  std::chrono::milliseconds cut_every{0}, cut_most{0};  // per client: mean distance, longest length
  std::chrono::milliseconds leader_change_every{0}, leader_gone_most{0};
};

class SimClient;

class SimStore {
 public:
  SimStore(async::Timers& timers, const async::Clock& clock, Rng rng, SimFaults faults = {});
  ~SimStore();

  // A node's way to the store. Answers and changes come as tasks on `loop`; destroying the client drops them all.
  // Clients end before the store does.
  std::unique_ptr<SimClient> client(async::Loop& loop);

  void set_faults(SimFaults faults);
  // No leader: nothing is answered, no lease ends. Coming back is a leader change.
  void set_available(bool available);
  // Every watch breaks.
  void break_watches();
  // Leases start anew with their full length.
  void leader_change();
  // Commits answer NoSpace; one in four is applied all the same.
  void set_full(bool full) { full_ = full; }

  // REL-12 switched off in its test: a client's second list of jobs/ goes on showing what it has seen and what is gone.
  void set_report_deletions(bool report) { report_deletions_ = report; }

  // A backup, and going back to it: the revision falls, watches break, leases start anew.
  struct Snapshot;
  std::shared_ptr<const Snapshot> snapshot() const;
  void restore(const Snapshot& snapshot);

  // For checkers: the truth, and each commit as it happens.
  const std::map<std::string, KeyValue>& entries() const { return entries_; }
  Revision revision() const { return revision_; }
  bool has_lease(LeaseId lease) const { return leases_.contains(lease); }
  void on_commit(std::function<void(Revision, const std::vector<Change>&)> observer) {
    observer_ = std::move(observer);
  }

 private:
  friend class SimClient;
  struct Lease {
    std::chrono::milliseconds ttl;
    MonoTime ends_at;
    std::set<std::string> keys;
  };
  struct Watch;

  // What a request does when it arrives.
  Result<std::vector<TxnAnswer>> apply(const std::vector<Txn>& batch);
  Result<Listing> read(const std::vector<std::string>& keys) const;
  Result<Listing> read_prefix(const std::string& prefix) const;
  Result<Listing> read_keys(const std::string& prefix, const std::string& after, std::size_t most) const;
  Result<LeaseId> grant(std::chrono::milliseconds ttl);
  Result<std::chrono::milliseconds> keep_alive(LeaseId lease);
  Result<Revision> revoke(LeaseId lease);
  Result<Revision> compact(Revision revision);
  void open(const std::shared_ptr<Watch>& watch, Revision after);

  const KeyValue* find(const std::string& key) const;
  void write(const coord::Write& write, Revision revision, std::vector<Change>& changes);
  void publish(Revision revision, std::vector<Change> changes);
  void offer(const std::shared_ptr<Watch>& watch, const std::vector<Change>& changes, Revision revision);
  void deliver(const std::shared_ptr<Watch>& watch);
  void break_watch(const std::shared_ptr<Watch>& watch);
  void expire_at(LeaseId id, MonoTime at);
  void schedule_leader_change();
  std::chrono::nanoseconds latency();
  std::chrono::nanoseconds up_to(std::chrono::nanoseconds most);
  template <typename Task>
  async::TimerId after(std::chrono::nanoseconds delay, Task task);

  async::Timers& timers_;
  const async::Clock& clock_;
  Rng rng_;
  SimFaults faults_;
  bool available_ = true, full_ = false, report_deletions_ = true;
  std::map<std::string, KeyValue> entries_;
  std::map<Revision, std::vector<Change>> log_;  // what watches can still resume from
  Revision revision_ = 1, compacted_ = 0;
  std::map<LeaseId, Lease> leases_;
  std::vector<std::weak_ptr<Watch>> watches_;
  std::function<void(Revision, const std::vector<Change>&)> observer_;
  async::TimerId leader_timer_ = 0;
  std::uint64_t restored_ = 0;  // how often: what was sent before does not arrive
  std::shared_ptr<char> alive_ = std::make_shared<char>();
};

class SimClient final : public coord::CoordStore {
 public:
  SimClient(SimStore& store, async::Loop& loop);
  ~SimClient() override;

  // While cut off every call ends Unavailable after the time-out, and watches break. One way alone: requests do not
  // arrive though watches go on, or they do arrive and nothing comes back.
  enum class Way { Both, Requests, Answers };
  void cut_off(bool cut, Way way = Way::Both);
  // Every message takes up to `extra` longer, and one in `lost` shares is lost.
  void slow_down(std::chrono::milliseconds extra, double lost) {
    extra_ = extra;
    lost_ = lost;
  }

  void commit(std::vector<Txn> batch, async::Callback<Result<std::vector<TxnAnswer>>> done) override;
  void get(std::vector<std::string> keys, async::Callback<Result<Listing>> done) override;
  void list(std::string prefix, async::Callback<Result<Listing>> done) override;
  void list_keys(std::string prefix, std::string after, std::size_t most,
                 async::Callback<Result<Listing>> done) override;
  coord::WatchHandle watch(std::string prefix, Revision after, coord::WatchSink& sink) override;
  void grant(std::chrono::milliseconds ttl, async::Callback<Result<LeaseId>> done) override;
  void keep_alive(LeaseId lease, async::Callback<Result<std::chrono::milliseconds>> done) override;
  void revoke(LeaseId lease, async::Callback<Result<Revision>> done) override;
  void compact(Revision revision, async::Callback<Result<Revision>> done) override;

 private:
  friend class SimStore;
  // Sends `run` to the store and its answer back, or loses either.
  template <typename T, typename Run>
  void call(Run run, async::Callback<Result<T>> done);
  void schedule_cut();

  SimStore& store_;
  async::Loop& loop_;
  bool cut_requests_ = false, cut_answers_ = false;
  std::chrono::milliseconds extra_{0};
  double lost_ = 0;
  std::chrono::nanoseconds latency();
  std::map<std::string, KeyValue> listed_;  // jobs, while lists do not tell of deletions
  async::TimerId cut_timer_ = 0;
  std::shared_ptr<char> alive_ = std::make_shared<char>();
};

}  // namespace cronfleet::sim
