// jobs/result_strip.tsx: the last runs of a job as bars, the newest at the right: the height is the duration against the
// longest of them, colour and shape are the verdict. A click on a bar leads to its run, as the list of
// runs does for those without a mouse; the strip says itself in words.
import type {Glance} from "../api/schema.ts";
import {duration, shortTime} from "../i18n/format.ts";
import {texts} from "../i18n/language.ts";
import {serverNow} from "../live/clock.ts";
import {href, navigate} from "../app/router.ts";
import {toneOf} from "../ui/status.tsx";
import {reasonText, verdictWords} from "../ui/words.ts";

const t = texts({
  en: {strip: (n: number, bad: number) => `${n} latest runs, ${bad} of them not succeeded`, none: "no runs yet"},
  zh: {strip: (n, bad) => `最近 ${n} 次运行,其中 ${bad} 次未成功`, none: "尚无运行"},
});
const kBars = 20, kStep = 6, kHeight = 22;

export function ResultStrip({results}: {results: Glance["results"]}) {
  if (results.length === 0) return <span class="dim small-text clip">{t.none}</span>;
  const shown = results.slice(0, kBars).reverse();
  const longest = Math.max(1, ...shown.map((run) => run.duration_ms ?? 0));
  const bad = shown.filter((run) => toneOf(run.status) !== "good").length;
  const first = kBars - shown.length;
  return (
    <svg class="strip" width={kBars * kStep} height={kHeight} viewBox={`0 0 ${kBars * kStep} ${kHeight}`} role="img" aria-label={t.strip(shown.length, bad)}>
      <path class="strip-base" d={`M0 ${kHeight - 0.5}H${kBars * kStep}`} />
      {shown.map((run, i) => {
        const ran = run.duration_ms !== undefined && !["skipped", "missed", "refused"].includes(run.status);
        // A root keeps short runs visible beside one very long one.
        const height = ran ? 5 + Math.round((kHeight - 6) * Math.sqrt((run.duration_ms as number) / longest)) : 4;
        const x = (first + i) * kStep;
        const when = run.scheduled_at ? shortTime(run.scheduled_at, serverNow()) : "";
        return (
          <g key={run.id} onClick={() => navigate(href.run(run.id))}>
            <title>{`${when} · ${verdictWords[run.status]}${run.reason ? ` (${reasonText(run.reason)})` : ""}${ran ? ` · ${duration(run.duration_ms as number)}` : ""}`}</title>
            <rect class="strip-hit" x={x} y="0" width={kStep} height={kHeight} />
            <rect class={`strip-bar tone-${toneOf(run.status)}${ran ? "" : " hollow"}`} x={x + 0.5} y={kHeight - 1 - height} width={kStep - 2} height={height} rx="1" />
          </g>
        );
      })}
    </svg>
  );
}
