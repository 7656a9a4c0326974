#include "exec/posix/runner.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/wait.h>

#include <cerrno>
#include <cstring>

#include "base/check.h"
#include "exec/posix/runner_loop.h"

namespace cronfleet::exec::posix {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

constexpr unsigned kKindBits = 3;

constexpr auto kWorkerDiedGrace = seconds(5);
constexpr auto kJournalPatience = seconds(15);
constexpr auto kJournalRetry = seconds(1), kJournalTidy = seconds(2);
constexpr auto kLastWordsMax = seconds(5);
constexpr auto kSyncDelay = milliseconds(100);  // a sync costs as much as a run: ends gather for it
constexpr auto kLazyFlush = milliseconds(50);
constexpr auto kStartedDelay = milliseconds(5);
constexpr auto kLookInterval = seconds(1);

itimerspec at_once_after(nanoseconds since_zero) {
  const nanoseconds at = std::max(since_zero, nanoseconds(1));  // 0 would disarm
  itimerspec spec{};
  spec.it_value.tv_sec = static_cast<time_t>(at.count() / 1'000'000'000);
  spec.it_value.tv_nsec = static_cast<long>(at.count() % 1'000'000'000);
  return spec;
}

}  // namespace

Runner::Runner(int socket)
    : socket_(socket),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      mono_timer_(::timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK)),
      wall_timer_(::timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK)) {
  CHECK(epoll_ && mono_timer_ && wall_timer_);
  sigset_t child;
  ::sigemptyset(&child);
  ::sigaddset(&child, SIGCHLD);
  signals_.reset(::signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK));
  CHECK(signals_);
  CHECK(::fcntl(socket_.get(), F_SETFL, ::fcntl(socket_.get(), F_GETFL) | O_NONBLOCK) == 0);
  CHECK(::fcntl(socket_.get(), F_SETFD, FD_CLOEXEC) == 0);
  watch(socket_.get(), 0, kSocket);
  watch(mono_timer_.get(), 0, kMonoTimer);
  watch(wall_timer_.get(), 0, kWallTimer);
  watch(signals_.get(), 0, kSignals);
}

void Runner::watch(int fd, std::uint64_t number, unsigned kind, std::uint32_t how) {
  epoll_event event{};
  event.events = EPOLLIN | how;
  event.data.u64 = number << kKindBits | kind;
  CHECK(::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0);
}

int Runner::run() {
  for (;;) {
    epoll_event events[64];
    const int count = ::epoll_wait(epoll_.get(), events, 64, -1);
    CHECK(count >= 0 || errno == EINTR);
    take_answers();
    for (int i = 0; i < count; ++i) {
      const std::uint64_t data = events[i].data.u64;
      on_event(data >> kKindBits, static_cast<unsigned>(data & ((1u << kKindBits) - 1)), events[i].events);
    }
    end_round();
    if (!stopping_ || !runs_.empty() || (journal_ && (journal_->unsynced() || syncer_->busy()))) continue;
    if (worker_gone_ || outbox_.empty() || clock_.mono() >= give_up_at_) return journal_ ? 0 : 1;
    if (give_up_at_ == MonoTime::max()) give_up_at_ = clock_.mono() + kLastWordsMax;
    arm_timers();
  }
}

void Runner::on_event(std::uint64_t number, unsigned kind, std::uint32_t what) {
  if (number != 0) {
    const auto found = runs_.find(number);
    if (found != runs_.end()) on_run_event(*found->second, kind, what);
    return;
  }
  switch (kind) {
    case kSocket: return on_socket();
    case kAnswers: return;  // taken already
    case kSynced: return on_synced();
    case kMonoTimer: return on_timers();
    case kWallTimer: return on_wall_timer();
    case kSignals: return on_child_signal();
    default: CHECK(false);
  }
}

// ---- the worker

void Runner::on_socket() {
  if (worker_gone_) return;
  char bytes[64 << 10];
  const ssize_t size = ::recv(socket_.get(), bytes, sizeof bytes, MSG_DONTWAIT);
  if (size == 0) return on_worker_gone("the worker is gone");
  if (size < 0) {
    if (errno != EAGAIN && errno != EINTR) on_worker_gone(std::strerror(errno));
    return send_outbox();
  }
  frames_.feed({bytes, static_cast<std::size_t>(size)});
  for (;;) {
    auto frame = frames_.next();
    if (!frame) return on_worker_gone(frame.error().text());
    if (!*frame) break;
    auto message = decode_to_runner(**frame);
    if (!message) return on_worker_gone(message.error().text());
    on_message(std::move(*message));
    if (worker_gone_) return;
  }
}

void Runner::on_message(ToRunner&& message) {
  if (auto* configured = std::get_if<Configure>(&message)) {
    if (journal_) return on_worker_gone("configured twice");
    options_ = std::move(*configured);
    if (!configure()) {
      stopping_ = true;
      report_condition();
    }
    return;
  }
  if (!journal_) {
    if (!stopping_) on_worker_gone("an order before the configuration");
    return;
  }
  const auto find = [&](const std::string& id) -> Run* {
    const auto found = by_id_.find(id);
    return found == by_id_.end() ? nullptr : found->second;
  };
  if (auto* start = std::get_if<StartOrder>(&message)) {
    on_start(std::move(*start));
  } else if (auto* cancel = std::get_if<CancelOrder>(&message)) {
    if (Run* run = find(cancel->run)) {
      run->withdrawn->store(true);
      if (run->phase == Run::Phase::Waiting) withdraw(*run, NotStarted::Cancelled, "");
    }
  } else if (auto* kill = std::get_if<RunKillOrder>(&message)) {
    if (Run* run = find(kill->run)) on_kill(*run, std::move(kill->order));
  } else if (auto* fence = std::get_if<FenceOrder>(&message)) {
    if (Run* run = find(fence->run)) {
      run->fence_deadline = fence->deadline;
      if (run->phase == Run::Phase::Running) set_timer(*run, Timer::Fence, fence->deadline);
    }
  } else if (auto* acknowledge = std::get_if<AcknowledgeOrder>(&message)) {
    journal_->acknowledge(acknowledge->run);
  } else if (auto* stop = std::get_if<StopOrder>(&message)) {
    stop_all(Reason::Shutdown, stop->grace);
  }
}

void Runner::on_worker_gone(std::string why) {
  worker_gone_ = true;
  static_cast<void>(::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, socket_.get(), nullptr));
  ::shutdown(socket_.get(), SHUT_RDWR);
  outbox_.clear();
  outbox_sent_ = 0;
  disk_error_ = std::move(why);
  stop_all(Reason::WorkerDied, kWorkerDiedGrace);
  finish_waiting();
}

void Runner::send(const FromRunner& message) {
  if (worker_gone_) return;
  encode(message, outbox_);
  send_at_ = MonoTime{};
}

// A start is told when there is more to tell, often its end, or a little later.
void Runner::send_soon(const FromRunner& message) {
  if (worker_gone_) return;
  if (outbox_.empty()) send_at_ = clock_.mono() + kStartedDelay;
  encode(message, outbox_);
}

void Runner::send_outbox() {
  while (!worker_gone_ && outbox_sent_ < outbox_.size()) {
    const ssize_t size = ::send(socket_.get(), outbox_.data() + outbox_sent_, outbox_.size() - outbox_sent_,
                                MSG_NOSIGNAL | MSG_DONTWAIT);
    if (size < 0) {
      if (errno == EAGAIN || errno == EINTR) break;
      return on_worker_gone(std::strerror(errno));
    }
    outbox_sent_ += static_cast<std::size_t>(size);
  }
  if (outbox_sent_ == outbox_.size()) {
    outbox_.clear();
    outbox_sent_ = 0;
    send_at_ = MonoTime::max();
  } else if (outbox_sent_ > (256u << 10)) {
    outbox_.erase(0, outbox_sent_);
    outbox_sent_ = 0;
  }
  const bool wanted = !outbox_.empty();
  if (wanted == outbox_watched_ || worker_gone_) return;
  outbox_watched_ = wanted;
  epoll_event event{};
  event.events = EPOLLIN | (wanted ? static_cast<std::uint32_t>(EPOLLOUT) : 0u);
  event.data.u64 = kSocket;
  CHECK(::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, socket_.get(), &event) == 0);
}

void Runner::report_condition() {
  Condition now{journal_ == nullptr || journal_->full(), keeping_, room_};
  if (!disk_error_.empty()) now.text += (now.text.empty() ? "" : "; ") + disk_error_;
  if (now.journal_full == condition_.journal_full && now.text == condition_.text && now.room == condition_.room) return;
  condition_ = now;
  send(now);
}

// Seldom, since it reads files. The worker is told, and claims no more than that.
void Runner::look_at_room(MonoTime now) {
  room_ = gauge_.look(by_pid_.size());
  look_at_ = now + kLookInterval;
  // What is claimed already may try its luck under a limit that was lowered: it is not refused by our margin.
  options_.runs_max = std::min(runs_asked_, std::max({options_.runs_max, room_.runs_max, 1u}));
}

// A limit that we do not know (the machine's) or that was met before we looked: no more runs than there are, until the
// next look.
void Runner::on_no_room(std::string why) {
  const MonoTime now = clock_.mono();
  look_at_room(now);
  const auto running = static_cast<std::uint32_t>(by_pid_.size());
  if (running < room_.runs_max) room_ = {running, std::move(why)};
}

// ---- disk

bool Runner::configure() {
  JournalOptions journal;
  journal.folder = options_.journal_folder;
  if (options_.journal_bytes_max != 0) journal.bytes_max = options_.journal_bytes_max;
  if (options_.journal_reserve_bytes != 0) journal.reserve_bytes = options_.journal_reserve_bytes;
  auto opened = Journal::open(journal, kJournalPatience);
  if (!opened) {
    disk_error_ = opened.error().with("opening the journal").text();
    return false;
  }
  journal_ = std::move(*opened);

  SpawnerOptions spawner;
  spawner.home_id = options_.home_id;
  spawner.margin = options_.spawn_margin;
  keeping_ = "runs are kept together by their sessions and environment";
  if (!options_.cgroup_folder.empty()) {
    auto cgroups = Cgroups::open(options_.cgroup_folder);
    if (cgroups) {
      keeping_ = "runs are kept together by cgroup v2";
      cgroups_ = *cgroups;
      spawner.cgroups = *cgroups;
    } else {
      keeping_ += fmt::format(" ({})", cgroups.error().message());
    }
  }
  // Killed last when memory runs out; runs get the ordinary score back.
  const Fd score(::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC));
  spawner.reset_oom_score = score && ::write(score.get(), "-900", 4) == 4;

  rlimit files{};
  CHECK(::getrlimit(RLIMIT_NOFILE, &files) == 0);
  if (files.rlim_cur < files.rlim_max) {
    spawner.open_files = files;
    const rlimit raised{files.rlim_max, files.rlim_max};
    if (::setrlimit(RLIMIT_NOFILE, &raised) == 0) files = raised;
  }
  runs_asked_ = options_.runs_max == 0 ? 1u << 20 : options_.runs_max;
  options_.runs_max = 0;
  look_at_room(clock_.mono());

  spawner_ = std::make_unique<Spawner>(clock_, std::move(spawner));
  syncer_ = std::make_unique<Syncer>();
  watch(spawner_->answers_ready(), 0, kAnswers, EPOLLET);  // never read
  watch(syncer_->done_ready(), 0, kSynced);
  condition_.text = "none yet";
  report_condition();
  return true;
}

void Runner::on_synced() {
  auto synced = syncer_->take_result();
  if (!synced) disk_error_ = synced.error().text();
}

// After each round of events: what was decided takes effect, in the order that makes it safe. Journal first, then
// spawns and reports.
void Runner::end_round() {
  ask_for_answers_when_due();
  settle_ended();
  watch_fresh();
  // Again while ended runs still have their tails here: once the worker has read everything no event would come for
  // them.
  do take_effect();
  while (!finishing_.empty() && !congested());
}

void Runner::take_effect() {
  if (!journal_) return send_outbox();
  finish_waiting();
  const MonoTime now = clock_.mono();
  if (journal_->flush_urgent() || flush_at_ <= now) {
    journal_->flush();
    flush_at_ = MonoTime::max();
  } else if (journal_->flush_wanted() && flush_at_ == MonoTime::max()) {
    flush_at_ = now + kLazyFlush;
  }
  if (!to_spawn_.empty()) {
    spawning_ += to_spawn_.size();
    if (answers_due_ == MonoTime::max()) answers_due_ = now + kAnswerPatience;
    spawner_->submit(std::exchange(to_spawn_, {}));
  }
  sync_when_due(now);
  if (look_at_ <= now) look_at_room(now);
  report_condition();
  if (send_at_ <= now) send_outbox();
  if (journal_->full() && journal_retry_at_ == MonoTime::max()) journal_retry_at_ = now + kJournalRetry;
  if (!journal_->idle())
    journal_tidy_at_ = MonoTime::max();
  else if (journal_tidy_at_ == MonoTime::max())
    journal_tidy_at_ = now + kJournalTidy;
  arm_timers();
}

// What is written survives the end of every process; for a power cut it goes to disk soon after.
void Runner::sync_when_due(MonoTime now) {
  if (!journal_->unsynced() || syncer_->busy()) return;
  if (sync_at_ == MonoTime::max()) sync_at_ = now + kSyncDelay;
  if (now < sync_at_ && !(stopping_ && runs_.empty())) return;
  sync_at_ = MonoTime::max();
  syncer_->submit(journal_->take_unsynced());
}

// ---- clocks

// What may be late by some milliseconds.
MonoTime Runner::lazy_due() const {
  MonoTime due = std::min(flush_at_, answers_due_);
  if (!outbox_watched_) due = std::min(due, send_at_);
  if (syncer_ && !syncer_->busy()) due = std::min(due, sync_at_);
  if (!fresh_.empty()) due = std::min(due, fresh_.front().first);
  return due;
}

void Runner::arm_timers() {
  MonoTime next = std::min({journal_retry_at_, journal_tidy_at_, give_up_at_, look_at_, lazy_due()});
  if (!timers_.empty()) next = std::min(next, std::get<0>(*timers_.begin()));
  // A timer that fires too early costs one round; one that is moved for every run costs a call each.
  if (next < mono_armed_) {
    const itimerspec spec = at_once_after(next.time_since_epoch());
    CHECK(::timerfd_settime(mono_timer_.get(), TFD_TIMER_ABSTIME, &spec, nullptr) == 0);
    mono_armed_ = next;
  }
  const WallTime wall_next = waiting_.empty() ? WallTime::max() : waiting_.begin()->first;
  if (wall_next < wall_armed_) {
    const itimerspec spec = at_once_after(wall_next.time_since_epoch());
    CHECK(::timerfd_settime(wall_timer_.get(), TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &spec, nullptr) == 0);
    wall_armed_ = wall_next;
  }
}

void Runner::on_timers() {
  std::uint64_t fired = 0;
  static_cast<void>(!::read(mono_timer_.get(), &fired, sizeof fired));
  mono_armed_ = MonoTime::max();
  const MonoTime now = clock_.mono();
  if (journal_retry_at_ <= now) {
    journal_retry_at_ = MonoTime::max();
    journal_->retry();
  }
  if (journal_tidy_at_ <= now) {
    journal_tidy_at_ = MonoTime::max();
    journal_->tidy();
  }
  while (!timers_.empty() && std::get<0>(*timers_.begin()) <= now) {
    const auto [at, number, timer] = *timers_.begin();
    Run& run = *runs_.at(number);
    set_timer(run, timer, MonoTime::max());
    on_run_timer(run, timer);
  }
}

void Runner::on_wall_timer() {
  // ECANCELED: the clock was set. Either way look at it again; what is not due is armed anew.
  std::uint64_t fired = 0;
  static_cast<void>(!::read(wall_timer_.get(), &fired, sizeof fired));
  wall_armed_ = WallTime::max();
  const WallTime now = clock_.wall();
  while (!waiting_.empty() && waiting_.begin()->first <= now) on_due(*runs_.at(waiting_.begin()->second));
}

// ---- the process

int runner_main(int socket_fd) {
  CHECK(socket_fd > 2);
  if (socket_fd > 3) ::close_range(3, static_cast<unsigned>(socket_fd) - 1, 0);
  ::close_range(static_cast<unsigned>(socket_fd) + 1, ~0u, 0);
  sigset_t all;
  ::sigfillset(&all);
  CHECK(::pthread_sigmask(SIG_SETMASK, &all, nullptr) == 0);
  ::signal(SIGCHLD, SIG_DFL);
  CHECK(::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0);
  CHECK(::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0);
  ::prctl(PR_SET_NAME, "cronfleet-run", 0, 0, 0);
  return Runner(socket_fd).run();
}

}  // namespace cronfleet::exec::posix
