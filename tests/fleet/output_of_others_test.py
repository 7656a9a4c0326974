#!/usr/bin/env python3
"""tests/fleet/output_of_others_test.py BUILD [RUNS]: a worker comes back, MongoDB away, to output of runs that another one
recorded meanwhile: memory does not hold it, and all of it gets to MongoDB, though the worker is killed on the way."""

import collections
import pathlib
import re
import sys
import unittest

import mongo
from fleet import MeasuredFleet, Settings, programs_of
from services import wait_until

RUNS, BYTES = 400, 60_000  # 24 MB; the writer holds 8 MiB before it knows that MongoDB is away


class OutputOfOthers(unittest.TestCase):
    def setUp(self):
        self.fleet = MeasuredFleet(programs_of(BUILD), Settings(workers=2, masters=1, members=1, proxied=False, mongo=True))
        self.fleet.__enter__()
        self.addCleanup(self.fleet.__exit__, None)

    def measured(self, name):
        """None where the worker does not answer yet."""
        try:
            return self.fleet.metrics(name)[0]
        except OSError:
            return None

    def memory_mib(self):
        status = pathlib.Path(f"/proc/{self.fleet.workers[0].pid}/status").read_text()
        return int(re.search(r"^VmHWM:\s+(\d+) kB", status, re.MULTILINE)[1]) / 1024

    def pieces(self):
        """Run → (start, end) of each piece of its output that MongoDB has."""
        found = collections.defaultdict(list)
        for piece in self.fleet.mongo.documents(mongo.OUTPUT, "run", "start", "end"):
            found[piece["run"]].append((piece["start"], piece["end"]))
        return found

    def is_whole(self, pieces):
        at = 0
        for start, end in sorted(pieces):
            if start != at:
                return False
            at = end
        return at == BYTES

    def test_it_waits_on_disk_and_gets_there_once(self):
        fleet, client = self.fleet, self.fleet.client
        one, other = fleet.workers
        wait_until(fleet.mongo.has_indexes, 60, "MongoDB has its indexes")
        other.kill()
        heal = fleet.kill_mongo()
        job = {"schedule": "0 0 1 1 *", "overlap": "allow", "command": f"head -c {BYTES} /dev/zero | tr '\\0' x"}
        self.assertEqual(client.ask_once("PUT", "/api/v1/jobs/talks", job, {"If-None-Match": "*"}).status, 201)
        runs = {client.ask_once("POST", "/api/v1/jobs/talks:run", {}).json()["run_id"] for _ in range(RUNS)}
        self.assertEqual(len(runs), RUNS)
        wait_until(lambda: self.measured("cronfleet_history_records_waiting") == RUNS, 60 + RUNS / 10, "all are over")

        one.kill()
        heal()
        other.start()
        wait_until(lambda: fleet.mongo.count(mongo.RECORDS) == RUNS, 120, "the other one has recorded them")
        self.assertEqual(self.pieces(), {})

        heal = fleet.kill_mongo()
        one.start()
        held = []

        def tried():
            held.append(self.measured("cronfleet_history_output_bytes_waiting") or 0)
            return (self.measured("cronfleet_history_failures_total") or 0) >= 4

        wait_until(tried, 60, "it has tried to send what its journal holds")
        print(f"{RUNS * BYTES / 2**20:.0f} MiB of output left, {max(held) / 2**20:.1f} waited in memory at most; "
              f"{self.memory_mib():.0f} MiB of memory at most")
        self.assertLess(max(held), 9 << 20)

        heal()
        wait_until(lambda: fleet.mongo.count(mongo.OUTPUT) > 0, 60, "some is there")
        one.kill()
        before = len(self.pieces())
        self.assertLess(before, RUNS, "killed too late to show anything")
        one.start()
        wait_until(lambda: self.measured("cronfleet_spool_bytes") == 0, 120, "its journal holds nothing any more")
        found = self.pieces()
        self.assertEqual(set(found), runs)
        self.assertEqual([run for run, pieces in found.items() if not self.is_whole(pieces)], [])
        self.assertEqual(fleet.mongo.count(mongo.RECORDS), RUNS)
        print(f"{before} runs had output in MongoDB when it was killed, all {len(found)} in the end")


if __name__ == "__main__":
    BUILD = sys.argv.pop(1)
    if len(sys.argv) > 1:
        RUNS = int(sys.argv.pop(1))
    if not mongo.program()[0]:
        print("skipped: this machine can have neither mongod nor FerretDB")
        sys.exit(77)
    unittest.main()
