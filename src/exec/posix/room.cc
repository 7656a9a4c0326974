#include "exec/posix/room.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <memory>
#include <string_view>

#include "base/check.h"
#include "exec/posix/file.h"

namespace cronfleet::exec::posix {
namespace {

constexpr std::uint64_t kRunsAgain = 4;  // so much room ends a shortage of processes, which others' come and go
constexpr int kWalkShare = 200;          // a walk through /proc takes at most this part of our time

std::string read_file(const std::string& path) {
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return {};
  std::string text(4096, '\0');
  const ssize_t size = ::read(file.get(), text.data(), text.size());
  text.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
  return text;
}

std::optional<std::uint64_t> number_at(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  text.remove_prefix(begin);
  std::uint64_t value = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
  if (read.ec != std::errc()) return {};
  return value;
}

std::optional<std::uint64_t> field(std::string_view text, std::string_view name, int base = 10) {
  const std::size_t at = text.find(name);
  if (at == std::string_view::npos) return {};
  text.remove_prefix(at + name.size());
  if (base == 10) return number_at(text);
  text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
  std::uint64_t value = 0;
  if (std::from_chars(text.data(), text.data() + text.size(), value, base).ec != std::errc()) return {};
  return value;
}

bool bound_by_nproc() {
  if (::getuid() == 0) return false;
  const std::uint64_t free_ones = 1ull << CAP_SYS_RESOURCE | 1ull << CAP_SYS_ADMIN;
  return (field(read_file("/proc/self/status"), "\nCapEff:", 16).value_or(0) & free_ones) == 0;
}

// All tasks of the machine, at once: the fourth field of /proc/loadavg is "running/all".
std::optional<std::uint64_t> tasks_of_machine() {
  const std::string text = read_file("/proc/loadavg");
  const std::size_t slash = text.find('/');
  return slash == std::string::npos ? std::nullopt : number_at(std::string_view(text).substr(slash + 1));
}

std::uint64_t tasks_of_user(uid_t user) {
  struct Close {
    void operator()(DIR* folder) const { ::closedir(folder); }
  };
  const std::unique_ptr<DIR, Close> folder(::opendir("/proc"));
  std::uint64_t tasks = 0;
  while (folder) {
    const dirent* entry = ::readdir(folder.get());
    if (entry == nullptr) break;
    if (entry->d_name[0] < '0' || entry->d_name[0] > '9') continue;
    const std::string status = read_file("/proc/" + std::string(entry->d_name) + "/status");
    if (field(status, "\nUid:") == user) tasks += field(status, "\nThreads:").value_or(1);
  }
  return tasks;
}

void keep_tightest(ProcessLimit& tightest, ProcessLimit other) {
  if (other.left && (!tightest.left || *other.left < *tightest.left)) tightest = std::move(other);
}

}  // namespace

ProcessLimit of_cgroups(const std::string& table, const std::string& mount) {
  // Lines are "number:controllers:path"; version 2 has number 0 and no controllers.
  ProcessLimit tightest;
  for (std::string_view rest = table; !rest.empty();) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    const std::size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string_view::npos || second == std::string_view::npos) continue;
    const std::string_view controllers = line.substr(first + 1, second - first - 1);
    if (!controllers.empty() && controllers != "pids") continue;
    const std::string base = mount + (controllers.empty() ? "" : "/pids");
    std::string path(line.substr(second + 1));
    for (;;) {
      const std::string folder = base + (path == "/" ? "" : path);
      if (const auto most = number_at(read_file(folder + "/pids.max"))) {  // "max" is no number
        const std::uint64_t used = number_at(read_file(folder + "/pids.current")).value_or(0);
        keep_tightest(tightest, {*most > used ? *most - used : 0,
                                 fmt::format("pids.max of cgroup '{}' (TasksMax= of the unit)", path), *most});
      }
      const std::size_t slash = path.rfind('/');
      if (path.size() <= 1 || slash == std::string::npos) break;
      path.resize(std::max<std::size_t>(slash, 1));
    }
  }
  return tightest;
}

ProcessLimit RoomGauge::of_user() {
  rlimit limit{};
  CHECK(::getrlimit(RLIMIT_NPROC, &limit) == 0);
  if (limit.rlim_cur == RLIM_INFINITY || !bound_by_nproc()) return {};
  const auto all = tasks_of_machine();
  const auto left = [&](std::uint64_t used) { return limit.rlim_cur > used ? limit.rlim_cur - used : 0; };
  ProcessLimit found{0, "RLIMIT_NPROC (LimitNPROC= of the unit)", limit.rlim_cur};
  // Plenty, even if every task of the machine were ours: nobody needs to be counted.
  constexpr std::uint64_t kPlenty = 4096;
  if (all && left(*all) >= kPlenty) {
    found.left = left(*all);
    return found;
  }
  const MonoTime begin = clock_.mono();
  if (begin >= walk_again_at_) {
    processes_known_ = tasks_of_user(::getuid());
    const MonoTime end = clock_.mono();
    walk_again_at_ = end + (end - begin) * kWalkShare;
  }
  found.left = left(processes_known_);
  return found;
}

Room RoomGauge::look(std::uint64_t running) {
  rlimit files{};
  CHECK(::getrlimit(RLIMIT_NOFILE, &files) == 0);
  Room room;
  if (const std::uint64_t runs = runs_within(files.rlim_cur); runs < kRoomUnlimited) {
    room.runs_max = static_cast<std::uint32_t>(runs);
    room.limit = fmt::format("RLIMIT_NOFILE (LimitNOFILE= of the unit) is {}", files.rlim_cur);
  }
  ProcessLimit processes = of_user();
  keep_tightest(processes, of_cgroups(read_file("/proc/self/cgroup"), "/sys/fs/cgroup"));
  if (!processes.left) return room;
  std::uint64_t more = *processes.left > kProcessesOfOurs ? (*processes.left - kProcessesOfOurs) / kProcessesPerRun : 0;
  short_of_processes_ = more == 0 || (short_of_processes_ && more < kRunsAgain);
  if (short_of_processes_) more = 0;
  if (running + more < room.runs_max) {
    room.runs_max = static_cast<std::uint32_t>(running + more);
    room.limit = fmt::format("{} is {}", processes.name, processes.most);
  }
  return room;
}

}  // namespace cronfleet::exec::posix
