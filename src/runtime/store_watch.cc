#include "runtime/store_watch.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace cronfleet::runtime {
namespace {

// How far the store is, is written down so often. What is restored from a backup younger than that goes unnoticed when
// all workers were down meanwhile.
constexpr std::chrono::seconds kKeepEvery{10};
// How often the operator's word is read. It is not watched: a watch goes on from the revision that it has reached, in
// whatever past that revision is.
constexpr std::chrono::milliseconds kWordEvery{2'000}, kWordRetry{200};

}  // namespace

StoreWatch::StoreWatch(coord::ReadBatcher& reads, async::Timers& timers, const async::Clock& clock,
                       std::string word_key, StoreSeen seen, bool looks, StoreWatchSink& sink)
    : reads_(reads),
      timers_(timers),
      clock_(clock),
      word_key_(std::move(word_key)),
      looks_(looks),
      sink_(sink),
      seen_(seen),
      kept_(seen),
      followed_before_(seen.revision != 0) {}

StoreWatch::~StoreWatch() { timers_.cancel(timer_); }

void StoreWatch::start() { read_word(); }

void StoreWatch::answered(core::Revision revision, const Asked& asked) {
  if (seen_.set_back || asked.past != past_) return;
  if (revision >= asked.revision || !looks_) {
    seen_.revision = std::max(seen_.revision, revision);
    seen_.at = clock_.wall();
    return;
  }
  say_set_back(fmt::format("it stands at revision {}, and stood at {}", revision, asked.revision));
}

void StoreWatch::say_set_back(const std::string& how) {
  if (!std::exchange(seen_.set_back, true)) sink_.on_set_back(how);
}

std::optional<StoreSeen> StoreWatch::to_keep() {
  const bool turned = seen_.set_back != kept_.set_back || seen_.word != kept_.word;
  if (!turned && seen_.at < kept_.at + kKeepEvery) return std::nullopt;
  kept_ = seen_;
  return kept_;
}

void StoreWatch::read_word() {
  reads_.add({word_key_}, alive_.wrap([this, asked = asked()](Result<coord::Listing> listing) {
    timer_ = timers_.at(clock_.mono() + (listing ? kWordEvery : kWordRetry), [this] { read_word(); });
    if (!listing) return;
    answered(listing->revision, asked);
    if (!listing->entries.empty()) {
      heard_word(listing->entries.front());
    } else if (seen_.word != WallTime{} && looks_) {
      say_set_back(fmt::format("an operator's word of {} is not in it", to_rfc3339_ms(seen_.word)));
    }
    word_read_ = true;
    sink_.on_word_read();
  }));
}

// A word that we do not follow yet: the store was set back at some moment before it, whether we noticed or were down or
// cut off; all that we know is of another past. While it counts as set back for us, a word of before that is none.
// Whoever knows no past learns up to when firings that the store knows nothing of are missed.
void StoreWatch::heard_word(const core::KeyValue& entry) {
  if (entry == word_ && !seen_.set_back) return;
  const bool fresh = entry != std::exchange(word_, entry);
  const auto restored = core::decode_restored(entry.value);
  if (!restored) return fresh ? sink_.on_unreadable_word(entry.key) : void();
  if (restored->at < seen_.word && looks_)
    say_set_back(fmt::format("the operator's word of {} is in it, and not that of {}", to_rfc3339_ms(restored->at),
                             to_rfc3339_ms(seen_.word)));
  if (restored->at <= seen_.word || (seen_.set_back && restored->at <= seen_.at)) return;
  const bool anew = seen_.set_back || word_read_ || followed_before_;
  seen_.word = restored->at;
  if (anew) {
    ++past_;
    seen_ = {entry.modified, clock_.wall(), restored->at, false};
  }
  sink_.on_word(*restored, anew);
}

}  // namespace cronfleet::runtime
