#include "exec/posix/processes.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <set>

#include "exec/posix/file.h"

namespace cronfleet::exec::posix {
namespace {

std::string read_small(const std::string& path) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::string text;
  if (!fd) return text;
  char buffer[4096];
  for (ssize_t size; (size = ::read(fd.get(), buffer, sizeof buffer)) > 0;)
    text.append(buffer, static_cast<std::size_t>(size));
  return text;
}

bool write_small(const std::string& path, std::string_view text) {
  const Fd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  return fd && ::write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

// Calls `entry(name)` for each entry of a folder.
template <typename Entry>
void for_each_entry(const std::string& path, Entry entry) {
  DIR* dir = ::opendir(path.c_str());
  if (dir == nullptr) return;
  while (const dirent* found = ::readdir(dir)) entry(std::string_view(found->d_name));
  ::closedir(dir);
}

template <typename Number>
bool parse(std::string_view text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() && !text.empty();
}

std::string_view next_word(std::string_view& text) {
  const std::size_t begin = std::min(text.find_first_not_of(" \n"), text.size());
  const std::size_t end = std::min(text.find_first_of(" \n", begin), text.size());
  const std::string_view word = text.substr(begin, end - begin);
  text.remove_prefix(end);
  return word;
}

}  // namespace

MonoTime Process::started_at() const {
  static const auto per_second = static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK));
  return MonoTime(std::chrono::nanoseconds(started_ticks * (1'000'000'000 / per_second)));
}

std::optional<Process> look_at(pid_t pid) {
  const std::string text = read_small(fmt::format("/proc/{}/stat", pid));
  // "12 (any ( name) S 1 12 12 …": the name may hold anything, so count from its last bracket.
  const std::size_t name_end = text.rfind(')');
  if (name_end == std::string::npos) return std::nullopt;
  std::string_view rest = std::string_view(text).substr(name_end + 1);
  Process process;
  process.pid = pid;
  const std::string_view state = next_word(rest);
  if (state.empty() || !parse(next_word(rest), process.parent)) return std::nullopt;
  process.state = state[0];
  if (!parse(next_word(rest), process.group) || !parse(next_word(rest), process.session)) return std::nullopt;
  for (int skipped = 7; skipped <= 21; ++skipped) next_word(rest);
  if (!parse(next_word(rest), process.started_ticks)) return std::nullopt;
  return process;
}

std::vector<pid_t> all_processes() {
  std::vector<pid_t> pids;
  for_each_entry("/proc", [&](std::string_view name) {
    pid_t pid = 0;
    if (parse(name, pid)) pids.push_back(pid);
  });
  return pids;
}

namespace {

bool kernel_lists_children() {
  static const bool has_list = ::access("/proc/thread-self/children", R_OK) == 0;
  return has_list;
}

void add_children_of_thread(pid_t pid, std::string_view thread, std::vector<pid_t>& children) {
  const std::string text = read_small(fmt::format("/proc/{}/task/{}/children", pid, thread));
  std::string_view rest = text;
  pid_t child = 0;
  while (parse(next_word(rest), child)) children.push_back(child);
}

}  // namespace

std::vector<pid_t> children_of(pid_t pid) {
  std::vector<pid_t> children;
  if (!kernel_lists_children()) {  // ask everybody for their parent
    for (const pid_t other : all_processes())
      if (const auto process = look_at(other); process && process->parent == pid) children.push_back(other);
    return children;
  }
  for_each_entry(fmt::format("/proc/{}/task", pid), [&](std::string_view thread) {
    if (thread[0] != '.') add_children_of_thread(pid, thread, children);
  });
  return children;
}

std::vector<pid_t> children_of_main_thread() {
  const pid_t own = ::getpid();
  if (!kernel_lists_children()) return children_of(own);
  std::vector<pid_t> children;
  add_children_of_thread(own, std::to_string(own), children);
  return children;
}

std::vector<Process> family_of(const std::vector<pid_t>& roots) {
  std::vector<Process> family;
  std::set<pid_t> seen;
  std::vector<pid_t> waiting = roots;
  while (!waiting.empty()) {
    std::vector<pid_t> next;
    for (const pid_t pid : waiting) {
      if (!seen.insert(pid).second) continue;
      const auto process = look_at(pid);
      if (!process) continue;
      if (!process->ended()) family.push_back(*process);
      for (const pid_t child : children_of(pid)) next.push_back(child);
    }
    waiting = std::move(next);
  }
  return family;
}

std::optional<std::string> environment_of(pid_t pid, std::string_view name) {
  const std::string text = read_small(fmt::format("/proc/{}/environ", pid));
  std::string_view rest = text;
  while (!rest.empty()) {
    const std::string_view entry = rest.substr(0, rest.find('\0'));
    rest.remove_prefix(std::min(entry.size() + 1, rest.size()));
    if (entry.size() > name.size() && entry.starts_with(name) && entry[name.size()] == '=')
      return std::string(entry.substr(name.size() + 1));
  }
  return std::nullopt;
}

bool signal(const Process& process, int number) {
  const Fd fd(static_cast<int>(::syscall(SYS_pidfd_open, process.pid, 0)));
  if (!fd) return false;
  const auto now = look_at(process.pid);
  if (!now || now->started_ticks != process.started_ticks) return false;
  return ::syscall(SYS_pidfd_send_signal, fd.get(), number, nullptr, 0) == 0;
}
void freeze(const Process& process) {
  if (!signal(process, SIGSTOP)) return;
  // Stopped, it keeps its group's number from being another's. A session that is not ours was begun by somebody in the
  // family, so all of its groups are of it.
  const auto stopped = look_at(process.pid);
  if (!stopped || stopped->started_ticks != process.started_ticks || stopped->session == ::getsid(0)) return;
  if (stopped->group > 1) static_cast<void>(::kill(-stopped->group, SIGSTOP));
}
void finish(const Process& process) { signal(process, SIGKILL); }

// ---- leftovers

namespace {

std::vector<Process> marked_family(const std::string& home_id) {
  std::vector<pid_t> marked;
  std::set<pid_t> sessions;
  for (const pid_t pid : all_processes()) {
    if (pid == ::getpid() || environment_of(pid, "CRONFLEET_HOME_ID") != home_id) continue;
    const auto process = look_at(pid);
    if (!process || process->ended()) continue;
    marked.push_back(pid);
    sessions.insert(process->session);
  }
  if (marked.empty()) return {};
  // A run is a session of its own, so whoever shares a session with one of its processes is of it too.
  const auto own = look_at(::getpid());
  if (own) sessions.erase(own->session);
  for (const pid_t pid : all_processes())
    if (const auto process = look_at(pid); process && sessions.contains(process->session)) marked.push_back(pid);
  return family_of(marked);
}

}  // namespace

Result<std::size_t> sweep_leftovers(const std::string& home_id, const std::string& cgroup_folder,
                                    std::chrono::milliseconds patience) {
  std::size_t ended = 0;
  std::set<std::pair<pid_t, std::uint64_t>> counted;
  constexpr int kStepMs = 10;
  for (auto left = patience.count();; left -= kStepMs) {
    bool clean = true;
    if (!cgroup_folder.empty()) {
      for_each_entry(cgroup_folder, [&](std::string_view name) {
        std::uint64_t number = 0;
        if (!parse(name, number)) return;
        const std::string path = fmt::format("{}/{}", cgroup_folder, number);
        write_small(path + "/cgroup.kill", "1");
        if (::rmdir(path.c_str()) != 0 && errno != ENOENT) clean = false;
      });
    }
    freeze_and_kill([&] {
      auto family = marked_family(home_id);
      for (const Process& process : family)
        if (counted.emplace(process.pid, process.started_ticks).second) ++ended;
      if (!family.empty()) clean = false;
      return family;
    });
    if (clean) return ended;
    if (left <= 0) return fail(Code::Unavailable, "processes of earlier runs are still there after SIGKILL");
    ::poll(nullptr, 0, kStepMs);
  }
}

// ---- cgroups

std::string Cgroups::find_folder(const std::string& home_id, std::string& why) {
  std::string mount;
  const std::string mounts = read_small("/proc/self/mounts");
  for (std::string_view rest = mounts; !rest.empty();) {
    std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    next_word(line);
    const std::string_view folder = next_word(line);
    if (next_word(line) == "cgroup2") mount = folder;
  }
  if (mount.empty()) {
    why = "no cgroup v2 is mounted";
    return {};
  }
  const std::string own = read_small("/proc/self/cgroup");
  std::size_t at = own.rfind("0::");
  if (at == std::string::npos) {
    why = "this service is in no cgroup v2";
    return {};
  }
  const std::string path = own.substr(at + 3, own.find('\n', at) - at - 3);
  if (path == "/") {
    why = "this service has no cgroup v2 of its own";
    return {};
  }
  std::string folder = mount + path;
  if (::access(folder.c_str(), W_OK) != 0) {
    why = fmt::format("cgroup '{}' is not delegated to this service", folder);
    return {};
  }
  return folder + "/cronfleet-" + home_id;
}

Result<Cgroups> Cgroups::open(std::string folder) {
  if (::mkdir(folder.c_str(), 0755) != 0 && errno != EEXIST)
    return fail(Code::InvalidArgument, "making cgroup '{}': {}", folder, std::strerror(errno));
  if (::access((folder + "/cgroup.kill").c_str(), W_OK) != 0)
    return fail(Code::InvalidArgument, "cgroup '{}' has no cgroup.kill (Linux 5.14)", folder);
  return Cgroups(std::move(folder));
}

std::string Cgroups::path(std::uint64_t number) const { return fmt::format("{}/{}", folder_, number); }

Result<int> Cgroups::make(std::uint64_t number) const {
  const std::string folder = path(number);
  if (::mkdir(folder.c_str(), 0755) != 0 && errno != EEXIST)
    return fail(Code::Unavailable, "making cgroup '{}': {}", folder, std::strerror(errno));
  const int fd = ::open((folder + "/cgroup.procs").c_str(), O_WRONLY | O_CLOEXEC);
  if (fd < 0) return fail(Code::Unavailable, "opening cgroup '{}': {}", folder, std::strerror(errno));
  return fd;
}
bool Cgroups::populated(std::uint64_t number) const {
  return read_small(path(number) + "/cgroup.events").find("populated 1") != std::string::npos;
}
void Cgroups::kill(std::uint64_t number) const { write_small(path(number) + "/cgroup.kill", "1"); }
bool Cgroups::remove(std::uint64_t number) const { return ::rmdir(path(number).c_str()) == 0 || errno == ENOENT; }

}  // namespace cronfleet::exec::posix
