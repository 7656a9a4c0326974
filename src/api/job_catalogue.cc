#include "api/job_catalogue.h"

#include <algorithm>

#include "api/request_digest.h"
#include "async/await.h"
#include "coord/trim_versions.h"
#include "cron/schedule.h"
#include "domain/job_json.h"
#include "domain/json_reader.h"
#include "domain/json_writer.h"
#include "domain/nearest.h"

namespace cronfleet::api {
namespace {

constexpr int kTriesMax = 16;
constexpr std::size_t kNamesCompared = 20'000;        // with one that is not there: some 10 ms
constexpr std::chrono::milliseconds kCatchUp{3'000};  // for a copy to reach an edit; past it the store is asked for all

Problem not_found(const JobName& name) {
  return at_parameter("name", {.status = 404, .code = "job_not_found", .detail = fmt::format("no job '{}'", name)});
}

// What stands under idempotency/<digest>.
struct Remembered {
  std::string request;  // digest of the body that came with the key
  std::string run;
};
std::string encode(const Remembered& remembered) {
  domain::JsonWriter json;
  json.object([&] {
    json.member("request", remembered.request);
    json.member("run", remembered.run);
  });
  return json.take();
}
Remembered decode_remembered(std::string_view text) {
  Remembered remembered;
  domain::read_json(text, {}, [&](const domain::JsonValue& root) {
    for (const domain::JsonValue& member : root.members()) {
      if (member.key() == "request") remembered.request = member.text().value_or("");
      if (member.key() == "run") remembered.run = member.text().value_or("");
    }
  });
  return remembered;
}

std::optional<Problem> check(const Precondition& precondition, const JobName& name,
                             const std::optional<core::KeyValue>& stands) {
  const auto failed = [](std::string detail) {
    return Problem{.status = 412, .code = "precondition_failed", .detail = std::move(detail)};
  };
  switch (precondition.kind) {
    case Precondition::Kind::None: return std::nullopt;
    case Precondition::Kind::Absent:
      if (!stands) return std::nullopt;
      return failed(fmt::format("job '{}' exists already, at revision {}", name, stands->modified));
    case Precondition::Kind::Any:
      if (stands) return std::nullopt;
      return failed(fmt::format("job '{}' does not exist", name));
    case Precondition::Kind::Revision: break;
  }
  if (!stands) return failed(fmt::format("job '{}' does not exist (any more)", name));
  const auto& wanted = precondition.revisions;
  if (std::find(wanted.begin(), wanted.end(), stands->modified) != wanted.end()) return std::nullopt;
  return failed(fmt::format("job '{}' has changed: it is at revision {}", name, stands->modified));
}

// Why an enabled job has no firing after `now`.
domain::FieldError why_never(const domain::CompiledJob& compiled, WallTime now) {
  const domain::Job& job = *compiled.job;
  if (!cron::next(compiled.schedule, *compiled.zone, WallTime{}))
    return {"/schedule", 0, 0, "it never fires: no date matches it", ""};
  if (compiled.schedule.is_at() && compiled.schedule.instant() <= now)
    return {"/schedule", 0, 0,
            fmt::format("it never fires: its only instant, {}, has passed", to_rfc3339(compiled.schedule.instant())),
            ""};
  if (job.window->ends_at && *job.window->ends_at <= now)
    return {"/ends_at", 0, 0, fmt::format("it never fires: ends_at, {}, has passed", to_rfc3339(*job.window->ends_at)),
            ""};
  if (!cron::next(compiled.schedule, *compiled.zone, now))
    return {"/schedule", 0, 0, "it never fires: its last instant has passed", ""};
  return {"/schedule", 0, 0, "it never fires: none of its instants lies between starts_at and ends_at", ""};
}

Problem unsettled() {
  return {.status = 503,
          .code = "busy",
          .detail = "the job was being claimed again and again; nothing has changed",
          .retry_after = std::chrono::seconds(1)};
}

constexpr std::int64_t kNever = INT64_MAX;

}  // namespace

std::optional<WallTime> Timetable::next(WallTime now) const {
  const std::int64_t now_ms = to_ms(now);
  const std::int64_t asked = asked_.load(std::memory_order_relaxed), found = found_.load(std::memory_order_relaxed);
  if (now_ms >= asked && now_ms < found) return found == kNever ? std::nullopt : std::optional(from_ms(found));
  const auto next = domain::next_firing(job_, now);
  asked_.store(now_ms, std::memory_order_relaxed);
  found_.store(next ? to_ms(*next) : kNever, std::memory_order_relaxed);
  return next;
}

JobCatalogue::JobCatalogue(coord::CoordStore& store, StoreReader& reader, Watched& copy, core::Keys keys,
                           const cron::ZoneSource& zones, const async::Clock& clock, TokenSource& tokens,
                           std::function<std::string()> clock_trouble)
    : store_(store),
      reader_(reader),
      copy_(copy),
      keys_(std::move(keys)),
      zones_(zones),
      clock_(clock),
      tokens_(tokens),
      clock_trouble_(std::move(clock_trouble)),
      lease_(store, clock) {}

std::optional<Problem> JobCatalogue::clock_suspect() const {
  const std::string trouble = clock_trouble_ ? clock_trouble_() : std::string();
  if (trouble.empty()) return std::nullopt;
  return Problem{.status = 503,
                 .code = "clock_suspect",
                 .detail = fmt::format("the clock of this server is not to be trusted ({}): an edit that moves firings "
                                       "waits until it is set, or goes through another master",
                                       trouble),
                 .retry_after = std::chrono::seconds(5)};
}

Outcome<core::JobState> JobCatalogue::read_state(const JobName& name) {
  auto found =
      async::await<coord::Listing>([&](auto done) { store_.get(core::job_state_keys(keys_, name), std::move(done)); });
  if (!found) return Refusal(problem_of(found.error().with("reading job '{}'", name)));
  return core::job_state(keys_, name, found->entries);
}

Outcome<core::TxnAnswer> JobCatalogue::commit(core::Txn txn) {
  auto answers = async::await<std::vector<core::TxnAnswer>>([&](auto done) {
    std::vector<core::Txn> batch;
    batch.push_back(std::move(txn));
    store_.commit(std::move(batch), std::move(done));
  });
  if (answers) return std::move(answers->front());
  Problem problem = problem_of(answers.error().with("writing"));
  if (answers.error().code() == Code::Unavailable)
    problem.detail += "; it may or may not have been written: read before trying again";
  return Refusal(std::move(problem));
}

StoredJob JobCatalogue::stored(const JobName& name, const core::KeyValue& entry) const {
  StoredJob out{.name = name, .document = entry.value, .revision = entry.modified, .job = {}, .errors = {}};
  auto job = domain::decode_job(entry.value, name);
  if (!job) {
    out.errors = std::move(job.error());
    return out;
  }
  auto compiled = domain::compile(std::make_shared<domain::Job>(*job), zones_);
  if (compiled) {
    out.timetable = std::make_shared<const Timetable>(*std::move(compiled));
  } else {
    out.errors = std::move(compiled.error());
  }
  out.job = *std::move(job);
  return out;
}

std::vector<WallTime> JobCatalogue::next_firings(const StoredJob& job, WallTime after, std::size_t count) const {
  std::vector<WallTime> firings;
  while (job.timetable && firings.size() < count) {
    const auto next = job.timetable->first_after(after);
    if (!next) break;
    firings.push_back(*next);
    after = *next;
  }
  return firings;
}

std::optional<WallTime> JobCatalogue::next_firing(const StoredJob& job, WallTime now) const {
  return job.timetable ? job.timetable->next(now) : std::nullopt;
}

std::optional<WallTime> JobCatalogue::next_firing(const std::optional<domain::Job>& job, WallTime after) const {
  if (!job) return std::nullopt;
  const auto compiled = domain::compile(std::make_shared<domain::Job>(*job), zones_);
  return compiled ? domain::next_firing(*compiled, after) : std::nullopt;
}

Outcome<core::TxnAnswer> JobCatalogue::commit_edit(const JobName& name, core::Txn txn) {
  txn.writes.push_back({keys_.edited(), name.text()});
  return commit(std::move(txn));
}

Problem JobCatalogue::no_job(const JobName& name) {
  Problem problem = not_found(name);
  const auto copy = copy_.copy();
  if (copy->entries.size() > kNamesCompared) return problem;
  std::vector<std::string_view> names;
  for (const Watched::Entry& entry : copy->entries)
    names.push_back(std::string_view(entry->key).substr(keys_.jobs().size()));
  if (const std::string_view meant = domain::nearest(name.text(), names); meant != name.text())
    problem.errors.front().suggestion = meant;
  return problem;
}

Outcome<StoredJob> JobCatalogue::get(const JobName& name) {
  Reading reading;
  return get(name, reading);
}

Outcome<StoredJob> JobCatalogue::get(const JobName& name, Reading& reading) {
  if (!reading.copy_will_do()) {
    const auto found = reader_.get({keys_.job(name)});
    if (found) {
      reading.saw(found->revision);
      return found->entries.empty() ? Outcome<StoredJob>(Refusal(no_job(name))) : stored(name, found->entries.front());
    }
    if (found.error().code() != Code::Unavailable || !copy_.copy()->whole)
      return Refusal(problem_of(found.error().with("reading job '{}'", name)));
  }
  if (!reading.copy_will_do() || !reader_.answers()) reading.store_is_away();
  const auto copy = copy_.copy();
  reading.saw(copy->revision);
  const std::string key = keys_.job(name);
  const auto entry = std::lower_bound(copy->entries.begin(), copy->entries.end(), key,
                                      [](const Watched::Entry& e, const std::string& k) { return e->key < k; });
  if (entry == copy->entries.end() || (*entry)->key != key)
    return Refusal(reading.is_a_guess() ? store_away() : no_job(name));
  return stored(name, **entry);
}

std::string_view state_of(const StoredJob& stored, WallTime now) {
  if (!stored.job || !stored.errors.empty()) return "invalid";
  const domain::Job& job = *stored.job;
  if (!job.enabled) return "disabled";
  if (job.window->ends_at && *job.window->ends_at <= now) return "ended";
  if (job.window->paused_until && *job.window->paused_until > now) return "paused";
  return "enabled";
}

std::shared_ptr<const StoredJobs> JobCatalogue::known() { return decoded(copy_.copy()); }

// Documents that have not changed keep what was decoded of them before.
std::shared_ptr<const StoredJobs> JobCatalogue::decoded(const std::shared_ptr<const Watched::Copy>& copy) {
  std::shared_ptr<const StoredJobs> before;
  {
    const std::lock_guard lock(decoded_mutex_);
    if (decoded_of_ == copy) return decoded_;
    before = decoded_;
  }
  auto jobs = std::make_shared<StoredJobs>();
  jobs->reserve(copy->entries.size());
  std::size_t old = 0;
  for (const Watched::Entry& entry : copy->entries) {
    JobName name(entry->key.substr(keys_.jobs().size()));
    while (before && old < before->size() && (*before)[old]->name < name) ++old;
    const bool kept = before && old < before->size() && (*before)[old]->name == name &&
                      (*before)[old]->revision == entry->modified && (*before)[old]->document == entry->value;
    jobs->push_back(kept ? (*before)[old] : std::make_shared<const StoredJob>(stored(name, *entry)));
  }
  const std::lock_guard lock(decoded_mutex_);
  decoded_of_ = copy;
  decoded_ = jobs;
  return jobs;
}

Outcome<JobCatalogue::Jobs> JobCatalogue::list() {
  Reading reading;
  return list(reading);
}

Outcome<JobCatalogue::Jobs> JobCatalogue::list(Reading& reading) {
  Jobs jobs;
  if (!reading.copy_will_do()) {
    const auto newest = reader_.get({keys_.edited()});
    if (!newest && (newest.error().code() != Code::Unavailable || !copy_.copy()->whole))
      return Refusal(problem_of(newest.error().with("listing jobs")));
    if (!newest) reading.store_is_away();
    if (newest && !newest->entries.empty() && !copy_.reaches(newest->entries.front().modified, kCatchUp))
      return list_of_the_store(reading);
  } else if (!reader_.answers()) {
    reading.store_is_away();
  }
  const auto copy = copy_.copy();
  if (!copy->whole) return Refusal(problem_of(Status(Code::Unavailable, "the jobs have not been listed yet")));
  jobs.items = decoded(copy);
  jobs.revision = copy->revision;
  reading.saw(copy->revision);
  return jobs;
}

// The copy does not follow (its watch is out of contact, say) while the store answers.
Outcome<JobCatalogue::Jobs> JobCatalogue::list_of_the_store(Reading& reading) {
  auto listing = reader_.list(keys_.jobs());
  if (!listing) return Refusal(problem_of(listing.error().with("listing jobs")));
  auto copy = std::make_shared<Watched::Copy>();
  for (core::KeyValue& entry : listing->entries)
    copy->entries.push_back(std::make_shared<const core::KeyValue>(std::move(entry)));
  copy->revision = listing->revision;
  reading.saw(copy->revision);
  return Jobs{.items = decoded(copy), .revision = copy->revision};
}

std::optional<Problem> JobCatalogue::locked_elsewhere(const JobName& name) {
  const auto found = reader_.get({keys_.lock(name)});
  if (!found || found->entries.empty()) return std::nullopt;
  const auto lock = core::decode_lock(found->entries.front().value);
  if (!lock || lock->safe_after <= clock_.wall()) return std::nullopt;
  const auto hold = reader_.get({keys_.hold(lock->node, lock->incarnation)});
  if (!hold || !hold->entries.empty()) return std::nullopt;
  return Problem{.status = 409,
                 .code = "locked",
                 .detail = fmt::format("worker '{}' is out of contact and may still be running '{}', until {}; if its "
                                       "machine is off for certain: cronfleet worker forget {}",
                                       lock->node, name, to_rfc3339(lock->safe_after), lock->node)};
}

Outcome<Saved> JobCatalogue::save(domain::Job job, const Precondition& precondition, Effect effect) {
  return save(std::move(job), precondition, Never::Refused, effect);
}

Outcome<Saved> JobCatalogue::pause(const JobName& name, std::optional<WallTime> until, const Precondition& precondition,
                                   Effect effect) {
  for (int tries = 0; tries < kTriesMax; ++tries) {
    Reading reading;
    auto stands = get(name, reading);
    if (!stands) return Refusal(std::move(stands.error()));
    if (reading.stale()) return Refusal(store_away());
    if (!stands->job) return Refusal(problem_of(stands->errors));
    const core::KeyValue entry{.key = keys_.job(name), .value = stands->document, .modified = stands->revision};
    if (auto problem = check(precondition, name, entry)) return Refusal(*std::move(problem));
    domain::Job job = *std::move(stands->job);
    job.window.edit().paused_until = until;
    auto saved = save(std::move(job), {.kind = Precondition::Kind::Revision, .revisions = {stands->revision}},
                      Never::Allowed, effect);
    if (saved || saved.error().status != 412) return saved;
  }
  return Refusal(unsettled());
}

Outcome<Saved> JobCatalogue::save(domain::Job job, const Precondition& precondition, Never never, Effect effect) {
  const JobName name = job.name;
  const auto compiled = domain::compile(std::make_shared<domain::Job>(job), zones_);
  if (!compiled) return Refusal(problem_of(compiled.error()));
  // A pause is over when somebody ends it, and one without an end is kept as the year 9999: judged is the job without
  // it.
  domain::Job awake = job;
  awake.window.edit().paused_until.reset();
  const auto judged = domain::compile(std::make_shared<domain::Job>(std::move(awake)), zones_);
  if (!judged) return Refusal(problem_of(judged.error()));
  for (int tries = 0; tries < kTriesMax; ++tries) {
    const auto state = read_state(name);
    if (!state) return Refusal(state.error());
    if (auto problem = check(precondition, name, state->document)) return Refusal(*std::move(problem));
    const WallTime now = clock_.wall();
    if (never == Never::Refused && job.enabled && !domain::next_firing(*judged, now)) {
      domain::DocumentErrors errors;
      errors.add(why_never(*judged, now));
      Problem problem = problem_of(errors);
      problem.code = "never_fires";
      return Refusal(std::move(problem));
    }
    std::optional<domain::Job> before;
    if (state->document)
      if (auto decoded = domain::decode_job(state->document->value, name)) before = *std::move(decoded);
    Saved saved{
        .job = {}, .created = !state->document, .changed = true, .next_firing_before = next_firing(before, now)};
    if (state->document) saved.document_before = state->document->value;
    if (before && domain::has_valid_stamp(*before) &&
        domain::without_bookkeeping(*before) == domain::without_bookkeeping(job)) {
      saved.job = stored(name, *state->document);
      saved.changed = false;
      return saved;
    }
    core::Edit edit = core::save(keys_, *state, before, job, now);
    if (!before || !domain::has_valid_stamp(*before) || domain::changes_firings(*before, job))
      if (auto problem = clock_suspect()) return Refusal(*std::move(problem));
    core::Revision revision = state->document ? state->document->modified : 0;
    if (effect == Effect::Write) {
      auto answer = commit_edit(name, std::move(edit.txn));
      if (!answer) return Refusal(std::move(answer.error()));
      if (!answer->committed) continue;  // somebody was faster: look again, which also judges the precondition again
      revision = answer->revision;
      if (state->document) coord::trim_versions(store_, keys_, name);
    }
    core::KeyValue written;
    written.key = keys_.job(name);
    written.value = domain::encode_job(edit.job);
    written.modified = revision;
    saved.job = stored(name, written);
    return saved;
  }
  return Refusal(unsettled());
}

Outcome<std::vector<JobName>> JobCatalogue::bring_markers_back(Effect effect) {
  if (auto problem = clock_suspect()) return Refusal(*std::move(problem));
  const auto markers = reader_.list(keys_.fired());
  if (!markers) return Refusal(problem_of(markers.error().with("reading the markers")));
  std::vector<JobName> brought, left;
  for (const core::KeyValue& entry : markers->entries) {
    const auto marker = core::parse_marker(entry.value);
    if (!marker || marker->instant <= clock_.wall() + core::kMarkerAheadMax) continue;
    const JobName name(std::string(*core::after_prefix(entry.key, keys_.fired())));
    left.push_back(name);
    const auto state = read_state(name);
    if (!state) return Refusal(state.error());
    if (!state->document || !state->marker || state->marker->modified != entry.modified) continue;
    auto job = domain::decode_job(state->document->value, name);
    if (!job || !domain::has_valid_stamp(*job)) continue;
    if (effect == Effect::Write) {
      core::Edit edit = core::bring_back(keys_, *state, *std::move(job), clock_.wall());
      const auto answer = commit_edit(name, std::move(edit.txn));
      if (!answer) return Refusal(answer.error());
      if (!answer->committed) continue;  // it has moved: who asks again sees whether it still lies ahead
      coord::trim_versions(store_, keys_, name);
    }
    left.pop_back();
    brought.push_back(name);
  }
  if (!brought.empty()) return brought;
  if (left.empty())
    return refuse_parameter(
        "code", 409, "alarm_not_raised",
        "the alarm marker_ahead is not raised: no job has a marker in the future; see what stands in GET "
        "/api/v1/alarms, and confirm it once it stands there");
  return refuse(409, "marker_kept",
                "the marker of job '{}' lies in the future, but the job was changed just now or cannot be read: try "
                "again, or correct it first (cronfleet job get)",
                left.front());
}

Outcome<StoredJob> JobCatalogue::erase(const JobName& name, const Precondition& precondition, Effect effect) {
  for (int tries = 0; tries < kTriesMax; ++tries) {
    const auto state = read_state(name);
    if (!state) return Refusal(state.error());
    if (!state->document) return Refusal(no_job(name));
    if (auto problem = check(precondition, name, state->document)) return Refusal(*std::move(problem));
    if (auto problem = clock_suspect()) return Refusal(*std::move(problem));
    StoredJob before = stored(name, *state->document);
    if (effect == Effect::DryRun) return before;
    auto answer = commit_edit(name, core::erase(keys_, *state, before.job, clock_.wall()).txn);
    if (!answer) return Refusal(std::move(answer.error()));
    if (answer->committed) return before;
  }
  return Refusal(unsettled());
}

namespace {

// Why a run was not accepted by the store: its key came before, or the job is not there.
Outcome<RunAccepted> not_accepted(const JobName& name, const std::string& memory, const std::string& digest,
                                  const core::TxnAnswer& answer) {
  for (const core::KeyValue& found : answer.found) {
    if (found.key != memory) continue;
    const Remembered remembered = decode_remembered(found.value);
    auto run = domain::parse_run_id(remembered.run);
    if (remembered.request == digest && run) return RunAccepted{.run = *std::move(run), .repeated = true};
    return refuse_header("Idempotency-Key", 422, "idempotency_mismatch",
                         "this Idempotency-Key came before, with another body, query or precondition");
  }
  if (answer.found.empty()) return Refusal(not_found(name));
  return Refusal(unsettled());
}

}  // namespace

// What a run is given: what was asked for, and the defaults of the rest as they stand now.
Outcome<std::map<std::string, std::string>> JobCatalogue::parameters_for(const JobName& name,
                                                                         const RunRequest& request) {
  const auto stands = reader_.get({keys_.job(name)});
  if (!stands) return Refusal(problem_of(stands.error().with("reading job '{}'", name)));
  const auto job = stands->entries.empty() ? StoredJob{} : stored(name, stands->entries.front());
  const std::vector<domain::Parameter> declared = job.job ? *job.job->parameters : std::vector<domain::Parameter>();
  Problem problem{.status = 422, .code = "invalid_parameters"};
  const auto refuse_one = [&](const std::string& parameter, std::string detail, std::string_view meant = {}) {
    problem.errors.push_back({.pointer = "/parameters/" + parameter,
                              .code = "invalid_parameter",
                              .detail = std::move(detail),
                              .suggestion = std::string(meant)});
  };
  std::vector<std::string_view> names;
  std::map<std::string, std::string> values = request.parameters;
  for (const domain::Parameter& parameter : declared) {
    names.push_back(parameter.name);
    const auto given = values.find(parameter.name);
    if (given != values.end()) {
      if (const auto fits = domain::check_parameter(parameter, given->second); !fits)
        refuse_one(parameter.name, fits.error().message());
    } else if (parameter.default_value) {
      values[parameter.name] = *parameter.default_value;
    } else if (!stands->entries.empty()) {
      refuse_one(parameter.name, "missing: the job declares it without a default");
    }
  }
  for (const auto& [given, value] : request.parameters)
    if (std::find(names.begin(), names.end(), given) == names.end())
      refuse_one(given, "the job declares no parameter of this name", domain::nearest(given, names));
  // A job that is not there is told so, not its parameters.
  if (problem.errors.empty() || stands->entries.empty()) return values;
  problem.detail = summed_up(problem.errors);
  return Refusal(std::move(problem));
}

Outcome<RunAccepted> JobCatalogue::run_now(const JobName& name, const RunRequest& request) {
  if (auto problem = locked_elsewhere(name)) return Refusal(*std::move(problem));
  const bool keyed = !request.idempotency_key.empty();
  // Not made of the key: when that is forgotten after a day and comes again, it asks for another run.
  const domain::RequestId id("r-" + tokens_.token().substr(0, 16));
  const domain::RunId run{.firing = {.job = name, .which = id}, .attempt = 1};
  const std::string trigger = keys_.trigger(id), job = keys_.job(name);
  const std::string memory = keys_.idempotency(request_digest({"run", name.text(), request.idempotency_key}));
  const Remembered remembered{.request = request_digest({request.digest_of}), .run = run.text()};

  core::TriggerEntry entry;
  entry.id = id;
  entry.job = name;
  entry.actor = request.actor;
  entry.reason = request.reason;
  entry.requested_at = from_ms(to_ms(clock_.wall()));
  entry.worker = request.worker;
  auto parameters = parameters_for(name, request);
  if (!parameters) return Refusal(std::move(parameters.error()));
  entry.parameters = *std::move(parameters);
  core::LeaseId lease = 0;
  core::Txn txn;
  txn.expected = {{.key = job, .kind = core::Condition::Kind::Present},
                  {.key = trigger, .kind = core::Condition::Kind::Absent}};
  txn.writes = {{trigger, core::encode(entry)}};
  txn.read_if_refused = {job};
  if (keyed) {
    txn.expected.push_back({.key = memory, .kind = core::Condition::Kind::Absent});
    const auto day = request.effect == Effect::Write ? lease_.get() : Outcome<core::LeaseId>(0);
    if (!day) return Refusal(day.error());
    lease = *day;
    txn.writes.push_back({memory, encode(remembered), lease});
    txn.read_if_refused.push_back(memory);
  }
  if (request.effect == Effect::DryRun) {
    const auto stands = reader_.get(txn.read_if_refused);
    if (!stands) return Refusal(problem_of(stands.error().with("reading job '{}'", name)));
    core::TxnAnswer refused;
    refused.found = stands->entries;
    const bool fresh = refused.found.size() == 1 && refused.found.front().key == job;
    return fresh ? RunAccepted{.run = run} : not_accepted(name, memory, remembered.request, refused);
  }
  const auto answer = commit(std::move(txn));
  if (!answer) {
    lease_.ended(lease);  // perhaps it was that; another costs one request
    return Refusal(answer.error());
  }
  if (answer->committed) return RunAccepted{.run = run};
  auto accepted = not_accepted(name, memory, remembered.request, *answer);
  if (!accepted && accepted.error().code == "job_not_found") return Refusal(no_job(name));
  return accepted;
}

}  // namespace cronfleet::api
