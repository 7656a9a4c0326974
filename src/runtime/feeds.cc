#include "runtime/feeds.h"

#include <utility>

#include "domain/job_json.h"

namespace cronfleet::runtime {

using coord::Mirror;
using core::KeyValue;
using Level = WorkerObserver::Level;

// One prefix of the store; what is told of a key is what comes after it.
class Feeds::Feed final : public coord::MirrorSink {
 public:
  Feed(WorkerParts& parts, std::string prefix, Mirror::Deletions deletions, Put put, Removed removed,
       WorkerObserver& observer, FeedsSink& sink)
      : prefix_(prefix),
        put_(std::move(put)),
        removed_(std::move(removed)),
        observer_(observer),
        sink_(sink),
        mirror_(parts.store, parts.timers, parts.clock, parts.rng.fork("mirror " + prefix), prefix, *this, deletions) {}

  void start() { mirror_.start(); }
  bool listed() const { return mirror_.synced(); }

  void on_put(const KeyValue& entry) override { put_(entry, std::string_view(entry.key).substr(prefix_.size())); }
  void on_removed(const std::string& key, core::Revision revision) override {
    if (removed_) removed_(std::string_view(key).substr(prefix_.size()), revision);
  }
  void on_synced(core::Revision) override { sink_.on_listed(); }
  void on_trouble(const Status& status) override {
    observer_.on_message(Level::Warn, "watch interrupted", status.text());
  }

 private:
  const std::string prefix_;
  const Put put_;
  const Removed removed_;
  WorkerObserver& observer_;
  FeedsSink& sink_;
  Mirror mirror_;
};

Feeds::Feeds(WorkerParts& parts, const core::Keys& keys, const NodeId& self, ClockCheck& clocks,
             WorkerObserver& observer, FeedsSink& sink)
    : parts_(parts), self_(self), clocks_(clocks), observer_(observer), sink_(sink) {
  using Deletions = Mirror::Deletions;
  jobs_ = feed(
      keys.jobs(), Deletions::Reported, [this](const KeyValue& entry, std::string_view name) { job(entry, name); },
      [this](std::string_view name, core::Revision at) {
        sink_.on_event(core::JobGone{JobName(std::string(name)), at});
      });
  markers_ = feed(keys.fired(), Deletions::Ignored, [this](const KeyValue& entry, std::string_view name) {
    sink_.on_event(core::MarkerSeen{JobName(std::string(name)), entry.value});
  });
  accounts_ = feed(keys.accounts(), Deletions::Reported,
                   [this](const KeyValue& entry, std::string_view rest) { account(entry, rest); });
  triggers_ = feed(
      keys.triggers(), Deletions::Reported, [this](const KeyValue& entry, std::string_view) { trigger(entry); },
      [this](std::string_view id, core::Revision) {
        sink_.on_event(core::TriggerGone{domain::RequestId(std::string(id))});
      });
  kills_ = feed(keys.kills(), Deletions::Reported,
                [this](const KeyValue& entry, std::string_view rest) { kill(entry, rest); });
  registrations_ = feed(
      keys.workers(), Deletions::Reported,
      [this](const KeyValue& entry, std::string_view node) { registration(entry, node); },
      [this](std::string_view node, core::Revision) {
        standing_.erase(std::string(node));
        clocks_.gone(NodeId(std::string(node)));
        tell_workers();
      });
  settings_ = feed(
      keys.node_settings(self), Deletions::Reported,
      [this](const KeyValue& entry, std::string_view rest) {
        if (rest.empty()) settings(entry);
      },
      [this](std::string_view rest, core::Revision) {
        if (rest.empty()) sink_.on_settings({});
      });
}

Feeds::~Feeds() = default;

std::unique_ptr<Feeds::Feed> Feeds::feed(std::string prefix, Mirror::Deletions deletions, Put put, Removed removed) {
  return std::make_unique<Feed>(parts_, std::move(prefix), deletions, std::move(put), std::move(removed), observer_,
                                sink_);
}

void Feeds::start() {
  for (Feed* feed : {markers_.get(), jobs_.get(), accounts_.get(), triggers_.get(), kills_.get(), registrations_.get(),
                     settings_.get()})
    feed->start();
}

bool Feeds::jobs_listed() const { return markers_->listed() && jobs_->listed(); }

// A document as the scheduler wants it, or why it cannot be had.
tl::expected<core::CompiledPtr, std::string> Feeds::compiled(std::string_view document, const JobName& name) const {
  auto decoded = domain::decode_job(document, name);
  if (!decoded) return tl::unexpected(decoded.error().status().message());
  auto compiled = domain::compile(std::make_shared<const domain::Job>(std::move(*decoded)), parts_.zones);
  if (!compiled) return tl::unexpected(compiled.error().status().message());
  return std::make_shared<const domain::CompiledJob>(std::move(*compiled));
}

void Feeds::job(const KeyValue& entry, std::string_view name) {
  core::JobSeen seen{JobName(std::string(name)), entry.modified, nullptr, {}};
  if (const auto valid = domain::make_job_name(name); !valid) {
    seen.refusal = valid.error().message();
  } else if (auto read = compiled(entry.value, *valid); !read) {
    seen.refusal = std::move(read.error());
  } else {
    seen.job = std::move(*read);
  }
  if (!seen.refusal.empty())
    observer_.on_message(Level::Warn, "job refused", fmt::format("{}: {}", name, seen.refusal));
  sink_.on_event(std::move(seen));
}

void Feeds::account(const KeyValue& entry, std::string_view rest) {
  core::AccountSeen seen{entry.key, entry.value, {}, nullptr};
  if (auto account = core::decode_account(entry.value)) {
    seen.entry = std::move(*account);
    const JobName name{std::string(rest.substr(0, rest.rfind('/')))};
    if (auto read = compiled(seen.entry.document, name)) seen.job = std::move(*read);
  }
  sink_.on_event(std::move(seen));
}

void Feeds::trigger(const KeyValue& entry) {
  auto trigger = core::decode_trigger(entry.value);
  if (!trigger) return observer_.on_message(Level::Warn, "run-now is not readable", entry.key);
  sink_.on_event(core::TriggerSeen{entry.value, std::move(*trigger)});
}

void Feeds::kill(const KeyValue& entry, std::string_view rest) {
  core::KillSeen seen{entry.key, {}, {}, {}};
  if (auto order = core::decode_kill(entry.value)) seen.entry = std::move(*order);
  const auto slash = rest.find('/');
  seen.job = JobName(std::string(rest.substr(0, slash)));
  if (slash != std::string_view::npos) {
    auto run = domain::parse_run_id(rest.substr(slash + 1));
    if (!run) return observer_.on_message(Level::Warn, "kill order is not readable", entry.key);
    seen.run = std::move(*run);
  }
  sink_.on_event(std::move(seen));
}

void Feeds::registration(const KeyValue& entry, std::string_view node) {
  auto registration = core::decode_worker(entry.value);
  if (!registration) return;
  registration->node = NodeId(std::string(node));
  if (registration->node != self_) clocks_.published(registration->node, registration->wall);
  standing_[std::string(node)] = std::move(*registration);
  tell_workers();
}

void Feeds::tell_workers() {
  core::WorkersSeen seen;
  for (const auto& [node, entry] : standing_) seen.workers.push_back(entry);
  sink_.on_event(std::move(seen));
}

void Feeds::settings(const KeyValue& entry) {
  const auto wanted = core::decode_node_settings(entry.value);
  if (wanted) return sink_.on_settings(*wanted);
  observer_.on_message(Level::Warn, "settings of this node are not readable, the former ones stay",
                       wanted.error().message());
}

}  // namespace cronfleet::runtime
