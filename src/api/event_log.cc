#include "api/event_log.h"

#include <fmt/format.h>

#include <charconv>

namespace cronfleet::api {

std::optional<Topic> parse_topic(std::string_view name) {
  for (unsigned at = 0; at < std::size(kTopicNames); ++at)
    if (kTopicNames[at] == name) return static_cast<Topic>(1u << at);
  return std::nullopt;
}

EventLog::EventLog(TokenSource& tokens, Limits limits) : limits_(limits), epoch_(tokens.token().substr(0, 8)) {}

void EventLog::publish(Topic topic, std::string_view type, std::string_view data) {
  const std::lock_guard lock(mutex_);
  auto bytes = std::make_shared<const std::string>(event_text(text_of(first_ + events_.size()), type, data));
  bytes_ += bytes->size();
  events_.push_back({topic, std::move(bytes)});
  while (events_.size() > limits_.events || (bytes_ > limits_.bytes && events_.size() > 1)) drop_oldest();
}

void EventLog::drop_oldest() {
  bytes_ -= events_.front().bytes->size();
  events_.pop_front();
  ++first_;
}

void EventLog::forget() {
  const std::lock_guard lock(mutex_);
  // One position is passed over: a reader of the newest event has missed something as well.
  first_ += events_.size() + 1;
  events_.clear();
  bytes_ = 0;
}

EventLog::Position EventLog::newest() const {
  const std::lock_guard lock(mutex_);
  return first_ + events_.size() - 1;
}

std::string EventLog::text_of(Position position) const { return fmt::format("{}.{}", epoch_, position); }

std::optional<EventLog::Position> EventLog::resume(std::string_view text) const {
  if (!text.starts_with(epoch_) || text.size() <= epoch_.size() || text[epoch_.size()] != '.') return std::nullopt;
  text.remove_prefix(epoch_.size() + 1);
  Position position = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), position);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  const std::lock_guard lock(mutex_);
  if (position + 1 < first_ || position >= first_ + events_.size()) return std::nullopt;
  return position;
}

EventLog::Slice EventLog::read(Position after, Topics topics, std::size_t events_max, std::size_t bytes_max) const {
  Slice slice;
  slice.position = after;
  const std::lock_guard lock(mutex_);
  slice.lost = after + 1 < first_;
  if (slice.lost) return slice;
  std::size_t bytes = 0;
  for (auto at = after + 1; at < first_ + events_.size(); ++at) {
    const Event& event = events_[at - first_];
    slice.position = at;
    if ((static_cast<Topics>(event.topic) & topics) == 0) continue;
    slice.events.push_back(event.bytes);
    bytes += event.bytes->size();
    if (slice.events.size() >= events_max || bytes >= bytes_max) break;
  }
  return slice;
}

std::string event_text(std::string_view id, std::string_view type, std::string_view data) {
  return fmt::format("id: {}\nevent: {}\ndata: {}\n\n", id, type, data);
}

}  // namespace cronfleet::api
