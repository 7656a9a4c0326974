// exec/posix/syncer.h: the thread that waits for the disk, so that starts and kills do not.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "exec/posix/journal.h"

namespace cronfleet::exec::posix {

class Syncer {
 public:
  Syncer();
  ~Syncer();  // finishes what it was given, joins

  using Files = std::vector<std::shared_ptr<const Journal::File>>;
  // One batch at a time: not while busy().
  void submit(Files files);
  bool busy() const { return busy_; }
  int done_ready() const { return done_.get(); }  // readable once the batch is on disk
  Result<void> take_result();

 private:
  void work();

  Fd done_;
  bool busy_ = false;  // the loop's view
  std::mutex mutex_;
  std::condition_variable wake_;
  std::optional<Files> files_;
  Result<void> result_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace cronfleet::exec::posix
