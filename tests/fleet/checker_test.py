#!/usr/bin/env python3
"""tests/fleet/checker_test.py [SEEDS=50]: the checker under test: clean histories pass, and each kind of planted violation
is caught in every one of SEEDS histories made from a seed. A checker that cannot fail proves nothing.
"""

import dataclasses
import random
import sys
import unittest

import evidence as ev
import oracle
from checker import check
from oracle import Edit, Schedule, Version

SEEDS = 50
START = 1_780_000_000_000  # a whole second
SECONDS = 40


class History:
    """A clean history of some jobs over 40 s: every firing accounted for, with edits, kills, run-nows and a fault."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.fence = 100
        self.pid = 1000
        self.first, self.last = START, START + SECONDS * 1000
        self.e = ev.Evidence(lives=[], records=[], edits=[], first=self.first, last=self.last)
        self.nodes = ["alpha", "beta", "gamma"]
        for name, version in [
            ("each", Version("each.1", "* * * * * *", overlap="allow", print_bytes=self.random.choice([0, 7, 5000]))),
            ("long", Version("long.1", "*/2 * * * * *", duration_ms=1200)),
            ("blocked", Version("blocked.1", "* * * * * *", duration_ms=2500)),
            ("retried", Version("retried.1", "*/5 * * * * *", retries=2, exit_code=3)),
            ("again", Version("again.1", "*/7 * * * * *", at_least_once=3, duration_ms=500)),
            ("edited", Version("edited.1", "* * * * * *", overlap="allow")),
            ("deleted", Version("deleted.1", "*/3 * * * * *")),
        ]:
            self.save(name, START - 5000, version)
        middle = START + self.random.randrange(12_000, 25_000)
        self.save("edited", middle, Version("edited.2", "*/4 * * * * *", overlap="allow"),
                  since=middle + 5 if self.random.random() < 0.5 else None)
        self.save("deleted", middle, None)
        self.fill()
        self.run_now()
        self.kill_one()
        self.sightings()

    def save(self, job, sent, version, since=None):
        self.e.edits.append(Edit(job, sent, sent + self.random.randrange(3, 40), version, since))

    def live(self, run, started, duration, tag, exit_code=0, node=None):
        self.fence += 1
        self.pid += 1
        life = ev.Life(run, node or self.random.choice(self.nodes), self.fence, self.pid, tag, int(started * 1e6), started,
                       int((started + duration) * 1e6), started + duration, exit_code)
        self.e.lives.append(life)
        return life

    def record(self, life, status, final=True, **more):
        version = next((edit.version for edit in self.e.edits if edit.version and edit.version.tag == life.tag), None)
        ended = status in ("succeeded", "failed")
        record = ev.Record(life.run, status, more.pop("reason", ""), final, life.node, life.fence,
                           started=round(life.started), ended=round(life.seen) + 1,
                           exit_code=life.exit_code if ended else None,
                           output_bytes=version.print_bytes if version else 0,
                           output_kept=version.print_bytes if version else 0, **more)
        self.e.records.append(record)
        return record

    def not_run(self, run, status, reason):
        record = ev.Record(run, status, reason, True, self.random.choice(self.nodes), ended=(run.instant or START) + 2)
        self.e.records.append(record)
        return record

    def fill(self):
        for job in ["each", "long", "blocked", "retried", "again", "edited", "deleted"]:
            timeline = oracle.Timeline([edit for edit in self.e.edits if edit.job == job])
            busy_until = 0
            for instant, owed in timeline.expected(self.first, self.last).items():
                if owed is None and self.random.random() < 0.5:
                    continue
                versions = [version for version in timeline.versions_at(instant) if timeline.wants(version, instant)]
                self.fire(job, instant, versions[0], busy_until)
                busy_until = max([busy_until] + [life.seen for life in self.e.lives[-3:] if life.run.job == job])

    def fire(self, job, instant, version, busy_until):
        run = ev.Run(job, instant, "", 1)
        if version.overlap == "forbid" and busy_until > instant:
            return self.not_run(run, "skipped", "overlap")
        started = instant + self.random.uniform(0.5, 30)
        life = self.live(run, started, version.duration_ms + 2, version.tag, version.exit_code)
        if not version.retries:
            return self.record(life, "succeeded" if version.exit_code == 0 else "failed")
        self.record(life, "failed", final=False)
        second = self.live(dataclasses.replace(run, attempt=2), life.seen + 50, 2, version.tag, version.exit_code)
        self.record(second, "failed", final=False)
        third = self.live(dataclasses.replace(run, attempt=3), second.seen + 50, 2, version.tag, version.exit_code)
        return self.record(third, "failed")

    def run_now(self):
        run = ev.Run("each", None, "r-1", 1)
        self.e.triggers.append(ev.Trigger(run, START + 3000, START + 3010))
        self.record(self.live(run, START + 3020, 5, "each.1"), "succeeded", trigger="manual")

    def kill_one(self):
        life = next(life for life in self.e.lives if life.run.job == "long")
        record = next(record for record in self.e.records if record.run == life.run)
        life.exit_code, life.asked_to_end = None, True
        life.seen, life.seen_ns = life.started + 400, life.started_ns + 400 * 10**6
        record.status, record.exit_code, record.signal, record.ended = "killed", None, 15, round(life.seen) + 1
        self.e.kills.append(ev.Kill(life.run, round(life.started + 300), 1000))
        self.killed = life

    def sightings(self):
        for record in self.e.records[::5]:
            for status, at in [("running", record.ended - 1), (record.status, record.ended), (record.status, record.ended + 9)]:
                if status != "running" or record.status not in ev.NEVER_STARTED:
                    self.e.sightings.append(ev.Sighting("first", record.run, status, at))

    # What the plants below take hold of

    def pick(self, job, **wanted):
        """A record of `job` in the middle, and its life if it has one."""
        found = [record for record in self.e.records if record.run.job == job and record.run.instant
                 and all(getattr(record, key) == value for key, value in wanted.items())]
        record = self.random.choice(found[1:-1])
        return record, next((life for life in self.e.lives if life.run == record.run), None)

    def drop_sightings(self, run):
        self.e.sightings = [sighting for sighting in self.e.sightings if sighting.run != run]


def early_start(h):
    _, life = h.pick("each")
    life.started = life.run.instant - h.random.uniform(51, 5000)


def second_start_elsewhere(h):
    _, life = h.pick("each")
    h.e.lives.append(dataclasses.replace(life, node="delta", pid=life.pid + 100_000))


def second_start_same_node_later(h):
    _, life = h.pick("long")
    h.e.lives.append(dataclasses.replace(life, pid=life.pid + 100_000, started=life.started + 700))


def no_record(h):
    record, life = h.pick("each")
    h.e.records.remove(record)
    h.e.lives.remove(life)
    h.drop_sightings(record.run)


def start_not_recorded(h):
    record, _ = h.pick("each")
    h.e.records.remove(record)
    h.drop_sightings(record.run)


def two_final_attempts(h):
    record, _ = h.pick("retried", final=False)
    record.final = True


def two_different_verdicts(h):
    record, _ = h.pick("each")
    h.e.records.append(dataclasses.replace(record, status="lost", reason="worker_died"))


def copy_in_a_shared_history(h):
    h.e.shared_history = True
    record, _ = h.pick("each")
    h.e.records.append(dataclasses.replace(record))


def range_beside_a_record(h):
    record, _ = h.pick("each", status="succeeded")
    h.e.records.append(ev.Record(record.run, "missed", "late", True, "alpha", ended=record.ended,
                                 range_from=record.run.instant - 1000, range_count=2))


def range_of_wrong_count(h):
    records = [record for record in h.e.records if record.run.job == "each" and record.run.instant][5:9]
    for record in records:
        h.e.records.remove(record)
        h.e.lives = [life for life in h.e.lives if life.run != record.run]
        h.drop_sightings(record.run)
    h.e.records.append(ev.Record(records[-1].run, "missed", "late", True, "alpha", ended=records[-1].run.instant,
                                 range_from=records[0].run.instant, range_count=h.random.choice([2, 3, 5])))


def record_of_no_slot(h):
    instant = START + 10_000 + h.random.choice([1000, 3000, 7000])
    h.not_run(ev.Run("again", next(t for t in range(instant, instant + 9000, 1000)
                                   if not Schedule("*/7 * * * * *").fires_at(t // 1000)), "", 1), "missed", "late")


def start_of_no_slot(h):
    instant = START + 1000 * h.random.randrange(3, 30) + 500
    h.record(h.live(ev.Run("each", instant, "", 1), instant + 3, 2, "each.1"), "succeeded")


def start_after_delete(h):
    deleted = next(edit for edit in h.e.edits if edit.version is None)
    instant = next(t for t in range(-(-deleted.acked // 1000) * 1000 + 2000, h.last, 1000)
                   if Schedule("*/3 * * * * *").fires_at(t // 1000))
    h.record(h.live(ev.Run("deleted", instant, "", 1), instant + 3, 2, "deleted.1"), "succeeded")


def late_start_after_delete(h):  # of a slot from before it
    deleted = next(edit for edit in h.e.edits if edit.version is None)
    life = [life for life in h.e.lives if life.run.job == "deleted" and life.run.instant < deleted.sent][-1]
    record = next(record for record in h.e.records if record.run == life.run)
    life.started = life.seen = deleted.acked + h.random.uniform(1600, 4000)
    record.started = record.ended = round(life.started)


def old_version(h):
    edit = [edit for edit in h.e.edits if edit.job == "edited"][-1]
    life = next(life for life in h.e.lives if life.run.job == "edited" and life.run.instant > edit.acked + 2600)
    life.tag = "edited.1"


def since_far_ahead(h):
    edit = [edit for edit in h.e.edits if edit.job == "edited"][-1]
    edit.since = edit.acked + 4000


def overlap_on_two_nodes(h):
    lives = [life for life in h.e.lives if life.run.job == "long" and life is not h.killed]
    before, after = next((a, b) for a, b in zip(lives[2:], lives[3:]) if b.run.instant - a.run.instant == 2000)
    before.seen, before.seen_ns = after.started + 100, after.started_ns + 100 * 10**6
    record = next(record for record in h.e.records if record.run == before.run)
    record.ended = round(before.seen)


def overlap_by_hand(h):
    life = next(life for life in h.e.lives if life.run.job == "long" and life is not h.killed)
    run = ev.Run("long", None, "r-2", 1)
    h.e.triggers.append(ev.Trigger(run, round(life.started), round(life.started) + 5))
    h.record(h.live(run, life.started + 100, 200, "long.1"), "succeeded", trigger="manual")


def succeeded_but_never_ran(h):
    _, life = h.pick("each")
    h.e.lives.remove(life)


def succeeded_but_failed(h):
    _, life = h.pick("each", status="succeeded")
    life.exit_code = 3


def failed_with_another_code(h):
    record, _ = h.pick("retried", status="failed")
    record.exit_code = 4


def succeeded_but_never_ended(h):
    _, life = h.pick("each", status="succeeded")
    life.exit_code = None


def skipped_but_ran(h):
    record, _ = h.pick("blocked", status="skipped")
    h.live(record.run, record.run.instant + 3, 1, "blocked.1")


def recorded_elsewhere(h):
    record, _ = h.pick("each", status="succeeded")
    record.worker = "delta"


def recorded_at_another_time(h):
    record, _ = h.pick("each", status="succeeded")
    record.started += h.random.choice([-1, 1]) * h.random.randrange(1600, 9000)


def recorded_under_another_fence(h):
    record, _ = h.pick("each", status="succeeded")
    record.fence += 1


def fence_fell(h):
    record, life = h.pick("retried", status="failed", final=False)
    first = next(life for life in h.e.lives if life.run == dataclasses.replace(record.run, attempt=1))
    second = next(life for life in h.e.lives if life.run == dataclasses.replace(record.run, attempt=2))
    first.fence, second.fence = second.fence, first.fence
    for record in h.e.records:
        if record.run in (first.run, second.run):
            record.fence = (first if record.run == first.run else second).fence


def second_attempt_of_at_most_once(h):
    record, life = h.pick("each", status="succeeded")
    record.final = False
    run = dataclasses.replace(record.run, attempt=2)
    h.drop_sightings(run)
    h.record(h.live(run, life.seen + 20, 2, life.tag), "succeeded")


def attempt_after_the_final_one(h):
    record, life = h.pick("again", status="succeeded")
    h.record(h.live(dataclasses.replace(record.run, attempt=2), life.seen + 20, 2, life.tag), "succeeded", final=False)


def run_now_forgotten(h):
    h.e.triggers.append(ev.Trigger(ev.Run("each", None, "r-9", 1), START + 5000, START + 5003))


def run_now_nobody_asked_for(h):
    h.record(h.live(ev.Run("each", None, "r-8", 1), START + 6000, 2, "each.1"), "succeeded", trigger="manual")


def run_now_twice(h):
    life = next(life for life in h.e.lives if life.run.request == "r-1")
    h.e.lives.append(dataclasses.replace(life, pid=life.pid + 100_000))


def kill_not_done(h):
    h.killed.seen = h.e.kills[0].acked + 1000 + 3600 + h.random.uniform(0, 3000)


def missed_without_cause(h):
    record, life = h.pick("each", status="succeeded")
    h.e.lives.remove(life)
    h.drop_sightings(record.run)
    record.status, record.reason, record.started, record.output_bytes = "missed", "late", 0, 0


def skipped_without_cause(h):
    record, life = h.pick("again", status="succeeded")
    h.e.lives.remove(life)
    h.drop_sightings(record.run)
    record.status, record.reason, record.started = "skipped", "overlap", 0


def lost_without_cause(h):
    record, _ = h.pick("each", status="succeeded")
    h.drop_sightings(record.run)
    record.status, record.reason = "lost", "worker_died"


def killed_without_order(h):
    record, life = h.pick("again", status="succeeded")
    h.drop_sightings(record.run)
    record.status, record.exit_code, life.exit_code = "killed", None, None


def refused(h):
    record, life = h.pick("each", status="succeeded")
    h.e.lives.remove(life)
    h.drop_sightings(record.run)
    record.status, record.reason, record.started = "refused", "spawn_failed", 0


def output_lost(h):
    record, _ = h.pick("each", status="succeeded")
    record.output_bytes += h.random.choice([-1, 1, 4096])


def output_not_stored(h):
    record, _ = h.pick("each", status="succeeded")
    record.output_kept = record.output_bytes - 1


def something_left_running(h):
    h.e.residue.append((h.e.lives[0].run, h.e.lives[0].pid))


def key_left(h):
    h.e.leftovers.append("running/alpha/each@2026-01-01T00:00:00Z.1")


def reader_saw_a_final_change(h):
    run = h.e.records[0].run
    h.drop_sightings(run)
    h.e.sightings += [ev.Sighting("second", run, "lost", 1), ev.Sighting("second", run, h.e.records[0].status, 2)]


def reader_saw_it_run_again(h):
    sighting = h.e.sightings[-1]
    h.e.sightings.append(dataclasses.replace(sighting, status="running"))


def reader_was_told_otherwise(h):
    run = h.e.records[0].run
    h.drop_sightings(run)
    h.e.sightings.append(ev.Sighting("second", run, "signalled", 1))


def backlog(h):
    h.e.first = h.first - 60_000
    h.e.edits = [dataclasses.replace(edit, sent=h.last - 5, acked=h.last) if edit.version is None else edit
                 for edit in h.e.edits]
    record, life = h.pick("each", status="succeeded")
    life.started = life.seen = record.started = record.ended = life.run.instant + h.random.randrange(10_100, 40_000)


def late_while_the_history_was_away(h):
    h.e.history_faults.append(ev.Fault("MongoDB killed", "", h.first + 20_000, h.last))
    for life in h.e.lives:
        if life.run.instant is not None and life.run.instant > h.first + 19_000:
            life.started += 40


def line_without_start(h):
    h.e.orphans.append("end\teach@…")


# plant → the kind of violation that it must be reported as (others may follow from it)
PLANTS = {
    early_start: "early_start", second_start_elsewhere: "doubled_start", second_start_same_node_later: "doubled_start",
    no_record: "no_verdict", start_not_recorded: "unrecorded_start", two_final_attempts: "two_verdicts",
    two_different_verdicts: "two_verdicts", copy_in_a_shared_history: "two_verdicts", range_beside_a_record: "two_verdicts",
    range_of_wrong_count: "range_count", record_of_no_slot: "verdict_without_slot", start_of_no_slot: "start_without_slot",
    start_after_delete: "start_without_slot", late_start_after_delete: "stale_version", old_version: "stale_version",
    since_far_ahead: "since", overlap_on_two_nodes: "overlap", overlap_by_hand: "overlap",
    succeeded_but_never_ran: "record_differs", succeeded_but_failed: "record_differs",
    failed_with_another_code: "record_differs", succeeded_but_never_ended: "record_differs",
    skipped_but_ran: "record_differs", recorded_elsewhere: "record_differs", recorded_at_another_time: "record_differs",
    recorded_under_another_fence: "record_differs", fence_fell: "fence",
    second_attempt_of_at_most_once: "attempt_too_many", attempt_after_the_final_one: "final_not_last",
    run_now_forgotten: "no_verdict", run_now_nobody_asked_for: "start_without_slot", run_now_twice: "doubled_start",
    kill_not_done: "late_kill", missed_without_cause: "without_cause", skipped_without_cause: "without_cause",
    lost_without_cause: "without_cause", killed_without_order: "without_cause", refused: "without_cause",
    output_lost: "output", output_not_stored: "output", something_left_running: "residue", key_left: "leftover",
    reader_saw_a_final_change: "reader_went_back", reader_saw_it_run_again: "reader_went_back",
    reader_was_told_otherwise: "reader_differs", backlog: "backlog",
    late_while_the_history_was_away: "late_without_history", line_without_start: "orphan",
}


class CheckerTest(unittest.TestCase):
    def test_clean_histories_pass(self):
        for seed in range(4 * SEEDS):
            found = check(History(seed).e)
            self.assertEqual([], [str(violation) for violation in found.violations], f"seed {seed}")
            self.assertGreater(found.figures["firings"], 100)

    def test_every_planted_violation_is_caught(self):
        missed = []
        for plant, kind in PLANTS.items():
            for seed in range(SEEDS):
                history = History(seed)
                plant(history)
                kinds = check(history.e).kinds
                if kind not in kinds:
                    missed.append(f"{plant.__name__}, seed {seed}: reported as {sorted(kinds) or 'clean'}")
        self.assertEqual([], missed)


class OracleTest(unittest.TestCase):
    def test_expressions(self):
        minute = 1_780_000_020  # 2026-05-28 20:27:00, a Thursday
        seconds = lambda expression: [s for s in range(60) if Schedule(expression).fires_at(minute + s)]
        self.assertEqual(list(range(60)), seconds("* * * * * *"))
        self.assertEqual([0], seconds("* * * * *"))
        self.assertEqual([3, 13, 23, 33, 43, 53], seconds("3/10 * * * * *"))
        self.assertEqual([1, 5, 6, 7], seconds("1,5-7 27 20 * * *"))
        self.assertEqual([], seconds("* 28 * * * *"))
        self.assertEqual([0], seconds("27 20 28 5 4"))
        self.assertEqual([0], seconds("27 20 1 * 4"), "day and weekday both given: either will do")
        self.assertEqual([], seconds("27 20 1 * *"))
        self.assertRaises(ValueError, Schedule, "61 * * * * *")
        self.assertRaises(ValueError, Schedule, "* * *")

    def test_edits(self):
        each, never = Version("1", "* * * * * *"), Version("2", "* * * * * *", enabled=False)
        t = START
        timeline = oracle.Timeline([Edit("a", t, t + 10, each), Edit("a", t + 5000, t + 5010, never),
                                    Edit("a", t + 9000, None, each)])
        owed = timeline.expected(t - 3000, t + 12_000)
        self.assertNotIn(t - 1000, owed)
        self.assertIsNone(owed[t + 1000])  # may lie in the claim's lead of the save
        self.assertTrue(all(owed[t + second * 1000] for second in (2, 3, 4)))
        self.assertIsNone(owed[t + 6000])
        self.assertNotIn(t + 7000, owed)
        self.assertIsNone(owed[t + 11_000], "an answer that got lost leaves it open")
        known = oracle.Timeline([Edit("a", t, t + 10, each, since=t), Edit("a", t + 5000, t + 5010, never, since=t + 5003)])
        self.assertEqual({t + s * 1000: True for s in (1, 2, 3, 4, 5)}, known.expected(t, t + 12_000))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        SEEDS = int(sys.argv.pop())
    unittest.main()
