#!/usr/bin/env python3
"""tests/cli/commands.py BINARY [unittest arguments]: the client commands of the real binary (CLI-T1)."""

import csv
import http.server
import io
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from support import LIMIT, Client, Standalone, eventually

try:
    import yaml
except ImportError as missing:
    print(f"skipped: {missing} (scripts/setup installs it)")
    sys.exit(77)

BINARY = os.path.abspath(sys.argv[1])


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Standalone(BINARY)

    @classmethod
    def tearDownClass(cls):
        cls.server.close()

    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory(prefix="cronfleet-cli-")
        self.addCleanup(self.temporary.cleanup)
        self.folder = pathlib.Path(self.temporary.name)
        self.cli = Client(BINARY, self.server.address, self.folder)

    def tearDown(self):
        names = self.cli("job", "list", "-o", "name").out.splitlines()
        if names:
            self.assertEqual(self.cli("job", "delete", "--yes", *names).code, 0)

    def file(self, name, text):
        path = self.folder / name
        path.write_text(textwrap.dedent(text), encoding="utf-8")
        return str(path)

    def ok(self, *arguments, **more):
        ran = self.cli(*arguments, **more)
        self.assertEqual(ran.code, 0, ran)
        return ran

    def ends(self, code, *arguments, **more):
        ran = self.cli(*arguments, **more)
        self.assertEqual(ran.code, code, ran)
        return ran

    def create(self, name, *command, schedule="0 0 1 1 *", flags=()):
        return self.ok("job", "create", name, "-s", schedule, *flags, "--", *(command or ("true",)))


class Output(Case):
    def jobs(self):
        self.create("nightly", "echo hi", schedule="0 2 1 1 *", flags=("--zone", "Asia/Shanghai", "-l", "team=db"))
        self.create("夜间备份", "备份 --全部", schedule="@yearly")
        self.create("off", "a,\"b\"\nc", schedule="@yearly", flags=("--disabled",))

    def table(self, columns=None, **more):
        return re.sub(r"20\d\d-01-01 \d\d:\d\d:\d\d|20\d\d-12-31 \d\d:\d\d:\d\d", "2031-01-01 00:00:00",
                      self.cli("job", "list", **more).out)

    def test_tables_are_aligned_by_cells(self):
        self.jobs()
        self.assertEqual(self.table(), textwrap.dedent("""\
            NAME      SCHEDULE   ZONE           STATE     NEXT FIRING
            nightly   0 2 1 1 *  Asia/Shanghai  enabled   2031-01-01 00:00:00
            off       @yearly    UTC            disabled  -
            夜间备份  @yearly    UTC            enabled   2031-01-01 00:00:00
            """))

    def test_a_narrow_terminal_cuts_the_widest_columns(self):
        self.jobs()
        shown = self.cli.terminal("job", "list", "--color", "never", columns=50).end().out
        for line in shown.splitlines():
            cells = sum(2 if ord(c) > 0x2e80 else 1 for c in line)
            self.assertLessEqual(cells, 50, shown)
        self.assertIn("…", shown)
        self.assertIn("夜间备份", shown)

    def test_colours_only_where_they_are_wanted(self):
        self.create("nightly")
        coloured = "\x1b[32menabled\x1b[0m"
        self.assertNotIn("\x1b", self.cli("job", "list").out)
        self.assertIn(coloured, self.cli("job", "list", "--color", "always").out)
        self.assertIn(coloured, self.cli.terminal("job", "list").end().out)
        self.assertNotIn("\x1b", self.cli.terminal("job", "list", NO_COLOR="1").end().out)
        self.assertNotIn("\x1b", self.cli.terminal("job", "list", "--color", "never").end().out)
        for term in ("dumb", ""):
            self.assertNotIn("\x1b", self.cli.terminal("job", "list", TERM=term).end().out, term)

    def test_every_form_says_the_same(self):
        self.jobs()
        answer = json.loads(self.ok("job", "list", "-o", "json").out)
        self.assertEqual([item["name"] for item in answer["items"]], ["nightly", "off", "夜间备份"])
        self.assertEqual(yaml.safe_load(self.ok("job", "list", "-o", "yaml").out), answer)
        lines = self.ok("job", "list", "-o", "ndjson").out.splitlines()
        self.assertEqual([json.loads(line) for line in lines], answer["items"])
        rows = list(csv.DictReader(io.StringIO(self.ok("job", "list", "-o", "csv").out)))
        self.assertEqual([row["name"] for row in rows], ["nightly", "off", "夜间备份"])
        self.assertEqual(rows[1]["command"], "a,\"b\"\nc")
        self.assertEqual(rows[0]["next_firing"], answer["items"][0]["next_firings"][0])
        self.assertEqual(self.ok("job", "list", "-o", "name").out, "nightly\noff\n夜间备份\n")
        self.assertEqual(self.ok("job", "list", "-o", "template={name}\\t{job.schedule} {{x}}").out.splitlines()[0],
                         "nightly\t0 2 1 1 * {x}")
        self.assertIn("COMMAND", self.ok("job", "list", "-o", "wide").out)
        wrong = self.ends(2, "job", "list", "-o", "jsn")
        self.assertIn("did you mean 'json'?", wrong.err)

    def test_nothing_acts_on_a_terminal(self):
        self.create("x\u202ey", "printf '\\033]0;title\\007\\033[2J'")
        for form in ("table", "wide", "json", "ndjson", "yaml", "csv", "name"):
            shown = self.cli.terminal("job", "list", "-o", form, "--color", "never").end().out
            self.assertNotIn("\u202e", shown, form)
            self.assertNotIn("\x1b", shown, form)
        self.assertEqual(self.cli("job", "list", "-o", "name").out, "x\u202ey\n")  # data in a pipe

    def test_quiet_says_only_what_failed(self):
        ran = self.ok("job", "create", "x", "-s", "@daily", "-q", "--", "true")
        self.assertEqual((ran.out, ran.err), ("", ""))
        self.assertNotEqual(self.ends(4, "job", "get", "-q", "nobody").err, "")


    def test_cron_needs_no_server_and_has_the_same_forms(self):
        ask = ("cron", "next", "0 3 * * *", "--zone", "Asia/Tokyo", "--from", "2026-01-01T00:00:00Z", "-n", "2")
        firings = ["2026-01-01T18:00:00Z", "2026-01-02T18:00:00Z"]
        for form, wanted in {
            "json": '{"firings":["2026-01-01T18:00:00Z","2026-01-02T18:00:00Z"]}\n',
            "name": "".join(f"{at}\n" for at in firings),
            "csv": "at,local\n2026-01-01T18:00:00Z,2026-01-02T03:00:00+09:00\n2026-01-02T18:00:00Z,2026-01-03T03:00:00+09:00\n",
            "template={local} {at}": "2026-01-02T03:00:00+09:00 2026-01-01T18:00:00Z\n"
                                     "2026-01-03T03:00:00+09:00 2026-01-02T18:00:00Z\n",
        }.items():
            self.assertEqual(self.ok(*ask, "-o", form).out, wanted)
            self.assertEqual(self.ok(*ask, CRONFLEET_OUTPUT=form, CRONFLEET_CONTEXT="nowhere", CRONFLEET_SERVER="ftp://x",
                                     CRONFLEET_TIMEOUT="x").out, wanted)
        self.assertEqual([json.loads(line)["at"] for line in self.ok(*ask, "-o", "ndjson").out.splitlines()], firings)
        self.assertEqual(yaml.safe_load(self.ok(*ask, "-o", "yaml").out), {"firings": firings})
        self.assertEqual(self.ok(*ask, "-o", "wide").out, self.ok(*ask).out)
        explain = ("cron", "explain", *ask[2:])
        answer = json.loads(self.ok(*explain, "-o", "json").out)
        self.assertEqual(answer["firings"], firings)
        self.assertEqual(yaml.safe_load(self.ok(*explain, "-o", "yaml").out), answer)
        self.assertEqual(json.loads(self.ok(*explain, "-o", "ndjson").out), answer)
        self.assertEqual(self.ok(*explain, "-o", "name").out, answer["description"] + "\n")
        self.assertEqual(self.ok(*explain, "-o", "template={time_zone} {firings.1}").out, f"Asia/Tokyo {firings[1]}\n")
        row = next(csv.DictReader(io.StringIO(self.ok(*explain, "-o", "csv").out)))
        self.assertEqual((row["description"], row["time_zone"], row["next_firing"]),
                         (answer["description"], "Asia/Tokyo", firings[0]))
        self.assertEqual(yaml.safe_load(self.ok("version", "-o", "yaml").out), json.loads(self.ok("version", "-o", "json").out))
        self.assertEqual(self.ok("version", "-o", "template=v{version}").out, "v" + self.ok("version").out.split()[1] + "\n")
        self.ok("context", "list", CRONFLEET_CONTEXT="nowhere")  # that says which there are


class Pipes(Case):
    def test_whoever_closes_the_pipe_ends_the_command(self):
        documents = "\n".join(f"---\nname: job-{i:04}\nschedule: '@yearly'\ncommand: 'true'\ndescription: {'x' * 200}"
                              for i in range(600))
        self.ok("job", "apply", "-f", "-", "-q", input=documents)
        process = self.cli.start("job", "list", "-o", "json")
        process.stdout.read(1)
        process.stdout.close()
        self.assertEqual(process.wait(LIMIT), -signal.SIGPIPE)
        self.assertEqual(process.stderr.read(), b"")
        process.stderr.close()

    def test_a_full_disk_is_a_failure(self):
        self.create("x")
        with open("/dev/full", "w") as full:
            done = subprocess.run([BINARY, "job", "list"], stdout=full, stderr=subprocess.PIPE, env=self.cli.environment)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"cannot write the output: No space left on device", done.stderr)


    def test_a_full_disk_is_a_failure_of_every_command(self):
        self.create("x", "echo out")
        run = self.ok("job", "run", "x", "-o", "name").out.strip()
        self.ok("run", "wait", run)
        self.ok("job", "apply", "-f", "-", input="name: x\nschedule: '@hourly'\ncommand: 'true'\n")
        path = self.file("y.yaml", "name: y\nschedule: '@daily'\ncommand: 'true'\n")
        for arguments in (("job", "list"), ("job", "apply", "--dry-run", "-f", path), ("job", "diff", "x"), ("job", "export"),
                          ("run", "logs", run), ("run", "logs", "-f", run), ("events", "-n", "1"), ("cron", "next", "@daily"),
                          ("worker", "list"), ("--help",), ("job", "--help"), ("help",), ("--version",), ("completion", "zsh")):
            with open("/dev/full", "w") as full:
                done = subprocess.run([BINARY, *arguments], stdout=full, stderr=subprocess.PIPE, timeout=LIMIT, text=True,
                                      env=self.cli.environment)
            self.assertEqual(done.returncode, 1, (arguments, done))
            self.assertRegex(done.stderr, "cannot write the output: No space left on device|the output cannot be written", arguments)
            self.assertEqual(len(done.stderr.splitlines()), 1, (arguments, done))


class Foreign(Case):
    """Another program listens where the server should be."""

    def listening(self, status, kind, body):
        class Handler(http.server.BaseHTTPRequestHandler):
            def answer(self):
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *arguments):
                pass

            do_GET = do_PUT = do_POST = do_DELETE = do_PATCH = answer

        listener = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=listener.serve_forever)
        thread.start()

        def end():
            listener.shutdown()
            listener.server_close()
            thread.join()

        self.addCleanup(end)
        return f"http://127.0.0.1:{listener.server_address[1]}"

    def test_every_command_says_so(self):
        path = self.file("x.yaml", "name: x\nschedule: '@daily'\ncommand: 'true'\n")
        crontab = self.file("tab", "0 1 * * * /opt/x\n")
        run = "x@2026-01-01T00:00:00Z.1"
        commands = [("job", "list"), ("job", "get", "x"), ("job", "create", "z", "-s", "@daily", "--", "true"),
                    ("job", "apply", "-f", path), ("job", "diff", "-f", path), ("job", "diff", "x"), ("job", "edit", "x"),
                    ("job", "clone", "x", "y"), ("job", "history", "x"), ("job", "restore", "x", "5"), ("job", "export"),
                    ("job", "delete", "x", "--yes"), ("job", "run", "x"), ("job", "pause", "x"), ("job", "resume", "x"),
                    ("run", "list"), ("run", "get", run), ("run", "logs", run), ("run", "logs", "-f", run), ("run", "kill", run),
                    ("worker", "list"), ("worker", "get", "w"), ("worker", "drain", "w"), ("worker", "undrain", "w"),
                    ("worker", "labels", "w"), ("worker", "labels", "w", "a=b"), ("worker", "forget", "w", "--yes"),
                    ("alarm", "list"), ("alarm", "confirm", "restored_store"), ("events", "-n", "1"),
                    ("import", "crontab", crontab, "--apply")]
        for answer in ((404, "text/html", b"<html>"), (200, "text/html", b"<html>"), (404, "application/json", b'{"error":"x"}')):
            address = self.listening(*answer)
            for arguments in commands:
                ran = self.ends(8, *arguments, EDITOR="true", CRONFLEET_SERVER=address)
                self.assertIn(f"{address} answered {answer[0]} ", ran.err)
                self.assertIn("does another program listen there?", ran.err)
                self.assertEqual(ran.out.replace("\n", "") if arguments[0] != "import" else "", "", ran)
            self.ends(125, "job", "run", "x", "--wait", "--server", address)
            self.ends(125, "run", "wait", run, "--server", address)
        # What stands in front of a server may speak for it.
        self.assertIn("the server answered 502 Bad Gateway", self.ends(8, "job", "list", "--retries", "0", "--server",
                                                                       self.listening(502, "text/html", b"<html>")).err)
        self.ends(5, "job", "list", "--server", self.listening(403, "text/html", b"<html>"))


class ExitCodes(Case):
    def test_by_table(self):
        self.create("x")
        self.ends(6, "job", "create", "x", "-s", "@daily", "--", "true")
        self.ends(7, "job", "create", "y", "-s", "0 24 * * *", "--", "true")
        self.ends(7, "job", "get", "a/b")
        self.ends(4, "run", "get", "x@2001-01-01T00:00:00Z.1")
        self.ends(8, "job", "list", "--server", "http://127.0.0.1:1")
        self.ends(2, "job", "list", "--server", "ftp://x")
        self.ends(2, "job", "run")

    def test_wrong_words_get_the_nearest_known_one(self):
        self.assertIn("cronfleet job: unknown command 'lst'; did you mean 'list'?", self.ends(2, "job", "lst").err)
        self.assertIn("unknown option '--sever'; did you mean '--server'?", self.ends(2, "job", "list", "--sever", "x").err)
        self.assertIn("a command is missing", self.ends(2, "job").err)
        for wanted, arguments in {
            "cronfleet completion: 'basj': expected one of bash, zsh, fish; did you mean 'bash'?": ("completion", "basj"),
            "-o 'jsn': expected table, wide, json, ndjson, yaml, csv, name or template={name}; did you mean 'json'?":
                ("cron", "next", "@daily", "-o", "jsn"),
            "--on-interrupt: 'kil': expected one of ask, detach, kill; did you mean 'kill'?":
                ("job", "run", "x", "--on-interrupt", "kil"),
            "did you mean 'restored_store'?": ("alarm", "confirm", "restored_stor"),
            "cronfleet: unknown option '-v'": ("-v",),
            "cronfleet worker: --data-dir: it is empty; expected FOLDER": ("worker", "--data-dir", ""),
            "cronfleet worker: --data-dir: a value is missing; expected FOLDER": ("worker", "--data-dir"),
            "'x': expected a revision as cronfleet job history lists them": ("job", "restore", "x", "x"),
            "--from: 'x': expected a revision as cronfleet job history lists them": ("job", "diff", "x", "--from", "x"),
            "-n: '0': expected a whole number from 1 to 500\n": ("run", "list", "-n", "0"),
            "-n: '7x': expected a whole number from 1 to 500\n": ("run", "list", "-n7x"),
            "--limit: '501': expected a whole number from 1 to 500; for older ones ask again with --until":
                ("run", "list", "--limit=501"),
            "-n: '2000': expected a whole number from 1 to 1000; for more ask again with --from the last of them":
                ("cron", "next", "@daily", "-n", "2000"),
            "-n: '-1': expected a whole number from 1 to 1000000000\n": ("events", "-n", "-1"),
            "--timeout: 'soon': expected seconds from 0.1 to 3600": ("job", "list", "--timeout", "soon"),
            "--retries: '21': expected a whole number from 0 to 20": ("job", "list", "--retries", "21"),
            "cronfleet job list: unknown option '-n'\n": ("job", "list", "-n", "5"),
            "cronfleet job get: 'b' is one word too many": ("job", "get", "a", "b", "c"),
            "--yes: it takes no value": ("job", "delete", "x", "--yes=maybe"),
            "-o: it is given more than once": ("job", "list", "-o", "json", "-o", "yaml"),
            "did you mean 'template={name}'?": ("job", "list", "-o", "{name}"),
        }.items():
            self.assertIn(wanted, self.ends(2, *arguments).err)
            chinese = self.ends(2, *arguments, LC_ALL="zh_CN.UTF-8").err.splitlines()[0]
            self.assertRegex(chinese, "[\u4e00-\u9fff]", arguments)
            self.assertNotRegex(chinese.replace("cronfleet job history", ""), "expected|missing|more|value", arguments)
        for arguments in (("cron", "next", "@daily"), ("import", "crontab", "-")):
            self.assertIn("did you mean Europe/Berlin?", self.ends(7, *arguments, "--zone", "Europe/Berln").err)

    def test_no_place_in_a_body_that_nobody_wrote(self):
        self.create("x")
        self.assertEqual(self.ends(7, "job", "pause", "x", "--until", "2001-01-01T00:00:00Z").err,
                         "--until: expected an instant that lies ahead\n")
        self.assertIn("--schedule column 3: hour 24", self.ends(7, "job", "create", "y", "-s", "0 24 * * *", "--", "true").err)
        node = self.ok("worker", "list", "-o", "name").out.strip()
        self.assertIn("'=x': expected NAME=VALUE", self.ends(2, "worker", "labels", node, "=x").err)

    def test_a_refusal_names_the_flag_and_not_the_parameter(self):
        self.ok("job", "create", "x", "-s", "@yearly", "--", "true")
        for arguments, wanted in {
            ("run", "list", "--from", "yesterday"): "--from: 'yesterday' is not an RFC 3339 time",
            ("run", "list", "--status", "runing"): "--status: ",
            ("job", "list", "--sort", "nme"): "--sort: ",
            ("job", "list", "--filter", "nam:x"): "--filter column 1: ",
            ("job", "pause", "x", "--until", "soon"): "--until: ",
            ("job", "run", "x", "--param", "TABLE=1"): "--param 'TABLE': the job declares no parameter of this name",
            ("job", "clone", "x", "a/b"): "the copy's name",
            ("job", "create", "y", "-s", "@daily", "--zone", "Mars/Base", "--", "true"): "--zone: ",
            ("job", "create", "y", "-s", "@daily", "--run-timeout", "long", "--", "true"): "--run-timeout: ",
        }.items():
            ran = self.cli(*arguments)
            self.assertIn(ran.code, (2, 7), ran)
            self.assertTrue(ran.err.startswith(wanted), (arguments, ran))
            self.assertRegex(self.cli(*arguments, LC_ALL="zh_CN.UTF-8").err, "[\u4e00-\u9fff]")
        self.assertIn("--since: 'xx': expected the id of an event like", self.ends(2, "events", "--since", "xx").err)
        self.assertIn("--topic: 'run': expected one of jobs, runs", self.ends(2, "events", "--topic", "run").err)

    def test_every_mistake_says_where_it_stands(self):
        self.create("nightly")
        for code, wanted, arguments, more in (
            (2, "cronfleet job get: the name is missing\n", ("job", "get"), {}),
            (2, "cronfleet job pause: the name is missing\n", ("job", "pause"), {}),
            (2, "cronfleet run kill: the id is missing\n", ("run", "kill"), {}),
            (2, "cronfleet worker drain: the node is missing\n", ("worker", "drain"), {}),
            (2, "cronfleet cron explain: the expression is missing\n", ("cron", "explain"), {}),
            (2, "cronfleet import crontab: the path is missing\n", ("import", "crontab"), {}),
            (2, "-o 'yml': expected table, ", ("job", "list", "-o", "yml"), {}),
            (2, "CRONFLEET_OUTPUT 'yml': expected table, ", ("job", "list"), {"CRONFLEET_OUTPUT": "yml"}),
            (2, "CRONFLEET_OUTPUT template: column 1: ", ("job", "list"), {"CRONFLEET_OUTPUT": "template={"}),
            (2, "--keep-output 'yml': expected table, ", ("context", "set", "c", "--server", "http://a:1", "--keep-output", "yml"), {}),
            (2, "CRONFLEET_SERVER: 'ftp://x' is not a server address", ("job", "list"), {"CRONFLEET_SERVER": "ftp://x"}),
            (2, "--server: 'ftp://x' is not a server address", ("job", "list", "--server", "ftp://x"), {}),
            (4, "no job 'nightl'; did you mean 'nightly'?\n", ("job", "get", "nightl"), {}),
            (7, "job name 'a b/c' contains '/'", ("job", "get", "a b/c"), {}),
            (7, "'nope' is not a run id like ", ("run", "get", "nope"), {}),
            (0, "no runs\nno job 'nightl'; did you mean 'nightly'?\n", ("run", "list", "--job", "nightl"), {}),
            (0, "no runs\nno worker 'nope'", ("run", "list", "--worker", "nope"), {}),
            (0, "no runs\n", ("run", "list", "--job", "nightly"), {}),
            (0, "no jobs\n", ("job", "list", "--text", "nowhere"), {}),
        ):
            ran = self.ends(code, *arguments, **more)
            self.assertTrue(ran.err.startswith(wanted), (arguments, ran))
            self.assertRegex(self.ends(code, *arguments, **more, LC_ALL="zh_CN.UTF-8").err, "[一-鿿]")
        self.assertEqual(self.ok("run", "list", "--job", "nightly", "-o", "csv").err, "")

    def test_pause_and_resume_say_what_they_found(self):
        self.create("x")
        self.assertIn("job 'x' was not paused; fires next at ", self.ok("job", "resume", "x").out)
        self.assertIn("job 'x' paused; does not fire", self.ok("job", "pause", "x").out)
        self.assertIn("job 'x' was paused already; does not fire", self.ok("job", "pause", "x").out)
        self.assertIn("job 'x' resumed; fires next at ", self.ok("job", "resume", "x").out)

    def test_an_editor_that_needs_a_terminal_is_not_started_without_one(self):
        self.create("x")
        self.assertIn("there is no terminal for an editor", self.ends(2, "job", "edit", "x").err)

    def test_failover_to_the_server_that_is_there(self):
        self.create("x")
        servers = f"http://127.0.0.1:1,{self.server.address}"
        self.assertEqual(self.ok("job", "list", "-o", "name", "--server", servers).out, "x\n")
        self.ok("job", "run", "x", "--server", servers)

    def test_no_terminal_no_question(self):
        self.create("x")
        self.assertIn("say --yes where nobody can be asked", self.ends(2, "job", "delete", "x").err)
        self.assertEqual(self.cli.terminal("job", "delete", "x", "--no-input").end().code, 2)
        asked = self.cli.terminal("job", "delete", "x")
        asked.read("Delete job 'x'? [y/N] ")
        asked.type("n\n")
        self.assertEqual(asked.end().code, 1)
        self.ok("job", "get", "x")
        asked = self.cli.terminal("job", "delete", "x")
        asked.read("[y/N] ")
        asked.type("y\n")
        self.assertEqual(asked.end().code, 0)
        self.ends(4, "job", "get", "x")


class Contexts(Case):
    def test_flags_then_environment_then_context(self):
        self.create("x")
        self.cli.environment.pop("CRONFLEET_SERVER")
        self.ok("context", "set", "here", "--server", self.server.address, "--keep-output", "name")
        self.assertEqual(self.ok("job", "list").out, "x\n")
        self.assertIn("SCHEDULE", self.ok("job", "list", CRONFLEET_OUTPUT="table").out)
        self.assertIn("{", self.ok("job", "list", "-o", "json", CRONFLEET_OUTPUT="table").out)
        self.ends(8, "job", "list", CRONFLEET_SERVER="http://127.0.0.1:1")
        self.ok("job", "list", "--server", self.server.address, CRONFLEET_SERVER="http://127.0.0.1:1")
        self.ok("context", "set", "away", "--server", "http://127.0.0.1:1")
        self.ends(8, "job", "list", "--context", "away")
        self.ok("context", "use", "away")
        self.ends(8, "job", "list")
        self.ok("job", "list", CRONFLEET_CONTEXT="here")
        self.assertEqual(self.ok("context", "list", "-o", "name").out, "away\nhere\n")
        self.ok("context", "set", "away", "--timeout", "10")
        self.assertEqual(json.loads(self.ok("context", "list", "-o", "json").out)["items"][0]["timeout"], 10)
        self.assertIn(",10\n", self.ok("context", "list", "-o", "csv").out)
        self.assertIn("did you mean 'here'?", self.ends(4, "context", "use", "her").err)
        self.ends(78, "job", "list", "--context", "nowhere")
        path = self.folder / ".config/cronfleet/contexts.json"
        self.assertEqual(path.stat().st_mode & 0o777, 0o600)
        path.chmod(0o644)
        self.assertIn("chmod 600", self.ends(78, "job", "list").err)
        self.ok("job", "list", "--server", self.server.address)  # it does not matter then
        path.chmod(0o600)
        path.write_text('{"contexts": {"x": {"server": []}}}')
        self.assertIn("did you mean 'servers'?", self.ends(78, "job", "list").err)


class Apply(Case):
    def test_yaml_and_json_alike(self):
        path = self.file("jobs.yaml", """\
            name: one
            schedule: 0 2 * * *      # a comment
            time_zone: Europe/Berlin
            command: |
              set -e
              echo "two lines"
            labels: {team: db, "on": "yes"}
            ---
            - {name: two, schedule: '@daily', command: [echo, "1"], retry: {count: 3, factor: 1.5}}
            - name: three
              schedule: '@hourly'
              command: "true"
              enabled: false
            """)
        self.assertIn("job 'one' created", self.ok("job", "apply", "-f", path).out)
        exported = self.ok("job", "export").out
        self.assertEqual([one["name"] for one in yaml.safe_load_all(exported)], ["one", "three", "two"])
        self.assertEqual(next(yaml.safe_load_all(exported))["command"], "set -e\necho \"two lines\"\n")
        self.assertEqual(self.ok("job", "apply", "-f", "-", "--dry-run", input=exported).err, "nothing would change\n")
        self.assertEqual(json.loads(self.ok("job", "export", "-o", "json").out), list(yaml.safe_load_all(exported)))
        self.ok("job", "export", "--dir", str(self.folder / "out"))
        self.assertEqual(sorted(p.name for p in (self.folder / "out").iterdir()), ["one.yaml", "three.yaml", "two.yaml"])
        self.ok("job", "apply", "--dry-run", "-f", str(self.folder / "out"))
        self.ok("job", "apply", "--dry-run", "-f", "-", input=self.ok("job", "list", "-o", "yaml").out)

    def test_an_empty_file_deletes_nothing(self):
        self.create("kept", flags=("--label", "team=db"))
        for text in ("", "# only a comment\n", "[]\n", "---\n"):
            done = self.cli("job", "apply", "-f", "-", "--prune", "team=db", "--yes", input=text)
            self.assertEqual(done.code, 7, text)
            self.assertIn("no job in -", done.err)
        self.ok("job", "get", "kept")

    def test_mistakes_have_their_place(self):
        cases = [
            ("name: x\nschedul: '@daily'\ncommand: y\n", "/schedul (line 2, column 1)"),
            ("a: &x 1\nb: *x\n", "line 1, column 4: anchors and aliases are not taken"),
            ("name: x\nschedule: @daily\n", "line 2, column 11: this is no YAML: found character that cannot start any"),
            ("name: x\nname: y\n", "line 2, column 1: the key 'name' stands here twice"),
            ("<<: {a: 1}\n", "merge keys"),
            ("name: !!python/object x\n", "the tag"),
            ("- name: x\n  schedule: '@daily'\n  command: y\n  umask: 022\n", "/umask (line 4, column 3)"),
            ("[" * 40 + "]" * 40, ""),
            ('[{"name":"x","schedule":"@daily","command":"y"},\n {"name":"z"}]', "[1]: /schedule (line 2, column 2)"),
        ]
        for text, place in cases:
            ran = self.ends(7, "job", "apply", "-f", "-", input=text)
            self.assertIn(place, ran.err)
        self.assertEqual(self.cli("job", "list", "-o", "name").out, "")

    def test_everything_is_judged_before_the_first_write(self):
        good = "name: good\nschedule: '@daily'\ncommand: x\n"
        bad = "name: bad\nschedule: 0 24 * * *\ncommand: x\n"
        ran = self.ends(7, "job", "apply", "-f", "-", input=good + "---\n" + bad)
        self.assertIn("job 'bad'", ran.err)
        self.assertIn("column 3: hour 24 is out of range 0-23", ran.err)
        self.assertIn("nothing was applied", ran.err)
        self.assertEqual(self.cli("job", "list", "-o", "name").out, "")
        ran = self.ends(7, "job", "apply", "--keep-going", "-f", "-", input=good + "---\n" + bad)
        self.assertEqual(self.cli("job", "list", "-o", "name").out, "good\n")

    def test_dry_run_and_prune(self):
        self.create("kept", flags=("-l", "by=git"))
        self.create("gone", flags=("-l", "by=git"))
        self.create("other")
        wanted = ("name: kept\nschedule: 0 3 * * *\ncommand: 'true'\nlabels: {by: git}\n---\n"
                  "name: new\nschedule: '@daily'\ncommand: 'true'\nlabels: {by: git}\n")
        ran = self.ends(3, "job", "apply", "--dry-run", "--prune", "by=git", "-f", "-", input=wanted)
        self.assertEqual(ran.out, textwrap.dedent("""\
            job 'kept' would be changed
             name: kept
            -schedule: "0 0 1 1 *"
            +schedule: "0 3 * * *"
             labels:
               by: git
             command: "true"
            job 'new' would be created
            +name: new
            +schedule: "@daily"
            +labels:
            +  by: git
            +command: "true"
            job 'gone' would be deleted
            -name: gone
            -schedule: "0 0 1 1 *"
            -labels:
            -  by: git
            -command: "true"
            """))
        data = json.loads(self.ends(3, "job", "diff", "--prune", "by=git", "-f", "-", "-o", "json", input=wanted).out)
        self.assertEqual([(item["name"], item["result"]) for item in data["items"]],
                         [("kept", "changed"), ("new", "created"), ("gone", "deleted")])
        self.assertEqual(data["items"][0]["changes"],
                         [{"pointer": "/schedule", "before": "0 0 1 1 *", "after": "0 3 * * *"}])
        self.assertEqual(self.cli("job", "list", "-o", "name").out, "gone\nkept\nother\n")
        ran = self.ends(7, "job", "apply", "--prune", "=git", "--yes", "-f", "-", input=wanted)
        self.assertIn("--prune: expected the name of a label, or name=value, found '=git'", ran.err)
        self.ends(2, "job", "apply", "--prune", "by=git", "-f", "-", input=wanted)  # deletes without --yes
        self.ok("job", "apply", "--prune", "by=git", "--yes", "-f", "-", input=wanted)
        self.assertEqual(self.cli("job", "list", "-o", "name").out, "kept\nnew\nother\n")
        self.ok("job", "diff", "--prune", "by=git", "-f", "-", input=wanted)

    def test_versions(self):
        self.create("versioned")
        self.ok("job", "apply", "-f", "-", input="name: versioned\nschedule: 0 3 * * *\ncommand: 'true'\n")
        versions = json.loads(self.ok("job", "history", "versioned", "-o", "json").out)["items"]
        self.assertEqual(len(versions), 2)
        changed = self.ends(3, "job", "diff", "versioned").out
        self.assertIn('-schedule: "0 0 1 1 *"\n+schedule: "0 3 * * *"\n', changed)
        self.ok("job", "restore", "versioned", str(versions[1]["revision"]))
        self.assertEqual(json.loads(self.ok("job", "get", "versioned", "-o", "json").out)["job"]["schedule"], "0 0 1 1 *")
        self.ok("job", "clone", "versioned", "copied")
        self.assertFalse(json.loads(self.ok("job", "get", "copied", "-o", "json").out)["job"]["enabled"])

    def editor(self, script):
        path = self.file("editor", "#!/bin/sh\nset -e\n" + script)
        os.chmod(path, 0o755)
        return path

    def test_edit(self):
        self.create("x")
        self.assertIn("nothing was changed", self.ok("job", "edit", "x", EDITOR="true").err)
        self.ok("job", "edit", "x", EDITOR="sed -i 's/0 0 1 1/0 3 1 1/'")
        self.assertEqual(json.loads(self.ok("job", "get", "x", "-o", "json").out)["job"]["schedule"], "0 3 1 1 *")
        self.ends(1, "job", "edit", "x", EDITOR="false")
        kept = self.ends(7, "job", "edit", "x", EDITOR="sed -i s/schedule/schedul/")
        path = re.search(r"kept in (\S+)", kept.err).group(1)
        self.assertIn("schedul:", pathlib.Path(path).read_text())
        os.unlink(path)

    def test_edits_of_different_members_are_merged(self):
        self.create("x")
        theirs = "name: x\nschedule: 0 0 1 1 *\ncommand: 'true'\nowner: somebody else\n"
        editor = self.editor(f'printf "{theirs}" | {BINARY} job apply -q -f -\nsed -i "s/0 0 1 1/0 3 1 1/" "$1"\n')
        ran = self.ok("job", "edit", "x", EDITOR=editor)
        self.assertIn("both are kept", ran.err)
        job = json.loads(self.ok("job", "get", "x", "-o", "json").out)["job"]
        self.assertEqual((job["schedule"], job["owner"]), ("0 3 1 1 *", "somebody else"))

    def test_edits_of_the_same_member_are_a_conflict(self):
        self.create("x")
        theirs = "name: x\nschedule: 0 4 1 1 *\ncommand: 'true'\n"
        editor = self.editor(f'printf "{theirs}" | {BINARY} job apply -q -f -\nsed -i "s/0 0 1 1/0 3 1 1/" "$1"\n')
        ran = self.ends(6, "job", "edit", "x", EDITOR=editor)
        self.assertIn('/schedule: yours "0 3 1 1 *", theirs "0 4 1 1 *"', ran.err)
        os.unlink(re.search(r"kept in (\S+)", ran.err).group(1))
        self.assertEqual(json.loads(self.ok("job", "get", "x", "-o", "json").out)["job"]["schedule"], "0 4 1 1 *")


class Runs(Case):
    def test_wait_ends_as_the_job_does(self):
        self.create("x", "echo out; echo err >&2; exit 42")
        ran = self.ends(42, "job", "run", "x", "--wait")
        self.assertEqual(ran.out, "out\n")
        self.assertIn("err\n", ran.err)
        self.assertIn("failed with exit code 42", ran.err)
        run = self.ok("job", "run", "x", "-o", "name").out.strip()
        self.ends(125, "run", "wait", "none@r-none.1")  # 4 could be the job's own
        self.ends(42, "run", "wait", run)
        self.assertEqual(json.loads(self.ends(42, "run", "wait", run, "-o", "json").out)["status"], "failed")
        self.create("y", "kill -9 $$")
        self.ends(137, "job", "run", "y", "--wait")
        self.ends(125, "job", "run", "nobody", "--wait")
        self.ends(125, "job", "run", "x", "--wait", "--server", "http://127.0.0.1:1")
        rows = list(csv.DictReader(io.StringIO(self.ok("run", "list", "--job", "x", "-o", "csv").out)))
        self.assertEqual({row["exit_code" if "exit_code" in rows[0] else "exit"] for row in rows}, {"42"})

    def interrupt(self, *flags):
        self.create("long", "echo ready; sleep 600")
        return self.interrupted("long", *flags)

    def interrupted(self, job, *flags):
        followed = self.cli.terminal("job", "run", job, "--wait", *flags)
        followed.read("ready")
        run = re.search(r"run '([^']+)'", followed.seen.decode()).group(1)
        followed.type("\x03")
        return followed, run

    def status(self, run):
        return json.loads(self.ok("run", "get", run, "-o", "json").out)["status"]

    def test_ctrl_c_asks_once_and_detaches(self):
        followed, run = self.interrupt()
        followed.read("[d]etach")
        followed.type("c\n")
        followed.type("\x03")  # asked once: the second one detaches
        self.assertEqual(followed.end().code, 130)
        self.assertEqual(self.status(run), "running")
        self.ok("run", "kill", "--grace", "0s", run)
        self.assertIn(self.cli("run", "wait", run).code, (137, 143))

    def test_a_second_ctrl_c_takes_away_what_was_typed(self):
        # A terminal drops its input at Ctrl-C, also what a command has just been told is there to be read.
        self.ok("job", "apply", "-f", "-", input="""{"name": "many", "schedule": "@yearly", "overlap": "allow",
                                                  "command": "echo ready; sleep 600"}""")
        runs = []
        for round in range(16):
            followed, run = self.interrupted("many")
            runs.append(run)
            followed.read("[d]etach")
            followed.type("c\n")
            until = time.perf_counter() + round % 4 * 20e-6
            while time.perf_counter() < until:  # a different moment each time: none of them matters
                pass
            followed.type("\x03")
            self.assertEqual(followed.end().code, 130)
            if len(runs) == 8:  # half of what one worker runs at once
                self.ok("run", "kill", "--grace", "0s", *runs)
                for each in runs:
                    self.assertIn(self.cli("run", "wait", each).code, (137, 143))
                runs = []

    def test_ctrl_c_kills_when_told_to(self):
        followed, run = self.interrupt()
        followed.read("[d]etach")
        followed.type("k\n")
        self.assertEqual(followed.end().code, 143)
        self.assertEqual(self.status(run), "killed")

    def test_without_a_terminal_ctrl_c_detaches(self):
        self.create("long", "echo ready; sleep 600")
        process = self.cli.start("job", "run", "long", "--wait")
        self.assertEqual(process.stdout.readline(), b"ready\n")
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(LIMIT), 130)
        said = process.stderr.read().decode()
        process.stdout.close()
        process.stderr.close()
        run = re.search(r"run '([^']+)'", said).group(1)
        self.assertIn("the run goes on", said)
        self.assertEqual(self.status(run), "running")
        self.ok("run", "kill", "--grace", "0s", run)
        self.cli("run", "wait", run)

    def test_events(self):
        process = self.cli.start("events", "--topic", "jobs", "-o", "ndjson", "--count", "1")
        for i in range(LIMIT * 10):  # the stream begins at some moment: a change after it is seen
            self.create(f"seen-{i}")
            if process.poll() is not None:
                break
            try:
                process.wait(0.2)
                break
            except subprocess.TimeoutExpired:
                pass
        event = json.loads(process.stdout.read())
        process.stdout.close()
        process.stderr.close()
        self.assertEqual(process.returncode, 0)
        self.assertEqual(event["event"], "job")


class Restart(Case):
    def test_logs_are_followed_across_a_restart_of_the_server(self):
        self.create("long", "echo before; sleep 600")
        run = self.ok("job", "run", "long", "-o", "name").out.strip()
        followed = self.cli.start("run", "logs", "-f", run)
        self.assertEqual(followed.stdout.readline(), b"before\n")
        self.server.stop()
        self.server.start()
        rest, said = followed.communicate(timeout=LIMIT * 2)
        self.assertEqual(followed.returncode, 0, said)
        self.assertEqual(rest, b"")  # nothing twice
        self.assertIn(f"{run} killed", said.decode())


class Import(Case):
    def test_etc_cron_d(self):
        folder = self.folder / "cron.d"
        folder.mkdir()
        (folder / "backup").write_text("MAILTO=ops\n# Nightly.\n0 2 * * * root /opt/backup.sh\n")
        (folder / "backup.dpkg-old").write_text("nonsense\n")
        ran = self.ok("import", "crontab", str(folder), "--zone", "UTC")
        self.assertIn("job 'backup.sh': '0 2 * * *' in UTC, as user root", ran.out)
        self.assertIn("nothing is mailed", ran.out)
        document = self.ok("import", "crontab", str(folder), "--zone", "UTC", "-o", "yaml").out
        self.ok("job", "apply", "-f", "-", input=document)
        self.assertIn("0 jobs imported, 1 stood there already",
                      self.ok("import", "crontab", str(folder), "--zone", "UTC", "--apply").err)

    def test_an_import_says_why_in_the_servers_log(self):
        line = "0 2 * * * /opt/said.sh\n"
        self.ok("import", "crontab", "-", "--zone", "UTC", "--apply", input=line)
        self.ok("import", "crontab", "-", "--zone", "UTC", "--apply", "--prefix", "b ", "--reason", "the old host goes", input=line)
        log = self.server.log.read_text()
        self.assertRegex(log, "jobs changed.*import crontab")
        self.assertRegex(log, "jobs changed.*the old host goes")

    def names(self):
        return self.ok("job", "list", "-o", "name").out.split()

    def test_jobs_whose_line_is_gone_are_named_and_deleted_with_prune(self):
        flags = ("--zone", "UTC", "--user", "root")
        path = self.file("tab", "0 1 * * * /opt/one\n0 2 * * * /opt/two\n0 3 * * * /opt/two %x\n0 4 * * * cat%y\n")
        self.ok("import", "crontab", path, "--apply", *flags)
        self.ok("import", "crontab", path, "--apply", "--prefix", "b-", *flags)  # another machine's
        self.create("mine", "/opt/three", flags=("-l", f"crontab={self.folder}/other"))
        self.assertNotIn("gone", self.ok("import", "crontab", path, *flags).err)
        self.file("tab", "0 1 * * * /opt/one\n")
        for extra in ((), ("--apply",)):
            ran = self.ok("import", "crontab", path, *extra, *flags)
            for name in ("two", "two-2", "cat"):
                self.assertIn(f"job '{name}': its line is gone from {path}; it stays. --prune deletes it", ran.err)
            self.assertEqual(ran.err.count("gone"), 3)
        self.assertEqual(json.loads(self.ok("import", "crontab", path, "-o", "json", *flags).out)["gone"],
                         [{"source": path, "name": name} for name in ("cat", "two", "two-2")])
        self.assertIn("'two': its line is gone from", self.ok("import", "crontab", path, "--prune", *flags).err)
        before = self.names()
        ran = self.ends(2, "import", "crontab", path, "--prune", "--apply", *flags)
        self.assertIn("--yes", ran.err)
        # A line that is refused may be that of a job.
        self.file("tab", "0 1 * * * /opt/one\n0 99 * * * /opt/two\n")
        ran = self.ends(7, "import", "crontab", path, "--prune", "--apply", "--yes", "--keep-going", *flags)
        self.assertIn("nothing was deleted", ran.err)
        self.file("tab", "# nothing\n")
        self.assertIn("'one': its line is gone", self.ok("import", "crontab", path, "--prune", "--apply", "--yes", *flags).err)
        self.assertEqual(self.names(), before)
        self.file("tab", "0 1 * * * /opt/one\n0 5 * * * /opt/new\n")
        self.assertIn("job 'two-2' deleted", self.ok("import", "crontab", path, "--prune", "--apply", "--yes", *flags).err)
        self.assertEqual(self.names(), sorted({*before, "new"} - {"two", "two-2", "cat"}))

    def test_a_file_that_is_gone_from_the_folder(self):
        folder = self.folder / "cron.d"
        folder.mkdir()
        for name in ("a", "b"):
            (folder / name).write_text(f"0 2 * * * root /opt/{name}.sh\n")
        self.ok("import", "crontab", str(folder), "--zone", "UTC", "--apply")
        (folder / "b").unlink()
        ran = self.ok("import", "crontab", f"{folder}/", "--zone", "UTC", "--apply", "--prune", "-y")
        self.assertIn("job 'b.sh' deleted", ran.err)
        self.assertEqual(self.names(), ["a.sh"])

    def test_a_crontab_is_the_same_from_every_folder(self):
        folder = self.folder / "cron" / "crontabs"
        folder.mkdir(parents=True)
        (folder / "root").write_text("0 1 * * * /opt/one\n0 2 * * * /opt/two\n")
        flags = ("--zone", "UTC", "--apply")
        self.ok("import", "crontab", str(folder / "root"), *flags)
        (folder / "root").write_text("0 3 * * * /opt/one\n")
        ran = self.ok("import", "crontab", "root", "--update", "--prune", "--yes", *flags, cwd=folder)
        self.assertIn("1 changed", ran.err)
        self.assertEqual(self.names(), ["one"])
        self.assertEqual(json.loads(self.ok("job", "get", "one", "-o", "json").out)["job"]["user"], "root")
        # Another file of that name is another crontab.
        (self.folder / "root").write_text("0 4 * * * /opt/one\n")
        self.ends(6, "import", "crontab", "root", "--update", "--user", "root", *flags, cwd=self.folder)

    def test_a_system_crontab_without_the_flag_is_suspected(self):
        lines = "SHELL=/bin/sh\n17 * * * * root cd / && run-parts /etc/cron.hourly\n25 6 * * * root /opt/x\n0 3 * * * /opt/y\n"
        for apply in ((), ("--apply",)):
            ran = self.ends(7, "import", "crontab", "-", "--zone", "UTC", *apply, input=lines)
            self.assertIn("stdin: on 2 of 3 lines the command begins with a user, as 'root'", ran.err)
            self.assertIn("--system reads it so", ran.err)
            self.assertIn("nothing was imported\n", ran.err)
        self.assertEqual(self.names(), [])
        self.assertIn("系统 crontab", self.cli("import", "crontab", "-", input=lines, LC_ALL="zh_CN.UTF-8").err)
        self.assertIn("stdin:4:11: '/opt/y' is no user", self.ends(7, "import", "crontab", "-", "--system", input=lines.replace("/opt/y", "/opt/y --all")).err)
        self.ok("import", "crontab", "-", "--zone", "UTC", "--system", "--apply", input=lines.replace("/opt/y", "root /opt/y"))
        own = self.ok("import", "crontab", "-", "--zone", "UTC", "--user", "root", "--prefix", "own ", "--apply", input=lines)
        self.assertIn("3 jobs imported", own.err)
        # Programs that are called like users, and lines where few are.
        for text in ("0 1 * * * mail -s x y\n", "0 1 * * * sync\n", "0 1 * * * root x\n0 2 * * * /opt/a b\n0 3 * * * c d\n"):
            ran = self.cli("import", "crontab", "-", "--zone", "UTC", input=text)
            self.assertNotIn("system crontab", ran.err)

    def test_the_zone_of_the_host_is_written_down(self):
        ran = self.ok("import", "crontab", "-", "-o", "json", input="@daily x\n", TZ="Asia/Tokyo")
        self.assertEqual(json.loads(ran.out)["items"][0]["job"]["time_zone"], "Asia/Tokyo")


class Help(Case):
    def commands(self):
        page = (pathlib.Path(__file__).parents[2] / "docs/cli.md").read_text(encoding="utf-8")
        found = re.findall(r"^#+ cronfleet (\S.*)$", page, re.MULTILINE)
        self.assertGreater(len(found), 40)
        return [command.split() for command in found]

    def test_help_is_one_screen_with_three_examples(self):
        for command in self.commands():
            shown = self.ok(*command, "--help").out
            with self.subTest(command=command):
                self.assertLessEqual(len(shown.splitlines()), 32, shown)
                self.assertLessEqual(max(len(line) for line in shown.splitlines()), 120, shown)
                if "Examples and options: cronfleet" not in shown:
                    examples = [line for line in shown.split("Examples:\n")[1].splitlines() if line.startswith("  ")]
                    self.assertGreaterEqual(len(examples), 3, shown)

    def test_help_is_a_word_too(self):
        self.assertEqual(self.ok("help").out, self.ok("--help").out)
        for command in self.commands():
            for language in ("C.UTF-8", "zh_CN.UTF-8"):
                self.assertEqual(self.ok("help", *command, LC_ALL=language).out, self.ok(*command, "--help", LC_ALL=language).out)
        self.assertEqual(self.ends(2, "help", "job", "rn").err, "cronfleet help: unknown command 'job rn'; did you mean 'job run'?\n"
                         "See cronfleet job --help\n")
        self.ends(2, "help", "job", "run", "nightly")
        self.assertIn("cronfleet job: unknown command 'rn'; did you mean 'run'?", self.ends(2, "job", "rn", "--help").err)

    def test_help_in_chinese(self):
        for command in self.commands():
            first = self.ok(*command, "--help", LC_ALL="zh_CN.UTF-8").out.splitlines()[0]
            self.assertRegex(first, "[\u4e00-\u9fff]", command)

    def test_messages_by_locale_data_never(self):
        self.create("x")
        self.assertIn("没有任务 'nobody'", self.ends(4, "job", "get", "nobody", LC_ALL="zh_CN.UTF-8").err)
        self.assertIn("no job 'nobody'", self.ends(4, "job", "get", "nobody").err)
        self.assertEqual(self.ok("job", "list", "-o", "json", LC_ALL="zh_CN.UTF-8").out, self.ok("job", "list", "-o", "json").out)
        self.assertEqual(self.ok("job", "list", LC_ALL="zh_CN.UTF-8").out, self.ok("job", "list").out)
        self.assertEqual(self.ok("job", "delete", "x", "--yes", LANG="zh_CN.UTF-8", LC_ALL="").out, "已删除任务 'x'\n")
        self.assertIn("没有执行任何操作", self.ends(2, "job", "delete", "x", LC_ALL="zh_CN.UTF-8").err)

    def test_questions_in_chinese(self):
        chinese = {"LC_ALL": "zh_CN.UTF-8"}
        self.create("long", "echo ready; sleep 600")
        followed = self.cli.terminal("job", "run", "long", "--wait", **chinese)
        followed.read("ready")
        followed.type("\x03")
        followed.read("脱离并让它继续运行 [d]，结束它 [k]，还是继续跟踪 [c]？ ")
        followed.type("k\n")
        self.assertEqual(followed.end().code, 143)
        theirs = "name: long\nschedule: 0 4 1 1 *\ncommand: 'true'\n"
        editor = self.file("editor", f'#!/bin/sh\nprintf "{theirs}" | {BINARY} job apply -q -f -\nsed -i "s/0 0 1 1/0 3 1 1/" "$1"\n')
        os.chmod(editor, 0o755)
        edited = self.cli.terminal("job", "edit", "long", EDITOR=editor, **chinese)
        edited.read("其间有人更改了该任务。下面是您的内容：")
        edited.read("再次编辑？ [y/N] ")
        edited.type("n\n")
        ended = edited.end()
        self.assertEqual(ended.code, 6)
        os.unlink(re.search(r"保留在 (\S+)", ended.out).group(1))
        self.assertIn("无法连接 http://127.0.0.1:1：连接被拒绝", self.ends(8, "job", "list", "--server", "http://127.0.0.1:1", **chinese).err)
        self.assertIn("它不以 http:// 开头", self.ends(2, "job", "list", "--server", "ftp://x", **chinese).err)
        self.create("y")
        with open("/dev/full", "w") as full:
            done = subprocess.run([BINARY, "job", "list"], stdout=full, stderr=subprocess.PIPE, text=True,
                                  env={**self.cli.environment, **chinese})
        self.assertEqual(done.stderr, "无法写出输出：No space left on device\n")

    def test_what_needs_no_server_speaks_chinese_too(self):
        chinese = {"LC_ALL": "zh_CN.UTF-8"}
        data = str(self.folder / "data")
        doctor = self.ok("doctor", "--data-dir", data, "--port", "0", "--set", "metrics.port=0", **chinese).out
        for line in doctor.splitlines():
            self.assertRegex(line, "^(正常|警告)", doctor)
        self.assertIn("，将会创建", doctor)
        wrong = self.ends(78, "standalone", "--set", "http.prt=1", **chinese).err
        self.assertIn("配置有误，没有启动任何服务：\n--set：http.prt：未知的键；您是想写 'http.port' 吗？\n", wrong)
        lines = "MAILTO=x\n99 * * * * x\n0 3 * * * cat %a\n"
        imported = self.ends(7, "import", "crontab", "-", input=lines, **chinese)
        self.assertIn("stdin:2:1: 分钟：99 超出范围 0-59", imported.err)
        self.assertIn("注意：% 之后的内容以 here-document 交给命令", imported.out)
        self.assertIn("stdin：注意：MAILTO=x：不发送邮件", imported.out)

    def test_a_service_speaks_to_a_terminal_as_its_reader_does(self):
        data = str(self.folder / "data")
        start = ("standalone", "--data-dir", data, "--port", "0", "--set", "metrics.port=0")
        shown = self.cli.terminal(*start, LC_ALL="zh_CN.UTF-8")
        shown.read("会话已建立")
        other = self.ends(69, *start, LC_ALL="zh_CN.UTF-8")  # into a file or a journal: as ever
        self.assertRegex(other.err, "cannot start: the data folder '.*' is in use by process")
        shown.type("\x03")
        said = shown.end()
        self.assertEqual(said.code, 0, said)
        self.assertIn("正在监听: 127.0.0.1:", said.out)
        self.assertIn("正在停止: 再来一次信号会立即结束仍在运行的一切", said.out)

    def test_the_version_as_a_word_and_as_a_flag(self):
        said = self.ok("version").out
        self.assertRegex(said, r"^cronfleet \d+\.\d+\.\d+")
        self.assertEqual(self.ok("--version").out, said)

    def test_man_pages_can_be_read(self):
        man = shutil.which("man")
        if not man:
            self.skipTest("man is not installed")
        folder = pathlib.Path(__file__).parents[2] / "docs/man"
        for page in sorted(folder.glob("*.1")):
            done = subprocess.run([man, "--warnings", "-l", str(page)], stdin=subprocess.DEVNULL, capture_output=True,
                                  env={**self.cli.environment, "MANPAGER": "cat", "MANWIDTH": "100", "LC_ALL": "C.UTF-8"})
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(done.stderr, b"", page)
            self.assertIn(b"cronfleet", done.stdout)


class Service(Case):
    def test_a_data_folder_is_taken_from_where_it_was_started(self):
        def folder_of(*flags):
            done = subprocess.run([BINARY, "standalone", *flags, "--print-config"], capture_output=True, text=True,
                                  timeout=LIMIT, cwd=self.folder, env=self.cli.environment)
            found = re.search(r'"data_dir": "(.*)"', done.stdout)
            return found and found.group(1), done
        for said, wanted in (("data", "data"), ("./a/../b", "b"), (".", "")):
            self.assertEqual(pathlib.Path(folder_of("--data-dir", said)[0] or "-"), self.folder / wanted)
        self.assertEqual(folder_of("--data-dir", "/srv/cron")[0], "/srv/cron")
        _, refused = folder_of("--data-dir=~/cron")
        self.assertEqual(refused.returncode, 78)
        self.assertIn("nothing is expanded", refused.stderr)
        _, empty = folder_of("--data-dir", "")
        self.assertEqual(empty.returncode, 2)
        self.assertIn("--data-dir: it is empty; expected FOLDER", empty.stderr)

    def test_a_full_disk_at_start_is_a_failure_that_may_pass(self):
        for option in ("size=64k", "nr_inodes=2"):  # no room for the store, nor even for the folder
            small = self.folder / option
            small.mkdir()
            if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", option, "tmpfs", str(small)]).returncode != 0:
                self.skipTest("a small file system is needed: mounting tmpfs takes root")
            try:
                filler = os.open(small / "filler", os.O_WRONLY | os.O_CREAT)
                with self.assertRaises(OSError):
                    while option.startswith("size"):
                        os.write(filler, b"x" * 4096)
                    (small / "folder").mkdir()
                os.close(filler)
                done = subprocess.run([BINARY, "standalone", "--data-dir", str(small / "data"), "--port", "0", "--set",
                                       "metrics.port=0"], capture_output=True, text=True, timeout=LIMIT, env=self.cli.environment)
                self.assertEqual(done.returncode, 1, done)
                self.assertRegex(done.stdout + done.stderr, "No space left on device|disk is full")
            finally:
                subprocess.run(["umount", "-l", str(small)], check=True)


class Doctor(Case):
    def test_every_red_line_says_what_to_do(self):
        data = str(self.folder / "data")
        fine = self.cli("doctor", "--data-dir", data, "--port", "0", "--set", "metrics.port=0")
        self.assertEqual(fine.code, 0, fine)
        for what in ("configuration", "data folder", "disk", "limits", "shell", "listener", "metrics", "time zones", "clock"):
            self.assertIn(f" {what} ", fine.out)
        (self.folder / "data/coord").mkdir(parents=True)
        (self.folder / "data/coord/coord.db").write_text("no database at all")
        red = self.cli("doctor", "--data-dir", data, "--port", "0", "--set", "metrics.port=0",
                       "--set", "worker.capacity=100000")
        self.assertEqual(red.code, 1, red)
        lines = [line for line in red.out.splitlines() if line.startswith("RED")]
        self.assertTrue(any("no SQLite database: set it aside" in line for line in lines), red)
        self.assertIn(f"{len(lines)} line", red.out)
        for line in lines:
            self.assertRegex(line, r"^RED\s+\S.*: \S")
        self.assertEqual(self.cli("doctor", "--set", "worker.capacty=1").code, 78)
        busy = self.cli("doctor", "--data-dir", data, "--port", str(self.server.port), "--set", "metrics.port=0")
        self.assertIn("a cronfleet server answers, ready", busy.out)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]], verbosity=2)
