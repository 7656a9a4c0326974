// history/file_shelf.h: the Shelf of a real machine: files without a name in a folder, which go with the process.
#pragma once

#include <cstdint>
#include <deque>

#include "history/shelf.h"

namespace cronfleet::history {

struct FileShelfOptions {
  std::string folder;
  std::uint64_t bytes_max = 2ull << 30;
  std::uint64_t file_bytes = 16ull << 20;  // of one file; it is given back when all of it has been taken
};

class FileShelf final : public Shelf {
 public:
  explicit FileShelf(FileShelfOptions options) : options_(std::move(options)) {}
  ~FileShelf() override;
  FileShelf(const FileShelf&) = delete;
  FileShelf& operator=(const FileShelf&) = delete;

  bool put(std::string_view bytes) override;
  Result<std::string> take() override;
  std::size_t size() const override { return size_; }
  std::uint64_t bytes() const { return bytes_; }

 private:
  struct File {
    int fd = -1;
    std::uint64_t written = 0, taken = 0;  // up to where
  };
  bool begin_file();
  void drop_oldest();

  FileShelfOptions options_;
  std::deque<File> files_;  // the last one is written to
  std::size_t size_ = 0;
  std::uint64_t bytes_ = 0;
};

}  // namespace cronfleet::history
