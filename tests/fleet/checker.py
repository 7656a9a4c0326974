"""tests/fleet/checker.py: holds what was recorded and answered against what really happened.

Violations are those of correctness, which no load of the machine excuses. How late starts were is a figure; only where
nothing was wrong for a long while does it become a violation (I14). Each violation carries an invariant's number where
it has one: I1 no early start; I2 one start per attempt; I3 one verdict per firing; I4, I10 edits are obeyed; I6 no
forbidden overlap; I7 the record equals the truth; I8 nothing is left running; I9 kills end; I11 output is whole; I12 no
key is left; I13 what a reader saw never goes back; I14 it heals.
"""

import bisect
import collections
import dataclasses

import evidence as ev
import oracle

EARLY_MS = 50
EDIT_MS = 1000  # an acknowledged edit is obeyed after this (I10) …
SLACK_MS = 500  # … and a busy machine may keep a process waiting this long between its exec and its first line
KILL_MS = 2000  # beyond the grace (I9)
KILL_SLACK_MS = 1500
RECORD_MS = 1500  # between what a record says of start or end and what the process said itself
HEALED_MS = 30_000  # after the last fault (I14)
BACKLOG_MS = 10_000  # later than this is a backlog, on any machine
EDITED_MS = 5_000  # a firing that nobody took within this was not missed because of a later edit
AFTERMATH_MS = 60_000  # for so long after a fault a skip, loss or miss may come of it: leases, locks, deadlines


@dataclasses.dataclass(frozen=True)
class Violation:
    kind: str
    firing: tuple | None
    text: str

    def __str__(self):
        return f"{self.kind}: {self.text}"


@dataclasses.dataclass
class Report:
    violations: list
    figures: dict

    @property
    def kinds(self):
        return {violation.kind for violation in self.violations}


def check(evidence):
    return Checker(evidence).run()


class Checker:
    def __init__(self, evidence):
        self.e = evidence
        self.violations = []
        self.lives = collections.defaultdict(list)  # run → lives
        for life in evidence.lives:
            self.lives[life.run].append(life)
        self.records = collections.defaultdict(list)  # run → records, single ones
        self.ranges = collections.defaultdict(list)  # job → records that stand for several firings
        for record in evidence.records:
            if record.range_count > 1:
                self.ranges[record.run.job].append(record)
            else:
                self.records[record.run].append(record)
        edits = collections.defaultdict(list)
        for edit in evidence.edits:
            edits[edit.job].append(edit)
        self.timelines = {job: ev.Timeline(all_of_job) for job, all_of_job in edits.items()}
        self.versions = {(edit.job, edit.version.tag): edit.version for edit in evidence.edits if edit.version}
        self.triggers = {trigger.run.firing: trigger for trigger in evidence.triggers}
        self.expected = {}  # (job, instant) → True or None
        for job, timeline in self.timelines.items():
            for instant, owed in timeline.expected(evidence.first, evidence.last).items():
                self.expected[job, instant] = owed
        self.attempts = collections.defaultdict(set)  # firing → runs that left any trace
        for run in [*self.lives, *self.records]:
            self.attempts[run.firing].add(run)
        self.fault_ends = sorted(fault.healed for fault in evidence.faults)

    def say(self, kind, text, firing=None):
        self.violations.append(Violation(kind, firing, text))

    def run(self):
        self.check_starts()
        self.check_attempts()
        self.check_verdicts()
        self.check_ranges()
        self.check_triggers()
        self.check_edits()
        self.check_overlap()
        self.check_records()
        self.check_causes()
        self.check_kills()
        self.check_sightings()
        self.check_healing()
        for run, pid in self.e.residue:
            self.say("residue", f"I8: process {pid} of {run} is alive although the run is over", run.firing)
        for key in self.e.leftovers:
            self.say("leftover", f"I12: the key {key} was not removed")
        for line in self.e.orphans:
            self.say("orphan", f"a line of the ground truth has no start before it: {line!r}")
        return Report(self.violations, self.figures())

    # Faults

    def disturbed(self, begun, ended, node=None):
        """Whether a fault was on in [begun, ended]; of another node than `node` they do not count, where one is given."""
        return any(fault.begun <= ended and begun <= fault.healed for fault in self.e.faults
                   if node is None or fault.node in ("", node))

    # I1, I2, I4

    def check_starts(self):
        for run, lives in self.lives.items():
            if len(lives) > 1:
                where = ", ".join(f"{life.node} pid {life.pid}" for life in lives)
                self.say("doubled_start", f"I2: {run} started {len(lives)} times: {where}", run.firing)
            for life in lives:
                if run.instant is None:
                    continue
                early = run.instant - life.started
                if early > EARLY_MS:
                    self.say("early_start", f"I1: {run} started {early:.0f} ms before its instant", run.firing)
                if not self.may_be_owed(run):
                    self.say("start_without_slot", f"I4: {run} started, but no saved schedule names it", run.firing)

    def may_be_owed(self, run):
        if (run.job, run.instant) in self.expected:
            return True
        if self.e.first <= run.instant <= self.e.last:
            return False
        timeline = self.timelines.get(run.job)  # outside of what must be accounted for: as far as is known
        return timeline is not None and bool(timeline.expected(run.instant, run.instant))

    def check_attempts(self):
        for firing, runs in self.attempts.items():
            runs = sorted(runs)
            fences = [(run, self.lives[run][0].fence) for run in runs if self.lives.get(run)]
            for (before, low), (after, high) in zip(fences, fences[1:]):
                if high <= low:
                    self.say("fence", f"I2: {after} has fence {high}, {before} had {low}: it must grow", firing)
            for run in runs[1:]:
                if run.attempt > self.attempts_max(run):
                    self.say("attempt_too_many", f"I2: {run} exists, the job allows {self.attempts_max(run)} attempts",
                             firing)

    def attempts_max(self, run):
        versions = [edit.version for edit in self.timelines[run.job].edits if edit.version] if run.job in self.timelines else []
        return max([max(version.at_least_once, 1 + version.retries) for version in versions], default=1)

    # I3

    def finals(self, firing):
        """Final records of a firing; copies of one run with one verdict, left by two workers, count once."""
        found = {}
        for run in self.attempts.get(firing, ()):
            for record in self.records.get(run, ()):
                if record.final:
                    found.setdefault((run, record.status), record)
        return list(found.values())

    def check_verdicts(self):
        ranged = collections.Counter()
        for job, records in self.ranges.items():
            for record in records:
                for instant in self.slots(job, record.range_from, record.run.instant):
                    ranged[job, instant] += 1
        self.unaccounted = 0
        firings = {(job, instant, "") for job, instant in self.expected}
        firings |= {firing for firing in self.attempts if firing[1] is not None}
        for job, instant, _ in sorted(firings):
            firing = job, instant, ""
            finals = self.finals(firing)
            count = len(finals) + ranged[job, instant]
            owed = self.expected.get((job, instant), False)
            name = ev.Run(job, instant, "", 1)
            if owed and count == 0:
                self.unaccounted += 1
                self.say("no_verdict", f"I3: {name} was owed and has no final record", firing)
            if count > 1:
                all_of_them = ", ".join(f"{record.run} {record.status} ({record.source})" for record in finals)
                self.say("two_verdicts", f"I3: {name} has {count} final records: {all_of_them}", firing)
            if finals and not self.may_be_owed(finals[0].run):
                self.say("verdict_without_slot", f"I3: {finals[0].run} has a record, but no saved schedule names it",
                         firing)
            for record in finals:
                if any(run.attempt > record.run.attempt for run in self.attempts[firing]):
                    self.say("final_not_last", f"I3: {record.run} is recorded as final, but a later attempt exists",
                             firing)
            if self.e.shared_history:
                for run in self.attempts.get(firing, ()):
                    if len(self.records.get(run, ())) > 1:
                        self.say("two_verdicts", f"I3: the history has two records of {run}", firing)

    def slots(self, job, first, last):
        return [instant for (name, instant) in self.expected if name == job and first <= instant <= last]

    def check_ranges(self):
        for job, records in self.ranges.items():
            for record in records:
                timeline = self.timelines.get(job)
                slots = timeline.expected(record.range_from, record.run.instant) if timeline else {}
                least, most = sum(owed is True for owed in slots.values()), len(slots)
                if not least <= record.range_count <= most:
                    self.say("range_count", f"I3: a record of {job} stands for {record.range_count} firings; "
                             f"between {least} and {most} were owed", record.run.firing)

    def check_triggers(self):
        for firing, trigger in self.triggers.items():
            finals = self.finals(firing)
            if trigger.acked is not None and not finals:
                self.say("no_verdict", f"I3: {trigger.run} was acknowledged and has no final record", firing)
            if len(finals) > 1:
                self.say("two_verdicts", f"I3: {trigger.run} has {len(finals)} final records", firing)
        for firing in self.attempts:
            if firing[1] is None and firing not in self.triggers:
                run = min(self.attempts[firing])
                self.say("start_without_slot", f"I4: {run} exists, and nobody asked for it", firing)

    # I10

    def check_edits(self):
        for life in self.e.lives:
            timeline = self.timelines.get(life.run.job)
            if timeline is None:
                continue
            allowed = {version.tag for version in timeline.standing(life.started, EDIT_MS + SLACK_MS)
                       if version is not None and (version.enabled or life.run.instant is None)}
            if life.tag not in allowed:
                self.say("stale_version", f"I10: {life.run} started as version {life.tag}, when only "
                         f"{sorted(allowed) or 'no version'} could stand", life.run.firing)
        for job, timeline in self.timelines.items():
            before = None
            for edit in timeline.edits:
                if edit.since is None:
                    continue
                if edit.acked is not None and edit.since > edit.acked + oracle.LEAD_MS + SLACK_MS:
                    self.say("since", f"I4: an edit of {job} acknowledged at {edit.acked} counts only from {edit.since}")
                if before is not None and edit.since < before:
                    self.say("since", f"I4: since of {job} fell from {before} to {edit.since}")
                before = edit.since

    # I6

    def check_overlap(self):
        by_job = collections.defaultdict(list)
        for life in self.e.lives:
            by_job[life.run.job].append(life)
        for lives in by_job.values():
            lives.sort(key=lambda life: life.started_ns)
            last = None
            for life in lives:
                if last is not None and life.started_ns < last.seen_ns and life.run != last.run:
                    policies = {self.policy(life), self.policy(last)}
                    if "allow" not in policies:
                        both = (last.seen_ns - life.started_ns) / 1e6
                        self.say("overlap", f"I6: {life.run} on {life.node} ran beside {last.run} on {last.node} for at "
                                 f"least {both:.0f} ms", life.run.firing)
                if last is None or life.seen_ns > last.seen_ns:
                    last = life

    def policy(self, life):
        version = self.versions.get((life.run.job, life.tag))
        return version.overlap if version else "allow"

    # I7, I11

    def check_records(self):
        self.start_difference = self.end_difference = 0
        for run, records in self.records.items():
            lives = self.lives.get(run, [])
            statuses = {record.status for record in records}
            for record in records:
                self.check_record(run, record, lives, alone=len(statuses) == 1)
        for run in self.lives:
            if run not in self.records and not self.covered_by_range(run) and self.is_due(run):
                self.say("unrecorded_start", f"I7: {run} started and has no record", run.firing)

    def covered_by_range(self, run):
        covering = [record for record in self.ranges.get(run.job, ())
                    if run.instant is not None and record.range_from <= run.instant <= record.run.instant]
        for record in covering:
            self.say("record_differs", f"I7: {run} started, a range says {record.status}", run.firing)
        return bool(covering)

    def is_due(self, run):
        return run.instant is None or self.e.first <= run.instant <= self.e.last

    def check_record(self, run, record, lives, alone):
        def differs(text):
            self.say("record_differs", f"I7: {run} is recorded as {record.status}"
                     f"{f' ({record.reason})' if record.reason else ''} by {record.worker}, {text}", run.firing)

        status = record.status
        if status in ev.NEVER_STARTED and lives:
            return differs(f"but it ran on {lives[0].node}")
        if status in ("succeeded", "failed", "signalled", "timed_out") and not lives:
            return differs("but it never ran")
        if not lives:
            return None
        life = lives[0]
        if status == "succeeded" and life.exit_code != 0:
            return differs(f"but its own end says {life.exit_code}")
        if status == "failed" and life.exit_code != record.exit_code:
            return differs(f"with exit code {record.exit_code}, but its own end says {life.exit_code}")
        if status == "signalled" and life.exit_code is not None:
            return differs("but it came to its end")
        if status == "lost" or not alone:
            return None  # nobody could know more
        if record.worker != life.node:
            differs(f"but it ran on {life.node}")
        if record.fence and record.fence != life.fence:
            differs(f"with fence {record.fence}, but it was started under {life.fence}")
        if record.started:
            difference = abs(record.started - life.started)
            self.start_difference = max(self.start_difference, difference)
            if difference > RECORD_MS:
                differs(f"with a start {difference:.0f} ms from the real one")
        if status in ("succeeded", "failed"):
            difference = abs(record.ended - life.seen)
            self.end_difference = max(self.end_difference, difference)
            if difference > RECORD_MS:
                differs(f"with an end {difference:.0f} ms from the real one")
            self.check_output(run, record, life)
        return None

    def check_output(self, run, record, life):
        version = self.versions.get((run.job, life.tag))
        if version is None:
            return
        if record.output_bytes != version.print_bytes:
            self.say("output", f"I11: {run} wrote {version.print_bytes} bytes, its record says {record.output_bytes}",
                     run.firing)
            return
        # Where each worker keeps a history of its own, the one that took a dead worker's key over has the record too, and
        # the output stays with the dead one's.
        kept = [copy.output_kept for copy in self.records[run] if copy.output_kept is not None]
        if kept and max(kept) + record.output_dropped != record.output_bytes:
            self.say("output", f"I11: of {run} {max(kept)} bytes are stored and {record.output_dropped} counted as left "
                     f"out, of {record.output_bytes}", run.firing)

    # A firing that did not run had a cause: nobody may account for firings by writing them off.

    def check_causes(self):
        all_records = [record for records in self.records.values() for record in records]
        all_records += [record for records in self.ranges.values() for record in records]
        killed = {kill.run for kill in self.e.kills}
        for record in all_records:
            run, moment = record.run, record.run.instant or record.ended
            if not self.is_due(run):
                continue
            first = record.range_from or moment
            disturbed = self.disturbed(first - AFTERMATH_MS, moment + AFTERMATH_MS)
            edited = any(first - EDIT_MS <= edit.sent <= moment + EDITED_MS for edit in self.edits_of(run.job)[1:])
            fine = True
            if record.status == "missed":
                fine = disturbed or edited
            elif record.status == "lost":
                fine = self.disturbed((record.started or moment) - EDIT_MS, record.ended + EDIT_MS) or disturbed
            elif record.status == "refused":
                fine = False
            elif record.status == "killed":
                fine = run in killed or disturbed or record.reason == "replaced"
            elif record.status == "skipped" and record.reason == "overlap":
                fine = disturbed or self.ran_at(run.job, moment)
            if not fine:
                self.say("without_cause", f"I5: {run} is recorded as {record.status} ({record.reason}), and nothing that "
                         "was done explains it", run.firing)

    def edits_of(self, job):
        return self.timelines[job].edits if job in self.timelines else []

    def ran_at(self, job, moment):
        if not hasattr(self, "spans"):
            self.spans = collections.defaultdict(list)
            for life in self.e.lives:
                self.spans[life.run.job].append((life.started, life.seen))
            for spans in self.spans.values():
                spans.sort()
        spans = self.spans[job]
        near = bisect.bisect_right(spans, (moment + RECORD_MS, float("inf")))
        return any(seen + RECORD_MS >= moment for _, seen in spans[max(0, near - 20):near])

    # I9

    def check_kills(self):
        self.kill_latest = 0
        for kill in self.e.kills:
            for life in self.lives.get(kill.run, ()):
                if life.seen <= kill.acked:
                    continue
                counted_from = kill.acked
                for fault in sorted(self.e.faults, key=lambda fault: fault.begun):
                    if fault.node in ("", life.node) and fault.begun <= counted_from + kill.grace_ms + KILL_MS:
                        counted_from = max(counted_from, fault.healed + self.reconnect_ms())
                took = life.seen - counted_from
                self.kill_latest = max(self.kill_latest, took)
                if took > kill.grace_ms + KILL_MS + KILL_SLACK_MS:
                    self.say("late_kill", f"I9: {kill.run} lived on for {took:.0f} ms after its kill was acknowledged, "
                             f"with a grace of {kill.grace_ms} ms", kill.run.firing)

    @staticmethod
    def reconnect_ms():
        return 12_000  # for a new session after a fault

    # I13

    def check_sightings(self):
        seen = {}
        for sighting in self.e.sightings:
            key = sighting.reader, sighting.run
            before, now = seen.get(key), sighting.status
            seen[key] = now
            if before is None or before == now:
                continue
            if before not in ev.UNFINISHED:
                self.say("reader_went_back", f"I13: {sighting.reader} saw {sighting.run} as {before}, then as {now}",
                         sighting.run.firing)
            elif now in ev.UNFINISHED and ev.UNFINISHED.index(now) < ev.UNFINISHED.index(before):
                self.say("reader_went_back", f"I13: {sighting.reader} saw {sighting.run} as {before}, then as {now}",
                         sighting.run.firing)
        for (reader, run), status in seen.items():
            records = self.records.get(run, ())
            if status not in ev.UNFINISHED and records and all(record.status != status for record in records):
                self.say("reader_differs", f"I13: {reader} saw {run} as {status}, its record says {records[0].status}",
                         run.firing)

    # I14

    def check_healing(self):
        healed = (self.fault_ends[-1] if self.fault_ends else self.e.first) + HEALED_MS
        for run, late in self.lateness():
            if run.instant >= healed and late > BACKLOG_MS:
                self.say("backlog", f"I14: {run} started {late:.0f} ms late, long after the last fault", run.firing)

    # Figures

    def waits(self):
        """Queued runs that the run before was in the way of at their instant → how long after its end they began."""
        by_job = collections.defaultdict(list)
        for run, lives in self.lives.items():
            by_job[run.job].append((run, lives[0]))
        waits = {}
        for starts in by_job.values():
            last = 0  # the end of those before
            for run, life in sorted(starts, key=lambda start: start[1].started):
                if run.instant is not None and run.instant < last <= life.started and self.policy(life) == "queue":
                    waits[run] = life.started - last
                last = max(last, life.seen)
        return waits

    def lateness(self):
        for run, lives in self.lives.items():
            if run.instant is not None and run.attempt == 1 and self.is_due(run):
                yield run, lives[0].started - run.instant

    def figures(self):
        verdicts = collections.Counter()
        for records in self.records.values():
            for record in records[:1]:
                if record.final and self.is_due(record.run):
                    verdicts[record.status + (f" ({record.reason})" if record.reason else "")] += 1
        for records in self.ranges.values():
            for record in records:
                verdicts[record.status + (f" ({record.reason})" if record.reason else "")] += record.range_count
        catch_ups = {record.run for records in self.records.values() for record in records if record.trigger == "catch_up"}
        quiet, faulty, caught_up, beyond, without_history, queued = [], [], [], [], [], []
        waits, in_time = self.waits(), 0
        for run, late in self.lateness():
            if run in waits:
                queued.append(waits[run])
            elif run in catch_ups:
                caught_up.append(late)
            elif self.disturbed(run.instant - 1000, run.instant + 1000):
                faulty.append(late)
                if late > 750:
                    beyond.append((late, run))
                    # Its worker waited for the word of the store that the claim had come there: nobody else may start it.
                    in_time += any(0 < record.claimed <= run.instant + 750 for record in self.records.get(run, ()))
            elif any(fault.begun <= run.instant + 100 and run.instant - 100 <= fault.healed for fault in self.e.history_faults):
                without_history.append(late)
            else:
                quiet.append(late)
        self.check_without_history(sorted(quiet), sorted(without_history))
        return {
            "firings": sum(owed is True for owed in self.expected.values()),
            "either": sum(owed is None for owed in self.expected.values()),
            "starts": len(self.e.lives),
            "doubled": sum(len(lives) - 1 for lives in self.lives.values()),
            "unaccounted": self.unaccounted,
            "verdicts": dict(verdicts.most_common()),
            "late_ms": summary(quiet),
            "late_ms_faulty": summary(faulty),
            "late_ms_without_history": summary(without_history),
            "late_ms_catch_up": summary(caught_up),
            "after_the_one_before_ms": summary(queued),
            "faulty_within_750_ms": sum(late <= 750 for late in faulty),
            "later_but_claimed_within_750_ms": in_time,
            "faulty_latest": [self.told(late, run) for late, run in sorted(beyond, reverse=True)[:8]],
            "edits": len(self.e.edits),
            "kills": len(self.e.kills),
            "kill_ms_max": round(self.kill_latest),
            "triggers": len(self.e.triggers),
            "faults": len(self.e.faults) + len(self.e.history_faults),
            "history_faults": dict(collections.Counter(fault.kind for fault in self.e.history_faults)),
            "sightings": len(self.e.sightings),
            "record_start_differs_ms_max": round(self.start_difference),
            "record_end_differs_ms_max": round(self.end_difference),
        }

    def told(self, late, run):
        kinds = {f"{fault.kind} of {fault.node}" for fault in self.e.faults
                 if fault.begun - 1000 <= run.instant <= fault.healed + 1000}
        return f"{run}: {late:.0f} ms, on {self.lives[run][0].node}, {', '.join(sorted(kinds))}"

    def check_without_history(self, quiet, without):
        """MongoDB is no part of a start: half of them are as early as they are with it. 5 ms are for the machine."""
        if min(len(quiet), len(without)) < 40:
            return
        with_it, without_it = quiet[len(quiet) // 2], without[len(without) // 2]
        if without_it > with_it * 1.05 + 5:
            self.say("late_without_history", f"half of the starts while MongoDB was in trouble were {without_it:.1f} ms late "
                     f"and more, the others {with_it:.1f} ms")

    def about(self, firing):
        """Everything that is known of a firing, for whoever looks for the cause of a violation."""
        job, instant, _ = firing
        lines = [f"start    {life}" for run in sorted(self.attempts.get(firing, ())) for life in self.lives.get(run, ())]
        lines += [f"record   {record}" for run in sorted(self.attempts.get(firing, ()))
                  for record in self.records.get(run, ())]
        moment = instant or next((life.started for run in self.attempts.get(firing, ())
                                  for life in self.lives.get(run, ())), None)
        if moment is not None:
            lines += [f"edit     {edit}" for edit in self.e.edits if edit.job == job and abs(edit.sent - moment) < 15_000]
            lines += [f"fault    {fault}" for fault in self.e.faults
                      if fault.begun - 5_000 <= moment <= fault.healed + 40_000]
        return lines


def summary(values):
    """count, p50, p99 and greatest, in ms."""
    values = sorted(values)
    if not values:
        return {"count": 0}
    at = lambda share: round(values[min(len(values) - 1, int(share * len(values)))], 1)
    return {"count": len(values), "p50": at(0.5), "p99": at(0.99), "max": round(values[-1], 1)}
