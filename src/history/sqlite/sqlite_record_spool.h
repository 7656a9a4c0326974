// history/sqlite/sqlite_record_spool.h: the RecordSpool of a real machine: one SQLite file in the worker's folder.
//
// The file is made at the first put(): most workers never need it. One thread writes; all that waits for it goes in one
// transaction, synced before anything is answered.
#pragma once

#include <memory>

#include "async/loop.h"
#include "history/record_spool.h"

namespace cronfleet::history::sqlite {

struct RecordSpoolOptions {
  std::string path;
  std::uint64_t bytes_max = 2ull << 30;  // of the file; past it nothing more is taken
};

class SqliteRecordSpool final : public RecordSpool {
 public:
  SqliteRecordSpool(RecordSpoolOptions options, async::Loop& loop);
  ~SqliteRecordSpool() override;  // writes what waits; its answers are not heard any more

  void put(std::string run, std::string bytes, async::Callback<bool> done) override;
  void remove(std::string run) override;
  Result<std::vector<std::string>> left(std::size_t most) override;
  std::size_t size() const override;
  std::string trouble() const override;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace cronfleet::history::sqlite
