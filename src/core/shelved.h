// core/shelved.h: a run that is over and waits for the history, as bytes: while there is no room for its record, memory
// holds its digest alone (the worker's shelf has the rest).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "base/status.h"
#include "core/entries.h"

namespace cronfleet::core {

struct Shelved {
  RunningEntry entry;  // ended
  std::string text;    // running/ exactly as it stands
  std::string output_text;
  bool executed = false, kill_order = false, key_gone = false, former = false;
  std::vector<domain::OutputChunk> output;  // that nobody has taken yet
};
std::string encode(const Shelved& shelved);
Result<Shelved> decode_shelved(std::string_view bytes);  // Corrupt

// Which runs they are, 16 bytes each and about 40 with all that a set takes.
class RunDigests {
 public:
  void insert(const domain::RunId& run) { digests_.insert(digest(run.text())); }
  void erase(const domain::RunId& run) { digests_.erase(digest(run.text())); }
  void clear() { digests_ = {}; }
  bool contains(std::string_view run) const { return !digests_.empty() && digests_.contains(digest(run)); }
  bool contains(const domain::RunId& run) const { return !digests_.empty() && contains(run.text()); }
  std::size_t size() const { return digests_.size(); }

 private:
  struct Digest {
    std::uint64_t first = 0, second = 0;
    friend bool operator==(const Digest&, const Digest&) = default;
  };
  struct Hash {
    std::size_t operator()(const Digest& digest) const noexcept { return digest.first; }
  };
  static Digest digest(std::string_view run);

  std::unordered_set<Digest, Hash> digests_;
};

}  // namespace cronfleet::core
