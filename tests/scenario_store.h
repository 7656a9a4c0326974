// tests/scenario_store.h: the store and the words of scenarios: applies transactions at once and says in a few words
// what each one did.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/entries.h"
#include "core/transaction.h"

namespace cronfleet::scenario {

class Store {
 public:
  core::TxnAnswer apply(const core::Txn& txn);
  std::vector<core::KeyValue> read(const std::vector<std::string>& keys) const;
  std::vector<core::KeyValue> read_prefix(const std::string& prefix) const;
  std::vector<core::KeyValue> read_keys(const std::string& prefix, const std::string& after, std::size_t most) const;
  const std::map<std::string, core::KeyValue>& entries() const { return entries_; }
  core::Revision revision() const { return revision_; }
  // What changed since the last call, for the watch.
  std::vector<core::Write> take_changes(std::vector<core::Revision>& revisions);

 private:
  bool holds(const core::Condition& condition) const;

  std::map<std::string, core::KeyValue> entries_;
  core::Revision revision_ = 100;
  std::vector<core::Write> changes_;
  std::vector<core::Revision> revisions_;
};

// "claimed backup@02:05:00.1 + lock": the writes of a transaction, in words. `day`: "2026-03-01T", left out of moments.
std::string in_words(const core::Keys& keys, const core::Txn& txn, const std::string& day);
std::string short_run(const domain::RunId& run, const std::string& day);
std::string short_time(WallTime at, const std::string& day);
std::string verdict(domain::RunStatus status, domain::Reason reason);

}  // namespace cronfleet::scenario
