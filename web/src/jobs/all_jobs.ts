// jobs/all_jobs.ts: every job that a filter takes, page by page of the API, as one list.
import {call} from "../api/client.ts";
import type {StoredJob} from "../api/schema.ts";

export interface JobList {
  items: StoredJob[];
  total: number;
  stale: boolean;
}
const kPage = 500;

export async function loadJobs(filter: string, signal: AbortSignal): Promise<JobList> {
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
