// What is kept of a filter's matches answers as a look at all jobs does, whatever changed since.
#include "api/job_list.h"

#include <gtest/gtest.h>

#include <map>

#include "base/rng.h"

namespace cronfleet::api {
namespace {

using std::chrono::seconds;

WallTime at(int second) { return WallTime{} + std::chrono::hours(24 * 365 * 56) + seconds(second); }

class NoZones final : public cron::ZoneSource {
 public:
  cron::ZonePtr find(std::string_view) const override { return nullptr; }
  std::vector<std::string> names() const override { return {}; }
  std::string version() const override { return "test"; }
};

class Jobs {
 public:
  explicit Jobs(std::uint64_t seed) : rng_(seed) {}

  void change(WallTime now) {
    const JobName name(fmt::format("job-{:03}", rng_.below(60)));
    if (rng_.below(5) == 0) {
      jobs_.erase(name);
      return;
    }
    auto stored = std::make_shared<StoredJob>();
    stored->name = name;
    stored->revision = ++revision_;
    domain::Job job;
    job.name = name;
    job.about.edit().owner = rng_.below(2) == 0 ? "Ann" : "bob";
    job.enabled = rng_.below(4) != 0;
    if (rng_.below(2) == 0) job.about.edit().labels["team"] = rng_.below(2) == 0 ? "db" : "web";
    if (rng_.below(3) == 0) job.window.edit().paused_until = now + seconds(1 + rng_.below(20));
    if (rng_.below(5) == 0) job.window.edit().ends_at = now + seconds(1 + rng_.below(20));
    job.schedule = fmt::format("*/{} * * * * *", 1 + rng_.below(30));
    if (rng_.below(10) != 0) {  // else its document cannot be read
      stored->job = job;
      const NoZones zones;
      if (auto compiled = domain::compile(std::make_shared<const domain::Job>(job), zones))
        stored->timetable = std::make_shared<const Timetable>(std::move(*compiled));
    }
    jobs_[name] = std::move(stored);
  }
  JobsByName all() const {
    auto all = std::make_shared<std::vector<std::shared_ptr<const StoredJob>>>();
    for (const auto& [name, job] : jobs_) all->push_back(job);
    return all;
  }
  Rng& rng() { return rng_; }

 private:
  Rng rng_;
  std::map<JobName, std::shared_ptr<const StoredJob>> jobs_;
  core::Revision revision_ = 0;
};

std::vector<std::string> described(const JobList::Page& page) {
  std::vector<std::string> lines{fmt::format("{} {}", page.total, page.next_cursor)};
  for (const StoredJob* job : page.items) lines.push_back(fmt::format("{} {}", job->name, job->revision));
  return lines;
}

TEST(JobMatches, AnswerAsALookAtAllJobsDoes) {
  const QueryPairs asked[] = {
      {},
      {{"filter", "label:team=db"}},
      {{"filter", "state:enabled owner:Ann"}, {"sort", "-name"}},
      {{"filter", "state:paused,ended"}, {"sort", "revision"}},
      {{"filter", "-state:enabled"}, {"sort", "-revision"}},
      {{"text", "ann"}, {"label", "team"}},
      {{"enabled", "false"}},
      {{"filter", "next<10s"}},
      {{"filter", "-next<20s owner:Ann"}, {"sort", "-revision"}},
      {{"sort", "next"}},
      {{"sort", "-next"}, {"filter", "next>5s state:enabled"}},
      {{"filter", "job-01"}},  // with those before, more than are kept
  };
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Jobs jobs(seed);
    JobMatches matches;
    int second = 0;
    for (int step = 0; step < 150; ++step) {
      for (auto changes = jobs.rng().below(4); changes > 0; --changes) jobs.change(at(second));
      if (jobs.rng().below(3) == 0) ++second;
      if (jobs.rng().below(30) == 0) second -= 5;  // a clock is set back
      const auto all = jobs.all();
      QueryPairs pairs = asked[jobs.rng().below(std::size(asked))];
      pairs.emplace_back("limit", "7");
      for (std::string cursor;;) {
        QueryPairs with = pairs;
        if (!cursor.empty()) with.emplace_back("cursor", cursor);
        Query query(with);
        const JobList list = JobList::take(query, 20);
        ASSERT_FALSE(query.problem()) << "seed " << seed;
        const auto page = list.page_of(*all, at(second));
        ASSERT_EQ(described(matches.page_of(list, all, at(second))), described(page)) << "seed " << seed;
        cursor = page.next_cursor;
        if (cursor.empty()) break;
      }
    }
  }
}

}  // namespace
}  // namespace cronfleet::api
