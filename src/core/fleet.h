// core/fleet.h: the workers that are there, and where each of them stands for a job (DESIGN.md §4.2, protocol.md rule
// 26). Only an optimisation, except that nobody takes a job whose `where` does not admit it: the claim decides.
//
// Who stands where follows from the registrations alone, so every worker works out the same. A standing is worth
// keeping until generation() changes: it costs one hash and one look at the labels per worker.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/entries.h"
#include "domain/compiled_job.h"

namespace cronfleet::core {

class Fleet {
 public:
  explicit Fleet(NodeId self) : self_(std::move(self)) {}

  // The registrations that stand, all of them. True: which jobs are for this worker may have changed.
  bool set(const std::vector<WorkerEntry>& workers);
  // Grows whenever a standing may have changed; never 0.
  std::uint64_t generation() const { return generation_; }

  // For a firing ranks go by the job's name, for a run-now by its request.
  struct Standing {
    int rank = 0;          // how many stand before us: of those that may run the job, else of all that accept
    bool eligible = true;  // the job may run here
    bool able = true;      // it may run somewhere, if perhaps not at once
  };
  Standing standing(std::string_view word, const domain::CompiledJob& job) const;
  // For work that is no job's.
  int rank(std::string_view word) const;
  // Whether the job may run here: its labels, and, for one with a zone of its own, the newest zone data of the fleet.
  bool admits_self(const domain::CompiledJob& job) const;

  bool sees_self() const { return sees_self_; }
  bool sees(const NodeId& node) const;
  std::vector<NodeId> others() const;  // that are registered

 private:
  struct Member {
    NodeId node;
    domain::Labels labels;
    std::string zone_version;
    bool accepting = true, full = false;
    friend bool operator==(const Member&, const Member&) = default;
  };
  bool admits(const Member& member, const domain::CompiledJob& job) const;

  NodeId self_;
  std::vector<Member> members_;  // without self
  Member own_;                   // as registered
  bool sees_self_ = false;
  bool mixed_zones_ = false;  // the workers' zone data differ
  std::string newest_zones_;
  std::uint64_t generation_ = 1;
};

}  // namespace cronfleet::core
