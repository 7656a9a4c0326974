#!/usr/bin/env python3
"""tests/cli/completions.py BINARY: completion in bash, zsh and fish, run for real (CLI-T1)."""

import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from support import LIMIT, Client, Standalone, Terminal, eventually

BINARY = os.path.abspath(sys.argv[1])


class Completions(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Standalone(BINARY)
        cls.temporary = tempfile.TemporaryDirectory(prefix="cronfleet-cli-")
        cls.folder = pathlib.Path(cls.temporary.name)
        (cls.folder / "bin").mkdir()
        (cls.folder / "bin/cronfleet").symlink_to(BINARY)
        cls.cli = Client(BINARY, cls.server.address, cls.folder)
        cls.cli.environment["PATH"] = f"{cls.folder}/bin:{cls.cli.environment['PATH']}"
        for name in ("nightly", "weekly report", "夜间备份"):
            made = cls.cli("job", "create", name, "-s", "0 0 1 1 *", "-l", "team=db", "--", "true")
            assert made.code == 0, made
        assert cls.cli("job", "list", "-o", "name").out.count("\n") == 3

    @classmethod
    def tearDownClass(cls):
        cls.server.close()
        cls.temporary.cleanup()

    def shell(self, name):
        path = shutil.which(name)
        if not path:
            self.skipTest(f"{name} is not installed; scripts/setup installs it")
        return path

    def typed(self, shell, flags, setup, keys, wanted):
        """Types `keys` into an interactive shell until `wanted` appears."""
        environment = {**self.cli.environment, "TERM": "dumb", "PS1": "> ", "PS2": "", "HISTFILE": "/dev/null"}
        terminal = Terminal([shell, *flags], environment, columns=200, echo=True)
        terminal.type(setup + "; echo read''y\n")
        terminal.read("ready")
        terminal.type(keys)
        # The server's part comes within 150 ms or not at all: on a loaded machine somebody would press the key again.
        for attempt in range(LIMIT):
            try:
                terminal.read(wanted, limit=2)
                break
            except AssertionError:
                self.assertLess(attempt, LIMIT - 1, terminal.seen)
                terminal.type("\t")
        terminal.type("\x03\nexit\n")
        terminal.process.terminate()
        terminal.process.kill()
        terminal.process.wait(LIMIT)
        os.close(terminal.master)

    def bash(self, keys, wanted):
        self.typed(self.shell("bash"), ["--norc", "--noprofile", "-i"], "source <(cronfleet completion bash)", keys, wanted)

    def zsh(self, keys, wanted):
        self.typed(self.shell("zsh"), ["-f", "-i"],
                   "autoload -Uz compinit; compinit -D -u; source <(cronfleet completion zsh)", keys, wanted)

    def fish(self, line):
        script = f"cronfleet completion fish | source; complete -C '{line}'"
        done = subprocess.run([self.shell("fish"), "--no-config", "-c", script], env=self.cli.environment, timeout=LIMIT,
                              capture_output=True, text=True)
        return [line.split("\t")[0] for line in done.stdout.splitlines()]

    def test_bash(self):
        self.bash("cronfleet jo\t", "cronfleet job ")
        self.bash("cronfleet job get ni\t", "nightly ")
        self.bash("cronfleet job get we\t", "weekly\\ report ")
        self.bash("cronfleet job list --lab\tte\t", "--label team=db")
        self.bash("cronfleet job list -o nd\t", "ndjson ")
        self.bash("cronfleet job list --output=nd\t", "--output=ndjson ")

    def test_zsh(self):
        self.zsh("cronfleet jo\t", "cronfleet job ")
        self.zsh("cronfleet job get ni\t", "nightly")
        self.zsh("cronfleet job get we\t", "weekly\\ report")
        self.zsh("cronfleet job list --output=nd\t", "--output=ndjson")

    def test_fish(self):
        self.assertIn("job", self.fish("cronfleet jo"))
        eventually(lambda: self.fish("cronfleet job get ni") == ["nightly"])
        eventually(lambda: "weekly report" in self.fish("cronfleet job delete --yes we"))
        self.assertIn("--label", self.fish("cronfleet job list --la"))
        eventually(lambda: "team=db" in self.fish("cronfleet job list --label te"))

    def complete(self, *words, **more):
        return [line.split("\t")[0] for line in self.cli("__complete", "fish", *words, **more).out.splitlines()]

    def test_words(self):
        eventually(lambda: "夜间备份" in self.complete("job", "pause", ""))
        self.assertEqual(self.complete("run", "list", "--status", "suc"), ["succeeded"])
        self.assertEqual(self.complete("completion", ""), ["bash", "zsh", "fish"])
        self.assertEqual(self.complete("job", "list", "--no"), ["--no-input"])
        self.assertEqual(self.complete("run", "list", "--status=suc"), ["--status=succeeded"])
        self.assertEqual(self.complete("job", "list", "--output=js"), ["--output=json"])
        self.assertEqual(self.complete("job", "list", "--no-input=x"), [])
        self.assertEqual(self.complete("job", "list", "--sort", "n"), ["name", "next"])
        self.assertEqual(self.complete("alarm", "confirm", ""), ["restored_store", "marker_ahead"])
        self.assertEqual(self.complete("nosuch", ""), [])
        self.assertEqual(self.complete("job", "nosuch", ""), [])
        revision = json.loads(self.cli("job", "get", "nightly", "-o", "json").out)["revision"]
        eventually(lambda: self.complete("job", "restore", "nightly", "") == [str(revision)])
        eventually(lambda: self.complete("job", "diff", "nightly", "--from", "") == [str(revision)])
        self.assertEqual(self.complete("help", "import", ""), ["crontab"])
        self.assertEqual(self.complete("help", "import", "crontab", ""), [])
        self.assertIn("doctor", self.complete("help", ""))
        self.assertEqual(self.complete("cron", "next", "--zone", "Europe/Berl"), ["Europe/Berlin"])
        self.assertEqual(self.cli("__complete", "fish", "job", "apply", "-f", "").code, 3)  # files are the shell's
        eventually(lambda: len(self.complete("worker", "get", "")) == 1)

    def test_a_server_that_is_silent_costs_150_ms(self):
        with socket.socket() as silent:
            silent.bind(("127.0.0.1", 0))
            silent.listen()
            address = f"http://127.0.0.1:{silent.getsockname()[1]}"
            begun = time.monotonic()
            ran = self.cli("__complete", "fish", "job", "get", "", CRONFLEET_SERVER=address)
            took = time.monotonic() - begun
        self.assertEqual((ran.code, ran.out), (0, ""))
        # The alarm rings at 150 ms; what a loaded machine needs to start and end a process comes on top.
        self.assertLess(took, 10)
        away = self.cli("__complete", "fish", "job", "get", "", CRONFLEET_SERVER="http://127.0.0.1:1")
        self.assertEqual((away.code, away.out), (0, ""))


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]], verbosity=2)
