// runtime/store_watch.h: whether the store that answers is the one that we have followed (protocol.md rule 30,
// docs/decisions/0021-a-restored-store-is-a-new-past.md).
//
// Two signs say that it was set back to an older state: an answer below what was known when it was asked for, and an
// operator's word that is missing, or older than the one we follow. A newer word says that the older state is meant.
// Loop thread only.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "async/loop.h"
#include "coord/guard.h"
#include "coord/read_batcher.h"
#include "core/entries.h"

namespace cronfleet::runtime {

// How far the store was when we last heard of it, and whether it has been set back since to an older state that nobody
// has confirmed. Kept across lives: a store is restored while everything is down.
struct StoreSeen {
  core::Revision revision = 0;
  WallTime at{};
  WallTime word{};  // the newest word of an operator that we follow; an older state does not have it
  bool set_back = false;
  friend bool operator==(const StoreSeen&, const StoreSeen&) = default;
};

class StoreWatchSink {
 public:
  virtual ~StoreWatchSink() = default;
  virtual void on_set_back(const std::string& how) = 0;
  // An operator's word, the first of this life or a new one. `anew`: all that we know of jobs is of another past.
  virtual void on_word(const core::RestoredEntry& word, bool anew) = 0;
  virtual void on_word_read() = 0;  // each time: there may be none
  virtual void on_unreadable_word(const std::string& key) = 0;
};

class StoreWatch {
 public:
  // Where the store stood, as far as was known when it was asked.
  struct Asked {
    core::Revision revision = 0;
    int past = 0;
  };

  // `seen`: of the life before. `looks`: false: nothing is a sign (the simulator's switch).
  StoreWatch(coord::ReadBatcher& reads, async::Timers& timers, const async::Clock& clock, std::string word_key,
             StoreSeen seen, bool looks, StoreWatchSink& sink);
  ~StoreWatch();
  void start();

  Asked asked() const { return {seen_.revision, past_}; }
  // Every answer of the store goes through here.
  void answered(core::Revision revision, const Asked& asked);

  bool set_back() const { return seen_.set_back; }
  bool word_read() const { return word_read_; }  // once
  const StoreSeen& seen() const { return seen_; }
  // What is to be written down, when it is time to do so.
  std::optional<StoreSeen> to_keep();

 private:
  void say_set_back(const std::string& how);
  void read_word();
  void heard_word(const core::KeyValue& entry);

  coord::ReadBatcher& reads_;
  async::Timers& timers_;
  const async::Clock& clock_;
  const std::string word_key_;
  const bool looks_;
  StoreWatchSink& sink_;
  StoreSeen seen_, kept_;
  const bool followed_before_;          // another life knew the store
  std::optional<core::KeyValue> word_;  // as it stands
  bool word_read_ = false;
  int past_ = 0;  // how often an operator has said that an older state is meant: what was asked before is of no use
  async::TimerId timer_ = 0;
  coord::Guard alive_;
};

}  // namespace cronfleet::runtime
