#!/usr/bin/env python3
"""tests/fleet/marker_ahead_test.py BUILD: a marker that a wrong clock has put into the future stops its job, an alarm
says so, and an operator's word starts it again (protocol.md rule 16)."""

import sys
import time
import unittest

from fleet import Fleet, Settings, programs_of
from services import now_ms, wait_until


class MarkerAhead(unittest.TestCase):
    def setUp(self):
        self.fleet = Fleet(programs_of(BUILD), Settings(workers=2, masters=1, members=1, proxied=False))
        self.fleet.__enter__()
        self.addCleanup(self.fleet.__exit__, None)

    def alarms(self):
        return [alarm["detail"] for alarm in self.fleet.client.ask("GET", "/api/v1/alarms").json().get("items", [])
                if alarm["code"] == "marker_ahead"]

    def test_it_is_told_and_brought_back(self):
        fleet, client = self.fleet, self.fleet.client
        job = {"schedule": "* * * * * *", "command": [fleet.programs.probe, str(fleet.truth)]}
        self.assertEqual(client.ask_once("PUT", "/api/v1/jobs/often", job, {"If-None-Match": "*"}).status, 201)
        wait_until(lambda: len(fleet.starts()) >= 2, 30, "it runs")
        marker = f"{now_ms() + 3_600_000:015d} 0123456789abcdef0123456789abcdef"
        self.assertIsNotNone(fleet.etcd.ctl("put", "/cron/fired/often", marker))
        wait_until(lambda: len(self.alarms()) == 1 and "'often'" in self.alarms()[0], 30, "one alarm names it")
        before = len(fleet.starts())
        time.sleep(3)  # three instants of the job
        self.assertEqual(len(fleet.starts()), before)

        answer = client.ask_once("POST", "/api/v1/alarms/marker_ahead:confirm", {"reason": "test"})
        self.assertEqual(answer.json()["jobs"], ["often"])
        wait_until(lambda: len(fleet.starts()) >= before + 2, 30, "it runs again")
        wait_until(lambda: self.alarms() == [], 30, "the alarm is over")
        self.assertEqual(len(set(fleet.starts())), len(fleet.starts()), "none of them twice")


if __name__ == "__main__":
    BUILD = sys.argv.pop(1)
    unittest.main()
