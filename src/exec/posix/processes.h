// exec/posix/processes.h: who descends from whom, and how to end all of it (SEC-54), by /proc.
#pragma once

#include <sys/types.h>

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"
#include "base/time.h"

namespace cronfleet::exec::posix {

struct Process {
  pid_t pid = 0, parent = 0, group = 0, session = 0;
  char state = '?';                 // 'T' is stopped, 'Z' a zombie
  std::uint64_t started_ticks = 0;  // since boot; with the pid it names one process for good
  MonoTime started_at() const;
  bool ended() const { return state == 'Z' || state == 'X'; }
};

std::optional<Process> look_at(pid_t pid);  // nothing: it is gone
std::vector<pid_t> all_processes();
// Of all threads of `pid`, zombies included. May miss one while others exit: repeat until none is left.
std::vector<pid_t> children_of(pid_t pid);
// Of our main thread alone: what a subreaper has adopted goes to that one, what other threads spawned does not.
std::vector<pid_t> children_of_main_thread();
// `roots` and everything below them that has not ended, parents first.
std::vector<Process> family_of(const std::vector<pid_t>& roots);
// Value of `name` in the environment that `pid` was started with; nothing when absent or not ours to read.
std::optional<std::string> environment_of(pid_t pid, std::string_view name);

// Signals the very process that was looked at, not a later one of the same pid. False: it is gone.
bool signal(const Process& process, int number);
// Stops `found()` again and again until it shows nobody new, so that nobody can fork away, then kills all of it. Those
// that a limit on rounds leaves over are the next call's. A process group is stopped in one call, before its members
// are known: a fork bomb takes the CPU time that looking at each of them needs.
template <typename Find>
std::size_t freeze_and_kill(Find find);

// Ends everything that earlier runners of this data folder left behind: processes that carry
// CRONFLEET_HOME_ID=`home_id`, their descendants, sessions and cgroups. Returns how many processes it ended.
//   Unavailable  some are still there after `patience`
Result<std::size_t> sweep_leftovers(const std::string& home_id, const std::string& cgroup_folder,
                                    std::chrono::milliseconds patience);

// cgroup v2 folders of ours, one per run: exact knowledge of who is left, and a kill that nobody escapes.
class Cgroups {
 public:
  // A folder under our own cgroup where we may make such; empty where there is none, `why` says why. The root of the
  // hierarchy is left alone: it was not given to us.
  static std::string find_folder(const std::string& home_id, std::string& why);

  // InvalidArgument: `folder` cannot be used; the sentence says why.
  static Result<Cgroups> open(std::string folder);

  Result<int> make(std::uint64_t number) const;  // its cgroup.procs, opened for writing
  bool populated(std::uint64_t number) const;
  void kill(std::uint64_t number) const;
  bool remove(std::uint64_t number) const;  // false: still populated

 private:
  explicit Cgroups(std::string folder) : folder_(std::move(folder)) {}
  std::string path(std::uint64_t number) const;
  std::string folder_;
};

// ---- the template's body

inline constexpr int kFreezeRoundsMax = 20;
void freeze(const Process& process);  // and its group, where that is of a session other than ours
void finish(const Process& process);

template <typename Find>
std::size_t freeze_and_kill(Find find) {
  std::vector<Process> found;
  std::set<std::pair<pid_t, std::uint64_t>> frozen;
  for (int round = 0; round < kFreezeRoundsMax; ++round) {
    found = find();
    bool any_new = false;
    for (const Process& process : found) {
      if (!frozen.emplace(process.pid, process.started_ticks).second) continue;
      any_new = true;
      if (process.state != 'T') freeze(process);
    }
    if (!any_new) break;
  }
  for (const Process& process : found) finish(process);
  return found.size();
}

}  // namespace cronfleet::exec::posix
