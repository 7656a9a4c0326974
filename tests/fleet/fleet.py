"""tests/fleet/fleet.py: a fleet on this machine: three etcd members, masters, workers, and a proxy on every way between
them; what is done to it is noted, and what came of it is gathered.
"""

import dataclasses
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import urllib.request

import checker
import evidence as ev
import mongo
from client import Account, Client
from services import Child, Etcd, Trouble, free_ports, now_ms, wait_until


@dataclasses.dataclass
class Programs:
    cronfleet: str
    probe: str
    proxy: str


@dataclasses.dataclass
class Settings:
    workers: int = 3
    masters: int = 2
    members: int = 3
    capacity: int = 64
    standalone: bool = False  # one process instead of a fleet; for work on the harness itself
    proxied: bool = True
    load: int = 0  # further jobs that fire each second
    keep: str = ""  # a folder to leave everything in
    mongo: bool = False  # one history for all, in MongoDB; without: each worker's own
    worker_settings: dict = dataclasses.field(default_factory=dict)


class Proxy:
    """The fault proxy: one process for all ways. A way is named node/member, as in w1/m0."""

    def __init__(self, program, folder):
        self.child = Child("proxy", [program], folder / "proxy.log", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.child.start()
        self.ways = []

    def open(self, name, target):
        """The port on which `target` is to be had from now on."""
        self.ways.append(name)
        return int(self.ask(f"open {name} 127.0.0.1:{target}").split()[1])

    def set(self, node, *how):
        """How the ways of `node` behave from now on; proxy.cc has the list."""
        for way in self.ways:
            if way.split("/")[0] == node:
                self.say(f"set {way} {' '.join(map(str, how))}")

    def cuts(self):
        return int(self.ask("counts").split()[1])

    def say(self, line):
        self.child.process.stdin.write((line + "\n").encode())
        self.child.process.stdin.flush()

    def ask(self, line):
        self.say(line)
        answer = self.child.process.stdout.readline().decode()
        if not answer:
            raise Trouble(f"the fault proxy ended: {self.child.tail()}")
        return answer

    def end(self):
        self.child.kill()


class Fleet:
    """Use as a context: everything it started is ended at its exit, and its folder removed unless it is to be kept."""

    def __init__(self, programs, settings):
        self.programs, self.settings = programs, settings
        self.folder = pathlib.Path(settings.keep or tempfile.mkdtemp(prefix="cronfleet-fleet-"))
        self.folder.mkdir(parents=True, exist_ok=True)
        self.truth = self.folder / "truth"
        self.account = Account(self.command)
        self.faults = []
        self.history_faults = []  # of MongoDB: they excuse nothing
        self.mongo = None
        self.etcd = self.proxy = None
        self.masters, self.workers = [], []
        self.lookers, self.looking = [], threading.Event()
        self.tags = 0
        self.pending, self.troubles = [], []

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.__exit__(True)
            raise
        return self

    def __exit__(self, *failure):
        self.looking.set()
        for thread in self.lookers + self.pending:
            thread.join()
        for child in self.workers + self.masters:
            if child.process is not None:
                child.thaw()
                child.signal(9)
                child.process.wait()
        if self.proxy:
            self.proxy.end()
        if self.etcd:
            self.etcd.end()
        if self.mongo:
            self.mongo.end()
        if not self.settings.keep and not failure[0]:
            shutil.rmtree(self.folder, ignore_errors=True)

    def keep(self):
        """Leaves the folder behind."""
        self.settings.keep = str(self.folder)

    # Start

    def start(self):
        if self.settings.standalone:
            self.start_standalone()
        else:
            self.start_fleet()
        self.client = Client("main", self.ports)
        self.jobs = {}

    def start_standalone(self):
        port = free_ports(1)[0]
        child = Child("w0", [self.programs.cronfleet, "standalone", "--data-dir", self.folder / "w0", "--port", port,
                             "--set", "http.writes_per_second=0",
                             "--set", f"worker.capacity={self.settings.capacity}"],
                      self.folder / "w0.log").start()
        self.workers, self.masters, self.ports = [child], [], [port]
        self.client = Client("main", self.ports)
        self.wait_ready(child)

    def start_fleet(self):
        self.etcd = Etcd(self.folder / "etcd", self.settings.members).start()
        if self.settings.proxied:
            self.proxy = Proxy(self.programs.proxy, self.folder)
        if self.settings.mongo:
            self.mongo = mongo.Mongo(self.folder / "mongo").start()
        self.ports = free_ports(self.settings.masters)
        for index, port in enumerate(self.ports):
            self.masters.append(self.master(f"master{index}", port))
        for index in range(self.settings.workers):
            self.workers.append(self.worker(f"w{index}"))
        for child in self.masters + self.workers:
            child.start()
        self.client = Client("main", self.ports)
        for child in self.workers:
            self.wait_ready(child)
        for port in self.ports:
            wait_until(lambda: self.client.ask_one(port, "GET", "/readyz").status == 200, 60, "a master is ready")

    def endpoints(self, name):
        if not self.proxy:
            return [f"127.0.0.1:{port}" for port in self.etcd.client_ports]
        return [f"127.0.0.1:{self.proxy.open(f'{name}/m{index}', port)}"
                for index, port in enumerate(self.etcd.client_ports)]

    def history(self, name):
        if not self.mongo:
            return {"history": {"backend": "local"}}
        port = self.proxy.open(f"mongo/{name}", self.mongo.front.port) if self.proxy else self.mongo.port
        # Workers notice a frozen server within a second, so that several faults fit into a minute. Masters have longer:
        # FerretDB reads every record for each page. So have all where nothing freezes.
        milliseconds = 60_000 if name.startswith("master") or not self.proxy else 1000
        return {"mongodb": {"uri": f"mongodb://127.0.0.1:{port}/?socketTimeoutMS={milliseconds}&serverSelectionTimeoutMS=1000"}}

    def configuration(self, name, document):
        path = self.folder / f"{name}.json"
        path.write_text(json.dumps({
            "etcd": {"endpoints": self.endpoints(name)},
            **self.history(name), **document}, indent=1))
        return path

    def master(self, name, port):
        path = self.configuration(name, {"http": {"port": port, "writes_per_second": 0}})
        return Child(name, [self.programs.cronfleet, "master", "--config", path], self.folder / f"{name}.log")

    def worker(self, name):
        path = self.configuration(name, {
            "data_dir": str(self.folder / name), "node_id": name,
            "worker": {"capacity": self.settings.capacity, "shutdown_grace": "5s", **self.settings.worker_settings}})
        return Child(name, [self.programs.cronfleet, "worker", "--config", path], self.folder / f"{name}.log")

    def wait_ready(self, child, seconds=60):
        """Until it is registered with the pid that it has: an older registration may still stand."""
        def ready():
            if child.killed:
                return True  # again, before it was ready: its next start waits for itself
            if not child.running():
                raise Trouble(f"{child.name} ended by itself:\n{child.tail()}")
            answer = self.client.ask("GET", "/api/v1/workers")
            return any(worker.get("pid") == child.pid for worker in answer.json().get("items", []))

        wait_until(ready, seconds, f"{child.name} is registered\n{child.tail()}")

    # Jobs

    def command(self, version):
        words = [self.programs.probe, str(self.truth), "--tag", version.tag]
        for option, value in [("--duration", version.duration_ms), ("--exit", version.exit_code),
                              ("--print", version.print_bytes), ("--children", version.children)]:
            if value:
                words += [option, str(value)]
        return words + (["--ignore-term"] if version.ignore_term else [])

    def save(self, name, schedule="* * * * * *", members=None, seconds=60, client=None, **version):
        """Saves a job until that is acknowledged; each attempt is a version of its own, for any may have been done."""
        def attempt():
            with self.account.lock:
                self.tags += 1
                tag = f"{name}.{self.tags}"
            saved = ev.Version(tag, schedule, **version)
            if self.account.save(client or self.client, name, saved, **(members or {})):
                self.jobs[name] = saved
                return True
            time.sleep(0.1)
            return False

        wait_until(attempt, seconds, f"'{name}' is saved")

    def change(self, name, seconds=60, client=None, **changes):
        version = dataclasses.asdict(self.jobs[name])
        version.pop("tag")
        self.save(name, seconds=seconds, client=client, **{**version, **changes})

    def delete(self, name, seconds=60, client=None):
        def attempt():
            if self.account.save(client or self.client, name, None):
                return True
            time.sleep(0.1)
            return False

        wait_until(attempt, seconds, f"'{name}' is deleted")
        self.jobs.pop(name, None)

    # Faults. Each is noted, done at once, and answers with the way to undo it. All from the main thread.

    def begin(self, kind, node=""):
        fault = ev.Fault(kind, node, now_ms(), 10**15)
        self.faults.append(fault)
        return fault

    @staticmethod
    def healed(fault):
        fault.healed = now_ms()

    def kill_worker(self, index):
        child = self.workers[index]
        fault = self.begin("worker killed", child.name)
        child.kill()

        def heal():
            child.start()
            self.later(lambda: (self.wait_ready(child), self.healed(fault)))

        return heal

    def later(self, action):
        """Does `action` beside everything else; settle() waits for it and passes on what went wrong in it."""
        def run():
            try:
                action()
            except Trouble as trouble:
                self.troubles.append(trouble)

        thread = threading.Thread(target=run)
        thread.start()
        self.pending.append(thread)

    def settle(self):
        for thread in self.pending:
            thread.join()
        self.pending.clear()
        if self.troubles:
            raise self.troubles[0]

    def kill_runner(self, index):
        """The small process that runs the commands, not the worker itself."""
        child = self.workers[index]
        fault = self.begin("runner killed", child.name)
        for pid in runners_of(child.pid):
            os.kill(pid, signal.SIGKILL)
        return lambda: self.healed(fault)

    def freeze_worker(self, index):
        child = self.workers[index]
        fault = self.begin("worker frozen", child.name)
        child.stop()

        def heal():
            child.thaw()
            self.healed(fault)

        return heal

    def cut_off_worker(self, index, *how):
        name = self.workers[index].name
        fault = self.begin(f"worker cut off ({' '.join(map(str, how))})", name)
        self.proxy.set(name, *how)

        def heal():
            self.proxy.set(name, "pass")
            self.healed(fault)

        return heal

    def kill_member(self, index):
        """A member of etcd; of three the other two go on, with a new leader where it led."""
        member = self.etcd.members[index]
        fault = self.begin("etcd member killed")
        member.kill()

        def heal():
            member.start()
            self.later(lambda: (wait_until(lambda: self.etcd.status(index), 60, f"etcd member {index} is back"),
                                self.healed(fault)))

        return heal

    def freeze_members(self, indexes):
        fault = self.begin("etcd quorum lost" if 2 * len(indexes) > len(self.etcd.members) else "etcd member frozen")
        for index in indexes:
            self.etcd.members[index].stop()

        def heal():
            for index in indexes:
                self.etcd.members[index].thaw()
            self.later(lambda: (wait_until(self.etcd.healthy, 60, "etcd answers again"), self.healed(fault)))

        return heal

    def kill_master(self, index):
        child = self.masters[index]
        fault = self.begin("master killed", child.name)
        child.kill()

        def heal():
            child.start()
            self.healed(fault)

        return heal

    # Faults of MongoDB. They are noted apart, since they excuse nothing: no start may be late, no run unrecorded.

    def begin_history(self, kind):
        fault = ev.Fault(kind, "", now_ms(), 10**15)
        self.history_faults.append(fault)
        return fault

    def kill_mongo(self, empty_of_indexes=False):
        fault = self.begin_history("MongoDB killed" + (", back without indexes" if empty_of_indexes else ""))
        self.mongo.child.kill()

        def heal():
            if empty_of_indexes:  # nobody may see it with them
                self.proxy.set("mongo", "refuse")
            self.mongo.start()
            if empty_of_indexes:
                self.mongo.drop_indexes()
                if self.mongo.has_indexes():
                    raise Trouble("MongoDB did not drop its indexes")
                self.proxy.set("mongo", "pass")
            self.healed(fault)

        return heal

    def freeze_mongo(self):
        fault = self.begin_history("MongoDB frozen")
        self.mongo.child.stop()

        def heal():
            self.mongo.child.thaw()
            self.healed(fault)

        return heal

    def cut_off_mongo(self, *how):
        fault = self.begin_history(f"MongoDB cut off ({' '.join(map(str, how))})")
        self.proxy.set("mongo", *how)

        def heal():
            self.proxy.set("mongo", "pass")
            self.healed(fault)

        return heal

    def refuse_writes(self, how):
        fault = self.begin_history(f"MongoDB refuses writes ({how})")
        before, self.mongo.front.refusal = self.mongo.front.refused, mongo.REFUSALS[how]

        def heal():
            wait_until(lambda: self.mongo.front.refused > before, 60, "a write is refused")
            self.mongo.front.refusal = None
            self.healed(fault)

        return heal

    def fill_mongo(self):
        fault = self.begin_history("MongoDB out of space")
        self.mongo.limit_files(4096)

        def heal():
            if self.mongo.child.running():
                self.mongo.limit_files(None)
            else:
                self.mongo.start()
            self.healed(fault)

        return heal

    # Looking

    def look_all_the_time(self):
        """One reader for each master, who notes what he is told of the newest runs."""
        def look(port):
            client, took = Client(f"reader {port}", [port]), 0
            # A master whose history is slow, as FerretDB is with many records, is not asked faster than it answers.
            while not self.looking.wait(max(0.5, 2 * took)):
                begun = time.monotonic()
                self.account.look(client, port)
                took = time.monotonic() - begun

        for port in self.ports:
            thread = threading.Thread(target=look, args=(port,))
            thread.start()
            self.lookers.append(thread)

    def starts(self):
        """The ids of the runs that began, in order, by the commands' own words."""
        if not self.truth.exists():
            return []
        lines = (line.split("\t") for line in self.truth.read_text().splitlines())
        return [fields[1] for fields in lines if fields[0] == "start"]

    def running(self, job):
        """The runs of a job that go on, as a master knows them."""
        answer = self.client.ask("GET", f"/api/v1/runs?job={job}&status=running&limit=100")
        return [ev.parse_run(item["id"]) for item in answer.json().get("items", [])]

    def histories(self):
        return [self.folder / child.name / "history.db" for child in self.workers]

    def recorded(self):
        if not self.mongo:
            return [record for path in self.histories() for record in ev.read_history(path)]
        patient = Client("gatherer", self.ports, seconds=60)
        return list(mongo.records_of(wait_until(lambda: mongo.all_runs(patient), 600, "the API lists every record")))

    def gather(self, first, last):
        lives, orphans = ev.read_truth(self.truth)
        records = self.recorded()
        with self.account.lock:
            account = self.account
            return ev.Evidence(lives, records, list(account.edits), first, last, list(account.kills),
                               list(account.triggers), list(self.faults), list(account.sightings), orphans=orphans,
                               history_faults=list(self.history_faults), shared_history=self.mongo is not None)

    def wait_accounted(self, first, last, seconds=90):
        """Until everything owed up to `last` is accounted for, or the patience is over: the checker has the last word."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            kinds = checker.check(self.gather(first, last)).kinds
            if not kinds & {"no_verdict", "unrecorded_start"}:
                return
            time.sleep(0.5)

    def residue(self, evidence):
        """Processes of runs that were over 5 s ago and more."""
        ended = {record.run: record.ended for record in evidence.records}
        found = []
        for pid, run in self.probes():
            if run in ended and ended[run] < now_ms() - 5000:
                found.append((run, pid))
        return found

    def probes(self):
        mark = str(self.truth).encode()
        for entry in pathlib.Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                if mark not in (entry / "cmdline").read_bytes().split(b"\0"):
                    continue
                variables = (entry / "environ").read_bytes().split(b"\0")
            except OSError:
                continue
            run = next((text[len(b"CRONFLEET_RUN_ID="):].decode() for text in variables
                        if text.startswith(b"CRONFLEET_RUN_ID=")), None)
            if run:
                yield int(entry.name), ev.parse_run(run)

    def finish(self, first, last):
        """Everything is healed by now. Waits for what is owed, ends the workers in good order; the checker, and what it found."""
        self.settle()
        if self.mongo:  # a shared history acknowledges later than one on the worker's own disk: what was spooled drains
            wait_until(lambda: not self.owed_keys(last), 90, "what waited for MongoDB is recorded", or_go_on=True)
            # Workers make them, half a minute after they could not.
            wait_until(self.mongo.has_indexes, 90, "MongoDB has its indexes again", or_go_on=True)
        self.wait_accounted(first, last)
        evidence = self.gather(first, last)
        residue = self.residue(evidence)
        self.looking.set()
        for child in self.workers:
            child.signal(15)
        codes = {child.name: child.end(60) for child in self.workers}
        evidence = self.gather(first, last)
        evidence.residue = residue + [(run, pid) for pid, run in self.probes()]
        if self.etcd:
            wait_until(self.etcd.healthy, 60, "etcd answers")
            wait_until(lambda: self.etcd.keys("/cron/running/") is not None, 30, "etcd lists its keys")
            evidence.leftovers = [key for key in self.etcd.keys("/cron/running/") if self.is_owed(key, last)]
        if self.mongo and not self.mongo.has_indexes():
            evidence.leftovers.append("(indexes of MongoDB are missing)")
        report = checker.Checker(evidence)
        found = report.run()
        if self.proxy:
            found.figures["calls_cut"] = self.proxy.cuts()
        for name, code in codes.items():
            if code != 0:
                found.violations.append(checker.Violation("exit", None, f"{name} ended with {code} after SIGTERM"))
        return report, found

    def owed_keys(self, last):
        keys = self.etcd.keys("/cron/running/")
        return ["(etcd does not answer)"] if keys is None else [key for key in keys if self.is_owed(key, last)]

    def is_owed(self, key, last):
        run = ev.parse_run(key.split("/", 4)[4])
        return run.instant is None or run.instant <= last


def runners_of(pid):
    children = pathlib.Path(f"/proc/{pid}/task/{pid}/children")
    for child in children.read_text().split() if children.exists() else []:
        if b"runner" in pathlib.Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0"):
            yield int(child)


def print_report(name, checked, found, file=None):
    figures = found.figures
    print(f"{name}: {figures['firings']} firings owed ({figures['either']} more might be), {figures['starts']} starts, "
          f"{figures['doubled']} doubled, {figures['unaccounted']} unaccounted", file=file)
    for key, value in figures.items():
        if key not in ("firings", "either", "starts", "doubled", "unaccounted"):
            print(f"  {key}: {json.dumps(value) if isinstance(value, dict) else value}", file=file)
    shown = set()
    for violation in found.violations[:20]:
        print(f"  VIOLATION {violation}", file=file)
        if violation.firing is not None and violation.firing not in shown and len(shown) < 5:
            shown.add(violation.firing)
            for line in checked.about(violation.firing):
                print(f"      {line}", file=file)
    if len(found.violations) > 20:
        print(f"  and {len(found.violations) - 20} violations more", file=file)


class MeasuredFleet(Fleet):
    """Its first worker listens for who reads its metrics."""

    def configuration(self, name, document):
        if name == "w0":
            self.metrics_port = free_ports(1)[0]
            document = {**document, "metrics": {"port": self.metrics_port}}
        return super().configuration(name, document)

    def metrics(self, *names):
        """One value for each, of one answer. OSError while the worker does not answer."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=10) as answer:
            text = answer.read().decode()
        return [float(re.search(rf"^{name} (\S+)$", text, re.MULTILINE)[1]) for name in names]


def programs_of(build):
    """Where a build folder has what the tests run."""
    build = pathlib.Path(build).absolute()
    paths = {"cronfleet": build / "bin/cronfleet", "probe": build / "bin/fleet_probe", "proxy": build / "bin/fleet_proxy"}
    if not paths["cronfleet"].exists():
        paths["cronfleet"] = build / "cronfleet"
    return Programs(*(str(paths[name]) for name in ("cronfleet", "probe", "proxy")))
