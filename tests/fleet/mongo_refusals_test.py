#!/usr/bin/env python3
"""tests/fleet/mongo_refusals_test.py BUILD: what a worker and a master say of a MongoDB that they cannot use.

What can never work ends the program with 78 and a sentence that names the key and holds no secret; what may come right
is waited for: the master runs, calls itself degraded, marks its lists as partial, and its log says why.
"""

import json
import pathlib
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import unittest

import mongo
from client import Client
from fleet import programs_of
from services import Child, Etcd, free_ports, wait_until

SECRET = "s3cret-of-nobody"


class OldServer:
    """Answers every greeting as MongoDB 3.6 does, and nothing else."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            connection, _ = self.listener.accept()
            threading.Thread(target=self.greet, args=(connection,), daemon=True).start()

    @staticmethod
    def greet(connection):
        hello = mongo.bson([("ismaster", True), ("maxBsonObjectSize", 16777216), ("maxMessageSizeBytes", 48000000),
                            ("maxWriteBatchSize", 100000), ("minWireVersion", 0), ("maxWireVersion", 6), ("ok", 1)])
        while head := connection.recv(16, socket.MSG_WAITALL):
            size, number, _, code = struct.unpack("<iiii", head)
            connection.recv(size - 16, socket.MSG_WAITALL)
            if code == 2004:  # the old form of a query
                body, answer = struct.pack("<iqii", 8, 0, 0, 1) + hello, 1
            else:
                body, answer = struct.pack("<i", 0) + b"\0" + hello, 2013
            connection.sendall(struct.pack("<iiii", 16 + len(body), 1, number, answer) + body)


class Refusals(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="cronfleet-refusals-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.etcd = Etcd(cls.folder / "etcd", 1)
        cls.addClassCleanup(cls.etcd.end)
        cls.etcd.start()
        cls.mongo = mongo.Mongo(cls.folder / "mongo")
        cls.addClassCleanup(cls.mongo.end)
        cls.mongo.start()
        cls.old = OldServer()

    def settings(self, name, **mongodb):
        port = free_ports(1)[0]
        path = self.folder / f"{self.id()}-{name}.json"
        path.write_text(json.dumps({
            "etcd": {"endpoints": [f"127.0.0.1:{self.etcd.client_ports[0]}"]}, "mongodb": mongodb,
            **({"http": {"port": port}} if name == "master" else {"node_id": "w", "data_dir": str(self.folder / self.id())})}))
        return path, port

    def refused(self, *says, **mongodb):
        for name in ("worker", "master"):
            path, _ = self.settings(name, **mongodb)
            done = subprocess.run([PROGRAMS.cronfleet, name, "--config", path], capture_output=True, text=True, timeout=60)
            said = done.stdout + done.stderr
            self.assertEqual(78, done.returncode, f"{name}: {said}")
            self.assertNotIn(SECRET, said)
            for text in says:
                self.assertIn(text, said, name)

    def uri(self, more=""):
        return f"mongodb://127.0.0.1:{self.mongo.port}/{more}"

    def test_no_uri(self):
        self.refused("mongodb.uri", uri="127.0.0.1:27017")

    def test_an_option_that_there_is_not(self):
        self.refused("mongodb.uri", uri=f"mongodb://ann:{SECRET}@127.0.0.1/?tls=perhaps")

    def test_a_database_that_cannot_be_called_so(self):
        self.refused("mongodb.database", "a.b", uri=self.uri(), database="a.b")

    def test_a_collection_that_cannot_be_called_so(self):
        self.refused("mongodb.collection", "lo$g", uri=self.uri(), collection="lo$g")

    def test_a_certificate_that_is_not_there(self):
        self.refused("mongodb.uri", "/no/such.pem", uri=self.uri("?tls=true&tlsCAFile=/no/such.pem"))

    def test_a_wrong_password(self):
        if mongo.program()[1]:
            self.skipTest("users are made with FerretDB alone")
        guarded = mongo.Mongo(self.folder / "guarded")
        self.addCleanup(guarded.end)
        guarded.child.arguments += ["--test-enable-new-auth", "--setup-database=admin", "--setup-username=ann",
                                    "--setup-password=another"]
        guarded.child.start()
        wait_until(lambda: guarded.command(("ping", 1)), 60, "the guarded MongoDB answers")
        self.refused("mongodb.uri", "refuses us", uri=f"mongodb://ann:{SECRET}@127.0.0.1:{guarded.port}/")

    def test_a_server_that_is_too_old(self):
        self.refused("mongodb.uri", "MongoDB 4.0", uri=f"mongodb://127.0.0.1:{self.old.port}/")

    def test_a_collection_of_something_else(self):
        self.mongo.command(("insert", "poems"), ("documents", [{"title": "Ozymandias"}]))
        self.refused("mongodb.collection", "poems", "holds something else", uri=self.uri(), collection="poems")
        self.assertNotIn(b"cronfleet", self.mongo.command(("listIndexes", "poems")) or b"")  # nothing was written

    def waited_for(self, uri, *says):
        path, port = self.settings("master", uri=uri)
        child = Child("master", [PROGRAMS.cronfleet, "master", "--config", path], self.folder / f"{self.id()}.log").start()
        self.addCleanup(child.kill)
        client = Client("reader", [port], seconds=20)

        def told():
            self.assertTrue(child.running(), child.tail())
            ready = client.ask_one(port, "GET", "/readyz").json()
            return ready.get("status") == "degraded" and ready["dependencies"]["history"] == "down"

        wait_until(told, 60, "the master runs and calls itself degraded")
        listed = client.ask_one(port, "GET", "/api/v1/runs")
        self.assertEqual((200, True), (listed.status, listed.json().get("partial")), listed.body)
        # Why it is so is for the log, not for everybody who may ask.
        said = next((line for line in child.log.read_text().splitlines() if "history is away" in line), "")
        for text in says:
            self.assertIn(text, said)

    def test_nobody_listens(self):
        self.waited_for(f"mongodb://127.0.0.1:{free_ports(1)[0]}/", "MongoDB")

    def test_a_server_without_tls(self):
        self.waited_for(self.uri("?tls=true"), "MongoDB")


if __name__ == "__main__":
    PROGRAMS = programs_of(sys.argv.pop(1))
    if mongo.program()[0] is None or not shutil.which("etcd"):
        print("skipped: no MongoDB server, or no etcd, is on this machine")
        sys.exit(77)
    unittest.main()
