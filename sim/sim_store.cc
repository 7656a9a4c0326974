#include "sim/sim_store.h"

#include <algorithm>
#include <deque>

#include "base/check.h"
#include "coord/batch_rules.h"

namespace cronfleet::sim {

struct SimStore::Watch {
  std::string prefix;
  const SimClient* client;
  std::weak_ptr<char> client_alive;
  coord::WatchSink* sink;
  async::Loop* loop;
  bool stopped = false;  // by its handle, or failed
  bool broken = false;   // nothing more arrives
  bool opened = false;
  Revision seen = 0;  // of the newest change waiting or delivered
  std::deque<std::pair<Revision, std::vector<Change>>> waiting;
  bool delivery_scheduled = false;

  bool over() const { return stopped || client_alive.expired(); }
  void fail(Status status) {
    if (over()) return;
    stopped = true;
    sink->on_failed(std::move(status));
  }
};

struct SimStore::Snapshot {
  std::map<std::string, KeyValue> entries;
  std::map<Revision, std::vector<Change>> log;
  Revision revision, compacted;
  std::map<LeaseId, Lease> leases;
};

template <typename Task>
async::TimerId SimStore::after(std::chrono::nanoseconds delay, Task task) {
  return timers_.at(clock_.mono() + delay, [alive = std::weak_ptr<char>(alive_), task = std::move(task)]() mutable {
    if (!alive.expired()) task();
  });
}

SimStore::SimStore(async::Timers& timers, const async::Clock& clock, Rng rng, SimFaults faults)
    : timers_(timers), clock_(clock), rng_(rng), faults_(faults) {
  schedule_leader_change();
}

SimStore::~SimStore() { timers_.cancel(leader_timer_); }

std::unique_ptr<SimClient> SimStore::client(async::Loop& loop) { return std::make_unique<SimClient>(*this, loop); }

void SimStore::set_faults(SimFaults faults) {
  faults_ = faults;
  schedule_leader_change();
}

std::chrono::nanoseconds SimStore::up_to(std::chrono::nanoseconds most) {
  return std::chrono::nanoseconds(rng_.below(static_cast<std::uint64_t>(most.count()) + 1));
}

std::chrono::nanoseconds SimStore::latency() {
  if (rng_.chance(faults_.slow)) return faults_.latency_usual + up_to(faults_.latency_most - faults_.latency_usual);
  return faults_.latency_least + up_to(faults_.latency_usual - faults_.latency_least);
}

// ---- availability ----

void SimStore::set_available(bool available) {
  if (available == available_) return;
  available_ = available;
  if (available) leader_change();
}

void SimStore::break_watches() {
  for (const auto& weak : std::exchange(watches_, {})) {
    if (const auto watch = weak.lock()) break_watch(watch);
  }
}

void SimStore::leader_change() {
  for (auto& [id, lease] : leases_) {
    lease.ends_at = clock_.mono() + lease.ttl;
    expire_at(id, lease.ends_at);
  }
}

void SimStore::schedule_leader_change() {
  timers_.cancel(leader_timer_);
  leader_timer_ = 0;
  if (faults_.leader_change_every.count() == 0) return;
  leader_timer_ = after(up_to(2 * faults_.leader_change_every), [this] {
    set_available(false);
    leader_timer_ = after(up_to(faults_.leader_gone_most), [this] {
      set_available(true);
      schedule_leader_change();
    });
  });
}

std::shared_ptr<const SimStore::Snapshot> SimStore::snapshot() const {
  return std::make_shared<Snapshot>(Snapshot{entries_, log_, revision_, compacted_, leases_});
}

void SimStore::restore(const Snapshot& snapshot) {
  entries_ = snapshot.entries;
  log_ = snapshot.log;
  revision_ = snapshot.revision;
  compacted_ = snapshot.compacted;
  leases_ = snapshot.leases;
  ++restored_;
  break_watches();
  leader_change();
}

// ---- transactions and reads ----

const KeyValue* SimStore::find(const std::string& key) const {
  const auto found = entries_.find(key);
  return found == entries_.end() ? nullptr : &found->second;
}

Result<std::vector<TxnAnswer>> SimStore::apply(const std::vector<Txn>& batch) {
  if (auto refusal = coord::refuse_batch(batch)) return Failure(std::move(*refusal));
  if (full_ && !rng_.chance(0.25)) return fail(Code::NoSpace, "the simulated store is full");
  std::vector<TxnAnswer> answers(batch.size());
  for (std::size_t i = 0; i < batch.size(); ++i) {
    answers[i].committed =
        std::all_of(batch[i].expected.begin(), batch[i].expected.end(),
                    [&](const Condition& condition) { return coord::holds(condition, find(condition.key)); });
    if (!answers[i].committed) continue;
    for (const coord::Write& write : batch[i].writes) {
      if (write.value && write.lease != 0 && !leases_.contains(write.lease))
        return fail(Code::LeaseLost, "lease {} of key '{}' has ended", write.lease, write.key);
    }
  }
  const Revision next = revision_ + 1;
  std::vector<Change> changes;
  for (std::size_t i = 0; i < batch.size(); ++i) {
    if (answers[i].committed) {
      for (const coord::Write& w : batch[i].writes) write(w, next, changes);
    } else {
      for (const std::string& key : batch[i].read_if_refused) {
        if (const KeyValue* found = find(key)) answers[i].found.push_back(*found);
      }
    }
  }
  publish(next, std::move(changes));
  for (TxnAnswer& answer : answers) answer.revision = revision_;
  if (full_) return fail(Code::NoSpace, "the simulated store is full");
  return answers;
}

void SimStore::write(const coord::Write& write, Revision revision, std::vector<Change>& changes) {
  const auto found = entries_.find(write.key);
  if (found != entries_.end() && found->second.lease != 0) {
    if (const auto old = leases_.find(found->second.lease); old != leases_.end()) old->second.keys.erase(write.key);
  }
  if (!write.value) {
    if (found == entries_.end()) return;
    entries_.erase(found);
    changes.push_back({KeyValue{write.key, {}, 0, revision, 0}, true});
    return;
  }
  const Revision created = found == entries_.end() ? revision : found->second.created;
  KeyValue& entry = entries_[write.key];
  entry = KeyValue{write.key, *write.value, created, revision, write.lease};
  if (write.lease != 0) leases_.at(write.lease).keys.insert(write.key);
  changes.push_back({entry, false});
}

void SimStore::publish(Revision revision, std::vector<Change> changes) {
  if (changes.empty()) return;
  revision_ = revision;
  if (observer_) observer_(revision, changes);
  std::erase_if(watches_, [](const auto& weak) { return weak.expired(); });
  for (const auto& weak : watches_) {
    if (const auto watch = weak.lock()) offer(watch, changes, revision);
  }
  log_[revision] = std::move(changes);
}

Result<Listing> SimStore::read(const std::vector<std::string>& keys) const {
  Listing listing;
  listing.revision = revision_;
  for (const std::string& key : keys) {
    if (const KeyValue* found = find(key)) listing.entries.push_back(*found);
  }
  return listing;
}

Result<Listing> SimStore::read_prefix(const std::string& prefix) const {
  Listing listing;
  listing.revision = revision_;
  for (auto at = entries_.lower_bound(prefix); at != entries_.end() && at->first.starts_with(prefix); ++at)
    listing.entries.push_back(at->second);
  return listing;
}

Result<Listing> SimStore::read_keys(const std::string& prefix, const std::string& after, std::size_t most) const {
  Listing listing;
  listing.revision = revision_;
  for (auto at = after < prefix ? entries_.lower_bound(prefix) : entries_.upper_bound(after);
       at != entries_.end() && at->first.starts_with(prefix) && listing.entries.size() < most; ++at) {
    listing.entries.push_back(at->second);
    listing.entries.back().value.clear();
  }
  return listing;
}

Result<Revision> SimStore::compact(Revision revision) {
  if (revision > revision_)
    return fail(Code::InvalidArgument, "revision {} is ahead of the store at {}", revision, revision_);
  compacted_ = std::max(compacted_, revision);
  log_.erase(log_.begin(), log_.upper_bound(compacted_));
  return compacted_;
}

// ---- leases ----

Result<LeaseId> SimStore::grant(std::chrono::milliseconds ttl) {
  LeaseId id = 0;
  while (id == 0 || leases_.contains(id)) id = static_cast<LeaseId>(rng_.next() >> 1);
  leases_[id] = Lease{ttl, clock_.mono() + ttl, {}};
  expire_at(id, clock_.mono() + ttl);
  return id;
}

void SimStore::expire_at(LeaseId id, MonoTime at) {
  after(at - clock_.mono() + up_to(faults_.lease_lag_most), [this, id] {
    const auto found = leases_.find(id);
    if (found == leases_.end() || !available_ || clock_.mono() < found->second.ends_at) return;
    (void)revoke(id);
  });
}

Result<std::chrono::milliseconds> SimStore::keep_alive(LeaseId lease) {
  const auto found = leases_.find(lease);
  if (found == leases_.end()) return fail(Code::LeaseLost, "lease {} has ended", lease);
  found->second.ends_at = clock_.mono() + found->second.ttl;
  expire_at(lease, found->second.ends_at);
  return found->second.ttl;
}

Result<Revision> SimStore::revoke(LeaseId lease) {
  const auto found = leases_.find(lease);
  if (found == leases_.end()) return fail(Code::LeaseLost, "lease {} has ended", lease);
  const std::set<std::string> keys = std::move(found->second.keys);
  leases_.erase(found);
  std::vector<Change> changes;
  for (const std::string& key : keys) write({key, std::nullopt, 0}, revision_ + 1, changes);
  publish(revision_ + 1, std::move(changes));
  return revision_;
}

// ---- watches ----

void SimStore::open(const std::shared_ptr<Watch>& watch, Revision after_revision) {
  watch->opened = true;
  if (after_revision < compacted_ || after_revision > revision_) {
    const Status status(Code::Compacted, fmt::format("changes after revision {} are not kept: {} to {} are",
                                                     after_revision, compacted_, revision_));
    after(latency(), [watch, status] {
      if (!watch->over()) watch->loop->post([watch, status] { watch->fail(status); });
    });
    return;
  }
  watches_.push_back(watch);
  for (auto at = log_.upper_bound(after_revision); at != log_.end(); ++at) offer(watch, at->second, at->first);
}

void SimStore::offer(const std::shared_ptr<Watch>& watch, const std::vector<Change>& changes, Revision revision) {
  if (watch->over() || watch->broken) return;
  std::vector<Change> mine;
  for (const Change& change : changes) {
    if (change.entry.key.starts_with(watch->prefix)) mine.push_back(change);
  }
  if (mine.empty()) return;
  watch->waiting.emplace_back(revision, std::move(mine));
  if (std::exchange(watch->delivery_scheduled, true)) return;
  const bool slow = !watch->client_alive.expired() && watch->client->extra_.count() > 0;
  const std::chrono::nanoseconds extra = slow ? up_to(watch->client->extra_) : std::chrono::nanoseconds(0);
  after(latency() + extra + up_to(faults_.watch_delay_most), [this, watch] {
    watch->delivery_scheduled = false;
    deliver(watch);
  });
}

// Everything that waits goes in one piece, as a slow stream does it.
void SimStore::deliver(const std::shared_ptr<Watch>& watch) {
  if (watch->over() || watch->broken) return;
  if (rng_.chance(faults_.watch_broken)) return break_watch(watch);
  std::vector<Change> changes;
  const Revision revision = watch->waiting.back().first;
  for (auto& [at, some] : watch->waiting) std::move(some.begin(), some.end(), std::back_inserter(changes));
  watch->waiting.clear();
  watch->loop->post([watch, changes = std::move(changes), revision]() mutable {
    if (!watch->over()) watch->sink->on_changes(std::move(changes), revision);
  });
}

void SimStore::break_watch(const std::shared_ptr<Watch>& watch) {
  if (watch->over() || std::exchange(watch->broken, true)) return;
  watch->waiting.clear();
  after(up_to(faults_.watch_silence), [watch] {
    if (watch->over()) return;
    watch->loop->post([watch] { watch->fail(Status(Code::Unavailable, "the watch has broken")); });
  });
}

// ---- a client ----

SimClient::SimClient(SimStore& store, async::Loop& loop) : store_(store), loop_(loop) { schedule_cut(); }

SimClient::~SimClient() { store_.timers_.cancel(cut_timer_); }

void SimClient::schedule_cut() {
  if (store_.faults_.cut_every.count() == 0) return;
  cut_timer_ = store_.after(store_.up_to(2 * store_.faults_.cut_every), [this] {
    cut_off(true);
    cut_timer_ = store_.after(store_.up_to(store_.faults_.cut_most), [this] {
      cut_off(false);
      schedule_cut();
    });
  });
}

std::chrono::nanoseconds SimClient::latency() {
  return store_.latency() + (extra_.count() > 0 ? store_.up_to(extra_) : std::chrono::nanoseconds(0));
}

void SimClient::cut_off(bool cut, Way way) {
  if (way != Way::Answers) cut_requests_ = cut;
  if (way != Way::Requests) cut_answers_ = cut;
  if (!cut_answers_) return;
  for (const auto& weak : store_.watches_) {
    if (const auto watch = weak.lock(); watch && watch->client == this) store_.break_watch(watch);
  }
}

template <typename T, typename Run>
void SimClient::call(Run run, async::Callback<Result<T>> done) {
  const SimFaults& faults = store_.faults_;
  // The answer, or what stands in for it; whichever comes first.
  struct Waiting {
    async::Callback<Result<T>> done;
    bool answered = false;
    async::TimerId timeout = 0;
  };
  const auto waiting = std::make_shared<Waiting>();
  waiting->done = std::move(done);
  const auto answer = [this, waiting, alive = std::weak_ptr<char>(alive_)](Result<T> result) {
    if (alive.expired() || std::exchange(waiting->answered, true)) return;
    store_.timers_.cancel(waiting->timeout);
    loop_.post([waiting, alive, result = std::move(result)]() mutable {
      if (!alive.expired()) waiting->done(std::move(result));
    });
  };
  const auto unknown = [answer] { answer(fail(Code::Unavailable, "no answer from the simulated store in time")); };

  enum class Fate { Well, Lost, AnswerLost, Late };
  Fate fate = Fate::Well;
  std::chrono::nanoseconds way = latency();
  if (store_.rng_.chance(faults.lost)) fate = Fate::Lost;
  if (store_.rng_.chance(faults.answer_lost)) fate = Fate::AnswerLost;
  if (store_.rng_.chance(faults.late)) fate = Fate::Late;
  if (lost_ > 0 && store_.rng_.chance(lost_)) fate = store_.rng_.chance(0.5) ? Fate::Lost : Fate::AnswerLost;
  // Clients learn of a failure at once (a broken connection) or by their own clock.
  const bool noticed = fate == Fate::Late || (fate != Fate::Well && store_.rng_.chance(0.5));
  waiting->timeout =
      store_.after(noticed ? way + store_.latency() : std::chrono::nanoseconds(faults.request_timeout), unknown);
  if (fate == Fate::Late) way += store_.up_to(faults.late_most);
  if (fate == Fate::Lost) return;

  store_.after(way, [this, run = std::move(run), answer, fate, restored = store_.restored_,
                     alive = std::weak_ptr<char>(alive_)]() mutable {
    // A request that is on its way when its sender dies arrives all the same; one sent into a cut or to a store without
    // a leader does not.
    const bool sender_lives = !alive.expired();
    if (run.store->restored_ != restored) return;  // another process listens there now
    if (!run.store->available_ || (sender_lives && cut_requests_ && fate != Fate::Late)) return;
    Result<T> result = run();
    if (!sender_lives || fate != Fate::Well) return;
    run.store->after(latency(), [this, answer, alive, result = std::move(result)]() mutable {
      if (!alive.expired() && !cut_answers_) answer(std::move(result));
    });
  });
}

namespace {

// A request on its way: keeps the store, since its client may be gone when it arrives.
template <typename Body>
struct Request {
  SimStore* store;
  Body body;
  auto operator()() { return body(*store); }
};
template <typename Body>
Request<Body> request(SimStore& store, Body body) {
  return {&store, std::move(body)};
}

}  // namespace

void SimClient::commit(std::vector<Txn> batch, async::Callback<Result<std::vector<TxnAnswer>>> done) {
  call<std::vector<TxnAnswer>>(
      request(store_, [batch = std::move(batch)](SimStore& store) { return store.apply(batch); }), std::move(done));
}

void SimClient::get(std::vector<std::string> keys, async::Callback<Result<Listing>> done) {
  call<Listing>(request(store_, [keys = std::move(keys)](SimStore& store) { return store.read(keys); }),
                std::move(done));
}

void SimClient::list(std::string prefix, async::Callback<Result<Listing>> done) {
  if (!store_.report_deletions_ && prefix.ends_with("/jobs/")) {
    done = [this, done = std::move(done)](Result<Listing> listing) mutable {
      if (listing) {
        for (KeyValue& entry : listing->entries) listed_[entry.key] = std::move(entry);
        listing->entries.clear();
        for (const auto& [key, entry] : listed_) listing->entries.push_back(entry);
      }
      done(std::move(listing));
    };
  }
  call<Listing>(request(store_, [prefix = std::move(prefix)](SimStore& store) { return store.read_prefix(prefix); }),
                std::move(done));
}

void SimClient::list_keys(std::string prefix, std::string after, std::size_t most,
                          async::Callback<Result<Listing>> done) {
  call<Listing>(request(store_, [prefix = std::move(prefix), after = std::move(after),
                                 most](SimStore& store) { return store.read_keys(prefix, after, most); }),
                std::move(done));
}

void SimClient::grant(std::chrono::milliseconds ttl, async::Callback<Result<LeaseId>> done) {
  call<LeaseId>(request(store_, [ttl](SimStore& store) { return store.grant(ttl); }), std::move(done));
}

void SimClient::keep_alive(LeaseId lease, async::Callback<Result<std::chrono::milliseconds>> done) {
  call<std::chrono::milliseconds>(request(store_, [lease](SimStore& store) { return store.keep_alive(lease); }),
                                  std::move(done));
}

void SimClient::revoke(LeaseId lease, async::Callback<Result<Revision>> done) {
  call<Revision>(request(store_, [lease](SimStore& store) { return store.revoke(lease); }), std::move(done));
}

void SimClient::compact(Revision revision, async::Callback<Result<Revision>> done) {
  call<Revision>(request(store_, [revision](SimStore& store) { return store.compact(revision); }), std::move(done));
}

coord::WatchHandle SimClient::watch(std::string prefix, Revision after, coord::WatchSink& sink) {
  struct Stop final : coord::WatchStop {
    explicit Stop(std::shared_ptr<SimStore::Watch> w) : watch(std::move(w)) {}
    ~Stop() override { watch->stopped = true; }
    std::shared_ptr<SimStore::Watch> watch;
  };
  const auto watch = std::make_shared<SimStore::Watch>();
  watch->prefix = std::move(prefix);
  watch->client = this;
  watch->client_alive = alive_;
  watch->sink = &sink;
  watch->loop = &loop_;
  store_.after(store_.latency(), [this, watch, after, alive = std::weak_ptr<char>(alive_)] {
    if (alive.expired() || watch->stopped) return;
    if (!store_.available_ || cut_requests_ || cut_answers_) return store_.break_watch(watch);
    store_.open(watch, after);
  });
  return std::make_unique<Stop>(watch);
}

}  // namespace cronfleet::sim
