#include "core/plan.h"

#include <algorithm>

#include "base/check.h"

namespace cronfleet::core {
namespace {

using domain::CompiledJob;
using domain::Misfire;
using domain::Overlap;
using domain::Reason;
using domain::RunStatus;

// Counts instants from `first` on, as long as `wanted` holds, at most kPassedMax of them.
template <typename Wanted>
Range stretch(const CompiledJob& job, WallTime first, Wanted wanted) {
  Range range{first, first, 1, job.job->schedule, *job.job->time_zone};
  while (range.count < kPassedMax) {
    const auto next = domain::next_firing(job, range.to);
    if (!next || !wanted(*next)) break;
    range.to = *next;
    ++range.count;
  }
  return range;
}

Plan account(Range range, RunStatus status, Reason reason) {
  Plan result{.action = Plan::Action::Account};
  result.passed = Passed{std::move(range), status, reason};
  return result;
}

// The first `count` instants from `first` on.
Range first_of(const CompiledJob& job, WallTime first, std::uint64_t count) {
  std::uint64_t taken = 1;
  return stretch(job, first, [&](WallTime) { return ++taken <= count; });
}

}  // namespace

WallTime start_of(const CompiledJob& job, WallTime instant) { return instant + domain::jitter_of(job, instant); }

WallTime open_until(const domain::Job& job, WallTime start) {
  const bool skips = job.misfire.mode == Misfire::Mode::Skip && job.overlap.mode != Overlap::Mode::Queue;
  const auto patience =
      skips ? std::min(job.timing->start_deadline, job.timing->catch_up_window) : job.timing->catch_up_window;
  return start + patience + std::chrono::milliseconds(1);
}

Plan plan(const CompiledJob& job, WallTime accounted, WallTime now, WallTime horizon, const Forgotten& restored) {
  const auto oldest = domain::next_firing(job, accounted);
  if (!oldest) return {};
  const auto due = [&](WallTime instant) { return start_of(job, instant) <= horizon; };
  if (!due(*oldest)) return {.action = Plan::Action::Wait, .at = start_of(job, *oldest)};

  const auto in_hand = [&](WallTime instant) { return std::ranges::binary_search(restored.in_hand, instant); };
  if (*oldest <= restored.at && in_hand(*oldest)) return {.action = Plan::Action::Pass, .instant = *oldest};
  const auto forgotten = [&](WallTime instant) { return instant <= restored.at && !in_hand(instant); };
  if (forgotten(*oldest)) return account(stretch(job, *oldest, forgotten), RunStatus::Missed, Reason::Restored);

  const domain::Job& policy = *job.job;
  const WallTime expiry = now - policy.timing->catch_up_window;
  const auto expired = [&](WallTime instant) { return instant < expiry; };
  if (expired(*oldest)) return account(stretch(job, *oldest, expired), RunStatus::Missed, Reason::Late);

  const auto late = [&](WallTime instant) { return now > start_of(job, instant) + policy.timing->start_deadline; };
  if (policy.misfire.mode == Misfire::Mode::Skip && policy.overlap.mode != Overlap::Mode::Queue && late(*oldest))
    return account(stretch(job, *oldest, late), RunStatus::Missed, Reason::Late);

  // What is only ahead does not make the one before it late: a takeover half a second after its instant runs it,
  // however early the next may be claimed.
  const Range outstanding = stretch(job, *oldest, [&](WallTime instant) { return start_of(job, instant) <= now; });
  Plan result{.action = Plan::Action::Claim,
              .at = start_of(job, *oldest),
              .instant = *oldest,
              .catch_up = late(*oldest),
              .more_due = outstanding.count > 1};
  const bool queued = policy.overlap.mode == Overlap::Mode::Queue;
  if (queued || policy.misfire.mode == Misfire::Mode::RunAll) {
    const auto cap = static_cast<std::uint64_t>(queued ? policy.overlap.queue_max : policy.misfire.run_all_max);
    if (outstanding.count <= cap) return result;
    return account(first_of(job, *oldest, outstanding.count - cap), RunStatus::Skipped, Reason::QueueFull);
  }
  if (outstanding.count == 1) return result;
  const bool replaces = policy.overlap.mode == Overlap::Mode::Replace;
  if (policy.misfire.mode == Misfire::Mode::Skip && !replaces)
    return result;  // each is still in time: one after the other

  // Only the newest runs. A stretch cut off at kPassedMax is written off as it is and planned on from there.
  const RunStatus status = replaces ? RunStatus::Skipped : RunStatus::Missed;
  const Reason reason = replaces ? Reason::Replaced : Reason::Late;
  if (outstanding.count == kPassedMax) return account(outstanding, status, reason);
  result.instant = outstanding.to;
  result.at = start_of(job, outstanding.to);
  result.catch_up = late(outstanding.to);
  result.more_due = false;
  result.passed = Passed{first_of(job, *oldest, outstanding.count - 1), status, reason};
  return result;
}

}  // namespace cronfleet::core
