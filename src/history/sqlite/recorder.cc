#include "history/sqlite/recorder.h"

#include <utility>

#include "history/contract.h"
#include "history/sqlite/schema.h"

namespace cronfleet::history::sqlite {
namespace {

constexpr std::size_t kNamesRemembered = 200'000;

void bind_optional(Statement& statement, int index, std::optional<int> value) {
  if (value) {
    statement.bind(index, *value);
  } else {
    statement.bind_null(index);
  }
}

std::int64_t signed_of(std::uint64_t value) { return static_cast<std::int64_t>(value); }

}  // namespace

Result<void> Recorder::prepare() {
  const std::pair<Statement**, const char*> all[] = {
      {&jobs_.select, "SELECT id FROM jobs WHERE name = ?1"},
      {&jobs_.insert, "INSERT INTO jobs(name) VALUES(?1)"},
      {&workers_.select, "SELECT id FROM workers WHERE name = ?1"},
      {&workers_.insert, "INSERT INTO workers(name) VALUES(?1)"},
      {&insert_,
       "INSERT INTO runs(job, at, request, attempt, status, worker, range_count, reason, exit_code, signal, trigger, "
       "final, claimed, started, ended, range_from, output_bytes, output_bytes_dropped, cpu_user_us, cpu_system_us, "
       "memory_bytes_peak, job_revision, fence, command, error, actor, triggered_by, output) VALUES(?1, ?2, ?3, ?4, "
       "?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26, ?27, "
       "?28)"},
      {&standing_, "SELECT status, final FROM runs WHERE job = ?1 AND at = ?2 AND request = '' AND attempt = ?3"},
      {&standing_request_,
       "SELECT status, final FROM runs WHERE job = ?1 AND request = ?2 AND request <> '' AND attempt = ?3"},
      {&output_, "SELECT id FROM outputs WHERE job = ?1 AND instant = ?2 AND request = ?3 AND attempt = ?4"},
      {&new_output_, "INSERT INTO outputs(job, instant, request, attempt, written_at) VALUES(?1, ?2, ?3, ?4, ?5)"},
      {&touch_output_, "UPDATE outputs SET written_at = max(written_at, ?2) WHERE id = ?1"},
      {&chunk_,
       "INSERT INTO chunks(output, sequence, start, stream, written_at, bytes) VALUES(?1, ?2, ?3, ?4, ?5, ?6) "
       "ON CONFLICT DO NOTHING"},
  };
  for (const auto& [statement, sql] : all) {
    auto prepared = database_.prepared(sql);
    if (!prepared) return Failure(prepared.error());
    *statement = *prepared;
  }
  return {};
}

Result<std::int64_t> Recorder::number_of(Names& names, const std::string& name) {
  if (const auto known = names.numbers.find(name); known != names.numbers.end()) return known->second;
  if (names.numbers.size() >= kNamesRemembered) names.numbers.clear();
  std::int64_t number = 0;
  {
    Use select(*names.select);
    select->bind_text(1, name);
    const auto row = select->step();
    if (!row) return Failure(row.error());
    if (*row) number = select->number(0);
  }
  if (number == 0) {
    names.insert->bind_text(1, name);
    if (auto done = names.insert->run(); !done) return Failure(done.error());
    number = database_.last_id();
  }
  names.numbers.emplace(name, number);
  return number;
}

Result<bool> Recorder::find_standing(const domain::RunRecord& record, std::int64_t job, Inserted& answer) {
  const domain::Firing& firing = record.id.firing;
  Use use(firing.scheduled() ? *standing_ : *standing_request_);
  use->bind(1, job);
  if (firing.scheduled()) {
    use->bind(2, to_ms(firing.instant()));
  } else {
    use->bind_text(2, request_of(firing));
  }
  use->bind(3, record.id.attempt);
  const auto row = use->step();
  if (!row || !*row) return row;
  const auto status = status_of(use->number(0));
  if (!status) return fail(Code::Corrupt, "record of run '{}': {} is no status", record.id.text(), use->number(0));
  answer = {Inserted::Outcome::Duplicate, *status, use->number(1) != 0, ""};
  return true;
}

Result<Inserted> Recorder::insert(const domain::RunRecord& record, WallTime now) {
  Inserted answer;
  auto reason = why_refused(record);
  if (!reason) {
    const auto job = number_of(jobs_, record.id.firing.job.text());
    if (!job) return Failure(job.error());
    const auto standing = find_standing(record, *job, answer);
    if (!standing) return Failure(standing.error());
    if (*standing) return answer;
    if (!(reason = why_too_old(record, retention_, now))) {
      const auto worker = number_of(workers_, record.worker.text());
      if (!worker) return Failure(worker.error());
      bind(*insert_, record, *job, *worker);
      if (auto done = insert_->run(); !done) return Failure(done.error());
      tally_.jobs.push_back(*job);
      return answer;
    }
    ++tally_.too_old;
  }
  answer.outcome = Inserted::Outcome::Refused;
  answer.error = std::move(*reason);
  return answer;
}

void Recorder::bind(Statement& statement, const domain::RunRecord& record, std::int64_t job, std::int64_t worker) {
  const domain::RunEnd& end = record.end;
  const std::int64_t at = to_ms(plan_time(record));
  statement.bind(1, job);
  statement.bind(2, at);
  statement.bind_text(3, request_of(record.id.firing));
  statement.bind(4, record.id.attempt);
  statement.bind(5, code_of(end.status));
  statement.bind(6, worker);
  statement.bind(7, signed_of(record.range_count));
  statement.bind(8, code_of(end.reason));
  bind_optional(statement, 9, end.exit_code);
  bind_optional(statement, 10, end.signal);
  statement.bind(11, code_of(record.trigger));
  statement.bind(12, record.final ? 1 : 0);
  statement.bind(13, to_ms(record.claimed_at) - at);
  statement.bind(14, to_ms(end.started_at) - at);
  statement.bind(15, to_ms(end.ended_at) - at);
  if (record.range_from) {
    statement.bind(16, to_ms(*record.range_from));
  } else {
    statement.bind_null(16);
  }
  statement.bind(17, signed_of(end.output_bytes));
  statement.bind(18, signed_of(end.output_bytes_dropped));
  statement.bind(19, end.usage.cpu_user.count());
  statement.bind(20, end.usage.cpu_system.count());
  statement.bind(21, signed_of(end.usage.memory_bytes_peak));
  statement.bind(22, record.job_revision);
  statement.bind(23, record.fence);
  statement.bind_text(24, record.command);
  statement.bind_text(25, end.error);
  statement.bind_text(26, end.actor);
  statement.bind_text(27, record.triggered_by);
  statement.bind_text(28, record.output);
}

Result<bool> Recorder::append(const domain::OutputChunk& chunk) {
  const domain::Firing& firing = chunk.run.firing;
  const auto job = number_of(jobs_, firing.job.text());
  if (!job) return Failure(job.error());
  const std::int64_t instant = firing.scheduled() ? to_ms(firing.instant()) : 0;
  const std::int64_t written_at = to_ms(chunk.written_at);
  const auto bind_run = [&](Statement& statement) {
    statement.bind(1, *job);
    statement.bind(2, instant);
    statement.bind_text(3, request_of(firing));
    statement.bind(4, chunk.run.attempt);
  };
  std::int64_t output = 0;
  {
    Use select(*output_);
    bind_run(*output_);
    const auto row = select->step();
    if (!row) return row;
    if (*row) output = select->number(0);
  }
  if (output == 0) {
    bind_run(*new_output_);
    new_output_->bind(5, written_at);
    if (auto done = new_output_->run(); !done) return Failure(done.error());
    output = database_.last_id();
  }
  chunk_->bind(1, output);
  chunk_->bind(2, signed_of(chunk.sequence));
  chunk_->bind(3, signed_of(chunk.offset));
  chunk_->bind(4, static_cast<std::int64_t>(chunk.stream));
  chunk_->bind(5, written_at);
  chunk_->bind_blob(6, chunk.bytes);
  if (auto done = chunk_->run(); !done) return Failure(done.error());
  if (database_.changes() == 0) return false;
  touch_output_->bind(1, output);
  touch_output_->bind(2, written_at);
  if (auto done = touch_output_->run(); !done) return Failure(done.error());
  return true;
}

Recorder::Tally Recorder::committed() { return std::exchange(tally_, {}); }

void Recorder::rolled_back() {
  tally_ = {};
  jobs_.numbers.clear();
  workers_.numbers.clear();
}

}  // namespace cronfleet::history::sqlite
