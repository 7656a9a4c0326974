// core/plan.h: what a job owes at a moment: nothing yet, a run, or a verdict for firings that will not run.
//
// Pure policy (protocol.md rule 20, reliability.md REL-16): computed from the last accounted instant, never from now,
// so that a pause loses nothing. Which of it happens is then a matter of locks and claims (core/scheduler.h).
#pragma once

#include <optional>
#include <span>

#include "core/entries.h"
#include "domain/compiled_job.h"

namespace cronfleet::core {

// Firings that get one verdict without a run, oldest to newest.
struct Passed {
  Range range;
  domain::RunStatus status = domain::RunStatus::Missed;
  domain::Reason reason = domain::Reason::Late;
};

struct Plan {
  enum class Action {
    Never,    // no further firing
    Wait,     // nothing before `at`
    Account,  // write off `passed`, then plan again
    Pass,     // `instant` has its run already, in the store: the marker moves past it, then plan again
    Claim,    // run `instant`; `passed`, if any, is written off in the same transaction
  };
  Action action = Action::Never;
  WallTime at{};          // Wait, Claim: when the run is to start: its instant plus jitter
  WallTime instant{};     // Claim, Pass
  bool catch_up = false;  // Claim: past its start deadline; the deadline counts from the claim
  bool more_due = false;  // Claim: newer instants are due as well
  std::optional<Passed> passed;
};

// Instants written off together, at most; a longer gap takes several steps.
inline constexpr std::uint64_t kPassedMax = 100'000;

// When the run of `instant` is to start: its jitter after it.
WallTime start_of(const domain::CompiledJob& job, WallTime instant);

// Until when an instant whose run is to start at `start` may find no worker that may run the job: past it, it is
// written off (DESIGN.md §2.1, no_eligible_worker).
WallTime open_until(const domain::Job& job, WallTime start);

// `accounted`: the newest instant that has a verdict or a claim. `horizon`: instants whose start lies before it are due
// (now plus the claim lead).
// A store that was set back (protocol.md rule 30). Instants up to `at` are of a time that it knows nothing of: whoever
// ran them then, nobody does so again. `in_hand`, in order: those of them whose runs outlived that moment and stand in
// the store again; their verdicts are still to come.
struct Forgotten {
  WallTime at = WallTime::min();
  std::span<const WallTime> in_hand{};
};
Plan plan(const domain::CompiledJob& job, WallTime accounted, WallTime now, WallTime horizon,
          const Forgotten& restored = {});

}  // namespace cronfleet::core
