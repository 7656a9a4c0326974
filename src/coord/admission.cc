#include "coord/admission.h"

#include <algorithm>

namespace cronfleet::coord {
namespace {

constexpr std::chrono::milliseconds kBackoffMost{5'000};

}  // namespace

Admission::Admission(CoordStore& store, async::Timers& timers, const async::Clock& clock, Rng rng, core::Keys keys)
    : store_(store), timers_(timers), clock_(clock), rng_(rng), keys_(std::move(keys)) {}

Admission::~Admission() { timers_.cancel(timer_); }

void Admission::ask(async::Callback<Result<void>> done, std::function<void(const Status&)> waiting) {
  done_ = std::move(done);
  waiting_ = std::move(waiting);
  attempt();
}

void Admission::attempt() {
  store_.get({keys_.fleet()}, guard_.wrap([this](Result<Listing> found) {
    if (!failed(found)) judge(*found);
  }));
}

void Admission::judge(const Listing& found) {
  if (found.entries.empty()) return look_around();
  const auto fleet = core::decode_fleet(found.entries.front().value);
  if (!fleet)
    return end(fail(Code::InvalidArgument,
                    "the key '{}' in the store is not Cronfleet's ({}): set etcd.prefix to one that nobody else uses",
                    keys_.fleet(), fleet.error().message()));
  if (fleet->schema > core::FleetEntry::kSchema)
    return end(
        fail(Code::InvalidArgument,
             "what stands under etcd.prefix '{}' was written by a newer Cronfleet (schema {}, this program knows "
             "{}): upgrade this program, or set etcd.prefix to another",
             keys_.prefix(), fleet->schema, core::FleetEntry::kSchema));
  end({});
}

void Admission::look_around() {
  store_.list(keys_.prefix(), guard_.wrap([this](Result<Listing> all) {
    if (failed(all)) return;
    const auto foreign = std::find_if(all->entries.begin(), all->entries.end(),
                                      [&](const KeyValue& entry) { return !keys_.has(entry.key); });
    if (foreign == all->entries.end()) return put();
    end(fail(Code::InvalidArgument,
             "etcd.prefix '{}' is in use by something else: the key '{}' is not Cronfleet's. Set etcd.prefix to one "
             "that nobody else uses, like \"/cronfleet/\"",
             keys_.prefix(), foreign->key.substr(0, 200)));
  }));
}

void Admission::put() {
  Txn txn;
  txn.expected = {{.key = keys_.fleet(), .kind = Condition::Kind::Absent}};
  txn.writes = {{keys_.fleet(), core::encode(core::FleetEntry{.made_at = from_ms(to_ms(clock_.wall()))})}};
  std::vector<Txn> batch;
  batch.push_back(std::move(txn));
  store_.commit(std::move(batch), guard_.wrap([this](Result<std::vector<TxnAnswer>> answers) {
    if (failed(answers)) return;
    if (answers->front().committed) return end({});
    attempt();  // another process was faster
  }));
}

void Admission::end(Result<void> answer) {
  auto done = std::move(done_);
  done(std::move(answer));
}

template <typename T>
bool Admission::failed(const Result<T>& answer) {
  if (answer) return false;
  if (answer.error().code() == Code::InvalidArgument) {
    end(Failure(answer.error()));
    return true;
  }
  // Half to all of it, so that a fleet does not come back in step.
  const auto wait =
      backoff_ / 2 + std::chrono::milliseconds(rng_.below(static_cast<std::uint64_t>(backoff_.count()) / 2));
  backoff_ = std::min(backoff_ * 2, kBackoffMost);
  timer_ = timers_.at(clock_.mono() + wait, guard_.wrap([this] { attempt(); }));
  if (waiting_) waiting_(answer.error());
  return true;
}

}  // namespace cronfleet::coord
