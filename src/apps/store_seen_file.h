// apps/store_seen_file.h: how far a worker has seen the store, kept in its data folder across its lives, so that a
// store which was set back while everything was down is noticed (protocol.md rule 30).
#pragma once

#include <filesystem>

#include "base/status.h"
#include "runtime/store_watch.h"

namespace cronfleet::apps {

class StoreSeenFile {
 public:
  explicit StoreSeenFile(const std::filesystem::path& folder) : path_(folder / "store_seen") {}

  // Nothing seen where there is no file.
  //   Corrupt  it is not what we write
  Result<runtime::StoreSeen> read() const;
  // Whole or not at all.
  //   NoSpace  it could not be written; what stood stays
  Result<void> write(const runtime::StoreSeen& seen) const;

 private:
  std::filesystem::path path_;
};

}  // namespace cronfleet::apps
