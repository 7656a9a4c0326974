// pages/job/duration_chart.tsx: the latest runs of a job, oldest at the left: height is the duration, colour and a foot
// under the line the verdict; a line marks what is usual. Each bar is a link; what never ran is a short hollow bar at the foot.
import type {Run} from "../../api/schema.ts";
import {href} from "../../app/router.ts";
import {duration} from "../../i18n/format.ts";
import {plural, texts} from "../../i18n/language.ts";
import {ranAtAll, told} from "../../jobs/result_strip.tsx";
import {footOf, toneOf} from "../../ui/status.tsx";
import {useWidth} from "../../ui/width.ts";

const t = texts({
  en: {chart: (n: number) => plural(n, {one: "Duration of the latest run", other: "Durations of the latest {n} runs"}), usual: (d: string) => `usual: ${d}`},
  zh: {chart: (n) => `最近 ${n} 次运行的时长`, usual: (d) => `通常:${d}`},
});
const kHeight = 120, kFoot = 4;

/** The end of the axis: the longest, unless that alone would press all others to the floor; bars beyond it are broken. */
function topOf(durations: readonly number[]): number {
  const sorted = [...durations].sort((a, b) => a - b);
  const most = sorted.at(-1) ?? 0, high = sorted[Math.floor((sorted.length - 1) * 0.9)] ?? 0;
  return high > 0 && most > high * 3 ? high * 1.5 : most;
}

export function DurationChart({runs, usual}: {runs: readonly Run[]; usual: number | undefined}) {
  const {ref: box, width} = useWidth();
  const longest = Math.max(1, topOf(runs.slice(0, 60).map((run) => run.duration_ms ?? 0)));
  const left = 10 + [...duration(longest)].reduce((sum, letter) => sum + (letter > "\u2e80" ? 11.5 : 7), 0);
  const room = Math.max(1, Math.floor((width - left) / 9));
  const shown = runs.slice(0, Math.min(60, room)).reverse();
  const step = Math.min(22, Math.max(6, (width - left) / Math.max(1, shown.length)));
  const y = (ms: number) => kHeight - 2 - (Math.min(ms, longest) / longest) * (kHeight - 16);
  return (
    <div ref={box}>
      {width > 0 && (
        <svg class="job-chart" width={width} height={kHeight + kFoot} viewBox={`0 0 ${width} ${kHeight + kFoot}`} role="group" aria-label={t.chart(shown.length)}>
          <path class="hours-grid" d={`M${left} ${kHeight - 1.5}H${width}M${left} ${y(longest) + 0.5}H${width}`} />
          <text class="hours-text" x={left - 6} y={y(longest) + 4} text-anchor="end">{duration(longest)}</text>
          <text class="hours-text" x={left - 6} y={kHeight - 2} text-anchor="end">0</text>
          {shown.map((run, i) => {
            const ran = ranAtAll(run);
            const height = ran ? Math.max(3, kHeight - 2 - y(run.duration_ms as number)) : 5;
            const x = left + i * step;
            return (
              <a key={run.id} class={`tone-${toneOf(run.status)}`} href={href.run(run.id)} aria-label={told(run)}>
                <title>{told(run)}</title>
                <rect class="strip-hit" x={x} y="0" width={step} height={kHeight} />
                <rect class={`strip-bar${ran ? "" : " hollow"}`} x={x + 1} y={kHeight - 2 - height} width={Math.max(3, step - 3)} height={height} rx="1.5" />
                {footOf(run.status) > 0 && <rect class="strip-bar" x={x + 1} y={kHeight} width={Math.max(3, step - 3) * footOf(run.status)} height={kFoot} />}
                {ran && (run.duration_ms as number) > longest && <path class="job-beyond" d={`M${x + 1} ${kHeight - height + 8}l${Math.max(3, step - 3)} -3v3l-${Math.max(3, step - 3)} 3z`} />}
              </a>
            );
          })}
          {usual !== undefined && usual <= longest && <><path class="job-usual" d={`M${left} ${Math.round(y(usual)) + 0.5}H${width}`} /><text class="hours-text job-usual-text" x={width} y={Math.max(10, y(usual) - 4)} text-anchor="end">{t.usual(duration(usual))}</text></>}
        </svg>
      )}
    </div>
  );
}
