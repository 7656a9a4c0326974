#include "apps/heap.h"

#include <malloc.h>

#include <cstddef>

extern "C" {
// Of jemalloc; null where another heap is linked (under sanitizers).
int mallctl(const char* name, void* old_value, std::size_t* old_length, void* new_value, std::size_t new_length)
    __attribute__((weak));
// What jemalloc reads before main: a few arenas are enough for a few threads, and each holds memory of its own.
extern const char* malloc_conf;
const char* malloc_conf = "narenas:4";
}

namespace cronfleet::apps {

void give_back_free_memory() {
  constexpr const char* kPurgeAll = "arena.4096.purge";  // 4096: MALLCTL_ARENAS_ALL
  if (mallctl != nullptr && mallctl(kPurgeAll, nullptr, nullptr, nullptr, 0) == 0) return;
  ::malloc_trim(0);
}

}  // namespace cronfleet::apps
