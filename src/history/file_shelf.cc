#include "history/file_shelf.h"

#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "history/nameless_file.h"

namespace cronfleet::history {
namespace {

using Length = std::uint64_t;

}  // namespace

FileShelf::~FileShelf() {
  while (!files_.empty()) drop_oldest();
}

bool FileShelf::begin_file() {
  File file;
  file.fd = nameless_file(options_.folder);
  if (file.fd < 0) return false;
  files_.push_back(file);
  return true;
}

void FileShelf::drop_oldest() {
  bytes_ -= files_.front().written;
  ::close(files_.front().fd);
  files_.pop_front();
}

bool FileShelf::put(std::string_view bytes) {
  if (bytes_ + sizeof(Length) + bytes.size() > options_.bytes_max) return false;
  if ((files_.empty() || files_.back().written >= options_.file_bytes) && !begin_file()) return false;
  File& file = files_.back();
  Length length = bytes.size();
  const iovec parts[2] = {{&length, sizeof length}, {const_cast<char*>(bytes.data()), bytes.size()}};
  const std::size_t whole = sizeof length + bytes.size();
  // What a full disk has taken of it is written over by the next one.
  if (::pwritev(file.fd, parts, 2, static_cast<off_t>(file.written)) != static_cast<ssize_t>(whole)) return false;
  file.written += whole;
  bytes_ += whole;
  ++size_;
  return true;
}

Result<std::string> FileShelf::take() {
  while (files_.size() > 1 && files_.front().taken == files_.front().written) drop_oldest();
  File& file = files_.front();
  Length length = 0;
  std::string bytes;
  bool read = read_whole(file.fd, reinterpret_cast<char*>(&length), sizeof length, file.taken);
  read = read && length <= file.written - file.taken - sizeof length;
  if (read) {
    bytes.resize(length);
    read = read_whole(file.fd, bytes.data(), length, file.taken + sizeof length);
  }
  if (!read) {
    const int error = errno;
    while (!files_.empty()) drop_oldest();
    size_ = 0;
    return fail(Code::Corrupt, "reading what waits for the history back from a file in '{}': {}", options_.folder,
                std::strerror(error));
  }
  file.taken += sizeof length + length;
  if (--size_ == 0) {
    while (!files_.empty()) drop_oldest();
  }
  return bytes;
}

}  // namespace cronfleet::history
