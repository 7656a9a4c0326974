// coord/batcher.h: group commit of transactions (DESIGN.md §4.4).
//
// What is added in one step of the loop, or while as many batches as allowed are in flight, goes together, up to 64;
// one that has patience waits that long for others, and goes with the next that have none. No key that one member
// writes may stand in another's writes or conditions: a transaction that meets such a member waits for the next batch,
// and nothing overtakes an earlier transaction that shares a key with it, be it only one that it reads when refused.
// The result equals the order in which they were added, as far as anybody can tell. While a batch is out for much
// longer than they take as a rule, no other follows it: perhaps what we send arrives and only the answers do not. Loop
// thread only. Holds at most `queue_max` transactions; past that add() answers Unavailable without sending.
#pragma once

#include <deque>
#include <map>
#include <string>
#include <vector>

#include "async/loop.h"
#include "coord/coord_store.h"
#include "coord/guard.h"

namespace cronfleet::coord {

struct BatcherOptions {
  std::size_t batch_max = CoordStore::kBatchMax;
  std::size_t in_flight_max = 1;  // batches under way at once
  std::size_t queue_max = 100'000;
};

class Batcher {
 public:
  using Done = async::Callback<Result<TxnAnswer>>;

  Batcher(CoordStore& store, async::Loop& loop, async::Timers& timers, const async::Clock& clock,
          BatcherOptions options);
  ~Batcher() { timers_.cancel(patience_timer_); }

  // `patience`: how much later the transaction may go for the sake of company. `done` is called later, on the loop,
  // once: with the answer of this transaction, or with the Status of its batch (the same meanings as
  // CoordStore::commit; InvalidArgument cannot happen). Not after the batcher is destroyed.
  void add(Txn txn, std::chrono::milliseconds patience, Done done);
  void add(Txn txn, Done done) { add(std::move(txn), {}, std::move(done)); }
  // Answers everything not yet answered with Cancelled and ignores what comes back (a new incarnation begins). What was
  // under way may still happen.
  void drop();

  std::size_t waiting() const { return queue_.size(); }
  // Transactions answered per second in which batches were under way, smoothed; for the claim lead. Before the first
  // answer a low guess.
  double rate_per_second() const;
  // What nearly every answer comes within, by those of late: their mean and four times how far they differ from it.
  std::chrono::microseconds latency() const;

 private:
  struct Pending {
    Txn txn;
    Done done;
    MonoTime not_later{};  // when it goes, be it alone
  };
  struct Flight {
    std::vector<Done> done;
    MonoTime sent_at;
    std::vector<std::string> written, seen;  // keys; kept only where several flights may be under way
  };

  void schedule();
  bool worth_sending();
  bool may_send() const;
  void send();
  std::vector<Pending> take_batch();
  void on_answers(std::uint64_t flight, Result<std::vector<TxnAnswer>> answers);
  void answer_later(Done done, Status status);

  CoordStore& store_;
  async::Loop& loop_;
  async::Timers& timers_;
  const async::Clock& clock_;
  BatcherOptions options_;
  std::deque<Pending> queue_;
  async::TimerId patience_timer_ = 0;
  MonoTime patience_at_{};  // of the timer
  std::map<std::uint64_t, Flight> flights_;
  std::uint64_t next_flight_ = 0;
  bool send_scheduled_ = false;
  double answered_ = 0, seconds_ = 0;             // decaying sums
  MonoTime busy_from_{};                          // batches are under way, and counted in seconds_ up to here
  double latency_mean_ = 0, latency_spread_ = 0;  // in seconds, smoothed
  Guard sending_;                                 // renewed by drop()
  Guard alive_;
};

}  // namespace cronfleet::coord
