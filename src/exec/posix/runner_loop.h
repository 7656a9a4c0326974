// exec/posix/runner_loop.h: the runner's one loop. Everything it waits for (worker, spawner, disk, clocks, pipes,
// processes) comes in here; nothing else touches its state. runner.cc has the loop, runner_runs.cc the life of a run.
#pragma once

#include <array>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "async/asio_loop.h"
#include "exec/posix/journal.h"
#include "exec/posix/messages.h"
#include "exec/posix/output.h"
#include "exec/posix/room.h"
#include "exec/posix/spawner.h"
#include "exec/posix/syncer.h"

namespace cronfleet::exec::posix {

// What an event is about: a run's number with one of its descriptors, or number 0 with one of ours.
enum RunKind : unsigned { kPidfd, kOut, kErr };
enum OwnKind : unsigned { kSocket, kAnswers, kSynced, kMonoTimer, kWallTimer, kSignals };

// How long an answer of the spawner may lie there, in case something else wakes the loop; it is asked for then.
inline constexpr std::chrono::milliseconds kAnswerPatience{5};

enum class Timer : std::uint8_t { Timeout, Fence, Grace, Flush, Drain, Walk };
inline constexpr std::size_t kTimers = 6;

struct Run {
  std::uint64_t number = 0;
  std::string id;
  std::shared_ptr<const StartRequest> request;
  enum class Phase { Waiting, Spawning, Running, Draining } phase = Phase::Waiting;
  MonoTime fence_deadline = MonoTime::max();
  std::shared_ptr<std::atomic<bool>> withdrawn = std::make_shared<std::atomic<bool>>(false);

  pid_t pid = 0;
  Fd pidfd, out, err;
  WallTime started_at{};
  MonoTime started_mono{}, ended_mono{};
  bool frozen = false, in_cgroup = false;
  bool watched = false;  // its descriptors are in the epoll set

  std::optional<KillOrder> kill;
  MonoTime kill_at = MonoTime::max();  // SIGKILL to what is left
  bool walking = false;                // that has begun
  bool leftovers_asked = false;        // after its end: what it left behind has got SIGTERM
  int walks = 0;

  OutputKeeper output{0};
  std::uint64_t sequence = 0, bytes_stored = 0;
  domain::RunEnd end;
  bool finishing = false;  // over; waits until the worker has read enough to take its tail

  std::array<MonoTime, kTimers> timers = no_timers();
  static std::array<MonoTime, kTimers> no_timers() {
    std::array<MonoTime, kTimers> none;
    none.fill(MonoTime::max());
    return none;
  }
};

class Runner {
 public:
  explicit Runner(int socket);
  int run();

 private:
  using Reason = domain::Reason;

  // runner.cc: what comes in and what goes out
  bool configure();
  void watch(int fd, std::uint64_t number, unsigned kind, std::uint32_t how = 0);
  void on_event(std::uint64_t number, unsigned kind, std::uint32_t what);
  void on_socket();
  void on_message(ToRunner&& message);
  void on_worker_gone(std::string why);
  void on_timers();
  void on_wall_timer();
  void on_synced();
  void on_child_signal();
  void end_round();
  void take_effect();
  void sync_when_due(MonoTime now);
  void arm_timers();
  MonoTime lazy_due() const;
  void send_outbox();
  void send(const FromRunner& message);
  void send_soon(const FromRunner& message);
  bool congested() const { return !worker_gone_ && outbox_.size() - outbox_sent_ > options_.outbox_bytes_max; }
  void report_condition();
  void look_at_room(MonoTime now);
  void on_no_room(std::string why);

  // runner_runs.cc: the life of a run up to its end
  void on_start(StartOrder order);
  void on_due(Run& run);
  void withdraw(Run& run, NotStarted why, std::string error);
  void take_answers();
  void ask_for_answers_when_due();
  void on_spawned(SpawnAnswer answer);
  void watch_run(Run& run);
  void watch_fresh();
  void on_kill(Run& run, KillOrder order);
  void stop_all(Reason reason, std::chrono::milliseconds grace);
  void on_run_event(Run& run, unsigned kind, std::uint32_t what);
  void on_run_timer(Run& run, Timer timer);
  void read_output(Run& run, Fd& pipe, Stream stream);
  void close_pipe(const Run& run, Fd& pipe);
  void flush_head(Run& run);
  void emit(Run& run, std::vector<Piece> pieces);

  // runner_ends.cc: who belongs to it, and its end
  void on_main_ended(Run& run);
  void drain(Run& run);
  bool reap_adopted();
  void settle_ended();
  void settle(Run& run);
  void walk(Run& run);
  void signal_group(const Run& run, int number);
  bool has_leftovers(Run& run);
  std::vector<Process> members(Run& run);
  std::uint64_t owner_of(pid_t adopted, const Run& asking);
  void finish(Run& run);
  void finish_waiting();
  void remove(Run& run);
  void set_timer(Run& run, Timer timer, MonoTime at);

  async::SystemClock clock_;
  Configure options_;
  Fd socket_, epoll_, mono_timer_, wall_timer_, signals_;
  FrameReader frames_;
  std::unique_ptr<Journal> journal_;
  std::optional<Cgroups> cgroups_;
  std::unique_ptr<Spawner> spawner_;
  std::unique_ptr<Syncer> syncer_;

  std::uint64_t last_number_ = 0;
  std::unordered_map<std::uint64_t, std::unique_ptr<Run>> runs_;
  std::unordered_map<std::string, Run*> by_id_;
  std::unordered_map<pid_t, Run*> by_pid_;
  std::set<std::pair<WallTime, std::uint64_t>> waiting_;
  std::set<std::uint64_t> draining_;
  std::deque<std::uint64_t> finishing_;
  std::set<std::tuple<MonoTime, std::uint64_t, Timer>> timers_;
  MonoTime mono_armed_ = MonoTime::max(), journal_retry_at_ = MonoTime::max(), journal_tidy_at_ = MonoTime::max();
  MonoTime send_at_ = MonoTime::max(), sync_at_ = MonoTime::max(), flush_at_ = MonoTime::max();
  WallTime wall_armed_ = WallTime::max();

  std::vector<SpawnOrder> to_spawn_;
  std::size_t spawning_ = 0;                              // handed to the spawner, not answered
  MonoTime answers_due_ = MonoTime::max();                // then ask for them
  bool child_signalled_ = false;                          // in this round
  bool child_unclaimed_ = false;                          // a signal came that may be for a run not answered yet
  bool nobody_adopted_ = false;                           // known since the ends of this round were seen
  std::deque<std::pair<MonoTime, std::uint64_t>> fresh_;  // runs not watched yet, and when they will be
  std::vector<std::uint64_t> ended_;                      // in this round
  std::string outbox_;
  std::size_t outbox_sent_ = 0;
  bool outbox_watched_ = false;

  bool stopping_ = false, worker_gone_ = false;
  Reason stop_reason_ = Reason::None;
  std::chrono::milliseconds stop_grace_{0};
  MonoTime give_up_at_ = MonoTime::max();  // stopping: nobody reads what is left to say
  Condition condition_;
  RoomGauge gauge_{clock_};
  Room room_;
  std::uint32_t runs_asked_ = 0;        // Configure's runs_max
  MonoTime look_at_ = MonoTime::max();  // at the room, next
  std::string keeping_, disk_error_;
  std::vector<char> buffer_ = std::vector<char>(kPieceBytesMax);
};

}  // namespace cronfleet::exec::posix
