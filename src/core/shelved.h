// core/shelved.h: a run that is over and waits for the history, as bytes: while there is no room for its record, memory
// holds its digest alone (the worker's shelf has the rest).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "core/entries.h"

namespace cronfleet::core {

// What a run wrote, as far as it waits on the shelf or in the attic.
struct RunOutput {
  std::string text;  // for its record
  std::vector<domain::OutputChunk> chunks;
};
std::string encode(const RunOutput& output);
Result<RunOutput> decode_output(const domain::RunId& run, std::string_view bytes);  // Corrupt

struct Shelved {
  RunningEntry entry;  // ended
  std::string text;    // running/ exactly as it stands
  RunOutput output;    // its chunks as far as nobody has taken them yet
  bool executed = false, kill_order = false, key_gone = false, former = false;
};
std::string encode(const Shelved& shelved);
Result<Shelved> decode_shelved(std::string_view bytes);  // Corrupt

// Which runs they are. A digest takes 16 bytes, some 24 with the room its bucket keeps (a set of nodes takes about 50);
// looking for one goes through a bucket, a hundred of 100,000.
class RunDigests {
 public:
  void insert(const domain::RunId& run);  // not there yet
  void erase(const domain::RunId& run);
  void clear() { buckets_.clear(), size_ = 0; }
  bool contains(std::string_view run) const;
  bool contains(const domain::RunId& run) const { return size_ != 0 && contains(run.text()); }
  std::size_t size() const { return size_; }

 private:
  struct Digest {
    std::uint64_t first = 0, second = 0;
    friend bool operator==(const Digest&, const Digest&) = default;
  };
  static constexpr std::size_t kBuckets = 1024;
  static Digest digest(std::string_view run);

  std::vector<std::vector<Digest>> buckets_;  // none before the first digest
  std::size_t size_ = 0;
};

}  // namespace cronfleet::core
