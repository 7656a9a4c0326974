// api/job_catalogue.h: the jobs as the API knows them: read, save, delete, run now.
//
// Straight-line services under the handlers; each call blocks on the store for at most 10 s. Call from any handler
// thread. A read sees every write that was acknowledged before it, through whatever master (API-9): one job is asked of
// the store itself, the list is a watched copy that has caught up with the newest edit. Where the store is away, or the
// caller does not mind (stale=ok), the copy answers as it stands, and says so. A write is compare-and-set on the
// job's revision: what the caller expects stands in a Precondition, and a job that changed meanwhile is 412. When only
// the marker moved (a firing was claimed between our read and our write) the save is made again here (protocol.md rule
// 3).
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "api/day_lease.h"
#include "api/problem.h"
#include "api/reading.h"
#include "api/store_reader.h"
#include "api/watched.h"
#include "async/clock.h"
#include "base/token.h"
#include "coord/coord_store.h"
#include "core/edits.h"
#include "cron/zone.h"
#include "domain/compiled_job.h"
#include "domain/run.h"

namespace cronfleet::api {

// When a job fires, kept beside it: asked of a hundred thousand jobs at a time.
class Timetable {
 public:
  explicit Timetable(domain::CompiledJob job) : job_(std::move(job)) { job_.job.reset(); }
  // After `now`; what was found is kept until it has passed. Safe from any thread.
  std::optional<WallTime> next(WallTime now) const;
  std::optional<WallTime> first_after(WallTime after) const { return domain::next_firing(job_, after); }

 private:
  domain::CompiledJob job_;  // without the document, which stands beside it
  // In ms: asked at and found. Two threads may mix theirs: then it is found again, or is off by the time between them.
  mutable std::atomic<std::int64_t> asked_{INT64_MAX}, found_{INT64_MIN};
};

struct StoredJob {
  JobName name;
  std::string document;  // as it stands in the store
  core::Revision revision = 0;
  std::optional<domain::Job> job;                // absent where the document, put by hand, cannot be read
  domain::DocumentErrors errors;                 // why not; also when its schedule or zone cannot be read
  std::shared_ptr<const Timetable> timetable{};  // absent where it cannot be scheduled
};

// "invalid", "disabled", "ended", "paused" or "enabled".
std::string_view state_of(const StoredJob& stored, WallTime now);

using StoredJobs = std::vector<std::shared_ptr<const StoredJob>>;  // by name

// What a caller takes to stand before its write.
struct Precondition {
  enum class Kind {
    Any,       // If-Match: *: the job must exist
    Absent,    // If-None-Match: *: it must not
    Revision,  // If-Match: "412"
    None,      // whatever stands, or nothing
  };
  Kind kind = Kind::None;
  std::vector<core::Revision> revisions{};  // Revision: any of these
};

// DryRun: everything is judged as for a write, and nothing is written.
enum class Effect { Write, DryRun };

struct Saved {
  StoredJob job;
  bool created = false;
  bool changed = true;                           // false: the same job stood there already, nothing was written
  std::optional<WallTime> next_firing_before;    // of the version that stood
  std::optional<std::string> document_before{};  // as it stood; absent where nothing did
};

struct RunRequest {
  std::string actor, reason;
  std::string worker;           // node id; empty: any
  std::string idempotency_key;  // empty: each request is a run of its own
  std::string digest_of;        // what must be equal when the key comes again: the body
  Effect effect = Effect::Write;
  std::map<std::string, std::string> parameters{};  // of those that the job declares
};
struct RunAccepted {
  domain::RunId run;
  bool repeated = false;  // the key had come before: this is the run it started
};

class JobCatalogue {
 public:
  // All are borrowed. `tokens` must be safe to call from several threads, `clock_trouble` too: why the clock is not to
  // be trusted, empty while it is (rule 16); may itself be empty.
  JobCatalogue(coord::CoordStore& store, StoreReader& reader, Watched& copy, core::Keys keys,
               const cron::ZoneSource& zones, const async::Clock& clock, TokenSource& tokens,
               std::function<std::string()> clock_trouble);

  // 404 job_not_found; 503 where the copy does not know it and the store is away. Without `reading` it reads for a
  // write.
  Outcome<StoredJob> get(const JobName& name, Reading& reading);
  Outcome<StoredJob> get(const JobName& name);
  struct Jobs {
    std::shared_ptr<const StoredJobs> items;
    core::Revision revision = 0;
  };
  Outcome<Jobs> list(Reading& reading);
  Outcome<Jobs> list();
  // As far as this server's copy has followed; the store is not asked.
  std::shared_ptr<const StoredJobs> known();

  // 412 precondition_failed; 422 invalid_document, never_fires; 503 clock_suspect: the edit moves firings, and nobody
  // here knows what time it is. Nothing has changed then.
  Outcome<Saved> save(domain::Job job, const Precondition& precondition, Effect effect = Effect::Write);
  // Sets paused_until, or takes it away. 404 job_not_found, 412, 422 invalid_document: it cannot be read.
  Outcome<Saved> pause(const JobName& name, std::optional<WallTime> until, const Precondition& precondition,
                       Effect effect = Effect::Write);
  // Sets the markers that lie further ahead than rule 16 allows to now. Answers of which jobs; of those whose document
  // cannot be read it leaves them. 503 clock_suspect.
  Outcome<std::vector<JobName>> bring_markers_back(Effect effect);
  // 404 job_not_found, 412 precondition_failed. Answers what was deleted.
  Outcome<StoredJob> erase(const JobName& name, const Precondition& precondition, Effect effect = Effect::Write);
  // The run is durable and will be claimed. 404 job_not_found, 422 invalid_parameters: against what the job declares,
  // 422 idempotency_mismatch: this key came with another body, 409 locked: a worker that is out of contact may still be
  // running the job (protocol.md rule 18).
  Outcome<RunAccepted> run_now(const JobName& name, const RunRequest& request);

  // The job that stands in an entry of the store.
  StoredJob stored(const JobName& name, const core::KeyValue& entry) const;
  // The next instants of a job, fewer where it ends; none where it cannot be read.
  std::vector<WallTime> next_firings(const StoredJob& job, WallTime after, std::size_t count) const;
  // The first of them after `now`, quickly.
  std::optional<WallTime> next_firing(const StoredJob& job, WallTime now) const;
  WallTime now() const { return clock_.wall(); }

 private:
  // 404 job_not_found, with the name that was most likely meant.
  Problem no_job(const JobName& name);

  Outcome<core::JobState> read_state(const JobName& name);
  Outcome<std::map<std::string, std::string>> parameters_for(const JobName& name, const RunRequest& request);
  std::shared_ptr<const StoredJobs> decoded(const std::shared_ptr<const Watched::Copy>& copy);
  Outcome<Jobs> list_of_the_store(Reading& reading);
  std::optional<Problem> clock_suspect() const;
  std::optional<Problem> locked_elsewhere(const JobName& name);
  // An edit that lists wait for.
  Outcome<core::TxnAnswer> commit_edit(const JobName& name, core::Txn txn);
  enum class Never { Refused, Allowed };  // an enabled job without a firing ahead
  Outcome<Saved> save(domain::Job job, const Precondition& precondition, Never never, Effect effect);
  Outcome<core::TxnAnswer> commit(core::Txn txn);
  std::optional<WallTime> next_firing(const std::optional<domain::Job>& job, WallTime after) const;

  coord::CoordStore& store_;
  StoreReader& reader_;
  Watched& copy_;
  const core::Keys keys_;
  const cron::ZoneSource& zones_;
  const async::Clock& clock_;
  TokenSource& tokens_;
  const std::function<std::string()> clock_trouble_;
  std::mutex decoded_mutex_;  // around the two below: documents of a copy, decoded once
  std::shared_ptr<const Watched::Copy> decoded_of_;
  std::shared_ptr<const StoredJobs> decoded_;
  DayLease lease_;  // of idempotency keys
};

}  // namespace cronfleet::api
