"""tests/fleet/evidence.py: what is known about a test run, from every side: what the commands themselves wrote (ground
truth), what the history recorded, what clients were told, and which faults were done when.

Moments are ms since 1970 by the clock of the machine, which all processes share, unless a name says `ns`.
"""

import dataclasses
import datetime
import json
import pathlib
import re
import sqlite3

from oracle import Edit, Timeline, Version  # noqa: F401  (read from here by the others)

STATUSES = {1: "succeeded", 2: "failed", 3: "signalled", 4: "timed_out", 5: "killed", 6: "skipped", 7: "missed",
            8: "lost", 9: "refused"}
REASONS = {0: "", 1: "overlap", 2: "queue_full", 3: "replaced", 4: "disabled", 5: "late", 6: "edited",
           7: "no_eligible_worker", 8: "shutdown", 9: "worker_died", 10: "restored", 11: "spawn_failed", 12: "fenced"}
NEVER_STARTED = {"skipped", "missed", "refused"}
UNFINISHED = ["waiting", "claimed", "running"]  # in the order in which a run passes them

RUN_ID = re.compile(r"^(?P<job>[^@]+)@(?P<which>.+)\.(?P<attempt>\d+)$")


@dataclasses.dataclass(frozen=True, order=True)
class Run:
    job: str
    instant: int | None  # ms; None: started by hand
    request: str  # of one started by hand
    attempt: int

    @property
    def firing(self):
        return self.job, self.instant, self.request

    def __str__(self):
        if self.instant is None:
            return f"{self.job}@{self.request}.{self.attempt}"
        moment = datetime.datetime.fromtimestamp(self.instant / 1000, datetime.timezone.utc)
        return f"{self.job}@{moment:%Y-%m-%dT%H:%M:%S}Z.{self.attempt}"


def parse_instant(text):
    """RFC 3339 in UTC → ms; None where it is not of that form."""
    try:
        return round(datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000)
    except ValueError:
        return None


def parse_run(text):
    match = RUN_ID.match(text)
    if not match:
        raise ValueError(f"'{text}' is no run id")
    instant = parse_instant(match["which"]) if match["which"].endswith("Z") else None
    return Run(match["job"], instant, "" if instant is not None else match["which"], int(match["attempt"]))


@dataclasses.dataclass
class Life:
    """One process of a command, as its own lines tell: all of one pid under one run id."""

    run: Run
    node: str
    fence: int
    pid: int
    tag: str
    started_ns: int  # monotonic raw
    started: float  # wall
    seen_ns: int  # the last line it wrote
    seen: float
    exit_code: int | None = None  # from its end line; None: it never came to its end
    asked_to_end: bool = False


@dataclasses.dataclass
class Record:
    run: Run
    status: str
    reason: str
    final: bool
    worker: str
    fence: int = 0
    trigger: str = "schedule"
    started: int = 0  # 0: no process ran
    ended: int = 0
    exit_code: int | None = None
    signal: int | None = None
    actor: str = ""
    output_bytes: int = 0
    output_dropped: int = 0
    output_kept: int | None = None  # bytes found in the stored chunks
    range_from: int | None = None
    range_count: int = 1
    source: str = ""
    claimed: int = 0


@dataclasses.dataclass
class Kill:
    """An order to end a run that was acknowledged."""

    run: Run
    acked: int
    grace_ms: int


@dataclasses.dataclass
class Trigger:
    """A run started by hand; acked None: its answer got lost, so that it may exist or not."""

    run: Run
    sent: int
    acked: int | None


@dataclasses.dataclass
class Fault:
    """Something done to a process or to a link, in [begun, healed]. node '' : none in particular (etcd, a master)."""

    kind: str
    node: str
    begun: int
    healed: int


@dataclasses.dataclass
class Sighting:
    """What one client was told about one run, in the order in which it was told."""

    reader: str
    run: Run
    status: str
    at: int


@dataclasses.dataclass
class Evidence:
    lives: list
    records: list
    edits: list
    first: int  # instants in [first, last] are to be accounted for
    last: int
    kills: list = dataclasses.field(default_factory=list)
    triggers: list = dataclasses.field(default_factory=list)
    faults: list = dataclasses.field(default_factory=list)
    sightings: list = dataclasses.field(default_factory=list)
    residue: list = dataclasses.field(default_factory=list)  # (run, pid): alive although the run ended long ago
    leftovers: list = dataclasses.field(default_factory=list)  # keys that should have gone
    orphans: list = dataclasses.field(default_factory=list)  # lines of the ground truth that have no start
    history_faults: list = dataclasses.field(default_factory=list)  # of MongoDB: they excuse nothing
    shared_history: bool = False  # one history for all workers: no two records of one run


def read_truth(path):
    """(lives, lines that belong to none). A life is known by run id and pid; a pid may come again under another run."""
    lives, orphans = {}, []
    path = pathlib.Path(path)
    text = path.read_text() if path.exists() else ""
    for line in text.splitlines():
        fields = line.split("\t")
        if len(fields) != 10:
            orphans.append(line)
            continue
        phase, run_text, node, _, fence, pid, mono, wall, tag, value = fields
        mono, wall = int(mono), int(wall) / 1e6
        key = run_text, int(pid)
        if phase == "start":
            if key in lives:
                orphans.append(line)
                continue
            lives[key] = Life(parse_run(run_text), node, int(fence) if fence != "-" else 0, int(pid), tag, mono, wall,
                              mono, wall)
        elif phase == "child":
            continue  # told apart by the search for residue, which looks at the processes themselves
        elif key in lives:
            life = lives[key]
            life.seen_ns, life.seen = mono, wall
            life.asked_to_end |= phase == "term"
            if phase == "end":
                life.exit_code = int(value)
        else:
            orphans.append(line)
    return list(lives.values()), orphans


def read_history(path):
    """The records of one worker's history file."""
    path = pathlib.Path(path)
    if not path.exists():
        return []
    database = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=20)
    try:
        kept = {}
        for job, instant, request, attempt, count in database.execute(
                "SELECT j.name, o.instant, o.request, o.attempt, sum(length(c.bytes)) FROM outputs o "
                "JOIN jobs j ON j.id = o.job JOIN chunks c ON c.output = o.id GROUP BY o.id"):
            kept[job, instant, request, attempt] = count
        records = []
        for (job, at, request, attempt, status, reason, final, worker, fence, trigger, started, ended, code, signal,
             actor, bytes_all, dropped, range_from, range_count, claimed) in database.execute(
                "SELECT j.name, r.at, r.request, r.attempt, r.status, r.reason, r.final, w.name, r.fence, r.trigger, "
                "r.started, r.ended, r.exit_code, r.signal, r.actor, r.output_bytes, r.output_bytes_dropped, "
                "r.range_from, r.range_count, r.claimed FROM runs r JOIN jobs j ON j.id = r.job JOIN workers w ON w.id = r.worker"):
            name = STATUSES.get(status, f"status {status}")
            run = Run(job, None if request else at, request, attempt)
            ran = name not in NEVER_STARTED and started != ended  # of what never started both say the same
            chunks = next((kept[key] for key in kept_keys(job, at, request, attempt) if key in kept), 0)
            records.append(Record(run, name, REASONS.get(reason, f"reason {reason}"), bool(final), worker, fence,
                                  {1: "schedule", 2: "manual", 3: "retry", 4: "redelivery", 5: "catch_up"}[trigger],
                                  at + started if ran else 0, at + ended, code, signal, actor, bytes_all, dropped, chunks,
                                  range_from, range_count, str(path), at + claimed))
        return records
    finally:
        database.close()


def kept_keys(job, at, request, attempt):
    return [(job, at, request, attempt)] + ([(job, 0, request, attempt)] if request else [])


def to_json(evidence):
    def plain(value):
        if isinstance(value, Run):
            return str(value)
        if dataclasses.is_dataclass(value):
            return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
        if isinstance(value, (list, tuple)):
            return [plain(item) for item in value]
        return value

    return json.dumps(plain(evidence), ensure_ascii=False)
