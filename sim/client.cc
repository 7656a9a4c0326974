#include "sim/client.h"

#include <array>
#include <utility>

#include "domain/job_json.h"

namespace cronfleet::sim {
namespace {

using std::chrono::milliseconds;

using Stands = std::optional<domain::Job>;

constexpr int kTriesMax = 8;
constexpr int kClosingTriesMax = 10'000;
constexpr std::array<const char*, 5> kOtherSchedules = {"* * * * * *", "*/3 * * * * *", "*/15 * * * * *", "@every 4s",
                                                        "11,41 * * * * *"};

}  // namespace

Client::Client(SimStore& store, VirtualNode& node, Rng rng, const std::vector<JobPlan>& jobs, const core::Rules& rules,
               Evidence& evidence, Say say)
    : node_(node),
      rng_(rng),
      plans_(jobs),
      rules_(rules),
      evidence_(evidence),
      say_(std::move(say)),
      api_(store.client(node)),
      jobs_(jobs.size()) {
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    jobs_[i].wanted = jobs[i].job;
    jobs_[i].probe = jobs[i].probe;
  }
}

domain::Job Client::next_version(std::size_t index, domain::Job from) {
  JobState& state = jobs_[index];
  state.probe.version = ++state.version;
  from.command = probe_command(state.probe);
  return from;
}

void Client::act(const Action& action) {
  JobState& state = jobs_[action.job];
  if (state.closed) return;
  const std::size_t index = action.job;
  using Kind = Action::Kind;
  switch (action.kind) {
    case Kind::Create:
      return edit(index, Way::Api, [this, index](const Stands& stands) -> std::optional<domain::Job> {
        if (stands) return std::nullopt;
        return next_version(index, plans_[index].job);
      });
    case Kind::Edit:
      return edit(index, Way::Api,
                  [this, index, chance = action.chance](const Stands& stands) -> std::optional<domain::Job> {
                    if (!stands) return std::nullopt;
                    jobs_[index].probe.duration = milliseconds(5 + chance % 2'000);
                    return next_version(index, *stands);
                  });
    case Kind::Reschedule:
    case Kind::HandEdit: {
      const Way way = action.kind == Kind::Reschedule ? Way::Api : Way::Hand;
      return edit(index, way,
                  [this, index, chance = action.chance](const Stands& stands) -> std::optional<domain::Job> {
                    if (!stands) return std::nullopt;
                    domain::Job job = *stands;
                    if (chance % 8 != 0) job.schedule = kOtherSchedules[chance / 8 % kOtherSchedules.size()];
                    return next_version(index, std::move(job));
                  });
    }
    case Kind::Disable:
    case Kind::Enable: {
      const bool enabled = action.kind == Kind::Enable;
      return edit(index, Way::Api, [this, index, enabled](const Stands& stands) -> std::optional<domain::Job> {
        if (!stands || stands->enabled == enabled) return std::nullopt;
        domain::Job job = *stands;
        job.enabled = enabled;
        return next_version(index, std::move(job));
      });
    }
    case Kind::Delete:
    case Kind::HandDelete:
      return edit(index, action.kind == Kind::Delete ? Way::Api : Way::Hand,
                  [](const Stands& stands) -> std::optional<domain::Job> {
                    if (!stands) return std::nullopt;
                    return domain::Job{};
                  });
    case Kind::RunNow: return run_now(index);
    case Kind::Kill: return kill(index, action.chance);
  }
}

void Client::close_all() {
  for (std::size_t i = 0; i < jobs_.size(); ++i) {
    const bool deletes = rng_.chance(0.5);
    jobs_[i].busy = false;
    edit(
        i, Way::Api,
        [this, i, deletes](const Stands& stands) -> std::optional<domain::Job> {
          if (!stands) return std::nullopt;
          if (deletes) return domain::Job{};
          domain::Job job = *stands;
          job.enabled = false;
          return next_version(i, std::move(job));
        },
        true);
  }
}

bool Client::all_closed() const {
  for (const JobState& state : jobs_) {
    if (!state.closed) return false;
  }
  return true;
}

// ---- edits ----------------------------------------------------------------------------------------------------------

void Client::edit(std::size_t job, Way way, Change change, bool closing) {
  if (jobs_[job].busy) return;
  jobs_[job].busy = true;
  try_edit(job, way, std::make_shared<Change>(std::move(change)), closing, 0);
}

void Client::try_edit(std::size_t job, Way way, std::shared_ptr<Change> change, bool closing, int tries) {
  api_->get(core::job_state_keys(keys_, plans_[job].job.name),
            [this, job, way, change, closing, tries](Result<coord::Listing> stands) {
              if (!stands) return given_up(job, way, change, closing, tries);
              commit_edit(job, way, change, closing, tries, *stands);
            });
}

void Client::given_up(std::size_t job, Way way, std::shared_ptr<Change> change, bool closing, int tries) {
  if (tries >= (closing ? kClosingTriesMax : kTriesMax)) {
    jobs_[job].busy = false;
    return;
  }
  node_.at(node_.mono() + milliseconds(100 + rng_.below(400)),
           [this, job, way, change, closing, tries] { try_edit(job, way, change, closing, tries + 1); });
}

void Client::commit_edit(std::size_t index, Way way, std::shared_ptr<Change> change, bool closing, int tries,
                         const coord::Listing& listing) {
  const JobName& name = plans_[index].job.name;
  const core::JobState stands = core::job_state(keys_, name, listing.entries);
  std::optional<domain::Job> before;
  if (stands.document) {
    if (auto decoded = domain::decode_job(stands.document->value, name)) before = std::move(*decoded);
  }
  const std::optional<domain::Job> after = (*change)(before);
  if (!after) {  // there is nothing to do
    jobs_[index].busy = false;
    if (closing) jobs_[index].closed = true;
    return;
  }
  const bool deletes = after->name.empty();
  core::Txn txn;
  domain::Job written;
  if (way == Way::Api) {
    core::Edit edit = deletes ? core::erase(keys_, stands, before, node_.wall(), rules_)
                              : core::save(keys_, stands, before, *after, node_.wall(), rules_);
    txn = std::move(edit.txn);
    if (!deletes) written = std::move(edit.job);
  } else {
    written = deletes ? *after : domain::without_bookkeeping(*after);
    txn.writes = {{keys_.job(name), deletes ? std::nullopt : std::optional(domain::encode_job(written))}};
    txn.expected = {
        {.key = keys_.job(name), .kind = core::Condition::Kind::ModifiedAt, .revision = stands.document->modified}};
  }
  const int version = deletes ? 0 : jobs_[index].version;
  say_(fmt::format("{} {} version {}{}", way == Way::Hand ? "by hand:" : "client:", name, version,
                   deletes            ? " (deleted)"
                   : !written.enabled ? " (disabled)"
                                      : " " + written.schedule));
  std::vector<core::Txn> batch;
  batch.push_back(std::move(txn));
  api_->commit(std::move(batch), [this, index, way, change, closing, tries, version, written,
                                  deletes](Result<std::vector<core::TxnAnswer>> answer) {
    if (!answer) return edit_unknown(index, way, change, closing, tries, written, deletes);
    if (!answer->front().committed) return given_up(index, way, change, closing, tries);
    acknowledged(index, version, answer->front().revision, closing);
  });
}

// No answer: what stands tells, since every version is written once only. A delete may have been followed by nothing
// but us, for nobody else creates this job.
void Client::edit_unknown(std::size_t index, Way way, std::shared_ptr<Change> change, bool closing, int tries,
                          const domain::Job& written, bool deletes) {
  const JobName& name = plans_[index].job.name;
  api_->get(
      {keys_.job(name)}, [this, index, way, change, closing, tries, written, deletes](Result<coord::Listing> listing) {
        if (!listing) {
          node_.at(node_.mono() + milliseconds(500), [this, index, way, change, closing, tries, written, deletes] {
            edit_unknown(index, way, change, closing, tries, written, deletes);
          });
          return;
        }
        if (deletes && listing->entries.empty()) return acknowledged(index, 0, listing->revision, closing);
        if (!deletes && !listing->entries.empty()) {
          const auto stands = domain::decode_job(listing->entries.front().value, plans_[index].job.name);
          if (stands && stands->command == written.command)
            return acknowledged(index, jobs_[index].version, listing->entries.front().modified, closing);
        }
        given_up(index, way, change, closing, tries);
      });
}

void Client::acknowledged(std::size_t index, int version, core::Revision revision, bool closing) {
  jobs_[index].busy = false;
  if (closing) jobs_[index].closed = true;
  evidence_.edits.push_back({plans_[index].job.name, version, revision + evidence_.former_past, node_.wall()});
}

// ---- run now, kill --------------------------------------------------------------------------------------------------

void Client::run_now(std::size_t job) {
  core::TriggerEntry entry;
  entry.id = domain::RequestId(fmt::format("r-{}", ++requests_));
  entry.job = plans_[job].job.name;
  entry.actor = "client";
  entry.requested_at = node_.wall();
  const std::string key = keys_.trigger(entry.id);
  say_(fmt::format("client: run {} now as {}", entry.job, entry.id));
  std::vector<core::Txn> batch(1);
  batch.front().expected = {{.key = key, .kind = core::Condition::Kind::Absent}};
  batch.front().writes = {{key, core::encode(entry)}};
  api_->commit(std::move(batch), [](Result<std::vector<core::TxnAnswer>>) {});  // the store's own history tells
}

void Client::kill(std::size_t job, std::uint64_t chance) {
  api_->list(keys_.running(), [this, job, chance](Result<coord::Listing> listing) {
    if (!listing) return;
    std::vector<std::pair<std::string, domain::RunId>> runs;
    for (const KeyValue& entry : listing->entries) {
      const auto running = core::decode_running(entry.value);
      if (running && running->phase == core::Phase::Claimed && running->run.firing.job == plans_[job].job.name)
        runs.emplace_back(entry.key, running->run);
    }
    if (runs.empty()) return;
    const auto& [key, run] = runs[chance % runs.size()];
    core::KillEntry order;
    order.actor = "client";
    order.requested_at = node_.wall();
    say_(fmt::format("client: kill {}", run.text()));
    std::vector<core::Txn> batch(1);
    batch.front().expected = {{.key = key, .kind = core::Condition::Kind::Present}};
    batch.front().writes = {{keys_.kill(run), core::encode(order)}};
    api_->commit(std::move(batch), [this, run_id = run, grace = plans_[job].job.timing->kill_grace](
                                       Result<std::vector<core::TxnAnswer>> answer) {
      if (answer && answer->front().committed) evidence_.kills.push_back({run_id, node_.wall(), grace});
    });
  });
}

}  // namespace cronfleet::sim
