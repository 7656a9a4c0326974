// history/attic.h: bytes under a name, on disk until they are asked for: what an earlier life's journal has of the
// output of many runs, while each waits for its turn.
//
// It holds nothing that cannot be found elsewhere (the journal has it), so it need not outlive the process: a file
// without a name. What that file does not take stays in memory. Loop thread only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>

#include "base/status.h"

namespace cronfleet::history {

class Attic {
 public:
  // In `folder`; without one all of it stays in memory.
  explicit Attic(std::string folder = {}) : folder_(std::move(folder)) {}
  ~Attic();
  Attic(const Attic&) = delete;
  Attic& operator=(const Attic&) = delete;

  // In place of what stood under the name.
  void put(const std::string& name, std::string bytes);
  // What stands under the name, which is there until dropped; nothing where nothing does.
  //   Corrupt      it cannot be read back: it is lost to this life
  Result<std::optional<std::string>> find(const std::string& name) const;
  bool contains(const std::string& name) const { return places_.contains(name); }
  void drop(const std::string& name);
  std::size_t size() const { return places_.size(); }

 private:
  struct Place {
    std::uint64_t at = 0, bytes = 0;
    std::string held;  // what is not in the file
  };
  bool write(std::string_view bytes);

  std::string folder_;
  int fd_ = -1;
  std::uint64_t written_ = 0;
  std::unordered_map<std::string, Place> places_;
};

}  // namespace cronfleet::history
