// coord/sqlite/sqlite_coord_store.h: the coordination store of one machine, in one SQLite file.
//
// Opens <folder>/coord.db for this process alone; other programs may read it meanwhile (a backup), not write. One
// writer thread does everything: what has gathered while it wrote goes into one SQLite transaction, committed with a
// full sync before anybody hears of it. Leases live in memory, so those of an earlier process end when the store is
// opened, and their keys go. Changes are kept in memory for watches, which are all of this process: a watch from a
// revision of an earlier life gets Compacted and lists again.
//
// A full disk gives NoSpace with nothing applied, and the store works again once there is room; a damaged file gives
// Corrupt. Answers and changes come as tasks on the loop, none after the store is destroyed (on the loop's thread, or
// once the loop has ended); what was accepted before is still written.
#pragma once

#include <filesystem>
#include <memory>

#include "async/loop.h"
#include "coord/coord_store.h"

namespace cronfleet::coord {

struct SqliteCoordOptions {
  std::filesystem::path folder;                   // made with mode 0700 where it is missing
  std::size_t changes_kept_max = 100'000;         // for watches that resume
  std::size_t changes_kept_bytes_max = 16 << 20;  // of keys and values
  std::size_t queue_max = 100'000;                // calls waiting for the writer; past that: Unavailable
};

class SqliteCoordStore final : public CoordStore {
 public:
  //   Conflict         another process has this folder open; the sentence names it (exit code 69)
  //   InvalidArgument  the folder cannot be used as it is: no permission, open to other users, of a newer version
  //   Corrupt          the file is damaged; the sentence says what to do
  //   NoSpace          no room to open it
  static Result<std::unique_ptr<SqliteCoordStore>> open(const SqliteCoordOptions& options, async::Loop& loop,
                                                        const async::Clock& clock);
  ~SqliteCoordStore() override;

  void commit(std::vector<Txn> batch, async::Callback<Result<std::vector<TxnAnswer>>> done) override;
  void get(std::vector<std::string> keys, async::Callback<Result<Listing>> done) override;
  void list(std::string prefix, async::Callback<Result<Listing>> done) override;
  void list_keys(std::string prefix, std::string after, std::size_t most,
                 async::Callback<Result<Listing>> done) override;
  WatchHandle watch(std::string prefix, Revision after, WatchSink& sink) override;
  void grant(std::chrono::milliseconds ttl, async::Callback<Result<LeaseId>> done) override;
  void keep_alive(LeaseId lease, async::Callback<Result<std::chrono::milliseconds>> done) override;
  void revoke(LeaseId lease, async::Callback<Result<Revision>> done) override;
  void compact(Revision revision, async::Callback<Result<Revision>> done) override;

  // Why the disk took none of the last writes; empty: it took them, also within a second of getting room again. Any
  // thread.
  std::string full() const;

 private:
  struct Writer;
  explicit SqliteCoordStore(std::unique_ptr<Writer> writer);
  std::unique_ptr<Writer> writer_;
};

}  // namespace cronfleet::coord
