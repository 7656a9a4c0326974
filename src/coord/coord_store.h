// coord/coord_store.h: the small shared memory that all nodes agree on.
//
// Keys and values are bytes. Each commit takes the next Revision (64 bits, never reused), which orders all writes.
// Call from any thread; each answer arrives once, as a task on the Loop given at construction, never inside the call.
// The exact contract is the suite in tests/conformance/, which every backend passes (coord/sqlite, coord/etcd, and the
// simulated store of sim/).
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "async/callback.h"
#include "base/status.h"
#include "core/transaction.h"

namespace cronfleet::coord {

using core::Condition;
using core::KeyValue;
using core::LeaseId;
using core::Revision;
using core::Txn;
using core::TxnAnswer;
using core::Write;

struct Listing {
  std::vector<KeyValue> entries;  // in byte order of the key
  Revision revision = 0;          // all of it stood so at this revision: watch from here
};

struct Change {
  KeyValue entry;  // deleted: key and modified only
  bool deleted = false;
};

// Called on the Loop, where it may end its own watch. After on_failed nothing more comes.
class WatchSink {
 public:
  virtual ~WatchSink() = default;
  // Changes of one or more whole commits, in order; `revision`: everything up to it has been delivered.
  virtual void on_changes(std::vector<Change> changes, Revision revision) = 0;
  //   Compacted    `after` is too old, or lies ahead of the store because an older state was restored: list again,
  //                then watch from the revision the list returned
  //   Unavailable  the connection is gone: watch again from the last revision delivered
  virtual void on_failed(Status status) = 0;
};
// Destroying it ends the watch; no call to the sink follows. Loop thread only.
class WatchStop {
 public:
  virtual ~WatchStop() = default;
};
using WatchHandle = std::unique_ptr<WatchStop>;

class CoordStore {
 public:
  virtual ~CoordStore() = default;

  // Applies each transaction of `batch` by itself (all its `writes` or none, provided every condition holds), all in
  // one round trip and one commit. All conditions of the whole batch are judged against the state before the batch.
  // Answers in the order of `batch`; a refused one (committed = false) brings back `read_if_refused`. No key that one
  // transaction writes may stand in another's writes or conditions, and at most kBatchMax travel together:
  // InvalidArgument, nothing is applied (coord/batcher.h sees to it; etcd demands it).
  //   LeaseLost    a put that would have been applied names a lease that has ended; nothing is applied
  //   NoSpace      the disk or quota is full; etcd may have applied it all the same: treat as Unavailable
  //   Unavailable  no answer in time; the batch may or may not have happened: read back before deciding
  static constexpr std::size_t kBatchMax = 64;
  virtual void commit(std::vector<Txn> batch, async::Callback<Result<std::vector<TxnAnswer>>> done) = 0;

  // The keys that exist among `keys`, in that order, as of one revision not older than this call.
  virtual void get(std::vector<std::string> keys, async::Callback<Result<Listing>> done) = 0;

  // All keys under `prefix`, as of one revision not older than this call.
  virtual void list(std::string prefix, async::Callback<Result<Listing>> done) = 0;
  // The first `most` of them that come after `after` in byte order, without their values.
  virtual void list_keys(std::string prefix, std::string after, std::size_t most,
                         async::Callback<Result<Listing>> done) = 0;

  // Streams changes under `prefix` with revision > `after`, in order, without gaps, until the handle is destroyed.
  virtual WatchHandle watch(std::string prefix, Revision after, WatchSink& sink) = 0;

  // A lease ends `ttl` after its grant or last keep-alive, not before; its keys go with it, as ordinary changes.
  virtual void grant(std::chrono::milliseconds ttl, async::Callback<Result<LeaseId>> done) = 0;
  //   LeaseLost  it has ended
  virtual void keep_alive(LeaseId lease, async::Callback<Result<std::chrono::milliseconds>> done) = 0;
  virtual void revoke(LeaseId lease, async::Callback<Result<Revision>> done) = 0;

  // Forgets superseded values older than `revision`: watches from before it get Compacted.
  virtual void compact(Revision revision, async::Callback<Result<Revision>> done) = 0;
};

}  // namespace cronfleet::coord
