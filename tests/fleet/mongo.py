"""tests/fleet/mongo.py: the fleet's MongoDB: mongod where CRONFLEET_TEST_MONGOD or PATH names one, else FerretDB; a few
commands of its protocol, and what it says of the runs.
"""

import contextlib
import json
import os
import pathlib
import shutil
import socket
import sqlite3
import struct
import subprocess
import threading

import evidence as ev
from services import Child, Trouble, free_ports, wait_until

SOURCE = pathlib.Path(__file__).resolve().parents[2]
DATABASE, RECORDS, OUTPUT = "cron", "log", "log_output"


def program():
    """(path, whether it is mongod); path None where this machine can have neither."""
    mongod = os.environ.get("CRONFLEET_TEST_MONGOD") or shutil.which("mongod")
    if mongod:
        return mongod, True
    built = subprocess.run([SOURCE / "scripts/build-ferretdb"], capture_output=True, text=True)
    return (built.stdout.strip().splitlines()[-1] if built.returncode == 0 else None), False


class Long(int):
    """A number that goes as 64 bits: the id of a cursor."""


def bson(pairs):
    """Texts, flags, numbers, lists and documents; all that a command of ours holds."""
    body = b""
    for key, value in pairs:
        name = key.encode() + b"\0"
        if isinstance(value, bool):
            body += b"\x08" + name + bytes([value])
        elif isinstance(value, Long):
            body += b"\x12" + name + struct.pack("<q", value)
        elif isinstance(value, int):
            body += b"\x10" + name + struct.pack("<i", value)
        elif isinstance(value, str):
            body += b"\x02" + name + struct.pack("<i", len(value.encode()) + 1) + value.encode() + b"\0"
        elif isinstance(value, list):
            body += b"\x04" + name + bson([(str(index), one) for index, one in enumerate(value)])
        else:
            body += b"\x03" + name + bson(list(value.items()))
    return struct.pack("<i", len(body) + 5) + body + b"\0"


def unbson(data, at=0):
    """The document that begins there: texts, flags, numbers, lists and documents; of other kinds the bytes."""
    end, at, found = at + struct.unpack_from("<i", data, at)[0] - 1, at + 4, {}
    while at < end:
        kind, name_end = data[at], data.index(0, at + 1)
        name, at = data[at + 1:name_end].decode(), name_end + 1
        if kind == 0x02:
            size = struct.unpack_from("<i", data, at)[0]
            found[name], at = data[at + 4:at + 3 + size].decode(errors="replace"), at + 4 + size
        elif kind in (0x03, 0x04):
            inner = unbson(data, at)
            found[name] = inner if kind == 0x03 else list(inner.values())
            at += struct.unpack_from("<i", data, at)[0]
        elif kind == 0x05:
            size = 5 + struct.unpack_from("<i", data, at)[0]
            found[name], at = data[at + 5:at + size], at + size
        elif kind in FIXED:
            form = FIXED[kind]
            found[name] = struct.unpack_from(form, data, at)[0] if form else None
            at += struct.calcsize(form) if form else 0
        else:
            raise Trouble(f"a member of kind {kind} in an answer of MongoDB")
    return found


FIXED = {0x01: "<d", 0x07: "12s", 0x08: "?", 0x09: "<q", 0x0a: "", 0x10: "<i", 0x11: "<q", 0x12: "<q"}
OUR_INSERT = b"\x02insert\0"
REFUSALS = {  # what a server says that takes no writes for now
    "not_primary": [("ok", 0), ("errmsg", "not primary"), ("code", 10107), ("codeName", "NotWritablePrimary")],
    "forbidden": [("ok", 0), ("errmsg", "not authorized on cron to execute command"), ("code", 13), ("codeName", "Unauthorized")],
    "no_space": [("ok", 0), ("errmsg", "no space left on device"), ("code", 14031), ("codeName", "OutOfDiskSpace")],
    "each_by_itself": [("ok", 1), ("n", 0), ("writeErrors", [{"index": 0, "code": 11600, "errmsg": "interrupted at shutdown"}])],
}


class Front:
    """Stands before the server and passes everything on, but for inserts while it refuses: these it answers itself."""

    def __init__(self, target):
        self.target, self.refusal, self.refused = target, None, 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return  # closed
            try:
                server = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                client.close()
                continue
            for way in (self.requests, self.replies):
                threading.Thread(target=way, args=(client, server), daemon=True).start()

    @staticmethod
    def end_both(*connections):
        for connection in connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def replies(self, client, server):
        try:
            while piece := server.recv(65536):
                client.sendall(piece)
        except OSError:
            pass
        self.end_both(client, server)
        client.close()

    def requests(self, client, server):
        try:
            while len(head := client.recv(16, socket.MSG_WAITALL)) == 16:
                size, number, _, code = struct.unpack("<iiii", head)
                rest = client.recv(size - 16, socket.MSG_WAITALL)
                refusal = self.refusal
                # Flags, the kind of the first section, its length, and then the command's first member.
                if refusal and code == 2013 and rest[9:9 + len(OUR_INSERT)] == OUR_INSERT:
                    self.refused += 1
                    body = struct.pack("<i", 0) + b"\0" + bson(refusal)
                    client.sendall(struct.pack("<iiii", 16 + len(body), 1, number, 2013) + body)
                else:
                    server.sendall(head + rest)
        except OSError:
            pass
        self.end_both(client, server)
        server.close()

    def end(self):
        self.listener.close()


class Mongo:
    """One server in a folder of its own. Out of space: files cannot grow any more (RLIMIT_FSIZE), which fails as a full
    disk does but needs no file system of its own."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.port = free_ports(1)[0]
        path, self.is_mongod = program()
        self.data = data = self.folder / "data"
        data.mkdir(parents=True)
        if self.is_mongod:
            arguments = [path, "--dbpath", data, "--port", self.port, "--bind_ip", "127.0.0.1", "--nounixsocket",
                         "--wiredTigerCacheSizeGB", "0.25"]
        else:
            arguments = [path, "--handler=sqlite", "--telemetry=disable", f"--listen-addr=127.0.0.1:{self.port}",
                         "--debug-addr=-", "--log-level=error", f"--state-dir={data}", f"--sqlite-url=file:{data}/"]
        self.front = Front(self.port)
        self.child = Child("mongo", arguments, self.folder / "mongo.log")

    def start(self):
        self.child.start()
        wait_until(self.accepts, 60, f"MongoDB answers\n{self.child.tail()}")
        return self

    def accepts(self):
        if not self.child.running():
            raise Trouble(f"MongoDB ended by itself:\n{self.child.tail()}")
        return self.command(("ping", 1)) is not None

    def connect(self, seconds):
        return socket.create_connection(("127.0.0.1", self.port), timeout=seconds)

    def command(self, *pairs, seconds=10):
        """The bytes of the answer; None when none came."""
        try:
            with self.connect(seconds) as connection:
                return self.command_on(connection, *pairs)
        except OSError:
            return None

    @staticmethod
    def command_on(connection, *pairs):
        message = struct.pack("<i", 0) + b"\0" + bson([*pairs, ("$db", DATABASE)])
        connection.sendall(struct.pack("<iiii", 16 + len(message), 1, 0, 2013) + message)
        answer = bytearray()
        while len(answer) < 4 or len(answer) < struct.unpack_from("<i", answer)[0]:
            more = connection.recv(65536)
            if not more:
                return None
            answer += more
        return bytes(answer)

    def ask_on(self, connection, *pairs):
        """The document of the answer."""
        answer = self.command_on(connection, *pairs)
        if answer is None:
            raise Trouble(f"MongoDB did not answer {pairs[0][0]}")
        document = unbson(answer, 21)  # after the head, the flags and the kind of the section
        if document.get("ok") != 1:
            raise Trouble(f"MongoDB refused {pairs[0][0]}: {document.get('errmsg')}")
        return document

    def count(self, collection):
        """How many documents stand there, counted one by one: what the server has in mind may be wrong after a kill."""
        if not self.is_mongod:
            with self.stored(collection) as (database, table):
                return database.execute(f'SELECT count(*) FROM "{table}" NOT INDEXED').fetchone()[0]
        with self.connect(300) as connection:
            return self.ask_on(connection, ("count", collection), ("query", {"_id": {"$exists": True}}))["n"]

    def documents(self, collection, *names):
        """Of every document the members of these names. FerretDB has no index for any list and takes minutes for 280,000
        documents, so there they are read from its own file, row by row, which asks nothing of it."""
        return (self.listed if self.is_mongod else self.rows)(collection, "_id", *names)

    def listed(self, collection, *names):
        """As the server tells. On one connection: the cursor ends with it."""
        with self.connect(300) as connection:
            cursor = self.ask_on(connection, ("find", collection), ("projection", {name: 1 for name in names}),
                                 ("batchSize", 5000))["cursor"]
            yield from cursor["firstBatch"]
            while cursor["id"]:
                cursor = self.ask_on(connection, ("getMore", Long(cursor["id"])), ("collection", collection),
                                     ("batchSize", 5000))["cursor"]
                yield from cursor["nextBatch"]

    def rows(self, collection, *names):
        """As they stand in FerretDB's file, which has them as JSON."""
        with self.stored(collection) as (database, table):
            for text, in database.execute(f'SELECT _ferretdb_sjson FROM "{table}" NOT INDEXED'):
                document = json.loads(text)
                yield {name: document[name] for name in names if name in document}

    @contextlib.contextmanager
    def stored(self, collection, mode="ro"):
        """FerretDB's file, its log included, and the table of a collection in it."""
        database = sqlite3.connect(f"file:{self.data}/{DATABASE}.sqlite?mode={mode}", uri=True, timeout=20)
        try:
            found = database.execute("SELECT table_name FROM _ferretdb_collections WHERE name = ?", [collection]).fetchone()
            if not found:
                raise Trouble(f"FerretDB has no collection '{collection}'")
            yield database, found[0]
        finally:
            database.close()

    def has_indexes(self):
        found = [self.command(("listIndexes", collection)) or b"" for collection in (RECORDS, OUTPUT)]
        return b"cronfleet_job" in found[0] and b"cronfleet_run" in found[1]

    def drop_indexes(self):
        for collection in (RECORDS, OUTPUT):
            self.command(("dropIndexes", collection), ("index", "*"))

    def limit_files(self, bytes_max):
        """No file may grow past this; None: as far as they like."""
        limit = "unlimited" if bytes_max is None else str(bytes_max)
        subprocess.run(["prlimit", "--pid", str(self.child.pid), f"--fsize={limit}:unlimited"], check=True)

    def end(self):
        self.front.end()
        self.child.thaw()
        if self.child.process is not None:
            self.child.kill()


def all_runs(client):
    """Every record that the API lists, oldest first; None when it could not tell them all."""
    found, cursor = [], ""
    while True:
        answer = client.ask("GET", "/api/v1/runs?limit=500&order=oldest_first" + (f"&cursor={cursor}" if cursor else ""))
        document = answer.json()
        if answer.status != 200 or document.get("partial") or document.get("stale"):
            return None
        found += document["items"]
        cursor = document.get("next_cursor", "")
        if not cursor:
            return found


def records_of(items):
    """Runs as the API shows them → records; without those that are not over."""
    for item in items:
        if item["status"] in ev.UNFINISHED:
            continue
        started = ev.parse_instant(item["started_at"]) if item.get("started_at") else 0
        never = item["status"] in ev.NEVER_STARTED
        yield ev.Record(
            ev.parse_run(item["id"]), item["status"], item.get("reason", ""), item.get("final", True), item.get("worker", ""),
            item.get("fence", 0), item.get("trigger", "schedule"), 0 if never else started,
            ev.parse_instant(item["ended_at"]) if item.get("ended_at") else 0, item.get("exit_code"), item.get("signal"),
            item.get("actor", ""), item.get("output_bytes", 0), item.get("output_bytes_dropped", 0), None,
            ev.parse_instant(item["range_from"]) if item.get("range_from") else None, item.get("range_count", 1), "mongo",
            ev.parse_instant(item["claimed_at"]) if item.get("claimed_at") else 0)
