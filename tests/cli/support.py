"""What the tests of the command line share: a standalone, the binary with and without a terminal."""

import errno
import fcntl
import os
import pathlib
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import tempfile
import termios
import time
import urllib.request

LIMIT = 60  # seconds; generous, for loaded machines


def eventually(condition, limit=LIMIT):
    until = time.monotonic() + limit
    while time.monotonic() < until:
        value = condition()
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError("it did not come to pass in time")


class Standalone:
    """`cronfleet standalone` on a port of its own; stop() and start() keep data and port."""

    def __init__(self, binary, options=()):
        self.binary = binary
        self.options = list(options)
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="cronfleet-cli-"))
        self.port = 0
        self.process = None
        self.start()

    def start(self):
        self.log = self.folder / "log"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [self.binary, "standalone", "--data-dir", str(self.folder / "data"), "--port", str(self.port), *self.options],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=clean_environment(self.folder))

        def listening():
            assert self.process.poll() is None, self.log.read_text()
            return re.search(r"listening: 127\.0\.0\.1:(\d+)\s", self.log.read_text())

        self.port = int(eventually(listening).group(1))
        self.address = f"http://127.0.0.1:{self.port}"
        eventually(self.ready)

    def ready(self):
        """It listens a moment before it takes writes."""
        try:
            with urllib.request.urlopen(f"{self.address}/readyz", timeout=LIMIT) as answer:
                return answer.status == 200
        except OSError:
            return False

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(LIMIT)

    def close(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def clean_environment(folder, **more):
    kept = {name: os.environ[name] for name in ("PATH", "ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS") if name in os.environ}
    return {**kept, "HOME": str(folder), "LC_ALL": "C.UTF-8", "TZ": "UTC", **more}


class Ran:
    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    def __repr__(self):
        return f"exit {self.code}\nout: {self.out}\nerr: {self.err}"


class Terminal:
    """A command on a terminal of its own."""

    def __init__(self, arguments, environment, columns=80, out=None, echo=False):
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        mode = termios.tcgetattr(slave)
        mode[1] &= ~termios.OPOST  # lines as they are written
        if not echo:
            mode[3] &= ~termios.ECHO
        termios.tcsetattr(slave, termios.TCSANOW, mode)

        def take_terminal():
            os.setsid()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        self.process = subprocess.Popen(arguments, stdin=slave, stdout=out if out is not None else slave, stderr=slave,
                                        env=environment, preexec_fn=take_terminal)
        os.close(slave)
        self.seen = b""

    def read(self, wanted=None, limit=LIMIT):
        """Until `wanted` has been seen, or the end."""
        until = time.monotonic() + limit
        while wanted is None or wanted not in self.seen.decode(errors="replace"):
            left = until - time.monotonic()
            assert left > 0, f"not seen: {wanted!r} in {self.seen!r}"
            if not select.select([self.master], [], [], min(left, 0.5))[0]:
                continue
            try:
                piece = os.read(self.master, 65536)
            except OSError as error:
                if error.errno != errno.EIO:
                    raise
                piece = b""
            if not piece:
                assert wanted is None, f"ended without {wanted!r}: {self.seen!r}"
                break
            self.seen += piece
        return self.seen.decode(errors="replace")

    def type(self, text):
        os.write(self.master, text.encode())

    def end(self):
        self.read()
        code = self.process.wait(LIMIT)
        os.close(self.master)
        return Ran(code, self.seen.decode(errors="replace"), "")


class Client:
    """The binary with one server."""

    def __init__(self, binary, server, folder):
        self.binary, self.folder = binary, folder
        self.environment = clean_environment(folder, CRONFLEET_SERVER=server)

    def __call__(self, *arguments, input="", cwd=None, **more):
        done = subprocess.run([self.binary, *arguments], input=input.encode(), capture_output=True, timeout=LIMIT * 2,
                              cwd=cwd, env={**self.environment, **more})
        return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())

    def start(self, *arguments, **more):
        return subprocess.Popen([self.binary, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, env={**self.environment, **more})

    def terminal(self, *arguments, columns=80, out=None, **more):
        return Terminal([self.binary, *arguments], {**self.environment, "TERM": "xterm", **more}, columns, out)
