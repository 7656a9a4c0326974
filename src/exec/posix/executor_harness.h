// exec/posix/executor_harness.h: a PosixExecutor on a loop thread of its own, and all that it reported. For tests and
// benches; their main() must begin with run_as_runner().
#pragma once

#include <sys/wait.h>

#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <functional>
#include <future>
#include <map>
#include <mutex>
#include <thread>

#include "base/check.h"
#include "exec/posix/posix_executor.h"
#include "exec/posix/runner.h"

namespace cronfleet::exec {

// The test program is its own runner. True: it was one, and `exit_code` is what main returns.
inline bool run_as_runner(int argc, char** argv, int& exit_code) {
  if (argc != 2 || std::strcmp(argv[1], "runner") != 0) return false;
  exit_code = posix::runner_main();
  return true;
}

inline domain::RunId run_id(int number) {
  return {{JobName("test"), domain::RequestId("r-" + std::to_string(number))}, 1};
}

// What is known of one run.
struct Seen {
  std::optional<Started> started;
  std::optional<StartFailed> failed;
  std::vector<domain::OutputChunk> output;
  std::optional<Ended> ended;
  MonoTime ended_seen_at{};
  int answers = 0;  // of started, failed
  int ends = 0;
  bool over() const { return failed || ended; }
  std::string text(domain::OutputChunk::Stream stream) const {
    std::string all;
    for (const auto& chunk : output)
      if (chunk.stream == stream) all += chunk.bytes;
    return all;
  }
};

class ExecutorHarness final : public ExecutorSink {
 public:
  explicit ExecutorHarness(PosixOptions options = {}) : loop_(clock_) {
    if (options.journal_folder.empty()) {
      std::string name = (std::filesystem::temp_directory_path() / "cronfleet-exec-XXXXXX").string();
      CHECK(::mkdtemp(name.data()) != nullptr);
      folder_ = name;
      options.journal_folder = folder_ + "/journal";
    }
    options_ = options;
    executor_ = std::make_unique<PosixExecutor>(loop_, clock_, *this, options_);
    thread_ = std::thread([this] { loop_.run(); });
  }
  ~ExecutorHarness() override {
    const int runner = on_loop([&] {
      const int pid = executor_->runner_pid();
      executor_.reset();
      return pid;
    });
    loop_.stop();
    thread_.join();
    if (folder_.empty()) return;
    siginfo_t gone{};
    if (runner != 0) ::waitid(P_PID, static_cast<id_t>(runner), &gone, WEXITED);  // it writes until its last run ends
    std::filesystem::remove_all(folder_);
  }

  // Runs `task` on the loop and waits for it.
  template <typename F>
  auto on_loop(F task) -> decltype(task()) {
    std::promise<decltype(task())> done;
    loop_.post([&] {
      if constexpr (std::is_void_v<decltype(task())>) {
        task();
        done.set_value();
      } else {
        done.set_value(task());
      }
    });
    return done.get_future().get();
  }
  Result<posix::JournalReplay> open() {
    return on_loop([&] { return executor_->open(); });
  }
  void start(StartRequest request) {
    on_loop([&] { executor_->start(std::move(request)); });
  }
  void kill(int run, KillOrder order) {
    on_loop([&] { executor_->kill(run_id(run), std::move(order)); });
  }
  Result<void> stop(std::chrono::milliseconds grace) {
    auto answer = std::make_shared<std::promise<Result<void>>>();
    auto future = answer->get_future();
    on_loop([&] { executor_->stop(grace, [answer](Result<void> result) { answer->set_value(std::move(result)); }); });
    return future.get();
  }
  int runner_pid() {
    return on_loop([&] { return executor_->runner_pid(); });
  }
  PosixExecutor& executor() { return *executor_; }  // on its loop only
  const async::SystemClock& clock() const { return clock_; }
  const PosixOptions& options() const { return options_; }

  // Waits until `holds(seen of the run)`; false after `patience`.
  bool wait(int run, const std::function<bool(const Seen&)>& holds,
            std::chrono::milliseconds patience = std::chrono::seconds(60)) {
    return wait_for([&] { return holds(seen_[run_id(run).text()]); }, patience);
  }
  bool wait_for(const std::function<bool()>& holds, std::chrono::milliseconds patience = std::chrono::seconds(60)) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, patience, holds);
  }
  Seen seen(int run) {
    const std::lock_guard lock(mutex_);
    return seen_[run_id(run).text()];
  }
  // Starts it and waits for its end.
  Seen run(StartRequest request) {
    const std::string id = request.run.text();
    start(std::move(request));
    wait_for([&] { return seen_[id].over(); });
    const std::lock_guard lock(mutex_);
    return seen_[id];
  }
  std::size_t over_count() {
    const std::lock_guard lock(mutex_);
    return over_;
  }

  // Changed and read under the harness's lock; read them in wait_for, or once nothing runs.
  std::map<std::string, Seen> seen_;
  std::size_t over_ = 0;
  std::vector<std::string> lost_;
  bool journal_full_ = false;
  std::string condition_;
  Room room_;
  bool acknowledge_ends_ = false;
  bool keep_seen_ = true;          // false: only counted, for benches
  std::function<void()> on_over_;  // on the loop

 private:
  void after_over() {
    if (!on_over_) return;
    on_over_();
    changed_.notify_all();
  }
  template <typename Change>
  void note(const domain::RunId& run, Change change) {
    {
      const std::lock_guard lock(mutex_);
      Seen discarded;
      change(keep_seen_ ? seen_[run.text()] : discarded);
    }
    changed_.notify_all();
  }
  void on_started(Started started) override {
    note(started.run, [&](Seen& seen) {
      ++seen.answers;
      seen.started = started;
    });
  }
  void on_start_failed(StartFailed failed) override {
    note(failed.run, [&](Seen& seen) {
      ++seen.answers;
      ++over_;
      seen.failed = failed;
    });
    after_over();
  }
  void on_output(domain::OutputChunk chunk) override {
    note(chunk.run, [&](Seen& seen) { seen.output.push_back(std::move(chunk)); });
  }
  void on_ended(Ended ended) override {
    const domain::RunId run = ended.run;
    note(run, [&](Seen& seen) {
      ++seen.ends;
      ++over_;
      seen.ended_seen_at = clock_.mono();
      seen.ended = std::move(ended);
    });
    if (acknowledge_ends_) executor_->acknowledge(run);
    after_over();
  }
  void on_runner_lost(std::string error) override {
    {
      const std::lock_guard lock(mutex_);
      lost_.push_back(std::move(error));
    }
    changed_.notify_all();
  }
  void on_condition(bool full, std::string text) override {
    {
      const std::lock_guard lock(mutex_);
      journal_full_ = full;
      condition_ = std::move(text);
    }
    changed_.notify_all();
  }

  void on_room(Room room) override {
    {
      const std::lock_guard lock(mutex_);
      room_ = std::move(room);
    }
    changed_.notify_all();
  }

  async::SystemClock clock_;
  async::AsioLoop loop_;
  std::string folder_;
  PosixOptions options_;
  std::unique_ptr<PosixExecutor> executor_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::thread thread_;
};

inline StartRequest request(int run, std::vector<std::string> arguments) {
  StartRequest made;
  made.run = run_id(run);
  made.arguments = std::move(arguments);
  made.environment = {{"PATH", "/usr/bin:/bin"}};
  made.kill_grace = std::chrono::milliseconds(300);
  return made;
}
inline StartRequest shell(int run, std::string text) { return request(run, {"/bin/bash", "-c", std::move(text)}); }

}  // namespace cronfleet::exec
