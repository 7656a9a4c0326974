/* tests/fleet/probe.c: the command that jobs under test run. It appends one line per phase of its life to the ground
   truth, each with one write to a file opened with O_APPEND, so that what really happened is known without asking
   cronfleet. Static: its first clock reading is the start, not the dynamic linker.

     probe TRUTH [--duration MS] [--exit N] [--tag TEXT] [--print BYTES] [--ignore-term] [--children N]

   A line: phase, run id, node, attempt, fence, pid, CLOCK_MONOTONIC_RAW in ns, CLOCK_REALTIME in ns, tag, value; with
   tabs between them. Phases: start; alive, every 100 ms of a longer life; child, the pid of a process that it left in a
   session of its own; term, when it was asked to end; end, with its exit code. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int truth = -1;
static const char* tag = "-";

static const char* variable(const char* name) {
  const char* value = getenv(name);
  return value != NULL && *value != '\0' ? value : "-";
}

static long long nanoseconds(clockid_t clock) {
  struct timespec now;
  clock_gettime(clock, &now);
  return (long long)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* The clocks are read by the caller: for the start that is the first thing it does. */
static void say_at(const char* phase, long value, long long mono, long long wall) {
  char line[1024];
  const int length = snprintf(line, sizeof line, "%s\t%s\t%s\t%s\t%s\t%ld\t%lld\t%lld\t%s\t%ld\n", phase,
                              variable("CRONFLEET_RUN_ID"), variable("CRONFLEET_NODE"), variable("CRONFLEET_ATTEMPT"),
                              variable("CRONFLEET_FENCE"), (long)getpid(), mono, wall, tag, value);
  if (length >= (int)sizeof line || write(truth, line, (size_t)length) != length) _exit(99);
}
static void say(const char* phase, long value) {
  say_at(phase, value, nanoseconds(CLOCK_MONOTONIC_RAW), nanoseconds(CLOCK_REALTIME));
}

static volatile sig_atomic_t asked_to_end = 0;
static void on_term(int number) { asked_to_end = number; }

static void nap(long long ns) {
  struct timespec rest = {ns / 1000000000, ns % 1000000000};
  nanosleep(&rest, NULL); /* a signal ends it early: the caller looks at the clock again */
}

/* Leaves processes behind in sessions of their own: whoever ends only a process, a group or a session misses them. */
static void leave_children(long count) {
  for (long i = 0; i < count; ++i) {
    const pid_t child = fork();
    if (child != 0) continue;
    if (fork() != 0) _exit(0);
    setsid();
    signal(SIGTERM, SIG_IGN);
    say("child", i);
    for (;;) pause();
  }
}

static void print_bytes(long count) {
  char block[4096];
  memset(block, 'x', sizeof block);
  while (count > 0) {
    const ssize_t wrote = write(1, block, (size_t)(count < (long)sizeof block ? count : (long)sizeof block));
    if (wrote < 0 && errno != EINTR) return;
    if (wrote > 0) count -= wrote;
  }
}

int main(int argc, char** argv) {
  const long long mono = nanoseconds(CLOCK_MONOTONIC_RAW), wall = nanoseconds(CLOCK_REALTIME);
  long duration_ms = 0, exit_code = 0, bytes = 0, children = 0;
  int ignores_term = 0;
  if (argc < 2) return 2;
  for (int i = 2; i < argc; ++i) {
    const char* const option = argv[i];
    if (strcmp(option, "--ignore-term") == 0) {
      ignores_term = 1;
      continue;
    }
    if (i + 1 == argc) return 2;
    const char* const value = argv[++i];
    if (strcmp(option, "--duration") == 0) {
      duration_ms = atol(value);
    } else if (strcmp(option, "--exit") == 0) {
      exit_code = atol(value);
    } else if (strcmp(option, "--tag") == 0) {
      tag = value;
    } else if (strcmp(option, "--print") == 0) {
      bytes = atol(value);
    } else if (strcmp(option, "--children") == 0) {
      children = atol(value);
    } else {
      return 2;
    }
  }
  truth = open(argv[1], O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  if (truth < 0) return 98;
  struct sigaction action = {.sa_handler = ignores_term ? SIG_IGN : on_term};
  sigaction(SIGTERM, &action, NULL);
  say_at("start", exit_code, mono, wall);

  leave_children(children);
  print_bytes(bytes);
  const long long until = mono + duration_ms * 1000000;
  long long said = mono;
  for (long long now = nanoseconds(CLOCK_MONOTONIC_RAW); now < until && !asked_to_end;
       now = nanoseconds(CLOCK_MONOTONIC_RAW)) {
    if (now - said >= 100000000) {
      say("alive", 0);
      said = now;
    }
    const long long rest = until - now;
    nap(rest < 100000000 ? rest : 100000000);
  }
  if (asked_to_end) {
    say("term", asked_to_end);
    signal(SIGTERM, SIG_DFL);
    raise(SIGTERM);
  }
  say("end", exit_code);
  return (int)exit_code;
}
