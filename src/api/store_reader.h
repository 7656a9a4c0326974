// api/store_reader.h: reads of the coordination store for handler threads. While the store is away the first reader
// waits for its deadline and the others are told at once, so that answers from the watched copies stay quick.
#pragma once

#include <atomic>
#include <string>
#include <vector>

#include "async/clock.h"
#include "coord/coord_store.h"

namespace cronfleet::api {

class StoreReader {
 public:
  StoreReader(coord::CoordStore& store, const async::Clock& clock) : store_(store), clock_(clock) {}

  //   Unavailable  no answer in time, or a read of the last second had none
  Result<coord::Listing> get(std::vector<std::string> keys);
  Result<coord::Listing> list(const std::string& prefix);
  // Takes part in what answers() knows, for who asks the store by itself.
  Result<coord::Listing> note(Result<coord::Listing> answer);
  // Whether the last read that was tried had an answer.
  bool answers() const { return answers_.load(); }

 private:
  bool away() const;

  coord::CoordStore& store_;
  const async::Clock& clock_;
  std::atomic<std::int64_t> away_until_ns_{0};  // of the monotonic clock
  std::atomic<bool> answers_{true};
};

}  // namespace cronfleet::api
