#include "coord/batcher.h"

#include <algorithm>
#include <cmath>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "base/check.h"

namespace cronfleet::coord {
namespace {

// How far down the queue we look for transactions that fit, in batches: a queue full of one hot key is not walked anew
// for every batch.
constexpr std::size_t kLookAhead = 8;
constexpr double kRateGuess = 1'000;
constexpr double kRateDecay = 0.9;
constexpr double kLatencyWeight = 0.125, kSpreadWeight = 0.25;  // of the newest, as TCP takes them
constexpr std::chrono::milliseconds kSilence{250};              // no answer to a batch for so long is odd

using KeySet = std::unordered_set<std::string_view>;

struct Keys {
  KeySet written, judged;  // written; written or in a condition
  KeySet seen;             // any of these, or read when refused

  void add(const Txn& txn) {
    for (const Write& write : txn.writes) {
      written.insert(write.key);
      judged.insert(write.key);
      seen.insert(write.key);
    }
    for (const Condition& condition : txn.expected) {
      judged.insert(condition.key);
      seen.insert(condition.key);
    }
    seen.insert(txn.read_if_refused.begin(), txn.read_if_refused.end());
  }
};

// The store would refuse both in one batch.
bool clashes(const Txn& txn, const Keys& members) {
  return std::any_of(txn.writes.begin(), txn.writes.end(),
                     [&](const Write& w) { return members.judged.contains(w.key); }) ||
         std::any_of(txn.expected.begin(), txn.expected.end(),
                     [&](const Condition& c) { return members.written.contains(c.key); });
}

// `txn` would overtake an earlier one that it shares a key with.
bool overtakes(const Txn& txn, const Keys& earlier) {
  const auto is_written = [&](const std::string& key) { return earlier.written.contains(key); };
  return std::any_of(txn.writes.begin(), txn.writes.end(),
                     [&](const Write& w) { return earlier.seen.contains(w.key); }) ||
         std::any_of(txn.expected.begin(), txn.expected.end(), [&](const Condition& c) { return is_written(c.key); }) ||
         std::any_of(txn.read_if_refused.begin(), txn.read_if_refused.end(), is_written);
}

bool writes_no_key_twice(const Txn& txn) {
  for (std::size_t i = 1; i < txn.writes.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (txn.writes[i].key == txn.writes[j].key) return false;
    }
  }
  return true;
}

Status dropped() { return Status(Code::Cancelled, "the transactions of this session were dropped"); }

}  // namespace

Batcher::Batcher(CoordStore& store, async::Loop& loop, async::Timers& timers, const async::Clock& clock,
                 BatcherOptions options)
    : store_(store), loop_(loop), timers_(timers), clock_(clock), options_(options) {
  CHECK(options_.batch_max >= 1 && options_.batch_max <= CoordStore::kBatchMax && options_.in_flight_max >= 1);
}

void Batcher::add(Txn txn, std::chrono::milliseconds patience, Done done) {
  CHECK(writes_no_key_twice(txn));
  if (queue_.size() >= options_.queue_max) {
    answer_later(std::move(done), Status(Code::Unavailable, fmt::format("{} transactions are waiting for the "
                                                                        "coordination store already: not sent",
                                                                        queue_.size())));
    return;
  }
  queue_.push_back({std::move(txn), std::move(done), clock_.mono() + patience});
  schedule();
}

// Whether what waits makes a full batch, or one of it will not wait any longer. Otherwise we look again when it will
// not.
bool Batcher::worth_sending() {
  if (queue_.empty()) return false;
  if (queue_.size() >= options_.batch_max) return true;
  MonoTime first = MonoTime::max();
  for (const Pending& pending : queue_) first = std::min(first, pending.not_later);
  if (first <= clock_.mono()) return true;
  if (patience_timer_ != 0 && patience_at_ <= first) return false;
  timers_.cancel(patience_timer_);
  patience_at_ = first;
  patience_timer_ = timers_.at(first, [this] {
    patience_timer_ = 0;
    schedule();
  });
  return false;
}

bool Batcher::may_send() const {
  if (flights_.empty()) return true;
  if (flights_.size() >= options_.in_flight_max) return false;
  return clock_.mono() - flights_.begin()->second.sent_at < std::max<std::chrono::nanoseconds>(kSilence, 2 * latency());
}

void Batcher::schedule() {
  if (send_scheduled_ || !may_send() || !worth_sending()) return;
  send_scheduled_ = true;
  loop_.post(alive_.wrap([this] {
    send_scheduled_ = false;
    send();
  }));
}

void Batcher::send() {
  while (may_send() && worth_sending()) {
    std::vector<Pending> members = take_batch();
    if (members.empty()) return;
    const MonoTime now = clock_.mono();
    if (flights_.empty()) busy_from_ = now;
    const std::uint64_t id = next_flight_++;
    Flight& flight = flights_[id];
    flight.sent_at = now;
    std::vector<Txn> batch;
    batch.reserve(members.size());
    for (Pending& member : members) {
      if (options_.in_flight_max > 1) {
        for (const Write& write : member.txn.writes) flight.written.push_back(write.key);
        for (const Condition& condition : member.txn.expected) flight.seen.push_back(condition.key);
        for (const std::string& key : member.txn.read_if_refused) flight.seen.push_back(key);
      }
      batch.push_back(std::move(member.txn));
      flight.done.push_back(std::move(member.done));
    }
    store_.commit(std::move(batch), sending_.wrap([this, id](Result<std::vector<TxnAnswer>> answers) {
      on_answers(id, std::move(answers));
    }));
  }
}

std::vector<Batcher::Pending> Batcher::take_batch() {
  Keys members, earlier;  // borrow their keys from the queue and the flights
  for (const auto& [id, flight] : flights_) {
    earlier.written.insert(flight.written.begin(), flight.written.end());
    earlier.seen.insert(flight.written.begin(), flight.written.end());
    earlier.seen.insert(flight.seen.begin(), flight.seen.end());
  }
  std::vector<std::size_t> taken;
  const std::size_t looked_at_max = std::min(queue_.size(), kLookAhead * options_.batch_max);
  for (std::size_t i = 0; i < looked_at_max && taken.size() < options_.batch_max; ++i) {
    const Txn& txn = queue_[i].txn;
    if (clashes(txn, members) || overtakes(txn, earlier)) {
      earlier.add(txn);
    } else {
      members.add(txn);
      taken.push_back(i);
    }
  }
  std::vector<Pending> batch;
  batch.reserve(taken.size());
  for (const std::size_t i : taken) batch.push_back(std::move(queue_[i]));
  // Close the gaps: those that stay keep their order.
  if (!taken.empty()) {
    std::size_t next_taken = 0, to = 0;
    for (std::size_t from = 0; from <= taken.back(); ++from) {
      if (next_taken < taken.size() && taken[next_taken] == from) {
        ++next_taken;
      } else {
        if (to != from) queue_[to] = std::move(queue_[from]);
        ++to;
      }
    }
    const auto first = queue_.begin() + static_cast<std::ptrdiff_t>(to);
    queue_.erase(first, first + static_cast<std::ptrdiff_t>(taken.size()));
  }
  return batch;
}

void Batcher::on_answers(std::uint64_t id, Result<std::vector<TxnAnswer>> answers) {
  auto found = flights_.extract(id);
  CHECK(!found.empty());
  Flight flight = std::move(found.mapped());
  const MonoTime now = clock_.mono(), counted_from = std::exchange(busy_from_, now);
  if (answers) {
    CHECK(answers->size() == flight.done.size());
    answered_ = answered_ * kRateDecay + static_cast<double>(flight.done.size());
    seconds_ = seconds_ * kRateDecay + std::chrono::duration<double>(now - counted_from).count();
    const double took = std::chrono::duration<double>(now - flight.sent_at).count();
    if (latency_mean_ == 0) {
      latency_mean_ = took;
      latency_spread_ = took / 2;
    }
    latency_spread_ += kSpreadWeight * (std::abs(took - latency_mean_) - latency_spread_);
    latency_mean_ += kLatencyWeight * (took - latency_mean_);
    for (TxnAnswer& answer : *answers) answer.sent_at = flight.sent_at;
  }
  send();
  // Last: an answer often adds the next transaction, and one of them may drop() or destroy us.
  const auto sending = sending_.token(), alive = alive_.token();
  for (std::size_t i = 0; i < flight.done.size() && !alive.expired(); ++i) {
    if (sending.expired()) {
      flight.done[i](Failure(dropped()));
    } else if (answers) {
      flight.done[i](std::move((*answers)[i]));
    } else {
      flight.done[i](Failure(answers.error()));
    }
  }
}

void Batcher::answer_later(Done done, Status status) {
  loop_.post(alive_.wrap([done = std::move(done), status = std::move(status)]() mutable { done(Failure(status)); }));
}

void Batcher::drop() {
  sending_.renew();
  for (auto& [id, flight] : flights_) {
    for (Done& done : flight.done) answer_later(std::move(done), dropped());
  }
  flights_.clear();
  for (Pending& pending : queue_) answer_later(std::move(pending.done), dropped());
  queue_.clear();
  timers_.cancel(patience_timer_);
  patience_timer_ = 0;
}

std::chrono::microseconds Batcher::latency() const {
  return std::chrono::microseconds(static_cast<std::int64_t>(1e6 * (latency_mean_ + 4 * latency_spread_)));
}

double Batcher::rate_per_second() const {
  return seconds_ > 0 ? answered_ / seconds_ : answered_ > 0 ? 1e9 : kRateGuess;
}

}  // namespace cronfleet::coord
