// apps/data_folder.h: the folder that belongs to one worker: made and closed to others, held by one process at a time,
// and the place of its node id.
#pragma once

#include <filesystem>

#include "base/ids.h"
#include "base/status.h"
#include "base/time.h"
#include "base/token.h"
#include "coord/sqlite/folder_lock.h"

namespace cronfleet::apps {

class DataFolder {
 public:
  //   InvalidArgument  it cannot be made, closed to others (0700) or written
  //   Conflict         another process has it; the sentence names that
  static Result<DataFolder> open(const std::filesystem::path& path, WallTime now);

  const std::filesystem::path& path() const { return path_; }
  // Made once and kept (REL-17): the configured one, else what the file says, else the host's name and some chance.
  Result<NodeId> node_id(const std::string& configured, TokenSource& tokens) const;

 private:
  DataFolder(std::filesystem::path path, coord::FolderLock lock) : path_(std::move(path)), lock_(std::move(lock)) {}
  std::filesystem::path path_;
  coord::FolderLock lock_;
};

}  // namespace cronfleet::apps
