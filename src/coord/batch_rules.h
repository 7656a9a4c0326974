// coord/batch_rules.h: what every backend of CoordStore decides in the same way: which batches are refused as a whole,
// and whether a condition holds.
#pragma once

#include <optional>
#include <vector>

#include "base/status.h"
#include "core/transaction.h"

namespace cronfleet::coord {

// InvalidArgument: too many members, a key written twice, or a key that one member writes and another one writes or has
// in a condition. Members whose conditions exclude each other count too, as in etcd.
std::optional<Status> refuse_batch(const std::vector<core::Txn>& batch);

// `found`: what stands under the condition's key; null: nothing.
bool holds(const core::Condition& condition, const core::KeyValue* found);

}  // namespace cronfleet::coord
