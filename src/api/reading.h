// api/reading.h: how a request reads the coordination store, and what came of it. The headers of its answer say both
// (API-9): X-Cronfleet-Revision and X-Cronfleet-Stale. One thread at a time.
#pragma once

#include <algorithm>
#include <optional>

#include "api/http.h"
#include "core/entries.h"

namespace cronfleet::api {

class Reading {
 public:
  enum class From {
    Store,  // every write that was acknowledged before is seen
    Copy,   // stale=ok: the watched copy will do
  };
  explicit Reading(From from = From::Store) : from_(from) {}

  bool copy_will_do() const { return from_ == From::Copy; }
  // What was read stands as of `revision`. Of several the oldest counts.
  void saw(core::Revision revision) { revision_ = std::min(revision, revision_.value_or(revision)); }
  // The store does not answer: what is read comes from copies, and there may be newer.
  void store_is_away() { away_ = true; }
  bool stale() const { return away_; }
  // What the copy does not show may be there all the same, and whoever asks wants to know for certain.
  bool is_a_guess() const { return away_ && !copy_will_do(); }

  void tell(Headers& headers) const {
    if (revision_) headers.add("X-Cronfleet-Revision", std::to_string(*revision_));
    if (away_) headers.add("X-Cronfleet-Stale", "true");
  }

 private:
  From from_;
  bool away_ = false;
  std::optional<core::Revision> revision_{};
};

}  // namespace cronfleet::api
