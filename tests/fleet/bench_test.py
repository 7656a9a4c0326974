#!/usr/bin/env python3
"""tests/fleet/bench_test.py: the verdicts of `bench away` under test: memory that grows is told from memory that is flat, a run
without a record, one with two and a record without a run are found, in a real server too, and what MongoDB answers is read. A
bench that cannot fail proves nothing.
"""

import contextlib
import importlib.machinery
import importlib.util
import io
import pathlib
import tempfile
import unittest

import mongo

loader = importlib.machinery.SourceFileLoader("bench", str(pathlib.Path(__file__).with_name("bench")))
bench = importlib.util.module_from_spec(importlib.util.spec_from_loader("bench", loader))
loader.exec_module(bench)


class History:
    def __init__(self, documents):
        self.all = documents

    def count(self, collection):
        return len(self.all)

    def documents(self, collection, *names):
        return iter(self.all)


class Fleet:
    def __init__(self, history):
        self.mongo = history


def said(judge, *arguments):
    with contextlib.redirect_stdout(io.StringIO()) as words:
        verdict = judge(*arguments)
    return verdict, words.getvalue()


def marks(mib_each):
    """Of 60,000 runs: 100 MiB and so much for each that waits, with the first 2,000 dearer and some noise."""
    return [(runs, 100 + min(runs, 2000) * 0.006 + runs * mib_each + 0.4 * (number % 2))
            for number, runs in enumerate(range(0, 60_001, 3000))]


class Away(unittest.TestCase):
    def test_memory(self):
        self.assertTrue(said(bench.judge_memory, marks(0))[0])
        self.assertTrue(said(bench.judge_memory, marks(100 / 1048576))[0])
        verdict, words = said(bench.judge_memory, marks(300 / 1048576))
        self.assertFalse(verdict)
        self.assertIn("NOT flat", words)
        verdict, words = said(bench.judge_memory, marks(0)[:5])
        self.assertFalse(verdict, "too few marks are no proof")
        self.assertIn("no verdict", words)

    def judge(self, starts, history):
        with tempfile.TemporaryDirectory() as folder:
            truth = pathlib.Path(folder) / "truth"
            truth.write_text("".join(f"start\t{run}\tw0\nend\t{run}\tw0\n" for run in starts) + "start\tcut off in the mid")
            bench.count_of_keys, bench.PATIENCE = lambda *_: 0, 1
            return said(bench.judge_records, Fleet(history), bench.Started(truth))

    def test_records(self):
        record = lambda run, status="succeeded", **more: {"_id": run, "status": status, **more}
        verdict, words = self.judge(["a", "b"], History([record("a"), record("b"), record("c", "skipped", reason="overlap"),
                                                            record("d", "killed", reason="late")]))
        self.assertTrue(verdict, words)
        for starts, documents, want in [
                (["a", "b"], [record("a"), record("c", "skipped")], "1 runs without a record: b"),
                (["a"], [record("a"), record("a")], "1 runs with several records: a"),
                (["a", "a"], [record("a")], "1 runs that began twice: a"),
                (["a"], [record("a"), record("b")], "records of a start that was none: 1 succeeded"),
                (["a"], [record("a"), record("b", "killed", reason="replaced")], "a start that was none: 1 killed (replaced)"),
                (["a"], [record("a", "skipped")], "records of a start that was none: 1 skipped")]:
            verdict, words = self.judge(starts, History(documents))
            self.assertFalse(verdict, words)
            self.assertIn(want, words)
            self.assertIn("NOT one for every run", words)

    @unittest.skipIf(mongo.program()[0] is None, "no MongoDB server is to be had")
    def test_records_of_a_server(self):
        runs = [f"job-{number}@2026-03-01T02:00:00Z.1" for number in range(12_000)]  # more than the server tells at once
        with tempfile.TemporaryDirectory() as folder:
            server = mongo.Mongo(pathlib.Path(folder) / "mongo")
            self.addCleanup(server.end)
            server.start()
            for first in range(0, len(runs), 1000):
                records = [{"_id": run, "status": "succeeded", "output": "not asked for"} for run in runs[first:first + 1000]]
                self.assertEqual(mongo.unbson(server.command(("insert", mongo.RECORDS), ("documents", records)), 21)["n"], 1000)
            verdict, words = self.judge(runs, server)
            self.assertTrue(verdict, words)
            self.assertIn("12000 of 12000 runs that began: 12000 succeeded", words)
            by_id = lambda documents: sorted(documents, key=lambda document: document["_id"])
            self.assertEqual(by_id(server.documents(mongo.RECORDS, "status")), by_id(server.listed(mongo.RECORDS, "_id", "status")))

            if not server.is_mongod:  # which takes no second document of an id, whatever is done to it
                with server.stored(mongo.RECORDS, "rw") as (database, table):
                    for index, in database.execute("SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name = ? "
                                                   "AND sql LIKE '%UNIQUE%'", [table]).fetchall():
                        database.execute(f'DROP INDEX "{index}"')
                    database.execute(f'INSERT INTO "{table}" SELECT * FROM "{table}" WHERE _ferretdb_sjson LIKE ?',
                                     [f'%"{runs[7000]}"%'])
                    database.commit()
                verdict, words = self.judge(runs, server)
                self.assertFalse(verdict, words)
                self.assertIn(f"1 runs with several records: {runs[7000]}", words)
            server.command(("delete", mongo.RECORDS), ("deletes", [{"q": {"_id": runs[9000]}, "limit": 1}]))
            verdict, words = self.judge(runs, server)
            self.assertFalse(verdict, words)
            self.assertIn(f"1 runs without a record: {runs[9000]}", words)

    def test_answers(self):
        document = {"n": 70_000, "cursor": {"id": mongo.Long(2 ** 40), "firstBatch": [{"_id": "a", "final": True}, {"_id": "é"}]}}
        self.assertEqual(mongo.unbson(mongo.bson(list(document.items()))), document)


if __name__ == "__main__":
    unittest.main()
