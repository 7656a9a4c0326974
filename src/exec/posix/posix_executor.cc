#include "exec/posix/posix_executor.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "base/check.h"
#include "exec/posix/output.h"
#include "exec/posix/processes.h"
#include "exec/posix/runner.h"
#include "exec/posix/spawn.h"

namespace cronfleet::exec {
namespace {

using std::chrono::milliseconds;
using namespace posix;

constexpr auto kWriteRetry = milliseconds(5);
constexpr auto kWriteDelay = milliseconds(50);  // of what nothing waits for
constexpr std::size_t kOrdersBytesMax = 64u << 20;
constexpr int kSocketBytes = 1 << 20;
constexpr int kFarewellMs = 2'000;

// The runner does not stand where we stand, so it is told where from the root.
std::string from_root(const std::string& folder) {
  char* real = ::realpath(folder.c_str(), nullptr);
  const std::string path = real == nullptr ? folder : real;
  std::free(real);
  return path;
}

// Names a data folder by where it is (FNV-1a): leftovers carry it in their environment.
std::string home_id_of(const std::string& path) {
  std::uint64_t hash = 14695981039346656037ull;
  for (const char c : path) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ull;
  return fmt::format("{:016x}", hash);
}

// Waits until no runner holds the journal: one of an earlier worker ends its runs first.
Result<void> wait_for_earlier_runner(const std::string& folder, milliseconds patience) {
  const Fd lock(::open((folder + "/lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!lock) return fail(Code::Unavailable, "opening '{}/lock': {}", folder, std::strerror(errno));
  constexpr int kStepMs = 10;
  for (auto left = patience.count(); ::flock(lock.get(), LOCK_EX | LOCK_NB) != 0; left -= kStepMs) {
    if (left <= 0) return fail(Code::Conflict, "an earlier runner still holds journal '{}'", folder);
    ::poll(nullptr, 0, kStepMs);
  }
  return {};
}

std::vector<std::string> environment_of_runner() {
  std::vector<std::string> environment;
  for (const char* name : {"PATH", "LANG", "TZ", "ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS"})
    if (const char* value = std::getenv(name)) environment.push_back(std::string(name) + "=" + value);
  return environment;
}

}  // namespace

PosixExecutor::PosixExecutor(async::AsioLoop& loop, const async::Clock& clock, ExecutorSink& sink, PosixOptions options)
    : loop_(loop), clock_(clock), sink_(sink), options_(std::move(options)) {}

PosixExecutor::~PosixExecutor() {
  write_outbox();
  for (const async::TimerId timer : {retry_write_, write_at_})
    if (timer != 0) loop_.cancel(timer);
  if (!socket_) return;
  loop_.unwatch(socket_.get());
  socket_.reset();
  if (!active_.empty()) return;
  // With nothing to end the runner goes at once; until then it writes in the folder that our end declares free.
  pollfd gone{.fd = runner_pidfd_.get(), .events = POLLIN, .revents = 0};
  if (::poll(&gone, 1, kFarewellMs) == 1) reap_runner();
}

Result<JournalReplay> PosixExecutor::open() {
  return collected([this](const TakeEntry& take) { return open(take); });
}

Result<JournalFindings> PosixExecutor::open(const TakeEntry& take) {
  CHECK(!socket_ && !stopping_);
  const std::string& wanted = options_.journal_folder;
  if (::mkdir(wanted.c_str(), 0700) != 0 && errno != EEXIST)
    return fail(Code::Unavailable, "making journal folder '{}': {}", wanted, std::strerror(errno));
  const std::string folder = from_root(wanted);
  home_id_ = home_id_of(folder);
  cgroup_folder_ = options_.cgroup_folder;
  if (cgroup_folder_ == "auto") cgroup_folder_ = Cgroups::find_folder(home_id_, cgroup_why_);
  if (auto waited = wait_for_earlier_runner(folder, options_.open_patience); !waited) return Failure(waited.error());
  auto swept = sweep_leftovers(home_id_, cgroup_folder_, options_.open_patience);
  if (!swept) return Failure(swept.error());
  auto journal = replay(folder, take);
  if (!journal) return Failure(journal.error());
  if (auto started = start_runner(folder); !started) return Failure(started.error());
  return journal;
}

Result<void> PosixExecutor::start_runner(const std::string& journal_folder) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    return fail(Code::Unavailable, "making the runner's socket: {}", std::strerror(errno));
  Fd ours(ends[0]);
  const Fd theirs(ends[1]);
  for (const int fd : ends) ::setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &kSocketBytes, sizeof kSocketBytes);
  CHECK(::fcntl(ours.get(), F_SETFL, O_NONBLOCK) == 0);
  const Fd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!null) return fail(Code::Unavailable, "opening /dev/null: {}", std::strerror(errno));

  SpawnPlan plan;
  plan.arguments = options_.runner_command;
  if (plan.arguments.empty()) {
    char self[4096];
    const ssize_t size = ::readlink("/proc/self/exe", self, sizeof self);
    if (size <= 0) return fail(Code::Unavailable, "finding this program: {}", std::strerror(errno));
    plan.arguments = {std::string(self, static_cast<std::size_t>(size)), "runner"};
    plan.programs = {"/proc/self/exe"};  // this very file, also when the one under its name was replaced meanwhile
  } else {
    plan.programs = {plan.arguments[0]};
  }
  plan.environment = environment_of_runner();
  plan.in = null.get();
  plan.out = 2;  // its last words join ours
  plan.err = 2;
  plan.extra = theirs.get();
  plan.reset_handlers = true;
  plan.no_new_privileges = false;  // it changes users; its runs get that flag
  plan.umask = 077;
  const ChildStack stack;
  auto spawned = spawn(plan, stack);
  if (!spawned)
    return fail(Code::Unavailable, "starting the runner '{}': {}", plan.arguments[0],
                std::strerror(spawned.error().error));
  runner_pid_ = spawned->pid;
  runner_pidfd_ = std::move(spawned->pidfd);
  socket_ = std::move(ours);
  frames_ = {};
  outbox_.clear();
  last_condition_.clear();
  loop_.watch_readable(socket_.get(), [this] { on_readable(); });
  Configure configure;
  configure.journal_folder = journal_folder;
  configure.home_id = home_id_;
  configure.cgroup_folder = cgroup_folder_;
  configure.journal_bytes_max = options_.journal_bytes_max;
  configure.journal_reserve_bytes = options_.journal_reserve_bytes;
  configure.outbox_bytes_max = options_.outbox_bytes_max;
  configure.runs_max = options_.runs_max;
  configure.spawn_margin = options_.spawn_margin;
  send(configure);
  return {};
}

// ---- orders

void PosixExecutor::start(StartRequest request) {
  std::string name = request.run.text();
  CHECK(!request.arguments.empty() && !active_.contains(name));
  if (!socket_ || stopping_)
    return answer_later(std::move(request.run), stopping_ ? NotStarted::Stopped : NotStarted::Overloaded,
                        stopping_ ? "the executor is stopping" : "there is no runner");
  if (outbox_.size() > kOrdersBytesMax)
    return answer_later(std::move(request.run), NotStarted::Overloaded, "the runner does not take orders");
  active_[name].id = request.run;
  send(StartOrder{std::move(name), std::move(request)});
}

void PosixExecutor::answer_later(domain::RunId run, NotStarted why, std::string error) {
  loop_.post(
      [this, alive = std::weak_ptr(alive_), failed = StartFailed{std::move(run), why, std::move(error)}]() mutable {
        if (alive.lock()) sink_.on_start_failed(std::move(failed));
      });
}

void PosixExecutor::cancel(const domain::RunId& run) { send(CancelOrder{run.text()}); }
void PosixExecutor::kill(const domain::RunId& run, KillOrder order) {
  send(RunKillOrder{run.text(), std::move(order)});
}
void PosixExecutor::set_fence_deadline(const domain::RunId& run, MonoTime deadline) {
  send(FenceOrder{run.text(), deadline});
}
void PosixExecutor::acknowledge(const domain::RunId& run) { send(AcknowledgeOrder{run.text()}, Urgency::Later); }

void PosixExecutor::stop(milliseconds grace, async::Callback<Result<void>> done) {
  stopping_ = true;
  stopped_ = std::move(done);
  if (socket_) return send(StopOrder{grace});
  loop_.post([this, alive = std::weak_ptr(alive_)] {
    if (alive.lock() && stopped_) std::exchange(stopped_, {})({});
  });
}

void PosixExecutor::send(const ToRunner& message, Urgency urgency) {
  if (!socket_) return;
  encode(message, outbox_);
  if (urgency == Urgency::Later) {
    if (write_at_ == 0) write_at_ = loop_.at(clock_.mono() + kWriteDelay, [this] { write_later(); });
    return;
  }
  if (std::exchange(write_posted_, true) || dispatching_) return;
  loop_.post([this, alive = std::weak_ptr(alive_)] {
    if (alive.lock()) write_outbox();
  });
}

void PosixExecutor::write_later() {
  write_at_ = 0;
  write_outbox();
}

// A runner that is stopped or busy must not hold our loop up: what it does not take waits here.
void PosixExecutor::write_outbox() {
  write_posted_ = false;
  if (retry_write_ != 0) return;  // the socket was full a moment ago
  while (socket_ && !outbox_.empty()) {
    const ssize_t size = ::send(socket_.get(), outbox_.data(), outbox_.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (size > 0) {
      outbox_.erase(0, static_cast<std::size_t>(size));
    } else if (errno == EAGAIN || errno == EINTR) {
      retry_write_ = loop_.at(clock_.mono() + kWriteRetry, [this] {
        retry_write_ = 0;
        write_outbox();
      });
      return;
    } else {
      outbox_.clear();  // it is gone; on_readable sees that too, and says so
      return;
    }
  }
}

// ---- reports

void PosixExecutor::on_readable() {
  char bytes[256 << 10];
  const ssize_t size = ::recv(socket_.get(), bytes, sizeof bytes, MSG_DONTWAIT);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (size <= 0) return lose_runner(size == 0 ? "it has ended" : std::strerror(errno));
  frames_.feed({bytes, static_cast<std::size_t>(size)});
  const std::weak_ptr<bool> alive = alive_;
  dispatching_ = true;
  while (socket_) {
    auto frame = frames_.next();
    if (frame && !*frame) break;
    auto message = frame ? decode_from_runner(**frame) : Result<FromRunner>(Failure(frame.error()));
    if (message)
      on_message(std::move(*message));
    else
      lose_runner(message.error().text());
    if (alive.expired()) return;  // the sink has ended us
  }
  dispatching_ = false;
  if (write_posted_) write_outbox();
}

void PosixExecutor::on_message(FromRunner&& message) {
  if (auto* condition = std::get_if<Condition>(&message)) {
    std::string text = condition->text;
    if (!cgroup_why_.empty()) text += " (" + cgroup_why_ + ")";
    last_condition_ = text;
    const std::weak_ptr<bool> alive = alive_;
    sink_.on_condition(condition->journal_full, std::move(text));
    if (!alive.expired()) sink_.on_room(std::move(condition->room));
    return;
  }
  const std::string& name = std::visit(
      [](const auto& m) -> const std::string& {
        if constexpr (requires { m.run; }) return m.run;
        static const std::string none;
        return none;
      },
      message);
  const auto found = active_.find(name);
  if (found == active_.end()) return lose_runner(fmt::format("it reports about '{}', which was not started", name));
  if (auto* started = std::get_if<StartedReport>(&message)) {
    sink_.on_started({found->second.id, started->pid, started->started_at});
  } else if (auto* output = std::get_if<OutputReport>(&message)) {
    domain::OutputChunk chunk{found->second.id, output->sequence,   output->offset,
                              output->stream,   output->written_at, std::move(output->bytes)};
    found->second.output.push_back(chunk);
    sink_.on_output(std::move(chunk));
  } else if (auto* failed = std::get_if<StartFailedReport>(&message)) {
    StartFailed report{std::move(found->second.id), failed->why, std::move(failed->error)};
    active_.erase(found);
    sink_.on_start_failed(std::move(report));
  } else if (auto* ended = std::get_if<EndedReport>(&message)) {
    const std::uint64_t bytes = ended->end.output_bytes;
    Ended report{std::move(found->second.id), std::move(ended->end), readable_output(found->second.output, bytes)};
    active_.erase(found);
    sink_.on_ended(std::move(report));
  }
}

void PosixExecutor::lose_runner(std::string why) {
  loop_.unwatch(socket_.get());
  socket_.reset();
  for (async::TimerId* timer : {&retry_write_, &write_at_})
    if (*timer != 0) loop_.cancel(std::exchange(*timer, 0));
  outbox_.clear();
  write_posted_ = false;
  const bool clean = stopping_ && active_.empty();
  if (!clean) static_cast<void>(::syscall(SYS_pidfd_send_signal, runner_pidfd_.get(), SIGKILL, nullptr, 0));
  reap_runner();
  active_.clear();
  if (!last_condition_.empty()) why += "; its last condition: " + last_condition_;
  if (!stopping_) return sink_.on_runner_lost(std::move(why));
  if (!stopped_) return;
  auto stopped = std::exchange(stopped_, {});
  if (clean)
    stopped({});
  else
    stopped(fail(Code::Unavailable, "the runner was lost while it stopped: {}", why));
}

void PosixExecutor::reap_runner() {
  siginfo_t gone{};
  ::waitid(static_cast<idtype_t>(P_PIDFD), static_cast<id_t>(runner_pidfd_.get()), &gone, WEXITED);
  runner_pidfd_.reset();
  runner_pid_ = 0;
}

}  // namespace cronfleet::exec
