#include "api/job_list.h"

#include <algorithm>
#include <charconv>

#include "api/api.h"
#include "api/url.h"
#include "domain/job_json.h"

namespace cronfleet::api {
namespace {

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
  constexpr std::string_view kLabel = "the name of a label, or name=value";
  list.labels_ = query.words("label", kLabel);
  for (const std::string& label : list.labels_)
    if (label.starts_with('=')) query.refuse("label", fmt::format("expected {}, found '{}'", kLabel, label));
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
  if (cursor && !list.read_cursor(*cursor))
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
      const auto found = job.about->labels.find(label.substr(0, equals));
      if (found == job.about->labels.end()) return false;
      if (equals != std::string::npos && found->second != label.substr(equals + 1)) return false;
    }
    if (!text_.empty() && !contains(job.name.text(), text_) && !contains(job.about->description, text_) &&
        !contains(domain::shown_command(job), text_) && !contains(job.about->owner, text_))
      return false;
  }
  return typed_.takes(stored, now);
}

bool JobList::takes_next(std::int64_t next_ms, WallTime now) const {
  return typed_.takes_next(next_ms == kNeverFires ? std::nullopt : std::optional(from_ms(next_ms)), now);
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
  if (key_ == Key::Next) place.number = next_firing_ms(job, now);  // jobs that never fire come last
  return place;
}

JobList::Page JobList::page_of(const std::vector<std::shared_ptr<const StoredJob>>& jobs, WallTime now) const {
  Page page;
  const std::optional<Place> after =
      after_number_ ? std::optional(Place{.number = *after_number_, .name = after_name_}) : std::nullopt;
  std::vector<std::pair<Place, const StoredJob*>> left;
  for (const auto& job : jobs) {
    if (!takes(*job, now) || (typed_.asks_next() && !takes_next(next_firing_ms(*job, now), now))) continue;
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
  match.taken.resize(all.size());
  const bool usable = before && before->from <= now && now < before->until;
  if (usable) match.until = before->until;
  static const std::vector<std::shared_ptr<const StoredJob>> kNone;
  const auto& all_before = usable ? *before->jobs : kNone;
  constexpr auto kGone = static_cast<std::uint32_t>(-1);
  std::vector<std::uint32_t> now_at(all_before.size(), kGone);  // of those before, where they have not changed
  std::vector<std::uint32_t> changed;
  walk_versions(
      all, all_before,
      [&](std::size_t i, std::size_t old) {
        now_at[old] = static_cast<std::uint32_t>(i);
        match.taken[i] = before->taken[old];
      },
      [&](std::size_t i) {
        changed.push_back(static_cast<std::uint32_t>(i));
        match.taken[i] = takes(*all[i], now);
        if (const auto changes = typed_.asks_state() ? state_changes_at(*all[i], now) : std::nullopt)
          match.until = std::min(match.until, *changes);
      });
  if (key_ != Key::Revision) {
    for (std::uint32_t i = 0; i < match.taken.size(); ++i)
      if (match.taken[i]) match.ordered.push_back(i);
    if (key_ == Key::Name && descending_) std::reverse(match.ordered.begin(), match.ordered.end());
    return match;
  }
  // What has not changed keeps its order.
  const auto comes_before = [&](std::uint32_t a, std::uint32_t b) {
    return this->before(place_of(*all[a], now), place_of(*all[b], now));
  };
  std::erase_if(changed, [&](std::uint32_t i) { return !match.taken[i]; });
  std::sort(changed.begin(), changed.end(), comes_before);
  if (usable)
    for (const std::uint32_t i : before->ordered)
      if (now_at[i] != kGone) match.ordered.push_back(now_at[i]);
  const auto middle = static_cast<std::ptrdiff_t>(match.ordered.size());
  match.ordered.insert(match.ordered.end(), changed.begin(), changed.end());
  std::inplace_merge(match.ordered.begin(), match.ordered.begin() + middle, match.ordered.end(), comes_before);
  return match;
}

JobList::Page JobList::page_of(const JobMatch& match, const std::vector<std::int64_t>* next, WallTime now) const {
  if (key_ == Key::Next) return page_by_next(match, *next, now);
  const auto& all = *match.jobs;
  auto begin = match.ordered.begin();
  if (after_number_) {
    const Place after{.number = *after_number_, .name = after_name_};
    begin = std::partition_point(begin, match.ordered.end(),
                                 [&](std::uint32_t job) { return !before(after, place_of(*all[job], now)); });
  }
  Page page;
  if (!typed_.asks_next()) {
    page.total = match.ordered.size();
    const auto left = static_cast<std::size_t>(match.ordered.end() - begin);
    const auto end = begin + static_cast<std::ptrdiff_t>(std::min(limit_, left));
    for (auto at = begin; at != end; ++at) page.items.push_back(all[*at].get());
    if (left > limit_) page.next_cursor = cursor_of(place_of(*page.items.back(), now));
    return page;
  }
  for (auto at = match.ordered.begin(); at != match.ordered.end(); ++at) {
    if (!takes_next((*next)[*at], now)) continue;
    ++page.total;
    if (at < begin) continue;
    if (page.items.size() < limit_) {
      page.items.push_back(all[*at].get());
    } else if (page.next_cursor.empty()) {
      page.next_cursor = cursor_of(place_of(*page.items.back(), now));
    }
  }
  return page;
}

// The few that come first, out of as many as there are, in one walk over what is known of their next firings.
JobList::Page JobList::page_by_next(const JobMatch& match, const std::vector<std::int64_t>& next, WallTime now) const {
  using Entry = std::pair<std::int64_t, std::uint32_t>;  // moment and place by name
  const auto& all = *match.jobs;
  const auto comes_before = [this](const Entry& a, const Entry& b) { return descending_ ? b < a : a < b; };
  Page page;
  std::vector<Entry> first;  // a heap, the last of them on top
  bool more = false;
  for (const std::uint32_t job : match.ordered) {
    const std::int64_t at = next[job];
    if (typed_.asks_next() && !takes_next(at, now)) continue;
    ++page.total;
    if (after_number_) {
      const bool later = descending_ ? at < *after_number_ : at > *after_number_;
      if (!later && (at != *after_number_ || !before({.number = *after_number_, .name = after_name_},
                                                     {.number = at, .name = all[job]->name.text()})))
        continue;
    }
    const Entry entry{at, job};
    if (first.size() == limit_) {
      more = true;
      if (!comes_before(entry, first.front())) continue;
      std::pop_heap(first.begin(), first.end(), comes_before);
      first.back() = entry;
    } else {
      first.push_back(entry);
    }
    std::push_heap(first.begin(), first.end(), comes_before);
  }
  std::sort_heap(first.begin(), first.end(), comes_before);
  for (const auto& [at, job] : first) page.items.push_back(all[job].get());
  if (more) page.next_cursor = cursor_of({.number = first.back().first, .name = page.items.back()->name.text()});
  return page;
}

JobList::Page JobMatches::page_of(const JobList& list, const JobsByName& jobs, WallTime now) {
  if (!list.lasts()) return list.page_of(*jobs, now);
  auto match = kept(list.asked());
  if (!match || match->jobs != jobs || now < match->from || now >= match->until) {
    match = std::make_shared<const JobMatch>(list.match_of(jobs, match.get(), now));
    keep(list.asked(), match);
  }
  const NextFirings::Times next = list.needs_next() ? next_.of(jobs, now) : nullptr;
  return list.page_of(*match, next.get(), now);
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
