// sim/client.h: somebody who uses the fleet: saves, deletes, disables, edits by hand, runs now, kills, as a master or
// etcdctl would, through compare-and-set on what was read. Writes down as evidence what was acknowledged, and when.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "core/edits.h"
#include "sim/plan.h"
#include "sim/sim_store.h"
#include "sim/virtual_time.h"

namespace cronfleet::sim {

class Client {
 public:
  using Say = std::function<void(const std::string&)>;

  Client(SimStore& store, VirtualNode& node, Rng rng, const std::vector<JobPlan>& jobs, const core::Rules& rules,
         Evidence& evidence, Say say);

  // Begins `action`; what came of it is evidence. An action on a job that another one is still busy with is left out.
  void act(const Action& action);
  // Disables or deletes every job that stands, again and again until that is acknowledged.
  void close_all();
  bool all_closed() const;

 private:
  struct JobState {
    domain::Job wanted;  // as last written
    Probe probe;
    int version = 0;
    bool busy = false;
    bool closed = false;  // disabled or deleted for good
  };
  enum class Way { Api, Hand };
  // What an edit makes of the document that stands; nothing: the edit does not apply. A job without a name: delete.
  using Change = std::function<std::optional<domain::Job>(const std::optional<domain::Job>& stands)>;

  void edit(std::size_t job, Way way, Change change, bool closing = false);
  void try_edit(std::size_t job, Way way, std::shared_ptr<Change> change, bool closing, int tries);
  void commit_edit(std::size_t job, Way way, std::shared_ptr<Change> change, bool closing, int tries,
                   const coord::Listing& stands);
  void edit_unknown(std::size_t job, Way way, std::shared_ptr<Change> change, bool closing, int tries,
                    const domain::Job& written, bool deleted);
  void acknowledged(std::size_t job, int version, core::Revision revision, bool closing);
  void given_up(std::size_t job, Way way, std::shared_ptr<Change> change, bool closing, int tries);
  void run_now(std::size_t job);
  void kill(std::size_t job, std::uint64_t chance);
  domain::Job next_version(std::size_t job, domain::Job from);

  VirtualNode& node_;
  Rng rng_;
  core::Keys keys_;
  const std::vector<JobPlan>& plans_;
  const core::Rules& rules_;
  Evidence& evidence_;
  Say say_;
  std::unique_ptr<SimClient> api_;
  std::vector<JobState> jobs_;
  std::uint64_t requests_ = 0;
};

}  // namespace cronfleet::sim
