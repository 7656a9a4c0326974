/* bench/lateness_stamp.c: reads the clock first thing and appends it, in us, to the file it is given. Static, so that
   what is measured is the start and not the dynamic linker. */
#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char** argv) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (argc < 2) return 2;
  const int fd = open(argv[1], O_WRONLY | O_APPEND | O_CREAT, 0600);
  char line[32];
  const int length = snprintf(line, sizeof line, "%lld\n", (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
  return write(fd, line, (size_t)length) == length ? 0 : 1;
}
