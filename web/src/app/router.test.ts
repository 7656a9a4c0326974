import "../testing/browser.ts";
import assert from "node:assert/strict";
import {readFileSync} from "node:fs";
import {test} from "node:test";
import {pages} from "./pages.ts";
import {href, matchPath} from "./router.ts";

test("a path matches whole segments, and its parameters come decoded", () => {
  assert.deepEqual(matchPath("/jobs/:name/:tab", "/jobs/%E5%A4%87%E4%BB%BD%20a/runs"), {name: "备份 a", tab: "runs"});
  assert.deepEqual(matchPath("/jobs", "/jobs/"), {});
  assert.equal(matchPath("/jobs/:name", "/jobs/"), null);
  assert.equal(matchPath("/jobs/:name", "/jobs/a/b"), null);
  assert.equal(matchPath("/jobs/:name", "/jobs/%E0%A4%A"), null);
});

test("addresses carry any name", () => {
  const id = "nightly & co=1@2026-03-01T02:00:00Z.1";
  const path = href.run(id);
  assert.deepEqual(matchPath("/runs/:id", path), {id});
  assert.equal(href.jobs({filter: "label:team=db next<1h"}), "/jobs?filter=label%3Ateam%3Ddb+next%3C1h");
});

test("the binary serves the page for every address that has one", () => {
  const source = readFileSync(`${process.env.WEB_DIR}/../src/console/console.cc`, "utf8");
  const list = /kSections = \{([^}]*)\}/.exec(source)?.[1] ?? "";
  const served = new Set([...list.matchAll(/"([^"]+)"/g)].map((match) => match[1]));
  for (const {pattern} of pages) {
    const segments = pattern.split("/").slice(1);
    assert.ok(pattern === "/" || (served.has(segments[0]) && segments.length <= 3), pattern);
  }
});
