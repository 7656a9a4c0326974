// ui/time.tsx: instants and countdowns. Each shows the short form, and the full one with both zones in its title.
import {useMemo} from "preact/hooks";
import type {Run} from "../api/schema.ts";
import {browserZone, duration, fullTime, relative, shortTime, viewerZone, wholeDuration, type Instant} from "../i18n/format.ts";
import {language} from "../i18n/language.ts";
import {second, serverNow} from "../live/clock.ts";

const iso = (at: Instant): string => new Date(at).toISOString();
function both(at: Instant, zone: string | undefined): string {
  const lines = [fullTime(at, zone ?? viewerZone())];
  if (zone && zone !== viewerZone()) lines.push(fullTime(at));
  if (viewerZone() !== browserZone) lines.push(fullTime(at, browserZone));
  return [...new Set(lines)].join("\n");
}

/** `zone`: the job's own, where that is what counts. */
export function Time({at, zone}: {at: Instant; zone?: string | undefined}) {
  return <time dateTime={iso(at)} title={both(at, zone)}>{shortTime(at, serverNow(), zone ?? viewerZone())}</time>;
}
/** "in 4m 12s", ticking with the server's seconds. */
export function Relative({at}: {at: Instant}) {
  const title = useMemo(() => both(at, undefined), [at, viewerZone(), language.value]);  // not with each tick
  return <time class="ticking" dateTime={iso(at)} title={title}>{relative(at, second.value)}</time>;
}
/** How long something has been going on. */
export function Since({at}: {at: Instant}) {
  const from = typeof at === "number" ? at : Date.parse(at);
  return <span class="ticking">{wholeDuration(Math.max(0, second.value - from))}</span>;
}
/** How long a run took, or has been going on. */
export function Took({run}: {run: Run}) {
  if (run.duration_ms !== undefined) return <span class="num">{duration(run.duration_ms)}</span>;
  return run.started_at && !run.ended_at ? <Since at={run.started_at} /> : <span class="dim">–</span>;
}
