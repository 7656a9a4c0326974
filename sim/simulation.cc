#include "sim/simulation.h"

#include <algorithm>
#include <map>
#include <utility>

#include "core/entries.h"
#include "cron/zone.h"
#include "sim/client.h"
#include "sim/cluster.h"

namespace cronfleet::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Simulated jobs live in UTC; clock changes are for the scenarios of the core.
class OnlyUtc final : public cron::ZoneSource {
 public:
  cron::ZonePtr find(std::string_view name) const override { return name == "UTC" ? cron::utc() : nullptr; }
  std::vector<std::string> names() const override { return {"UTC"}; }
  std::string version() const override { return "simulated"; }
};

class Simulation {
 public:
  Simulation(const Plan& plan, Trace trace)
      : plan_(plan),
        tracing_(trace == Trace::Full),
        time_(from_seconds(1'767'225'600)),  // 2026-01-01
        world_(time_),
        user_(time_),
        store_(world_, world_, Rng(plan.seed).fork("store"), plan.store),
        history_(world_, world_, Rng(plan.seed).fork("history"), plan.history,
                 {.age = std::chrono::hours(0), .records_per_job = 0}) {
    evidence_.began_at = time_.wall();
    evidence_.nodes = plan.nodes;
    evidence_.capacity = static_cast<std::size_t>(plan.scheduler.capacity);
    history_.set_first_stands(plan.rules.first_record_stands);
    store_.set_report_deletions(plan.rules.report_deletions);
    // Chance that works all the time is a fault all the time.
    if (plan.store.lost + plan.store.answer_lost + plan.store.late + plan.store.watch_broken > 0)
      evidence_.faults.push_back({"store", NodeId(), time_.wall(), time_.wall() + plan.active});
    store_.on_commit([this](Revision revision, const std::vector<Change>& changes) { committed(revision, changes); });
    const auto say = [this](const std::string& text) { this->say(text); };
    cluster_ = std::make_unique<Cluster>(plan, time_, world_, store_, history_, zones_, evidence_, say);
    client_ =
        std::make_unique<Client>(store_, user_, Rng(plan.seed).fork("client"), plan.jobs, plan.rules, evidence_, say);
  }

  Verdict run() {
    for (const Action& action : plan_.actions)
      world_.at(MonoTime(action.at), [this, &action] { client_->act(action); });
    for (const Fault& fault : plan_.faults) {
      if (fault.kind == Fault::Kind::StoreRestored)
        world_.at(MonoTime(fault.at - fault.step), [this, &fault] { cluster_->back_up(fault); });
      world_.at(MonoTime(fault.at), [this, &fault] { cluster_->inject(fault); });
    }
    read_now_and_then();
    time_.run_until(MonoTime(plan_.active));
    heal();
    time_.run_for(plan_.quiet);
    say("closing all jobs");
    client_->close_all();
    verdict_.settled = come_to_rest();
    evidence_.settled = verdict_.settled;
    return judge();
  }

 private:
  void say(const std::string& text) {
    if (tracing_) verdict_.trace.push_back(fmt::format("{}  {}", to_rfc3339_ms(time_.wall()).substr(11, 12), text));
  }

  void mix(std::uint64_t value) {
    hash_ = (hash_ ^ value) * 0x100000001b3ULL;
    hash_ ^= hash_ >> 29;
  }

  void committed(Revision revision, const std::vector<Change>& changes) {
    mix(static_cast<std::uint64_t>(revision));
    revision += evidence_.former_past;
    mix(static_cast<std::uint64_t>(time_.now().time_since_epoch().count()));
    ++verdict_.commits;
    for (const Change& change : changes) {
      const std::string& key = change.entry.key;
      for (const char c : key) mix(static_cast<unsigned char>(c));
      mix(change.entry.value.size());
      const bool matters = key.rfind("/cron/jobs/", 0) == 0 || key.rfind("/cron/fired/", 0) == 0 ||
                           key.rfind("/cron/accounts/", 0) == 0 || key.rfind("/cron/trigger/", 0) == 0;
      if (matters) {
        evidence_.writes.push_back(
            {revision, time_.wall(), key, change.deleted ? std::nullopt : std::optional(change.entry.value)});
      }
      if (key.starts_with("/cron/lock/")) lock_changed(change);
      if (constexpr std::string_view kWorkers = "/cron/workers/"; change.deleted && key.rfind(kWorkers, 0) == 0)
        evidence_.offline.push_back({NodeId(key.substr(kWorkers.size())), time_.wall()});
      if (tracing_ && key.rfind("/cron/workers/", 0) != 0)
        say(fmt::format("store {}: {} {}", revision, key, change.deleted ? "-" : change.entry.value));
    }
    if (cluster_) cluster_->on_commit(changes);
  }

  void lock_changed(const Change& change) {
    std::string& stands = locks_[change.entry.key];
    const std::string former = std::exchange(stands, change.deleted ? std::string() : change.entry.value);
    if (former.empty() || stands.empty()) return;
    const auto left = core::decode_lock(former), taken = core::decode_lock(stands);
    if (left && taken && left->node != taken->node)
      evidence_.claimed_over.push_back({taken->run, left->node, left->safe_after});
  }

  // A reader that looks at the same records again: they must not change, nor go.
  void read_now_and_then() {
    for (auto it = seen_.begin(); it != seen_.end();) {
      const auto stands = history_.records().find(it->first);
      if (stands == history_.records().end() || stands->second.end.status != it->second.end.status ||
          stands->second.end.ended_at != it->second.end.ended_at || stands->second.final != it->second.final)
        evidence_.changed_records.push_back(it->first.text());
      it = seen_.size() > 200 ? seen_.erase(it) : std::next(it);
    }
    const auto& records = history_.records();
    if (!records.empty()) {
      auto it = records.begin();
      for (std::size_t i = 0; i < 20 && it != records.end(); ++i, ++it) seen_.emplace(it->first, it->second);
    }
    world_.at(world_.mono() + seconds(30), [this] { read_now_and_then(); });
  }

  void heal() {
    say("all faults end");
    evidence_.healed_at = time_.wall();
    cluster_->heal();
    SimFaults calm;
    store_.set_faults(calm);
    store_.set_available(true);
    store_.set_full(false);
    history_.set_faults({});
    history_.set_down(false);
  }

  // Time for leases to end, for the dead to count as lost, and for the longest run and its retries.
  bool come_to_rest() {
    // After the last record: workers that hold few of them in memory take long over thousands.
    const milliseconds patience = plan_.scheduler.lost_after + std::chrono::minutes(6);
    std::size_t records = 0;
    const milliseconds longest = patience + std::chrono::hours(2);  // what never ends is found out, too
    for (milliseconds waited{0}, still{0}; still < patience && waited < longest;
         waited += seconds(5), still += seconds(5)) {
      time_.run_for(seconds(5));
      if (client_->all_closed() && waited >= seconds(30) && nothing_left()) return true;
      if (history_.records().size() != std::exchange(records, history_.records().size())) still = milliseconds(0);
    }
    return true;  // what is left by now is what the checkers are for
  }
  bool nothing_left() const {
    for (const char* family : {"/cron/running/", "/cron/accounts/", "/cron/trigger/", "/cron/lock/", "/cron/killer/"}) {
      const auto it = store_.entries().lower_bound(family);
      if (it != store_.entries().end() && it->first.rfind(family, 0) == 0) return false;
    }
    return !cluster_->anything_spooled();
  }

  Verdict judge() {
    evidence_.ended_at = time_.wall();
    for (const auto& [run, record] : history_.records()) {
      evidence_.records.push_back(record);
      if (const auto* chunks = history_.chunks(run)) {
        for (const auto& [sequence, chunk] : *chunks)
          evidence_.output[run].push_back({sequence, chunk.offset, chunk.bytes.size()});
      }
      mix(static_cast<std::uint64_t>(record.end.status));
      mix(static_cast<std::uint64_t>(to_ms(record.end.ended_at)));
    }
    for (const auto& [key, entry] : store_.entries()) evidence_.store_at_end.push_back(entry);
    for (const TrueExec& exec : evidence_.execs) {
      mix(static_cast<std::uint64_t>(exec.at.time_since_epoch().count()));
      if (!exec.end) evidence_.running_at_end.push_back(exec.run);
    }
    for (FaultSpan& fault : evidence_.faults) fault.until = std::min(fault.until, evidence_.ended_at);
    const Expected expected = expect(evidence_);
    verdict_.violations = check(evidence_, expected);
    for (const auto& [job, firings] : expected.firings) verdict_.firings += firings.size();
    verdict_.execs = evidence_.execs.size();
    verdict_.together_most = together_most();
    verdict_.records = evidence_.records.size();
    verdict_.faults = evidence_.faults.size();
    verdict_.trace_hash = hash_;
    if (tracing_) trace_execs();
    return std::move(verdict_);
  }

  // The most runs that went on at once on one worker.
  std::size_t together_most() const {
    std::map<NodeId, std::multimap<WallTime, int>> changes;
    for (const TrueExec& exec : evidence_.execs) {
      changes[exec.node].emplace(exec.at, 1);
      if (exec.end) changes[exec.node].emplace(exec.end->at, -1);
    }
    int most = 0;
    for (const auto& [node, of_node] : changes) {
      int together = 0;
      for (const auto& [at, change] : of_node) most = std::max(most, together += change);
    }
    return static_cast<std::size_t>(most);
  }

  void trace_execs() {
    std::multimap<WallTime, std::string> lines;
    for (const TrueExec& exec : evidence_.execs) {
      lines.emplace(exec.at, fmt::format("TRUTH {} begins on {} (version {}, fence {}){}", exec.run.text(), exec.node,
                                         exec.version, exec.fence, exec.undone ? " and is undone" : ""));
      if (exec.end)
        lines.emplace(exec.end->at,
                      fmt::format("TRUTH {} ends: {}", exec.run.text(), domain::to_string(exec.end->status)));
    }
    for (const auto& [at, text] : lines)
      verdict_.trace.push_back(fmt::format("{}  {}", to_rfc3339_ms(at).substr(11, 12), text));
    std::stable_sort(verdict_.trace.begin(), verdict_.trace.end(),
                     [](const std::string& a, const std::string& b) { return a.substr(0, 12) < b.substr(0, 12); });
  }

  const Plan& plan_;
  const bool tracing_;
  OnlyUtc zones_;
  Evidence evidence_;
  VirtualTime time_;
  VirtualNode world_, user_;
  SimStore store_;
  SimHistoryStore history_;
  std::unique_ptr<Cluster> cluster_;
  std::unique_ptr<Client> client_;
  std::map<domain::RunId, domain::RunRecord> seen_;
  std::map<std::string, std::string> locks_;  // lock/ as it stands; empty: free
  std::uint64_t hash_ = 0xcbf29ce484222325ULL;
  Verdict verdict_;
};

}  // namespace

Verdict simulate(const Plan& plan, Trace trace) { return Simulation(plan, trace).run(); }

std::string summary(const Violations& violations, std::size_t most) {
  std::string text;
  for (std::size_t i = 0; i < std::min(most, violations.size()); ++i)
    text += fmt::format("  {}: {}\n", violations[i].invariant, violations[i].what);
  if (violations.size() > most) text += fmt::format("  … and {} more\n", violations.size() - most);
  return text;
}

}  // namespace cronfleet::sim
