// coord/session.h: this worker's standing in the fleet: two leases, its registration and its hold (protocol.md rules
// 7-9).
//
// open(): grants the session lease (S, 10 s) and the run lease (D, 30 s), then registers in one transaction:
// workers/<node> absent → registration under S, hold/<node>/<incarnation> under D. A registration of this machine's
// boot with a dead process is taken over at once (its leases are revoked first); of a living or unknown one it waits S
// + 2 s and then gives up with Conflict, naming the holder (REL-17, exit 69). While open both leases are kept alive
// every third of their length; deadlines count from when the renewal was *sent*. When the session lease ends the
// session goes on trying to open again as the same incarnation while the run lease lives, else as a new one (rule 8).
// Loop thread only.
#pragma once

#include <functional>
#include <memory>

#include "async/loop.h"
#include "base/rng.h"
#include "base/token.h"
#include "coord/batcher.h"
#include "core/entries.h"

namespace cronfleet::coord {

struct SessionOptions {
  std::chrono::milliseconds session_ttl{10'000};  // S
  std::chrono::milliseconds run_ttl{30'000};      // D; at least S + kill grace + 2 s
  std::chrono::milliseconds margin{1'000};        // a lease counts as over this long before it can be
};

class SessionSink {
 public:
  virtual ~SessionSink() = default;
  // From now on claims may be made under `incarnation`.
  virtual void on_session_open(const Incarnation& incarnation, const std::string& hold_key) = 0;
  // Both only ever move forward while a session is open.
  virtual void on_leases(MonoTime session_until, MonoTime run_until) = 0;
  // The session lease is over: no claims. The run lease may still stand.
  virtual void on_session_lost(const Status& status) = 0;
  // Another process holds this node id: the program ends with 69.
  virtual void on_refused(const Status& status) = 0;
};

class Session {
 public:
  Session(CoordStore& store, async::Timers& timers, const async::Clock& clock, Rng rng, TokenSource& tokens,
          core::Keys keys, SessionOptions options, SessionSink& sink);
  ~Session();

  // `entry`: what to register; node, boot_id and pid are its identity. `process_alive(pid)`: on this machine.
  void open(core::WorkerEntry entry, std::function<bool(std::int64_t pid)> process_alive);
  // Changes the registration (labels, running, accepting, …) and writes it where it differs from what was written last,
  // its load apart; with every renewal, about every third of S, it is written in any case, and says what the clock
  // shows then.
  void update(std::function<void(core::WorkerEntry&)> change);
  // Orderly end: removes registration and hold, revokes both leases, then calls `done`.
  void close(async::Task done);

  bool open() const;
  const Incarnation& incarnation() const;
  const std::string& hold_key() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace cronfleet::coord
