// pages/overview/hour_chart.tsx: firings by hour as stacked bars: what succeeded below, everything else above it, in the
// colours of the verdicts, bad ones hatched so that they are seen without colour. The table of the same figures is for
// whoever cannot see the bars.
import type {Operations, Status, Verdicts} from "../../api/schema.ts";
import {day, minuteTime, number} from "../../i18n/format.ts";
import {texts} from "../../i18n/language.ts";
import {StatusMark, toneOf, type Tone} from "../../ui/status.tsx";
import {verdictWords} from "../../ui/words.ts";
import {useWidth} from "../../ui/width.ts";

const t = texts({
  en: {none: "Nothing was due in the last 24 hours.", hour: "Hour", chart: "Firings by hour and verdict"},
  zh: {none: "最近 24 小时没有到期的触发。", hour: "小时", chart: "按小时和结果统计的触发"},
});
type Hour = Operations["statistics"]["answer"]["hours"][number];

const kOrder: readonly Status[] = ["succeeded", "skipped", "killed", "refused", "missed", "timed_out", "signalled", "lost", "failed"];
const kHeight = 132, kAxis = 20;

const sum = (verdicts: Verdicts): number => Object.values(verdicts).reduce((total: number, n) => total + (n ?? 0), 0);
/** 1, 2 or 5 times a power of ten, at least `n`. */
export function roundUp(n: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(1, n)));
  return ([1, 2, 5, 10].find((step) => step * power >= n) as number) * power;
}

export function HourChart({hours}: {hours: readonly Hour[]}) {
  const {ref: box, width} = useWidth();
  const most = Math.max(0, ...hours.map((hour) => sum(hour.verdicts)));
  const top = roundUp(most);
  const left = 8 + String(number(top)).length * 7;
  const step = Math.max(4, (width - left) / Math.max(1, hours.length));
  const y = (count: number) => kHeight - (count / top) * (kHeight - 10);
  const present = kOrder.filter((verdict) => hours.some((hour) => hour.verdicts[verdict]));
  const labelEvery = width < 500 ? 6 : width < 900 ? 4 : 2;
  const at = (hour: Hour) => `${day(hour.from)} ${minuteTime(hour.from)}`;
  return (
    <div ref={box}>
      {most === 0 ? <p class="overview-none">{t.none}</p> : width > 0 && (
        <svg class="hours" width={width} height={kHeight + kAxis} viewBox={`0 0 ${width} ${kHeight + kAxis}`} role="img" aria-label={t.chart}>
          <defs>
            {(["bad", "late", "odd"] as const).map((tone) => (
              <pattern key={tone} id={`hours-${tone}`} width="4" height="4" patternUnits="userSpaceOnUse" patternTransform={`rotate(${tone === "bad" ? 45 : tone === "late" ? 0 : 135})`}>
                <rect width="4" height="4" class={`hours-fill tone-${tone}`} /><path d="M0 0H4" class="hours-hatch" />
              </pattern>
            ))}
          </defs>
          {[0, 0.5, 1].filter((part) => Number.isInteger(top * part)).map((part) => (
            <g key={part}>
              <path class="hours-grid" d={`M${left} ${y(top * part) + 0.5}H${width}`} />
              <text class="hours-text" x={left - 6} y={y(top * part) + 4} text-anchor="end">{number(top * part)}</text>
            </g>
          ))}
          {hours.map((hour, i) => {
            let below = 0;
            const x = left + i * step;
            const said = kOrder.filter((verdict) => hour.verdicts[verdict]).map((verdict) => `${verdictWords[verdict]}: ${number(hour.verdicts[verdict] ?? 0)}`);
            return (
              <g key={hour.from} class="hours-bar">
                <title>{`${at(hour)}\n${said.join("\n") || number(0)}`}</title>
                <rect class="hours-hit" x={x} y="0" width={step} height={kHeight} />
                {kOrder.map((verdict) => {
                  const count = hour.verdicts[verdict] ?? 0;
                  if (count === 0) return null;
                  const from = below;
                  below += count;
                  const tone: Tone = toneOf(verdict);
                  // What failed is seen even where it is one of thousands.
                  const height = Math.max(tone === "bad" ? 3 : 1, y(from) - y(below));
                  return <rect key={verdict} class={`hours-fill tone-${tone}`} style={tone === "bad" || tone === "late" || tone === "odd" ? {fill: `url(#hours-${tone})`} : {}}
                               x={x + 1} y={Math.min(y(below), y(from) - height)} width={Math.max(2, step - 3)} height={height} rx="1" />;
                })}
                {i % labelEvery === labelEvery - 1 && <text class="hours-text" x={Math.min(x + step / 2, width - 16)} y={kHeight + 15} text-anchor="middle">{minuteTime(hour.from)}</text>}
              </g>
            );
          })}
        </svg>
      )}
      {most > 0 && (
        <ul class="hours-legend">
          {present.map((verdict) => ({verdict, count: hours.reduce((total, hour) => total + (hour.verdicts[verdict] ?? 0), 0)})).sort((a, b) => b.count - a.count).map(({verdict, count}) => (
            <li key={verdict}><StatusMark verdict={verdict} size={13} /><span>{verdictWords[verdict]}</span><span class="dim num">{number(count)}</span></li>
          ))}
        </ul>
      )}
      <div class="away"><table>
        <caption>{t.chart}</caption>
        <thead><tr><th>{t.hour}</th>{present.map((verdict) => <th key={verdict}>{verdictWords[verdict]}</th>)}</tr></thead>
        <tbody>{hours.map((hour) => <tr key={hour.from}><td>{at(hour)}</td>{present.map((verdict) => <td key={verdict}>{hour.verdicts[verdict] ?? 0}</td>)}</tr>)}</tbody>
      </table></div>
    </div>
  );
}
