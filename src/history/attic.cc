#include "history/attic.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "history/nameless_file.h"

namespace cronfleet::history {

Attic::~Attic() {
  if (fd_ >= 0) ::close(fd_);
}

void Attic::put(const std::string& name, std::string bytes) {
  Place& place = places_[name];
  place = {.at = written_, .bytes = bytes.size(), .held = {}};
  if (!write(bytes)) place.held = std::move(bytes);
}

// What a full disk has taken of it is written over by the next one.
bool Attic::write(std::string_view bytes) {
  if (folder_.empty()) return false;
  if (fd_ < 0) fd_ = nameless_file(folder_);
  if (fd_ < 0) return false;
  if (::pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(written_)) != static_cast<ssize_t>(bytes.size()))
    return false;
  written_ += bytes.size();
  return true;
}

Result<std::optional<std::string>> Attic::find(const std::string& name) const {
  const auto found = places_.find(name);
  if (found == places_.end()) return std::optional<std::string>();
  const Place& place = found->second;
  if (!place.held.empty()) return std::optional(place.held);
  std::string bytes(place.bytes, '\0');
  if (!read_whole(fd_, bytes.data(), bytes.size(), place.at))
    return fail(Code::Corrupt, "reading {} bytes back from a file in '{}': {}", bytes.size(), folder_,
                std::strerror(errno));
  return std::optional(std::move(bytes));
}

void Attic::drop(const std::string& name) {
  if (places_.erase(name) == 0 || !places_.empty() || fd_ < 0) return;
  ::close(fd_);
  fd_ = -1;
  written_ = 0;
}

}  // namespace cronfleet::history
