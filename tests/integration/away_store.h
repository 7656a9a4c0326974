// tests/integration/away_store.h: a coordination store that can be away: every call but a watch then gets Unavailable.
#pragma once

#include <atomic>

#include "async/loop.h"
#include "coord/coord_store.h"

namespace cronfleet::testing {

class AwayStore final : public coord::CoordStore {
 public:
  AwayStore(coord::CoordStore& store, async::Loop& loop) : store_(store), loop_(loop) {}

  std::atomic<bool> away = false;

  void commit(std::vector<coord::Txn> batch, async::Callback<Result<std::vector<coord::TxnAnswer>>> done) override {
    if (!refused(done)) store_.commit(std::move(batch), std::move(done));
  }
  void get(std::vector<std::string> keys, async::Callback<Result<coord::Listing>> done) override {
    if (!refused(done)) store_.get(std::move(keys), std::move(done));
  }
  void list(std::string prefix, async::Callback<Result<coord::Listing>> done) override {
    if (!refused(done)) store_.list(std::move(prefix), std::move(done));
  }
  void list_keys(std::string prefix, std::string after, std::size_t most,
                 async::Callback<Result<coord::Listing>> done) override {
    if (!refused(done)) store_.list_keys(std::move(prefix), std::move(after), most, std::move(done));
  }
  coord::WatchHandle watch(std::string prefix, coord::Revision after, coord::WatchSink& sink) override {
    return store_.watch(std::move(prefix), after, sink);
  }
  void grant(std::chrono::milliseconds ttl, async::Callback<Result<coord::LeaseId>> done) override {
    if (!refused(done)) store_.grant(ttl, std::move(done));
  }
  void keep_alive(coord::LeaseId lease, async::Callback<Result<std::chrono::milliseconds>> done) override {
    if (!refused(done)) store_.keep_alive(lease, std::move(done));
  }
  void revoke(coord::LeaseId lease, async::Callback<Result<coord::Revision>> done) override {
    if (!refused(done)) store_.revoke(lease, std::move(done));
  }
  void compact(coord::Revision revision, async::Callback<Result<coord::Revision>> done) override {
    if (!refused(done)) store_.compact(revision, std::move(done));
  }

 private:
  template <typename T>
  bool refused(async::Callback<Result<T>>& done) {
    if (!away) return false;
    loop_.post([done = std::move(done)]() mutable { done(fail(Code::Unavailable, "no member answers")); });
    return true;
  }

  coord::CoordStore& store_;
  async::Loop& loop_;
};

}  // namespace cronfleet::testing
