// api/event_log.h: the newest events of this process, made once and read by all that listen.
//
// An event is bytes that are ready to be sent. A reader keeps its position alone, so a slow one costs nothing: once
// what it has not read is forgotten, it hears that it must look anew. Positions are texts like "5d1f0b7a.412"; those
// of another process, or of a time when nobody listened, cannot be resumed from. Safe from any thread.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/token.h"

namespace cronfleet::api {

enum class Topic : unsigned { Jobs = 1, Runs = 2, Workers = 4, System = 8 };
using Topics = unsigned;  // of the values of Topic
constexpr Topics kAllTopics = 15;
constexpr std::string_view kTopicNames[] = {"jobs", "runs", "workers", "system"};
std::optional<Topic> parse_topic(std::string_view name);

class EventLog {
 public:
  struct Limits {
    std::size_t events = 8'192;
    std::size_t bytes = 8 << 20;
  };
  using Bytes = std::shared_ptr<const std::string>;
  using Position = std::uint64_t;  // of the event read last

  explicit EventLog(TokenSource& tokens, Limits limits);
  explicit EventLog(TokenSource& tokens) : EventLog(tokens, Limits()) {}

  // `type` is one word, `data` one line.
  void publish(Topic topic, std::string_view type, std::string_view data);
  // Something has happened that is not in here: whoever is behind must look anew.
  void forget();

  Position newest() const;
  std::string text_of(Position position) const;
  // Nothing where it is no position of this log, or one whose successors are forgotten.
  std::optional<Position> resume(std::string_view text) const;

  struct Slice {
    std::vector<Bytes> events;
    Position position = 0;  // everything up to it has been read or was of other topics
    bool lost = false;      // some that come after `after` are forgotten; nothing was read
  };
  // What comes after `after`: at most `events_max`, and no more once they have `bytes_max`.
  Slice read(Position after, Topics topics, std::size_t events_max, std::size_t bytes_max) const;

 private:
  struct Event {
    Topic topic;
    Bytes bytes;
  };
  void drop_oldest();

  const Limits limits_;
  const std::string epoch_;
  mutable std::mutex mutex_;
  std::deque<Event> events_;
  std::size_t bytes_ = 0;
  Position first_ = 1;  // of events_.front(), or of the next one
};

// One event as it is sent: "id: …\nevent: …\ndata: …\n\n".
std::string event_text(std::string_view id, std::string_view type, std::string_view data);

}  // namespace cronfleet::api
