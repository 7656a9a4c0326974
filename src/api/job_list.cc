#include "api/job_list.h"

#include <algorithm>
#include <charconv>

#include "api/api.h"
#include "api/url.h"
#include "domain/job_json.h"

namespace cronfleet::api {
namespace {

constexpr std::int64_t kNever = INT64_MAX;  // jobs that never fire come last

bool contains(std::string_view text, std::string_view lower_part) {
  return lower_case(text).find(lower_part) != std::string::npos;
}

// FNV-1a: the same in every release and on every machine.
std::string digest(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return fmt::format("{:016x}", hash);
}

}  // namespace

JobList JobList::take(Query& query, std::size_t page_size) {
  JobList list;
  list.limit_ =
      static_cast<std::size_t>(query.integer("limit", 1, kPageMax).value_or(static_cast<std::int64_t>(page_size)));
  list.text_ = lower_case(query.text("text").value_or(""));
  list.labels_ = query.words("label");
  if (const auto enabled = query.choice("enabled", {"true", "false"})) list.enabled_ = *enabled == "true";
  list.typed_ = JobFilter::take(query);
  if (auto sort = query.choice("sort", {"name", "-name", "next", "-next", "revision", "-revision"}))
    list.sort_ = *std::move(sort);
  list.descending_ = list.sort_.starts_with('-');
  const std::string_view key = std::string_view(list.sort_).substr(list.descending_ ? 1 : 0);
  list.key_ = key == "next" ? Key::Next : key == "revision" ? Key::Revision : Key::Name;
  for (const std::string& part :
       {list.sort_, list.text_, fmt::format("{}", fmt::join(list.labels_, ",")),
        std::string(list.enabled_ ? (*list.enabled_ ? "true" : "false") : ""), query.text("filter").value_or("")})
    list.asked_ += fmt::format("{}:{};", part.size(), part);
  list.bound_to_ = digest(list.asked_);
  const auto cursor = query.text("cursor");
  if (cursor && !cursor->empty() && !list.read_cursor(*cursor))
    query.refuse("cursor", "not a cursor that this server gave for a list in this order with these filters");
  return list;
}

// "<digest>.<number>.<name>": opaque to clients.
std::string JobList::cursor_of(const Place& place) const {
  return fmt::format("{}.{}.{}", bound_to_, place.number, percent_encode(place.name));
}

bool JobList::read_cursor(std::string_view text) {
  const auto dot = text.find('.'), second = text.find('.', dot == std::string_view::npos ? dot : dot + 1);
  if (second == std::string_view::npos || text.substr(0, dot) != bound_to_) return false;
  const std::string_view number = text.substr(dot + 1, second - dot - 1);
  std::int64_t value = 0;
  const auto read = std::from_chars(number.data(), number.data() + number.size(), value);
  if (read.ec != std::errc() || read.ptr != number.data() + number.size()) return false;
  auto name = percent_decode(text.substr(second + 1));
  if (!name || name->empty()) return false;
  after_number_ = value;
  after_name_ = *std::move(name);
  return true;
}

bool JobList::takes(const StoredJob& stored, WallTime now) const {
  if (!stored.job) {
    if (!labels_.empty() || enabled_ || !contains(stored.name.text(), text_)) return false;
  } else {
    const domain::Job& job = *stored.job;
    if (enabled_ && job.enabled != *enabled_) return false;
    for (const std::string& label : labels_) {
      const auto equals = label.find('=');
      const auto found = job.labels.find(label.substr(0, equals));
      if (found == job.labels.end()) return false;
      if (equals != std::string::npos && found->second != label.substr(equals + 1)) return false;
    }
    if (!text_.empty() && !contains(job.name.text(), text_) && !contains(job.description, text_) &&
        !contains(domain::shown_command(job), text_) && !contains(job.owner, text_))
      return false;
  }
  const auto next = [now](const StoredJob& job) {
    return job.timetable ? job.timetable->next(now) : std::optional<WallTime>();
  };
  return typed_.takes(stored, next, now);
}

Result<void> JobList::look_at_last_runs(const std::vector<std::shared_ptr<const StoredJob>>& jobs,
                                        history::RunHistory& history) {
  if (!typed_.asks_last()) return {};
  std::vector<JobName> names;
  names.reserve(jobs.size());
  for (const auto& job : jobs) names.push_back(job->name);
  return typed_.look_at_last_runs(names, history);
}

JobList::Place JobList::place_of(const StoredJob& job, WallTime now) const {
  Place place{.number = 0, .name = job.name.text()};
  if (key_ == Key::Revision) place.number = job.revision;
  if (key_ != Key::Next) return place;
  const auto next = job.timetable ? job.timetable->next(now) : std::nullopt;
  place.number = next ? to_ms(*next) : kNever;
  return place;
}

JobList::Page JobList::page_of(const std::vector<std::shared_ptr<const StoredJob>>& jobs, WallTime now) const {
  Page page;
  const std::optional<Place> after =
      after_number_ ? std::optional(Place{.number = *after_number_, .name = after_name_}) : std::nullopt;
  std::vector<std::pair<Place, const StoredJob*>> left;
  for (const auto& job : jobs) {
    if (!takes(*job, now)) continue;
    ++page.total;
    const Place place = place_of(*job, now);
    if (!after || before(*after, place)) left.emplace_back(place, job.get());
  }
  const auto end = left.begin() + static_cast<std::ptrdiff_t>(std::min(limit_, left.size()));
  std::partial_sort(left.begin(), end, left.end(),
                    [this](const auto& a, const auto& b) { return before(a.first, b.first); });
  for (auto at = left.begin(); at != end; ++at) page.items.push_back(at->second);
  if (left.size() > limit_) page.next_cursor = cursor_of(std::prev(end)->first);
  return page;
}

JobMatch JobList::match_of(JobsByName jobs, const JobMatch* before, WallTime now) const {
  JobMatch match{.jobs = std::move(jobs), .taken = {}, .ordered = {}, .from = now, .until = WallTime::max()};
  const auto& all = *match.jobs;
  match.taken.reserve(all.size());
  // A job that has not changed is the same object in both: nothing of it is looked at.
  const bool usable = before && before->from <= now && now < before->until;
  if (usable) match.until = before->until;
  const std::size_t old_end = usable ? before->jobs->size() : 0;
  std::size_t old = 0;
  for (const auto& job : all) {
    if (old < old_end && (*before->jobs)[old] != job)
      while (old < old_end && (*before->jobs)[old]->name < job->name) ++old;
    if (old < old_end && (*before->jobs)[old] == job) {
      match.taken.push_back(before->taken[old++]);
    } else {
      match.taken.push_back(takes(*job, now));
      if (const auto changes = typed_.asks_state() ? state_changes_at(*job, now) : std::nullopt)
        match.until = std::min(match.until, *changes);
    }
    if (match.taken.back()) match.ordered.push_back(job.get());
  }
  if (key_ == Key::Name) {
    if (descending_) std::reverse(match.ordered.begin(), match.ordered.end());
  } else {
    std::sort(match.ordered.begin(), match.ordered.end(), [&](const StoredJob* a, const StoredJob* b) {
      return this->before(place_of(*a, now), place_of(*b, now));
    });
  }
  return match;
}

JobList::Page JobList::page_of(const JobMatch& match) const {
  Page page{.items = {}, .next_cursor = {}, .total = match.ordered.size()};
  auto begin = match.ordered.begin();
  if (after_number_) {
    const Place after{.number = *after_number_, .name = after_name_};
    begin = std::partition_point(begin, match.ordered.end(),
                                 [&](const StoredJob* job) { return !before(after, place_of(*job, match.from)); });
  }
  const auto left = static_cast<std::size_t>(match.ordered.end() - begin);
  const auto end = begin + static_cast<std::ptrdiff_t>(std::min(limit_, left));
  page.items.assign(begin, end);
  if (left > limit_) page.next_cursor = cursor_of(place_of(**std::prev(end), match.from));
  return page;
}

JobList::Page JobMatches::page_of(const JobList& list, const JobsByName& jobs, WallTime now) {
  if (!list.lasts()) return list.page_of(*jobs, now);
  auto match = kept(list.asked());
  if (!match || match->jobs != jobs || now < match->from || now >= match->until) {
    match = std::make_shared<const JobMatch>(list.match_of(jobs, match.get(), now));
    keep(list.asked(), match);
  }
  return list.page_of(*match);
}

std::shared_ptr<const JobMatch> JobMatches::kept(const std::string& asked) {
  const std::lock_guard lock(mutex_);
  const auto found = std::find_if(kept_.begin(), kept_.end(), [&](const Kept& each) { return each.asked == asked; });
  if (found == kept_.end()) return nullptr;
  kept_.splice(kept_.begin(), kept_, found);
  return kept_.front().match;
}

void JobMatches::keep(const std::string& asked, std::shared_ptr<const JobMatch> match) {
  const std::lock_guard lock(mutex_);
  std::erase_if(kept_, [&](const Kept& each) { return each.asked == asked; });
  kept_.push_front({asked, std::move(match)});
  if (kept_.size() > kKept) kept_.pop_back();
}

}  // namespace cronfleet::api
