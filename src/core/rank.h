// core/rank.h: which worker looks at a firing first, by rendezvous hash (DESIGN.md §4.2, REL-5); core/fleet.h uses it.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/ids.h"

namespace cronfleet::core {

// Rendezvous weights of the workers for one word, a job's name as a rule: every node computes the same, and one node
// more or less moves only its own jobs.
class RankHash {
 public:
  explicit RankHash(std::string_view word) : word_(mixed(0xcbf29ce484222325ULL, word)) {}

  std::uint64_t of(std::string_view node) const {
    std::uint64_t hash = mixed(word_, node);
    hash ^= hash >> 33;
    hash *= 0xff51afd7ed558ccdULL;
    hash ^= hash >> 33;
    hash *= 0xc4ceb9fe1a85ec53ULL;
    return hash ^ (hash >> 33);
  }

 private:
  static std::uint64_t mixed(std::uint64_t hash, std::string_view text) {
    for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
    return (hash ^ 0xff) * 0x100000001b3ULL;  // a border between the two
  }

  std::uint64_t word_;
};

// Whether the worker `a` comes before `b`, by their weights.
inline bool stands_before(std::uint64_t weight_a, const NodeId& a, std::uint64_t weight_b, const NodeId& b) {
  return weight_a != weight_b ? weight_a > weight_b : a < b;
}

}  // namespace cronfleet::core
