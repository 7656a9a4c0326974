// domain/compiled_job.h: a job whose schedule and zone have been read: what the scheduler works with.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <tl/expected.hpp>

#include "cron/schedule.h"
#include "cron/zone.h"
#include "domain/field_error.h"
#include "domain/job.h"

namespace cronfleet::domain {

struct CompiledJob {
  JobPtr job;
  cron::Schedule schedule;  // @every is anchored at schedule_set_at, absent: 1970 (protocol.md rule 25)
  cron::ZonePtr zone;       // the prefix of the expression, else the job's, else UTC
  // Instants in [counts_from, counts_until) count: enabled, paused_until, starts_at and ends_at in two numbers, so that
  // the next instant is found without touching the document.
  WallTime counts_from = WallTime::min(), counts_until = WallTime::max();
};

// Mistakes stand at /schedule (with the column inside the expression) and /time_zone.
tl::expected<CompiledJob, DocumentErrors> compile(JobPtr job, const cron::ZoneSource& zones);

// The next instant after `after` that counts: the job is enabled, not paused at it, and it lies in its window.
// Allocates nothing. Nothing: never again.
std::optional<WallTime> next_firing(const CompiledJob& job, WallTime after);

// How long after `instant` its run is to start: fixed per firing by hash, at most the jitter of the job and always
// below the distance to the next instant (protocol.md rule 22). Whole ms.
std::chrono::milliseconds jitter_of(const CompiledJob& job, WallTime instant);

}  // namespace cronfleet::domain
