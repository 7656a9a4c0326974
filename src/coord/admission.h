// coord/admission.h: asks once whether a prefix of the store is this program's to use, before anything else is done
// there.
//
// The key `fleet` says so. Where it is missing and nothing but keys of ours stands under the prefix (a job put by hand,
// a store of the reference), it is put. Trouble that may heal is tried again, with backoff and jitter, for as long as
// it takes. Loop thread only.
#pragma once

#include <functional>

#include "async/loop.h"
#include "base/rng.h"
#include "coord/coord_store.h"
#include "coord/guard.h"
#include "core/entries.h"

namespace cronfleet::coord {

class Admission {
 public:
  // All are borrowed.
  Admission(CoordStore& store, async::Timers& timers, const async::Clock& clock, Rng rng, core::Keys keys);
  ~Admission();

  // `done` once:
  //   InvalidArgument  the prefix is somebody else's, or of a newer schema, or the store refuses us; the sentence says
  //                    what to do
  // `waiting` after each attempt that got no answer.
  void ask(async::Callback<Result<void>> done, std::function<void(const Status&)> waiting);

 private:
  void attempt();
  void judge(const Listing& found);
  void look_around();
  void put();
  void end(Result<void> answer);
  // True where `answer` failed in a way that another attempt may mend, which is then arranged for.
  template <typename T>
  bool failed(const Result<T>& answer);

  CoordStore& store_;
  async::Timers& timers_;
  const async::Clock& clock_;
  Rng rng_;
  const core::Keys keys_;
  async::Callback<Result<void>> done_;
  std::function<void(const Status&)> waiting_;
  std::chrono::milliseconds backoff_{200};
  async::TimerId timer_ = 0;
  Guard guard_;
};

}  // namespace cronfleet::coord
