"""tests/fleet/client.py: a client of the API that keeps account of what it was told."""

import http.client
import json
import random
import threading
import time
import urllib.parse

from evidence import Kill, Sighting, Trigger, parse_instant, parse_run
from oracle import Edit
from services import Trouble, now_ms


class Answer:
    def __init__(self, status, headers=None, body=b""):
        self.status, self.headers, self.body = status, headers or {}, body

    def json(self):
        try:
            return json.loads(self.body)
        except ValueError:
            return {}


class Client:
    """Asks any of the masters. One for each thread."""

    def __init__(self, name, ports, seconds=5):
        self.name, self.ports, self.seconds = name, ports, seconds
        self.chance = random.Random(name)

    def ask_one(self, port, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=self.seconds)
        try:
            text = None if body is None else json.dumps(body)
            connection.request(method, path, text, {"Content-Type": "application/json", **(headers or {})})
            answer = connection.getresponse()
            return Answer(answer.status, {key.lower(): value for key, value in answer.getheaders()}, answer.read())
        except (OSError, http.client.HTTPException):
            return Answer(0)
        finally:
            connection.close()

    def ask(self, method, path, body=None, headers=None):
        """For reads: of the masters the first that answers with less than 500."""
        answer = Answer(0)
        for port in self.chance.sample(self.ports, len(self.ports)):
            answer = self.ask_one(port, method, path, body, headers)
            if 0 < answer.status < 500:
                break
        return answer

    def ask_once(self, method, path, body=None, headers=None):
        """For writes: an answer that got lost is not asked for again, for it may have been done."""
        return self.ask_one(self.chance.choice(self.ports), method, path, body, headers)


def job_path(name):
    return "/api/v1/jobs/" + urllib.parse.quote(name, safe="")


class Account:
    """Everything that clients asked for and were told; shared by all threads."""

    def __init__(self, command):
        self.command = command  # (version) → the command of its job document
        self.edits, self.kills, self.triggers, self.sightings = [], [], [], []
        self.lock = threading.Lock()
        self.saves = 0

    def save(self, client, name, version, **members):
        """Saves a job (version None: deletes it), whatever stands there; whether that was acknowledged."""
        standing = client.ask("GET", job_path(name))
        if standing.status == 404 and version is None:
            return True
        if standing.status not in (200, 404):
            return False
        known = {"If-Match": standing.headers.get("etag", "*")} if standing.status == 200 else {"If-None-Match": "*"}
        sent = now_ms()
        if version is None:
            answer = client.ask_once("DELETE", job_path(name), headers=known)
        else:
            answer = client.ask_once("PUT", job_path(name), self.document(name, version, members), known)
        acked = now_ms()
        done = answer.status in (200, 201)
        edit = Edit(name, sent, acked if done else None, version, refused=400 <= answer.status < 500)
        if done and version is not None:
            edit.since = parse_instant(answer.json().get("since") or "")
        with self.lock:
            self.edits.append(edit)
        return done

    def document(self, name, version, members):
        overlap = {"queue": 5} if version.overlap == "queue" else version.overlap
        document = {"name": name, "schedule": version.schedule, "enabled": version.enabled, "overlap": overlap,
                    "command": self.command(version), "kill_grace": f"{version.kill_grace_ms}ms", **members}
        if version.at_least_once:
            document["delivery"] = {"at_least_once": version.at_least_once}
        if version.retries:
            document["retry"] = {"count": version.retries, "delay": "200ms"}
        return document

    def run_now(self, client, name, key, attempts=20):
        """Asks again under the same key until an answer comes: that is one run, however often it was asked for."""
        sent = now_ms()
        for _ in range(attempts):
            answer = client.ask_once("POST", job_path(name) + ":run", {}, {"Idempotency-Key": key})
            if answer.status == 202:
                run = parse_run(answer.json()["run_id"])
                with self.lock:
                    self.triggers.append(Trigger(run, sent, now_ms()))
                return run
            if 400 <= answer.status < 500:
                return None
            time.sleep(0.3)
        raise Trouble(f"run-now of '{name}' was not answered in {attempts} attempts")

    def kill(self, client, run, grace_ms):
        path = "/api/v1/runs/" + urllib.parse.quote(str(run), safe="@:.")
        answer = client.ask_once("POST", path + ":kill", {"grace": f"{grace_ms}ms", "reason": "test"})
        if answer.status == 202:
            with self.lock:
                self.kills.append(Kill(run, now_ms(), grace_ms))
        return answer.status

    def look(self, client, port):
        """Reads the newest runs from one master, and notes what it says of each."""
        answer = client.ask_one(port, "GET", "/api/v1/runs?limit=200")
        if answer.status != 200:
            return
        at = now_ms()
        with self.lock:
            for item in answer.json().get("items", []):
                if item.get("range_count", 1) == 1:
                    self.sightings.append(Sighting(f"master {port}", parse_run(item["id"]), item["status"], at))
