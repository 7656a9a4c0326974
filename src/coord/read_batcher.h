// coord/read_batcher.h: reads of a few keys each, sent together.
//
// A read of its own costs the store as much as one of a hundred keys, and workers look at jobs by the thousand when an
// instant passes. What is added in one step of the loop, or while as many reads as allowed are under way, goes
// together. Each answer is as of a revision not older than its add().
// Loop thread only. Holds at most `queue_max` reads; past that add() answers Unavailable without sending.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "async/loop.h"
#include "coord/coord_store.h"
#include "coord/guard.h"

namespace cronfleet::coord {

struct ReadBatcherOptions {
  std::size_t keys_max = 120;     // of one call; a read of more goes alone
  std::size_t in_flight_max = 2;  // calls under way at once
  std::size_t queue_max = 100'000;
};

class ReadBatcher {
 public:
  using Done = async::Callback<Result<Listing>>;

  ReadBatcher(CoordStore& store, async::Loop& loop, ReadBatcherOptions options = {})
      : store_(store), loop_(loop), options_(options) {}

  // `done` is called later, on the loop, once, as that of CoordStore::get: with those of `keys` that exist, in that
  // order. Not after the batcher is destroyed.
  void add(std::vector<std::string> keys, Done done);

 private:
  struct Pending {
    std::vector<std::string> keys;
    Done done;
  };

  void schedule();
  void send();
  void on_answer(std::vector<Pending> members, Result<Listing> listing);

  CoordStore& store_;
  async::Loop& loop_;
  ReadBatcherOptions options_;
  std::deque<Pending> queue_;
  std::size_t in_flight_ = 0;
  bool send_scheduled_ = false;
  Guard alive_;
};

}  // namespace cronfleet::coord
