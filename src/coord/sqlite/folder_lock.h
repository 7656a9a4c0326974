// coord/sqlite/folder_lock.h: one process per data folder, by a lock on <folder>/lock that ends with the process.
// The file holds the holder's pid and the time it started, for the sentence the second one gets.
#pragma once

#include <filesystem>
#include <utility>

#include "base/status.h"
#include "base/time.h"

namespace cronfleet::coord {

class FolderLock {
 public:
  //   Conflict         another process holds it
  //   InvalidArgument  the folder cannot be made or used, or other users can get into it
  static Result<FolderLock> take(const std::filesystem::path& folder, WallTime now);
  FolderLock(FolderLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FolderLock& operator=(FolderLock&&) = delete;
  ~FolderLock();

 private:
  explicit FolderLock(int fd) : fd_(fd) {}
  int fd_;
};

}  // namespace cronfleet::coord
