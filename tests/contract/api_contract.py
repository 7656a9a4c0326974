#!/usr/bin/env python3
"""api_contract.py CRONFLEET: holds docs/api.yaml and the server to each other (API-T1).

Holds every example to its schema; starts a standalone, does every operation with its example, then requests made from
the document: values inside and outside of what its schemas allow. Every answer must have a status that the document names for the operation (or one of
those that any request can get), validate against its schema, and have no member that the schema does not know. No
answer may be 5xx. Prints each mismatch; ends with 1 when there is one, 77 where a module is missing.
"""
import http.client
import json
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from urllib.parse import quote, urlencode

try:
    import jsonschema
    import yaml
except ImportError as missing:
    print(f"skipped: {missing} (scripts/setup installs it)")
    sys.exit(77)

HAN = re.compile("[\u4e00-\u9fff]")
DOCUMENT = yaml.safe_load(open("docs/api.yaml", encoding="utf-8"))
METHODS = ("get", "put", "post", "patch", "delete")
# What any request may get, before the operation is asked.
ANY_REQUEST = {int(status) for status in DOCUMENT["components"]["responses"]["Refused"]["x-statuses"]}
# Those of them that the operations themselves name; the last where a body is taken or something changes.
BY_EACH, BY_EACH_WRITE = {400, 403, 421}, {413, 415, 429, 507}
ONLY_LOOKS = {"/api/v1/cron:explain"}
# Seen by a request of the operation itself, and not of its head: the operation must name them.
OF_OPERATIONS = {409, 412, 416, 422, 428}
ROUNDS = int(os.environ.get("CRONFLEET_CONTRACT_ROUNDS", "60"))  # random requests for each operation
FIXTURES = {
    "nightly": {"schedule": "0 2 * * *", "command": "true"},
    "old": {"schedule": "@daily", "command": "true"},
    "ticks": {"schedule": "* * * * * *", "command": "echo tick"},
}


def resolve(node):
    while isinstance(node, dict) and "$ref" in node:
        at = DOCUMENT
        for part in node["$ref"].removeprefix("#/").split("/"):
            at = at[part]
        node = at
    return node


def operations():
    for path, item in DOCUMENT["paths"].items():
        for method in METHODS:
            if method in item:
                parameters = [resolve(p) for p in item.get("parameters", []) + item[method].get("parameters", [])]
                yield method, path, item[method], parameters


def validator(schema):
    # References lead into the whole document.
    return jsonschema.Draft202012Validator({**schema, "components": DOCUMENT["components"]})


def known_members(schema):
    """All properties of an object schema, and whether others are allowed."""
    schema = resolve(schema)
    properties, free = dict(schema.get("properties", {})), "additionalProperties" in schema
    for part in schema.get("allOf", []):
        more, also = known_members(part)
        properties.update(more)
        free = free or also
    return properties, free or not properties


def undocumented(schema, value, pointer=""):
    schema = resolve(schema)
    if isinstance(value, dict):
        properties, free = known_members(schema)
        for key, member in value.items():
            if key in properties:
                yield from undocumented(properties[key], member, f"{pointer}/{key}")
            elif not free:
                yield f"{pointer}/{key}"
    elif isinstance(value, list) and "items" in schema:
        for index, element in enumerate(value):
            yield from undocumented(schema["items"], element, f"{pointer}/{index}")


def first_event(response):
    lines = []
    while (line := response.readline()) not in (b"\n", b""):
        lines.append(line)
    return b"".join(lines)


def fields_of(event):
    return dict(line.split(": ", 1) for line in event.decode().splitlines() if not line.startswith(":"))


class Server:
    def __init__(self, binary):
        self.folder = tempfile.mkdtemp(prefix="cronfleet-contract-")
        arguments = [binary, "standalone", "--data-dir", self.folder + "/data", "--port", "0",
                     "--set", "http.writes_per_second=0"]
        self.log = open(self.folder + "/log", "w+", encoding="utf-8")
        self.process = subprocess.Popen(arguments, stderr=self.log, stdin=subprocess.DEVNULL,
                                        env={k: v for k, v in os.environ.items() if not k.startswith("CRONFLEET_")})
        for _ in range(600):
            found = re.search(r"listening.*127\.0\.0\.1:(\d+)", open(self.folder + "/log", encoding="utf-8").read())
            if found:
                self.port = int(found.group(1))
                if self.ask("GET", "/readyz")[0] == 200:
                    return
            time.sleep(0.05)
        raise SystemExit("the server did not become ready:\n" + open(self.folder + "/log", encoding="utf-8").read())

    def ask(self, method, target, body=None, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, target, body, headers or {})
            response = connection.getresponse()
            self.headers = response.headers
            if response.getheader("Content-Type", "").startswith("text/event-stream"):
                return response.status, "text/event-stream", first_event(response)
            return response.status, response.getheader("Content-Type", ""), response.read()
        finally:
            connection.close()

    def stop(self):
        self.process.terminate()
        self.process.wait(60)
        shutil.rmtree(self.folder)


class Contract:
    def __init__(self, server):
        server.version = json.loads(server.ask("GET", "/api/v1/system")[2])["version"]
        self.server, self.mismatches, self.requests, self.statuses = server, [], 0, {}

    def wrong(self, what, about):
        self.mismatches.append(f"{what}: {about}")

    def check(self, operation, method, target, answer, chinese=False):
        status, content_type, body = answer
        about = f"{method.upper()} {target} -> {status} {body[:300]!r}"
        self.requests += 1
        self.statuses[status] = self.statuses.get(status, 0) + 1
        if status >= 500:
            return self.wrong("5xx", about)
        if status >= 400:
            self.check_secrets(body, about)
            self.check_language(json.loads(body), chinese, about)
        described = resolve(operation["responses"].get(str(status)))
        if described is None:
            if status not in ANY_REQUEST - OF_OPERATIONS:
                return self.wrong("a status that the document does not name", about)
            described = resolve({"$ref": "#/components/responses/Problem"})
        if status < 300 and "X-Cronfleet-Revision" in self.server.headers and "X-Cronfleet-Revision" not in described.get("headers", {}):
            self.wrong("a header that the document does not name", f"X-Cronfleet-Revision {about}")
        content = described.get("content", {})
        media = content_type.split(";")[0]
        if not content:
            return None if not body or status == 304 else self.wrong("a body that the document does not name", about)
        if media not in content:
            return self.wrong(f"a media type that the document does not name ({media})", about)
        if "x-events" in content[media]:
            return self.check_event(content[media]["x-events"], body, about)
        if "x-lines" in content[media]:
            for line in body.splitlines():
                self.check_value(content[media]["x-lines"], json.loads(line), about)
            return None
        if not media.endswith("json"):
            return None
        return self.check_value(content[media]["schema"], json.loads(body), about)

    def check_language(self, problem, chinese, about):
        """Sentences for people are in the language that was asked for, titles and codes always the same (API-3)."""
        for sentence in [problem["detail"], *(error["detail"] for error in problem.get("errors", []))]:
            if chinese and not HAN.search(sentence):
                self.wrong("a sentence that is not said in Chinese", f"{sentence!r} {about}")
        if HAN.search(problem["title"] + problem["code"]):
            self.wrong("a title or a code in Chinese", about)

    def check_secrets(self, body, about):
        """A refusal tells nothing of the machine it comes from (SEC-35)."""
        text = body.decode()
        for secret in (self.server.folder, self.server.version, "sqlite", "SQLITE", ".cc:", "src/", "terminate", "std::"):
            if secret in text:
                self.wrong(f"a refusal that tells {secret!r}", about)

    def check_event(self, events, body, about):
        fields = fields_of(body)
        if fields.get("event") not in events:
            return self.wrong("an event that the document does not name", about)
        return self.check_value(events[fields["event"]], json.loads(fields["data"]), about)

    def check_value(self, schema, value, about):
        for error in validator(schema).iter_errors(value):
            self.wrong(f"invalid at /{'/'.join(map(str, error.absolute_path))}: {error.message[:200]}", about)
        for pointer in undocumented(schema, value):
            self.wrong(f"undocumented member {pointer}", about)
        return None

    def perform(self, operation, method, path, places, query, headers, body):
        target = path
        for name, value in places.items():
            target = target.replace("{" + name + "}", quote(str(value), safe=""))
        if query:
            target += "?" + urlencode(query)
        if method != "get":
            headers = {"X-Cronfleet-Client": "contract", **headers}
        if body is not None:
            headers = {"Content-Type": "application/json", **headers}
        chinese = self.requests % 2 == 1  # every other client reads Chinese
        if chinese:
            headers = {"Accept-Language": "zh-CN,zh;q=0.9,en;q=0.8", **headers}
        answer = self.server.ask(method.upper(), target, body, headers)
        self.check(operation, method, target, answer, chinese)
        return answer


def example_of(operation):
    for content in resolve(operation.get("requestBody", {})).get("content", {}).values():
        if "example" in content:
            return content["example"]
    return None


INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def instants(schema, value, pointer=""):
    """Instants of an answer that are not in UTC with milliseconds (API-1)."""
    schema = resolve(schema)
    if isinstance(value, dict):
        properties, _ = known_members(schema)
        for key, member in value.items():
            yield from instants(properties.get(key, {}), member, f"{pointer}/{key}")
    elif isinstance(value, list):
        for index, element in enumerate(value):
            yield from instants(schema.get("items", {}), element, f"{pointer}/{index}")
    elif schema.get("format") == "date-time" and not INSTANT.fullmatch(value):
        yield f"{pointer}: {value}"


def check_example(contract, media, content, about):
    """An example is what its schema says; of a stream each of its events or lines is."""
    example = content["example"]
    if "x-events" in content:
        for event in example.strip().split("\n\n"):
            contract.check_event(content["x-events"], event.encode(), f"example of {about}")
    elif "x-lines" in content:
        for line in example.splitlines():
            contract.check_value(content["x-lines"], json.loads(line), f"example of {about}")
    else:
        contract.check_value(content["schema"], example, f"example of {about}")
        for place in instants(content["schema"], example) if "json" in media else ():
            contract.wrong("an instant that is not in UTC with milliseconds", f"{place} in the example of {about}")


def check_examples(contract):
    """Each operation shows what it takes and what it answers."""
    for method, path, operation, _ in operations():
        place = f"{method.upper()} {path}"
        shown = 0
        for status, response in operation["responses"].items():
            for media, content in resolve(response).get("content", {}).items():
                if "example" in content:
                    shown += status.startswith("2")
                    check_example(contract, media, content, f"{place} {status} {media}")
        if not shown:
            contract.wrong("no example of an answer", place)
        body = resolve(operation.get("requestBody", {})).get("content", {})
        for media, content in body.items():
            if "example" in content:
                check_example(contract, "", content, f"{place} body {media}")
        if body and example_of(operation) is None:
            contract.wrong("no example of a body", place)


# What the standalone of this test has not: a worker that is gone, an alarm that stands. All others are done for real.
REFUSED = {"forget_worker": (409, "worker_lives"), "confirm_alarm": (409, "alarm_not_raised")}


def prepare(server, operation):
    """What an operation needs beside the fixtures, and the address that it is asked by."""
    change = {"Content-Type": "application/json", "If-Match": "*"}
    wanted = operation["operationId"]
    if wanted == "create_job":
        server.ask("DELETE", "/api/v1/jobs/nightly", headers=change)
    if wanted in ("kill_run", "kill_job"):
        server.ask("PATCH", "/api/v1/jobs/nightly", json.dumps({"command": "sleep 60", "kill_grace": "1s", "overlap": "allow"}), change)
        return {"id": json.loads(server.ask("POST", "/api/v1/jobs/nightly:run", "{}",
                                            {"Content-Type": "application/json"})[2])["run_id"]}
    if wanted in ("get_version", "diff_versions", "restore_version"):
        server.ask("PATCH", "/api/v1/jobs/nightly", json.dumps({"description": "new"}), change)
        return {"revision": json.loads(server.ask("GET", "/api/v1/jobs/nightly/versions")[2])["items"][1]["revision"]}
    if wanted == "confirm_alarm":
        return {"code": "restored_store"}
    return {}


def fixture_of(server, path, parameter):
    name = parameter["name"]
    if name == "name":
        return "nightly"
    if name == "node":
        return json.loads(server.ask("GET", "/api/v1/system")[2])["node"]
    if name == "revision":
        return json.loads(server.ask("GET", "/api/v1/jobs/nightly")[2])["revision"]
    if name == "id":
        return json.loads(server.ask("GET", "/api/v1/runs?job=ticks&status=succeeded&limit=1")[2])["items"][-1]["id"]
    if name == "expression":
        return "0 3 * * 1-5"
    if name == "edge":
        return "2026-01-01T00:00:00Z,2026-01-02T00:00:00Z"
    if name == "If-Match":
        return "*"
    return None


def restore_fixtures(server):
    for name, job in FIXTURES.items():
        status = server.ask("PUT", f"/api/v1/jobs/{name}", json.dumps(job),
                            {"Content-Type": "application/json", "If-None-Match": "*"})[0]
        if status not in (201, 412):
            raise SystemExit(f"fixture {name}: {status}")


def run_examples(contract):
    for method, path, operation, parameters in operations():
        restore_fixtures(contract.server)
        places, query, headers = prepare(contract.server, operation), {}, {}
        for parameter in parameters:
            name = parameter["name"]
            value = fixture_of(contract.server, path, parameter)
            if parameter["in"] == "path":
                places.setdefault(name, value if value is not None else "none")
            elif parameter["in"] == "query" and parameter.get("required"):
                query[name] = value
            elif name == "If-Match":
                headers["If-Match"] = value
        example = example_of(operation)
        body = json.dumps(example) if example is not None else None
        status, _, answer = contract.perform(operation, method, path, places, query, headers, body)
        if operation["operationId"] in REFUSED:
            if (status, json.loads(answer)["code"]) != REFUSED[operation["operationId"]]:
                contract.wrong("the example is refused otherwise", f"{method.upper()} {path} -> {status} {answer[:300]!r}")
        elif method == "get" and ("X-Cronfleet-Revision" in contract.server.headers) != (
                "X-Cronfleet-Revision" in resolve(operation["responses"]["200"]).get("headers", {})):
            contract.wrong("X-Cronfleet-Revision is where the document does not say so, or not where it does", f"{method.upper()} {path}")
        elif status >= 300:
            contract.wrong("the example is refused", f"{method.upper()} {path} -> {status} {answer[:300]!r}")
        if operation["operationId"] == "kill_job" and not json.loads(answer)["runs"]:
            contract.wrong("the example ends no run", f"{method.upper()} {path} -> {status} {answer[:300]!r}")


def check_tags(contract):
    """Each object has a strong ETag, and is not sent to a client that has it (API-5)."""
    server = contract.server
    for method, path, operation, parameters in operations():
        if method != "get" or not re.search(r"\}$|/labels$|/output$|:diff$", path):
            continue
        if "304" not in operation["responses"]:
            contract.wrong("an object without a 304", path)
        places = prepare(server, {"operationId": "get_version"})
        for parameter in parameters:
            if parameter["in"] == "path":
                places.setdefault(parameter["name"], fixture_of(server, path, parameter))

        def known(tag):
            headers = {"If-None-Match": tag} if tag else {}
            answer = contract.perform(operation, method, path, places, {}, headers, None)
            return answer[0], answer[2], server.headers.get("ETag", "")

        for _ in range(100):  # a worker is seen anew now and then, and output is final once its run is recorded
            status, _, tag = known(None)
            if not tag:
                time.sleep(0.1)
                continue
            again = [known(form.format(tag)) for form in ("{}", "W/{}", '"x", {}', "*")]
            if all(answer == (304, b"", tag) for answer in again):
                break
        else:
            contract.wrong("what a client has is sent again", f"{path} {tag} {again if tag else 'no tag in 10 s'}")
        if status != 200 or not re.fullmatch('"[^"]+"', tag) or known('"x"')[0] != 200:
            contract.wrong("an object without a strong ETag", f"{path} {status} {tag}")


JUNK = ["", "*", "x" * 300, "0", "-1", "99999999999999999999", "null", "%", "ä/:@#?", "\x7f", "2026-13-01T00:00:00Z", "[]", '"1"', "a,b"]


def value_for(chance, schema, depth=0):
    schema = resolve(schema)
    if depth > 4 or chance.random() < 0.12:
        return chance.choice([None, True, 0, -1, 1.5, 2**40, "", "x", [], {}, [1], {"a": None}])
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return chance.choice(schema["enum"])
    for key in ("oneOf", "allOf", "anyOf"):
        if key in schema:
            return value_for(chance, chance.choice(schema[key]), depth + 1)
    kind = schema.get("type")
    if kind == "integer":
        least, most = schema.get("minimum", 0), schema.get("maximum", 1000)
        return chance.choice([least, most, least - 1, most + 1, chance.randint(least, most)])
    if kind == "boolean":
        return chance.random() < 0.5
    if kind == "array":
        return [value_for(chance, schema.get("items", {}), depth + 1) for _ in range(chance.randint(0, 3))]
    if kind == "object":
        properties = schema.get("properties", {})
        required = schema.get("required", [])
        chosen = {name: value_for(chance, of, depth + 1) for name, of in properties.items()
                  if name in required and chance.random() < 0.95 or chance.random() < 0.3}
        if not properties or chance.random() < 0.05:
            chosen[chance.choice(["a", "b", "command"])] = chance.choice(["x", 1, None])
        return chosen
    if schema.get("format") == "date-time":
        return chance.choice(["2026-11-01T00:00:00Z", "2026-11-01T00:00:00.123+02:00", "tomorrow"])
    return chance.choice(["a", "nightly", "old", "1h", "0 2 * * *", "@daily", "UTC", *JUNK])


def run_random(contract, seed):
    chance = random.Random(seed)
    for method, path, operation, parameters in operations():
        schema = None
        for content in resolve(operation.get("requestBody", {})).get("content", {}).values():
            schema = content.get("schema", schema)
        for _ in range(ROUNDS):
            restore_fixtures(contract.server)
            places, query, headers = {}, {}, {}
            for parameter in parameters:
                given = fixture_of(contract.server, path, parameter) if chance.random() < 0.6 else None
                value = given if given is not None else value_for(chance, parameter.get("schema", {}), 3)
                text = value if isinstance(value, str) else json.dumps(value)
                if parameter["in"] == "path":
                    places[parameter["name"]] = text or "x"
                elif chance.random() < 0.5 or parameter.get("required"):
                    if parameter["in"] == "query":
                        query[parameter["name"]] = text
                    elif text.isascii() and text.isprintable():
                        headers[parameter["name"]] = text
            if query.get("follow") in ("1", "true", ""):
                query["follow"] = "0"  # a stream has tests of its own
            if "drain" in path or "forget" in path:
                places["node"] = "somebody-else"  # the worker here has work to do
            body = None
            if schema is not None:
                example = example_of(operation)
                value = dict(example) if isinstance(example, dict) and chance.random() < 0.3 else value_for(chance, schema)
                body = json.dumps(value) if chance.random() < 0.95 else chance.choice(['{', '[]', '"', '{"a":1,"a":2}', "\x00"])
            contract.perform(operation, method, path, places, query, headers, body)


def listen(contract):
    """Every event that the document names comes, as its schema says."""
    server = contract.server
    events = DOCUMENT["paths"]["/api/v1/events"]["get"]["responses"]["200"]["content"]["text/event-stream"]["x-events"]
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.request("GET", "/api/v1/events", headers={"Last-Event-ID": "0.1"})  # of another process: a resync
    response = connection.getresponse()
    waiting = set(events)
    body = json.dumps(FIXTURES["old"])
    headers = {"Content-Type": "application/json", "If-Match": "*"}
    server.ask("DELETE", "/api/v1/jobs/old", headers=headers)
    server.ask("PUT", "/api/v1/jobs/old", body, {"Content-Type": "application/json", "If-None-Match": "*"})
    deadline = time.monotonic() + 60
    while waiting and time.monotonic() < deadline:
        event = first_event(response)
        if not event.startswith(b":"):
            contract.check_event(events, event, f"GET /api/v1/events -> {event[:300]!r}")
            waiting.discard(fields_of(event).get("event"))
    connection.close()
    if waiting:
        contract.wrong("events that did not come", ", ".join(sorted(waiting)))


def check_words(contract):
    """Each sentence of a refusal in src/api has its Chinese form (src/api/problem_words.cc), also where no request above met it."""
    source = pathlib.Path(__file__).resolve().parents[2] / "src"
    joined = re.compile(r'(?<!\\)"\s*"')
    words = joined.sub("", (source / "api/problem_words.cc").read_text(encoding="utf-8"))
    forms = {re.sub(r"\{\*?\}", "{}", form) for form in re.findall(r'^    \{"((?:[^"\\]|\\.)*)",', words, re.MULTILINE)}
    refused = re.compile(r'(?:refuse(?:_header)?\(\s*(?:"[\w-]+",\s*)?\d{3},\s*"[a-z_]+",|\.detail =|refuse(?:_member)?\((?:"\w+",)?)\s*(?:fmt::format\(\s*)?'
                         r'"((?:[^"\\]|\\.)*)"[,);]')
    # What alarms say is no refusal, nor what is wrong with a record or a message of ours.
    others = {"worker_catalogue.cc", "run_json.cc", "entries.cc"}
    for path in sorted([*source.glob("api/*.cc"), *source.glob("domain/*.cc")]):
        if path.name.endswith("_test.cc") or path.name in others:
            continue
        for sentence in refused.findall(joined.sub("", path.read_text(encoding="utf-8"))):
            form = re.sub(r"\{\{.*?\}\}|\{[^}]*\}", "{}", sentence)
            if form not in ("{}", "{}: {}") and " " in form and not any(fits(form, known) for known in forms):
                contract.wrong("a refusal without a Chinese form", f"{path.name}: {sentence}")


def check_statuses(contract):
    """Each status that src/api can give is named: by every operation, or as one that any request can get."""
    given = set()
    refused = re.compile(
        r'(?:refuse\(|refuse_header\(\s*"[\w-]+",|\.status = |\bours\(|error\(\)\.status = )\s*([45]\d\d)\b'
    )
    for path in sorted((pathlib.Path(__file__).resolve().parents[2] / "src/api").glob("*.cc")):
        if not path.name.endswith("_test.cc"):
            given |= {int(status) for status in refused.findall(path.read_text(encoding="utf-8"))}
    if len(given) < 15:
        contract.wrong("statuses are no longer found in src/api", sorted(given))
    for status in sorted(given ^ ANY_REQUEST):
        contract.wrong("a status that only source or document has", status)
    for method, path, operation, _ in operations():
        named = set(operation["responses"])
        for status in BY_EACH | (set() if method == "get" or path in ONLY_LOOKS else BY_EACH_WRITE):
            if str(status) not in named:
                contract.wrong("a status that any request can get and the operation does not name", f"{method} {path} {status}")
        if operation["responses"].get("default") != {"$ref": "#/components/responses/Refused"}:
            contract.wrong("an operation without the refusals of any request", f"{method} {path}")


def fits(form, known):
    return re.fullmatch(".*".join(map(re.escape, known.split("{}"))), form) is not None


def main():
    server = Server(sys.argv[1])
    seed = int(os.environ.get("CRONFLEET_SEED", "20261125"))
    try:
        contract = Contract(server)
        restore_fixtures(server)
        for _ in range(600):
            if json.loads(server.ask("GET", "/api/v1/runs?job=ticks&status=succeeded")[2])["items"]:
                break
            time.sleep(0.1)
        check_examples(contract)
        run_examples(contract)
        check_tags(contract)
        server.ask("DELETE", "/api/v1/jobs/nightly", headers={"Content-Type": "application/json", "If-Match": "*"})
        restore_fixtures(server)
        listen(contract)
        run_random(contract, seed)
        check_words(contract)
        check_statuses(contract)
    finally:
        server.stop()
    seen = set()
    for mismatch in contract.mismatches:
        kind = re.sub(r"/\d+|@[^ ]*", "", mismatch.split(" -> ")[0])
        if kind not in seen:
            print(mismatch)
        seen.add(kind)
    print(f"seed {seed}: {contract.requests} requests, {len(contract.mismatches)} mismatches; statuses "
          + ", ".join(f"{status}: {count}" for status, count in sorted(contract.statuses.items())))
    return 1 if contract.mismatches else 0


if __name__ == "__main__":
    sys.exit(main())
