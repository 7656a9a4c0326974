// api/worker_catalogue.h: the workers as the API knows them, what operators want of them, and what is wrong in the
// fleet.
//
// What an operator wants of a worker stands under nodes/<node> and outlives it; the worker follows its own key within a
// second. Straight-line, blocks for at most 10 s per call to the store; call from any handler thread.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "api/job_catalogue.h"

namespace cronfleet::api {

// How the coordination store is, as its client knows it.
struct StoreHealth {
  struct Member {
    std::string endpoint, version, error;  // error: why it does not answer
    bool answers = false, leader = false;
    std::int64_t database_bytes = 0;
  };
  std::string trouble;              // why no member answers; empty: one does
  std::string full;                 // why its disk takes no writes; empty: it does
  std::vector<std::string> alarms;  // "NOSPACE", "CORRUPT"
  core::Revision set_back_to = 0;   // not 0: an older state was restored while we watched, and stood here
  bool another_cluster = false;     // the endpoints lead to another cluster than before
  std::vector<Member> members;

  bool takes_writes() const;
};

struct WorkerView {
  enum class State {
    Ready,
    NotAccepting,  // it takes no runs now: full disk, suspect clock; its warnings say why
    Draining,      // an operator wants it to take none; some run still
    Drained,
    Gone,  // not registered: it left, or is out of contact
  };
  core::WorkerEntry entry;  // of one that is gone only the node
  State state = State::Gone;
  core::NodeSettings settings;
  core::Revision settings_revision = 0;  // 0: nobody has set any
  std::size_t keys_left = 0;             // Gone: its runs that wait to be settled by others
};
std::string_view to_string(WorkerView::State state);

// Who wants something, and why; kept and logged.
struct Intent {
  std::string by, reason;
  Effect effect = Effect::Write;
};

struct Alarm {
  std::string code;       // stable, for programs: "clock_suspect"
  std::string node, job;  // whom it concerns, where it is one
  std::string detail;     // what is wrong
  std::string action;     // what to do about it
};

class WorkerCatalogue {
 public:
  // `health` and `clock_trouble` may be empty; `history_trouble` answers an empty text while it answers. Called on
  // handler threads.
  WorkerCatalogue(coord::CoordStore& store, StoreReader& reader, Copies& copies, core::Keys keys,
                  const async::Clock& clock, std::function<StoreHealth()> health,
                  std::function<std::string()> clock_trouble, std::function<std::string()> history_trouble);

  struct Workers {
    std::vector<WorkerView> items;  // by node
    core::Revision revision = 0;
  };
  Outcome<Workers> list(Reading& reading);
  // 404 worker_not_found; 503 where the copies do not know it and the store is away.
  Outcome<WorkerView> get(const NodeId& node, Reading& reading);
  Outcome<WorkerView> get(const NodeId& node);

  // 404 worker_not_found: neither registered nor known by settings.
  enum class Drain { On, Off };
  Outcome<WorkerView> drain(const NodeId& node, Drain drain, const Intent& intent);
  // 412 precondition_failed.
  Outcome<WorkerView> set_labels(const NodeId& node, std::map<std::string, std::string> labels, const Intent& intent,
                                 const Precondition& precondition);

  // An operator vouches that the machine is off: the locks that its runs held are free (protocol.md rule 18). Each goes
  // by value, under the condition that neither registration nor hold of the worker stands.
  //   404 worker_not_found, 409 worker_lives: it is registered, or its hold still stands
  struct Forgotten {
    std::vector<std::string> jobs;  // whose locks were taken away
  };
  Outcome<Forgotten> forget(const NodeId& node, const Intent& intent);

  // An operator means the older state that the store was set back to (rule 30).
  //   409 alarm_not_raised: neither this server nor a registered worker says that it was
  Outcome<core::RestoredEntry> confirm_restored(const Intent& intent);

  // `jobs`: those that are to fire somewhere.
  Outcome<std::vector<Alarm>> alarms(const StoredJobs& jobs, Reading& reading);
  StoreHealth health() const { return health_ ? health_() : StoreHealth{}; }

 private:
  Outcome<WorkerView> change(const NodeId& node, const Precondition& precondition,
                             const std::function<void(core::NodeSettings&)>& edit, const Intent& intent);
  Outcome<core::TxnAnswer> commit(core::Txn txn);
  // As health() says it; 0 as well once the newest word of an operator, `confirmed`, came after it.
  core::Revision set_back_to(const coord::Listing& confirmed) const;

  coord::CoordStore& store_;
  StoreReader& reader_;
  Copies& copies_;
  const core::Keys keys_;
  const async::Clock& clock_;
  const std::function<StoreHealth()> health_;
  const std::function<std::string()> clock_trouble_, history_trouble_;
};

}  // namespace cronfleet::api
