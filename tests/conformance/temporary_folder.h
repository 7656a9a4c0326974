// tests/conformance/temporary_folder.h: a folder that goes with the test.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <string>

#include "base/check.h"

namespace cronfleet::testing {

class TemporaryFolder {
 public:
  enum class Place {
    Disk,
    Memory
  };  // Memory: on /dev/shm where that is, for tests that sync a lot and prove nothing by it

  explicit TemporaryFolder(Place place = Place::Disk) {
    std::error_code absent;
    const std::filesystem::path memory = "/dev/shm";
    const bool in_memory = place == Place::Memory && std::filesystem::is_directory(memory, absent);
    const auto parent = in_memory ? memory : std::filesystem::temp_directory_path();
    std::string pattern = (parent / "cronfleet-test-XXXXXX").string();
    CHECK(::mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  ~TemporaryFolder() {
    std::error_code ignored;  // left behind in the worst case, in the folder for such things
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::string file(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

}  // namespace cronfleet::testing
