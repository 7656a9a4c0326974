#include "runtime/housekeeping.h"

#include <string_view>
#include <utility>

#include "domain/run.h"

namespace cronfleet::runtime {
namespace {

using coord::KeyValue;
using coord::Listing;

void add_jobs_of_runs(const Listing& running, std::set<std::string, std::less<>>& jobs) {
  for (const KeyValue& entry : running.entries) {
    const std::string_view key = entry.key;
    if (const auto run = domain::parse_run_id(key.substr(key.rfind('/') + 1))) jobs.insert(run->firing.job.text());
  }
}

}  // namespace

Housekeeper::Housekeeper(coord::CoordStore& store, async::Timers& timers, const async::Clock& clock,
                         const core::Keys& keys, HousekeepingOptions options, std::function<bool()> first)
    : store_(store), timers_(timers), clock_(clock), keys_(keys), options_(options), first_(std::move(first)) {}

Housekeeper::~Housekeeper() { timers_.cancel(timer_); }

void Housekeeper::start() {
  if (options_.look_every.count() == 0) return;
  collect_at_ = clock_.mono() + options_.collect_every;
  timer_ = timers_.at(clock_.mono() + options_.look_every, [this] { look(); });
}

// Every worker notes where the store stands, so that whoever is first next can go on at once.
void Housekeeper::look() {
  timer_ = timers_.at(clock_.mono() + options_.look_every, [this] { look(); });
  store_.get({keys_.fleet()}, alive_.wrap([this](Result<Listing> answer) {
    if (answer) note(answer->revision);
  }));
  if (clock_.mono() >= collect_at_ && first_()) collect();
}

void Housekeeper::note(coord::Revision revision) {
  // Lower than before: an older state was restored, and what we noted is of another past.
  if (!seen_.empty() && revision < seen_.back().revision) seen_.clear();
  seen_.push_back({clock_.mono(), revision});
  const MonoTime old = clock_.mono() - options_.compact_after;
  if (seen_.front().at > old) return;
  while (seen_.size() > 1 && seen_[1].at <= old) seen_.pop_front();
  // One that failed is made up for by the next, a look later.
  if (first_()) store_.compact(seen_.front().revision, [](Result<coord::Revision>) {});
}

void Housekeeper::collect() {
  collect_at_ = clock_.mono() + options_.collect_every;
  store_.list(keys_.fired(), alive_.wrap([this](Result<Listing> markers) {
    if (!markers) return;
    std::vector<KeyValue> closed;
    const WallTime old = clock_.wall() - options_.collect_after;
    for (KeyValue& entry : markers->entries) {
      const auto marker = core::parse_marker(entry.value);
      if (marker && marker->token == "closed" && marker->instant <= old) closed.push_back(std::move(entry));
    }
    if (!closed.empty()) remove_unused(std::move(closed));
  }));
}

// What is owed becomes a running key in one transaction, so accounts/ is read first: read the other way round, such a
// step in between would be missed.
void Housekeeper::remove_unused(std::vector<KeyValue> closed) {
  store_.list(keys_.accounts(), alive_.wrap([this, closed = std::move(closed)](Result<Listing> accounts) mutable {
    if (!accounts) return;
    store_.list(keys_.running(), alive_.wrap([this, closed = std::move(closed),
                                              jobs = jobs_of_accounts(*accounts)](Result<Listing> running) mutable {
      if (!running) return;
      add_jobs_of_runs(*running, jobs);
      std::erase_if(closed, [&](const KeyValue& marker) { return jobs.contains(name_of(marker).text()); });
      remove(closed);
    }));
  }));
}

void Housekeeper::remove(const std::vector<KeyValue>& closed) {
  using Kind = core::Condition::Kind;
  std::vector<coord::Txn> batch;
  const auto send = [&] {
    if (!batch.empty()) store_.commit(std::exchange(batch, {}), [](Result<std::vector<coord::TxnAnswer>>) {});
  };
  for (const KeyValue& marker : closed) {
    const JobName name = name_of(marker);
    batch.push_back({.expected = {{keys_.job(name), Kind::Absent, {}, 0},
                                  {keys_.lock(name), Kind::Absent, {}, 0},
                                  {marker.key, Kind::ModifiedAt, {}, marker.modified}},
                     .writes = {{marker.key, std::nullopt}},
                     .read_if_refused = {}});
    if (batch.size() == coord::CoordStore::kBatchMax) send();
  }
  send();
}

JobName Housekeeper::name_of(const KeyValue& marker) const { return JobName(marker.key.substr(keys_.fired().size())); }
Housekeeper::Jobs Housekeeper::jobs_of_accounts(const Listing& accounts) const {
  Jobs jobs;
  for (const KeyValue& entry : accounts.entries) {
    const std::string_view rest = std::string_view(entry.key).substr(keys_.accounts().size());
    jobs.emplace(rest.substr(0, rest.rfind('/')));
  }
  return jobs;
}

}  // namespace cronfleet::runtime
