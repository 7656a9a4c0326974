// apps/folder_owner.h: whether a data folder is used where it was made (REL-F16).
//
// A worker's folder says which runs of its node are over, so a copy of it must not be believed while the original goes
// on: cut off from the store for longer than its session, that one would have its node id, its keys and its locks taken
// by the copy. Who holds the folder is written into it, and a copy finds the holder of the original there. What it
// cannot find: a machine that was cloned with its machine id, and whose original is cut off; while the original is in
// contact, the copy is refused by its registration (REL-17).
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "base/status.h"

namespace cronfleet::apps {

struct FolderOwner {
  std::string machine;           // /etc/machine-id; empty where there is none
  std::string boot;              // of the kernel; empty where it does not say
  std::int64_t process = 0;      // pid
  std::uint64_t started_at = 0;  // clock ticks since boot, by which a pid used again is told apart
  friend bool operator==(const FolderOwner&, const FolderOwner&) = default;
};
FolderOwner this_process();
// When the process with this id started; empty: there is none, or it cannot be told.
std::optional<std::uint64_t> process_start(std::int64_t pid);

// Takes `folder` for `self`, which holds its lock.
//   InvalidArgument  it was last used on another machine: the sentence says what to do if it was moved
//   Conflict         it is a copy, and the process that uses the original is alive
//   Corrupt          the file is not readable
//   NoSpace          it cannot be written
Result<void> own_folder(const std::filesystem::path& folder, const FolderOwner& self,
                        const std::function<std::optional<std::uint64_t>(std::int64_t pid)>& start_of = process_start);

}  // namespace cronfleet::apps
