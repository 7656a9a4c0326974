// tests/conformance/queue_loop.h: a real loop for backends with threads of their own: the test waits on it for answers.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <utility>

#include "async/loop.h"

namespace cronfleet::testing {

class QueueLoop final : public async::Loop {
 public:
  void post(async::Task task) override {
    const std::lock_guard lock(mutex_);
    tasks_.push_back(std::move(task));
    ready_.notify_one();
  }
  // Runs tasks until `done()` holds; false when it does not within `most`.
  template <typename Done>
  bool run_until(Done done, std::chrono::milliseconds most = std::chrono::seconds(30)) {
    const auto until = std::chrono::steady_clock::now() + most;
    while (!done()) {
      std::unique_lock lock(mutex_);
      // Looks up now and then: what is waited for may be the time.
      if (!ready_.wait_for(lock, std::chrono::milliseconds(1), [&] { return !tasks_.empty(); })) {
        if (std::chrono::steady_clock::now() > until) return false;
        continue;
      }
      async::Task task = std::move(tasks_.front());
      tasks_.pop_front();
      lock.unlock();
      task();
    }
    return true;
  }

 private:
  std::mutex mutex_;
  std::condition_variable ready_;
  std::deque<async::Task> tasks_;
};

// Stands still until it is set.
class SetClock final : public async::Clock {
 public:
  explicit SetClock(WallTime now) : now_(now) {}
  WallTime wall() const override { return now_; }
  MonoTime mono() const override { return MonoTime(); }
  void set(WallTime now) { now_ = now; }

 private:
  WallTime now_;
};

}  // namespace cronfleet::testing
