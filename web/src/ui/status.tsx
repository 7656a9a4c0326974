// ui/status.tsx: how a verdict looks everywhere: a mark of its own shape and colour, and its word (UI-83: never colour
// alone; past and future never share a fill).
import {reasonText, verdictWords, type Verdict} from "./words.ts";

export type Tone = "good" | "bad" | "busy" | "late" | "quiet" | "odd";
const tones: Record<Verdict, Tone> = {
  scheduled: "quiet", due: "busy", waiting: "busy", claimed: "busy", starting: "busy", running: "busy", late: "late",
  succeeded: "good", failed: "bad", signalled: "bad", timed_out: "bad", killed: "odd", skipped: "quiet", missed: "late",
  lost: "bad", refused: "odd",
};
export const toneOf = (verdict: Verdict): Tone => tones[verdict];
export const isUnderWay = (verdict: Verdict): boolean => tones[verdict] === "busy";

/** Bars of a chart stand on a line; under it, what did not go well has a foot, as wide a part of the bar as this. */
export const footOf = (verdict: Verdict): number => ({bad: 1, late: 1, odd: 0.5} as Partial<Record<Tone, number>>)[tones[verdict]] ?? 0;

// On a 16-unit grid; inside a filled disc unless it is hollow.
const glyphs: Record<Verdict, string> = {
  scheduled: "M8 5v3l2 1.5", due: "M8 5v3l2 1.5", waiting: "M8 5v3l2 1.5", late: "M8 4.6v4.2M8 11.2h.01",
  claimed: "M6.6 5.4v5.2L10.7 8z", starting: "M6.6 5.4v5.2L10.7 8z", running: "M6.6 5.4v5.2L10.7 8z",
  succeeded: "M4.9 8.3l2.2 2.2L11.2 5.9", failed: "M5.6 5.6l4.8 4.8M10.4 5.6l-4.8 4.8",
  signalled: "M8.9 4L5.8 8.6h4.2L7.1 12", timed_out: "M5.5 4.6h5L5.5 11.4h5z", killed: "M5.8 5.8h4.4v4.4H5.8z",
  skipped: "M4.7 5.3L7.4 8L4.7 10.7M8.4 5.3L11.1 8L8.4 10.7", missed: "M4.8 8h6.4",
  lost: "M6.2 6.2a1.9 1.9 0 1 1 2.7 1.9c-.7.3-.9.7-.9 1.2M8 11.6h.01", refused: "M4.9 4.9l6.2 6.2",
};
const hollow = new Set<Verdict>(["scheduled", "due", "waiting", "skipped", "missed", "refused"]);
/** What has not run is an outline, in marks and in charts. */
export const isHollow = (verdict: Verdict): boolean => hollow.has(verdict);

export function StatusMark({verdict, size = 16}: {verdict: Verdict; size?: number}) {
  return (
    <svg class={`mark tone-${tones[verdict]} ${hollow.has(verdict) ? "hollow" : "solid"}`} width={size} height={size}
         viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      <circle cx="8" cy="8" r="7" />
      <path d={glyphs[verdict]} />
    </svg>
  );
}

/** Mark and word. */
export function StatusWord({verdict, reason}: {verdict: Verdict; reason?: string | undefined}) {
  return (
    <span class="status" title={reason ? reasonText(reason) : undefined}>
      <StatusMark verdict={verdict} />
      <span>{verdictWords[verdict]}</span>
    </span>
  );
}
