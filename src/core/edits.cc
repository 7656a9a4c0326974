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

// The version in force, which owes its instants until the next one's since: what stands when it has its stamp, else the
// newest one that had, which an edit by hand cannot overwrite.
struct InForce {
  domain::Job job;
  KeyValue document;
};
std::optional<InForce> in_force(const JobName& name, const JobState& state) {
  for (const auto& document : {state.document, state.stamped}) {
    if (!document) continue;
    auto job = domain::decode_job(document->value, name);
    if (job && domain::has_valid_stamp(*job)) return InForce{std::move(*job), *document};
  }
  return std::nullopt;
}

// Puts a document that has its stamp, twice: where it is read, and where nobody writes by hand.
void put_stamped(const Keys& keys, const domain::Job& job, Txn& txn) {
  const std::string document = domain::encode_job(job);
  txn.writes.push_back({keys.job(job.name), document});
  txn.writes.push_back({keys.stamped(job.name), document});
}

void keep_version(const Keys& keys, const JobName& name, const std::optional<KeyValue>& document, Txn& txn) {
  if (document) txn.writes.push_back({keys.version(name, document->modified), document->value});
}

}  // namespace

std::vector<std::string> job_state_keys(const Keys& keys, const JobName& name) {
  return {keys.job(name), keys.marker(name), keys.stamped(name)};
}

JobState job_state(const Keys& keys, const JobName& name, const std::vector<KeyValue>& found) {
  JobState state;
  for (const KeyValue& entry : found) {
    if (entry.key == keys.job(name)) state.document = entry;
    if (entry.key == keys.marker(name)) state.marker = entry;
    if (entry.key == keys.stamped(name)) state.stamped = entry;
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
            .writes = {},
            .read_if_refused = {keys.job(name), keys.marker(name)}};
    put_stamped(keys, after, txn);
    keep_version(keys, name, state.document, txn);
    return {std::move(txn), std::move(after)};
  }
  Txn txn = guarded(keys, name, state, rules);
  const WallTime accounted = instant_of(state.marker);
  WallTime since = std::max(whole_ms(now), accounted);
  if (before && before->since) since = std::max(since, *before->since);
  after.since = since;
  after.stamp = domain::stamp_of(after);
  put_stamped(keys, after, txn);
  raise_marker(keys, name, state, {since, "saved"}, rules, txn);
  // A document that nobody has adopted was never in force: what it overwrote is owed until now.
  if (const auto owes = in_force(name, state)) leave_account(keys, name, owes->document, accounted, since, txn);
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
  txn.writes = {{keys.job(name), std::nullopt}, {keys.stamped(name), std::nullopt}};
  if (rules.keep_marker) {
    raise_marker(keys, name, state, {closed, "closed"}, rules, txn);
  } else {
    txn.writes.push_back({keys.marker(name), std::nullopt});
  }
  if (const auto owes = in_force(name, state)) leave_account(keys, name, owes->document, accounted, closed, txn);
  keep_version(keys, name, state.document, txn);
  return {std::move(txn), before.value_or(domain::Job{})};
}

Edit adopt(const Keys& keys, const JobState& state, const std::optional<domain::Job>& last_known, domain::Job document,
           WallTime now, const Rules& rules) {
  CHECK(state.document.has_value());
  const JobName name = document.name;
  std::optional<domain::Job> before;
  if (auto owes = in_force(name, state)) {
    before = std::move(owes->job);
  } else if (last_known && !superseded(*last_known, state.marker)) {
    before = last_known;  // saved by a release that kept no second copy
  }
  Txn txn = guarded(keys, name, state, rules);
  if (before && before->since && state.marker && !domain::changes_firings(*before, document)) {
    document.since = before->since;
    document.schedule_set_at = before->schedule_set_at;
    document.stamp = domain::stamp_of(document);
    put_stamped(keys, document, txn);
    return {std::move(txn), std::move(document)};
  }
  const WallTime accounted = instant_of(state.marker);
  WallTime since = std::max(whole_ms(now), accounted);
  if (before && before->since) since = std::max(since, *before->since);
  document.since = since;
  if (!before || before->schedule != document.schedule || !document.schedule_set_at) document.schedule_set_at = since;
  document.stamp = domain::stamp_of(document);
  put_stamped(keys, document, txn);
  raise_marker(keys, name, state, {since, "adopted"}, rules, txn);
  if (before && before->since && accounted < since) {
    // What stood before the edit by hand owes the time until now, under that document's revision.
    txn.writes.push_back({keys.account(name, state.document->modified),
                          encode(AccountEntry{domain::encode_job(*before), accounted, since})});
  }
  return {std::move(txn), std::move(document)};
}

Edit bring_back(const Keys& keys, const JobState& state, domain::Job job, WallTime now) {
  CHECK(state.document && state.marker && domain::has_valid_stamp(job));
  Txn txn = guarded(keys, job.name, state, {});
  job.since = whole_ms(now);
  job.stamp = domain::stamp_of(job);
  put_stamped(keys, job, txn);
  txn.writes.push_back({keys.marker(job.name), Marker{*job.since, "saved"}.text()});
  keep_version(keys, job.name, state.document, txn);
  return {std::move(txn), std::move(job)};
}

Txn close_deleted(const Keys& keys, const JobName& name, const JobState& state,
                  const std::optional<domain::Job>& last_known, Revision last_revision, WallTime now,
                  const Rules& rules) {
  CHECK(!state.document && state.marker);
  Txn txn = guarded(keys, name, state, rules);
  const WallTime accounted = instant_of(state.marker);
  const WallTime closed = std::max(whole_ms(now), accounted);
  txn.writes = {{keys.marker(name), Marker{closed, "closed"}.text()}, {keys.stamped(name), std::nullopt}};
  if (const auto owes = in_force(name, state)) {
    leave_account(keys, name, owes->document, accounted, closed, txn);
  } else if (last_known && accounted < closed && !superseded(*last_known, state.marker)) {
    txn.writes.push_back(
        {keys.account(name, last_revision), encode(AccountEntry{domain::encode_job(*last_known), accounted, closed})});
  }
  return txn;
}

}  // namespace cronfleet::core
