// exec/posix/posix_executor.h: the Executor of a real machine: starts the runner, talks to it, replaces it when lost.
//
// On the thread of its loop. Order of a worker's start: open(), take up what the journal says, claim. After
// on_runner_lost: open() again; until then every start is answered Overloaded.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "async/asio_loop.h"
#include "async/callback.h"
#include "exec/executor.h"
#include "exec/posix/file.h"
#include "exec/posix/messages.h"
#include "exec/posix/replay.h"

namespace cronfleet::exec {

struct PosixOptions {
  std::string journal_folder;  // made when missing; one worker's only
  // How the runner is started. Empty: this very program with the argument "runner", which calls
  // posix::runner_main().
  std::vector<std::string> runner_command;
  // A cgroup v2 folder in which each run gets its own, "auto" for one below our own cgroup where that was delegated to
  // us, empty for none. Costs up to some ms per start (stack.md §4), gives exact kills.
  std::string cgroup_folder = "auto";
  std::uint64_t journal_bytes_max = 512ull << 20;    // 80 %: output is only counted; all of it: on_condition(full)
  std::uint64_t journal_reserve_bytes = 4ull << 20;  // set aside for intents and ends on a full disk
  std::uint64_t outbox_bytes_max = 1ull << 20;       // output under way to a slow worker; more waits or is dropped
  std::uint32_t runs_max = 0;                        // at once; 0: as many as descriptors allow
  std::chrono::milliseconds spawn_margin{50};        // what a spawn may take: none begins so shortly before not_after
  std::chrono::milliseconds open_patience{20'000};   // for an earlier runner to end its runs
};

class PosixExecutor final : public Executor {
 public:
  PosixExecutor(async::AsioLoop& loop, const async::Clock& clock, ExecutorSink& sink, PosixOptions options);
  // Closes the socket: the runner ends what runs as killed(worker_died). Where nothing runs, waits for the runner's end
  // (some ms). Use stop() for a clean end.
  ~PosixExecutor() override;

  // Ends what earlier runners left, returns what the journal says, starts a runner. Blocks: some ms, or as long as an
  // earlier runner takes to end its runs.
  //   Conflict     an earlier runner lives and does not let go of the journal
  //   Unavailable  the folder, the runner or a leftover process is in the way; the sentence says which
  // Hands over what it left run by run (journal.h), or answers with all of it.
  Result<posix::JournalFindings> open(const posix::TakeEntry& take);
  Result<posix::JournalReplay> open();

  // No more starts; what runs is ended as killed(shutdown) within `grace`. `done` comes after the last on_ended. May be
  // called again with a shorter grace (its `done` then replaces the former).
  void stop(std::chrono::milliseconds grace, async::Callback<Result<void>> done);

  void start(StartRequest request) override;
  void cancel(const domain::RunId& run) override;
  void kill(const domain::RunId& run, KillOrder order) override;
  void set_fence_deadline(const domain::RunId& run, MonoTime deadline) override;
  void acknowledge(const domain::RunId& run) override;

  int runner_pid() const { return runner_pid_; }  // 0: none

 private:
  struct Active {
    domain::RunId id;
    std::vector<domain::OutputChunk> output;  // for the text of its end; bounded by output_bytes_max
  };

  Result<void> start_runner(const std::string& journal_folder);
  void on_readable();
  void on_message(posix::FromRunner&& message);
  void lose_runner(std::string why);
  void reap_runner();
  enum class Urgency { Now, Later };
  void send(const posix::ToRunner& message, Urgency urgency = Urgency::Now);
  void write_later();
  void write_outbox();
  void answer_later(domain::RunId run, NotStarted why, std::string error);

  async::AsioLoop& loop_;
  const async::Clock& clock_;
  ExecutorSink& sink_;
  const PosixOptions options_;
  std::string home_id_, cgroup_folder_, cgroup_why_;

  posix::Fd socket_, runner_pidfd_;
  int runner_pid_ = 0;
  posix::FrameReader frames_;
  std::map<std::string, Active> active_;
  std::string outbox_;
  async::TimerId retry_write_ = 0, write_at_ = 0;
  bool dispatching_ = false;   // reports are being handed out: what they cause goes out together, after them
  bool write_posted_ = false;  // so does what one task of the loop causes
  bool stopping_ = false;
  std::string last_condition_;
  async::Callback<Result<void>> stopped_;
  // What was posted or armed must not outlive us.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace cronfleet::exec
