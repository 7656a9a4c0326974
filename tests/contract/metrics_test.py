#!/usr/bin/env python3
"""metrics_test.py CRONFLEET: what a standalone tells at /metrics.

Reads it as the text format 0.0.4 asks for, holds every number that must be there, and holds the names in the source and
in docs/operations.md to each other.
"""
import http.client
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
SAMPLE = re.compile(r'([a-z_]+)(?:\{((?:[a-z_]+="(?:[^"\\]|\\.)*",?)*)\})? (\S+)')
WRONG = []


def expect(holds, what):
    if not holds:
        WRONG.append(what)


def read(text):
    """{family: {labels: value}}, with every rule of the format checked."""
    types, values, family = {}, {}, None
    for line in text.splitlines():
        if line.startswith("# HELP "):
            family = line.split()[2]
            expect(family not in types, f"{family} comes twice")
            expect(len(line.split(maxsplit=3)) == 4, f"{family} has no help")
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split()
            expect(name == family, f"TYPE of {name} does not follow its HELP")
            expect(kind in ("counter", "gauge", "histogram"), f"{name} is a {kind}")
            expect((kind == "counter") == name.endswith("_total"), f"{name}: a counter ends in _total, others do not")
            types[name] = kind
        else:
            found = SAMPLE.fullmatch(line)
            expect(found, f"not a sample: {line}")
            name, labels, value = found.groups()
            base = re.sub(r"_(bucket|sum|count)$", "", name) if types[family] == "histogram" else name
            expect(base == family, f"{name} stands under {family}")
            key = (name, labels or "")
            expect(key not in values, f"{line} comes twice")
            values[key] = float(value)
    for name, kind in types.items():
        if kind == "histogram":
            buckets = [value for (sample, _), value in values.items() if sample == name + "_bucket"]
            expect(buckets == sorted(buckets), f"{name}: buckets fall")
            expect(buckets[-1] == values[name + "_count", ""], f"{name}: the last bucket is not the count")
    return values


def get(port, path):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.getheader("Content-Type"), response.read().decode()
    finally:
        connection.close()


def until(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.05)
    return None


class Standalone:
    def __init__(self, binary, folder, *more):
        self.log = open(pathlib.Path(folder) / "log", "w+", encoding="utf-8")
        arguments = [binary, "standalone", "--data-dir", f"{folder}/data", "--port", "0", *more]
        self.process = subprocess.Popen(arguments, stderr=self.log, stdin=subprocess.DEVNULL)

    def port(self, mark):
        def look():
            found = re.search(mark + r"127\.0\.0\.1:(\d+)", pathlib.Path(self.log.name).read_text(encoding="utf-8"))
            return int(found.group(1)) if found else None
        return until(look)

    def stop(self):
        self.process.terminate()
        return self.process.wait(60)


def watch_numbers(binary):
    with tempfile.TemporaryDirectory(prefix="cronfleet-metrics-") as folder:
        server = Standalone(binary, folder, "--set", "metrics.port=0")
        api, metrics = server.port("listening: "), server.port("metrics: http://")
        connection = http.client.HTTPConnection("127.0.0.1", api, timeout=30)
        job = '{"name": "ticks", "schedule": "* * * * * *", "command": "echo tick; exit 3"}'
        connection.request("POST", "/api/v1/jobs", job, {"Content-Type": "application/json"})
        expect(connection.getresponse().read() and True, "no job")
        failed = ("cronfleet_runs_total", 'status="failed",trigger="schedule"')
        values = until(lambda: (now := read(get(metrics, "/metrics")[2])).get(failed, 0) >= 2 and now)
        expect(values, "no failed runs were counted")
        if values:
            for name in ("cronfleet_worker_accepting", "cronfleet_history_up", "cronfleet_jobs"):
                expect(values[name, ""] == 1, f"{name} is {values[name, '']}")
            for name in ("cronfleet_run_start_lateness_seconds_count", "cronfleet_run_duration_seconds_count",
                         "cronfleet_run_starts_total", "cronfleet_coordination_transaction_seconds_count",
                         "process_resident_memory_bytes", "process_open_fds"):
                expect(values[name, ""] >= 1, f"{name} is {values[name, '']}")
            expect(values["cronfleet_spool_bytes_max", ""] == 2 << 30, "spool_bytes_max")
            expect(values["cronfleet_http_requests_total", 'method="POST",route="/api/v1/jobs",status="2xx"'] == 1,
                   "requests by route")
        get(api, "/nowhere")
        values = read(get(metrics, "/metrics")[2])
        expect(values["cronfleet_http_requests_total", 'method="GET",route="none",status="4xx"'] == 1, "routes not found")
        expect(get(metrics, "/metrics")[1] == "text/plain; version=0.0.4; charset=utf-8", "content type")
        expect(get(api, "/metrics")[0] == 404, "the API answers /metrics as well")
        expect(get(metrics, "/api/v1/jobs")[0] == 404, "the metrics listener answers the API")
        expect(server.stop() == 0, "it does not end well")


def refuse_a_port_in_use(binary):
    with tempfile.TemporaryDirectory(prefix="cronfleet-metrics-") as folder, socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        held.listen()
        server = Standalone(binary, folder, "--set", f"metrics.port={held.getsockname()[1]}")
        expect(server.process.wait(60) == 69, "a port in use does not end the start with 69")
        expect("metrics.port" in pathlib.Path(server.log.name).read_text(encoding="utf-8"), "the setting is not named")


def hold_names_to_each_other():
    source = (ROOT / "src/apps/metrics_part.cc").read_text(encoding="utf-8")
    document = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    told = set(re.findall(r'(?:family|one)\(\s*"([a-z_]+)"', source))
    documented = set(re.findall(r"^\| `((?:cronfleet|process)_[a-z_]+)", document, re.MULTILINE))
    expect(len(told) > 30, "the names in the source are not found")
    expect(told == documented, f"docs/operations.md: missing {told - documented}, too many {documented - told}")


if __name__ == "__main__":
    hold_names_to_each_other()
    watch_numbers(sys.argv[1])
    refuse_a_port_in_use(sys.argv[1])
    for wrong in WRONG:
        print(wrong)
    sys.exit(1 if WRONG else 0)
