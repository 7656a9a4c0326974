#include "core/protocol.h"

#include "base/check.h"

namespace cronfleet::core {
namespace {

using Kind = Condition::Kind;

Condition hold_stands(const Actor& actor) { return {.key = actor.hold_key, .kind = Kind::Present}; }
Condition equals(std::string key, std::string value) {
  return {.key = std::move(key), .kind = Kind::ValueEquals, .value = std::move(value)};
}
Condition job_at(const Actor& actor, const JobName& job, Revision revision) {
  return {.key = actor.keys.job(job), .kind = Kind::ModifiedAt, .revision = revision};
}

void put_running(const Actor& actor, const RunningEntry& entry, Txn& txn) {
  txn.writes.push_back({actor.keys.running(actor.node, entry.run), encode(entry)});
}

void guard_lock(const Actor& actor, const FiringRow& row, Txn& txn) {
  const std::string key = actor.keys.lock(row.job);
  switch (row.lock) {
    case FiringRow::Lock::Free: return;
    case FiringRow::Lock::Absent: txn.expected.push_back({.key = key, .kind = Kind::Absent}); break;
    case FiringRow::Lock::Present: txn.expected.push_back({.key = key, .kind = Kind::Present}); break;
    case FiringRow::Lock::Dead:
      txn.expected.push_back(equals(key, row.dead_lock));
      txn.expected.push_back({.key = row.dead_hold, .kind = Kind::Absent});
      break;
  }
  txn.read_if_refused.push_back(key);
}

}  // namespace

std::string lock_value(const NodeId& node, const RunningEntry& entry) {
  return encode(LockEntry{entry.run, node, entry.incarnation, entry.safe_after});
}

Txn firing_row(const Actor& actor, const FiringRow& row) {
  const std::string marker = actor.keys.marker(row.job);
  Txn txn;
  txn.expected = {hold_stands(actor), job_at(actor, row.job, row.job_revision)};
  if (row.exact_marker) {
    txn.expected.push_back(equals(marker, *row.exact_marker));
  } else {
    txn.expected.push_back({.key = marker, .kind = Kind::ValueGreater, .value = marker_floor(row.accounted)});
    txn.expected.push_back({.key = marker, .kind = Kind::ValueLess, .value = marker_floor(row.marker_to)});
  }
  txn.read_if_refused = {actor.keys.job(row.job), marker};
  guard_lock(actor, row, txn);
  txn.writes.push_back({marker, Marker{row.marker_to, row.token.text()}.text()});
  if (row.entry) {
    put_running(actor, *row.entry, txn);
    if (row.entry->locked) txn.writes.push_back({actor.keys.lock(row.job), lock_value(actor.node, *row.entry)});
  }
  if (row.passed) put_running(actor, *row.passed, txn);
  return txn;
}

Txn end_row(const Actor& actor, const std::string& running_as_read, const RunningEntry& ended,
            const std::optional<std::string>& own_lock) {
  const std::string key = actor.keys.running(actor.node, ended.run);
  Txn txn{.expected = {equals(key, running_as_read)}, .writes = {{key, encode(ended)}}, .read_if_refused = {key}};
  if (own_lock) {
    const std::string lock = actor.keys.lock(ended.run.firing.job);
    txn.expected.push_back(equals(lock, *own_lock));
    txn.writes.push_back({lock, std::nullopt});
    txn.read_if_refused.push_back(lock);
  }
  return txn;
}

Txn recorded_row(const Actor& actor, const domain::RunId& run, const std::string& running_as_read, bool kill_order) {
  const std::string key = actor.keys.running(actor.node, run);
  Txn txn{.expected = {equals(key, running_as_read)}, .writes = {{key, std::nullopt}}, .read_if_refused = {key}};
  if (kill_order) txn.writes.push_back({actor.keys.kill(run), std::nullopt});
  return txn;
}

Txn retry_row(const Actor& actor, const std::string& running_as_read, const RunningEntry& ended,
              const RunningEntry& next, Revision job_revision, const std::optional<std::string>& lock_as_read) {
  CHECK(!ended.final && next.run.attempt == ended.run.attempt + 1);
  const std::string key = actor.keys.running(actor.node, ended.run);
  const JobName& job = ended.run.firing.job;
  Txn txn{.expected = {equals(key, running_as_read), hold_stands(actor), job_at(actor, job, job_revision)},
          .writes = {{key, encode(ended)}},
          .read_if_refused = {key, actor.keys.job(job)}};
  put_running(actor, next, txn);
  if (lock_as_read) {
    txn.expected.push_back(equals(actor.keys.lock(job), *lock_as_read));
    txn.writes.push_back({actor.keys.lock(job), lock_value(actor.node, next)});
    txn.read_if_refused.push_back(actor.keys.lock(job));
  }
  return txn;
}

Txn rewrite_row(const Actor& actor, const std::string& running_as_read, const RunningEntry& entry,
                std::optional<Revision> job_revision, const std::optional<std::string>& lock_as_read) {
  const std::string key = actor.keys.running(actor.node, entry.run);
  const JobName& job = entry.run.firing.job;
  Txn txn{.expected = {equals(key, running_as_read), hold_stands(actor)},
          .writes = {{key, encode(entry)}},
          .read_if_refused = {key, actor.keys.job(job)}};
  if (job_revision) txn.expected.push_back(job_at(actor, job, *job_revision));
  if (lock_as_read) {
    txn.expected.push_back(equals(actor.keys.lock(job), *lock_as_read));
    txn.writes.push_back({actor.keys.lock(job), lock_value(actor.node, entry)});
    txn.read_if_refused.push_back(actor.keys.lock(job));
  }
  return txn;
}

Txn again_row(const Actor& actor, const std::string& running_as_read, const RunningEntry& entry) {
  const std::string key = actor.keys.running(actor.node, entry.run);
  Txn txn{.expected = {hold_stands(actor)}, .writes = {}, .read_if_refused = {key}};
  txn.expected.push_back(running_as_read.empty() ? Condition{.key = key, .kind = Kind::Absent}
                                                 : equals(key, running_as_read));
  put_running(actor, entry, txn);
  if (entry.locked && entry.phase != Phase::Ended)
    txn.writes.push_back({actor.keys.lock(entry.run.firing.job), lock_value(actor.node, entry)});
  return txn;
}

Txn take_over_row(const Actor& actor, const std::string& dead_key, const std::string& running_as_read,
                  const std::string& dead_hold, const RunningEntry& entry) {
  Txn txn{
      .expected = {equals(dead_key, running_as_read), hold_stands(actor)}, .writes = {}, .read_if_refused = {dead_key}};
  if (!dead_hold.empty()) txn.expected.push_back({.key = dead_hold, .kind = Kind::Absent});
  const std::string key = actor.keys.running(actor.node, entry.run);
  if (key != dead_key) txn.writes.push_back({dead_key, std::nullopt});
  txn.writes.push_back({key, encode(entry)});
  return txn;
}

Txn free_row(const Actor& actor, const domain::RunId& run, const KeyValue& lock_as_read) {
  return {.expected = {equals(lock_as_read.key, lock_as_read.value),
                       hold_stands(actor),
                       {.key = actor.keys.running(actor.node, run), .kind = Kind::Absent}},
          .writes = {{lock_as_read.key, std::nullopt}},
          .read_if_refused = {}};
}

Txn trigger_row(const Actor& actor, const TriggerEntry& trigger, const std::string& trigger_as_read,
                std::optional<Revision> job_revision, const RunningEntry& entry, const FiringRow& lock) {
  const std::string key = actor.keys.trigger(trigger.id);
  Txn txn{.expected = {equals(key, trigger_as_read), hold_stands(actor)},
          .writes = {{key, std::nullopt}},
          .read_if_refused = {key, actor.keys.job(trigger.job)}};
  if (job_revision) txn.expected.push_back(job_at(actor, trigger.job, *job_revision));
  guard_lock(actor, lock, txn);
  put_running(actor, entry, txn);
  if (entry.locked) txn.writes.push_back({actor.keys.lock(trigger.job), lock_value(actor.node, entry)});
  return txn;
}

Txn account_row(const Actor& actor, const std::string& key, const std::string& as_read,
                const std::optional<AccountEntry>& rest, const std::optional<RunningEntry>& passed) {
  Txn txn{.expected = {equals(key, as_read), hold_stands(actor)}, .writes = {}, .read_if_refused = {key}};
  txn.writes.push_back({key, rest ? std::optional(encode(*rest)) : std::nullopt});
  if (passed) put_running(actor, *passed, txn);
  return txn;
}

}  // namespace cronfleet::core
