#include "exec/posix/journal.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/check.h"
#include "exec/posix/bytes.h"

namespace cronfleet::exec::posix {
namespace {

// With the history there, runs are acknowledged while their segment is among these.
constexpr std::size_t kSegmentsInMotion = 2;

}  // namespace

// ---- opening

std::string Journal::path(std::uint64_t number) const { return options_.folder + "/" + segment_name(number); }

Result<std::unique_ptr<Journal>> Journal::open(JournalOptions options, std::chrono::milliseconds patience) {
  std::unique_ptr<Journal> journal(new Journal(std::move(options)));
  const std::string& folder = journal->options_.folder;
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST)
    return fail(Code::Unavailable, "making journal folder '{}': {}", folder, std::strerror(errno));
  auto folder_file = std::make_shared<File>();
  folder_file->path = folder;
  folder_file->folder = true;
  folder_file->fd.reset(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder_file->fd) return fail(Code::Unavailable, "opening journal folder '{}': {}", folder, std::strerror(errno));
  journal->folder_ = std::move(folder_file);

  const std::string lock_path = folder + "/lock";
  journal->lock_.reset(::open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!journal->lock_) return fail(Code::Unavailable, "opening '{}': {}", lock_path, std::strerror(errno));
  constexpr int kStepMs = 20;
  for (auto left = patience.count(); ::flock(journal->lock_.get(), LOCK_EX | LOCK_NB) != 0; left -= kStepMs) {
    if (left <= 0) return fail(Code::Conflict, "journal '{}' is held by another runner", folder);
    ::poll(nullptr, 0, kStepMs);
  }
  if (auto loaded = journal->load(); !loaded) return Failure(loaded.error());
  return journal;
}

Journal::~Journal() { flush(); }

Result<void> Journal::load() {
  const auto numbers = segment_numbers(options_.folder);
  if (!numbers) return Failure(numbers.error());
  for (const std::uint64_t number : *numbers) {
    if (auto loaded = load_segment(number); !loaded) return loaded;
    put_to_rest();
  }
  if (auto made = make_reserve(); !made) return made;
  if (auto begun = begin_segment(); !begun) return begun;
  collect();
  return {};
}

Result<void> Journal::load_segment(std::uint64_t number) {
  const auto bytes = read_segment(path(number));
  if (!bytes) return Failure(bytes.error());
  Segment& segment = segments_[number];
  segment.number = number;
  std::string damage;
  std::vector<RunDigest> acknowledged;
  const auto take = [&](std::uint8_t type, std::string_view payload, std::string_view frame) {
    if (type == kAcknowledged)
      acknowledged.push_back(hasher_.of(run_of(payload)));
    else if (type != kHeader)
      count(hasher_.of(run_of(payload)), type, frame.size());
  };
  const std::size_t end = for_each_frame(*bytes, take, damage);
  // Cut: what follows is torn, or the unused part of a reserve.
  if (end < bytes->size() && ::truncate(path(number).c_str(), static_cast<off_t>(end)) != 0)
    return fail(Code::Unavailable, "cutting '{}' at {}: {}", path(number), end, std::strerror(errno));
  segment.bytes = end;
  total_bytes_ += end;
  for (const RunDigest& run : acknowledged) forget(run);
  return {};
}

Result<void> Journal::begin_segment() {
  const std::uint64_t number = segments_.empty() ? 1 : segments_.rbegin()->first + 1;
  auto file = std::make_shared<File>();
  file->path = path(number);
  file->fd.reset(::open(file->path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!file->fd)
    return fail(errno == ENOSPC || errno == EDQUOT ? Code::NoSpace : Code::Unavailable, "making '{}': {}", file->path,
                std::strerror(errno));
  Segment& segment = segments_[number];
  segment.number = number;
  segment.file = file;
  const std::string payload = header_payload();
  if (!write(frame_head(kHeader, payload, {}), payload)) {
    ::unlink(file->path.c_str());
    segments_.erase(number);
    return fail(Code::NoSpace, "writing '{}': {}", file->path, std::strerror(errno));
  }
  unsynced_.push_back(folder_);
  return {};
}

Result<void> Journal::make_reserve() {
  if (reserve_ready_) return {};
  const std::string name = options_.folder + "/reserve";
  const Fd fd(::open(name.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  const int error = fd ? ::posix_fallocate(fd.get(), 0, static_cast<off_t>(options_.reserve_bytes)) : errno;
  if (error != 0) {
    ::unlink(name.c_str());
    return fail(error == ENOSPC || error == EDQUOT ? Code::NoSpace : Code::Unavailable,
                "setting {} bytes aside in '{}': {}", options_.reserve_bytes, name, std::strerror(error));
  }
  reserve_ready_ = true;
  return {};
}

// ---- writing

// Appends to the newest segment, all or nothing.
bool Journal::write(std::string_view a, std::string_view b) {
  Segment& segment = segments_.rbegin()->second;
  if (segment.bytes_reserved != 0 && segment.bytes + a.size() + b.size() > segment.bytes_reserved) {
    errno = ENOSPC;
    return false;
  }
  iovec parts[2] = {{const_cast<char*>(a.data()), a.size()}, {const_cast<char*>(b.data()), b.size()}};
  const ssize_t size = ::pwritev(segment.file->fd.get(), parts, 2, static_cast<off_t>(segment.bytes));
  if (size != static_cast<ssize_t>(a.size() + b.size())) {
    if (size >= 0) errno = ENOSPC;
    const int error = errno;
    if (segment.bytes_reserved == 0 && size > 0)
      CHECK(::ftruncate(segment.file->fd.get(), static_cast<off_t>(segment.bytes)) == 0);
    errno = error;
    return false;
  }
  segment.bytes += a.size() + b.size();
  total_bytes_ += a.size() + b.size();
  if (unsynced_.empty() || unsynced_.back() != segment.file) unsynced_.push_back(segment.file);
  return true;
}

void Journal::count(const RunDigest& run, std::uint8_t type, std::uint64_t bytes) {
  if (type == kAcknowledged) return;
  Segment& newest = segments_.rbegin()->second;
  const auto [at, fresh] = live_.try_emplace(run);
  if (fresh) {
    at->second.first = newest.number;
    ++newest.first_of;
  }
  at->second.last = newest.number;
  at->second.over = type == kEnded || type == kNotStarted || (at->second.over && type != kIntent);
  at->second.bytes += bytes;
  live_bytes_ += bytes;
}

// Once carried over and loaded after a crash, it stands in its old segment as well.
void Journal::forget(const RunDigest& run) {
  const auto forget_in = [this](Segment& segment, std::uint64_t bytes) {
    live_bytes_ -= bytes;
    --segment.first_of;
  };
  if (const auto found = live_.find(run); found != live_.end()) {
    forget_in(segments_.at(found->second.first), found->second.bytes);
    live_.erase(found);
  }
  for (auto& [number, segment] : segments_) {
    const auto found = std::ranges::lower_bound(segment.at_rest, run.first);
    if (found == segment.at_rest.end() || *found != run.first) continue;
    const std::uint64_t bytes = segment.at_rest_bytes / segment.at_rest.size();  // about
    segment.at_rest_bytes -= bytes;
    forget_in(segment, bytes);
    segment.at_rest.erase(found);
  }
}

// In all segments but the newest. What is not over stays as it is: its frames go on.
void Journal::put_to_rest() {
  if (segments_.size() <= kSegmentsInMotion) return;
  const std::uint64_t in_motion = std::prev(segments_.end(), kSegmentsInMotion)->first;
  std::map<std::uint64_t, std::vector<std::uint64_t>> resting;
  for (auto it = live_.begin(); it != live_.end();) {
    const Place& place = it->second;
    if (!place.over || place.first != place.last || place.first >= in_motion) {
      ++it;
      continue;
    }
    resting[place.first].push_back(it->first.first);
    segments_.at(place.first).at_rest_bytes += place.bytes;
    it = live_.erase(it);
  }
  for (auto& [number, runs] : resting) {
    std::vector<std::uint64_t>& all = segments_.at(number).at_rest;
    runs.insert(runs.end(), all.begin(), all.end());
    std::ranges::sort(runs);
    all.assign(runs.begin(), runs.end());
  }
}

// By a frame of it in `segment`. It may have frames in later ones as well, started once more or carried over.
void Journal::wake(const RunDigest& run, Segment& segment, std::uint64_t bytes) {
  const auto [at, fresh] = live_.try_emplace(run, Place{0, segment.number, segment.number, true});
  Place& place = at->second;
  if (!fresh && place.first != segment.number) {
    --segments_.at(place.first).first_of;
    place.first = segment.number;
  }
  place.bytes += bytes;
  live_bytes_ += bytes;
}

std::size_t Journal::runs() const {
  std::size_t runs = live_.size();
  for (const auto& [number, segment] : segments_) runs += segment.at_rest.size();
  return runs;
}

void Journal::add_frame(std::string_view run, std::uint8_t type, std::string_view payload) {
  std::string bytes = frame_head(type, payload, {});
  bytes.append(payload);
  if (type != kStarted && type != kAcknowledged) urgent_ = true;
  // An acknowledgement counts for no run.
  waiting_.push_back({type == kAcknowledged ? RunDigest{} : hasher_.of(run), type, std::move(bytes)});
}

void Journal::add_intent(std::string_view run) {
  std::string payload;
  ByteWriter(payload).text(run);
  add_frame(run, kIntent, payload);
}
void Journal::add(const StartedReport& report) {
  std::string payload;
  encode_fields(report, payload);
  add_frame(report.run, kStarted, payload);
}
void Journal::add(const StartFailedReport& report) {
  std::string payload;
  encode_fields(report, payload);
  add_frame(report.run, kNotStarted, payload);
}
void Journal::add(const EndedReport& report) {
  std::string payload;
  encode_fields(report, payload);
  add_frame(report.run, kEnded, payload);
}

bool Journal::add_output(std::string_view run, const OutputReport& head, std::string_view bytes) {
  if (!takes_output()) return false;
  flush();
  rotate_when_due();
  std::string payload;
  encode_output_head(run, head, bytes.size(), payload);
  const std::string front = frame_head(kOutput, payload, bytes) + payload;
  if (!write(front, bytes)) {
    use_reserve();
    return false;
  }
  count(hasher_.of(run), kOutput, front.size() + bytes.size());
  return true;
}

void Journal::flush() {
  urgent_ = false;
  if (waiting_.empty()) return;
  rotate_when_due();
  // All in one write; when that fails, one by one, as far as the room goes.
  std::string all;
  for (const Frame& frame : waiting_) all.append(frame.bytes);
  std::size_t done = 0;
  if (write(all, {})) {
    for (const Frame& frame : waiting_) count(frame.run, frame.type, frame.bytes.size());
    done = waiting_.size();
  } else {
    use_reserve();
    for (const Frame& frame : waiting_) {
      if (!write(frame.bytes, {})) break;
      count(frame.run, frame.type, frame.bytes.size());
      ++done;
    }
  }
  waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(done));
  if (total_bytes_ >= options_.bytes_max) full_ = true;
}

// The disk is full: the next frames go to space that was set aside.
bool Journal::use_reserve() {
  full_ = true;
  if (!reserve_ready_) return false;
  const std::uint64_t number = segments_.rbegin()->first + 1;
  const std::string from = options_.folder + "/reserve", to = path(number);
  auto file = std::make_shared<File>();
  file->path = to;
  if (::rename(from.c_str(), to.c_str()) != 0) return false;
  reserve_ready_ = false;
  file->fd.reset(::open(to.c_str(), O_RDWR | O_CLOEXEC));
  if (!file->fd) return false;
  Segment& segment = segments_[number];
  segment.number = number;
  segment.file = file;
  segment.bytes_reserved = options_.reserve_bytes;
  const std::string payload = header_payload();
  unsynced_.push_back(folder_);
  return write(frame_head(kHeader, payload, {}), payload);
}

void Journal::rotate_when_due() {
  const Segment& last = segments_.rbegin()->second;
  if (last.bytes < options_.segment_bytes || last.bytes_reserved != 0) return;
  if (!begin_segment()) use_reserve();
  put_to_rest();
  collect();
}

void Journal::retry() {
  if (!full_) return;
  collect();
  if (total_bytes_ >= options_.bytes_max) return;
  if (!make_reserve() || !begin_segment()) return;
  full_ = false;
  flush();
}

std::uint64_t Journal::empty_bytes() {
  static const std::uint64_t bytes = kFrameHead + header_payload().size();
  return bytes;
}

bool Journal::idle() const {
  if (segments_.size() != 1 || !live_.empty() || !waiting_.empty()) return false;
  const Segment& only = segments_.begin()->second;
  return only.bytes > empty_bytes() && only.bytes_reserved == 0;
}

// What it says of runs that are all acknowledged, nobody asks for; nor is there an older segment for these words.
void Journal::tidy() {
  Segment& only = segments_.begin()->second;
  if (!idle() || ::ftruncate(only.file->fd.get(), static_cast<off_t>(empty_bytes())) != 0) return;
  only.bytes = total_bytes_ = empty_bytes();
}

// ---- freeing

void Journal::acknowledge(std::string_view run) {
  std::string payload;
  ByteWriter(payload).text(run);
  add_frame(run, kAcknowledged, payload);
  forget(hasher_.of(run));
  collect();
}

// Oldest first and in order, so that an acknowledgement is never freed before the frames it speaks of.
void Journal::collect() {
  while (segments_.size() > 1) {
    Segment& oldest = segments_.begin()->second;
    if (oldest.first_of != 0) {
      const bool crowded = total_bytes_ > 2 * live_bytes_ + 4 * options_.segment_bytes;
      if (!crowded || full_ || !carry_over(oldest)) return;
    }
    ::unlink(path(oldest.number).c_str());
    total_bytes_ -= std::min(total_bytes_, oldest.bytes);
    segments_.erase(segments_.begin());
  }
}

// Of the oldest: what it holds of runs that are not acknowledged is written once more, into the newest.
bool Journal::carry_over(Segment& segment) {
  const auto bytes = read_segment(path(segment.number));
  if (!bytes) return false;
  std::string kept, damage;
  const auto take = [&](std::uint8_t type, std::string_view payload, std::string_view frame) {
    if (type == kHeader || type == kAcknowledged) return;
    const RunDigest run = hasher_.of(run_of(payload));
    if (std::ranges::binary_search(segment.at_rest, run.first)) wake(run, segment, frame.size());
    if (live_.contains(run)) kept.append(frame);
  };
  live_bytes_ -= std::exchange(segment.at_rest_bytes, 0);
  for_each_frame(*bytes, take, damage);
  segment.at_rest = {};
  if (!write(kept, {})) return false;
  Segment& newest = segments_.rbegin()->second;
  if (::fdatasync(newest.file->fd.get()) != 0) return false;  // before the old place goes
  Segment& next = std::next(segments_.find(segment.number))->second;
  for (auto& [run, place] : live_) {
    if (place.first != segment.number) continue;
    // Which of the segments between hold something of it is not known: they are looked through in their turn.
    Segment& first = place.last == segment.number ? newest : next;
    place.first = first.number;
    place.last = newest.number;
    ++first.first_of;
  }
  segment.first_of = 0;
  return true;
}

std::vector<std::shared_ptr<const Journal::File>> Journal::take_unsynced() {
  std::vector<std::shared_ptr<const File>> files(unsynced_.begin(), unsynced_.end());
  unsynced_.clear();
  return files;
}

Result<void> Journal::File::sync() const {
  const int failed = folder ? ::fsync(fd.get()) : ::fdatasync(fd.get());
  if (failed != 0) return fail(Code::Corrupt, "writing '{}' through to disk: {}", path, std::strerror(errno));
  return {};
}

}  // namespace cronfleet::exec::posix
