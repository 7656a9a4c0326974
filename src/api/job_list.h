// api/job_list.h: one page of the jobs: which of them, in which order, from where.
//
// A cursor is bound to the order and the filters of its list: with others it is refused. Pages do not shift when jobs
// come and go: the next one begins after the last job of the one before, wherever that would stand now.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "api/list_filters.h"
#include "api/next_firings.h"

namespace cronfleet::api {

// What one filter took of one version of the jobs, but for what it asks of their next firings.
struct JobMatch {
  JobsByName jobs;
  std::vector<bool> taken;             // for each of them
  std::vector<std::uint32_t> ordered;  // which are taken, as the list orders them; by name where that is by next firing
  WallTime from{}, until{};            // it is so from then, until before then
};

class JobList {
 public:
  // Takes limit, cursor, sort, filter, text, label, enabled; notes mistakes there.
  static JobList take(Query& query, std::size_t page_size);

  struct Page {
    std::vector<const StoredJob*> items;
    std::string next_cursor;  // empty: no more
    std::size_t total = 0;    // of all pages
  };
  // Looks at all jobs, which outlive the page.
  Page page_of(const std::vector<std::shared_ptr<const StoredJob>>& jobs, WallTime now) const;
  // `next`: of the jobs of the match, from `now` on; looked at where needs_next().
  Page page_of(const JobMatch& match, const std::vector<std::int64_t>* next, WallTime now) const;

  // Whether a match is worth keeping.
  bool lasts() const { return !typed_.asks_last(); }
  bool needs_next() const { return key_ == Key::Next || typed_.asks_next(); }
  // Before a page is asked for: what the filter needs to know of the history of `jobs`.
  Result<void> look_at_last_runs(const std::vector<std::shared_ptr<const StoredJob>>& jobs,
                                 history::RunHistory& history);
  // What order and filters were asked for: equal for equal matches.
  const std::string& asked() const { return asked_; }
  // With `before`, of an older version of the jobs, only the jobs that changed since are looked at.
  JobMatch match_of(JobsByName jobs, const JobMatch* before, WallTime now) const;

 private:
  enum class Key { Name, Next, Revision };
  struct Place {
    std::int64_t number = 0;  // of the key; 0 where it is the name
    std::string_view name;
    friend auto operator<=>(const Place&, const Place&) = default;
  };
  Page page_by_next(const JobMatch& match, const std::vector<std::int64_t>& next, WallTime now) const;
  bool takes(const StoredJob& job, WallTime now) const;
  bool takes_next(std::int64_t next_ms, WallTime now) const;
  Place place_of(const StoredJob& job, WallTime now) const;
  bool before(const Place& a, const Place& b) const { return descending_ ? b < a : a < b; }
  std::string cursor_of(const Place& place) const;
  bool read_cursor(std::string_view text);

  std::size_t limit_ = 0;
  std::string sort_ = "name";
  Key key_ = Key::Name;
  bool descending_ = false;
  std::string text_;                 // in lower case
  std::vector<std::string> labels_;  // "team" or "team=db"
  std::optional<bool> enabled_;
  JobFilter typed_;
  std::string asked_;     // order and filters
  std::string bound_to_;  // their digest
  std::optional<std::int64_t> after_number_;
  std::string after_name_;
};

// The matches of the filters that were asked for last, so that a page of many jobs costs no look at all of them. Call
// from any thread.
class JobMatches {
 public:
  // As list.page_of(*jobs, now) says. The page borrows from `jobs`.
  JobList::Page page_of(const JobList& list, const JobsByName& jobs, WallTime now);

 private:
  static constexpr std::size_t kKept = 8;  // with 100,000 jobs, all taken, 0.4 MB each
  struct Kept {
    std::string asked;
    std::shared_ptr<const JobMatch> match;
  };
  std::shared_ptr<const JobMatch> kept(const std::string& asked);
  void keep(const std::string& asked, std::shared_ptr<const JobMatch> match);

  NextFirings next_;
  std::mutex mutex_;
  std::list<Kept> kept_;  // the one that was used last in front
};

}  // namespace cronfleet::api
