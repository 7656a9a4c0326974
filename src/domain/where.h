// domain/where.h: which workers may run a job, by their labels.
//
// JSON key `where`: {"zone": "eu", "disk": ["ssd", "nvme"], "gpu": {"not": "true"}, "node": ["w1", "w2"]}. All
// conditions must hold. The label `node` is every worker's node id, whatever its own labels say. A label that a worker
// does not have meets no condition but a negated one.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/ids.h"

namespace cronfleet::domain {

using Labels = std::map<std::string, std::string>;

struct LabelCondition {
  std::vector<std::string> values;  // at least one: any of these; negated: none of them
  bool negated = false;
  friend bool operator==(const LabelCondition&, const LabelCondition&) = default;
};

using Where = std::map<std::string, LabelCondition>;  // by label; empty: every worker

bool admits(const Where& where, const NodeId& node, const Labels& labels);

// For people: "disk in (ssd, nvme), gpu != true, zone = eu"; empty for every worker.
std::string shown_where(const Where& where);

}  // namespace cronfleet::domain
