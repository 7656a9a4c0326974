#include "apps/mongoc_counters.h"

#include <sys/syscall.h>
#include <unistd.h>

namespace cronfleet::apps {

// Called before the C library is set up as well: system calls and the stack are all there is.
void take_mongoc_counters_away() {
  char path[40] = "/dev/shm/mongoc-";
  char digits[12];
  int count = 0;
  for (auto pid = ::syscall(SYS_getpid); pid > 0 && count < 12; pid /= 10)
    digits[count++] = static_cast<char>('0' + pid % 10);
  int at = 16;
  while (count > 0) path[at++] = digits[--count];
  path[at] = '\0';
  ::syscall(SYS_unlinkat, -100 /* AT_FDCWD */, path, 0);
}

#ifndef CRONFLEET_SANITIZED  // the sanitizers set themselves up in the same place
namespace {
// What stands here runs before the constructors of any library.
__attribute__((section(".preinit_array"), used)) void (*before_libraries)() = &take_mongoc_counters_away;
}  // namespace
#endif

}  // namespace cronfleet::apps
