// api/day_lease.h: the lease of what a server remembers for a day.
#pragma once

#include <mutex>

#include "api/problem.h"
#include "async/clock.h"
#include "coord/coord_store.h"

namespace cronfleet::api {

// One lease carries what an hour puts under it; each of these stays for at least a day. From any thread.
class DayLease {
 public:
  DayLease(coord::CoordStore& store, const async::Clock& clock) : store_(store), clock_(clock) {}
  Outcome<core::LeaseId> get();
  // The store does not know `lease` any more: the next get() asks for another.
  void ended(core::LeaseId lease);

 private:
  coord::CoordStore& store_;
  const async::Clock& clock_;
  std::mutex mutex_;  // around the two below
  core::LeaseId lease_ = 0;
  MonoTime granted_at_{};
};

}  // namespace cronfleet::api
