#include "history/retention.h"

#include <algorithm>
#include <utility>

namespace cronfleet::history {

struct RetentionDriver::State {
  State(RunHistory& h, async::Timers& t, const async::Clock& c, Rng r, RetentionOptions o, std::function<bool()> may)
      : history(h), timers(t), clock(c), rng(r), options(o), may_prune(std::move(may)) {}
  ~State() { timers.cancel(wake); }

  void wait(std::chrono::nanoseconds delay) {
    wake = timers.at(clock.mono() + delay, [this] {
      wake = 0;
      step();
    });
  }
  std::chrono::nanoseconds up_to(std::chrono::nanoseconds most) {
    return std::chrono::nanoseconds(rng.below(static_cast<std::uint64_t>(most.count()) + 1));
  }

  void wait_to_retry() { wait(options.retry_delay - up_to(options.retry_delay / 2)); }

  void step() {
    if (may_prune && !may_prune()) return wait_to_retry();
    const MonoTime began_at = clock.mono();
    history.prune(options.keep, clock.wall(), options.batch_records,
                  [this, began_at, living = std::weak_ptr(alive)](Result<std::size_t> deleted) {
                    if (!living.expired()) on_pruned(clock.mono() - began_at, std::move(deleted));
                  });
  }

  void on_pruned(std::chrono::nanoseconds took, Result<std::size_t> deleted) {
    if (!deleted) {
      ++counters.failures;
      trouble = deleted.error().text();
      return wait_to_retry();
    }
    trouble.clear();
    ++counters.steps;
    counters.deleted += *deleted;
    if (*deleted == 0) {
      ++counters.rounds;
      return wait(options.interval - up_to(options.interval / 2));
    }
    const std::chrono::nanoseconds pause = std::max<std::chrono::nanoseconds>(options.pause, took);
    wait(pause + up_to(pause / 2));
  }

  RunHistory& history;
  async::Timers& timers;
  const async::Clock& clock;
  Rng rng;
  const RetentionOptions options;
  const std::function<bool()> may_prune;
  async::TimerId wake = 0;
  Counters counters;
  std::string trouble;
  std::shared_ptr<int> alive = std::make_shared<int>();
};

RetentionDriver::RetentionDriver(RunHistory& history, async::Timers& timers, const async::Clock& clock, Rng rng,
                                 RetentionOptions options, std::function<bool()> may_prune)
    : state_(std::make_unique<State>(history, timers, clock, rng, options, std::move(may_prune))) {
  state_->wait(state_->up_to(options.interval));
}
RetentionDriver::~RetentionDriver() = default;

const RetentionDriver::Counters& RetentionDriver::counters() const { return state_->counters; }
const std::string& RetentionDriver::trouble() const { return state_->trouble; }

}  // namespace cronfleet::history
