#include "api/event_feed.h"

#include <algorithm>

#include "api/job_answers.h"
#include "api/worker_answers.h"
#include "domain/json_writer.h"
#include "domain/run_json.h"

namespace cronfleet::api {
namespace {

constexpr std::size_t kInboxMax = 16'384;
constexpr std::chrono::seconds kLinger{60};               // a client that comes back within it finds what it missed
constexpr std::chrono::milliseconds kWorkersEvery{500};   // registrations change often; one event tells of many
constexpr std::chrono::milliseconds kSystemEvery{1'000};  // how late a client may hear of an alarm
constexpr std::size_t kEventsAtOnce = 64;                 // in one write to one client
constexpr std::size_t kBytesAtOnce = 64 << 10;

}  // namespace

// One client: a position in the log.
class EventFeed::Stream final : public BodyStream {
 public:
  Stream(EventFeed& feed, Topics topics, std::optional<std::string> last_id) : feed_(feed), topics_(topics) {
    const std::string system = feed_.attach();
    const auto resumed = last_id ? feed_.log_.resume(*last_id) : std::nullopt;
    position_ = resumed.value_or(feed_.log_.newest());
    greeting_ = greeting("hello", resumed.has_value());
    if (last_id && !resumed) greeting_ += greeting("resync", false);
    if (!system.empty() && !resumed && (topics_ & static_cast<Topics>(Topic::System)) != 0)
      greeting_ += event_text(feed_.log_.text_of(position_), "system", system);
  }
  ~Stream() override { feed_.detach(); }

  bool at_once() const override { return true; }

  Piece next() override {
    Piece piece{.bytes = std::exchange(greeting_, {}), .then = Piece::Then::Sleep};
    EventLog::Slice slice = feed_.log_.read(position_, topics_, kEventsAtOnce, kBytesAtOnce);
    if (slice.lost) {
      position_ = feed_.log_.newest();
      piece.bytes += greeting("resync", false);
      piece.then = Piece::Then::More;
      return piece;
    }
    position_ = slice.position;
    piece.shared = std::move(slice.events);
    if (!piece.shared.empty()) piece.then = Piece::Then::More;
    return piece;
  }

 private:
  std::string greeting(std::string_view type, bool resumed) const {
    domain::JsonWriter json;
    json.object([&] {
      json.member("now", to_rfc3339_ms(feed_.parts_.clock.wall()));
      json.key("topics").array([&] {
        for (const std::string_view name : kTopicNames)
          if ((static_cast<Topics>(*parse_topic(name)) & topics_) != 0) json.value(name);
      });
      if (type == "hello") json.member("resumed", resumed);
    });
    return event_text(feed_.log_.text_of(position_), type, json.take());
  }

  EventFeed& feed_;
  const Topics topics_;
  EventLog::Position position_ = 0;
  std::string greeting_;
};

// Between one copy and the inbox.
class EventFeed::Observer final : public WatchedSink {
 public:
  Observer(EventFeed& feed, Kind kind) : feed_(feed), kind_(kind) {}
  void on_changed(const Watched::Entry& entry) override { feed_.offer({kind_, entry, entry->key, entry->modified}); }
  void on_gone(const std::string& key, core::Revision revision) override { feed_.offer({kind_, {}, key, revision}); }

 private:
  EventFeed& feed_;
  const Kind kind_;
};

EventFeed::EventFeed(EventParts parts) : parts_(std::move(parts)), log_(parts_.tokens) {
  const std::pair<Watched*, Kind> followed[] = {{&parts_.copies.jobs, Kind::Job},
                                                {&parts_.copies.running, Kind::Run},
                                                {&parts_.copies.triggers, Kind::Trigger},
                                                {&parts_.copies.workers, Kind::Worker},
                                                {&parts_.copies.nodes, Kind::Node}};
  for (const auto& [copy, kind] : followed) {
    observers_.push_back(std::make_unique<Observer>(*this, kind));
    copy->set_sink(observers_.back().get());
  }
}

EventFeed::~EventFeed() {
  stop();
  for (Watched* copy : {&parts_.copies.jobs, &parts_.copies.running, &parts_.copies.triggers, &parts_.copies.workers,
                        &parts_.copies.nodes})
    copy->set_sink(nullptr);
}

void EventFeed::start(std::function<void()> published) {
  published_ = std::move(published);
  maker_ = std::thread([this] { make_events(); });
  watcher_ = std::thread([this] { follow_system(); });
}

void EventFeed::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    changed_.notify_all();
  }
  for (std::thread* thread : {&maker_, &watcher_})
    if (thread->joinable()) thread->join();
}

std::unique_ptr<BodyStream> EventFeed::listen(Topics topics, std::optional<std::string> last_id) {
  return std::make_unique<Stream>(*this, topics, std::move(last_id));
}

bool EventFeed::wanted(MonoTime now) const { return listeners_ > 0 || (left_at_ && now - *left_at_ < kLinger); }

std::string EventFeed::attach() {
  const std::lock_guard lock(mutex_);
  ++listeners_;
  // Under the same lock as offer(): what comes from here on is kept, and what was passed over is known to be missing.
  if (std::exchange(passed_over_, false)) log_.forget();
  changed_.notify_all();
  return system_;
}

void EventFeed::detach() {
  const std::lock_guard lock(mutex_);
  if (--listeners_ == 0) left_at_ = parts_.clock.mono();
}

void EventFeed::offer(Change change) {
  const std::lock_guard lock(mutex_);
  if (stopped_ || !wanted(parts_.clock.mono())) {
    passed_over_ = true;
    return;
  }
  if (inbox_.size() >= kInboxMax) {
    // The newest are worth more than the oldest, and both cannot be had: everybody looks anew, once.
    inbox_.clear();
    passed_over_ = true;
  }
  inbox_.push_back(std::move(change));
  changed_.notify_all();
}

void EventFeed::make_events() {
  MonoTime workers_at{};
  for (;;) {
    std::deque<Change> changes;
    {
      std::unique_lock lock(mutex_);
      const auto ready = [&] { return stopped_ || !inbox_.empty(); };
      if (workers_changed_.empty()) {
        changed_.wait(lock, ready);
      } else {
        changed_.wait_for(lock, std::max(kWorkersEvery - (parts_.clock.mono() - workers_at), MonoTime::duration{}),
                          ready);
      }
      if (stopped_) return;
      changes.swap(inbox_);
      if (passed_over_ && listeners_ > 0) {
        passed_over_ = false;
        log_.forget();
      }
    }
    for (const Change& change : changes) publish(change);
    if (!workers_changed_.empty() && parts_.clock.mono() - workers_at >= kWorkersEvery) {
      publish_workers();
      workers_at = parts_.clock.mono();
    }
    published_();
  }
}

void EventFeed::publish(const Change& change) {
  const core::Keys& keys = parts_.keys;
  domain::JsonWriter json;
  switch (change.kind) {
    case Kind::Worker:
    case Kind::Node: {
      const std::string prefix = change.kind == Kind::Worker ? keys.workers() : keys.nodes();
      workers_changed_.insert(NodeId(change.key.substr(prefix.size())));
      return;
    }
    case Kind::Job: {
      const JobName name(change.key.substr(keys.jobs().size()));
      json.object([&] {
        json.member("revision", change.revision);
        if (!change.entry) return void(json.member("name", name.text()));
        json.key("job").object(
            [&] { write_fields(json, parts_.jobs, parts_.jobs.stored(name, *change.entry), parts_.clock.wall()); });
      });
      return log_.publish(Topic::Jobs, change.entry ? "job" : "job_deleted", json.take());
    }
    case Kind::Run:
    case Kind::Trigger: break;
  }
  if (!change.entry) {
    // A request that is claimed goes on as a run; a run that leaves running/ is in the history.
    if (change.kind == Kind::Trigger) return;
    const std::string_view rest = std::string_view(change.key).substr(keys.running().size());
    json.object([&] {
      json.member("revision", change.revision);
      json.member("id", rest.substr(std::min(rest.find('/'), rest.size() - 1) + 1));
    });
    return log_.publish(Topic::Runs, "run_recorded", json.take());
  }
  const auto view = parts_.runs.view_of(*change.entry);
  if (!view) return;  // its worker raises the alarm
  json.object([&] {
    json.member("revision", change.revision);
    json.key("run");
    domain::write_run(json, view->record);
  });
  log_.publish(Topic::Runs, "run", json.take());
}

void EventFeed::publish_workers() {
  Reading reading(Reading::From::Copy);
  const auto workers = parts_.workers.list(reading);
  const std::set<NodeId> changed = std::exchange(workers_changed_, {});
  if (!workers) return log_.forget();
  std::set<NodeId> found;
  const auto tell = [&](const WorkerView& view) {
    domain::JsonWriter json;
    json.object([&] {
      json.member("revision", workers->revision);
      json.key("worker");
      write_worker(json, view);
    });
    log_.publish(Topic::Workers, "worker", json.take());
  };
  for (const WorkerView& view : workers->items) {
    if (!changed.contains(view.entry.node)) continue;
    found.insert(view.entry.node);
    tell(view);
  }
  for (const NodeId& node : changed) {
    if (found.contains(node)) continue;
    WorkerView gone;  // it left nothing behind
    gone.entry.node = node;
    tell(gone);
  }
}

std::string EventFeed::system_text() {
  // What the alarms have found out is not asked a second time: a store that is away would take its deadline twice.
  Reading reading;
  const auto found = parts_.workers.alarms(*parts_.jobs.known(), reading);
  const std::vector<Alarm> alarms = found ? *found : std::vector<Alarm>();
  const auto stands = [&](std::string_view code) {
    return std::any_of(alarms.begin(), alarms.end(),
                       [&](const Alarm& alarm) { return alarm.code == code && alarm.node.empty(); });
  };
  const bool away = !found || stands("store_away");
  domain::JsonWriter json;
  json.object([&] {
    json.key("dependencies").object([&] {
      json.member("coordination", away ? "down" : parts_.workers.health().takes_writes() ? "ok" : "full");
      // Without the workers the alarms do not come as far as the history.
      json.member("history", stands("history_away") || (away && history_state(parts_.runs) == "down") ? "down" : "ok");
    });
    json.key("alarms");
    write_alarms(json, alarms);
  });
  return json.take();
}

void EventFeed::follow_system() {
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      if (listeners_ == 0) system_.clear();
      changed_.wait(lock, [&] { return stopped_ || listeners_ > 0; });
      if (stopped_) return;
    }
    const std::string now = system_text();
    std::unique_lock lock(mutex_);
    if (now != system_) {
      system_ = now;
      log_.publish(Topic::System, "system", now);
      published_();
    }
    if (changed_.wait_for(lock, kSystemEvery, [&] { return stopped_; })) return;
  }
}

}  // namespace cronfleet::api
