// coord/batcher.h: group commit of transactions (DESIGN.md §4.4).
//
// While a batch is in flight the next transactions gather; then up to 64 go together. No key that one member writes may
// stand in another's writes or conditions: a transaction that meets such a member waits for the next batch, and nothing
// overtakes an earlier transaction that shares a key with it. The result equals a serial order.
// Loop thread only. Holds at most `queue_max` transactions; past that add() answers Unavailable without sending.
#pragma once

#include <deque>
#include <string>
#include <unordered_set>
#include <vector>

#include "async/callback.h"
#include "coord/coord_store.h"

namespace cronfleet::coord {

struct BatcherOptions {
  std::size_t batch_max = CoordStore::kBatchMax;
  std::size_t in_flight_max = 1;  // batches under way at once
  std::size_t queue_max = 100'000;
};

class Batcher {
 public:
  using Done = async::Callback<Result<TxnAnswer>>;

  Batcher(CoordStore& store, BatcherOptions options) : store_(store), options_(options) {}
  ~Batcher();

  // `done` is called later, on the loop, once: with the answer of this transaction, or with the Status of its batch
  // (the same meanings as CoordStore::commit; InvalidArgument cannot happen).
  void add(Txn txn, Done done);
  // Answers everything that still waits with Cancelled and ignores what comes back (a new incarnation begins).
  void drop();

  std::size_t waiting() const { return queue_.size(); }
  double rate_per_second() const;  // transactions answered per second of batch time, smoothed; for the claim lead

 private:
  struct Pending {
    Txn txn;
    Done done;
  };
  void send();

  CoordStore& store_;
  BatcherOptions options_;
  std::deque<Pending> queue_;
  std::size_t in_flight_ = 0;
  std::uint64_t epoch_ = 0;
};

}  // namespace cronfleet::coord
