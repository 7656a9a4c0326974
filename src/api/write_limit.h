// api/write_limit.h: how many writes a second a server takes in all (SEC-34): a bucket that holds four seconds' worth
// and fills up by itself.
#pragma once

#include <algorithm>
#include <chrono>
#include <optional>

#include "base/time.h"

namespace cronfleet::api {

class WriteLimit {
 public:
  static constexpr int kBurstSeconds = 4;
  explicit WriteLimit(int per_second) : per_second_(per_second), left_(per_second * kBurstSeconds) {}  // 0: no limit

  // Nothing: it may go on. Else how long it takes until one may, in whole seconds.
  std::optional<std::chrono::seconds> take(MonoTime now) {
    if (per_second_ == 0) return std::nullopt;
    const std::chrono::duration<double> passed = now - filled_at_;
    filled_at_ = now;
    left_ = std::min<double>(left_ + passed.count() * per_second_, per_second_ * kBurstSeconds);
    if (left_ < 1) return std::chrono::seconds(1);
    left_ -= 1;
    return std::nullopt;
  }

 private:
  const int per_second_;
  double left_;
  MonoTime filled_at_{};
};

}  // namespace cronfleet::api
