// sim/judging.h: what the checkers of checkers.cc and bounds.cc share.
#pragma once

#include <fmt/format.h>

#include "sim/checkers.h"

namespace cronfleet::sim {

inline constexpr std::chrono::seconds kRecovery{60};  // after a fault, before lateness is judged again

template <typename... Args>
void report(Violations& violations, std::string invariant, const JobName& job, WallTime at,
            fmt::format_string<Args...> format, Args&&... args) {
  violations.push_back({std::move(invariant), fmt::format(format, std::forward<Args>(args)...), job, at});
}

inline std::string at_text(WallTime at) { return to_rfc3339_ms(at); }
inline double ms_between(WallTime from, WallTime to) {
  return std::chrono::duration<double, std::milli>(to - from).count();
}

inline bool concerns(const FaultSpan& fault, const NodeId& node) { return fault.node.empty() || fault.node == node; }
inline bool is_order(const FaultSpan& fault) { return fault.kind == "drain" || fault.kind == "relabel"; }

// The version of `job` that a run was told to be of; null: there was none.
inline const TrueDocument* document_of(const Expected& expected, const JobName& job, int version) {
  const auto documents = expected.documents.find(job);
  if (documents == expected.documents.end()) return nullptr;
  for (const TrueDocument& document : documents->second) {
    if (document.version == version) return &document;
  }
  return nullptr;
}

}  // namespace cronfleet::sim
