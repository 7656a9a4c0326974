// api/job_list.h: one page of the jobs: which of them, in which order, from where.
//
// A cursor is bound to the order and the filters of its list: with others it is refused. Pages do not shift when jobs
// come and go: the next one begins after the last job of the one before, wherever that would stand now.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "api/list_filters.h"

namespace cronfleet::api {

class JobList {
 public:
  // Takes limit, cursor, sort, filter, text, label, enabled; notes mistakes there.
  static JobList take(Query& query, std::size_t page_size);

  struct Page {
    std::vector<const StoredJob*> items;
    std::string next_cursor;  // empty: no more
    std::size_t total = 0;    // of all pages
  };
  // `jobs` by name; they outlive the page.
  Page page_of(const std::vector<std::shared_ptr<const StoredJob>>& jobs, WallTime now) const;

 private:
  enum class Key { Name, Next, Revision };
  struct Place {
    std::int64_t number = 0;  // of the key; 0 where it is the name
    std::string_view name;
    friend auto operator<=>(const Place&, const Place&) = default;
  };
  bool takes(const StoredJob& job, WallTime now) const;
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
  std::string bound_to_;  // order and filters, as a digest
  std::optional<std::int64_t> after_number_;
  std::string after_name_;
};

}  // namespace cronfleet::api
