// tests/services/turned_loop.h: a real loop with timers and the kernel's clocks, turned by the test's own thread.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <utility>

#include "async/asio_loop.h"
#include "async/loop.h"

namespace cronfleet::testing {

class TurnedLoop final : public async::Loop, public async::Timers {
 public:
  void post(async::Task task) override {
    const std::lock_guard lock(mutex_);
    tasks_.push_back(std::move(task));
    ready_.notify_one();
  }
  async::TimerId at(MonoTime at, async::Task task) override {
    timers_.emplace(std::pair(at, ++last_id_), std::move(task));
    return last_id_;
  }
  void cancel(async::TimerId id) override {
    std::erase_if(timers_, [&](const auto& timer) { return timer.first.second == id; });
  }
  const async::Clock& clock() const { return clock_; }

  // Runs tasks and timers until `done()` holds; false when it does not within `most`.
  template <typename Done>
  bool run_until(Done done, std::chrono::milliseconds most = std::chrono::seconds(30)) {
    const MonoTime until = clock_.mono() + most;
    while (!done()) {
      if (clock_.mono() > until) return false;
      turn();
    }
    return true;
  }

 private:
  void turn() {
    if (!timers_.empty() && timers_.begin()->first.first <= clock_.mono()) {
      async::Task task = std::move(timers_.begin()->second);
      timers_.erase(timers_.begin());
      return task();
    }
    std::unique_lock lock(mutex_);
    // Looks up now and then: what is waited for may be the time.
    if (!ready_.wait_for(lock, std::chrono::milliseconds(1), [&] { return !tasks_.empty(); })) return;
    async::Task task = std::move(tasks_.front());
    tasks_.pop_front();
    lock.unlock();
    task();
  }

  async::SystemClock clock_;
  std::mutex mutex_;
  std::condition_variable ready_;
  std::deque<async::Task> tasks_;
  std::map<std::pair<MonoTime, async::TimerId>, async::Task> timers_;
  async::TimerId last_id_ = 0;
};

}  // namespace cronfleet::testing
