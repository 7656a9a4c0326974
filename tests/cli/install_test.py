#!/usr/bin/env python3
"""install_test.py CMAKE BUILD: `cmake --install` into prefixes of its own, and what is there then works: the binary, the man
pages in man, the completions in their shells, the units as systemd reads them."""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

CMAKE, BUILD = sys.argv.pop(1), sys.argv.pop(1)
ROOT = pathlib.Path(__file__).resolve().parents[2]


def run(*command, **more):
    return subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, **more)


class Install(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory(prefix="cronfleet-install-")
        cls.prefix = pathlib.Path(cls.temporary.name) / "prefix"
        # What was made for an older install counts for nothing: scripts/quickstart builds the binary and no more.
        shutil.rmtree(pathlib.Path(BUILD) / "completions", ignore_errors=True)
        done = run(CMAKE, "--install", BUILD, "--prefix", cls.prefix)
        assert done.returncode == 0, done.stdout + done.stderr
        cls.environment = {"PATH": f"{cls.prefix}/bin:{os.environ['PATH']}", "HOME": cls.temporary.name, "LC_ALL": "C.UTF-8"}

    @classmethod
    def tearDownClass(cls):
        cls.temporary.cleanup()

    def files(self, folder):
        return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}

    def test_exactly_what_belongs_there(self):
        wanted = {"bin/cronfleet", "share/doc/cronfleet/LICENSE", "share/bash-completion/completions/cronfleet",
                  "share/zsh/site-functions/_cronfleet", "share/fish/vendor_completions.d/cronfleet.fish",
                  *(f"lib/systemd/system/cronfleet-{role}.service" for role in ("master", "standalone", "worker")),
                  *(f"share/man/man1/{page.name}" for page in (ROOT / "docs/man").glob("*.1"))}
        self.assertEqual(self.files(self.prefix), wanted)
        self.assertEqual((self.prefix / "bin/cronfleet").stat().st_mode & 0o777, 0o755)

    def test_the_binary_needs_nothing_of_the_build(self):
        done = run("cronfleet", "cron", "next", "0 3 * * *", "--count", "1", "-o", "json", env=self.environment, cwd="/")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertNotIn(BUILD, run("readelf", "-d", self.prefix / "bin/cronfleet").stdout)

    def test_every_noun_has_a_man_page_that_man_shows(self):
        man = shutil.which("man")
        if not man:
            self.skipTest("man is not installed")
        help_text = run("cronfleet", "--help", env=self.environment).stdout
        nouns = re.findall(r"^  ([a-z]+) {2,}", help_text, re.MULTILINE)
        self.assertGreater(len(nouns), 10, help_text)
        for page in ["cronfleet", *(f"cronfleet-{noun}" for noun in nouns)]:
            done = run(man, "--warnings", page, env={**self.environment, "MANPATH": f"{self.prefix}/share/man", "MANPAGER": "cat",
                                                     "MANWIDTH": "100"})
            self.assertEqual((done.returncode, done.stderr), (0, ""), page)
            self.assertIn("NAME", done.stdout)
            self.assertIn(page, done.stdout)

    def test_completions_are_read_by_their_shells(self):
        share = self.prefix / "share"
        for shell, command in {
            "bash": f"source '{share}/bash-completion/completions/cronfleet' && complete -p cronfleet",
            "zsh": f"fpath=('{share}/zsh/site-functions' $fpath); autoload -Uz compinit; compinit -u -D; echo $_comps[cronfleet]",
            "fish": f"source '{share}/fish/vendor_completions.d/cronfleet.fish'; complete -c cronfleet",
        }.items():
            with self.subTest(shell=shell):
                if not shutil.which(shell):
                    self.skipTest(f"{shell} is not installed")
                done = run(shell, "-c", command, env=self.environment)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertIn("cronfleet", done.stdout)

    def test_units_start_the_binary_that_was_installed(self):
        units = sorted((self.prefix / "lib/systemd/system").glob("*.service"))
        for unit in units:
            text = unit.read_text()
            self.assertNotIn("/usr/bin/cronfleet", text)
            self.assertIn(f"\nExecStart={self.prefix}/bin/cronfleet {unit.stem.removeprefix('cronfleet-')} ", text)
        verify = shutil.which("systemd-analyze")
        if not verify:
            self.skipTest("systemd-analyze is not installed")
        done = run(verify, "verify", *units)
        self.assertEqual([line for line in done.stderr.splitlines() if "cronfleet" in line], [])

    def test_a_package_is_staged_under_destdir(self):
        stage = pathlib.Path(self.temporary.name) / "stage"
        done = run(CMAKE, "--install", BUILD, "--prefix", "/usr", env={**os.environ, "DESTDIR": str(stage)})
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual({name.removeprefix("usr/") for name in self.files(stage)}, self.files(self.prefix))
        for unit in (stage / "usr/lib/systemd/system").glob("*.service"):
            self.assertEqual(unit.read_text(), (ROOT / "packaging" / unit.name).read_text())


if __name__ == "__main__":
    unittest.main()
