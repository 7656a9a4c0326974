// exec/posix/spawn.h: one program, started by clone(VM | VFORK | PIDFD) on a stack of its own: the cost does not grow
// with the caller's memory, and the pidfd is free of races.
//
// The calling thread is suspended until the program runs or the set-up failed. Between the two the child shares our
// memory and runs raw system calls only, in the order of SEC-53; how it failed it writes into our memory. The
// parent-death signal belongs to the calling *thread*: it must outlive the children.
#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include <string>
#include <tl/expected.hpp>
#include <utility>
#include <vector>

#include "base/status.h"
#include "exec/posix/file.h"

namespace cronfleet::exec::posix {

// Whom a program runs as, with everything that needs a look-up done before.
struct Identity {
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;
};
// InvalidArgument: no such user; Unavailable: the user database could not be asked.
Result<Identity> look_up_user(const std::string& name);

struct SpawnPlan {
  std::vector<std::string> programs;  // paths, tried in order as execvp does; never empty
  std::vector<std::string> arguments;
  std::vector<std::string> environment;  // "NAME=value"
  std::string working_directory = "/";
  int in = -1, out = -1, err = -1;  // become 0, 1, 2
  int extra = -1;                   // becomes 3 in the program; every other descriptor is closed
  int cgroup_procs = -1;            // cgroup.procs of a cgroup v2 to join (not together with `extra`)
  std::vector<std::pair<int, rlimit>> limits;
  const Identity* identity = nullptr;  // absent: stay who we are
  int parent_death_signal = 0;         // 0: none
  bool no_new_privileges = true;
  bool reset_oom_score = false;  // we lowered our own; the program gets 0
  bool signals_blocked = false;  // all of them, by the calling thread, already
  bool reset_handlers = false;   // signals we ignore would stay ignored in the program
  mode_t umask = 022;
};

enum class SpawnStep : int {
  Clone,
  Descriptors,
  Session,
  Cgroup,
  OomScore,
  Limits,
  Groups,
  Group,
  User,
  Capabilities,
  DeathSignal,
  NoNewPrivileges,
  WorkingDirectory,
  Signals,
  Execute,
};
struct SpawnFailure {
  SpawnStep step = SpawnStep::Clone;
  int error = 0;
  // No process, memory or descriptor to be had: nothing wrong with the program.
  bool overloaded() const;
};
struct Spawned {
  pid_t pid = 0;
  Fd pidfd;
};

// The child's stack, to be used for one spawn at a time.
class ChildStack {
 public:
  ChildStack();
  ~ChildStack();
  ChildStack(const ChildStack&) = delete;
  ChildStack& operator=(const ChildStack&) = delete;
  void* top() const;

 private:
  void* memory_;
};

// On failure nothing was executed and nothing is left behind.
tl::expected<Spawned, SpawnFailure> spawn(const SpawnPlan& plan, const ChildStack& stack);

}  // namespace cronfleet::exec::posix
