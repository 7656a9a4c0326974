"""tests/fleet/services.py: the processes of a test fleet: started in a folder, on free ports of loopback, stopped, thawed
and killed at will, and ended with the test however that ends.

Everything is started by the main thread: the kernel ends a child with the thread that made it (parent-death signal).
"""

import contextlib
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import time


class Trouble(Exception):
    """The test itself cannot go on: a process that does not start, a condition that does not come about."""


def free_ports(count):
    """Ports of loopback that nobody listens on; all are held while they are chosen, so that they differ. None of those that
    the kernel gives to connections: one would have it when a server comes back that was killed."""
    with contextlib.ExitStack() as stack:
        sockets = []
        while len(sockets) < count:
            one = stack.enter_context(socket.socket())
            try:
                one.bind(("127.0.0.1", random.randrange(12_000, 32_000)))
                sockets.append(one)
            except OSError:
                pass  # somebody has it
        return [one.getsockname()[1] for one in sockets]


def now_ms():
    return round(time.time() * 1000)


def wait_until(condition, seconds, what, or_go_on=False):
    """Returns what `condition` answered as soon as that is true; None when it never was and the caller goes on."""
    end = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > end:
            if or_go_on:
                return None
            raise Trouble(f"within {seconds} s it did not come about: {what}")
        time.sleep(0.02)


class Child:
    """One process, with its log; may be started again after its end."""

    def __init__(self, name, arguments, log, environment=None, stdin=subprocess.DEVNULL, stdout=None):
        self.name, self.arguments, self.log = name, arguments, pathlib.Path(log)
        self.stdin, self.stdout = stdin, stdout  # stdout None: into the log too
        # What is set for the test must not configure the processes under test.
        self.environment = {key: value for key, value in os.environ.items() if not key.startswith("CRONFLEET_")}
        self.environment.update(environment or {})
        self.process = None
        self.killed = False  # by us, since it was started last

    def start(self):
        self.killed = False
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "--", *map(str, self.arguments)], stdin=self.stdin,
                stdout=self.stdout or log, stderr=log, env=self.environment, start_new_session=True)
        return self

    @property
    def pid(self):
        return self.process.pid

    def running(self):
        return self.process is not None and self.process.poll() is None

    def signal(self, number):
        if self.running():
            self.process.send_signal(number)

    def stop(self):
        self.signal(signal.SIGSTOP)

    def thaw(self):
        self.signal(signal.SIGCONT)

    def kill(self):
        self.killed = True
        self.signal(signal.SIGKILL)
        self.process.wait()

    def end(self, seconds=30):
        """Asks it to end, and kills it when it does not; its exit code."""
        if self.process is None:
            return None
        self.thaw()
        self.signal(signal.SIGTERM)
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            return None

    def tail(self, lines=15):
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:]) if self.log.exists() else ""


class Etcd:
    """A cluster of real etcd members, each in a folder of its own below `folder`."""

    def __init__(self, folder, members=3):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        ports = free_ports(2 * members)
        self.client_ports, peer_ports = ports[:members], ports[members:]
        names = [f"m{index}" for index in range(members)]
        self.peer_ports, self.token = peer_ports, self.folder.as_posix()
        cluster = ",".join(f"{name}=http://127.0.0.1:{port}" for name, port in zip(names, peer_ports))
        self.members = []
        for name, client, peer in zip(names, self.client_ports, peer_ports):
            self.members.append(Child(name, [
                "etcd", "--name", name, "--data-dir", self.folder / name, "--log-level", "warn", "--logger", "zap",
                "--listen-client-urls", f"http://127.0.0.1:{client}", "--advertise-client-urls", f"http://127.0.0.1:{client}",
                "--listen-peer-urls", f"http://127.0.0.1:{peer}", "--initial-advertise-peer-urls", f"http://127.0.0.1:{peer}",
                "--initial-cluster", cluster, "--initial-cluster-state", "new",
                "--initial-cluster-token", self.folder.as_posix(), "--max-txn-ops", "1024",
            ], self.folder / f"{name}.log"))

    def start(self):
        for member in self.members:
            member.start()
        wait_until(self.healthy, 60, "etcd answers")
        return self

    def ctl(self, *arguments, member=None, seconds=10):
        """etcdctl; None when it failed."""
        ports = self.client_ports if member is None else [self.client_ports[member]]
        done = subprocess.run(
            ["etcdctl", "--endpoints", ",".join(f"127.0.0.1:{port}" for port in ports), "--dial-timeout", "1s",
             "--command-timeout", f"{seconds}s", *arguments],
            env={**os.environ, "ETCDCTL_API": "3"}, capture_output=True, text=True, timeout=seconds + 20)
        return done.stdout if done.returncode == 0 else None

    def healthy(self):
        return self.ctl("get", "health", seconds=2) is not None

    def status(self, member):
        text = self.ctl("endpoint", "status", "-w", "json", member=member, seconds=2)
        return json.loads(text)[0]["Status"] if text else None

    def leader(self):
        """The index of the member that leads; None while there is none."""
        for index, member in enumerate(self.members):
            status = self.status(index) if member.running() else None
            if status and status.get("leader") and status["leader"] == status["header"]["member_id"]:
                return index
        return None

    def revision(self):
        for index, member in enumerate(self.members):
            status = self.status(index) if member.running() else None
            if status:
                return status["header"]["revision"]
        return None

    def restore(self, snapshot):
        """Of a cluster of one member: sets it back to what `etcdctl snapshot save` wrote, as its operator would."""
        member, peer = self.members[0], f"http://127.0.0.1:{self.peer_ports[0]}"
        member.kill()
        shutil.rmtree(self.folder / member.name)
        done = subprocess.run(
            ["etcdctl", "snapshot", "restore", snapshot, "--name", member.name, "--data-dir", self.folder / member.name,
             "--initial-cluster", f"{member.name}={peer}", "--initial-advertise-peer-urls", peer,
             "--initial-cluster-token", self.token], env={**os.environ, "ETCDCTL_API": "3"}, capture_output=True, text=True)
        if done.returncode != 0:
            raise Trouble(f"the snapshot cannot be restored: {done.stderr}")
        member.start()
        wait_until(self.healthy, 60, "etcd answers after the restore")

    def keys(self, prefix):
        text = self.ctl("get", "--prefix", "--keys-only", prefix)
        return None if text is None else [line for line in text.splitlines() if line]

    def end(self):
        for member in self.members:
            member.thaw()
            member.signal(signal.SIGKILL)
        for member in self.members:
            if member.process is not None:
                member.process.wait()
