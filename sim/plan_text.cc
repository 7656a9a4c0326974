#include "sim/plan_text.h"

#include <charconv>
#include <functional>
#include <map>
#include <sstream>
#include <type_traits>
#include <vector>

#include "domain/job_json.h"

namespace cronfleet::sim {
namespace {

using std::chrono::milliseconds;

template <typename T>
std::string value_text(T value) {
  if constexpr (std::is_arithmetic_v<T>) {
    return fmt::format("{}", value);
  } else {
    return to_text(value);
  }
}

template <typename T>
bool read_value(std::string_view text, T& into) {
  if constexpr (std::is_arithmetic_v<T>) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), into);
    return error == std::errc() && end == text.data() + text.size();
  } else {
    const auto length = parse_duration(text);
    if (length) into = std::chrono::duration_cast<T>(*length);
    return length.has_value();
  }
}

// One number of a plan that has a default.
struct Setting {
  std::string_view group, name;
  std::function<std::string(const Plan&)> text;
  std::function<bool(Plan&, std::string_view)> read;
};

template <typename Part, typename T>
Setting setting(std::string_view group, std::string_view name, Part Plan::* part, T Part::* member) {
  return {group, name, [part, member](const Plan& plan) { return value_text(plan.*part.*member); },
          [part, member](Plan& plan, std::string_view text) { return read_value(text, plan.*part.*member); }};
}

const std::vector<Setting>& settings() {
  using Scheduler = core::SchedulerOptions;
  static const std::vector<Setting> all = {
      setting("scheduler", "claim_lead", &Plan::scheduler, &Scheduler::claim_lead),
      setting("scheduler", "claim_lead_max", &Plan::scheduler, &Scheduler::claim_lead_max),
      setting("scheduler", "takeover_delay", &Plan::scheduler, &Scheduler::takeover_delay),
      setting("scheduler", "relist_every", &Plan::scheduler, &Scheduler::relist_every),
      setting("scheduler", "reconcile_every", &Plan::scheduler, &Scheduler::reconcile_every),
      setting("scheduler", "lost_after", &Plan::scheduler, &Scheduler::lost_after),
      setting("scheduler", "retry_store", &Plan::scheduler, &Scheduler::retry_store),
      setting("scheduler", "lock_poll", &Plan::scheduler, &Scheduler::lock_poll),
      setting("scheduler", "open_poll", &Plan::scheduler, &Scheduler::open_poll),
      setting("scheduler", "claim_fresh", &Plan::scheduler, &Scheduler::claim_fresh),
      setting("scheduler", "capacity", &Plan::scheduler, &Scheduler::capacity),
      setting("store", "latency_least", &Plan::store, &SimFaults::latency_least),
      setting("store", "latency_usual", &Plan::store, &SimFaults::latency_usual),
      setting("store", "latency_most", &Plan::store, &SimFaults::latency_most),
      setting("store", "slow", &Plan::store, &SimFaults::slow),
      setting("store", "lost", &Plan::store, &SimFaults::lost),
      setting("store", "answer_lost", &Plan::store, &SimFaults::answer_lost),
      setting("store", "late", &Plan::store, &SimFaults::late),
      setting("store", "watch_broken", &Plan::store, &SimFaults::watch_broken),
      setting("history", "latency_min", &Plan::history, &SimHistoryFaults::latency_min),
      setting("history", "latency_max", &Plan::history, &SimHistoryFaults::latency_max),
      setting("history", "unavailable", &Plan::history, &SimHistoryFaults::unavailable),
      setting("history", "unknown", &Plan::history, &SimHistoryFaults::unknown),
      setting("held", "records", &Plan::held, &Held::records),
      setting("held", "keys", &Plan::held, &Held::keys),
      setting("held", "output_bytes", &Plan::held, &Held::output_bytes),
      setting("machine", "spawn_failure", &Plan::machine, &MachineOptions::spawn_failure),
      setting("machine", "overload", &Plan::machine, &MachineOptions::overload),
      setting("machine", "output", &Plan::machine, &MachineOptions::output),
  };
  return all;
}

template <typename Kind>
std::optional<Kind> kind_of(std::string_view word, Kind last) {
  for (int i = 0; i <= static_cast<int>(last); ++i) {
    if (to_string(static_cast<Kind>(i)) == word) return static_cast<Kind>(i);
  }
  return std::nullopt;
}

// The words of one line after its first: "at=1s job=0".
class Words {
 public:
  explicit Words(std::istringstream& line) {
    for (std::string word; line >> word;) {
      const auto equals = word.find('=');
      if (equals == std::string::npos) {
        wrong_ = word;
      } else {
        words_[word.substr(0, equals)] = word.substr(equals + 1);
      }
    }
  }

  template <typename T>
  void take(const char* name, T& into) {
    const auto word = words_.extract(name);
    if (word.empty()) return;
    if constexpr (std::is_same_v<T, std::string>) {
      into = word.mapped();
    } else if (!read_value(word.mapped(), into)) {
      wrong_ = fmt::format("{}={}", name, word.mapped());
    }
  }
  // What nobody took or could read.
  std::string wrong() const {
    return wrong_.empty() && !words_.empty() ? words_.begin()->first + "=" + words_.begin()->second : wrong_;
  }

 private:
  std::map<std::string, std::string> words_;
  std::string wrong_;
};

// What `word` is wrong in its line; empty: nothing is.
std::string read_line(std::istringstream& line, const std::string& word, Plan& plan) {
  if (word == "job") {
    std::string document;
    std::getline(line >> std::ws, document);
    auto job = domain::decode_job(document);
    const auto* command = job ? std::get_if<std::string>(&job->command) : nullptr;
    if (command == nullptr) return document;
    const Probe probe = parse_probe(*command);
    plan.jobs.push_back({std::move(*job), probe});
    return {};
  }
  Words words(line);
  if (const auto action = kind_of(word, Action::Kind::Kill)) {
    Action drawn{*action, {}, 0, 0};
    words.take("at", drawn.at);
    words.take("job", drawn.job);
    words.take("chance", drawn.chance);
    if (drawn.job >= plan.jobs.size()) return fmt::format("job={}", drawn.job);
    plan.actions.push_back(drawn);
  } else if (const auto fault = kind_of(word, kLastFault)) {
    Fault drawn;
    drawn.kind = *fault;
    std::int64_t step = 0;
    words.take("at", drawn.at);
    words.take("length", drawn.length);
    words.take("node", drawn.node);
    words.take("point", drawn.point);
    words.take("step_ms", step);
    drawn.step = milliseconds(step);
    plan.faults.push_back(std::move(drawn));
  } else if (word == "plan") {
    words.take("seed", plan.seed);
    words.take("nodes", plan.nodes);
    words.take("active", plan.active);
    words.take("quiet", plan.quiet);
    if (plan.nodes == 0) return "nodes=0";
  } else {
    bool known = false;
    for (const Setting& setting : settings()) {
      if (setting.group != word) continue;
      known = true;
      std::string text;
      words.take(std::string(setting.name).c_str(), text);
      if (!text.empty() && !setting.read(plan, text)) return fmt::format("{}={}", setting.name, text);
    }
    if (!known) return word;
  }
  return words.wrong();
}

}  // namespace

std::string encode_plan(const Plan& plan, std::string_view what) {
  std::string text = fmt::format("# {}\nplan seed={} nodes={} active={} quiet={}\n", what, plan.seed, plan.nodes,
                                 to_text(plan.active), to_text(plan.quiet));
  const Plan defaults;
  std::string_view group;
  for (const Setting& setting : settings()) {
    const std::string value = setting.text(plan);
    if (value == setting.text(defaults)) continue;
    if (group != setting.group) text += fmt::format("{}{}", group.empty() ? "" : "\n", setting.group);
    group = setting.group;
    text += fmt::format(" {}={}", setting.name, value);
  }
  if (!group.empty()) text += '\n';
  for (const JobPlan& job : plan.jobs) {
    domain::Job document = job.job;
    document.command = probe_command(job.probe);
    text += "job " + domain::encode_job(document) + "\n";
  }
  for (const Action& action : plan.actions)
    text += fmt::format("{} at={} job={} chance={}\n", to_string(action.kind), to_text(action.at), action.job,
                        action.chance);
  for (const Fault& fault : plan.faults) {
    text += fmt::format("{} at={} length={} node={}", to_string(fault.kind), to_text(fault.at), to_text(fault.length),
                        fault.node);
    if (!fault.point.empty()) text += " point=" + fault.point;
    if (fault.step.count() != 0) text += fmt::format(" step_ms={}", fault.step.count());
    text += '\n';
  }
  return text;
}

Result<Plan> decode_plan(std::string_view text) {
  Plan plan;
  std::istringstream lines{std::string(text)};
  int number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    std::istringstream words(line);
    std::string first;
    if (!(words >> first) || first[0] == '#') continue;
    const std::string wrong = read_line(words, first, plan);
    if (!wrong.empty()) return fail(Code::InvalidArgument, "plan, line {}: '{}' is not understood", number, wrong);
  }
  return plan;
}

}  // namespace cronfleet::sim
