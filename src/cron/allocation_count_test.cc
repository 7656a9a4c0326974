// Counts every allocation of the test program. In a file of its own: inlined beside the tests, the compiler takes the
// pair for a mismatch.
#include <atomic>
#include <cstdlib>
#include <new>

namespace cronfleet::cron {
std::atomic<std::size_t> allocations{0};
}  // namespace cronfleet::cron

void* operator new(std::size_t size) {
  ++cronfleet::cron::allocations;
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
