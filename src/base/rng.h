// base/rng.h: seeded chance. Brings its own distributions, since the standard ones differ between libraries and a seed
// must mean the same run everywhere. Not for secrets: claim tokens come from TokenSource (base/token.h).
#pragma once

#include <cstdint>
#include <string_view>

namespace cronfleet {

class Rng {
 public:
  explicit Rng(std::uint64_t seed) : state_(seed) {}

  // A stream of its own for one purpose, so that a new consumer does not shift the others.
  Rng fork(std::string_view purpose);

  std::uint64_t next();                      // all 64 bits (splitmix64)
  std::uint64_t below(std::uint64_t limit);  // 0 .. limit-1; limit > 0
  double unit();                             // [0, 1)
  bool chance(double probability) { return unit() < probability; }

 private:
  std::uint64_t state_;
};

}  // namespace cronfleet
