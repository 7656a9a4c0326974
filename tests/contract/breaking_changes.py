#!/usr/bin/env python3
"""breaking_changes.py [--publish]: finds what in docs/openapi.json would break a client of tests/contract/published.json.

published.json is the document as it was released last. Prints each change that a client of it could stumble over and
ends with 1 when there is one that tests/contract/deliberate.txt does not name (one line each, as printed, then " # "
and the reason; a line that names nothing is a mistake too). --publish is for a release: it makes docs/openapi.json the
published document and empties that list. How a deliberate change is made stands in CONTRIBUTING.md.

What may come without notice: new addresses, operations, optional parameters and members, members and words of answers
(clients pass over what they do not know), and wider bounds. Runs its own cases first.
"""
import copy
import json
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
PUBLISHED, DELIBERATE = HERE / "published.json", HERE / "deliberate.txt"
DOCUMENT = HERE.parents[1] / "docs/openapi.json"
METHODS = ("get", "put", "post", "patch", "delete")
UPPER = ("maximum", "maxLength", "maxItems", "maxProperties")
LOWER = ("minimum", "minLength", "minItems", "minProperties")


class Comparison:
    """Yields sentences; `answered` says which way a value travels: what is answered may become less, what is taken more."""

    def __init__(self, old, new):
        self.old, self.new, self.seen = old, new, set()

    @staticmethod
    def resolve(document, node):
        while isinstance(node, dict) and "$ref" in node:
            at = document
            for part in node["$ref"].removeprefix("#/").split("/"):
                at = at[part.replace("~1", "/").replace("~0", "~")]
            node = at
        return node

    def kinds(self, document, schema):
        """The alternatives of a schema, each without oneOf, anyOf, allOf and lists of types."""
        schema = self.resolve(document, schema)
        if not isinstance(schema, dict):
            return [{}]
        for key in ("oneOf", "anyOf"):
            if key in schema:
                return [kind for part in schema[key] for kind in self.kinds(document, part)]
        if "allOf" in schema:
            whole = {"type": "object", "properties": {}, "required": []}
            for part in [{k: v for k, v in schema.items() if k != "allOf"}, *schema["allOf"]]:
                for kind in self.kinds(document, part):
                    whole["properties"].update(kind.get("properties", {}))
                    whole["required"] = whole["required"] + kind.get("required", [])
            return [whole]
        if isinstance(schema.get("type"), list):
            return [{**schema, "type": kind} for kind in schema["type"]]
        return [schema]

    def schemas(self, old, new, place, answered):
        olds, news = self.kinds(self.old, old), self.kinds(self.new, new)
        if len(olds) == 1 and len(news) == 1:
            yield from self.kind(olds[0], news[0], place, answered)
            return
        for kind in news if answered else olds:
            pairs = [(other, kind) for other in olds] if answered else [(kind, other) for other in news]
            if all(any(True for _ in self.kind(before, after, place, answered, fresh=True)) for before, after in pairs):
                what = kind.get("type") or "anything"
                yield f"{place}: a value of type {what} " + ("may be answered now" if answered else "is not taken as before")

    def kind(self, old, new, place, answered, fresh=False):
        at = (id(old), id(new), answered)
        if at in self.seen and not fresh:
            return
        self.seen.add(at)
        before, after = old.get("type"), new.get("type")
        wider, narrower = (before, after) if answered else (after, before)
        if before != after and wider is not None and (wider, narrower) != ("number", "integer"):
            yield f"{place}: type {before or 'anything'} is {after or 'anything'}"
            return
        yield from self.words(old, new, place, answered)
        if not answered:
            yield from self.bounds(old, new, place)
        elif "format" in old and old["format"] != new.get("format"):
            yield f"{place}: format {old['format']} is {new.get('format', 'any')}"
        yield from self.members(old, new, place, answered)
        for key, word in (("items", "items"), ("propertyNames", "names")):
            if key in old and key in new:
                yield from self.schemas(old[key], new[key], f"{place}/{word}", answered)
            elif key in (old if answered else new):
                yield f"{place}/{word}: " + ("may be anything now" if answered else "are bounded now")

    def words(self, old, new, place, answered):
        olds, news = ([s["const"]] if "const" in s else s.get("enum") for s in (old, new))
        if olds is not None and news is not None:
            for word in olds:
                if word not in news:
                    yield f"{place}: the word {json.dumps(word, ensure_ascii=False)} is gone"
        elif news is not None and not answered:
            yield f"{place}: only some words are taken now"
        elif olds is not None and answered:
            yield f"{place}: any word may be answered now"

    def bounds(self, old, new, place):
        for key in UPPER + LOWER:
            sign = 1 if key in UPPER else -1
            if key in new and (key not in old or sign * new[key] < sign * old[key]) and new[key] != (0 if key in LOWER else None):
                yield f"{place}: {key} {old.get(key, 'none')} is {new[key]}"
        for key in ("pattern", "format"):
            if key in new and old.get(key) != new[key]:
                yield f"{place}: {key} {old.get(key, 'any')} is {new[key]}"
        if "default" in old and old["default"] != new.get("default"):
            yield f"{place}: default {json.dumps(old['default'])} is {json.dumps(new.get('default'))}"

    def members(self, old, new, place, answered):
        olds, news = old.get("properties", {}), new.get("properties", {})
        for name, schema in olds.items():
            if name not in news:
                yield f"{place}/{name}: the member is gone"
            else:
                yield from self.schemas(schema, news[name], f"{place}/{name}", answered)
        before, after = set(old.get("required", [])), set(new.get("required", []))
        for name in sorted(before - after if answered else after - before):
            if name in olds or not answered:
                yield f"{place}/{name}: " + ("may be absent now" if answered else "is required now")
        # An object that names no member takes any; one that names some takes no others unless it says so.
        free = old.get("additionalProperties", not olds)
        now = new.get("additionalProperties", not news)
        if not answered and old.get("type") == "object" and free is not False:
            if now is False:
                yield f"{place}: other members are refused now"
            elif isinstance(now, dict):
                yield from self.schemas({} if free is True else free, now, f"{place}/*", answered)
        if answered and isinstance(free, dict) and now is not False:
            yield from self.schemas(free, {} if now is True else now, f"{place}/*", answered)

    def contents(self, olds, news, place, answered):
        for media, content in olds.items():
            if media not in news:
                yield f"{place} {media}: is gone"
                continue
            yield from self.schemas(content.get("schema", {}), news[media].get("schema", {}), place, answered)
            for event, schema in content.get("x-events", {}).items():
                if event not in news[media].get("x-events", {}):
                    yield f"{place} event {event}: is gone"
                else:
                    yield from self.schemas(schema, news[media]["x-events"][event], f"{place} event {event}", True)

    def parameters(self, document, item, operation):
        every = [self.resolve(document, p) for p in item.get("parameters", []) + operation.get("parameters", [])]
        return {(p["in"], p["name"]): p for p in every}

    def operation(self, place, old_item, new_item, method):
        old, new = old_item[method], new_item[method]
        if old.get("operationId") != new.get("operationId"):
            yield f"{place}: operationId {old.get('operationId')} is {new.get('operationId')}"
        olds, news = self.parameters(self.old, old_item, old), self.parameters(self.new, new_item, new)
        for (where, name), parameter in olds.items():
            if (where, name) not in news:
                yield f"{place} {where} {name}: the parameter is gone"
                continue
            now = news[where, name]
            if now.get("required") and not parameter.get("required"):
                yield f"{place} {where} {name}: is required now"
            yield from self.schemas(parameter.get("schema", {}), now.get("schema", {}), f"{place} {where} {name}", False)
        for (where, name), parameter in news.items():
            if parameter.get("required") and (where, name) not in olds:
                yield f"{place} {where} {name}: a new parameter that is required"
        body, now = self.resolve(self.old, old.get("requestBody", {})), self.resolve(self.new, new.get("requestBody", {}))
        if now.get("required") and not body.get("required"):
            yield f"{place} body: is required now"
        if body and not now:
            yield f"{place} body: is no longer taken"
        elif body:
            yield from self.contents(body.get("content", {}), now.get("content", {}), f"{place} body", False)
        for status, response in old["responses"].items():
            answers = self.resolve(self.new, new["responses"].get(status))
            response = self.resolve(self.old, response)
            if answers is None:
                if status[0] in "23":
                    yield f"{place} {status}: the answer is gone"
                continue
            for header in response.get("headers", {}):
                if header not in answers.get("headers", {}):
                    yield f"{place} {status} header {header}: is gone"
            yield from self.contents(response.get("content", {}), answers.get("content", {}), f"{place} {status}", True)

    def all(self):
        for path, item in self.old["paths"].items():
            for method in METHODS:
                if method not in item:
                    continue
                if method not in self.new["paths"].get(path, {}):
                    yield f"{method.upper()} {path}: the operation is gone"
                else:
                    yield from self.operation(f"{method.upper()} {path}", item, self.new["paths"][path], method)


def breaks(old, new):
    return list(dict.fromkeys(Comparison(old, new).all()))


def undated(document):
    """Whatever is deprecated says so in its answers too: Deprecation (RFC 9745) and Sunset (RFC 8594)."""
    for path, item in document["paths"].items():
        for method in METHODS:
            operation = item.get(method, {})
            if not operation.get("deprecated"):
                continue
            for status, response in operation["responses"].items():
                headers = Comparison.resolve(document, response).get("headers", {})
                if status.startswith("2") and not {"Deprecation", "Sunset"} <= set(headers):
                    yield f"{method.upper()} {path} {status}: deprecated without the headers Deprecation and Sunset"


SMALL = {
    "paths": {
        "/a/{id}": {
            "get": {
                "operationId": "get_a",
                "parameters": [
                    {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}},
                    {"name": "count", "in": "query", "schema": {"type": "integer", "minimum": 1, "maximum": 9, "default": 5}},
                    {"name": "sort", "in": "query", "schema": {"type": "string", "enum": ["up", "down"]}},
                ],
                "responses": {
                    "200": {"headers": {"ETag": {}}, "content": {
                        "application/json": {"schema": {"$ref": "#/components/schemas/A"}},
                        "text/event-stream": {"schema": {"type": "string"}, "x-events": {"a": {"$ref": "#/components/schemas/A"}}}}},
                    "400": {"content": {}},
                },
            },
            "put": {
                "operationId": "put_a",
                "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Taken"}}}},
                "responses": {"200": {}, "201": {}},
            },
        },
    },
    "components": {"schemas": {
        "A": {"type": "object", "required": ["id"], "properties": {
            "id": {"type": "string"}, "state": {"type": "string", "enum": ["on", "off"]}, "at": {"type": "string", "format": "date-time"},
            "parts": {"type": "array", "items": {"$ref": "#/components/schemas/A"}}, "tags": {"type": "object", "additionalProperties": {"type": "string"}}}},
        "Taken": {"type": "object", "additionalProperties": False, "required": ["id"], "properties": {
            "id": {"type": "string"}, "size": {"type": "integer"}, "free": {"type": "object"},
            "what": {"oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}}},
    }},
}
GET, PUT = ("paths", "/a/{id}", "get"), ("paths", "/a/{id}", "put")
A, TAKEN = ("components", "schemas", "A"), ("components", "schemas", "Taken")
ANSWER = (*GET, "responses", "200")
GONE = object()
# Why, where, what stands there then, and what is said of it (nothing: no client would notice).
CASES = [
    ("a path", ("paths", "/a/{id}"), GONE, "GET /a/{id}: the operation is gone"),
    ("an operation", PUT, GONE, "PUT /a/{id}: the operation is gone"),
    ("its name in clients", (*GET, "operationId"), "read_a", "operationId get_a is read_a"),
    ("a parameter", (*GET, "parameters", 2), GONE, "query sort: the parameter is gone"),
    ("a new one", (*GET, "parameters", 3), {"name": "x", "in": "query", "schema": {}}, ""),
    ("a new one that is required", (*GET, "parameters", 3), {"name": "x", "in": "query", "required": True, "schema": {}}, "required"),
    ("one that becomes required", (*GET, "parameters", 2, "required"), True, "query sort: is required now"),
    ("a word that was taken", (*GET, "parameters", 2, "schema", "enum"), ["up"], 'the word "down" is gone'),
    ("a word more", (*GET, "parameters", 2, "schema", "enum"), ["up", "down", "side"], ""),
    ("words where any was taken", (*GET, "parameters", 0, "schema", "enum"), ["a"], "only some words are taken now"),
    ("a lower bound", (*GET, "parameters", 1, "schema", "maximum"), 8, "maximum 9 is 8"),
    ("a wider bound", (*GET, "parameters", 1, "schema", "maximum"), 10, ""),
    ("no bound any more", (*GET, "parameters", 1, "schema", "maximum"), GONE, ""),
    ("a bound where none was", (*GET, "parameters", 0, "schema", "maxLength"), 64, "maxLength none is 64"),
    ("a greater least", (*GET, "parameters", 1, "schema", "minimum"), 2, "minimum 1 is 2"),
    ("a pattern", (*GET, "parameters", 0, "schema", "pattern"), "^a", "pattern any is ^a"),
    ("another default", (*GET, "parameters", 1, "schema", "default"), 6, "default 5 is 6"),
    ("another type", (*GET, "parameters", 1, "schema", "type"), "string", "type integer is string"),
    ("a wider type", (*TAKEN, "properties", "size", "type"), "number", ""),
    ("a narrower type", (*TAKEN, "properties", "size", "type"), "boolean", "type integer is boolean"),
    ("a body that becomes required", (*PUT, "requestBody", "required"), True, "body: is required now"),
    ("a body that is no longer taken", (*PUT, "requestBody"), GONE, "body: is no longer taken"),
    ("a media type of a body", (*PUT, "requestBody", "content"), {"text/plain": {}}, "application/json: is gone"),
    ("a member of a body", (*TAKEN, "properties", "size"), GONE, "/size: the member is gone"),
    ("a new member of a body", (*TAKEN, "properties", "colour"), {"type": "string"}, ""),
    ("one that is required", (*TAKEN, "required"), ["id", "size"], "/size: is required now"),
    ("one less that is required", (*TAKEN, "required"), [], ""),
    ("a kind less", (*TAKEN, "properties", "what"), {"type": "string"}, "of type array is not taken as before"),
    ("a kind more", (*TAKEN, "properties", "what", "oneOf", 2), {"type": "integer"}, ""),
    ("free members that are refused", (*TAKEN, "properties", "free", "additionalProperties"), False, "other members are refused"),
    ("free members that are bounded", (*TAKEN, "properties", "free", "additionalProperties"), {"type": "string"}, "is string"),
    ("an answer", (*PUT, "responses", "201"), GONE, "201: the answer is gone"),
    ("a refusal less", (*GET, "responses", "400"), GONE, ""),
    ("a header", (*ANSWER, "headers"), {}, "header ETag: is gone"),
    ("a form of an answer", (*ANSWER, "content", "application/json"), GONE, "application/json: is gone"),
    ("an event", (*ANSWER, "content", "text/event-stream", "x-events"), {}, "event a: is gone"),
    ("a member of an answer", (*A, "properties", "at"), GONE, "/at: the member is gone"),
    ("a new one", (*A, "properties", "colour"), {"type": "string"}, ""),
    ("one that may be absent", (*A, "required"), [], "/id: may be absent now"),
    ("one that is always there", (*A, "required"), ["id", "at"], ""),
    ("a word of an answer", (*A, "properties", "state", "enum"), ["on"], 'the word "off" is gone'),
    ("a word more", (*A, "properties", "state", "enum"), ["on", "off", "between"], ""),
    ("any word", (*A, "properties", "state"), {"type": "string"}, "any word may be answered now"),
    ("a format less", (*A, "properties", "at"), {"type": "string"}, "format date-time is any"),
    ("another type", (*A, "properties", "at", "type"), "integer", "type string is integer"),
    ("a kind more", (*A, "properties", "id"), {"oneOf": [{"type": "string"}, {"type": "null"}]}, "of type null may be answered"),
    ("items of another type", (*A, "properties", "parts", "items"), {"type": "string"}, "/parts/items: type object is string"),
    ("free members of another type", (*A, "properties", "tags", "additionalProperties"), {"type": "integer"}, "/tags/*: type string is integer"),
    ("a schema by another name", (*ANSWER, "content", "application/json", "schema"), copy.deepcopy(SMALL["components"]["schemas"]["A"]), ""),
]


def changed(document, at, value):
    document = copy.deepcopy(document)
    node = document
    for part in at[:-1]:
        node = node[part]
    if value is GONE:
        del node[at[-1]]
    elif isinstance(node, list) and at[-1] == len(node):
        node.append(value)
    else:
        node[at[-1]] = value
    return document


def own_cases():
    for why, at, value, wanted in CASES:
        said = breaks(SMALL, changed(SMALL, at, value))
        if bool(said) != bool(wanted) or not any(wanted in one for one in said or [""]):
            yield f"own case {why!r} at {'/'.join(map(str, at))}: expected {wanted!r}, found {said}"
    deprecated = changed(SMALL, (*GET, "deprecated"), True)
    if not list(undated(deprecated)) or list(undated(changed(deprecated, (*ANSWER, "headers"), {"Deprecation": {}, "Sunset": {}}))):
        yield "own case: a deprecated operation must name its headers"


def main():
    document = json.loads(DOCUMENT.read_text(encoding="utf-8"))
    if "--publish" in sys.argv[1:]:
        PUBLISHED.write_text(DOCUMENT.read_text(encoding="utf-8"), encoding="utf-8")
        DELIBERATE.write_text("", encoding="utf-8")
        return 0
    mistakes = [*own_cases(), *undated(document)]
    meant = {}
    for line in DELIBERATE.read_text(encoding="utf-8").splitlines():
        what, _, reason = line.partition(" # ")
        meant[what] = reason
        if not reason:
            mistakes.append(f"deliberate.txt gives no reason for: {what}")
    found = breaks(json.loads(PUBLISHED.read_text(encoding="utf-8")), document)
    mistakes += [f"breaks clients: {what}" for what in found if what not in meant]
    mistakes += [f"deliberate.txt names what is not so: {what}" for what in meant if what not in found]
    for mistake in mistakes:
        print(mistake)
    print(f"{len(CASES)} own cases; {len(found)} changes that break a client of the published document, {len(meant)} deliberate")
    return 1 if mistakes else 0


if __name__ == "__main__":
    sys.exit(main())
