#include "exec/posix/spawn.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cerrno>
#include <cstring>

#include "base/check.h"

// ThreadSanitizer takes clone() for a fork and resets itself in the child, which here shares its memory with us. It
// does not know the same function by its other name.
#ifdef __SANITIZE_THREAD__
extern "C" int __clone(int (*run)(void*), void* stack, int flags, void* argument, ...);
#define CRONFLEET_CLONE ::__clone
#else
#define CRONFLEET_CLONE ::clone
#endif

namespace cronfleet::exec::posix {
namespace {

constexpr std::size_t kStackBytes = 128 << 10, kGuardBytes = 4096;
constexpr unsigned long kSignalMaskBytes = 8;  // the kernel's sigset

// What the child reads, with all pointers made before the clone.
struct ChildPlan {
  const SpawnPlan* plan;
  const char* const* programs;
  char* const* arguments;
  char* const* environment;
  const char* working_directory;
  const std::pair<int, rlimit>* limits;
  std::size_t limit_count;
  const gid_t* groups;
  std::size_t group_count;
  pid_t parent;
  SpawnFailure failure;
  bool failed;
};

// No instrumentation: the child runs beside our suspended thread in the same memory, which sanitizers do not expect.
#define CRONFLEET_IN_CHILD __attribute__((no_sanitize("address", "undefined", "thread")))

[[noreturn]] CRONFLEET_IN_CHILD void give_up(ChildPlan* child, SpawnStep step, int error) {
  child->failure.step = step;
  child->failure.error = error;
  child->failed = true;
  for (;;) ::syscall(SYS_exit_group, 127);
}

CRONFLEET_IN_CHILD void set_descriptors(ChildPlan* child) {
  const SpawnPlan& plan = *child->plan;
  const int extra = plan.extra >= 0 ? plan.extra : plan.cgroup_procs;
  const int from[3] = {plan.in, plan.out, plan.err};
  for (int to = 0; to < 3; ++to)
    if (from[to] != to && ::syscall(SYS_dup3, from[to], to, 0) < 0) give_up(child, SpawnStep::Descriptors, errno);
  if (extra == 3) {
    if (::syscall(SYS_fcntl, 3, F_SETFD, 0) < 0) give_up(child, SpawnStep::Descriptors, errno);
  } else if (extra >= 0 && ::syscall(SYS_dup3, extra, 3, 0) < 0) {
    give_up(child, SpawnStep::Descriptors, errno);
  }
  if (::syscall(SYS_close_range, extra >= 0 ? 4u : 3u, ~0u, 0u) < 0) give_up(child, SpawnStep::Descriptors, errno);
}

CRONFLEET_IN_CHILD void become(ChildPlan* child, const Identity& identity) {
  if (::syscall(SYS_setgroups, child->group_count, child->groups) < 0) give_up(child, SpawnStep::Groups, errno);
  if (::syscall(SYS_setresgid, identity.gid, identity.gid, identity.gid) < 0) give_up(child, SpawnStep::Group, errno);
  if (::syscall(SYS_setresuid, identity.uid, identity.uid, identity.uid) < 0) give_up(child, SpawnStep::User, errno);
  uid_t uid[3] = {~0u, ~0u, ~0u};
  gid_t gid[3] = {~0u, ~0u, ~0u};
  ::syscall(SYS_getresuid, &uid[0], &uid[1], &uid[2]);
  ::syscall(SYS_getresgid, &gid[0], &gid[1], &gid[2]);
  for (int i = 0; i < 3; ++i)
    if (uid[i] != identity.uid || gid[i] != identity.gid) give_up(child, SpawnStep::User, EPERM);
  if (identity.uid == 0) return;
  __user_cap_header_struct header;
  __user_cap_data_struct none[2];
  header.version = _LINUX_CAPABILITY_VERSION_3;
  header.pid = 0;
  for (int i = 0; i < 2; ++i) none[i].effective = none[i].permitted = none[i].inheritable = 0;
  if (::syscall(SYS_capset, &header, none) < 0) give_up(child, SpawnStep::Capabilities, errno);
}

// Handlers turn to the default by exec itself, what is ignored does not.
CRONFLEET_IN_CHILD void reset_handlers() {
  struct {
    void (*handler)(int);
    unsigned long flags;
    void (*restorer)();
    unsigned long mask;
  } action;
  action.handler = SIG_DFL;
  action.flags = 0;
  action.restorer = nullptr;
  action.mask = 0;
  for (int signal = 1; signal <= 64; ++signal) ::syscall(SYS_rt_sigaction, signal, &action, nullptr, kSignalMaskBytes);
}

CRONFLEET_IN_CHILD int run_child(void* argument) {
  ChildPlan* child = static_cast<ChildPlan*>(argument);
  const SpawnPlan& plan = *child->plan;
  set_descriptors(child);
  if (::syscall(SYS_setsid) < 0) give_up(child, SpawnStep::Session, errno);
  if (plan.cgroup_procs >= 0) {
    if (::syscall(SYS_write, 3, "0", 1) != 1) give_up(child, SpawnStep::Cgroup, errno);
    ::syscall(SYS_close, 3);
  }
  if (plan.reset_oom_score) {
    const long fd = ::syscall(SYS_openat, AT_FDCWD, "/proc/self/oom_score_adj", O_WRONLY);
    if (fd < 0 || ::syscall(SYS_write, fd, "0", 1) != 1) give_up(child, SpawnStep::OomScore, errno);
    ::syscall(SYS_close, fd);
  }
  for (std::size_t i = 0; i < child->limit_count; ++i)
    if (::syscall(SYS_prlimit64, 0, child->limits[i].first, &child->limits[i].second, nullptr) < 0)
      give_up(child, SpawnStep::Limits, errno);
  if (plan.identity != nullptr) become(child, *plan.identity);
  if (plan.parent_death_signal != 0) {  // only here: the kernel clears it when the user changes
    if (::syscall(SYS_prctl, PR_SET_PDEATHSIG, plan.parent_death_signal, 0, 0, 0) < 0)
      give_up(child, SpawnStep::DeathSignal, errno);
    if (::syscall(SYS_getppid) != child->parent) give_up(child, SpawnStep::DeathSignal, ESRCH);  // it died just before
  }
  if (plan.no_new_privileges && ::syscall(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
    give_up(child, SpawnStep::NoNewPrivileges, errno);
  ::syscall(SYS_umask, plan.umask);
  if (::syscall(SYS_chdir, child->working_directory) < 0) give_up(child, SpawnStep::WorkingDirectory, errno);
  if (plan.reset_handlers) reset_handlers();
  const unsigned long no_signals = 0;
  if (::syscall(SYS_rt_sigprocmask, SIG_SETMASK, &no_signals, nullptr, kSignalMaskBytes) < 0)
    give_up(child, SpawnStep::Signals, errno);
  int error = ENOENT;
  for (const char* const* program = child->programs; *program != nullptr; ++program) {
    ::syscall(SYS_execve, *program, child->arguments, child->environment);
    if (errno == EACCES)
      error = EACCES;  // said when nothing else is found, as execvp does
    else if (errno != ENOENT && errno != ENOTDIR)
      give_up(child, SpawnStep::Execute, errno);
  }
  give_up(child, SpawnStep::Execute, error);
}

template <typename Pointer>
std::vector<Pointer> pointers(const std::vector<std::string>& texts) {
  std::vector<Pointer> result;
  result.reserve(texts.size() + 1);
  for (const std::string& text : texts) result.push_back(const_cast<char*>(text.c_str()));
  result.push_back(nullptr);
  return result;
}

}  // namespace

Result<Identity> look_up_user(const std::string& name) {
  std::string buffer(1024, '\0');
  passwd entry{}, *found = nullptr;
  int error = 0;
  while ((error = ::getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found)) == ERANGE &&
         buffer.size() < (1 << 20))
    buffer.resize(2 * buffer.size());
  // What the databases say for "no such user" differs; all of these are that.
  if (found == nullptr && (error == 0 || error == ENOENT || error == ESRCH || error == EBADF || error == EPERM))
    return fail(Code::InvalidArgument, "user '{}' does not exist on this machine", name);
  if (found == nullptr) return fail(Code::Unavailable, "looking up user '{}': {}", name, std::strerror(error));
  Identity identity{entry.pw_uid, entry.pw_gid, std::vector<gid_t>(64)};
  int count = static_cast<int>(identity.groups.size());
  while (::getgrouplist(name.c_str(), entry.pw_gid, identity.groups.data(), &count) < 0)
    identity.groups.resize(std::max(static_cast<std::size_t>(count), 2 * identity.groups.size()));
  identity.groups.resize(static_cast<std::size_t>(count));
  return identity;
}

bool SpawnFailure::overloaded() const {
  if (step == SpawnStep::Execute) return error == EAGAIN || error == ENOMEM || error == ENFILE || error == EMFILE;
  return step == SpawnStep::Clone || error == ENOMEM || error == EMFILE || error == ENFILE;
}

ChildStack::ChildStack()
    : memory_(::mmap(nullptr, kStackBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0)) {
  CHECK(memory_ != MAP_FAILED);
  CHECK(::mprotect(memory_, kGuardBytes, PROT_NONE) == 0);
}
ChildStack::~ChildStack() { ::munmap(memory_, kStackBytes); }
void* ChildStack::top() const { return static_cast<char*>(memory_) + kStackBytes; }

tl::expected<Spawned, SpawnFailure> spawn(const SpawnPlan& plan, const ChildStack& stack) {
  CHECK(!plan.programs.empty() && plan.in >= 0 && plan.out >= 0 && plan.err >= 0);
  CHECK(plan.extra < 0 || plan.cgroup_procs < 0);
  const auto programs = pointers<const char*>(plan.programs);
  const auto arguments = pointers<char*>(plan.arguments);
  const auto environment = pointers<char*>(plan.environment);
  ChildPlan child{};
  child.plan = &plan;
  child.programs = programs.data();
  child.arguments = arguments.data();
  child.environment = environment.data();
  child.working_directory = plan.working_directory.c_str();
  child.limits = plan.limits.data();
  child.limit_count = plan.limits.size();
  if (plan.identity != nullptr) {
    child.groups = plan.identity->groups.data();
    child.group_count = plan.identity->groups.size();
  }
  child.parent = ::getpid();

  // No handler of ours may run in the child while it shares our memory.
  sigset_t all, before;
  ::sigfillset(&all);
  if (!plan.signals_blocked) ::pthread_sigmask(SIG_SETMASK, &all, &before);
  int pidfd = -1;
  const int pid =
      CRONFLEET_CLONE(run_child, stack.top(), CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, &child, &pidfd);
  const int error = errno;
  if (!plan.signals_blocked) ::pthread_sigmask(SIG_SETMASK, &before, nullptr);

  if (pid < 0) return tl::unexpected(SpawnFailure{SpawnStep::Clone, error});
  Spawned spawned{pid, Fd(pidfd)};
  if (child.failed) {
    siginfo_t gone{};
    ::waitid(P_PID, static_cast<id_t>(pid), &gone, WEXITED);
    return tl::unexpected(child.failure);
  }
  return spawned;
}

}  // namespace cronfleet::exec::posix
