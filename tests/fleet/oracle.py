"""tests/fleet/oracle.py: which instants a job owed, by asking every single second, given what was saved and when.

Shares no code with the engine, and is written to be looked through rather than to be fast: an expression is a set of
numbers per field, and an instant is a firing when each field of its broken-down time is in its set. Five fields, or six
with seconds in front; lists, ranges, steps, and * ; UTC. The schedules of the fleet's tests need no more.

A save, disable or delete takes effect somewhere between being sent and being acknowledged, or at the end of the
claim's lead after that; an answer that got lost leaves open whether it took effect at all. So an instant is owed, not
owed, or may be either; `since`, where the answer named it, settles which.
"""

import dataclasses
import datetime

LEAD_MS = 1000  # a claim may run ahead of its instant by at most this much (REL-5)

FIELDS = [(0, 59), (0, 59), (0, 23), (1, 31), (1, 12), (0, 6)]  # second minute hour day month weekday


def parse_field(text, low, high):
    numbers = set()
    for part in text.split(","):
        span, _, step = part.partition("/")
        first, dash, last = span.partition("-")
        if span == "*":
            start, end = low, high
        else:
            start = int(first)
            end = int(last) if dash else (high if step else start)
        numbers.update(range(start, end + 1, int(step or 1)))
    if not numbers or min(numbers) < low or max(numbers) > high:
        raise ValueError(f"field '{text}' is not within {low}-{high}")
    return numbers


class Schedule:
    def __init__(self, expression):
        words = expression.split()
        if len(words) == 5:
            words = ["0"] + words
        if len(words) != 6:
            raise ValueError(f"the oracle reads five or six fields, not '{expression}'")
        self.sets = [parse_field(word, *bounds) for word, bounds in zip(words, FIELDS)]
        self.day_is_free, self.weekday_is_free = words[3] == "*", words[5] == "*"

    def fires_at(self, second):
        """`second`: seconds since 1970, UTC."""
        t = datetime.datetime.fromtimestamp(second, datetime.timezone.utc)
        second_set, minutes, hours, days, months, weekdays = self.sets
        if t.second not in second_set or t.minute not in minutes or t.hour not in hours or t.month not in months:
            return False
        day, weekday = t.day in days, t.isoweekday() % 7 in weekdays
        if self.day_is_free or self.weekday_is_free:
            return day and weekday
        return day or weekday  # both are restricted: either will do


@dataclasses.dataclass(frozen=True)
class Version:
    """What a save said, as far as it bears on firings and on how they run. A deleted job has no version: None."""

    tag: str
    schedule: str
    enabled: bool = True
    overlap: str = "forbid"
    at_least_once: int = 0  # attempts in all; 0: at most once
    retries: int = 0
    kill_grace_ms: int = 10_000
    duration_ms: int = 0
    exit_code: int = 0
    print_bytes: int = 0
    ignore_term: bool = False
    children: int = 0  # that it leaves behind in sessions of their own


@dataclasses.dataclass
class Edit:
    """One save, disable or delete that a client sent. Moments are ms since 1970 by the clock of this machine."""

    job: str
    sent: int
    acked: int | None  # when the answer came; None: never, or it did not say whether it was done
    version: Version | None  # None: a delete
    since: int | None = None  # from when the version counts, where the answer said so
    refused: bool = False  # a clean no: nothing changed

    def takes_effect(self):
        """(earliest, latest): the instants up to the first belong to what stood before, those after the second to it."""
        if self.since is not None:
            return self.since, self.since
        return self.sent - 1, None if self.acked is None else self.acked + LEAD_MS


class Timeline:
    """All edits of one job, in the order in which they were sent; the next is sent once the last is answered or lost."""

    def __init__(self, edits):
        self.edits = sorted((edit for edit in edits if not edit.refused), key=lambda edit: edit.sent)
        self.schedules = {edit.version.schedule: Schedule(edit.version.schedule) for edit in self.edits if edit.version}

    def versions_at(self, instant):
        """The versions to which `instant` may belong; None among them: to no job."""
        possible = {None}
        for edit in self.edits:
            earliest, latest = edit.takes_effect()
            if instant <= earliest:
                continue
            if latest is not None and instant > latest:
                possible = {edit.version}
            else:
                possible = possible | {edit.version}
        return possible

    def wants(self, version, instant):
        return (version is not None and version.enabled and instant % 1000 == 0
                and self.schedules[version.schedule].fires_at(instant // 1000))

    def expected(self, first, last):
        """Instants in [first, last] → True where the job owes a verdict, None where it may have one or not."""
        found = {}
        for instant in range(-(-first // 1000) * 1000, last + 1, 1000):
            answers = {self.wants(version, instant) for version in self.versions_at(instant)}
            if answers == {True}:
                found[instant] = True
            elif True in answers:
                found[instant] = None
        return found

    def standing(self, moment, slack=0):
        """The versions that may stand at `moment`: those that no edit acknowledged `slack` before had replaced."""
        possible = {None}
        for edit in self.edits:
            if edit.sent > moment:
                break
            if edit.acked is not None and edit.acked + slack < moment:
                possible = {edit.version}
            else:
                possible = possible | {edit.version}
        return possible
