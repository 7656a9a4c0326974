#include "apps/data_folder.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>

#include "apps/service.h"
#include "apps/small_file.h"

namespace cronfleet::apps {
namespace {

Result<void> make(const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error)  // a full disk may have room at the next start
    return fail(error == std::errc::no_space_on_device ? Code::NoSpace : Code::InvalidArgument,
                "data folder {}: {}; choose another with --data-dir", folder.string(), error.message());
  struct stat about{};
  if (::stat(folder.c_str(), &about) != 0 || !S_ISDIR(about.st_mode))
    return fail(Code::InvalidArgument, "data folder {}: not a folder", folder.string());
  if ((about.st_mode & 077) != 0 && ::chmod(folder.c_str(), 0700) != 0)
    return fail(Code::InvalidArgument,
                "data folder {} is open to other users (mode {:04o}) and cannot be closed: {}; expected 0700",
                folder.string(), about.st_mode & 07777, std::strerror(errno));
  if (::access(folder.c_str(), W_OK | X_OK) != 0)
    return fail(Code::InvalidArgument, "data folder {} cannot be written: {}", folder.string(), std::strerror(errno));
  return {};
}

}  // namespace

Result<DataFolder> DataFolder::open(const std::filesystem::path& path, WallTime now) {
  ::umask(077);
  if (const auto made = make(path); !made) return Failure(made.error());
  auto lock = coord::FolderLock::take(path, now);
  if (!lock) return Failure(lock.error());
  return DataFolder(path, std::move(*lock));
}

Result<NodeId> DataFolder::node_id(const std::string& configured, TokenSource& tokens) const {
  if (!configured.empty()) return NodeId(configured);
  const std::filesystem::path file_path = path_ / "node_id";
  std::string text = first_line(file_path);
  if (!text.empty()) return NodeId(text);
  text = host_name() + "-" + tokens.token().substr(0, 6);
  std::ofstream file(file_path);
  file << text << '\n';
  file.flush();
  if (!file)
    return fail(Code::NoSpace, "node id cannot be written to {}: {}", file_path.string(), std::strerror(errno));
  return NodeId(text);
}

}  // namespace cronfleet::apps
