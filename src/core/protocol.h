// core/protocol.h: the rows of protocol.md §2 as transactions. Pure builders: what was read goes in, a Txn comes out.
#pragma once

#include <optional>
#include <string>

#include "core/entries.h"
#include "core/transaction.h"

namespace cronfleet::core {

// Who acts: conditions of almost every row name the own hold.
struct Actor {
  const Keys& keys;
  const NodeId& node;
  const Incarnation& incarnation;
  const std::string& hold_key;
};

// claim, skip, miss and gap: each moves the marker of one job forward and says what becomes of the instants passed
// over.
struct FiringRow {
  enum class Lock {
    Free,     // no lock is asked for (overlap allow) or touched
    Absent,   // claim: there is none, and the run takes it
    Dead,     // claim over a dead lock: exactly as read, its holder's hold absent
    Present,  // skip(overlap): there is one
  };
  JobName job;
  Revision job_revision = 0;
  WallTime accounted{};                     // the newest instant known to be accounted for
  std::optional<std::string> exact_marker;  // a gap: the marker must stand exactly so
  WallTime marker_to{};
  Token token;
  std::optional<RunningEntry> entry;   // of marker_to: a claim, a skip or a miss
  std::optional<RunningEntry> passed;  // of the instants before it, ended
  Lock lock = Lock::Free;
  std::string dead_lock;  // Dead: its value as read
  std::string dead_hold;  // Dead: the hold that must be absent
};
Txn firing_row(const Actor& actor, const FiringRow& row);

// What lock/<name> says while `entry` holds it.
std::string lock_value(const NodeId& node, const RunningEntry& entry);

// end: running/ gets its verdict; the lock goes when this run holds it (by value, rule 17).
Txn end_row(const Actor& actor, const std::string& running_as_read, const RunningEntry& ended,
            const std::optional<std::string>& own_lock);
// recorded: the key goes once the history has the record, and the kill order with it.
Txn recorded_row(const Actor& actor, const domain::RunId& run, const std::string& running_as_read, bool kill_order);
// retry: attempt n ends, not final, and n+1 exists in the same transaction; the lock passes on.
Txn retry_row(const Actor& actor, const std::string& running_as_read, const RunningEntry& ended,
              const RunningEntry& next, Revision job_revision, const std::optional<std::string>& lock_as_read);
// A waiting attempt becomes claimed, or living runs move to a new incarnation: the own key is rewritten.
Txn rewrite_row(const Actor& actor, const std::string& running_as_read, const RunningEntry& entry,
                std::optional<Revision> job_revision, const std::optional<std::string>& lock_as_read);
// The key of a run that goes on, or has ended, in a store that was set back (rule 30): `running_as_read` is what the
// older state has of it, empty: nothing. Its lock too, which is its own whatever stands there.
Txn again_row(const Actor& actor, const std::string& running_as_read, const RunningEntry& entry);
// take over: the key of a dead worker moves under the own node.
Txn take_over_row(const Actor& actor, const std::string& dead_key, const std::string& running_as_read,
                  const std::string& dead_hold, const RunningEntry& entry);
// A lock of this node that was left standing: its run is over, and nobody sees to it any more (rule 18).
Txn free_row(const Actor& actor, const domain::RunId& run, const KeyValue& lock_as_read);
// claim a trigger, or end it without a run (`entry` ended). `lock` as in FiringRow.
Txn trigger_row(const Actor& actor, const TriggerEntry& trigger, const std::string& trigger_as_read,
                std::optional<Revision> job_revision, const RunningEntry& entry, const FiringRow& lock);
// The firings of an older version get their verdict; `rest` stays to be recorded in a later step.
Txn account_row(const Actor& actor, const std::string& key, const std::string& as_read,
                const std::optional<AccountEntry>& rest, const std::optional<RunningEntry>& passed);

}  // namespace cronfleet::core
