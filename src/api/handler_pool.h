// api/handler_pool.h: the threads on which request handlers run straight-line code and may block.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "async/callback.h"

namespace cronfleet::api {

class HandlerPool {
 public:
  // At most `queue_max` tasks wait; `threads` more are under way.
  HandlerPool(std::size_t threads, std::size_t queue_max);
  ~HandlerPool();

  // False when the queue is full or the pool has stopped: `task` is dropped. From any thread.
  bool offer(async::Task task);
  // Drops what waits, waits for what is under way, joins the threads.
  void stop();

 private:
  void work();

  const std::size_t queue_max_;
  std::mutex mutex_;
  std::condition_variable ready_;
  std::deque<async::Task> queue_;
  bool stopped_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace cronfleet::api
