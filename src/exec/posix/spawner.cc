#include "exec/posix/spawner.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstring>

#include "base/check.h"

namespace cronfleet::exec::posix {
namespace {

constexpr std::string_view kDefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
constexpr auto kUserKnownFor = std::chrono::seconds(60);

std::string_view path_of(const StartRequest& request) {
  const auto found = request.environment.find("PATH");
  return found == request.environment.end() ? kDefaultPath : std::string_view(found->second);
}

// What execvp would try.
std::vector<std::string> programs_of(const StartRequest& request) {
  const std::string& program = request.arguments.front();
  if (program.find('/') != std::string::npos) return {program};
  std::vector<std::string> programs;
  std::string_view rest = path_of(request);
  for (;;) {
    const std::string_view folder = rest.substr(0, rest.find(':'));
    programs.push_back(std::string(folder.empty() ? "." : folder) + "/" + program);
    if (folder.size() == rest.size()) break;
    rest.remove_prefix(folder.size() + 1);
  }
  return programs;
}

std::vector<std::pair<int, rlimit>> limits_of(const StartRequest& request, const SpawnerOptions& options) {
  std::vector<std::pair<int, rlimit>> limits{{RLIMIT_CORE, {0, 0}}};
  const auto add = [&](int resource, const std::optional<std::uint64_t>& value, rlim_t spare) {
    if (!value) return;
    rlimit now{};
    CHECK(::getrlimit(static_cast<__rlimit_resource>(resource), &now) == 0);
    // The service's own hard limit bounds what a job may ask for.
    limits.emplace_back(resource,
                        rlimit{std::min<rlim_t>(*value, now.rlim_max), std::min<rlim_t>(*value + spare, now.rlim_max)});
  };
  add(RLIMIT_CPU, request.limits.cpu_seconds, 1);  // SIGXCPU first, SIGKILL a second later
  add(RLIMIT_AS, request.limits.address_space_bytes, 0);
  add(RLIMIT_NPROC, request.limits.processes, 0);
  add(RLIMIT_FSIZE, request.limits.file_size_bytes, 0);
  if (request.limits.open_files)
    add(RLIMIT_NOFILE, request.limits.open_files, 0);
  else if (options.open_files)
    limits.emplace_back(RLIMIT_NOFILE, *options.open_files);
  return limits;
}

std::string sentence(const SpawnFailure& failure, const StartRequest& request) {
  const std::string why = std::strerror(failure.error);
  const std::string& program = request.arguments.front();
  switch (failure.step) {
    case SpawnStep::Clone: return "no process to be had: " + why;
    case SpawnStep::WorkingDirectory:
      return fmt::format("entering working directory '{}': {}", request.working_directory, why);
    case SpawnStep::Limits: return fmt::format("setting the limits of '{}': {}", program, why);
    case SpawnStep::Groups:
    case SpawnStep::Group:
    case SpawnStep::User:
    case SpawnStep::Capabilities: return fmt::format("becoming user '{}': {}", request.user, why);
    case SpawnStep::Cgroup: return "joining the cgroup of the run: " + why;
    case SpawnStep::Execute:
      if (failure.error == ENOENT && program.find('/') == std::string::npos)
        return fmt::format("program '{}' was not found in PATH '{}'", program, path_of(request));
      if (failure.error == ENOEXEC)
        return fmt::format("executing '{}': {} (a script must begin with a line like #!/bin/sh)", program, why);
      return fmt::format("executing '{}': {}", program, why);
    default: return fmt::format("preparing '{}' (step {}): {}", program, static_cast<int>(failure.step), why);
  }
}

SpawnAnswer refuse(const SpawnOrder& order, NotStarted why, std::string error) {
  SpawnAnswer answer;
  answer.number = order.number;
  answer.why = why;
  answer.error = std::move(error);
  return answer;
}

// Our end never blocks: what made it readable may have been read by then, in a look at the end of the run. The end of
// the run does, as its programs expect.
struct Pipe {
  Fd read, write;
  bool open() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return false;
    read.reset(ends[0]);
    write.reset(ends[1]);
    return ::fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0;
  }
};

}  // namespace

Spawner::Spawner(const async::Clock& clock, SpawnerOptions options)
    : clock_(clock),
      options_(std::move(options)),
      null_(::open("/dev/null", O_RDWR | O_CLOEXEC)),
      ready_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  CHECK(null_ && ready_);
  thread_ = std::thread([this] { work(); });
}

Spawner::~Spawner() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void Spawner::submit(std::vector<SpawnOrder> orders) {
  {
    const std::lock_guard lock(mutex_);
    for (SpawnOrder& order : orders) orders_.push_back(std::move(order));
  }
  wake_.notify_one();
}

std::vector<SpawnAnswer> Spawner::take_answers() {
  const std::lock_guard lock(mutex_);
  return std::exchange(answers_, {});
}

bool Spawner::ask_for_answers() {
  const std::lock_guard lock(mutex_);
  asked_ = answers_.empty();
  return !asked_;
}

void Spawner::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return stopping_ || !orders_.empty(); });
    if (stopping_) return;
    const SpawnOrder order = std::move(orders_.front());
    orders_.pop_front();
    lock.unlock();
    SpawnAnswer answer = start(order);
    lock.lock();
    answers_.push_back(std::move(answer));
    const std::uint64_t one = 1;
    if (std::exchange(asked_, false)) static_cast<void>(!::write(ready_.get(), &one, sizeof one));
  }
}

SpawnAnswer Spawner::start(const SpawnOrder& order) {
  if (order.withdrawn->load()) return refuse(order, NotStarted::Cancelled, "");
  const StartRequest& request = *order.request;
  const auto too_late = [&](std::chrono::milliseconds margin) {
    const MonoTime now = clock_.mono();
    return now > request.not_after - margin || now >= request.fence_deadline - margin;
  };
  // With a margin, so that in a burst the spawn that meets the last moment is tried again instead of killed below.
  if (too_late(options_.margin)) return refuse(order, NotStarted::TooLate, "the last moment to start it had passed");
  SpawnAnswer answer = spawn_run(order);
  // The machine may have slept between the look at the clock and the exec (protocol.md rule 15).
  if (!answer.why && too_late({})) {
    answer.frozen = true;
    static_cast<void>(::syscall(SYS_pidfd_send_signal, answer.pidfd.get(), SIGKILL, nullptr, 0));
    ::kill(-answer.pid, SIGKILL);
  }
  return answer;
}

SpawnAnswer Spawner::spawn_run(const SpawnOrder& order) {
  const StartRequest& request = *order.request;
  SpawnPlan plan;
  if (!request.user.empty()) {
    const auto identity = identity_of(request.user);
    if (!identity)
      return refuse(order,
                    identity.error().code() == Code::Unavailable ? NotStarted::Overloaded : NotStarted::SpawnFailed,
                    identity.error().message());
    plan.identity = *identity;
  }
  Pipe out, err;
  if (!out.open() || !err.open())
    return refuse(order, NotStarted::Overloaded, fmt::format("no descriptor to be had: {}", std::strerror(errno)));
  Fd cgroup_procs;
  if (options_.cgroups) {
    const auto made = options_.cgroups->make(order.number);
    if (made) cgroup_procs.reset(*made);  // else the run is followed by /proc, like everywhere without cgroups
  }
  plan.programs = programs_of(request);
  plan.arguments = request.arguments;
  plan.environment.reserve(request.environment.size() + 2);
  for (const auto& [name, value] : request.environment)
    if (name != "CRONFLEET_RUN_ID" && name != "CRONFLEET_HOME_ID") plan.environment.push_back(name + "=" + value);
  plan.environment.push_back("CRONFLEET_RUN_ID=" + order.run);
  plan.environment.push_back("CRONFLEET_HOME_ID=" + options_.home_id);
  plan.working_directory = request.working_directory.empty() ? "/" : request.working_directory;
  plan.in = null_.get();
  plan.out = out.write.get();
  plan.err = err.write.get();
  plan.cgroup_procs = cgroup_procs.get();
  plan.limits = limits_of(request, options_);
  plan.parent_death_signal = SIGKILL;
  plan.reset_oom_score = options_.reset_oom_score;
  plan.umask = request.umask;
  plan.signals_blocked = true;  // as in every thread of the runner

  SpawnAnswer answer;
  answer.number = order.number;
  answer.in_cgroup = static_cast<bool>(cgroup_procs);
  answer.started_mono = clock_.mono();
  auto spawned = spawn(plan, stack_);
  answer.started_at = clock_.wall();
  if (!spawned) {
    if (answer.in_cgroup) options_.cgroups->remove(order.number);
    return refuse(order, spawned.error().overloaded() ? NotStarted::Overloaded : NotStarted::SpawnFailed,
                  sentence(spawned.error(), request));
  }
  answer.pid = spawned->pid;
  answer.pidfd = std::move(spawned->pidfd);
  answer.out = std::move(out.read);
  answer.err = std::move(err.read);
  return answer;
}

Result<const Identity*> Spawner::identity_of(const std::string& user) {
  const MonoTime now = clock_.mono();
  const auto known = users_.find(user);
  if (known == users_.end() || known->second.until < now) {
    auto found = look_up_user(user);
    if (!found) return Failure(found.error());
    users_[user] = Known{std::move(*found), now + kUserKnownFor};
  }
  const Identity& identity = users_[user].identity;
  if (::geteuid() == 0) return &identity;
  if (identity.uid == ::geteuid()) return nullptr;  // ourselves: nothing to switch
  return fail(Code::InvalidArgument, "running as user '{}' needs a worker that runs as root", user);
}

}  // namespace cronfleet::exec::posix
