#!/usr/bin/env python3
"""tests/fleet/proxy_test.py BUILD: the fault proxy does all that it is told, also when it is told much at once."""

import pathlib
import socket
import sys
import tempfile
import unittest

from fleet import Proxy, programs_of
from services import wait_until


class ProxyTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="cronfleet-proxy-")
        self.addCleanup(folder.cleanup)
        self.target = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(self.target.close)
        self.proxy = Proxy(PROGRAMS.proxy, pathlib.Path(folder.name))
        self.addCleanup(self.proxy.end)
        self.ports = [self.proxy.open(f"node/{way}", self.target.getsockname()[1]) for way in range(8)]

    def open_ways(self):
        return [port for port in self.ports if self.is_open(port)]

    @staticmethod
    def is_open(port):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
            return True
        except OSError:
            return False

    def test_orders_that_come_together_are_all_obeyed(self):
        self.assertEqual(self.ports, self.open_ways())
        for how, left in [("refuse", []), ("pass", self.ports), ("refuse", []), ("pass", self.ports)]:
            orders = "".join(f"set node/{way} {how}\n" for way in range(len(self.ports)))
            self.proxy.child.process.stdin.write(orders.encode())  # one write
            self.proxy.child.process.stdin.flush()
            wait_until(lambda: self.open_ways() == left, 30, f"all ways {how}")


if __name__ == "__main__":
    PROGRAMS = programs_of(sys.argv.pop(1))
    unittest.main()
