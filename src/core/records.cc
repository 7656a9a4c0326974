// What is over on its way into the history: recorded, its key removed; shelved or spooled where there is no room.
#include "core/scheduler_state.h"
#include "domain/job_json.h"

namespace cronfleet::core {

using Stage = RunSlot::Stage;

// Asks the history for the record; its answer removes the key.
void Scheduler::State::record(RunSlot& run) {
  if (spool(run)) return;
  set_stage(run, Stage::Recording);
  if (!shelve(run)) send_record(run, false);
}

std::string Scheduler::State::shown_command(const RunSlot& run) {
  if (!run.entry.command.empty()) return run.entry.command;
  if (run.job) return domain::shown_command(*run.job->job);
  const JobSlot* slot = find_slot(run.entry.run.firing.job);
  const CompiledPtr job = slot != nullptr ? slot->adopted().job : nullptr;
  return job ? domain::shown_command(*job->job) : std::string();
}

// With the history away for long there are very many of them. Those that another attempt depends on stay, and so does
// all while the store is set back.
bool Scheduler::State::plain(const RunSlot& run) const {
  return !run.redeliver && !run.followed && !run.lost_key && !obstacles.store_set_back && rules.record_before_removal;
}

Shelved Scheduler::State::shelved(RunSlot run) {
  run.entry.command = shown_command(run);
  return {.entry = std::move(run.entry),
          .text = std::move(run.text),
          .output = {.text = std::move(run.output_text), .chunks = {}},
          .executed = run.executed,
          .kill_order = run.kill_order,
          .key_gone = run.key_gone,
          .former = run.former};
}

// True: the run is not here any more.
bool Scheduler::State::shelve(RunSlot& run) {
  if (history_room || !plain(run)) return false;
  const domain::RunId id = run.entry.run;
  on_shelf.insert(id);
  if (!run.key_gone) ++keys_of_shelved;
  emit(Shelve{shelved(std::move(run))});
  runs.erase(id);
  return true;
}

// Rule 29. Not where the history may say that an attempt follows: the key is what that would be written to.
bool Scheduler::State::spool(RunSlot& run) {
  if (history_room || run.key_gone || !plain(run)) return false;
  if (keys_of_shelved + runs.size() <= options.ended_keys_max) return false;
  const JobSlot* slot = find_slot(run.entry.run.firing.job);
  const CompiledPtr job = run.job || slot == nullptr ? run.job : slot->adopted().job;
  if (!job || job->job->delivery.mode == domain::Delivery::Mode::AtLeastOnce) return false;
  set_stage(run, Stage::Spooling);
  emit(Spool{shelved(run)});
  return true;
}

void Scheduler::State::on(const Spooled& spooled) {
  RunSlot* run = find_run(spooled.run);
  if (run == nullptr || run->stage != Stage::Spooling) return;
  set_stage(*run, Stage::Recording);
  if (spooled.kept && plain(*run)) {
    run->spooled = true;
    return remove(*run);
  }
  if (run->lost_key && session_open) put_key_again(*run);
  if (!shelve(*run)) send_record(*run, false);
}

void Scheduler::State::on(const Respooled& respooled) {
  const Shelved& was = respooled.run;
  if (known(was.entry.run)) return;  // its key stands still, and says the same
  RunSlot& run = add_run(was.entry);
  run.text.clear();
  run.output_text = was.output.text;
  run.executed = was.executed;
  run.former = was.former;
  run.key_gone = true;
  record(run);
}

void Scheduler::State::on(const Unshelved& unshelved) {
  const Shelved& was = unshelved.run;
  const domain::RunId& id = was.entry.run;
  on_shelf.erase(id);
  if (!was.key_gone) --keys_of_shelved;
  const bool set_back = shelved_before_set_back > 0;
  if (set_back) --shelved_before_set_back;
  RunSlot& run = add_run(was.entry);
  run.text = was.text;
  run.output_text = was.output.text;
  run.executed = was.executed;
  run.key_gone = was.key_gone;
  run.former = was.former;
  run.kill_order = was.kill_order || kill_orders.contains(keys.kill(id));
  set_stage(run, Stage::Recording);
  if (set_back && run.executed && !run.key_gone) {
    run.lost_key = run.former = true;
    if (session_open) put_key_again(run);
  }
  send_record(run, true);
}

// Our own list finds their keys, as it would after a crash.
void Scheduler::State::on(const ShelfLost&) {
  on_shelf.clear();
  keys_of_shelved = 0;
  shelved_before_set_back = 0;
  relist();
}

void Scheduler::State::send_record(RunSlot& run, bool shelved) {
  domain::RunRecord record;
  record.id = run.entry.run;
  record.command = shown_command(run);
  record.end = run.entry.end;
  record.worker = run.entry.worker.empty() ? self : run.entry.worker;
  record.trigger = run.entry.trigger;
  record.triggered_by = run.entry.triggered_by;
  record.scheduled_at = run.entry.scheduled_at;
  record.claimed_at = run.entry.claimed_at;
  record.job_revision = run.entry.job_revision;
  record.fence = run.entry.fence;
  record.final = run.entry.final;
  record.output = std::move(run.output_text);
  if (run.entry.range) {
    record.range_count = run.entry.range->count;
    record.range_from = run.entry.range->from;
    const Range range = *run.entry.range;
    emit(RecordRange{std::move(record), range, shelved});
  } else {
    emit(Record{std::move(record), shelved});
  }
  if (!rules.record_before_removal && !run.key_gone) remove(run);
}

void Scheduler::State::on(const RunRecorded& recorded) {
  RunSlot* run = find_run(recorded.run);
  if (run == nullptr || run->stage != Stage::Recording) return;
  if (run->redeliver) {
    run->redeliver = false;
    // What stood first decides: a final record is the verdict, and one that is not final is followed (rule 12).
    const bool over = recorded.duplicate && recorded.standing_final;
    if (!over) return follow(*run);
    run->entry.final = true;
    run->entry.end.status = recorded.standing;
    return write_end(*run);
  }
  // An earlier life told the history that an attempt follows, and died before it wrote that down.
  if (recorded.duplicate && !recorded.standing_final && run->entry.final && !run->key_gone && !run->entry.range) {
    run->entry.final = false;
    return follow(*run);
  }
  if (run->key_gone) {
    emit(Forget{recorded.run});
    return erase(recorded.run);
  }
  remove(*run);
}

// The history says that an attempt follows. In a store that was set back it may be one that goes on here.
void Scheduler::State::follow(RunSlot& run) {
  if (known({run.entry.run.firing, run.entry.run.attempt + 1})) return remove(run);
  run.followed = true;
  retry(run);
}

void Scheduler::State::remove(RunSlot& run) {
  set_stage(run, Stage::Removing);
  commit(recorded_row(actor(), run.entry.run, run.text, run.kill_order),
         PendingRun{run.entry.run, run.entry, {}, now.mono}, options.gather);
}

}  // namespace cronfleet::core
