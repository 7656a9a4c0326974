// exec/posix/spawner.h: the thread that starts runs. A spawn blocks until exec, so the loop does not do it; and the
// parent-death signal of a run belongs to the thread that spawned it, so this thread lives as long as the runner.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "async/clock.h"
#include "exec/executor.h"
#include "exec/posix/processes.h"
#include "exec/posix/spawn.h"

namespace cronfleet::exec::posix {

struct SpawnOrder {
  std::uint64_t number = 0;  // names the run between loop and spawner
  std::string run;
  std::shared_ptr<const StartRequest> request;
  std::shared_ptr<std::atomic<bool>> withdrawn;  // checked right before the clone
};
struct SpawnAnswer {
  std::uint64_t number = 0;
  std::optional<NotStarted> why;  // absent: it runs
  std::string error;
  pid_t pid = 0;
  Fd pidfd, out, err;
  WallTime started_at{};
  MonoTime started_mono{};
  bool frozen = false;  // it runs, but not_after had passed right after the spawn: already sent SIGKILL
  bool in_cgroup = false;
};

struct SpawnerOptions {
  std::string home_id;
  std::optional<Cgroups> cgroups;
  bool reset_oom_score = false;
  std::chrono::milliseconds margin{0};  // what a spawn may take: TooLate from this long before not_after on
  std::optional<rlimit> open_files;     // what runs get where their job says nothing: ours before we raised it
};

class Spawner {
 public:
  Spawner(const async::Clock& clock, SpawnerOptions options);
  ~Spawner();  // joins

  void submit(std::vector<SpawnOrder> orders);
  // Nobody is woken for an answer: most runs are heard of for another reason soon after, or are over by then. Whoever
  // has waited long enough asks: answers_ready() becomes readable (an edge, never read) with the next answer. True:
  // some are there already.
  std::vector<SpawnAnswer> take_answers();
  bool ask_for_answers();
  int answers_ready() const { return ready_.get(); }

 private:
  void work();
  SpawnAnswer start(const SpawnOrder& order);
  SpawnAnswer spawn_run(const SpawnOrder& order);
  Result<const Identity*> identity_of(const std::string& user);

  const async::Clock& clock_;
  const SpawnerOptions options_;
  ChildStack stack_;
  Fd null_, ready_;

  struct Known {
    Identity identity;
    MonoTime until;
  };
  std::map<std::string, Known> users_;  // this thread's only

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<SpawnOrder> orders_;
  std::vector<SpawnAnswer> answers_;
  bool stopping_ = false, asked_ = false;
  std::thread thread_;
};

}  // namespace cronfleet::exec::posix
