#!/usr/bin/env python3
"""tests/fleet/spool_metrics_test.py BUILD: what a worker's metrics say of the spool while MongoDB is away, and after."""

import sys
import time
import unittest

import mongo
from fleet import MeasuredFleet, Settings, programs_of
from services import wait_until


class SpoolMetrics(unittest.TestCase):
    def setUp(self):
        self.fleet = MeasuredFleet(programs_of(BUILD), Settings(workers=1, masters=1, members=1, proxied=False, mongo=True))
        self.fleet.__enter__()
        self.addCleanup(self.fleet.__exit__, None)

    def values(self):
        """(bytes in the spool, age of its oldest record, whether the history answers)"""
        return self.fleet.metrics("cronfleet_spool_bytes", "cronfleet_spool_oldest_seconds", "cronfleet_history_up")

    def test_they_grow_and_go_back_to_nothing(self):
        fleet, client = self.fleet, self.fleet.client
        job = {"schedule": "* * * * * *", "overlap": "allow", "command": f"echo {'x' * 2000}"}
        self.assertEqual(client.ask_once("PUT", "/api/v1/jobs/often", job, {"If-None-Match": "*"}).status, 201)
        recorded = lambda: (mongo.all_runs(client) or [])
        wait_until(lambda: any(run["status"] == "succeeded" for run in recorded()), 60, "a run is recorded")

        heal = fleet.kill_mongo()
        gone = time.monotonic()
        wait_until(lambda: self.values()[2] == 0, 30, "the worker has noticed")
        before = wait_until(lambda: (seen := self.values())[1] >= 2 and seen, 30, "a record has waited for two seconds")
        after = wait_until(lambda: (seen := self.values())[1] >= before[1] + 4 and seen, 30, "it waits for four more")
        waited = time.monotonic() - gone
        self.assertGreaterEqual(after[0], before[0] + 3 * 2000, "the output of three further runs at least")
        self.assertLessEqual(after[1], waited + 2, "no record waits for longer than MongoDB is away")

        heal()
        self.assertEqual(client.ask_once("POST", "/api/v1/jobs/often:pause", {"reason": "enough"}).status, 200)
        wait_until(lambda: self.values() == [0, 0, 1], 60, "nothing waits any more")


if __name__ == "__main__":
    BUILD = sys.argv.pop(1)
    if not mongo.program()[0]:
        print("skipped: this machine can have neither mongod nor FerretDB")
        sys.exit(77)
    unittest.main()
