#include "api/list_filters.h"

#include <algorithm>

#include "domain/job_json.h"

namespace cronfleet::api {
namespace {

using Kind = FilterField::Kind;

// The newest run of a job is asked for as last:failed, and as state:failed: so people say it.
constexpr std::string_view kFailures[] = {"failed", "signalled", "timed_out", "killed", "lost"};

const std::vector<FilterField>& job_fields() {
  static const std::vector<FilterField> kFields = {
      {"state",
       Kind::Word,
       {"enabled", "disabled", "paused", "ended", "invalid", "failed", "signalled", "timed_out", "killed", "lost"}},
      {"name"},
      {"owner"},
      {"command"},
      {"description"},
      {"zone"},
      {"schedule"},
      {"label", Kind::Label},
      {"overlap", Kind::Word, {"forbid", "allow", "replace", "queue"}},
      {"next", Kind::Duration},
      {"last", Kind::Word, {std::begin(kFailures), std::end(kFailures)}},
  };
  return kFields;
}

const std::vector<FilterField>& run_fields() {
  static const std::vector<FilterField> kFields = {
      {"state",
       Kind::Word,
       {"waiting", "claimed", "running", "succeeded", "failed", "signalled", "timed_out", "killed", "skipped", "missed",
        "lost", "refused"}},
      {"job"},
      {"worker"},
      {"age", Kind::Duration},
  };
  return kFields;
}

std::vector<FilterTerm> take_terms(Query& query, const std::vector<FilterField>& fields) {
  const auto text = query.text("filter");
  if (!text) return {};
  auto terms = parse_filter(*text, fields);
  if (terms) return *std::move(terms);
  const FilterError& error = terms.error();
  query.refuse("filter", error.message, error.suggestion, error.column, error.length);
  return {};
}

std::string_view overlap_of(const domain::Job& job) {
  switch (job.overlap.mode) {
    case domain::Overlap::Mode::Forbid: return "forbid";
    case domain::Overlap::Mode::Allow: return "allow";
    case domain::Overlap::Mode::Replace: return "replace";
    case domain::Overlap::Mode::Queue: return "queue";
  }
  return "";
}

bool has_label(const domain::Job& job, const std::string& asked) {
  const auto equals = asked.find('=');
  const auto found = job.about->labels.find(asked.substr(0, equals));
  if (found == job.about->labels.end()) return false;
  return equals == std::string::npos || found->second == asked.substr(equals + 1);
}

bool holds(const FilterTerm& term, const StoredJob& stored, WallTime now) {
  if (term.field == "state") return filter_takes(term, state_of(stored, now));
  if (term.field == "name") return filter_takes(term, stored.name.text());
  if (term.field.empty() && filter_takes(term, stored.name.text())) return true;
  if (!stored.job) return false;
  const domain::Job& job = *stored.job;
  if (term.field == "owner") return filter_takes(term, job.about->owner);
  if (term.field == "command") return filter_takes(term, domain::shown_command(job));
  if (term.field == "description") return filter_takes(term, job.about->description);
  if (term.field == "zone") return filter_takes(term, job.time_zone->empty() ? "UTC" : *job.time_zone);
  if (term.field == "schedule") return filter_takes(term, job.schedule);
  if (term.field == "overlap") return filter_takes(term, overlap_of(job));
  if (term.field == "label")
    return std::any_of(term.values.begin(), term.values.end(),
                       [&](const auto& asked) { return has_label(job, asked); });
  return filter_takes(term, domain::shown_command(job)) || filter_takes(term, job.about->description) ||
         filter_takes(term, job.about->owner);
}

// The ways to fail that a term asks the newest run for.
std::vector<domain::RunStatus> failures_of(const FilterTerm& term) {
  std::vector<domain::RunStatus> failures;
  if (term.field != "last" && term.field != "state") return failures;
  for (const std::string& word : term.values)
    if (std::find(std::begin(kFailures), std::end(kFailures), word) != std::end(kFailures))
      failures.push_back(*domain::parse_run_status(word));
  return failures;
}

constexpr std::size_t kFailuresLookedAt = 10'000;

// Failures are few: those jobs are asked that have failed at all, the newest failures first. Where there are so many
// failures that not all are looked at, every job is.
Result<std::set<std::string>> jobs_whose_last_run_is(std::vector<domain::RunStatus> statuses,
                                                     const std::vector<JobName>& jobs, history::RunHistory& history) {
  history::RunQuery failures;
  failures.statuses = std::move(statuses);
  failures.limit = 500;
  std::set<std::string> failed;
  std::size_t looked_at = 0;
  do {
    auto page = history.find(failures);
    if (!page) return tl::unexpected(page.error());
    for (const domain::RunRecord& record : page->items) failed.insert(record.id.firing.job.text());
    looked_at += page->items.size();
    failures.cursor = page->next_cursor;
  } while (!failures.cursor.empty() && looked_at < kFailuresLookedAt);
  const bool all = !failures.cursor.empty();

  std::set<std::string> taken;
  for (const JobName& job : jobs) {
    if (!all && !failed.contains(job.text())) continue;
    history::RunQuery newest;
    newest.job = job;
    newest.statuses = {domain::RunStatus::Succeeded, domain::RunStatus::Failed, domain::RunStatus::Signalled,
                       domain::RunStatus::TimedOut,  domain::RunStatus::Killed, domain::RunStatus::Lost};
    newest.limit = 1;
    const auto page = history.find(newest);
    if (!page) return tl::unexpected(page.error());
    const auto is = [&](domain::RunStatus status) { return page->items.front().end.status == status; };
    if (!page->items.empty() && std::any_of(failures.statuses.begin(), failures.statuses.end(), is))
      taken.insert(job.text());
  }
  return taken;
}

}  // namespace

JobFilter JobFilter::take(Query& query) {
  JobFilter filter;
  filter.terms_ = take_terms(query, job_fields());
  return filter;
}

bool JobFilter::takes(const StoredJob& stored, WallTime now) const {
  for (std::size_t i = 0; i < terms_.size(); ++i) {
    const FilterTerm& term = terms_[i];
    if (term.field == "next") continue;
    const bool failed = i < last_.size() && last_[i].contains(stored.name.text());
    const bool held = failed || (term.field != "last" && holds(term, stored, now));
    if (held == term.negated) return false;
  }
  return true;
}

bool JobFilter::takes_next(std::optional<WallTime> next, WallTime now) const {
  return std::all_of(terms_.begin(), terms_.end(), [&](const FilterTerm& term) {
    if (term.field != "next") return true;
    const bool held =
        next && (term.op == FilterOperator::Below ? *next - now < term.duration : *next - now > term.duration);
    return held != term.negated;
  });
}

Result<void> JobFilter::look_at_last_runs(const std::vector<JobName>& jobs, history::RunHistory& history) {
  last_.assign(terms_.size(), {});
  for (std::size_t i = 0; i < terms_.size(); ++i) {
    auto failures = failures_of(terms_[i]);
    if (failures.empty()) continue;
    auto found = jobs_whose_last_run_is(std::move(failures), jobs, history);
    if (!found) return tl::unexpected(found.error());
    last_[i] = *std::move(found);
  }
  return {};
}

bool JobFilter::asks(std::string_view field) const {
  return std::any_of(terms_.begin(), terms_.end(), [field](const FilterTerm& term) { return term.field == field; });
}
bool JobFilter::asks_next() const { return asks("next"); }
bool JobFilter::asks_last() const {
  return std::any_of(terms_.begin(), terms_.end(), [](const FilterTerm& term) { return !failures_of(term).empty(); });
}
bool JobFilter::asks_state() const { return asks("state"); }

std::optional<WallTime> state_changes_at(const StoredJob& stored, WallTime now) {
  if (!stored.job) return std::nullopt;
  std::optional<WallTime> at;
  for (const auto& instant : {stored.job->window->ends_at, stored.job->window->paused_until})
    if (instant && *instant > now && (!at || *instant < *at)) at = *instant;
  return at;
}

void take_run_filter(Query& query, WallTime now, history::RunQuery& wanted) {
  for (const FilterTerm& term : take_terms(query, run_fields())) {
    const auto cannot = [&](std::string_view why) {
      query.refuse("filter", fmt::format("{}: {}", term.field.empty() ? term.values.front() : term.field, why), {},
                   term.column, term.length);
    };
    if (term.negated || term.field.empty()) {
      cannot(term.negated
                 ? "a list of runs cannot be asked for what is not; it takes state:, job:, worker:, age< and age>"
                 : "a list of runs is not searched; it takes state:, job:, worker:, age< and age>");
    } else if (term.field == "state") {
      if (!wanted.statuses.empty()) cannot("given twice; several states are separated by commas");
      for (const std::string& word : term.values) wanted.statuses.push_back(*domain::parse_run_status(word));
    } else if (term.field == "age") {
      const WallTime at = now - std::chrono::duration_cast<WallTime::duration>(term.duration);
      auto& bound = term.op == FilterOperator::Below ? wanted.from : wanted.until;
      if (bound) cannot("this bound is given twice");
      bound = at;
    } else if (term.op != FilterOperator::Is || term.values.size() > 1) {
      cannot("takes one whole name: a list of runs takes state:, job:, worker:, age< and age>");
    } else if (term.field == "job") {
      if (wanted.job) cannot("given twice");
      const auto name = domain::make_job_name(term.values.front());
      if (name) wanted.job = *name;
      if (!name) cannot(name.error().message());
    } else {
      if (wanted.worker) cannot("given twice");
      wanted.worker = NodeId(term.values.front());
    }
  }
}

}  // namespace cronfleet::api
