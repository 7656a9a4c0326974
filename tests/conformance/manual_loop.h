// tests/conformance/manual_loop.h: a loop, its timers and its clock, all turned by hand. Time stands still but for
// advance(); tasks run in the order in which they came due, so a test sees each moment.
#pragma once

#include <map>
#include <utility>

#include "async/loop.h"

namespace cronfleet::testing {

class ManualLoop final : public async::Loop, public async::Timers, public async::Clock {
 public:
  explicit ManualLoop(WallTime start = from_seconds(1'767'225'600)) : wall_(start) {}  // 2026-01-01T00:00:00Z

  void post(async::Task task) override { at(now_, std::move(task)); }
  async::TimerId at(MonoTime at, async::Task task) override {
    const async::TimerId id = ++last_;
    tasks_.emplace(std::pair(std::max(at, now_), id), std::move(task));
    due_.emplace(id, std::max(at, now_));
    return id;
  }
  void cancel(async::TimerId id) override {
    const auto found = due_.find(id);
    if (found == due_.end()) return;
    tasks_.erase({found->second, id});
    due_.erase(found);
  }
  WallTime wall() const override {
    return wall_ + std::chrono::duration_cast<std::chrono::microseconds>(now_.time_since_epoch());
  }
  MonoTime mono() const override { return now_; }

  // Runs what is due within `span`, each task at its own moment.
  void advance(std::chrono::nanoseconds span) {
    const MonoTime until = now_ + span;
    while (!tasks_.empty() && tasks_.begin()->first.first <= until) run_first();
    now_ = until;
  }
  void settle() { advance(std::chrono::nanoseconds(0)); }
  // Lets time pass until `done()` holds; false when nothing is left to happen.
  template <typename Done>
  bool run_until(Done done) {
    while (!done()) {
      if (tasks_.empty()) return false;
      run_first();
    }
    return true;
  }

 private:
  void run_first() {
    auto first = tasks_.begin();
    now_ = first->first.first;
    async::Task task = std::move(first->second);
    due_.erase(first->first.second);
    tasks_.erase(first);
    task();
  }

  std::map<std::pair<MonoTime, async::TimerId>, async::Task> tasks_;
  std::map<async::TimerId, MonoTime> due_;
  MonoTime now_{};
  WallTime wall_;
  async::TimerId last_ = 0;
};

}  // namespace cronfleet::testing
