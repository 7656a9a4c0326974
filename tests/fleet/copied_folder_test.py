#!/usr/bin/env python3
"""tests/fleet/copied_folder_test.py BUILD: a copy of a worker's data folder is refused while the original goes on,
also when that is cut off from the store and its registration has gone (REL-F16)."""

import shutil
import sys
import unittest

from fleet import Fleet, Settings, programs_of
from services import Child, wait_until


class CopiedFolder(unittest.TestCase):
    def setUp(self):
        self.fleet = Fleet(programs_of(BUILD), Settings(workers=1, masters=1, members=1))
        self.fleet.__enter__()
        self.addCleanup(self.fleet.__exit__, None)

    def nodes(self):
        return [worker["node"] for worker in self.fleet.client.ask("GET", "/api/v1/workers").json().get("items", [])
                if worker.get("pid")]

    def start_copy(self, name, folder):
        path = self.fleet.configuration(name, {"data_dir": str(folder), "node_id": self.fleet.workers[0].name})
        child = Child(name, [self.fleet.programs.cronfleet, "worker", "--config", path], self.fleet.folder / f"{name}.log")
        child.start()
        wait_until(lambda: not child.running(), 30, f"{name} has ended")
        return child

    def test_it_is_refused(self):
        fleet = self.fleet
        original = fleet.workers[0]
        self.assertEqual(self.nodes(), [original.name])
        heal = fleet.cut_off_worker(0, "blackhole")
        wait_until(lambda: self.nodes() == [], 60, "its registration has gone")
        copy = fleet.folder / "copy"
        shutil.copytree(fleet.folder / original.name, copy, ignore=shutil.ignore_patterns("*.sock"))

        beside = self.start_copy("beside", copy)
        self.assertEqual(beside.process.returncode, 69, beside.tail())
        self.assertIn(f"process {original.pid}", beside.tail())

        machine = copy / "machine"
        fields = machine.read_text().split()
        machine.write_text(" ".join(["0123456789abcdef0123456789abcdef", "another-boot", *fields[2:]]) + "\n")
        if fields[0] == "-":
            print("skipped: this machine has no /etc/machine-id, by which a folder of another one is told")
        else:
            elsewhere = self.start_copy("elsewhere", copy)
            self.assertEqual(elsewhere.process.returncode, 78, elsewhere.tail())
            self.assertIn(str(machine), elsewhere.tail())

        self.assertEqual(self.nodes(), [], "neither has registered")
        heal()
        wait_until(lambda: self.nodes() == [original.name], 60, "the original is back")
        self.assertTrue(original.running())
        original.kill()
        original.start()
        fleet.wait_ready(original)


if __name__ == "__main__":
    BUILD = sys.argv.pop(1)
    unittest.main()
