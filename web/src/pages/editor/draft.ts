// pages/editor/draft.ts: the job while it is being edited. One document stands behind form and JSON; it is kept in this
// browser until it is saved or thrown away. Pure but for the storage.
import type {Job} from "../../api/schema.ts";

export type Document = Partial<Job> & Record<string, unknown>;

// As docs/formats.md lists them.
const kOrder = [
  "name", "description", "owner", "labels", "schedule", "cronExpr", "time_zone", "enabled", "paused_until", "starts_at", "ends_at", "jitter",
  "command", "shell", "env", "working_directory", "user", "umask", "limits", "timeout", "kill_grace", "output_bytes_max", "where",
  "overlap", "misfire", "catch_up_window", "start_deadline", "retry", "delivery",
];
export function ordered(document: Document): Document {
  const place = (key: string) => (kOrder.includes(key) ? kOrder.indexOf(key) : kOrder.length);
  return Object.fromEntries(Object.entries(document).sort(([a], [b]) => place(a) - place(b))) as Document;
}
export const toText = (document: Document): string => JSON.stringify(ordered(document), null, 2);

/** What may stand in a draft out of a stored job: saves keep `since` and its like for themselves. */
export function cleaned(document: Document): Document {
  const {since, stamp, schedule_set_at, ...rest} = document;
  void since, void stamp, void schedule_set_at;
  return rest;
}

export const same = (a: unknown, b: unknown): boolean => JSON.stringify(sorted(a)) === JSON.stringify(sorted(b));
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, one]) => [key, sorted(one)]));
}

/** A member set, or taken away where the value says nothing. */
export function withMember(document: Document, key: string, value: unknown): Document {
  const empty = value === undefined || value === "" || (typeof value === "object" && value !== null && Object.keys(value).length === 0);
  const next: Document = {...document};
  if (empty) delete next[key];
  else next[key] = value;
  return next;
}

export function changedKeys(before: Document, after: Document): string[] {
  return Object.keys(ordered({...before, ...after})).filter((key) => !same(before[key], after[key]));
}

// --- lines: "name=value", one each, for labels and the environment ---
export const pairsToLines = (pairs: Record<string, string> | undefined): string =>
  Object.entries(pairs ?? {}).map(([name, value]) => `${name}=${value}`).join("\n");
export function linesToPairs(lines: string): Record<string, string> {
  const pairs: Record<string, string> = {};
  for (const line of lines.split("\n")) {
    if (!line.trim()) continue;
    const at = line.indexOf("=");
    pairs[(at < 0 ? line : line.slice(0, at)).trim()] = at < 0 ? "" : line.slice(at + 1);
  }
  return pairs;
}

// --- where: "zone=eu", "disk=ssd,nvme", "gpu!=true" ---
export function whereToLines(where: Job["where"]): string {
  return Object.entries(where ?? {}).map(([label, wanted]) => {
    const negated = typeof wanted === "object" && !Array.isArray(wanted);
    const values = negated ? (wanted as {not: string | string[]}).not : (wanted as string | string[]);
    return `${label}${negated ? "!=" : "="}${Array.isArray(values) ? values.join(",") : values}`;
  }).join("\n");
}
export function linesToWhere(lines: string): NonNullable<Job["where"]> {
  const where: NonNullable<Job["where"]> = {};
  for (const line of lines.split("\n")) {
    const found = /^\s*([^=!\s]+)\s*(!?=)\s*(.*?)\s*$/.exec(line);
    if (!found) continue;
    const [, label, operator, text] = found as unknown as [string, string, string, string];
    const values = text.split(",").map((value) => value.trim()).filter(Boolean);
    const value = values.length === 1 ? (values[0] as string) : values;
    if (values.length > 0) where[label] = operator === "!=" ? {not: value} : value;
  }
  return where;
}

// --- three versions ---
export interface Merged {
  merged: Document;
  conflicts: {key: string; base: unknown; theirs: unknown; mine: unknown}[];  // changed on both sides, differently
  theirs: string[];  // what somebody else alone has changed: taken over
}
export function mergeThree(base: Document, theirs: Document, mine: Document): Merged {
  const result: Merged = {merged: {}, conflicts: [], theirs: []};
  for (const key of Object.keys(ordered({...base, ...theirs, ...mine}))) {
    const iChanged = !same(base[key], mine[key]), theyChanged = !same(base[key], theirs[key]);
    if (iChanged && theyChanged && !same(mine[key], theirs[key])) result.conflicts.push({key, base: base[key], theirs: theirs[key], mine: mine[key]});
    else if (theyChanged && !iChanged) result.theirs.push(key);
    const value = iChanged ? mine[key] : theirs[key];
    if (value !== undefined) result.merged[key] = value;
  }
  return result;
}

// --- kept in the browser ---
export interface Kept {
  name: string;
  document: Document;
  base: Document;
  revision: number;  // 0: a job that does not exist yet
  at: number;
}
const storageKey = (slot: string) => `cronfleet.draft.${slot}`;
/** `slot`: the job's name, or "" for a new one. */
export function keepDraft(slot: string, kept: Kept | null): void {
  try {
    if (kept) localStorage.setItem(storageKey(slot), JSON.stringify(kept));
    else localStorage.removeItem(storageKey(slot));
  } catch {
    // the draft lasts as long as the page
  }
}
export function keptDraft(slot: string): Kept | null {
  try {
    return JSON.parse(localStorage.getItem(storageKey(slot)) ?? "null") as Kept | null;
  } catch {
    return null;
  }
}
