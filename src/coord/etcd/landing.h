// coord/etcd/landing.h: the only thing that gRPC's threads touch. They post to the loop and say that a call is over;
// whoever takes the store down waits here until gRPC has let go of everything.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <utility>

#include "async/loop.h"

namespace cronfleet::coord {

class Landing {
 public:
  explicit Landing(async::Loop& loop) : loop_(loop) {}

  // From any thread. `task` is dropped once close() was called.
  template <typename F>
  void post(F task) {
    loop_.post([alive = token_, task = std::move(task)]() mutable {
      if (!alive.expired()) task();
    });
  }

  void begin() {  // a call that gRPC will end by end()
    const std::lock_guard lock(mutex_);
    ++under_way_;
  }
  template <typename F>
  void end(F task) {
    post(std::move(task));
    const std::lock_guard lock(mutex_);
    if (--under_way_ == 0) idle_.notify_all();
  }

  // On the loop's thread: no task runs after it.
  void close() { alive_.reset(); }
  void wait_until_idle() {
    std::unique_lock lock(mutex_);
    idle_.wait(lock, [this] { return under_way_ == 0; });
  }

 private:
  async::Loop& loop_;
  std::shared_ptr<char> alive_ = std::make_shared<char>();
  const std::weak_ptr<char> token_ = alive_;
  std::mutex mutex_;
  std::condition_variable idle_;
  std::size_t under_way_ = 0;
};

}  // namespace cronfleet::coord
