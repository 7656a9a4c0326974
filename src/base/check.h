// base/check.h: what must hold in every build. A CHECK that fails is a bug of ours: it prints where and ends the
// process.
#pragma once

#include <cstdio>
#include <cstdlib>

namespace cronfleet {
[[noreturn]] inline void check_failed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "%s:%d: CHECK(%s) failed\n", file, line, condition);
  std::abort();
}
}  // namespace cronfleet

#define CHECK(condition) \
  ((condition) ? static_cast<void>(0) : ::cronfleet::check_failed(#condition, __FILE__, __LINE__))
