#!/usr/bin/env python3
"""tests/fleet/restored_test.py BUILD: a real etcd is set back to a backup under a living fleet (protocol.md rule 30).

Workers notice it and claim nothing, masters raise the alarm; an operator says that the older state is meant; from then on
jobs run again, nothing runs twice, and what fired between backup and that word and is not in the store is missed(restored).
One worker is down meanwhile, and knows of it from its data folder.
"""

import collections
import sys
import time
import unittest

import evidence
from fleet import Fleet, Settings, programs_of
from services import wait_until


class Restored(unittest.TestCase):
    def setUp(self):
        self.fleet = Fleet(programs_of(BUILD), Settings(workers=2, masters=1, members=1, proxied=False))
        self.fleet.__enter__()
        self.addCleanup(self.fleet.__exit__, None)

    def starts(self):
        """Run id → how often it began."""
        return collections.Counter(self.fleet.starts())

    def wait_for_starts(self, more):
        wanted = sum(self.starts().values()) + more
        wait_until(lambda: sum(self.starts().values()) >= wanted, 30, f"{more} further starts")

    def warned(self):
        workers = self.fleet.client.ask("GET", "/api/v1/workers").json().get("items", [])
        return {worker["node"] for worker in workers for warning in worker["warnings"] if warning.startswith("restored")}

    def alarms(self):
        return [alarm["code"] for alarm in self.fleet.client.ask("GET", "/api/v1/alarms").json().get("items", [])]

    def test_nothing_runs_twice(self):
        fleet, client = self.fleet, self.fleet.client
        refused = client.ask_once("POST", "/api/v1/alarms/restored_store:confirm", {"reason": "nothing stands"})
        self.assertEqual((refused.status, refused.json()["code"]), (409, "alarm_not_raised"))
        job = {"schedule": "* * * * * *", "overlap": "allow", "command": [fleet.programs.probe, str(fleet.truth)]}
        self.assertEqual(client.ask_once("PUT", "/api/v1/jobs/often", job, {"If-None-Match": "*"}).status, 201)
        self.wait_for_starts(2)
        snapshot = fleet.folder / "snapshot"
        self.assertIsNotNone(fleet.etcd.ctl("snapshot", "save", str(snapshot)))
        saved_at = fleet.etcd.revision()
        asked = client.ask_once("POST", "/api/v1/jobs/often:run", {"reason": "after the backup"})
        self.assertEqual(asked.status, 202)
        self.wait_for_starts(4)
        wait_until(lambda: self.starts()[asked.json()["run_id"]] == 1, 30, "the run by hand has begun")
        # One worker is down while the store is set back; what it saw last stands in its folder.
        down = fleet.workers[1]
        seen = fleet.folder / down.name / "store_seen"
        wait_until(lambda: int(seen.read_text().split()[0]) > saved_at + 20, 40, "it has written down what it saw")
        down.kill()
        fleet.etcd.restore(snapshot)
        wait_until(lambda: fleet.workers[0].name in self.warned(), 30, "the worker that lives has noticed")
        down.start()
        wait_until(lambda: self.warned() == {"w0", "w1"}, 60, f"both warn, not only {self.warned()}")
        wait_until(lambda: "restored_store" in self.alarms(), 30, "the alarm is raised")
        before = self.starts()
        time.sleep(3)  # three instants of the job
        self.assertEqual(self.starts(), before, "nothing may start before an operator has spoken")

        self.assertEqual(client.ask_once("POST", "/api/v1/alarms/restored_store:confirm", {"reason": "test"}).status, 200)
        self.wait_for_starts(3)
        self.assertEqual(self.warned(), set())
        wait_until(lambda: "restored_store" not in self.alarms(), 30, f"the alarm is over: {self.alarms()}")
        self.assertEqual([run for run, times in self.starts().items() if times > 1], [])
        reasons = collections.Counter()
        for child in fleet.workers:
            self.assertIsNotNone(child.end(30))
            for record in evidence.read_history(fleet.folder / child.name / "history.db"):
                reasons[record.reason] += record.range_count or 1
        self.assertGreaterEqual(reasons["restored"], 3, reasons)


if __name__ == "__main__":
    BUILD = sys.argv.pop(1)
    unittest.main()
