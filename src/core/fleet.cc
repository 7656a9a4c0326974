#include "core/fleet.h"

#include <algorithm>

#include "core/rank.h"

namespace cronfleet::core {

bool Fleet::set(const std::vector<WorkerEntry>& workers) {
  std::vector<Member> members;
  Member own{self_, {}, {}, true, false};
  bool sees_self = false;
  std::string newest, oldest;
  for (const WorkerEntry& worker : workers) {
    if (members.empty() && !sees_self) newest = oldest = worker.zone_version;
    newest = std::max(newest, worker.zone_version);
    oldest = std::min(oldest, worker.zone_version);
    Member member{worker.node, worker.labels, worker.zone_version, worker.accepting,
                  worker.capacity > 0 && worker.running >= worker.capacity};
    if (worker.node == self_) {
      own = std::move(member);
      sees_self = true;
    } else {
      members.push_back(std::move(member));
    }
  }
  const bool mixed = newest != oldest;
  const bool own_changed = own.labels != own_.labels || own.zone_version != own_.zone_version ||
                           sees_self != sees_self_ || mixed != mixed_zones_ || newest != newest_zones_;
  if (!own_changed && members == members_ && own == own_) return false;
  members_ = std::move(members);
  own_ = std::move(own);
  sees_self_ = sees_self;
  mixed_zones_ = mixed;
  newest_zones_ = std::move(newest);
  ++generation_;
  return own_changed;
}

bool Fleet::admits(const Member& member, const domain::CompiledJob& job) const {
  if (mixed_zones_ && job.zone != cron::utc() && member.zone_version != newest_zones_) return false;
  return job.job->where->empty() || domain::admits(*job.job->where, member.node, member.labels);
}

bool Fleet::admits_self(const domain::CompiledJob& job) const {
  // While our registration does not stand nobody knows our labels, and a job that says what must not be is not ours.
  return (sees_self_ || job.job->where->empty()) && admits(own_, job);
}

Fleet::Standing Fleet::standing(std::string_view word, const domain::CompiledJob& job) const {
  Standing standing;
  standing.eligible = standing.able = admits_self(job);
  const RankHash hash(word);
  const std::uint64_t own = hash.of(self_.text());
  for (const Member& member : members_) {
    const bool admitted = admits(member, job);
    if (admitted && (member.accepting || member.full)) standing.able = true;
    if (!member.accepting || admitted != standing.eligible) continue;
    if (stands_before(hash.of(member.node.text()), member.node, own, self_)) ++standing.rank;
  }
  return standing;
}

int Fleet::rank(std::string_view word) const {
  const RankHash hash(word);
  const std::uint64_t own = hash.of(self_.text());
  return static_cast<int>(std::count_if(members_.begin(), members_.end(), [&](const Member& member) {
    return member.accepting && stands_before(hash.of(member.node.text()), member.node, own, self_);
  }));
}

bool Fleet::sees(const NodeId& node) const {
  if (node == self_) return sees_self_;
  return std::any_of(members_.begin(), members_.end(), [&](const Member& member) { return member.node == node; });
}

std::vector<NodeId> Fleet::others() const {
  std::vector<NodeId> nodes;
  for (const Member& member : members_) nodes.push_back(member.node);
  return nodes;
}

}  // namespace cronfleet::core
