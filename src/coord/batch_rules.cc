#include "coord/batch_rules.h"

#include <string_view>
#include <unordered_map>

#include "coord/coord_store.h"

namespace cronfleet::coord {

std::optional<Status> refuse_batch(const std::vector<core::Txn>& batch) {
  if (batch.size() > CoordStore::kBatchMax) {
    return Status(Code::InvalidArgument,
                  fmt::format("a batch of {} transactions: at most {}", batch.size(), CoordStore::kBatchMax));
  }
  std::unordered_map<std::string_view, std::size_t> writers;
  for (std::size_t i = 0; i < batch.size(); ++i) {
    for (const core::Write& write : batch[i].writes) {
      if (!writers.emplace(write.key, i).second)
        return Status(Code::InvalidArgument, fmt::format("key '{}' is written twice in one batch", write.key));
    }
  }
  for (std::size_t i = 0; i < batch.size(); ++i) {
    for (const core::Condition& condition : batch[i].expected) {
      const auto writer = writers.find(condition.key);
      if (writer != writers.end() && writer->second != i)
        return Status(Code::InvalidArgument,
                      fmt::format("key '{}' is written by one member of a batch and stands in a condition of another",
                                  condition.key));
    }
  }
  return std::nullopt;
}

bool holds(const core::Condition& condition, const core::KeyValue* found) {
  using Kind = core::Condition::Kind;
  switch (condition.kind) {
    case Kind::Absent: return found == nullptr;
    case Kind::Present: return found != nullptr;
    case Kind::ValueEquals: return found != nullptr && found->value == condition.value;
    case Kind::ValueGreater: return found != nullptr && found->value > condition.value;
    case Kind::ValueLess: return found != nullptr && found->value < condition.value;
    case Kind::ModifiedAt: return (found == nullptr ? 0 : found->modified) == condition.revision;
  }
  return false;
}

}  // namespace cronfleet::coord
