// jobs/state.ts: what a job is, in one word, and texts about it.
import type {Job, StoredJob} from "../api/schema.ts";
import type {Tone} from "../ui/status.tsx";
import {words} from "../ui/words.ts";

export type JobState = "enabled" | "disabled" | "paused" | "ended" | "invalid" | "refused";

/** A pause without an end is stored as one until the last second of the year 9999. */
export const kUntilResumed = "9999-12-31T23:59:59Z";

export function stateOf(stored: StoredJob, now: number): JobState {
  const job = stored.job;
  if (!stored.valid || !job) return "invalid";
  if (stored.refused_by && Object.keys(stored.refused_by).length > 0) return "refused";
  if (job.enabled === false) return "disabled";
  if (job.paused_until && Date.parse(job.paused_until) > now) return "paused";
  if (job.ends_at && Date.parse(job.ends_at) <= now) return "ended";
  return "enabled";
}

export const stateTone: Record<JobState, Tone> = {
  enabled: "good", disabled: "quiet", paused: "late", ended: "quiet", invalid: "bad", refused: "bad",
};
export const stateWord = (state: JobState): string => (state === "refused" ? words.refusedJob : words[state]);

export const shownCommand = (job: Job | undefined): string =>
  !job ? "" : typeof job.command === "string" ? job.command : job.command.join(" ");
export const scheduleOf = (job: Job | undefined): string => job?.schedule ?? job?.cronExpr ?? "";
export const zoneOf = (job: Job | undefined): string => /^(?:CRON_)?TZ=(\S+)/.exec(scheduleOf(job))?.[1] ?? job?.time_zone ?? "UTC";
/** The server's sentence without its zone, where that stands beside it anyway. */
export const shortSentence = (sentence: string): string => sentence.replace(/\s*[(（](?:time zone|时区) [^)）]*[)）]/, "").replace(/[.。]$/, "");
