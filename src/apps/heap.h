// apps/heap.h: the heap of the program, which is jemalloc's where it is linked
// (docs/decisions/0022-the-heap-is-jemalloc.md).
#pragma once

namespace cronfleet::apps {

// Gives the system back what is free: after a moment that needed much more memory than what follows.
void give_back_free_memory();

}  // namespace cronfleet::apps
