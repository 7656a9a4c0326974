// runtime/housekeeping.h: what one of the workers does for the store of all: forgets what nobody reads again
// (protocol.md rules 2 and 29).
//
//   each minute  superseded values older than ten minutes are compacted: a watch that was away for less resumes, one
//   that
//                was away for longer lists again (coord/mirror.h)
//   each hour    markers of jobs deleted a day ago or more are removed, where nothing of the job is left under running/
//                and accounts/ and no lock stands. What "a day ago" is, the wall clock says, which is trusted here as
//                it is by claims (rule 16)
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "async/loop.h"
#include "coord/coord_store.h"
#include "coord/guard.h"
#include "core/entries.h"

namespace cronfleet::runtime {

struct HousekeepingOptions {
  std::chrono::milliseconds look_every = std::chrono::minutes(1);  // 0: no housekeeping
  std::chrono::milliseconds compact_after = std::chrono::minutes(10);
  std::chrono::milliseconds collect_every = std::chrono::hours(1);
  std::chrono::milliseconds collect_after = std::chrono::hours(24);
};

// Loop thread only. Several may believe to be first for a while: everything here may be done twice.
class Housekeeper {
 public:
  // `first`: whether it is this worker's turn (core/rank.h for the word "compact").
  Housekeeper(coord::CoordStore& store, async::Timers& timers, const async::Clock& clock, const core::Keys& keys,
              HousekeepingOptions options, std::function<bool()> first);
  ~Housekeeper();

  void start();

 private:
  using Jobs = std::set<std::string, std::less<>>;
  struct Seen {
    MonoTime at;
    coord::Revision revision;
  };

  void look();
  void note(coord::Revision revision);
  void collect();
  void remove_unused(std::vector<coord::KeyValue> closed);
  void remove(const std::vector<coord::KeyValue>& closed);
  JobName name_of(const coord::KeyValue& marker) const;
  Jobs jobs_of_accounts(const coord::Listing& accounts) const;

  coord::CoordStore& store_;
  async::Timers& timers_;
  const async::Clock& clock_;
  const core::Keys keys_;
  const HousekeepingOptions options_;
  const std::function<bool()> first_;
  async::TimerId timer_ = 0;
  std::deque<Seen> seen_;  // where the store stood, a look apart, oldest first
  MonoTime collect_at_{};
  coord::Guard alive_;
};

}  // namespace cronfleet::runtime
