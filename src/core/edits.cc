#include "core/edits.h"

#include <algorithm>

#include "base/check.h"
#include "domain/job_json.h"

namespace cronfleet::core {
namespace {

WallTime instant_of(const std::optional<KeyValue>& marker) {
  if (!marker) return WallTime{};
  const auto parsed = parse_marker(marker->value);
  return parsed ? parsed->instant : WallTime{};  // garbage counts as the oldest: it is overwritten by the edit
}

// An edit raised the marker past the since of `version`: it is not what stood last, another version came after it.
bool superseded(const domain::Job& version, const std::optional<KeyValue>& marker) {
  if (!marker || !version.since) return false;
  const auto parsed = parse_marker(marker->value);
  const bool by_edit = parsed && (parsed->token == "saved" || parsed->token == "adopted" || parsed->token == "closed");
  return by_edit && parsed->instant > *version.since;
}

Condition as_read(const std::string& key, const std::optional<KeyValue>& read) {
  if (!read) return {.key = key, .kind = Condition::Kind::Absent};
  return {.key = key, .kind = Condition::Kind::ModifiedAt, .revision = read->modified};
}

// Instants are whole ms; `now` is rounded down so that since never lies in the future of the clock that set it.
WallTime whole_ms(WallTime at) { return from_ms(to_ms(at)); }

Txn guarded(const Keys& keys, const JobName& name, const JobState& state, const Rules& rules) {
  const std::string job = keys.job(name), marker = keys.marker(name);
  Txn txn{.expected = {as_read(job, state.document)}, .read_if_refused = {job, marker}};
  if (rules.conditional_on_marker) txn.expected.push_back(as_read(marker, state.marker));
  return txn;
}

void raise_marker(const Keys& keys, const JobName& name, const JobState& state, Marker to, const Rules& rules,
                  Txn& txn) {
  if (rules.raise_marker || !state.marker) txn.writes.push_back({keys.marker(name), to.text()});
}

// What `document` owes in (marker, until] goes to accounts/. Whether an instant lies in there is for the closer to
// compute; an interval that is empty is not written.
void leave_account(const Keys& keys, const JobName& name, const std::optional<KeyValue>& document, WallTime from,
                   WallTime until, Txn& txn) {
  if (!document || from >= until) return;
  txn.writes.push_back({keys.account(name, document->modified), encode(AccountEntry{document->value, from, until})});
}

void keep_version(const Keys& keys, const JobName& name, const std::optional<KeyValue>& document, Txn& txn) {
  if (document) txn.writes.push_back({keys.version(name, document->modified), document->value});
}

}  // namespace

std::vector<std::string> job_state_keys(const Keys& keys, const JobName& name) {
  return {keys.job(name), keys.marker(name)};
}

JobState job_state(const Keys& keys, const JobName& name, const std::vector<KeyValue>& found) {
  JobState state;
  for (const KeyValue& entry : found) {
    if (entry.key == keys.job(name)) state.document = entry;
    if (entry.key == keys.marker(name)) state.marker = entry;
  }
  return state;
}

Edit save(const Keys& keys, const JobState& state, const std::optional<domain::Job>& before, domain::Job after,
          WallTime now, const Rules& rules) {
  const JobName name = after.name;
  const bool stands = state.document && before && domain::has_valid_stamp(*before);
  if (stands && before->schedule == after.schedule) {
    after.schedule_set_at = before->schedule_set_at;
  } else {
    after.schedule_set_at = whole_ms(now);
  }
  if (stands && !domain::changes_firings(*before, after)) {
    after.since = before->since;
    after.stamp = domain::stamp_of(after);
    Txn txn{.expected = {as_read(keys.job(name), state.document)},
            .writes = {{keys.job(name), domain::encode_job(after)}},
            .read_if_refused = {keys.job(name), keys.marker(name)}};
    keep_version(keys, name, state.document, txn);
    return {std::move(txn), std::move(after)};
  }
  Txn txn = guarded(keys, name, state, rules);
  const WallTime accounted = instant_of(state.marker);
  WallTime since = std::max(whole_ms(now), accounted);
  if (before && before->since) since = std::max(since, *before->since);
  after.since = since;
  after.stamp = domain::stamp_of(after);
  txn.writes = {{keys.job(name), domain::encode_job(after)}};
  raise_marker(keys, name, state, {since, "saved"}, rules, txn);
  // A document that nobody has adopted was never in force: it owes nothing.
  if (stands) leave_account(keys, name, state.document, accounted, since, txn);
  keep_version(keys, name, state.document, txn);
  return {std::move(txn), std::move(after)};
}

Edit erase(const Keys& keys, const JobState& state, const std::optional<domain::Job>& before, WallTime now,
           const Rules& rules) {
  CHECK(state.document.has_value());
  const JobName name(std::string(*after_prefix(state.document->key, keys.jobs())));
  Txn txn = guarded(keys, name, state, rules);
  const WallTime accounted = instant_of(state.marker);
  const WallTime closed = std::max(whole_ms(now), accounted);
  txn.writes = {{keys.job(name), std::nullopt}};
  if (rules.keep_marker) {
    raise_marker(keys, name, state, {closed, "closed"}, rules, txn);
  } else {
    txn.writes.push_back({keys.marker(name), std::nullopt});
  }
  if (before && domain::has_valid_stamp(*before)) leave_account(keys, name, state.document, accounted, closed, txn);
  keep_version(keys, name, state.document, txn);
  return {std::move(txn), before.value_or(domain::Job{})};
}

Edit adopt(const Keys& keys, const JobState& state, const std::optional<domain::Job>& last_known, domain::Job document,
           WallTime now, const Rules& rules) {
  CHECK(state.document.has_value());
  // What this node slept through is owed by nobody it knows, and certainly not by what it saw before that.
  const std::optional<domain::Job> before =
      last_known && superseded(*last_known, state.marker) ? std::nullopt : last_known;
  const JobName name = document.name;
  Txn txn = guarded(keys, name, state, rules);
  if (before && before->since && state.marker && !domain::changes_firings(*before, document)) {
    document.since = before->since;
    document.schedule_set_at = before->schedule_set_at;
    document.stamp = domain::stamp_of(document);
    txn.writes = {{keys.job(name), domain::encode_job(document)}};
    return {std::move(txn), std::move(document)};
  }
  const WallTime accounted = instant_of(state.marker);
  WallTime since = std::max(whole_ms(now), accounted);
  if (before && before->since) since = std::max(since, *before->since);
  document.since = since;
  if (!before || before->schedule != document.schedule || !document.schedule_set_at) document.schedule_set_at = since;
  document.stamp = domain::stamp_of(document);
  txn.writes = {{keys.job(name), domain::encode_job(document)}};
  raise_marker(keys, name, state, {since, "adopted"}, rules, txn);
  if (before && before->since && accounted < since) {
    // What stood before the edit by hand is owed by the version that this node last saw, under that document's
    // revision.
    txn.writes.push_back({keys.account(name, state.document->modified),
                          encode(AccountEntry{domain::encode_job(*before), accounted, since})});
  }
  return {std::move(txn), std::move(document)};
}

Txn close_deleted(const Keys& keys, const JobName& name, const JobState& state,
                  const std::optional<domain::Job>& last_known, Revision last_revision, WallTime now,
                  const Rules& rules) {
  CHECK(!state.document && state.marker);
  Txn txn = guarded(keys, name, state, rules);
  const WallTime accounted = instant_of(state.marker);
  const WallTime closed = std::max(whole_ms(now), accounted);
  txn.writes = {{keys.marker(name), Marker{closed, "closed"}.text()}};
  if (last_known && accounted < closed && !superseded(*last_known, state.marker)) {
    txn.writes.push_back(
        {keys.account(name, last_revision), encode(AccountEntry{domain::encode_job(*last_known), accounted, closed})});
  }
  return txn;
}

}  // namespace cronfleet::core
