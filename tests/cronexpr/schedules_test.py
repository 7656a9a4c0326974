#!/usr/bin/env python3
"""schedules_test.py CRONFLEET [--whole [N]] [--seed S]: what POST /job/save accepts, and when it then fires, against the
library that the reference itself reads its schedules with (API-22).

Texts come from a seed (texts.py). Each is saved in a real standalone through /job/save, read back through the API, and
the schedule and time zone that were stored are asked for ten next firings of a random moment. The ordinary run compares with the
answers in tests/data/compat/schedules.jsonl, recorded from the library; --whole asks the library itself about N (12,000)
fresh texts and needs Go; --record COUNT writes the recorded answers anew.

Both sides must agree, but for the differences listed below, which docs/compatibility.md explains; each is recognised by the text
alone. In a whole run a listed difference that no text shows fails as well.
"""

import argparse
import collections
import datetime
import http.client
import json
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.parse
import zoneinfo

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/cli"))
import support  # noqa: E402
import texts  # noqa: E402

RECORDED = ROOT / "tests/data/compat/schedules.jsonl"
ZONES = ["UTC", "Asia/Shanghai", "Asia/Kolkata", "America/New_York", "Europe/Berlin"]
COUNT = 10
BLANK = " \t\n\r\f"  # what parts words for the library
def words_of(text):
    return [word for word in re.split(f"[{BLANK}]+", text) if word]


def fields_of(text):
    """(field, word) of a text as the library reads it."""
    words = words_of(text)[:7]
    names = {5: texts.FIVE, 6: [*texts.FIVE, "year"], 7: ["second", *texts.FIVE, "year"]}.get(len(words), [])
    return list(zip(names, words))


def items_of(text, *fields):
    return [item.lower() for field, word in fields_of(text) if not fields or field in fields for item in word.split(",")]


def number(field, text):
    text = text.lower()
    if field == "month" and text[:3] in texts.MONTHS:
        return texts.MONTHS.index(text[:3]) + 1
    if field == "weekday" and text[:3] in texts.DAYS:
        return texts.DAYS.index(text[:3])
    return int(text) if re.fullmatch(r"\d+", text) else None


def backward(text):
    """A range whose end comes before its begin, or that ends in weekday 7, which the library takes for 0."""
    for field, word in fields_of(text):
        for item in word.split(","):
            first, dash, last = item.partition("/")[0].partition("-")
            first, last = number(field, first), number(field, last)
            if dash and first is not None and last is not None and (first > last or (field == "weekday" and last == 7)):
                return True
    return False


def steps_of(text, *fields):
    return [item.partition("/")[2] for item in items_of(text, *fields) if "/" in item]


# Each by a name that docs/compatibility.md has. As what it may be seen: "refused" here alone, "accepted" here alone, or "meaning"
# (then whether a text is taken at all may differ too); and in which texts.
DIFFERENCES = {
    "more than seven words": ("refused", lambda t: len(words_of(t)) > 7),
    "empty items": ("refused", lambda t: "" in items_of(t)),
    "after a star": ("refused", lambda t: any(re.search(r"(^|,)[*?],|,[*?]$|,[*?],", word) for _, word in fields_of(t))),
    "a macro with more": ("refused", lambda t: any(m in t and t.strip(BLANK) != m for m in texts.MACROS)),
    "never": ("refused", lambda t: True),  # and the library's answer must be none at all
    "years backwards": ("refused", lambda t: any(re.fullmatch(r"(\d{4})-(\d{4})(/\d+)?", i) and i[:4] > i[5:9] for i in items_of(t, "year"))),
    "form feeds": ("refused", lambda t: "\f" in t),
    "ranges that wrap": ("meaning", backward),
    "leading zeros": ("meaning", lambda t: any(re.search(r"\b0\d", i.partition("/")[0]) for i in items_of(t, "month", "weekday"))),
    "steps": ("accepted", lambda t: any(re.fullmatch(r"7|0+[1-9]\d*|[1-9]\d{1,2}", s) for s in steps_of(t))),
    "long year steps": ("refused", lambda t: any(re.fullmatch(r"(19[789]|20\d)\d", s) for s in steps_of(t, "year"))),
    "words of this dialect": ("accepted", lambda t: re.search(
        r"(?i)^\s*(CRON_)?TZ=|^\s*@(midnight|minutely|every|at|yearly|annually|monthly|weekly|daily|hourly)\b|\bH\b|L-\d|(^|\s)\+|#L", t) is not None),
}


class Library:
    """The library, in a process of its own that can be begun anew: some texts end it."""

    def __init__(self):
        go = shutil.which("go")
        if not go:
            print("skipped: Go is not on this machine; the whole run asks the reference's own library, built with it")
            sys.exit(77)
        self.folder = tempfile.mkdtemp(prefix="cronfleet-cronexpr-")
        self.program = pathlib.Path(self.folder) / "cronexpr"
        built = subprocess.run([go, "build", "-mod=readonly", "-buildvcs=false", "-trimpath", "-o", self.program, "."], cwd=ROOT / "tests/cronexpr",
                               env={**support.os.environ, "CGO_ENABLED": "0"}, capture_output=True, text=True)
        if built.returncode != 0:
            print(f"skipped: the library cannot be built: {built.stderr.strip()}")
            sys.exit(77)

    def ask(self, questions):
        answers = []
        while len(answers) < len(questions):
            rest = questions[len(answers):]
            lines = "".join(json.dumps(question) + "\n" for question in rest)
            done = subprocess.run([self.program], input=lines, capture_output=True, text=True, timeout=600)
            answers += [json.loads(line) for line in done.stdout.splitlines()]
            if done.returncode == 1:
                raise RuntimeError(done.stderr)
            if len(answers) < len(questions):
                answers.append({"panic": "it ended the process"})
        return answers

    def close(self):
        shutil.rmtree(self.folder, ignore_errors=True)


def questions_of(seed, count):
    chance, source, seen, questions = random.Random(seed + 1), texts.Texts(seed), set(), []
    begin, end = (int(datetime.datetime(year, 1, 1, tzinfo=datetime.timezone.utc).timestamp()) for year in (2024, 2036))
    while len(questions) < count:
        text = source.text()
        if text in seen:
            continue
        seen.add(text)
        moment = chance.randrange(begin, end)
        if chance.random() < 0.3:
            moment -= moment % 86400  # midnight in UTC: itself a firing of many
        questions.append({"expression": text, "time_zone": chance.choice(ZONES), "from": moment, "count": COUNT})
    return questions


class Server:
    """A standalone that speaks as the reference does, in one time zone."""

    def __init__(self, binary, zone):
        self.server = support.Standalone(binary, [f"--set={setting}" for setting in (
            "compat.enabled=true", f"compat.time_zone={zone}", "http.writes_per_second=0")])
        self.connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=support.LIMIT)

    def call(self, method, path, body=None):
        headers = {"Content-Type": "application/x-www-form-urlencoded"} if body else {}
        self.connection.request(method, path, body, headers)
        answer = self.connection.getresponse()
        text = answer.read()
        assert answer.status == 200, f"{method} {path}: {answer.status} {text}"
        return json.loads(text)

    def save(self, name, text):
        """None, or why it was refused."""
        job = json.dumps({"name": name, "command": "true", "cronExpr": text})
        answer = self.call("POST", "/job/save", urllib.parse.urlencode({"job": job}))
        return None if answer["errno"] == 1 else answer["msg"]

    def stored(self):
        """{name: (schedule, time zone)} as the API has it."""
        jobs, cursor = {}, ""
        while True:
            page = self.call("GET", f"/api/v1/jobs?limit=500{cursor and '&cursor=' + urllib.parse.quote(cursor, safe='')}")
            for item in page["items"]:
                jobs[item["job"]["name"]] = (item["job"]["schedule"], item["job"].get("time_zone", "UTC"))
            if not page.get("next_cursor"):
                return jobs
            cursor = page["next_cursor"]

    def close(self):
        self.connection.close()
        self.server.close()


def ask_cronfleet(binary, questions):
    """What the product does with them: {"error"} where the save is refused, else {"firings"} of what it stored."""
    answers = [None] * len(questions)
    for zone in ZONES:
        mine = [i for i, question in enumerate(questions) if question["time_zone"] == zone]
        server = Server(binary, zone)
        try:
            for i in mine:
                refused = server.save(f"s{i}", questions[i]["expression"])
                if refused is not None:
                    answers[i] = {"error": refused}
            stored = server.stored()
        finally:
            server.close()
        saved = [i for i in mine if answers[i] is None]
        assert sorted(stored) == sorted(f"s{i}" for i in saved), "the jobs that stand there are not those that were saved"
        lines = []
        for i in saved:
            schedule, time_zone = stored[f"s{i}"]
            assert time_zone == zone, f"{questions[i]} was stored with the time zone {time_zone}"
            moment = datetime.datetime.fromtimestamp(questions[i]["from"], datetime.timezone.utc)
            lines.append(json.dumps({"expression": schedule, "time_zone": time_zone, "count": COUNT, "key": f"s{i}",
                                     "from": moment.strftime("%Y-%m-%dT%H:%M:%SZ")}) + "\n")
        done = subprocess.run([binary, "cron", "next", "--stdin"], input="".join(lines), capture_output=True, text=True, timeout=300)
        for i, line in zip(saved, done.stdout.splitlines(), strict=True):
            firings = json.loads(line)["firings"]
            answers[i] = {"firings": [int(datetime.datetime.fromisoformat(f.replace("Z", "+00:00")).timestamp()) for f in firings]}
    return answers


class Clocks:
    """Which firings of a zone stand beside a change of its clock: there the library stops or leaves out
    (docs/compatibility.md), so they are compared with nothing."""

    def __init__(self, zone):
        self.zone, self.kept = zoneinfo.ZoneInfo(zone), {}

    def changes_near(self, moment):
        day = moment // 86400
        if day not in self.kept:
            offsets = {datetime.datetime.fromtimestamp((day + d) * 86400, self.zone).utcoffset() for d in (-2, -1, 0, 1, 2)}
            self.kept[day] = len(offsets) > 1
        return self.kept[day]


def same_firings(clocks, theirs, ours):
    """Equal but beside changes of the clock; a side that was cut short says nothing of what comes after."""
    theirs_firings, ours_firings = theirs.get("firings", []), ours["firings"]
    if theirs_firings == ours_firings and not theirs.get("stuck"):
        return True
    until = min([firings[-1] for firings, whole in ((theirs_firings, len(theirs_firings) < COUNT and not theirs.get("stuck")),
                                                   (ours_firings, len(ours_firings) < COUNT)) if not whole and firings] or [2 ** 40])
    if theirs.get("stuck"):
        last = theirs_firings[-1] if theirs_firings else None
        if last is not None and not clocks.changes_near(last):
            return False  # it stopped, and no clock is to blame
        until = min(until, last if last is not None else 0)
    left, right = ([f for f in firings if f <= until and not clocks.changes_near(f)] for firings in (theirs_firings, ours_firings))
    return left == right


def kind_of(clocks, theirs, ours):
    """None where both agree."""
    refused_there, refused_here = "error" in theirs, "error" in ours
    if refused_there and refused_here:
        return None
    if refused_here:
        return "refused"
    if refused_there:
        return "accepted"
    if "panic" in theirs:
        return "meaning"
    return None if same_firings(clocks, theirs, ours) else "meaning"


def compare(questions, theirs, ours, whole):
    clocks = {zone: Clocks(zone) for zone in ZONES}
    seen, unlisted, both_fire, both_refuse = collections.Counter(), [], 0, 0
    for question, there, here in zip(questions, theirs, ours, strict=True):
        kind = kind_of(clocks[question["time_zone"]], there, here)
        if kind is None:
            both_refuse += "error" in here
            both_fire += "firings" in here
            continue
        reasons = [name for name, (of, holds) in DIFFERENCES.items() if holds(question["expression"])
                   and of in (kind, "meaning")
                   and (name != "never" or ("never fires" in here.get("error", "") and not there.get("firings")))]
        if reasons:
            seen[reasons[0]] += 1
        else:
            unlisted.append((kind, question, there, here))
    for kind, question, there, here in unlisted[:40]:
        print(f"{kind}: {question}\n  there {there}\n  here  {here}")
    print(f"{len(questions)} texts: {both_fire} with equal firings, {both_refuse} refused by both, "
          f"{sum(seen.values())} with a listed difference, {len(unlisted)} with one that is not listed")
    for name, count in seen.most_common():
        print(f"  {count:5} {name}")
    unseen = [name for name in DIFFERENCES if whole and not seen[name]]
    for name in unseen:
        print(f"listed, but no text shows it: {name}")
    page = (ROOT / "docs/compatibility.md").read_text()
    undocumented = [name for name in DIFFERENCES if f"({name})" not in page]
    for name in undocumented:
        print(f"docs/compatibility.md does not explain it: ({name})")
    # Not one that compares nothing: most texts are meant to be read the same by both.
    enough = both_fire > len(questions) // 2 and both_refuse > len(questions) // 50
    if not enough:
        print("too few texts that both read")
    return not unlisted and not unseen and not undocumented and enough


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("cronfleet")
    parser.add_argument("--whole", type=int, nargs="?", const=12000, metavar="N")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--record", type=int, metavar="COUNT")
    options = parser.parse_args()
    if options.record:
        library = Library()
        questions = questions_of(options.seed, options.record)
        with open(RECORDED, "w") as out:
            for question, answer in zip(questions, library.ask(questions), strict=True):
                out.write(json.dumps({**question, "answer": answer}) + "\n")
        return library.close()
    if options.whole:
        print(f"seed {options.seed}")
        library = Library()
        questions = questions_of(options.seed, options.whole)
        theirs = library.ask(questions)
        library.close()
    else:
        questions = [json.loads(line) for line in RECORDED.read_text().splitlines()]
        theirs = [question.pop("answer") for question in questions]
    ours = ask_cronfleet(options.cronfleet, questions)
    return 0 if compare(questions, theirs, ours, bool(options.whole)) else 1


if __name__ == "__main__":
    sys.exit(main())
