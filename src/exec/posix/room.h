// exec/posix/room.h: how many runs the limits of this process leave room for: descriptors (RLIMIT_NOFILE), processes of
// its user (RLIMIT_NPROC, which binds nobody with CAP_SYS_RESOURCE or CAP_SYS_ADMIN) and tasks of its cgroups
// (pids.max).
//
// A worker stops claiming before a limit is met, so a margin is kept for ourselves and for what runs start themselves.
// Memory is not looked at. A look costs some small files, and a walk through /proc only where RLIMIT_NPROC may be near.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "async/clock.h"
#include "exec/executor.h"

namespace cronfleet::exec::posix {

inline constexpr std::uint64_t kDescriptorsPerRun = 3, kDescriptorsOfOurs = 64;
inline constexpr std::uint64_t kProcessesPerRun = 2, kProcessesOfOurs = 16;

// What RLIMIT_NPROC or pids.max leave. `left` is absent where nothing is limited.
struct ProcessLimit {
  std::optional<std::uint64_t> left;
  std::string name;  // what is to be raised
  std::uint64_t most = 0;
};

// Runs at once that `descriptors` allow.
constexpr std::uint64_t runs_within(std::uint64_t descriptors) {
  return descriptors <= kDescriptorsOfOurs ? 0 : (descriptors - kDescriptorsOfOurs) / kDescriptorsPerRun;
}

class RoomGauge {
 public:
  explicit RoomGauge(const async::Clock& clock) : clock_(clock) {}
  // `running`: runs that have their processes already.
  Room look(std::uint64_t running);

 private:
  ProcessLimit of_user();

  const async::Clock& clock_;
  bool short_of_processes_ = false;
  MonoTime walk_again_at_{};
  std::uint64_t processes_known_ = 0;
};

// The tightest pids.max of a cgroup and the ones above it. `table`: /proc/self/cgroup; `mount`: where cgroups are.
ProcessLimit of_cgroups(const std::string& table, const std::string& mount);

}  // namespace cronfleet::exec::posix
