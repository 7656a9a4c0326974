import "../testing/browser.ts";
import assert from "node:assert/strict";
import {test} from "node:test";
import type {StoredJob} from "../api/schema.ts";
import {loadJobs, type JobList} from "./all_jobs.ts";

const job = (n: number, revision: number) => ({name: `job-${n}`, revision, valid: true, next_firings: []}) as StoredJob;
const {signal} = new AbortController();

/** A server that pages as the API does; counts what it was asked for. */
function serve(jobs: StoredJob[]) {
  const asked = {calls: 0, items: 0};
  globalThis.fetch = (async (address: string) => {
    const query = new URL(address, "http://127.0.0.1").searchParams, limit = Number(query.get("limit")), from = Number(query.get("cursor") || 0);
    const sorted = query.get("sort") === "-revision" ? [...jobs].sort((a, b) => b.revision - a.revision) : jobs;
    const items = sorted.slice(from, from + limit);
    asked.calls += 1;
    asked.items += items.length;
    return Response.json({items, total: jobs.length, ...(from + limit < jobs.length ? {next_cursor: String(from + limit)} : {})});
  }) as typeof fetch;
  return asked;
}
const before: JobList = {items: Array.from({length: 10_000}, (_, n) => job(n, n + 1)), total: 10_000, stale: false};
const changed = (count: number) => before.items.map((one, n) => (n < count ? job(n, 20_000 + n) : one));

test("of ten thousand jobs those that were changed are asked for, and no others, however many they are", async () => {
  for (const [count, most] of [[1, 200], [700, 800]] as const) {
    const now = changed(count), asked = serve(now);
    assert.deepEqual((await loadJobs("", signal, before)).items, now);
    assert.ok(asked.items <= most, `${count}: ${asked.items} were asked for`);
  }
});
test("a job that came, or one that went, is found", async () => {
  for (const now of [[...before.items, job(10_000, 20_000)], before.items.slice(1)]) {
    serve(now);
    assert.deepEqual((await loadJobs("", signal, before)).items, now);
  }
});
test("one that came while another went is found", async () => {
  const now = [...before.items.slice(1), job(10_000, 20_000)];
  serve(now);
  assert.deepEqual((await loadJobs("", signal, before)).items, now);
});
