// core/rank.h: which worker looks at a firing first (DESIGN.md §4.2, REL-5). Only an optimisation: the claim decides.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "core/entries.h"

namespace cronfleet::core {

// Rendezvous weight: every node computes the same, and one node more or less moves only its own jobs.
inline std::uint64_t rank_weight(std::string_view job, std::string_view node) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  const auto mix = [&hash](std::string_view text) {
    for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
    hash = (hash ^ 0xff) * 0x100000001b3ULL;  // a border between the two
  };
  mix(job);
  mix(node);
  hash ^= hash >> 33;
  hash *= 0xff51afd7ed558ccdULL;
  hash ^= hash >> 33;
  hash *= 0xc4ceb9fe1a85ec53ULL;
  return hash ^ (hash >> 33);
}

// How many of `workers` that accept runs stand before `self` for `job`.
inline int rank_of(std::string_view job, const NodeId& self, const std::vector<WorkerEntry>& workers) {
  const std::uint64_t own = rank_weight(job, self.text());
  int rank = 0;
  for (const WorkerEntry& worker : workers) {
    if (worker.node == self || !worker.accepting) continue;
    const std::uint64_t other = rank_weight(job, worker.node.text());
    if (other > own || (other == own && worker.node < self)) ++rank;
  }
  return rank;
}

}  // namespace cronfleet::core
