// jobs/all_jobs.ts: every job that a filter takes, page by page of the API, as one list.
import {call} from "../api/client.ts";
import type {StoredJob} from "../api/schema.ts";

export interface JobList {
  items: StoredJob[];
  total: number;
  stale: boolean;
}
const kPage = 500;
const kChangedPage = 200, kChangedPagesMost = 20;  // small pages: one is taken in while the list scrolls
const byClock = /(^|\s)-?(state|next|last)[:<>]/;  // what these take changes without a change of a job

/** `before`: the answer to the same question a while ago: where jobs were only changed, just those are asked for. */
export async function loadJobs(filter: string, signal: AbortSignal, before?: JobList): Promise<JobList> {
  if (before && before.items.length > kPage && !byClock.test(filter)) {
    const changed = await loadChanged(filter, signal, before);
    if (changed) return changed;
  }
  const items: StoredJob[] = [];
  let cursor = "", stale = false;
  for (;;) {
    const page = await call("list_jobs", {query: {filter, limit: kPage, cursor}, signal});
    items.push(...page.items);
    stale ||= page.stale ?? false;
    if (!page.next_cursor) return {items, total: page.total, stale};
    cursor = page.next_cursor;
  }
}

/** By the newest change first, as far as it was known before. Null: a job has come or gone, or too many have changed. */
async function loadChanged(filter: string, signal: AbortSignal, before: JobList): Promise<JobList | null> {
  const known = before.items.reduce((most, job) => Math.max(most, job.revision), 0);
  const fresh = new Map<string, StoredJob>();
  for (let pages = 0, cursor = ""; pages < kChangedPagesMost; ++pages) {
    const page = await call("list_jobs", {query: {filter, limit: kChangedPage, sort: "-revision", cursor}, signal});
    if (page.total !== before.items.length) return null;
    // What changes between two pages moves to the first one: it is newer than all of these, and the next time brings it.
    for (const job of page.items) if (job.revision > known && !fresh.has(job.name)) fresh.set(job.name, job);
    if (page.items.some((job) => job.revision <= known)) {
      const items = before.items.map((job) => {
        const now = fresh.get(job.name);
        fresh.delete(job.name);
        return now ?? job;
      });
      return fresh.size === 0 ? {items, total: page.total, stale: page.stale ?? false} : null;
    }
    if (!page.next_cursor) return null;
    cursor = page.next_cursor;
  }
  return null;
}
