#include "sim/oracle.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string_view>

#include "base/check.h"
#include "domain/job_json.h"

namespace cronfleet::sim {
namespace {

using std::chrono::seconds;

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts(1);
  for (const char c : text) {
    if (c != separator) {
      parts.back() += c;
    } else if (separator != ' ' || !parts.back().empty()) {
      parts.emplace_back();
    }
  }
  return parts;
}

// One field as a list of the values it takes; empty: all of them.
struct Field {
  std::vector<int> values;
  int step = 0;
  bool matches(int value) const {
    if (step > 0) return value % step == 0;
    return values.empty() || std::find(values.begin(), values.end(), value) != values.end();
  }
};

Field read_field(const std::string& text) {
  Field field;
  if (text == "*") return field;
  if (text.rfind("*/", 0) == 0) {
    field.step = std::atoi(text.c_str() + 2);
    return field;
  }
  for (const std::string& part : split(text, ',')) {
    CHECK(!part.empty() && part.find_first_not_of("0123456789") == std::string::npos);
    field.values.push_back(std::atoi(part.c_str()));
  }
  return field;
}

// Seconds, minutes, hours; the date fields of simulated jobs are always *.
class Matcher {
 public:
  explicit Matcher(const domain::Job& job) {
    const std::string every = "@every ";
    if (job.schedule.rfind(every, 0) == 0) {
      period_ = std::atoll(job.schedule.c_str() + every.size());
      CHECK(period_ > 0 && job.schedule.back() == 's');
      if (job.schedule_set_at) anchor_ = std::chrono::floor<seconds>(job.schedule_set_at->time_since_epoch()).count();
      return;
    }
    const auto parts = split(job.schedule, ' ');
    CHECK(parts.size() == 6 && parts[3] == "*" && parts[4] == "*" && parts[5] == "*");
    for (std::size_t i = 0; i < 3; ++i) fields_[i] = read_field(parts[i]);
  }

  bool matches(std::int64_t second) const {
    if (period_ > 0) return second > anchor_ && (second - anchor_) % period_ == 0;
    return fields_[0].matches(static_cast<int>(second % 60)) &&
           fields_[1].matches(static_cast<int>(second / 60 % 60)) &&
           fields_[2].matches(static_cast<int>(second / 3600 % 24));
  }

 private:
  std::int64_t period_ = 0, anchor_ = 0;
  std::array<Field, 3> fields_;
};

// What the commits tell about one job so far.
struct Follow {
  std::optional<domain::Job> owner;  // the stamped version that owns the instants from `since` on
  WallTime since{};
  std::size_t owner_document = 0;
  bool document_stands = false;
  WallTime marker{};
};

class Reader {
 public:
  explicit Reader(const Evidence& evidence) : evidence_(evidence) {}

  Expected read() {
    const auto& writes = evidence_.writes;
    for (std::size_t begin = 0; begin < writes.size();) {
      std::size_t end = begin;
      while (end < writes.size() && writes[end].revision == writes[begin].revision) ++end;
      read_commit(begin, end);
      begin = end;
    }
    for (auto& [job, follow] : follows_) close(job, follow, evidence_.ended_at);
    learn_acknowledged();
    return std::move(expected_);
  }

 private:
  struct Touched {
    const TrueWrite* document = nullptr;
    const TrueWrite* marker = nullptr;
  };

  void read_commit(std::size_t begin, std::size_t end) {
    std::map<JobName, Touched> touched;
    for (std::size_t i = begin; i < end; ++i) {
      const TrueWrite& write = evidence_.writes[i];
      std::string_view key = write.key;
      if (key.substr(0, evidence_.prefix.size()) != evidence_.prefix) continue;
      key.remove_prefix(evidence_.prefix.size());
      const auto slash = key.find('/');
      if (slash == std::string_view::npos) continue;
      const std::string_view family = key.substr(0, slash), rest = key.substr(slash + 1);
      if (family == "jobs") touched[JobName(std::string(rest))].document = &write;
      if (family == "fired") touched[JobName(std::string(rest))].marker = &write;
      if (family == "trigger" && write.value) read_trigger(std::string(rest), *write.value);
    }
    for (auto& [job, what] : touched) read_job(job, what, follows_[job]);
  }

  void read_trigger(const std::string& id, const std::string& value) {
    const auto at = value.find("\"job\":\"");
    if (at == std::string::npos) return;
    const auto from = at + 7;
    expected_.requests.insert(value.substr(from, value.find('"', from) - from) + "@" + id);
  }

  void read_job(const JobName& name, const Touched& what, Follow& follow) {
    bool closed = false;
    if (what.marker != nullptr && what.marker->value) {
      follow.marker = from_ms(std::atoll(what.marker->value->substr(0, 15).c_str()));
      closed = what.marker->value->substr(16) == "closed";
    }
    if (what.document != nullptr) replace_document(name, *what.document, follow);
    if (what.document != nullptr && what.document->value) return put_document(name, *what.document, follow);
    if (closed && !follow.document_stands) close(name, follow, follow.marker);
  }

  void replace_document(const JobName& name, const TrueWrite& write, Follow& follow) {
    auto& documents = expected_.documents[name];
    if (!documents.empty() && !documents.back().replaced_at) documents.back().replaced_at = write.at;
    follow.document_stands = write.value.has_value();
  }

  void put_document(const JobName& name, const TrueWrite& write, Follow& follow) {
    auto job = domain::decode_job(*write.value, name);
    if (!job) return;  // no version: nothing may start by it
    auto& documents = expected_.documents[name];
    const auto* text = std::get_if<std::string>(&job->command);
    documents.push_back({.revision = write.revision,
                         .version = text != nullptr ? parse_probe(*text).version : 0,
                         .stamped = domain::has_valid_stamp(*job),
                         .put_at = write.at,
                         .replaced_at = {},
                         .replaced_known = {},
                         .job = *job});
    if (!documents.back().stamped) return;  // the one it overwrote owns its instants until it is adopted
    if (follow.owner && *job->since == follow.since && !domain::changes_firings(*follow.owner, *job)) {
      follow.owner = *job;
      follow.owner_document = documents.size() - 1;
      return;
    }
    close(name, follow, *job->since);
    follow.owner = *job;
    follow.since = *job->since;
    follow.owner_document = documents.size() - 1;
  }

  void close(const JobName& name, Follow& follow, WallTime until) {
    if (!follow.owner) return;
    auto& firings = expected_.firings[name];
    each_instant(*follow.owner, follow.since, until,
                 [&](WallTime instant) { firings.emplace(instant, follow.owner_document); });
    follow.owner.reset();
  }

  void learn_acknowledged() {
    for (const AckedEdit& edit : evidence_.edits) {
      for (TrueDocument& document : expected_.documents[edit.job]) {
        if (document.revision >= edit.revision || document.version == edit.version) continue;
        if (!document.replaced_known || edit.at < *document.replaced_known) document.replaced_known = edit.at;
      }
    }
  }

  const Evidence& evidence_;
  std::map<JobName, Follow> follows_;
  Expected expected_;
};

}  // namespace

Expected expect(const Evidence& evidence) { return Reader(evidence).read(); }

void each_instant(const domain::Job& job, WallTime from, WallTime to, const std::function<void(WallTime)>& fire) {
  if (!job.enabled) return;
  const Matcher matcher(job);
  const auto last = std::chrono::floor<seconds>(to.time_since_epoch()).count();
  for (auto second = std::chrono::floor<seconds>(from.time_since_epoch()).count() + 1; second <= last; ++second) {
    if (!matcher.matches(second)) continue;
    const WallTime instant = from_seconds(second);
    if (job.window->paused_until && instant < *job.window->paused_until) continue;
    if (job.window->starts_at && instant < *job.window->starts_at) continue;
    if (job.window->ends_at && instant >= *job.window->ends_at) continue;
    fire(instant);
  }
}

}  // namespace cronfleet::sim
