// api/event_feed.h: makes the events of GET /api/v1/events of what changes in the watched copies, and of how the system
// stands (docs/api.yaml, "events").
//
// Changes come in on the loop, which only puts them into an inbox; threads of its own make the events. While nobody
// listens, and a minute after, nothing is made at all. An inbox that is full, and everything else that was missed,
// makes the readers look anew.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <thread>

#include "api/event_log.h"
#include "api/job_catalogue.h"
#include "api/run_catalogue.h"
#include "api/worker_catalogue.h"

namespace cronfleet::api {

struct EventParts {
  Copies& copies;
  JobCatalogue& jobs;
  RunCatalogue& runs;
  WorkerCatalogue& workers;
  const core::Keys& keys;
  const async::Clock& clock;
  TokenSource& tokens;
};

class EventFeed {
 public:
  // Made before the copies are started.
  explicit EventFeed(EventParts parts);
  ~EventFeed();

  // `published` is called whenever there is more to read; from threads of this. Before start().
  void start(std::function<void()> published);
  // Ends its threads. Not on the loop: one of them may be waiting for an answer that comes there.
  void stop();

  // What one client listens to, from now on or from where `last_id` says. 429 too_many_listeners is the server's.
  std::unique_ptr<BodyStream> listen(Topics topics, std::optional<std::string> last_id);

 private:
  class Stream;
  class Observer;
  enum class Kind { Job, Run, Trigger, Worker, Node };
  struct Change {
    Kind kind;
    Watched::Entry entry;  // null: removed
    std::string key;
    core::Revision revision;
  };

  void offer(Change change);
  std::string attach();  // the system as it was last seen; empty: that comes as an event
  void detach();
  bool wanted(MonoTime now) const;  // under mutex_

  void make_events();
  void follow_system();
  void publish(const Change& change);
  void publish_workers();
  // The system as a line of JSON without its moment: equal texts mean that nothing has changed.
  std::string system_text();

  const EventParts parts_;
  EventLog log_;
  std::vector<std::unique_ptr<Observer>> observers_;
  std::function<void()> published_;

  std::mutex mutex_;  // around all below
  std::condition_variable changed_;
  std::deque<Change> inbox_;
  std::size_t listeners_ = 0;
  std::optional<MonoTime> left_at_;  // when the last listener went
  bool passed_over_ = false;         // something changed while nobody listened, or there was no room for it
  std::string system_;               // as it was published last; empty while nobody listens
  bool stopped_ = false;

  std::set<NodeId> workers_changed_;  // of the thread that makes events
  std::thread maker_, watcher_;
};

}  // namespace cronfleet::api
