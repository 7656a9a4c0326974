#include "coord/sqlite/folder_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <string>

namespace cronfleet::coord {
namespace {

Failure cannot(std::string_view what, const std::filesystem::path& path) {
  const int error = errno;
  return fail(error == ENOSPC || error == EDQUOT ? Code::NoSpace : Code::InvalidArgument, "cannot {} '{}': {}", what,
              path.string(), std::strerror(error));
}

// Makes the folder, or sees to it that nobody else can read what we put there.
std::optional<Status> prepare(const std::filesystem::path& folder) {
  std::error_code error;
  if (folder.has_parent_path()) std::filesystem::create_directories(folder.parent_path(), error);
  if (::mkdir(folder.c_str(), 0700) == 0) return std::nullopt;
  if (errno != EEXIST) return cannot("make the data folder", folder).value();
  struct stat info{};
  if (::stat(folder.c_str(), &info) != 0) return cannot("look at the data folder", folder).value();
  if (!S_ISDIR(info.st_mode))
    return Status(Code::InvalidArgument, fmt::format("the data folder '{}' is not a folder", folder.string()));
  if ((info.st_mode & 0077) == 0) return std::nullopt;
  // An empty folder was made for us and may be closed; one in use is left to its owner.
  if (std::filesystem::is_empty(folder, error) && !error && ::chmod(folder.c_str(), 0700) == 0) return std::nullopt;
  return Status(Code::InvalidArgument,
                fmt::format("the data folder '{0}' is open to other users (mode {1:04o}): chmod 700 '{0}'",
                            folder.string(), info.st_mode & 07777));
}

std::string holder(int fd) {
  char text[128];
  const ssize_t length = ::pread(fd, text, sizeof text, 0);
  if (length <= 0) return "a process that has not said its name yet";
  std::string_view line(text, static_cast<std::size_t>(length));
  return std::string(line.substr(0, line.find('\n')));
}

}  // namespace

Result<FolderLock> FolderLock::take(const std::filesystem::path& folder, WallTime now) {
  if (auto refusal = prepare(folder)) return Failure(std::move(*refusal));
  const std::filesystem::path path = folder / "lock";
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return cannot("open", path);
  FolderLock lock(fd);
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return cannot("lock", path);
    return fail(Code::Conflict, "the data folder '{}' is in use by {}: one process per folder", folder.string(),
                holder(fd));
  }
  const std::string text = fmt::format("process {}, started {}\n", ::getpid(), to_rfc3339(now));
  const bool written = ::ftruncate(fd, 0) == 0 && ::pwrite(fd, text.data(), text.size(), 0) > 0;
  // A full disk leaves the name out; the lock holds all the same.
  static_cast<void>(written);
  return lock;
}

FolderLock::~FolderLock() {
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace cronfleet::coord
