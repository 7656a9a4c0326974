// base/token.h: 128 random bits that name one claim, one request or one session, and cannot be guessed.
// Real bits come from the kernel (apps/), virtual ones from a seeded Rng (sim/).
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string>

#include "base/rng.h"

namespace cronfleet {

class TokenSource {
 public:
  virtual ~TokenSource() = default;
  virtual std::string token() = 0;  // 32 lower-case hex digits, never repeated
};

class RngTokens final : public TokenSource {
 public:
  explicit RngTokens(Rng rng) : rng_(rng) {}
  std::string token() override { return fmt::format("{:016x}{:016x}", rng_.next(), rng_.next()); }

 private:
  Rng rng_;
};

}  // namespace cronfleet
