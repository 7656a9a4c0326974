"""tests/fleet/scenarios.py: what is done to a fleet. Each takes a fleet, for how many seconds to disturb it, and the
source of all chance; each returns the first and the last moment that are to be accounted for.
"""

import time

from services import now_ms


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


def settled(fleet):
    """Now, a little after everything saved so far is known to all."""
    time.sleep(1)
    fleet.look_all_the_time()
    return now_ms()


def quiet(fleet, seconds, chance):
    """Nothing happens: every firing starts on time."""
    ordinary_jobs(fleet)
    first = settled(fleet)
    time.sleep(seconds)
    return first, now_ms()


def killed(fleet, seconds, chance):
    """Workers are killed with SIGKILL and started again."""
    ordinary_jobs(fleet)
    first = settled(fleet)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(chance.uniform(0.5, 3))
        fleet.kill_worker(chance.randrange(len(fleet.workers)), chance.uniform(0.05, 4))
    return first, now_ms()


ALL = {scenario.__name__: scenario for scenario in (quiet, killed)}
