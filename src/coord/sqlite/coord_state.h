// coord/sqlite/coord_state.h: what the writer thread of the store owns: the tables, the leases, the newest changes.
//
// Calls gather in one SQLite transaction, begun by the first batch; commit() makes them count. Each sees what those
// before it did. A call that met an SQL error leaves it in broken(): then nothing since the last commit may count, and
// rollback() forgets it. Leases are granted and renewed at once, since a lease alone is no promise. One thread.
#pragma once

#include <deque>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "async/clock.h"
#include "coord/coord_store.h"
#include "coord/sqlite/database.h"

namespace cronfleet::coord {

// The changes of one commit.
struct Commit {
  Revision revision;
  std::vector<Change> changes;
};

class CoordState {
 public:
  static Result<std::unique_ptr<CoordState>> open(const std::filesystem::path& file, const async::Clock& clock,
                                                  std::size_t changes_max, std::size_t changes_bytes_max);

  Result<std::vector<TxnAnswer>> apply(const std::vector<Txn>& batch);
  Result<Listing> get(const std::vector<std::string>& keys);
  Result<Listing> list(const std::string& prefix);
  Result<Listing> list_keys(const std::string& prefix, const std::string& after, std::size_t most);
  Result<LeaseId> grant(std::chrono::milliseconds ttl);
  Result<std::chrono::milliseconds> keep_alive(LeaseId lease);
  Result<Revision> revoke(LeaseId lease);
  Result<Revision> compact(Revision revision);

  // Ends the leases whose time is up. The earliest end to come; nothing where there are no leases.
  void end_leases();
  std::optional<MonoTime> next_lease_end() const;

  // Writes what stands already: whether a full disk takes writes again. Outside a transaction.
  std::optional<Status> try_write();

  bool writing() const { return begun_; }
  const std::optional<Status>& broken() const { return broken_; }
  // What has been committed with it; the Status is the failure, after which nothing of it counts.
  Result<std::vector<Commit>> commit();
  void rollback();

  // The kept changes after `after`; Compacted where they are not all there.
  Result<std::vector<const Commit*>> changes_after(Revision after) const;

 private:
  struct Lease {
    std::chrono::milliseconds ttl;
    MonoTime ends_at;
  };
  CoordState(std::unique_ptr<Database> database, const async::Clock& clock, std::size_t changes_max,
             std::size_t changes_bytes_max);

  std::optional<Status> load();
  Result<Listing> rows_of(const std::string& prefix, const std::string& first, std::size_t most, bool values);
  bool begin();
  bool is_broken(std::optional<Status> failure);
  bool lease_stands(LeaseId lease) const { return leases_.contains(lease) && !ended_.contains(lease); }
  // Null where it does not exist, or broken().
  const KeyValue* find(const std::string& key);
  void write(const Write& write, Revision revision, std::vector<Change>& changes);
  void end_lease(LeaseId lease);
  void finish(Revision revision, std::vector<Change> changes);
  void keep(std::vector<Commit>& commits);

  // Statements end before the connection does.
  std::unique_ptr<Database> database_;
  const async::Clock& clock_;
  std::size_t changes_max_, changes_bytes_max_;
  struct Statements;
  std::shared_ptr<Statements> statements_;

  Revision revision_ = 0;  // committed, and what this transaction has reached
  Revision committed_ = 0;
  std::int64_t life_ = 0;  // how often the file was opened; the upper half of lease ids
  std::int64_t granted_ = 0;
  std::map<LeaseId, Lease> leases_;

  // Of the transaction under way.
  bool begun_ = false;
  std::optional<Status> broken_;
  std::set<LeaseId> ended_;
  std::vector<Commit> pending_;
  std::unordered_map<std::string, std::optional<KeyValue>> seen_;  // every key read or written in it

  std::deque<Commit> kept_;
  Revision forgotten_ = 0;  // changes up to it are not kept
  std::size_t kept_changes_ = 0, kept_bytes_ = 0;
};

}  // namespace cronfleet::coord
