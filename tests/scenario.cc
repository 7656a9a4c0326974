#include "tests/scenario.h"

#include <boost/json.hpp>

#include <algorithm>
#include <deque>
#include <map>
#include <set>
#include <sstream>
#include <stdexcept>

#include "core/edits.h"
#include "core/scheduler.h"
#include "domain/job_json.h"
#include "tests/scenario_store.h"
#include "tz/zone_database.h"

namespace cronfleet::scenario {
namespace {

namespace json = boost::json;
using core::Outcome;
using domain::RunId;
using domain::RunStatus;
using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr std::string_view kArrow = "→";

// A mistake in the file itself.
struct Mistake : std::runtime_error {
  using std::runtime_error::runtime_error;
};

template <typename T>
T must(Result<T> result) {
  if (!result) throw Mistake(result.error().text());
  return std::move(*result);
}

const cron::ZoneSource& zones() {
  static const auto database = must(tz::ZoneDatabase::open());
  return *database;
}

class Runner {
 public:
  // A line in front of `start`.
  void header(const std::string& word, std::istringstream& rest);
  void start(const std::string& instant);
  bool started() const { return !day_.empty(); }
  // One event at its moment; answers everything that came of it, in words.
  static core::WorkerEntry worker(const std::string& text);
  std::vector<std::string> line(const std::string& moment, std::istringstream& rest);
  std::vector<std::string> view(const std::string& word, std::istringstream& rest);

 private:
  void set_option(const std::string& name, const std::string& value);
  void boot();
  void list_all();
  void pass_time_to(WallTime until, bool asleep);
  void event(const std::string& word, std::istringstream& rest);
  void edit(const std::string& name, const std::string& patch);
  void put_by_hand(const std::string& name, const std::string& patch);
  json::object merged(const std::string& name, const std::string& patch) const;
  void end_run(const std::string& word, const std::string& run, const std::string& value);
  void session(const std::string& what);
  void step(core::Event event);
  void settle();
  void perform(core::Effect effect);
  void answer(const core::Commit& commit);
  void show_changes();
  void changed(const core::Write& write, core::Revision revision);
  void raw(const std::string& key, std::optional<std::string> value);
  core::CompiledPtr compile(const std::string& document, const JobName& name, std::string& refusal) const;
  WallTime moment(const std::string& text) const;
  RunId run_id(const std::string& text) const;
  void say(std::string words) { said_.push_back(std::move(words)); }

  std::optional<Store> snapshot_;
  core::Keys keys_;
  core::SchedulerOptions options_;
  RngTokens tokens_{Rng(1)};
  std::unique_ptr<core::Scheduler> scheduler_;
  Store store_;
  std::vector<std::pair<std::string, std::string>> header_jobs_;
  std::string day_;
  WallTime wall_{}, mark_{};  // now; the moment of the line before
  MonoTime mono_{std::chrono::hours(1)};
  core::WakeAt wake_;
  int session_ = 1;
  bool alive_ = true, store_down_ = false, history_down_ = false, watch_held_ = false;
  std::string next_commit_;
  std::vector<std::pair<core::Write, core::Revision>> unseen_;
  std::deque<core::Event> events_;
  std::deque<domain::RunRecord> unrecorded_;
  std::map<RunId, domain::RunRecord> history_;
  std::vector<core::Journalled> journal_;
  core::Obstacles obstacles_;
  std::vector<std::string> said_;
};

WallTime Runner::moment(const std::string& text) const {
  if (text.front() == '+')
    return mark_ + std::chrono::duration_cast<microseconds>(must(parse_duration(text.substr(1))));
  if (text.find('T') != std::string::npos) return must(parse_rfc3339(text));
  return must(parse_rfc3339(day_ + text + "Z"));
}

RunId Runner::run_id(const std::string& text) const {
  const auto at = text.find('@');
  const auto dot = text.rfind('.');
  if (at == std::string::npos || dot == std::string::npos) throw Mistake("'" + text + "' is not a run");
  const std::string which = text.substr(at + 1, dot - at - 1);
  const bool short_form = which.size() >= 8 && which[2] == ':' && which[5] == ':';
  return must(domain::parse_run_id(short_form ? text.substr(0, at + 1) + day_ + which + "Z" + text.substr(dot) : text));
}

// "w1", "w2{gpu=true,zone=eu}", "w3{away}": one that takes nothing.
core::WorkerEntry Runner::worker(const std::string& text) {
  core::WorkerEntry entry;
  const auto brace = text.find('{');
  entry.node = NodeId(text.substr(0, brace));
  if (brace == std::string::npos) return entry;
  if (text.back() != '}') throw Mistake("'" + text + "' is not a worker");
  std::istringstream inner(text.substr(brace + 1, text.size() - brace - 2));
  for (std::string part; std::getline(inner, part, ',');) {
    const auto is = part.find('=');
    if (part == "away") {
      entry.accepting = false;
    } else if (is == std::string::npos) {
      throw Mistake("'" + part + "' is not a label");
    } else {
      entry.labels[part.substr(0, is)] = part.substr(is + 1);
    }
  }
  return entry;
}

void Runner::header(const std::string& word, std::istringstream& rest) {
  std::string name, value;
  rest >> name;
  std::getline(rest >> std::ws, value);
  if (word == "job") {
    header_jobs_.emplace_back(name, value);
  } else if (word == "option") {
    set_option(name, value);
  } else {
    throw Mistake("'" + word + "' before start");
  }
}

void Runner::set_option(const std::string& name, const std::string& value) {
  const auto ms = [&] { return std::chrono::duration_cast<milliseconds>(must(parse_duration(value))); };
  if (name == "capacity") {
    options_.capacity = std::stoi(value);
  } else if (name == "relist_every") {
    options_.relist_every = ms();
  } else if (name == "reconcile_every") {
    options_.reconcile_every = ms();
  } else if (name == "lost_after") {
    options_.lost_after = ms();
  } else if (name == "claim_lead") {
    options_.claim_lead = ms();
  } else {
    throw Mistake("unknown option '" + name + "'");
  }
}

void Runner::start(const std::string& instant) {
  wall_ = mark_ = must(parse_rfc3339(instant));
  day_ = instant.substr(0, 11);
  for (const auto& [name, document] : header_jobs_) edit(name, document);
  std::vector<core::Revision> ignored;
  store_.take_changes(ignored);
  unseen_.clear();
  boot();
  said_.clear();
}

// As the mirrors list it: what stands, in order of families.
void Runner::list_all() {
  for (const std::string& family : {keys_.jobs(), keys_.fired(), keys_.accounts(), keys_.triggers(), keys_.kills()}) {
    for (const core::KeyValue& entry : store_.read_prefix(family)) changed({entry.key, entry.value}, entry.modified);
  }
}

void Runner::boot() {
  alive_ = true;
  scheduler_ = std::make_unique<core::Scheduler>(NodeId("n1"), keys_, options_, tokens_);
  wake_ = {};
  events_.clear();
  unrecorded_.clear();
  unseen_.clear();
  for (const core::Journalled& left : journal_) events_.push_back(left);
  journal_.clear();
  list_all();
  core::WorkerEntry self;
  self.node = NodeId("n1");
  events_.push_back(core::WorkersSeen{{self}});
  session("new");
  events_.push_back(core::CaughtUp{});
  settle();
}

void Runner::session(const std::string& what) {
  if (what == "lost") {
    raw(keys_.worker(NodeId("n1")), std::nullopt);
    events_.push_back(core::SessionLost{});
    return;
  }
  if (what == "new") {
    raw(keys_.hold(NodeId("n1"), Incarnation(fmt::format("{:032}", session_))), std::nullopt);
    ++session_;
  }
  const Incarnation incarnation(fmt::format("{:032}", session_));
  const std::string hold = keys_.hold(NodeId("n1"), incarnation);
  raw(hold, "");
  events_.push_back(core::SessionOpened{incarnation, hold});
  events_.push_back(core::LeasesExtended{mono_ + std::chrono::hours(24 * 400), mono_ + std::chrono::hours(24 * 400)});
}

std::vector<std::string> Runner::line(const std::string& moment_text, std::istringstream& rest) {
  std::string word;
  rest >> word;
  const WallTime at = moment(moment_text);
  said_.clear();
  pass_time_to(at, word == "suspended");
  mark_ = at;
  event(word, rest);
  settle();
  return std::exchange(said_, {});
}

void Runner::pass_time_to(WallTime until, bool asleep) {
  if (until < wall_) throw Mistake("time goes back to " + to_rfc3339(until));
  for (int turns = 0; alive_ && !asleep; ++turns) {
    if (turns > 100'000) throw Mistake("the scheduler wakes again and again");
    WallTime next = wake_.wall;
    if (wake_.mono != MonoTime::max())
      next =
          std::min(next, wall_ + std::chrono::ceil<microseconds>(std::max(wake_.mono - mono_, MonoTime::duration{})));
    if (next > until) break;
    const WallTime at = std::max(next, wall_);
    mono_ += at - wall_;
    wall_ = at;
    step(core::Woke{});
    settle();
  }
  mono_ += until - wall_;
  wall_ = until;
  if (asleep) events_.push_back(core::Woke{});
}

void Runner::event(const std::string& word, std::istringstream& rest) {
  std::string first, value;
  if (word == "woke" || word == "suspended") return;
  if (word == "boot") return boot();
  rest >> first;
  const auto remainder = [&] {
    std::getline(rest >> std::ws, value);
    return value;
  };
  if (word == "clock") {
    const bool back = first.front() == '-';
    const auto by = std::chrono::duration_cast<microseconds>(must(parse_duration(first.substr(1))));
    wall_ += back ? -by : by;
    mark_ = wall_;
    events_.push_back(core::Woke{});
  } else if (word == "save") {
    edit(first, remainder());
  } else if (word == "delete") {
    const JobName name(first);
    const auto state = core::job_state(keys_, name, store_.read(core::job_state_keys(keys_, name)));
    store_.apply(
        core::erase(keys_, state, must(Result<domain::Job>(*domain::decode_job(state.document->value, name))), wall_)
            .txn);
  } else if (word == "put-job") {
    put_by_hand(first, remainder());
  } else if (word == "remove-job") {
    raw(keys_.job(JobName(first)), std::nullopt);
  } else if (word == "put") {
    raw(keys_.prefix() + first, remainder());
  } else if (word == "remove") {
    raw(keys_.prefix() + first, std::nullopt);
  } else if (word == "run-now") {
    std::string request;
    rest >> request;
    const domain::RequestId id(request);
    core::TriggerEntry entry;
    for (std::string word_of_it; rest >> word_of_it;) {
      const auto equals = word_of_it.find('=');
      if (equals == std::string::npos) {
        entry.worker = word_of_it;
      } else {
        entry.parameters[word_of_it.substr(0, equals)] = word_of_it.substr(equals + 1);
      }
    }
    entry.id = id;
    entry.job = JobName(first);
    entry.actor = "ann";
    entry.requested_at = wall_;
    raw(keys_.trigger(id), core::encode(entry));
  } else if (word == "kill" || word == "kill-all") {
    core::KillEntry entry;
    entry.actor = "ann";
    entry.requested_at = wall_;
    raw(word == "kill" ? keys_.kill(run_id(first)) : keys_.kill_all(JobName(first)), core::encode(entry));
  } else if (word == "session") {
    session(first);
  } else if (word == "leases") {
    events_.push_back(
        core::LeasesExtended{mono_ + must(parse_duration(first)), mono_ + must(parse_duration(remainder()))});
  } else if (word == "obstacle") {
    value = remainder();
    const bool on = value == "on";
    if (first == "room")
      obstacles_.runs_most = value == "off" ? std::numeric_limits<int>::max() : std::stoi(value);
    else if (first == "set-back")
      obstacles_.store_set_back = on;
    else
      (first == "clock" ? obstacles_.clock_suspect : first == "disk" ? obstacles_.disk_full : obstacles_.draining) = on;
    events_.push_back(obstacles_);
  } else if (word == "snapshot") {
    snapshot_ = store_;
  } else if (word == "set-back") {  // and noticed by the worker
    std::vector<core::Revision> ignored;
    store_ = *snapshot_;
    store_.take_changes(ignored);
    obstacles_.store_set_back = true;
    events_.push_back(obstacles_);
  } else if (word == "confirm") {
    obstacles_.store_set_back = false;
    events_.push_back(core::StoreConfirmed{wall_, true});
    events_.push_back(obstacles_);
    list_all();
    events_.push_back(core::CaughtUp{});
  } else if (word == "store") {
    if (first == "up" || first == "down") {
      store_down_ = first == "down";
    } else {
      next_commit_ = first;
    }
  } else if (word == "watch") {
    watch_held_ = first == "hold";
    if (!watch_held_) {
      for (const auto& [write, revision] : std::exchange(unseen_, {})) changed(write, revision);
    }
  } else if (word == "history") {
    history_down_ = first == "down";
    if (!history_down_) {
      for (const domain::RunRecord& record : std::exchange(unrecorded_, {})) perform(core::Record{record});
    }
  } else if (word == "workers") {
    core::WorkersSeen seen;
    for (std::string name = first; !name.empty(); name.clear(), rest >> name) {
      seen.workers.push_back(worker(name));
    }
    events_.push_back(std::move(seen));
  } else if (word == "crash") {
    alive_ = false;
    scheduler_.reset();
    events_.clear();
  } else if (word == "journal") {
    core::Journalled left;
    left.run = run_id(first);
    left.reached_exec = true;
    if (remainder() != "intent") {
      left.end.emplace();
      left.end->exit_code = std::stoi(value);
      left.end->status = *left.end->exit_code == 0 ? RunStatus::Succeeded : RunStatus::Failed;
      left.end->started_at = left.end->ended_at = wall_;
    }
    journal_.push_back(std::move(left));
  } else {
    end_run(word, first, remainder());
  }
}

void Runner::end_run(const std::string& word, const std::string& run, const std::string& value) {
  const RunId id = run_id(run);
  core::RunEnded ended;
  ended.run = id;
  ended.end.started_at = ended.end.ended_at = wall_;
  if (word == "started") {
    events_.push_back(core::RunStarted{id, wall_});
    return;
  }
  if (word == "not-started") {
    using Why = core::RunNotStarted::Why;
    const std::map<std::string, Why> whys = {{"cancelled", Why::Cancelled},   {"too-late", Why::TooLate},
                                             {"frozen", Why::Frozen},         {"spawn-failed", Why::SpawnFailed},
                                             {"overloaded", Why::Overloaded}, {"stopped", Why::Stopped}};
    if (whys.count(value) == 0) throw Mistake("not started, but why: '" + value + "'");
    events_.push_back(core::RunNotStarted{id, whys.at(value), ""});
    return;
  }
  if (word == "exited") {
    ended.end.exit_code = std::stoi(value);
    ended.end.status = *ended.end.exit_code == 0 ? RunStatus::Succeeded : RunStatus::Failed;
  } else if (word == "signalled") {
    ended.end.signal = std::stoi(value);
    ended.end.status = RunStatus::Signalled;
  } else if (word == "timed-out") {
    ended.end.status = RunStatus::TimedOut;
  } else if (word == "killed") {
    ended.end.status = RunStatus::Killed;
    if (!value.empty()) ended.end.reason = *domain::parse_reason(value);
  } else {
    throw Mistake("unknown event '" + word + "'");
  }
  events_.push_back(std::move(ended));
}

json::object Runner::merged(const std::string& name, const std::string& patch) const {
  json::object document{{"name", name}};
  if (const auto stands = store_.read({keys_.job(JobName(name))}); !stands.empty())
    document = json::parse(stands.front().value).as_object();
  const json::value changes = json::parse(patch);
  for (const auto& [key, value] : changes.as_object()) {
    if (value.is_null()) {
      document.erase(key);
    } else {
      document[key] = value;
    }
  }
  return document;
}

void Runner::edit(const std::string& text, const std::string& patch) {
  const JobName name(text);
  auto job = domain::decode_job(json::serialize(merged(text, patch)), name);
  if (!job) throw Mistake("job " + text + ": " + job.error().status().message());
  const auto state = core::job_state(keys_, name, store_.read(core::job_state_keys(keys_, name)));
  std::optional<domain::Job> before;
  if (state.document) before = *domain::decode_job(state.document->value, name);
  core::Txn txn = core::save(keys_, state, before, *job, wall_).txn;
  std::erase_if(txn.writes, [&](const core::Write& w) { return w.key.rfind(keys_.prefix() + "versions/", 0) == 0; });
  if (!store_.apply(txn).committed) throw Mistake("the save of " + text + " was refused");
}

void Runner::put_by_hand(const std::string& text, const std::string& patch) {
  json::object document = merged(text, patch);
  document.erase("stamp");
  document.erase("since");
  document.erase("schedule_set_at");
  raw(keys_.job(JobName(text)), json::serialize(document));
}

void Runner::raw(const std::string& key, std::optional<std::string> value) {
  store_.apply({.expected = {}, .writes = {{key, std::move(value)}}, .read_if_refused = {}});
}

core::CompiledPtr Runner::compile(const std::string& document, const JobName& name, std::string& refusal) const {
  auto job = domain::decode_job(document, name);
  if (!job) {
    refusal = job.error().status().message();
    return nullptr;
  }
  auto compiled = domain::compile(std::make_shared<const domain::Job>(std::move(*job)), zones());
  if (!compiled) {
    refusal = compiled.error().status().message();
    return nullptr;
  }
  return std::make_shared<const domain::CompiledJob>(std::move(*compiled));
}

// A change of the store as the mirrors of the worker tell it.
void Runner::changed(const core::Write& write, core::Revision revision) {
  const auto rest = [&](const std::string& family) {
    const auto text = core::after_prefix(write.key, family);
    return text ? std::optional(std::string(*text)) : std::nullopt;
  };
  if (const auto name = rest(keys_.jobs())) {
    if (!write.value) return events_.push_back(core::JobGone{JobName(*name), revision});
    core::JobSeen seen;
    seen.name = JobName(*name);
    seen.revision = revision;
    seen.job = compile(*write.value, seen.name, seen.refusal);
    return events_.push_back(std::move(seen));
  }
  if (const auto name = rest(keys_.fired()); name && write.value && scheduler_)
    return events_.push_back(core::MarkerSeen{JobName(*name), *write.value});
  if (const auto name = rest(keys_.accounts()); name && write.value) {
    core::AccountSeen seen;
    seen.key = write.key;
    seen.text = *write.value;
    seen.entry = must(core::decode_account(*write.value));
    std::string refusal;
    seen.job = compile(seen.entry.document, JobName(name->substr(0, name->find('/'))), refusal);
    return events_.push_back(std::move(seen));
  }
  if (const auto id = rest(keys_.triggers())) {
    if (!write.value) return events_.push_back(core::TriggerGone{domain::RequestId(*id)});
    return events_.push_back(core::TriggerSeen{*write.value, must(core::decode_trigger(*write.value))});
  }
  if (const auto name = rest(keys_.kills()); name && write.value) {
    core::KillSeen seen;
    seen.key = write.key;
    seen.job = JobName(name->substr(0, name->find('/')));
    if (name->find('/') != std::string::npos) seen.run = must(domain::parse_run_id(name->substr(name->find('/') + 1)));
    seen.entry = must(core::decode_kill(*write.value));
    events_.push_back(std::move(seen));
  }
}

void Runner::show_changes() {
  std::vector<core::Revision> revisions;
  const auto changes = store_.take_changes(revisions);
  for (std::size_t i = 0; i < changes.size(); ++i) {
    if (core::after_prefix(changes[i].key, keys_.fired())) continue;  // markers are listed at the start only
    if (watch_held_) {
      unseen_.emplace_back(changes[i], revisions[i]);
    } else {
      changed(changes[i], revisions[i]);
    }
  }
}

void Runner::step(core::Event event) {
  core::Effects effects;
  scheduler_->step(event, {wall_, mono_}, effects);
  for (core::Effect& effect : effects) perform(std::move(effect));
}

// Lets everything happen that needs no time.
void Runner::settle() {
  for (int turns = 0;; ++turns) {
    if (turns > 200'000) throw Mistake("it never comes to rest");
    show_changes();
    if (!alive_ || events_.empty()) return;
    core::Event next = std::move(events_.front());
    events_.pop_front();
    step(std::move(next));
  }
}

void Runner::perform(core::Effect effect) {
  if (auto* wake = std::get_if<core::WakeAt>(&effect)) {
    wake_ = *wake;
  } else if (auto* commit = std::get_if<core::Commit>(&effect)) {
    answer(*commit);
  } else if (auto* read = std::get_if<core::Read>(&effect)) {
    core::ReadAnswered answered{.ticket = read->ticket, .ok = !store_down_, .revision = store_.revision(), .found = {}};
    if (!store_down_)
      answered.found = read->prefix.empty() ? store_.read(read->keys)
                       : read->most != 0    ? store_.read_keys(read->prefix, read->after, read->most)
                                            : store_.read_prefix(read->prefix);
    events_.push_back(std::move(answered));
  } else if (auto* start = std::get_if<core::Start>(&effect)) {
    std::string words = "start " + short_run(start->run, day_);
    if (start->start_at > wall_ + options_.claim_lead) words += " at " + short_time(start->start_at, day_);
    for (const auto& [name, value] : start->parameters) words += fmt::format(" {}={}", name, value);
    say(words);
  } else if (auto* cancel = std::get_if<core::CancelStart>(&effect)) {
    say("cancel " + short_run(cancel->run, day_));
  } else if (auto* kill = std::get_if<core::Kill>(&effect)) {
    say("kill " + short_run(kill->run, day_) + " as " + verdict(kill->status, kill->reason));
  } else if (auto* record = std::get_if<core::Record>(&effect)) {
    if (history_down_) return unrecorded_.push_back(record->record);
    const auto [stands, fresh] = history_.emplace(record->record.id, record->record);
    if (!fresh) say("duplicate " + short_run(record->record.id, day_));
    events_.push_back(core::RunRecorded{record->record.id, !fresh, stands->second.end.status, stands->second.final});
  } else if (auto* range = std::get_if<core::RecordRange>(&effect)) {
    perform(core::Record{range->last});
  } else if (auto* alarm = std::get_if<core::Alarm>(&effect)) {
    say("alarm " + alarm->what);
  }
}

void Runner::answer(const core::Commit& commit) {
  const std::string fate = std::exchange(next_commit_, {});
  const std::string words = in_words(keys_, commit.txn, day_);
  core::CommitAnswered answered;
  answered.ticket = commit.ticket;
  if (store_down_ || fate == "unknown-lost") {
    say("unknown " + words);
  } else {
    core::TxnAnswer applied = store_.apply(commit.txn);
    answered.revision = applied.revision;
    if (fate == "unknown-applied") {
      say("unknown " + words);
    } else {
      answered.outcome = applied.committed ? Outcome::Committed : Outcome::Refused;
      answered.found = std::move(applied.found);
      // The way from an end to its removed key is always the same: only what departs from it is told.
      if (!applied.committed || words.rfind("removed ", 0) != 0) say((applied.committed ? "" : "refused ") + words);
    }
  }
  show_changes();
  events_.push_back(std::move(answered));
}

std::vector<std::string> Runner::view(const std::string& word, std::istringstream& rest) {
  std::vector<std::string> words;
  if (word == "verdicts") {
    std::string name;
    rest >> name;
    std::vector<const domain::RunRecord*> records;
    for (const auto& [run, record] : history_) {
      if (run.firing.job == JobName(name) && record.final) records.push_back(&record);
    }
    std::stable_sort(records.begin(), records.end(),
                     [](auto* a, auto* b) { return a->scheduled_at < b->scheduled_at; });
    for (const auto* record : records) {
      std::string text = record->id.firing.scheduled() ? short_time(record->scheduled_at, day_)
                                                       : std::get<domain::RequestId>(record->id.firing.which).text();
      if (record->id.attempt > 1) text += fmt::format(".{}", record->id.attempt);
      text += " " + verdict(record->end.status, record->end.reason);
      if (record->range_count > 1) text += fmt::format(" x{}", record->range_count);
      words.push_back(std::move(text));
    }
    return words;
  }
  for (const auto& [key, entry] : store_.entries()) {
    for (const std::string& family :
         {keys_.running(), keys_.locks(), keys_.accounts(), keys_.triggers(), keys_.kills()}) {
      if (key.rfind(family, 0) == 0) words.push_back(key.substr(keys_.prefix().size()));
    }
  }
  return words;
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text.empty() ? "nothing" : text;
}

std::string trimmed(std::string text) {
  const auto end = text.find_last_not_of(" \t");
  return end == std::string::npos ? "" : text.substr(0, end + 1);
}

}  // namespace

Report run(const std::string& text) {
  Report report;
  Runner runner;
  std::istringstream lines(text);
  std::size_t number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    const auto arrow = line.find(kArrow);
    const std::string said = trimmed(line.substr(0, arrow));
    try {
      std::istringstream words(said);
      std::string first;
      words >> first;
      std::optional<std::vector<std::string>> done;
      if (first.empty() || first.front() == '#') {
      } else if (first == "start") {
        words >> first;
        runner.start(first);
      } else if (!runner.started()) {
        runner.header(first, words);
      } else if (first == "verdicts" || first == "left") {
        done = runner.view(first, words);
      } else {
        done = runner.line(first, words);
      }
      if (!done) {
        report.updated += line + "\n";
        continue;
      }
      const std::string wanted = arrow == std::string::npos ? "" : trimmed(line.substr(arrow + kArrow.size() + 1));
      const std::string got = joined(*done);
      report.updated += fmt::format("{:<42} {} {}\n", said, kArrow, got);
      if (got != wanted && report.failure.empty())
        report.failure = fmt::format("line {}: {}\n  wanted: {}\n  got:    {}", number, said, wanted, got);
    } catch (const Mistake& mistake) {
      report.failure = fmt::format("line {}: {}\n  {}", number, said, mistake.what());
      report.updated.clear();
      return report;
    }
  }
  return report;
}

}  // namespace cronfleet::scenario
