// jobs/result_strip.tsx: the last runs of a job as bars, the newest at the right: the height is the duration against the
// longest of them, colour, fill and a foot under the line are the verdict. A click on a bar leads to its run, as the list of
// runs does for those without a mouse; the strip says itself in words.
import type {JSX} from "preact";
import {useState} from "preact/hooks";
import type {Glance} from "../api/schema.ts";
import {duration, shortTime} from "../i18n/format.ts";
import {plural, texts} from "../i18n/language.ts";
import {serverNow} from "../live/clock.ts";
import {href, navigate} from "../app/router.ts";
import {footOf, isHollow, toneOf} from "../ui/status.tsx";
import {reasonText, verdictWords} from "../ui/words.ts";

const t = texts({
  en: {strip: (n: number, bad: number) => `${plural(n, {one: "the latest run", other: "{n} latest runs"})}, ${bad} not succeeded`, none: "no runs yet"},
  zh: {strip: (n, bad) => `最近 ${n} 次运行,其中 ${bad} 次未成功`, none: "尚无运行"},
});
const kBars = 20, kStep = 6, kHeight = 22, kFoot = 3, kLine = kHeight - kFoot - 2;

type Result = Glance["results"][number];
export const ranAtAll = (run: Result): boolean => run.duration_ms !== undefined && !isHollow(run.status);
/** A bar in words. */
export function told(run: Result): string {
  const when = run.scheduled_at ? shortTime(run.scheduled_at, serverNow()) : run.id;
  return `${when} · ${verdictWords[run.status]}${run.reason ? ` (${reasonText(run.reason)})` : ""}${ranAtAll(run) ? ` · ${duration(run.duration_ms as number)}` : ""}`;
}

/** All bars of one look are one path, and what the pointer is over is reckoned: fifty rows of twenty bars cost little while they scroll. */
export function ResultStrip({results}: {results: Glance["results"]}) {
  const [over, setOver] = useState(-1);
  if (results.length === 0) return <span class="dim small-text clip">{t.none}</span>;
  const shown = results.slice(0, kBars).reverse();
  const longest = Math.max(1, ...shown.map((run) => run.duration_ms ?? 0));
  const bad = shown.filter((run) => toneOf(run.status) !== "good").length;
  const first = kBars - shown.length, width = kBars * kStep;
  const paths = new Map<string, string>();
  shown.forEach((run, i) => {
    const ran = ranAtAll(run);
    // A root keeps short runs visible beside one very long one.
    const height = ran ? 5 + Math.round((kLine - 6) * Math.sqrt((run.duration_ms as number) / longest)) : 4;
    const look = `strip-bar tone-${toneOf(run.status)}${ran ? "" : " hollow"}`;
    const x = (first + i) * kStep + 0.5, foot = footOf(run.status) * (kStep - 2);
    paths.set(look, `${paths.get(look) ?? ""}M${x} ${kLine - height}h${kStep - 2}v${height}h${2 - kStep}z${foot ? `M${x} ${kLine + 2}h${foot}v${kFoot}h-${foot}z` : ""}`);
  });
  const at = (event: JSX.TargetedMouseEvent<SVGSVGElement>) => Math.floor(event.offsetX / kStep) - first;
  const run = shown[over];
  return (
    <svg class="strip" width={width} height={kHeight} viewBox={`0 0 ${width} ${kHeight}`} role="img" aria-label={t.strip(shown.length, bad)}
         onPointerMove={(event) => setOver(at(event))} onPointerLeave={() => setOver(-1)}
         onClick={(event) => { const one = shown[at(event)]; if (one) navigate(href.run(one.id)); }}>
      {run && <title>{told(run)}</title>}
      <path class="strip-base" d={`M0 ${kLine + 0.5}H${width}`} />
      {run && <rect class="strip-over" x={(first + over) * kStep} y="0" width={kStep} height={kHeight} />}
      {[...paths].map(([look, d]) => <path key={look} class={look} d={d} />)}
    </svg>
  );
}
