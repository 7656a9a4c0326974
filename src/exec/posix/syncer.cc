#include "exec/posix/syncer.h"

#include <sys/eventfd.h>

#include "base/check.h"

namespace cronfleet::exec::posix {

Syncer::Syncer() : done_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  CHECK(done_);
  thread_ = std::thread([this] { work(); });
}

Syncer::~Syncer() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void Syncer::submit(Files files) {
  CHECK(!busy_);
  busy_ = true;
  {
    const std::lock_guard lock(mutex_);
    files_ = std::move(files);
  }
  wake_.notify_one();
}

Result<void> Syncer::take_result() {
  std::uint64_t count = 0;
  static_cast<void>(!::read(done_.get(), &count, sizeof count));
  busy_ = false;
  const std::lock_guard lock(mutex_);
  return std::exchange(result_, {});
}

void Syncer::work() {
  for (;;) {
    Files files;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || files_; });
      if (!files_) return;
      files = std::move(*files_);
      files_.reset();
    }
    Result<void> result;
    for (const auto& file : files)
      if (auto synced = file->sync(); !synced) result = synced;
    {
      const std::lock_guard lock(mutex_);
      result_ = result;
    }
    const std::uint64_t one = 1;
    static_cast<void>(!::write(done_.get(), &one, sizeof one));
  }
}

}  // namespace cronfleet::exec::posix
