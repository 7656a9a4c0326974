"""tests/fleet/scenarios.py: what is done to a fleet. Each takes a fleet, for how many seconds to disturb it, and the
source of all chance; each returns the first and the last moment that are to be accounted for.
"""

import heapq
import itertools
import threading
import time

import mongo
from client import Client
from services import Trouble, now_ms


def ordinary_jobs(fleet):
    """Jobs of every policy that faults can bring out."""
    fleet.save("each", "* * * * * *", overlap="allow", print_bytes=100)
    fleet.save("strict", "* * * * * *", duration_ms=300)
    fleet.save("slow", "*/2 * * * * *", duration_ms=2500)
    fleet.save("queued", "*/3 * * * * *", overlap="queue", duration_ms=2000)
    fleet.save("failing", "1-59/4 * * * * *", overlap="allow", retries=2, exit_code=3)
    fleet.save("sure", "*/5 * * * * *", at_least_once=5, duration_ms=1500, overlap="allow")
    for index in range(12):
        fleet.save(f"more-{index}", f"{index % 4}-59/4 * * * * *", overlap="allow")
    for index in range(fleet.settings.load):
        fleet.save(f"load-{index}", "* * * * * *", overlap="allow" if index % 2 else "forbid")


def settled(fleet):
    """Now, a little after everything saved so far is known to all."""
    time.sleep(1)
    fleet.look_all_the_time()
    return now_ms()


class Plan:
    """Faults that begin and heal at their time, several at once but one for each target; all by the main thread."""

    def __init__(self, seconds):
        self.end = time.monotonic() + seconds
        self.heals, self.busy, self.order = [], set(), itertools.count()

    def over(self):
        return time.monotonic() >= self.end

    def rest(self, seconds):
        """Waits, and meanwhile heals what is due."""
        until = min(time.monotonic() + seconds, self.end)
        while self.heals and self.heals[0][0] <= until:
            self.heal_next()
        time.sleep(max(0, until - time.monotonic()))

    def heal_next(self):
        at, _, target, heal = heapq.heappop(self.heals)
        time.sleep(max(0, at - time.monotonic()))
        heal()
        self.busy.discard(target)

    def begin(self, target, seconds, fault, *arguments):
        if target in self.busy:
            return
        self.busy.add(target)
        heapq.heappush(self.heals, (time.monotonic() + seconds, next(self.order), target, fault(*arguments)))

    def heal_all(self):
        while self.heals:
            self.heal_next()


def disturb(fleet, seconds, faults, every):
    """Begins one of `faults` every so often, until the time is over; each is a function of the plan."""
    ordinary_jobs(fleet)
    first = settled(fleet)
    plan = Plan(seconds)
    while not plan.over():
        plan.rest(every())
        if not plan.over():
            faults(plan)
    plan.heal_all()
    return first, now_ms()


def quiet(fleet, seconds, chance):
    """Nothing happens: every firing starts on time."""
    return disturb(fleet, seconds, lambda plan: None, lambda: seconds)


def killed(fleet, seconds, chance):
    """Workers, and now and then the runner of one, are killed with SIGKILL; workers are started again."""
    def fault(plan):
        index = chance.randrange(len(fleet.workers))
        if chance.random() < 0.2:
            plan.begin(f"worker {index}", 1, fleet.kill_runner, index)
        else:
            plan.begin(f"worker {index}", chance.uniform(0.05, 4), fleet.kill_worker, index)

    return disturb(fleet, seconds, fault, lambda: chance.uniform(0.5, 3))


def frozen(fleet, seconds, chance):
    """Workers are stopped for 1 to 30 s and go on as if nothing had been."""
    def fault(plan):
        index = chance.randrange(len(fleet.workers))
        plan.begin(f"worker {index}", min(30, 1 + chance.expovariate(0.25)), fleet.freeze_worker, index)

    return disturb(fleet, seconds, fault, lambda: chance.uniform(1, 4))


def leader(fleet, seconds, chance):
    """The member of etcd that leads is killed, and comes back, again and again."""
    def fault(plan):
        leads = fleet.etcd.leader()
        if leads is not None:
            plan.begin("etcd", chance.uniform(0.5, 4), fleet.kill_member, leads)

    return disturb(fleet, seconds, fault, lambda: chance.uniform(4, 8))


def quorum(fleet, seconds, chance):
    """Two of three members of etcd stand still for seconds: nothing can be claimed, and all of it is made up for."""
    def fault(plan):
        plan.begin("etcd", chance.uniform(3, 9), fleet.freeze_members, chance.sample(range(len(fleet.etcd.members)), 2))

    return disturb(fleet, seconds, fault, lambda: chance.uniform(3, 6))


CUTS = [("blackhole",), ("refuse",), ("half_open",), ("delay", 300), ("cut_request",), ("cut_reply",)]


def cut_off(fleet, seconds, chance):
    """A worker loses etcd: nothing passes, everything is refused or late, calls are cut before or after they arrive."""
    def fault(plan):
        index = chance.randrange(len(fleet.workers))
        plan.begin(f"worker {index}", chance.uniform(1, 8), fleet.cut_off_worker, index, *chance.choice(CUTS))

    return disturb(fleet, seconds, fault, lambda: chance.uniform(1, 3))


def compacted(fleet, seconds, chance):
    """A worker is cut off while 1,000 edits and 10 deletes are made and compacted away; then it comes back."""
    ordinary_jobs(fleet)
    doomed = [f"doomed-{index}" for index in range(10)]
    for name in doomed:
        fleet.save(name, "* * * * * *", overlap="allow")
    edited = [f"edited-{index}" for index in range(40)]
    for name in edited:
        fleet.save(name, "0 0 1 1 *", overlap="allow")
    first = settled(fleet)
    index = chance.randrange(len(fleet.workers))
    heal = fleet.cut_off_worker(index, "blackhole")
    at_once(8, lambda client, name: edit_many(fleet, client, name, 25), edited, fleet)
    for name in doomed:
        fleet.delete(name)
    fleet.change("each", schedule="*/2 * * * * *")
    if fleet.etcd.ctl("compact", str(fleet.etcd.revision())) is None:
        raise Trouble("etcd did not compact")
    heal()
    time.sleep(max(5, seconds / 2))
    return first, now_ms()


def edit_many(fleet, client, name, count):
    for number in range(count):
        fleet.change(name, client=client, duration_ms=number)


def at_once(threads, action, items, fleet):
    """`action(client, item)` for all items, by several threads, each with a client of its own."""
    left, lock, failures = list(items), threading.Lock(), []

    def work(number):
        client = Client(f"writer {number}", fleet.ports)
        try:
            while True:
                with lock:
                    if not left or failures:
                        return
                    item = left.pop()
                action(client, item)
        except Trouble as trouble:
            failures.append(trouble)

    workers = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    if failures:
        raise failures[0]


def edits(fleet, seconds, chance):
    """Saves, disables, deletes, run-nows and kills within 100 ms of the instant."""
    ordinary_jobs(fleet)
    edited = [f"edited-{index}" for index in range(6)]
    for name in edited:
        fleet.save(name, "* * * * * *", overlap=chance.choice(["allow", "forbid"]))
    fleet.save("stubborn", "*/4 * * * * *", overlap="allow", duration_ms=20_000, ignore_term=True, children=2,
               kill_grace_ms=500)
    fleet.save("gentle", "*/3 * * * * *", overlap="allow", duration_ms=20_000, children=1, kill_grace_ms=1000)
    first = settled(fleet)
    end = time.monotonic() + seconds
    number = 0
    while time.monotonic() < end:
        time.sleep((1 - time.time() % 1 + chance.uniform(-0.1, 0.1)) % 1)
        number += 1
        edit_one(fleet, chance, chance.choice(edited))
        if chance.random() < 0.5:
            fleet.account.run_now(fleet.client, chance.choice(["each", "strict", "more-1"]), f"test-{number}")
        kill_some(fleet, chance)
    for name in ("stubborn", "gentle"):
        fleet.change(name, enabled=False)
    end = time.monotonic() + 20  # they run for 20 s where nobody ends them
    while kill_some(fleet, chance, all_of_them=True) and time.monotonic() < end:
        time.sleep(0.2)
    return first, now_ms()


def edit_one(fleet, chance, name):
    what = chance.choice(["toggle", "schedule", "command", "delete"])
    if name not in fleet.jobs:
        fleet.save(name, "* * * * * *", overlap="allow")
    elif what == "toggle":
        fleet.change(name, enabled=not fleet.jobs[name].enabled)
    elif what == "schedule":
        fleet.change(name, schedule=chance.choice(["* * * * * *", "*/2 * * * * *", "1-59/3 * * * * *"]))
    elif what == "command":
        fleet.change(name, print_bytes=chance.choice([0, 10, 2000]))
    else:
        fleet.delete(name)


def kill_some(fleet, chance, all_of_them=False):
    """Orders the end of runs that go on; how many there were."""
    found = 0
    for name in ("stubborn", "gentle"):
        for run in fleet.running(name):
            found += 1
            if all_of_them or chance.random() < 0.5:
                fleet.account.kill(fleet.client, run, fleet.jobs[name].kill_grace_ms)
    return found


def anything(fleet, seconds, chance):
    """All faults at random, up to three at once, while jobs are edited."""
    fleet.save("edited-0", "* * * * * *", overlap="allow")
    fleet.save("edited-1", "* * * * * *")

    def fault(plan):
        index = chance.randrange(len(fleet.workers))
        member = chance.randrange(len(fleet.etcd.members))
        master = chance.randrange(len(fleet.masters))
        if len(plan.busy) >= 3:
            return
        short, long = chance.uniform(0.05, 3), min(30, 1 + chance.expovariate(0.2))
        kind = chance.choice(["kill", "kill", "runner", "freeze", "cut", "cut", "member", "members", "quorum", "master", "edit"])
        if kind == "kill":
            plan.begin(f"worker {index}", short, fleet.kill_worker, index)
        elif kind == "runner":
            plan.begin(f"worker {index}", 1, fleet.kill_runner, index)
        elif kind == "freeze":
            plan.begin(f"worker {index}", long, fleet.freeze_worker, index)
        elif kind == "cut":
            plan.begin(f"worker {index}", long, fleet.cut_off_worker, index, *chance.choice(CUTS))
        elif kind == "member":
            plan.begin("etcd", short, fleet.kill_member, member)
        elif kind == "members":
            plan.begin("etcd", short, fleet.freeze_members, [member])
        elif kind == "quorum":
            plan.begin("etcd", long, fleet.freeze_members, chance.sample(range(len(fleet.etcd.members)), 2))
        elif kind == "master":
            plan.begin(f"master {master}", short, fleet.kill_master, master)
        elif "etcd" not in plan.busy:
            edit_one(fleet, chance, chance.choice(["edited-0", "edited-1"]))

    return disturb(fleet, seconds, fault, lambda: chance.uniform(0.5, 3))


def history_away(fleet, seconds, chance):
    """MongoDB is killed, frozen, slow, cut off, refuses writes, is out of space, empty of indexes: no start waits for it,
    no run is lost."""
    ordinary_jobs(fleet)
    first = settled(fleet)
    plan = Plan(seconds)
    kinds = [(fleet.refuse_writes, how) for how in mongo.REFUSALS]
    kinds += [(fleet.kill_mongo,), (fleet.freeze_mongo,), (fleet.fill_mongo,), (fleet.kill_mongo, True)]
    kinds += [(fleet.cut_off_mongo, *how) for how in CUTS]
    for number in itertools.count():
        if number % len(kinds) == 0:
            waiting = chance.sample(kinds, len(kinds))
        if number < len(kinds):
            plan.end = max(plan.end, time.monotonic() + 8)  # each once, however long that takes
        elif plan.over():
            break
        plan.begin("mongo", chance.uniform(1.5, 3), *waiting.pop())
        while plan.busy and not plan.over():
            plan.rest(0.1)
        plan.rest(chance.uniform(1.5, 2.5))  # half of the time without a fault, to compare with
    plan.heal_all()
    return first, now_ms()


def recording(fleet, seconds, chance):
    """Workers are killed between the end of a run and the acknowledgement of its record, which MongoDB delays or loses."""
    ordinary_jobs(fleet)
    for index in range(20):
        fleet.save(f"brief-{index}", "* * * * * *", overlap="allow", duration_ms=20 * index)
    first = settled(fleet)
    plan = Plan(seconds)
    ways = itertools.cycle([("pass",), ("delay", 150), ("cut_reply",), ("half_open",), ("cut_request",), ("delay", 20)])
    while not plan.over():
        plan.begin("mongo", chance.uniform(1, 2.5), fleet.cut_off_mongo, *next(ways))
        # Runs begin with the second and are over up to 0.4 s later; their records are on their way for as long again.
        plan.rest(1 - time.time() % 1 + chance.uniform(0.01, 0.95))
        index = chance.randrange(len(fleet.workers))
        if chance.random() < 0.2:
            plan.begin(f"worker {index}", 1, fleet.kill_runner, index)
        else:
            plan.begin(f"worker {index}", chance.uniform(0.05, 0.6), fleet.kill_worker, index)
    plan.heal_all()
    return first, now_ms()


def history_brief(fleet, seconds, chance):
    """The two above in brief: each kind of trouble with MongoDB at least once while workers are killed."""
    fleet.save("each", "* * * * * *", overlap="allow", print_bytes=100)
    fleet.save("strict", "* * * * * *", duration_ms=300)
    fleet.save("failing", "1-59/4 * * * * *", overlap="allow", retries=2, exit_code=3)
    for index in range(6):
        fleet.save(f"brief-{index}", "* * * * * *", overlap="allow", duration_ms=60 * index)
    first = settled(fleet)
    plan = Plan(seconds)
    ways = [(fleet.kill_mongo,), (fleet.freeze_mongo,), (fleet.fill_mongo,), (fleet.kill_mongo, True),
            (fleet.cut_off_mongo, "cut_reply"), (fleet.cut_off_mongo, "delay", 300), (fleet.cut_off_mongo, "refuse"),
            (fleet.refuse_writes, chance.choice(list(mongo.REFUSALS)))]
    chance.shuffle(ways)
    for number, way in enumerate(itertools.cycle(ways)):
        if number < len(ways):
            plan.end = max(plan.end, time.monotonic() + 4)  # each once, however long that takes
        elif plan.over():
            break
        plan.begin("mongo", chance.uniform(0.6, 1.2), *way)
        plan.rest(1 - time.time() % 1 + chance.uniform(0.01, 0.6))
        index = chance.randrange(len(fleet.workers))
        plan.begin(f"worker {index}", chance.uniform(0.05, 0.6), fleet.kill_worker, index)
        while "mongo" in plan.busy and not plan.over():
            plan.rest(0.1)
    plan.heal_all()
    return first, now_ms()


ALL = {"quiet": quiet, "killed": killed, "frozen": frozen, "leader": leader, "quorum": quorum, "cut_off": cut_off,
       "compacted": compacted, "edits": edits, "random": anything,
       "history": history_away, "recording": recording, "history_brief": history_brief}
WITH_MONGO = {"history", "recording", "history_brief"}  # runs are recorded in MongoDB
SECONDS = {"history": (60, 600), "history_brief": (8, 30)}  # how long it is disturbed, and with CRONFLEET_LONG, where that is not 20 and 120
