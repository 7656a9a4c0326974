// bench/etcd_bench.cc: what three whole workers and a real etcd do together (speed-limits.md §5, protocol.md §2).
//
// The workers are runtime::Worker over coord/etcd, each on a loop thread of its own, so that claims, ends, looks and
// batches are those of the product. Only the commands and the history are not there: a run is over `run-ms` after its
// instant, and a record is acknowledged at once. All jobs forbid overlap and are due at one instant. In the same run
// the reference's way to the same end: every worker grants a lease, tries to put the lock with it and revokes the
// lease, for every firing. And the bare limit: the same claims, made beforehand, sent by the same clients as fast as
// etcd takes them.
//
//   etcd_bench [--members 1] [--jobs 12000] [--rounds 3] [--run-ms 3000] [--saves 200] [--in-flight 4] [--current]
//              [--flag --backend-batch-limit=1000]...
//
// --current: the etcd of scripts/build-etcd instead of Debian's. --flag: one more for each member.
#include <sys/resource.h>

#include <algorithm>
#include <condition_variable>
#include <cstdio>

#include "base/check.h"
#include "bench/etcd_nodes.h"
#include "core/edits.h"
#include "core/protocol.h"
#include "domain/job_json.h"
#include "tz/zone_database.h"

namespace cronfleet::bench {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct Settings {
  std::size_t members = 1, rounds = 3, in_flight = 4;
  int jobs = 12'000, saves = 200;
  milliseconds run{3'000};
  bool current = false;
  std::vector<std::string> flags;  // of etcd
};

constexpr std::size_t kWorkers = 3;
constexpr seconds kPeriod{30};

double seconds_of(std::chrono::nanoseconds length) { return std::chrono::duration<double>(length).count(); }

std::chrono::microseconds own_cpu() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto of = [](const timeval& t) { return seconds(t.tv_sec) + std::chrono::microseconds(t.tv_usec); };
  return of(usage.ru_utime) + of(usage.ru_stime);
}

std::string load_average() {
  double load = 0;
  ::getloadavg(&load, 1);
  return fmt::format("load average {:.1f}", load);
}

// Pauses the main thread until a condition of other threads holds.
template <typename F>
bool comes_about(F condition, seconds limit) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(milliseconds(1));
  }
  return true;
}
template <typename F>
void wait_until(F condition, seconds limit, const char* what) {
  if (comes_about(condition, limit)) return;
  std::fprintf(stderr, "etcd_bench: never came about: %s\n", what);
  std::exit(2);
}

template <typename T>
T median(std::vector<T> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// Each worker tries every firing, as the reference does, `kInFlight` of them at a time.
class ReferenceChain {
 public:
  ReferenceChain(Node& node, int firings) : node_(node), firings_(firings) {}

  void start(std::string prefix) {
    prefix_ = std::move(prefix);
    node_.on_loop([this] {
      for (int i = 0; i < kInFlight; ++i) grant();
    });
  }
  int wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return over_ == firings_; });
    return won_;
  }

 private:
  static constexpr int kInFlight = 16;
  void grant() {
    if (next_ == firings_) return;
    const int firing = next_++;
    node_.store->grant(seconds(5), [this, firing](Result<coord::LeaseId> lease) {
      CHECK(lease.has_value());
      lock_firing(firing, *lease);
    });
  }
  void lock_firing(int firing, coord::LeaseId lease) {
    const std::string key = fmt::format("{}{}", prefix_, firing);
    coord::Txn txn{.expected = {{.key = key, .kind = coord::Condition::Kind::Absent}},
                   .writes = {{key, "", lease}},
                   .read_if_refused = {}};
    node_.store->commit({std::move(txn)}, [this, lease](Result<std::vector<coord::TxnAnswer>> answers) {
      if (!answers) std::printf("  %s\n", answers.error().text().c_str());
      won_ += answers && answers->front().committed ? 1 : 0;
      node_.store->revoke(lease, [this](Result<coord::Revision> revoked) {
        if (!revoked && revoked.error().code() != Code::LeaseLost)
          std::printf("  %s\n", revoked.error().text().c_str());
        grant();
        const std::lock_guard lock(mutex_);
        if (++over_ == firings_) changed_.notify_all();
      });
    });
  }

  Node& node_;
  std::string prefix_;
  const int firings_;
  int next_ = 0, over_ = 0, won_ = 0;
  std::mutex mutex_;
  std::condition_variable changed_;
};

double reference(Nodes& nodes, std::size_t round) {
  constexpr int kFirings = 1'500;
  std::vector<std::unique_ptr<ReferenceChain>> chains;
  for (auto& node : nodes) chains.push_back(std::make_unique<ReferenceChain>(*node, kFirings));
  const MonoTime begun = nodes[0]->clock.mono();
  for (auto& chain : chains) chain->start(fmt::format("/reference/{}/", round));
  int won = 0;
  for (auto& chain : chains) won += chain->wait();
  const double rate = kFirings / seconds_of(nodes[0]->clock.mono() - begun);
  std::printf("the reference's chain: %.0f firings/s by %zu workers, %.2f locks won per firing; %s\n", rate,
              nodes.size(), double(won) / kFirings, load_average().c_str());
  return rate;
}

// Claims of jobs of its own, under a prefix that nobody watches: one node sends its share in full batches.
class BareClaims {
 public:
  BareClaims(Node& node, std::size_t index, int jobs, std::size_t in_flight)
      : node_(node), self_(fmt::format("w{}", index)), in_flight_(in_flight), hold_(keys_.hold(self_, incarnation_)) {
    for (int i = 0; i < jobs; ++i) names_.emplace_back(fmt::format("nightly-report-{}-{}", index, i));
    coord::Txn hold;
    hold.writes = {{hold_, "{}"}};
    put({hold});
    for (std::size_t first = 0; first < names_.size(); first += coord::CoordStore::kBatchMax) {
      std::vector<coord::Txn> batch;
      for (std::size_t i = first; i < std::min(names_.size(), first + coord::CoordStore::kBatchMax); ++i)
        batch.push_back(core::save(keys_, {}, {}, job_named(names_[i].text(), "@hourly"), kSaved).txn);
      const coord::Revision revision = put(std::move(batch));
      revisions_.resize(std::min(names_.size(), first + coord::CoordStore::kBatchMax), revision);
    }
  }

  void prepare(std::size_t round) {
    batches_.clear();
    next_ = over_ = 0;
    const WallTime instant = kSaved + std::chrono::hours(round + 1);
    for (std::size_t i = 0; i < names_.size(); ++i) {
      core::RunningEntry entry;
      entry.run = {domain::Firing{names_[i], instant}, 1};
      entry.incarnation = incarnation_;
      entry.token = Token(tokens_.token());
      entry.job_revision = revisions_[i];
      entry.scheduled_at = entry.claimed_at = instant;
      entry.safe_after = instant + std::chrono::hours(1);
      entry.locked = true;
      core::FiringRow row{.job = names_[i],
                          .job_revision = revisions_[i],
                          .accounted = instant - std::chrono::hours(1),
                          .exact_marker = {},
                          .marker_to = instant,
                          .token = entry.token,
                          .entry = entry,
                          .passed = {},
                          .lock = core::FiringRow::Lock::Absent,
                          .dead_lock = {},
                          .dead_hold = {}};
      if (i % coord::CoordStore::kBatchMax == 0) batches_.emplace_back();
      batches_.back().push_back(core::firing_row({keys_, self_, incarnation_, hold_}, row));
    }
  }
  void start() {
    node_.on_loop([this] {
      for (std::size_t i = 0; i < in_flight_; ++i) send();
    });
  }
  void wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return over_ == batches_.size(); });
  }
  // Frees the locks for another round.
  void clean() {
    for (const auto& claims : batches_) {
      std::vector<coord::Txn> batch;
      for (const coord::Txn& claim : claims) {
        coord::Txn txn;
        for (const coord::Write& write : claim.writes) {
          if (!write.key.starts_with(keys_.fired())) txn.writes.push_back({write.key, std::nullopt});
        }
        batch.push_back(std::move(txn));
      }
      put(std::move(batch));
    }
  }

 private:
  static constexpr WallTime kSaved{seconds(1'767'225'600)};  // 2026-01-01

  coord::Revision put(std::vector<coord::Txn> batch) {
    std::promise<coord::Revision> saved;
    node_.store->commit(std::move(batch), [&](Result<std::vector<coord::TxnAnswer>> answers) {
      CHECK(answers && std::ranges::all_of(*answers, &coord::TxnAnswer::committed));
      saved.set_value(answers->front().revision);
    });
    return saved.get_future().get();
  }
  void send() {
    if (next_ == batches_.size()) return;
    node_.store->commit(batches_[next_++], [this](Result<std::vector<coord::TxnAnswer>> answers) {
      CHECK(answers && std::ranges::all_of(*answers, &coord::TxnAnswer::committed));
      send();
      const std::lock_guard lock(mutex_);
      if (++over_ == batches_.size()) changed_.notify_all();
    });
  }

  const core::Keys keys_{"/bare/"};
  Node& node_;
  const NodeId self_;
  const Incarnation incarnation_{"bare"};
  const std::size_t in_flight_;
  const std::string hold_;
  async::SystemTokens tokens_;
  std::vector<JobName> names_;
  std::vector<coord::Revision> revisions_;
  std::vector<std::vector<coord::Txn>> batches_;
  std::size_t next_ = 0, over_ = 0;
  std::mutex mutex_;
  std::condition_variable changed_;
};

double bare_limit(std::vector<std::unique_ptr<BareClaims>>& claims, std::size_t round, int jobs) {
  for (auto& one : claims) one->prepare(round);
  const auto begun = std::chrono::steady_clock::now();
  const auto cpu_before = own_cpu();
  for (auto& one : claims) one->start();
  for (auto& one : claims) one->wait();
  const auto took = std::chrono::steady_clock::now() - begun;
  const double rate = jobs / seconds_of(took);
  std::printf("the bare limit: %.0f claims/s, %.0f us of this bench's CPU for each; %s\n", rate,
              double((own_cpu() - cpu_before).count()) / jobs, load_average().c_str());
  for (auto& one : claims) one->clean();
  return rate;
}

struct Figures {
  double claims_per_second = 0, etcd_us = 0;
};

// One instant at which all jobs are due, from the first claim to the removal of the last key.
Figures burst(testing::EtcdServer& etcd, Nodes& nodes, int jobs) {
  const async::Clock& clock = nodes[0]->clock;
  const std::int64_t now = std::chrono::duration_cast<seconds>(clock.wall().time_since_epoch()).count();
  const WallTime due{seconds((now + 4) / kPeriod.count() * kPeriod.count() + kPeriod.count())};
  wait_until([&] { return clock.wall() >= due - seconds(2); }, kPeriod + seconds(5), "the instant");
  for (auto& node : nodes) node->store->reset();
  const auto etcd_before = etcd.cpu(), own_before = own_cpu();
  const auto total = [&](Tally Counts::* kind) {
    Tally sum;
    for (auto& node : nodes) {
      const Counts counts = node->store->counts();
      const Tally& one = counts.*kind;
      sum.sent += one.sent;
      sum.done += one.done;
      sum.first_sent = std::min(sum.first_sent, one.first_sent);
      sum.last_done = std::max(sum.last_done, one.last_done);
    }
    return sum;
  };
  if (!comes_about([&] { return total(&Counts::removals).done >= static_cast<std::uint64_t>(jobs); },
                   kPeriod - seconds(4)))
    std::printf("not all is over: %llu claims, %llu ends, %llu removals of %d\n",
                static_cast<unsigned long long>(total(&Counts::claims).done),
                static_cast<unsigned long long>(total(&Counts::ends).done),
                static_cast<unsigned long long>(total(&Counts::removals).done), jobs);
  wait_until([&] { return clock.wall() >= due + seconds(2); }, seconds(5), "the others have looked");
  const double etcd_us = double((etcd.cpu() - etcd_before).count()) / jobs;
  const double own_us = double((own_cpu() - own_before).count()) / jobs;
  const Tally claims = total(&Counts::claims), ends = total(&Counts::ends), removals = total(&Counts::removals),
              looks = total(&Counts::looks);
  std::uint64_t batches = 0, members = 0, looked_at = 0;
  for (auto& node : nodes) {
    const Counts counts = node->store->counts();
    batches += counts.batches;
    members += counts.members;
    looked_at += counts.looked_at;
  }
  const double took = seconds_of(claims.last_done - claims.first_sent);
  const double lead = seconds_of(due - clock.wall() + (clock.mono() - claims.first_sent));
  const double rate = double(claims.done) / took;
  std::printf("claims: %.0f/s (%llu of %llu sent, %.2f s, the first %.2f s ahead); ends and removals: %.0f firings/s\n",
              rate, static_cast<unsigned long long>(claims.done), static_cast<unsigned long long>(claims.sent), took,
              lead, jobs / seconds_of(removals.last_done - ends.first_sent));
  std::printf(
      "  a whole firing: etcd %.0f us of CPU, all members; workers and this bench %.0f us; %.1f transactions a "
      "batch; %.2f looks and %.2f keys looked at a firing; %s\n",
      etcd_us, own_us, double(members) / double(batches), double(looks.sent) / jobs, double(looked_at) / jobs,
      load_average().c_str());
  return {rate, etcd_us};
}

// How long a save takes to the last of the workers, from when it is sent.
void propagation(Nodes& nodes, Node& master, int saves) {
  const core::Keys keys;
  const core::Keys& names = keys;
  std::vector<double> ms;
  for (int i = 0; i < saves; ++i) {
    const core::Edit edit =
        core::save(names, {}, {}, job_named(fmt::format("saved-{}", i), "0 0 0 1 1 *"), master.clock.wall());
    const std::string document = domain::encode_job(edit.job);
    const MonoTime sent = master.clock.mono();
    master.store->commit({edit.txn}, [](Result<std::vector<coord::TxnAnswer>> answers) { CHECK(answers.has_value()); });
    MonoTime last{};
    wait_until(
        [&] {
          last = {};
          for (auto& node : nodes) {
            const auto seen = node->store->counts().jobs_seen;
            const auto found = seen.find(document);
            if (found == seen.end()) return false;
            last = std::max(last, found->second);
          }
          return true;
        },
        seconds(10), "a save reaches all workers");
    ms.push_back(1000 * seconds_of(last - sent));
    for (auto& node : nodes) node->store->reset();
  }
  std::sort(ms.begin(), ms.end());
  const auto at = [&](double share) { return ms[std::min(ms.size() - 1, std::size_t(share * double(ms.size())))]; };
  std::printf(
      "a save, sent → delivered to the last of %zu workers: p50 %.2f ms, p90 %.2f, p99 %.2f, max %.2f (%zu); %s\n",
      nodes.size(), at(0.5), at(0.9), at(0.99), ms.back(), ms.size(), load_average().c_str());
}

void run(const Settings& settings) {
  const testing::EtcdProgram program =
      settings.current ? testing::EtcdProgram::current() : testing::EtcdProgram::debian();
  if (program.path.empty()) {
    std::fprintf(stderr, "etcd_bench: %s\n", program.missing.c_str());
    std::exit(2);
  }
  testing::EtcdServer etcd({.program = program.path, .members = settings.members, .flags = settings.flags});
  CHECK(etcd.wait_until_healthy());
  auto zones = tz::ZoneDatabase::open();
  CHECK(zones.has_value());
  std::printf("%zu member(s) of etcd, %zu workers, %d jobs due at once, runs of %lld ms\n", settings.members, kWorkers,
              settings.jobs, static_cast<long long>(settings.run.count()));
  Node master(etcd, 99);
  std::vector<domain::Job> jobs;
  for (int i = 0; i < settings.jobs; ++i)
    jobs.push_back(job_named(fmt::format("nightly-report-{}", i), fmt::format("*/{} * * * * *", kPeriod.count())));
  save_jobs(master, jobs);
  Nodes nodes;
  for (std::size_t i = 0; i < kWorkers; ++i) nodes.push_back(std::make_unique<Node>(etcd, i + 1));
  for (std::size_t i = 0; i < kWorkers; ++i) nodes[i]->make_worker(i, settings.run, settings.in_flight, **zones);
  wait_until([&] { return std::all_of(nodes.begin(), nodes.end(), [](auto& node) { return node->ready(); }); },
             seconds(60), "all workers are ready");
  propagation(nodes, master, settings.saves);
  const int share = settings.jobs / static_cast<int>(kWorkers);
  std::vector<std::unique_ptr<BareClaims>> bare;
  for (std::size_t i = 0; i < kWorkers; ++i)
    bare.push_back(std::make_unique<BareClaims>(*nodes[i], i, share, settings.in_flight));
  std::vector<double> rates, cpu, chains, limits;
  for (std::size_t round = 0; round < settings.rounds; ++round) {
    chains.push_back(reference(nodes, round));
    limits.push_back(bare_limit(bare, round, share * static_cast<int>(kWorkers)));
    const Figures figures = burst(etcd, nodes, settings.jobs);
    rates.push_back(figures.claims_per_second);
    cpu.push_back(figures.etcd_us);
  }
  std::printf(
      "median: %.0f claims/s, %.0f us of etcd for a whole firing; %.1f times the reference's chain, %.2f of the bare "
      "limit, which is %.1f times that chain\n",
      median(rates), median(cpu), median(rates) / median(chains), median(rates) / median(limits),
      median(limits) / median(chains));
}

}  // namespace
}  // namespace cronfleet::bench

int main(int argc, char** argv) {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  cronfleet::bench::Settings settings;
  for (int i = 1; i < argc; ++i) {
    const std::string_view name = argv[i];
    const int value = i + 1 < argc ? std::atoi(argv[i + 1]) : 0;
    if (name == "--current") {
      settings.current = true;
      continue;
    }
    if (name == "--flag" && i + 1 < argc) {
      settings.flags.emplace_back(argv[i + 1]);
    } else if (name == "--members" && (value == 1 || value == 3)) {
      settings.members = static_cast<std::size_t>(value);
    } else if (name == "--jobs" && value > 0) {
      settings.jobs = value;
    } else if (name == "--in-flight" && value > 0) {
      settings.in_flight = static_cast<std::size_t>(value);
    } else if (name == "--rounds" && value > 0) {
      settings.rounds = static_cast<std::size_t>(value);
    } else if (name == "--run-ms" && value > 0) {
      settings.run = std::chrono::milliseconds(value);
    } else if (name == "--saves" && value > 0) {
      settings.saves = value;
    } else {
      std::fprintf(stderr,
                   "usage: etcd_bench [--members 1|3] [--jobs N] [--rounds N] [--run-ms N] [--saves N] [--in-flight N] "
                   "[--current] "
                   "[--flag F]\n");
      return 2;
    }
    ++i;
  }
  cronfleet::bench::run(settings);
}
