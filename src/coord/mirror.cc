#include "coord/mirror.h"

#include <algorithm>

#include "coord/guard.h"

namespace cronfleet::coord {
namespace {

constexpr std::chrono::milliseconds kBackoffLeast{100}, kBackoffMost{1'000};

// Enough of an entry to tell whether it changed; the values of a million jobs are not kept twice. The hash tells apart
// what one revision held before and after an older state was restored.
struct Seen {
  Revision modified;
  std::size_t hash;
  friend bool operator==(const Seen&, const Seen&) = default;
};
Seen seen(const KeyValue& entry) { return {entry.modified, std::hash<std::string>()(entry.value)}; }

}  // namespace

struct Mirror::State {
  State(CoordStore& s, async::Timers& t, const async::Clock& c, Rng r, std::string p, MirrorSink& to, WatchSink& from,
        Deletions d)
      : store(s), timers(t), clock(c), rng(r), prefix(std::move(p)), sink(to), watch_sink(from), deletions(d) {}

  CoordStore& store;
  async::Timers& timers;
  const async::Clock& clock;
  Rng rng;
  std::string prefix;
  MirrorSink& sink;
  WatchSink& watch_sink;
  const Deletions deletions;

  std::map<std::string, Seen> known;  // without the prefix
  Revision revision = 0;
  bool synced = false;
  bool list_again = true;  // the next attempt lists; false: it resumes the watch
  std::chrono::milliseconds backoff = kBackoffLeast;
  WatchHandle watch;
  async::TimerId timer = 0;
  Guard guard;

  void attempt() {
    if (!list_again) {
      watch = store.watch(prefix, revision, watch_sink);
      return;
    }
    store.list(prefix, guard.wrap([this](Result<Listing> listing) { on_list(std::move(listing)); }));
  }

  void on_list(Result<Listing> listing) {
    if (!listing) return on_trouble(listing.error());
    backoff = kBackoffLeast;
    list_again = false;
    // The watch is opened first and the copy brought up to date before anybody is told: a sink may ask for either.
    revision = listing->revision;
    watch = store.watch(prefix, revision, watch_sink);
    if (deletions == Deletions::Ignored) {
      synced = true;
      for (KeyValue& listed : listing->entries) sink.on_put(KeyValue(std::move(listed)));
      return sink.on_synced(revision);
    }
    const std::map<std::string, Seen> before = std::exchange(known, {});
    for (const KeyValue& entry : listing->entries) known.emplace_hint(known.end(), rest(entry.key), seen(entry));
    synced = true;
    for (const auto& [key, entry] : before) {
      if (!known.contains(key)) sink.on_removed(prefix + key, revision);
    }
    for (KeyValue& listed : listing->entries) {
      const KeyValue entry = std::move(listed);  // gone after its turn: its memory is what the next needs
      const auto old = before.find(rest(entry.key));
      if (old == before.end() || old->second != seen(entry)) sink.on_put(entry);
    }
    sink.on_synced(revision);
  }

  std::string rest(const std::string& key) const { return key.substr(prefix.size()); }

  void on_trouble(const Status& status) {
    watch.reset();
    // Half to all of it, so that a fleet does not come back in step.
    const auto wait =
        backoff / 2 + std::chrono::milliseconds(rng.below(static_cast<std::uint64_t>(backoff.count()) / 2));
    backoff = std::min(backoff * 2, kBackoffMost);
    timers.cancel(timer);
    timer = timers.at(clock.mono() + wait, guard.wrap([this] { attempt(); }));
    sink.on_trouble(status.with("following '{}'", prefix));
  }
};

Mirror::Mirror(CoordStore& store, async::Timers& timers, const async::Clock& clock, Rng rng, std::string prefix,
               MirrorSink& sink, Deletions deletions)
    : state_(std::make_unique<State>(store, timers, clock, rng, std::move(prefix), sink, static_cast<WatchSink&>(*this),
                                     deletions)) {}

Mirror::~Mirror() { state_->timers.cancel(state_->timer); }

void Mirror::start() { state_->attempt(); }
bool Mirror::synced() const { return state_->synced; }
Revision Mirror::revision() const { return state_->revision; }

void Mirror::on_changes(std::vector<Change> changes, Revision revision) {
  State& state = *state_;
  state.backoff = kBackoffLeast;
  state.revision = revision;
  for (const Change& change : changes) {
    const std::string& key = change.entry.key;
    if (state.deletions == Deletions::Ignored) {
      if (!change.deleted) state.sink.on_put(change.entry);
    } else if (change.deleted) {
      if (state.known.erase(state.rest(key)) > 0) state.sink.on_removed(key, change.entry.modified);
    } else {
      state.known.insert_or_assign(state.rest(key), seen(change.entry));
      state.sink.on_put(change.entry);
    }
  }
  state.sink.on_progress(revision);
}

void Mirror::on_failed(Status status) {
  State& state = *state_;
  state.watch.reset();
  if (status.code() != Code::Compacted) {
    // Anything but a lost connection leaves us unsure of the copy.
    if (status.code() != Code::Unavailable) state.list_again = true;
    return state.on_trouble(status);
  }
  state.list_again = true;
  state.attempt();
}

}  // namespace cronfleet::coord
