// history/record_spool.h: records on a worker's disk whose keys went from the store before the history had them.
//
// protocol.md rule 29: so many ended keys may wait in the store for the history; past that a key goes once its record
// is here. Unlike the shelf (history/shelf.h) this outlives the process, and nothing else has what it holds. Loop
// thread only.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "async/callback.h"
#include "base/status.h"

namespace cronfleet::history {

class RecordSpool {
 public:
  virtual ~RecordSpool() = default;
  // Answers true once `bytes` stand on disk as those of `run`, instead of others that did; false: there is no room, or
  // the disk does not take them.
  virtual void put(std::string run, std::string bytes, async::Callback<bool> done) = 0;
  // The history has it. Not there: no-op.
  virtual void remove(std::string run) = 0;
  // The next ones of those that earlier lives left, at most `most`, in the order in which they were put; none: these
  // were all.
  //   Corrupt      the rest cannot be read and has been set aside; the sentence says where
  virtual Result<std::vector<std::string>> left(std::size_t most) = 0;
  virtual std::size_t size() const = 0;
  // Why the last write failed and what to do about it; empty after one that did not.
  virtual std::string trouble() const = 0;
};

}  // namespace cronfleet::history
