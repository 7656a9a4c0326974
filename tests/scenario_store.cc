#include "tests/scenario_store.h"

#include <algorithm>

namespace cronfleet::scenario {

using core::Condition;
using core::KeyValue;

bool Store::holds(const Condition& condition) const {
  const auto found = entries_.find(condition.key);
  const bool present = found != entries_.end();
  switch (condition.kind) {
    case Condition::Kind::Absent: return !present;
    case Condition::Kind::Present: return present;
    case Condition::Kind::ValueEquals: return present && found->second.value == condition.value;
    case Condition::Kind::ValueGreater: return present && found->second.value > condition.value;
    case Condition::Kind::ValueLess: return present && found->second.value < condition.value;
    case Condition::Kind::ModifiedAt: return present && found->second.modified == condition.revision;
  }
  return false;
}

core::TxnAnswer Store::apply(const core::Txn& txn) {
  const bool wanted =
      std::all_of(txn.expected.begin(), txn.expected.end(), [&](const Condition& c) { return holds(c); });
  if (!wanted) return {false, revision_, read(txn.read_if_refused)};
  ++revision_;
  for (const core::Write& write : txn.writes) {
    if (write.value) {
      KeyValue& entry = entries_[write.key];
      if (entry.created == 0) entry.created = revision_;
      entry.key = write.key;
      entry.value = *write.value;
      entry.modified = revision_;
    } else {
      entries_.erase(write.key);
    }
    changes_.push_back(write);
    revisions_.push_back(revision_);
  }
  return {true, revision_, {}};
}

std::vector<KeyValue> Store::read(const std::vector<std::string>& keys) const {
  std::vector<KeyValue> found;
  for (const std::string& key : keys) {
    if (const auto entry = entries_.find(key); entry != entries_.end()) found.push_back(entry->second);
  }
  return found;
}

std::vector<KeyValue> Store::read_prefix(const std::string& prefix) const {
  std::vector<KeyValue> found;
  for (auto it = entries_.lower_bound(prefix); it != entries_.end() && it->first.rfind(prefix, 0) == 0; ++it)
    found.push_back(it->second);
  return found;
}

std::vector<KeyValue> Store::read_keys(const std::string& prefix, const std::string& after, std::size_t most) const {
  std::vector<KeyValue> found;
  for (auto it = after < prefix ? entries_.lower_bound(prefix) : entries_.upper_bound(after);
       it != entries_.end() && it->first.rfind(prefix, 0) == 0 && found.size() < most; ++it) {
    found.push_back(it->second);
    found.back().value.clear();
  }
  return found;
}

std::vector<core::Write> Store::take_changes(std::vector<core::Revision>& revisions) {
  revisions = std::move(revisions_);
  revisions_.clear();
  return std::exchange(changes_, {});
}

std::string short_time(WallTime at, const std::string& day) {
  std::string text = to_rfc3339(at);
  if (text.rfind(day, 0) == 0) text = text.substr(day.size(), text.size() - day.size() - 1);
  return text;
}

std::string short_run(const domain::RunId& run, const std::string& day) {
  if (!run.firing.scheduled()) return run.text();
  return fmt::format("{}@{}.{}", run.firing.job, short_time(run.firing.instant(), day), run.attempt);
}

std::string verdict(domain::RunStatus status, domain::Reason reason) {
  if (reason == domain::Reason::None) return std::string(domain::to_string(status));
  return fmt::format("{}({})", domain::to_string(status), domain::to_string(reason));
}

namespace {

std::string running_in_words(const core::RunningEntry& entry, const std::string& day) {
  const std::string run = short_run(entry.run, day);
  switch (entry.phase) {
    case core::Phase::Claimed: return "claimed " + run;
    case core::Phase::Waiting: return "waiting " + run + " until " + short_time(entry.not_before, day);
    case core::Phase::Settling: return "settling " + run;
    case core::Phase::Ended: break;
  }
  std::string text = "ended " + run + " " + verdict(entry.end.status, entry.end.reason);
  if (entry.range) text += fmt::format(" x{} from {}", entry.range->count, short_time(entry.range->from, day));
  if (!entry.final) text += " not-final";
  return text;
}

}  // namespace

std::string in_words(const core::Keys& keys, const core::Txn& txn, const std::string& day) {
  std::vector<std::string> words;
  std::string marker;
  bool names_marker = false;
  for (const core::Write& write : txn.writes) {
    std::string_view key = write.key;
    key.remove_prefix(std::min(key.size(), keys.prefix().size()));
    const std::string_view family = key.substr(0, key.find('/'));
    const std::string_view rest = key.substr(std::min(key.size(), family.size() + 1));
    if (family == "fired" && write.value) {
      const auto read = core::parse_marker(*write.value);
      marker = read ? short_time(read->instant, day) : *write.value;
      if (read && read->token.size() < 32) marker += " " + read->token;
    } else if (family == "running" && write.value) {
      const auto entry = core::decode_running(*write.value);
      words.push_back(entry ? running_in_words(*entry, day) : "unreadable " + std::string(key));
      if (entry && words.back().find("@" + marker + ".") != std::string::npos) names_marker = true;
    } else if (family == "running") {
      const auto run = domain::parse_run_id(rest.substr(rest.find('/') + 1));
      words.push_back("removed " + (run ? short_run(*run, day) : std::string(rest)));
    } else if (family == "stamped") {
      // goes with the document, always
    } else if (family == "lock") {
      words.emplace_back(write.value ? "lock" : "unlock");
    } else {
      words.push_back((write.value ? "put " : "drop ") + std::string(family == "accounts" ? "account of " : "") +
                      std::string(family == "accounts" ? rest.substr(0, rest.find('/')) : key));
    }
  }
  if (!marker.empty() && !names_marker) words.push_back("marker " + marker);
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " + ") + word;
  return text;
}

}  // namespace cronfleet::scenario
