// pages/worker/lanes.ts: runs that overlap, side by side.
import type {Run} from "../../api/schema.ts";

const kLanesMax = 8;
export const begin = (run: Run): number => Date.parse(run.started_at ?? run.claimed_at ?? run.scheduled_at ?? "");
export const end = (run: Run, now: number): number => (run.ended_at ? Date.parse(run.ended_at) : now);

/** Each run in the first lane that is free at its begin; one that finds none lies over the last. Runs that have not begun are left out. */
export function inLanes(runs: readonly Run[], now: number): {run: Run; lane: number}[] {
  const freeAt: number[] = [];
  return runs.filter((run) => !Number.isNaN(begin(run))).sort((a, b) => begin(a) - begin(b)).map((run) => {
    let lane = freeAt.findIndex((at) => at <= begin(run));
    if (lane < 0) lane = Math.min(freeAt.length, kLanesMax - 1);
    freeAt[lane] = Math.max(freeAt[lane] ?? 0, end(run, now));
    return {run, lane};
  });
}
