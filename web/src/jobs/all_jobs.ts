// jobs/all_jobs.ts: every job that a filter takes, page by page of the API, as one list.
import {call} from "../api/client.ts";
import type {StoredJob} from "../api/schema.ts";

export interface JobList {
  items: StoredJob[];
  total: number;
  stale: boolean;
}
const kPage = 500;
const byClock = /(^|\s)-?(state|next|last)[:<>]/;  // what these take changes without a change of a job

/** `before`: the answer to the same question a while ago: where jobs were only changed, just those are asked for. */
export async function loadJobs(filter: string, signal: AbortSignal, before?: JobList): Promise<JobList> {
  if (before && before.items.length > kPage && !byClock.test(filter)) {
    const page = await call("list_jobs", {query: {filter, limit: kPage, sort: "-revision"}, signal});
    const newest = before.items.reduce((most, job) => Math.max(most, job.revision), 0);
    const fresh = new Map(page.items.filter((job) => job.revision > newest).map((job) => [job.name, job]));
    const items = before.items.map((job) => {
      const now = fresh.get(job.name);
      fresh.delete(job.name);
      return now ?? job;
    });
    // None has come or gone, and none of those that have changed is beyond the page.
    if (fresh.size === 0 && page.total === items.length && page.items.some((job) => job.revision <= newest)) return {items, total: page.total, stale: page.stale ?? false};
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
