#include "history/recent/published_history.h"

#include <map>

#include "domain/run_json.h"
#include "history/contract.h"

namespace cronfleet::history {
namespace {

constexpr std::size_t kOutputBytesMax = 4 << 10;  // more is left out: the store is no place for it
// One lease carries the records of an hour; each stays for at least a day.
constexpr std::chrono::hours kLeaseRenewal{1};
constexpr std::chrono::hours kLeaseLength{25};

}  // namespace

struct PublishedHistory::State : std::enable_shared_from_this<PublishedHistory::State> {
  State(RunHistory& h, coord::CoordStore& s, const async::Clock& c, core::Keys k)
      : inner(h), store(s), clock(c), keys(std::move(k)) {}

  RunHistory& inner;
  coord::CoordStore& store;
  const async::Clock& clock;
  const core::Keys keys;
  coord::LeaseId lease = 0;
  MonoTime lease_granted_at{};

  // The newest of each job, and each run that somebody asked for: who waits for it must not miss it.
  std::vector<core::Write> writes(const std::vector<domain::RunRecord>& records) const {
    std::map<JobName, const domain::RunRecord*> newest;
    for (const domain::RunRecord& record : records) {
      const domain::RunRecord*& at = newest[record.id.firing.job];
      if (at == nullptr || Position{plan_time(*at), at->id} < Position{plan_time(record), record.id}) at = &record;
    }
    std::vector<core::Write> all;
    const auto publish = [&](std::string key, domain::RunRecord record) {
      if (record.output.size() > kOutputBytesMax) record.output.clear();
      all.push_back({std::move(key), domain::encode_run(record)});
    };
    for (const auto& [job, record] : newest) publish(keys.recent(job), *record);
    for (const domain::RunRecord& record : records) {
      if (!record.id.firing.scheduled()) publish(keys.recent(record.id), record);
    }
    return all;
  }

  void send(std::vector<core::Write> writes, async::Task done) {
    if (writes.empty()) return done();
    if (lease != 0 && clock.mono() - lease_granted_at < kLeaseRenewal) return put(std::move(writes), std::move(done));
    const MonoTime asked_at = clock.mono();
    store.grant(kLeaseLength, [self = weak_from_this(), asked_at, writes = std::move(writes),
                               done = std::move(done)](Result<coord::LeaseId> granted) mutable {
      const auto state = self.lock();
      if (!state || !granted) return done();
      state->lease = *granted;
      state->lease_granted_at = asked_at;
      state->put(std::move(writes), std::move(done));
    });
  }

  // In batches, one after the other.
  void put(std::vector<core::Write> writes, async::Task done) {
    std::vector<core::Txn> batch;
    while (!writes.empty() && batch.size() < coord::CoordStore::kBatchMax) {
      core::Txn txn;
      txn.writes.push_back(std::move(writes.back()));
      txn.writes.back().lease = lease;
      batch.push_back(std::move(txn));
      writes.pop_back();
    }
    store.commit(std::move(batch), [self = weak_from_this(), writes = std::move(writes),
                                    done = std::move(done)](Result<std::vector<core::TxnAnswer>> answers) mutable {
      const auto state = self.lock();
      if (state && !answers && answers.error().code() == Code::LeaseLost) state->lease = 0;  // the next time a new one
      if (!state || !answers || writes.empty()) return done();
      state->put(std::move(writes), std::move(done));
    });
  }
};

PublishedHistory::PublishedHistory(RunHistory& inner, coord::CoordStore& store, const async::Clock& clock,
                                   core::Keys keys)
    : state_(std::make_shared<State>(inner, store, clock, std::move(keys))) {}
PublishedHistory::~PublishedHistory() = default;

void PublishedHistory::insert(std::vector<domain::RunRecord> records,
                              async::Callback<Result<std::vector<Inserted>>> done) {
  std::vector<core::Write> writes = state_->writes(records);
  state_->inner.insert(std::move(records), [self = std::weak_ptr(state_), writes = std::move(writes),
                                            done = std::move(done)](Result<std::vector<Inserted>> inserted) mutable {
    const auto state = self.lock();
    if (!state || !inserted) return done(std::move(inserted));
    state->send(std::move(writes),
                [inserted = std::move(inserted), done = std::move(done)]() mutable { done(std::move(inserted)); });
  });
}

void PublishedHistory::append_output(std::vector<domain::OutputChunk> chunks,
                                     async::Callback<Result<std::size_t>> done) {
  state_->inner.append_output(std::move(chunks), std::move(done));
}
Result<domain::RunRecord> PublishedHistory::get(const domain::RunId& run) { return state_->inner.get(run); }
Result<RunPage> PublishedHistory::find(const RunQuery& query) { return state_->inner.find(query); }
Result<OutputSlice> PublishedHistory::output(const domain::RunId& run, std::uint64_t from, std::size_t bytes_max) {
  return state_->inner.output(run, from, bytes_max);
}
Result<std::vector<StatusCount>> PublishedHistory::counts(WallTime from, WallTime until) {
  return state_->inner.counts(from, until);
}
void PublishedHistory::prune(Retention retention, WallTime now, std::size_t records_max,
                             async::Callback<Result<std::size_t>> done) {
  state_->inner.prune(retention, now, records_max, std::move(done));
}

}  // namespace cronfleet::history
