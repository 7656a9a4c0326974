#include "coord/read_batcher.h"

#include <map>
#include <set>
#include <string_view>

namespace cronfleet::coord {

void ReadBatcher::add(std::vector<std::string> keys, Done done) {
  if (queue_.size() >= options_.queue_max) {
    loop_.post(alive_.wrap([done = std::move(done), waiting = queue_.size()]() mutable {
      done(fail(Code::Unavailable, "{} reads are waiting for the coordination store already: not sent", waiting));
    }));
    return;
  }
  queue_.push_back({std::move(keys), std::move(done)});
  schedule();
}

void ReadBatcher::schedule() {
  if (send_scheduled_ || queue_.empty() || in_flight_ >= options_.in_flight_max) return;
  send_scheduled_ = true;
  loop_.post(alive_.wrap([this] {
    send_scheduled_ = false;
    send();
  }));
}

void ReadBatcher::send() {
  while (!queue_.empty() && in_flight_ < options_.in_flight_max) {
    std::vector<Pending> members;
    std::set<std::string_view> seen;  // borrowed from the queue's own strings
    std::vector<std::string> keys;
    while (!queue_.empty() && (members.empty() || keys.size() + queue_.front().keys.size() <= options_.keys_max)) {
      members.push_back(std::move(queue_.front()));
      queue_.pop_front();
      for (const std::string& key : members.back().keys) {
        if (seen.insert(key).second) keys.push_back(key);
      }
    }
    ++in_flight_;
    store_.get(std::move(keys), alive_.wrap([this, members = std::move(members)](Result<Listing> listing) mutable {
      on_answer(std::move(members), std::move(listing));
    }));
  }
}

void ReadBatcher::on_answer(std::vector<Pending> members, Result<Listing> listing) {
  --in_flight_;
  schedule();
  // Last: an answer often adds the next read, and one of them may destroy us.
  const auto alive = alive_.token();
  if (!listing) {
    for (Pending& member : members) {
      if (!alive.expired()) member.done(Failure(listing.error()));
    }
    return;
  }
  std::map<std::string_view, const KeyValue*> found;
  for (const KeyValue& entry : listing->entries) found.emplace(entry.key, &entry);
  for (Pending& member : members) {
    if (alive.expired()) return;
    Listing own;
    own.revision = listing->revision;
    for (const std::string& key : member.keys) {
      if (const auto entry = found.find(key); entry != found.end()) own.entries.push_back(*entry->second);
    }
    member.done(std::move(own));
  }
}

}  // namespace cronfleet::coord
