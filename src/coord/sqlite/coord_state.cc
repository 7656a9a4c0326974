#include "coord/sqlite/coord_state.h"

#include <algorithm>

#include "base/check.h"
#include "coord/batch_rules.h"

namespace cronfleet::coord {
namespace {

constexpr std::int64_t kSchemaVersion = 1;
constexpr const char* kSchema =
    "CREATE TABLE kv(key BLOB PRIMARY KEY, created INTEGER NOT NULL, modified INTEGER NOT NULL, lease INTEGER NOT NULL,"
    " value BLOB NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX kv_lease ON kv(lease) WHERE lease != 0;"
    "CREATE TABLE meta(id INTEGER PRIMARY KEY CHECK (id = 1), revision INTEGER NOT NULL, life INTEGER NOT NULL);"
    "INSERT INTO meta VALUES(1, 1, 0);"
    "PRAGMA user_version=1;";

// The first text that is greater than all that begin with `prefix`; empty: there is none.
std::string end_of_prefix(std::string prefix) {
  while (!prefix.empty() && prefix.back() == '\xff') prefix.pop_back();
  if (!prefix.empty()) prefix.back() = static_cast<char>(static_cast<unsigned char>(prefix.back()) + 1);
  return prefix;
}

std::size_t bytes_of(const Commit& commit) {
  std::size_t bytes = 0;
  for (const Change& change : commit.changes) bytes += change.entry.key.size() + change.entry.value.size();
  return bytes;
}

}  // namespace

struct CoordState::Statements {
  explicit Statements(Database& database)
      : find(database, "SELECT created, modified, lease, value FROM kv WHERE key = ?1"),
        put(database,
            "INSERT INTO kv VALUES(?1, ?2, ?3, ?4, ?5) ON CONFLICT(key) DO UPDATE SET modified = excluded.modified, "
            "lease = excluded.lease, value = excluded.value"),
        erase(database, "DELETE FROM kv WHERE key = ?1"),
        range(database,
              "SELECT key, created, modified, lease, value FROM kv WHERE key >= ?1 AND key < ?2 ORDER BY key"),
        from(database, "SELECT key, created, modified, lease, value FROM kv WHERE key >= ?1 ORDER BY key"),
        leased(database, "SELECT key FROM kv WHERE lease = ?1 AND lease != 0"),
        revision(database, "UPDATE meta SET revision = ?1"),
        begin(database, "BEGIN IMMEDIATE"),
        commit(database, "COMMIT") {}

  Statement find, put, erase, range, from, leased, revision, begin, commit;
};

CoordState::CoordState(std::unique_ptr<Database> database, const async::Clock& clock, std::size_t changes_max,
                       std::size_t changes_bytes_max)
    : database_(std::move(database)), clock_(clock), changes_max_(changes_max), changes_bytes_max_(changes_bytes_max) {}

Result<std::unique_ptr<CoordState>> CoordState::open(const std::filesystem::path& file, const async::Clock& clock,
                                                     std::size_t changes_max, std::size_t changes_bytes_max) {
  auto database = Database::open(file);
  if (!database) return Failure(database.error());
  std::unique_ptr<CoordState> state(new CoordState(std::move(*database), clock, changes_max, changes_bytes_max));
  if (auto failed = state->load()) return Failure(std::move(*failed));
  return state;
}

std::optional<Status> CoordState::load() {
  const auto ask = [&](std::string_view sql, auto read) -> std::optional<Status> {
    Statement statement(*database_, sql);
    const auto row = statement.step();
    if (!row) return row.error();
    CHECK(*row);
    read(statement);
    return std::nullopt;
  };
  std::int64_t version = 0;
  if (auto failed = ask("PRAGMA user_version", [&](Statement& row) { version = row.number(0); })) return failed;
  if (version > kSchemaVersion) {
    return Status(Code::InvalidArgument,
                  fmt::format("the coordination store was written by a newer cronfleet (format {}, this one knows {})",
                              version, kSchemaVersion));
  }
  if (auto failed = database_->run("BEGIN IMMEDIATE")) return failed;
  if (version == 0) {
    if (auto failed = database_->run(kSchema)) return failed;
  }
  std::string verdict;
  if (auto failed = ask("PRAGMA quick_check(1)", [&](Statement& row) { verdict = row.bytes(0); })) return failed;
  if (verdict != "ok") {
    return Status(Code::Corrupt,
                  fmt::format("the coordination store is damaged ({}): stop cronfleet, move coord.db and "
                              "coord.db-wal to a safe place, and put a backup there or start without",
                              verdict));
  }
  if (auto failed = ask("SELECT revision, life FROM meta", [&](Statement& row) {
        revision_ = committed_ = row.number(0);
        life_ = row.number(1) + 1;
      }))
    return failed;
  for (const std::string& sql :
       {fmt::format("UPDATE meta SET life = {}", life_),
        // The leases of earlier lives have ended; this is a commit like any other.
        fmt::format("UPDATE meta SET revision = revision + 1 WHERE EXISTS (SELECT 1 FROM kv WHERE lease != 0)"),
        std::string("DELETE FROM kv WHERE lease != 0"), std::string("COMMIT")}) {
    if (auto failed = database_->run(sql.c_str())) return failed;
  }
  if (auto failed = ask("SELECT revision FROM meta", [&](Statement& row) { revision_ = committed_ = row.number(0); }))
    return failed;
  forgotten_ = revision_;
  statements_ = std::make_shared<Statements>(*database_);
  return std::nullopt;
}

bool CoordState::is_broken(std::optional<Status> failure) {
  if (failure && !broken_) broken_ = std::move(failure);
  return broken_.has_value();
}

bool CoordState::begin() {
  if (begun_) return true;
  if (is_broken(statements_->begin.run())) return false;
  begun_ = true;
  return true;
}

const KeyValue* CoordState::find(const std::string& key) {
  const auto [at, is_new] = seen_.try_emplace(key);
  if (is_new) {
    Statement& find = statements_->find;
    const auto row = find.bind(1, key).step();
    if (!row) {
      is_broken(row.error());
      seen_.erase(at);
      return nullptr;
    }
    if (*row) at->second = KeyValue{key, std::string(find.bytes(3)), find.number(0), find.number(1), find.number(2)};
    find.reset();
  }
  return at->second ? &*at->second : nullptr;
}

Result<std::vector<TxnAnswer>> CoordState::apply(const std::vector<Txn>& batch) {
  if (auto refusal = refuse_batch(batch)) return Failure(std::move(*refusal));
  if (!begin()) return Failure(*broken_);  // before the first condition is judged
  std::vector<TxnAnswer> answers(batch.size());
  for (std::size_t i = 0; i < batch.size(); ++i) {
    answers[i].committed =
        std::all_of(batch[i].expected.begin(), batch[i].expected.end(),
                    [&](const Condition& condition) { return holds(condition, find(condition.key)); });
    if (!answers[i].committed) continue;
    for (const Write& one : batch[i].writes) {
      if (one.value && one.lease != 0 && !lease_stands(one.lease))
        return fail(Code::LeaseLost, "lease {} of key '{}' has ended", one.lease, one.key);
    }
  }
  if (broken_) return Failure(*broken_);
  const Revision next = revision_ + 1;
  std::vector<Change> changes;
  for (std::size_t i = 0; i < batch.size(); ++i) {
    if (answers[i].committed) {
      for (const Write& one : batch[i].writes) write(one, next, changes);
    } else {
      for (const std::string& key : batch[i].read_if_refused) {
        if (const KeyValue* found = find(key)) answers[i].found.push_back(*found);
      }
    }
  }
  if (broken_) return Failure(*broken_);
  finish(next, std::move(changes));
  for (TxnAnswer& answer : answers) answer.revision = revision_;
  return answers;
}

void CoordState::write(const Write& write, Revision revision, std::vector<Change>& changes) {
  const KeyValue* before = find(write.key);
  if (broken_) return;
  std::optional<KeyValue>& seen = seen_[write.key];
  if (!write.value) {
    if (before == nullptr) return;
    if (is_broken(statements_->erase.bind(1, write.key).run())) return;
    seen.reset();
    changes.push_back({KeyValue{write.key, {}, 0, revision, 0}, true});
    return;
  }
  const Revision created = before == nullptr ? revision : before->created;
  Statement& put = statements_->put;
  put.bind(1, write.key).bind(2, created).bind(3, revision).bind(4, write.lease).bind(5, *write.value);
  if (is_broken(put.run())) return;
  seen = KeyValue{write.key, *write.value, created, revision, write.lease};
  changes.push_back({*seen, false});
}

void CoordState::finish(Revision revision, std::vector<Change> changes) {
  if (changes.empty()) return;
  revision_ = revision;
  pending_.push_back({revision, std::move(changes)});
}

Result<Listing> CoordState::get(const std::vector<std::string>& keys) {
  Listing listing;
  listing.revision = revision_;
  for (const std::string& key : keys) {
    if (const KeyValue* found = find(key)) listing.entries.push_back(*found);
  }
  if (broken_) return Failure(*broken_);
  return listing;
}

Result<Listing> CoordState::list(const std::string& prefix) { return rows_of(prefix, prefix, SIZE_MAX, true); }

Result<Listing> CoordState::list_keys(const std::string& prefix, const std::string& after, std::size_t most) {
  return rows_of(prefix, after < prefix ? prefix : after + '\0', most, false);
}

// Those under `prefix` from `first` on.
Result<Listing> CoordState::rows_of(const std::string& prefix, const std::string& first, std::size_t most,
                                    bool values) {
  Listing listing;
  listing.revision = revision_;
  const std::string end = end_of_prefix(prefix);
  Statement& rows = end.empty() ? statements_->from : statements_->range;
  rows.bind(1, first);
  if (!end.empty()) rows.bind(2, end);
  while (listing.entries.size() < most) {
    const auto row = rows.step();
    if (!row) {
      is_broken(row.error());
      return Failure(row.error());
    }
    if (!*row) break;
    listing.entries.push_back({std::string(rows.bytes(0)), values ? std::string(rows.bytes(4)) : std::string(),
                               rows.number(1), rows.number(2), rows.number(3)});
  }
  rows.reset();
  return listing;
}

Result<LeaseId> CoordState::grant(std::chrono::milliseconds ttl) {
  const LeaseId id = life_ << 32 | ++granted_;
  leases_[id] = {ttl, clock_.mono() + ttl};
  return id;
}

Result<std::chrono::milliseconds> CoordState::keep_alive(LeaseId id) {
  if (!lease_stands(id)) return fail(Code::LeaseLost, "lease {} has ended", id);
  Lease& lease = leases_.at(id);
  lease.ends_at = clock_.mono() + lease.ttl;
  return lease.ttl;
}

Result<Revision> CoordState::revoke(LeaseId id) {
  if (!lease_stands(id)) return fail(Code::LeaseLost, "lease {} has ended", id);
  end_lease(id);
  if (broken_) return Failure(*broken_);
  return revision_;
}

void CoordState::end_lease(LeaseId id) {
  std::vector<std::string> keys;
  Statement& leased = statements_->leased;
  leased.bind(1, id);
  for (;;) {
    const auto row = leased.step();
    if (!row) {
      is_broken(row.error());
      return;
    }
    if (!*row) break;
    keys.emplace_back(leased.bytes(0));
  }
  leased.reset();
  if (!keys.empty() && !begin()) return;
  std::vector<Change> changes;
  std::sort(keys.begin(), keys.end());
  for (const std::string& key : keys) write({key, std::nullopt, 0}, revision_ + 1, changes);
  if (broken_) return;
  finish(revision_ + 1, std::move(changes));
  ended_.insert(id);
}

void CoordState::end_leases() {
  const MonoTime now = clock_.mono();
  for (const auto& [id, lease] : leases_) {
    if (lease.ends_at <= now && !ended_.contains(id)) end_lease(id);
  }
}

std::optional<MonoTime> CoordState::next_lease_end() const {
  std::optional<MonoTime> next;
  for (const auto& [id, lease] : leases_) {
    if (!next || lease.ends_at < *next) next = lease.ends_at;
  }
  return next;
}

Result<Revision> CoordState::compact(Revision revision) {
  if (revision > committed_)
    return fail(Code::InvalidArgument, "revision {} is ahead of the store at {}", revision, committed_);
  forgotten_ = std::max(forgotten_, revision);
  while (!kept_.empty() && kept_.front().revision <= forgotten_) {
    kept_changes_ -= kept_.front().changes.size();
    kept_bytes_ -= bytes_of(kept_.front());
    kept_.pop_front();
  }
  return forgotten_;
}

std::optional<Status> CoordState::try_write() {
  if (begin()) is_broken(statements_->revision.bind(1, revision_).run());
  if (!broken_) {
    const auto commits = commit();
    return commits ? std::nullopt : std::optional(commits.error());
  }
  Status failure = *broken_;
  rollback();
  return failure;
}

Result<std::vector<Commit>> CoordState::commit() {
  if (begun_) {
    if (revision_ != committed_) is_broken(statements_->revision.bind(1, revision_).run());
    if (!broken_) is_broken(statements_->commit.run());
    if (broken_) {
      Status failure = *broken_;
      rollback();
      return Failure(std::move(failure));
    }
  }
  begun_ = false;
  committed_ = revision_;
  for (const LeaseId lease : ended_) leases_.erase(lease);
  ended_.clear();
  seen_.clear();
  std::vector<Commit> commits = std::exchange(pending_, {});
  keep(commits);
  return commits;
}

void CoordState::keep(std::vector<Commit>& commits) {
  for (const Commit& commit : commits) {
    kept_changes_ += commit.changes.size();
    kept_bytes_ += bytes_of(commit);
    kept_.push_back(commit);
  }
  while (kept_changes_ > changes_max_ || kept_bytes_ > changes_bytes_max_) {
    forgotten_ = kept_.front().revision;
    kept_changes_ -= kept_.front().changes.size();
    kept_bytes_ -= bytes_of(kept_.front());
    kept_.pop_front();
  }
}

void CoordState::rollback() {
  // Some errors have rolled back already. That this fails too means a disk that does not answer: the next BEGIN says
  // so.
  if (database_->in_transaction()) (void)database_->run("ROLLBACK");
  begun_ = false;
  broken_.reset();
  ended_.clear();
  pending_.clear();
  seen_.clear();
  revision_ = committed_;
}

Result<std::vector<const Commit*>> CoordState::changes_after(Revision after) const {
  if (after < forgotten_ || after > committed_) {
    return fail(Code::Compacted, "changes after revision {} are not kept: {} to {} are", after, forgotten_, committed_);
  }
  const auto first = std::upper_bound(kept_.begin(), kept_.end(), after, [](Revision revision, const Commit& commit) {
    return revision < commit.revision;
  });
  std::vector<const Commit*> found;
  for (auto at = first; at != kept_.end(); ++at) found.push_back(&*at);
  return found;
}

}  // namespace cronfleet::coord
