// pages/runs/scatter.tsx: one mark for each run, by its time and a length of time on a logarithmic scale. Colour and shape
// are the verdict. A click opens the run nearest to it; with the keyboard, arrows walk through them and Enter opens.
import {useState} from "preact/hooks";
import type {Run} from "../../api/schema.ts";
import {href, navigate} from "../../app/router.ts";
import {day, duration, minuteTime, shortTime} from "../../i18n/format.ts";
import {serverNow} from "../../live/clock.ts";
import {toneOf, type Tone} from "../../ui/status.tsx";
import {useWidth} from "../../ui/width.ts";
import {verdictWords} from "../../ui/words.ts";

const kHeight = 118, kLeft = 42, kRight = 10, kTop = 8, kBottom = 20;
const kLengths = [1, 10, 100, 1_000, 10_000, 60_000, 600_000, 3_600_000, 36_000_000, 360_000_000];
const kSteps = [1, 2, 5, 10, 30, 60, 120, 360, 720, 1_440, 2_880, 10_080, 43_200].map((minutes) => minutes * 60_000);
const shapes: Record<Tone, string> = {
  good: "m-2.5 0a2.5 2.5 0 1 0 5 0a2.5 2.5 0 1 0-5 0", bad: "m-3-3l6 6m0-6l-6 6", late: "m0-3.5l3.5 6h-7z", odd: "m-2.5-2.5h5v5h-5z", busy: "m-3 0a3 3 0 1 0 6 0a3 3 0 1 0-6 0", quiet: "m-2.5 0h5",
};

export function Scatter({title, runs, valueOf}: {title: string; runs: readonly Run[]; valueOf: (run: Run) => number | undefined}) {
  const {ref: box, width: measured} = useWidth(), width = Math.max(200, measured);
  const [at, setAt] = useState(-1);
  const points = runs.flatMap((run) => {
    const value = valueOf(run);
    return value === undefined || !run.scheduled_at ? [] : [{run, at: Date.parse(run.scheduled_at), value: Math.max(1, value)}];
  }).sort((a, b) => a.at - b.at);
  if (points.length === 0) return <div ref={box} />;
  const from = (points[0] as {at: number}).at, until = Math.max(from + 60_000, (points.at(-1) as {at: number}).at);
  const least = Math.min(...points.map((point) => point.value)), most = Math.max(...points.map((point) => point.value));
  const low = Math.log(kLengths.filter((value) => value <= least).at(-1) ?? 1), high = Math.max(low + 1, Math.log(kLengths.find((value) => value >= most) ?? most));
  const x = (instant: number) => kLeft + ((instant - from) / (until - from)) * (width - kLeft - kRight);
  const y = (value: number) => kHeight - kBottom - ((Math.log(value) - low) / (high - low)) * (kHeight - kTop - kBottom);
  const step = kSteps.find((one) => (until - from) / one <= width / 90) ?? (kSteps.at(-1) as number);
  const ticks: number[] = [];
  for (let tick = Math.ceil(from / step) * step; tick <= until; tick += step) ticks.push(tick);
  const lengths = kLengths.filter((value) => Math.log(value) >= low && Math.log(value) <= high + 0.01);
  const say = (i: number) => {
    const point = points[i];
    return point ? `${point.run.job} · ${shortTime(point.at, serverNow())} · ${duration(point.value)} · ${verdictWords[point.run.status]}` : "";
  };
  const nearest = (event: MouseEvent) => {
    const area = (event.currentTarget as Element).getBoundingClientRect(), px = event.clientX - area.left, py = event.clientY - area.top;
    let best = -1, far = 40 ** 2;
    points.forEach((point, i) => {
      const away = (x(point.at) - px) ** 2 + (y(point.value) - py) ** 2;
      if (away < far) [best, far] = [i, away];
    });
    return best;
  };
  const open = (i: number) => points[i] && navigate(href.run((points[i] as {run: Run}).run.id));
  const chosen = points[at];
  return (
    <div ref={box} class="runs-chart">
      <div class="runs-chart-head"><h2>{title}</h2><span class="dim small-text clip" role="status">{say(at)}</span></div>
      <svg width={width} height={kHeight} viewBox={`0 0 ${width} ${kHeight}`} role="application" tabIndex={0} aria-label={`${title}: ${points.length}`}
           onMouseMove={(event) => setAt(nearest(event))} onMouseLeave={() => setAt(-1)} onClick={(event) => open(nearest(event))}
           onKeyDown={(event) => {
             const move = {ArrowRight: at + 1, ArrowLeft: at < 0 ? points.length - 1 : at - 1, Home: 0, End: points.length - 1}[event.key];
             if (event.key === "Enter") open(at);
             if (move === undefined) return;
             event.preventDefault();
             setAt(Math.max(0, Math.min(points.length - 1, move)));
           }}>
        {lengths.map((value) => <g key={value}><path class="runs-grid" d={`M${kLeft} ${y(value)}H${width - kRight}`} /><text x={kLeft - 6} y={y(value) + 4} text-anchor="end">{duration(value)}</text></g>)}
        {ticks.map((tick) => <text key={tick} x={x(tick)} y={kHeight - 4} text-anchor={x(tick) > width - kRight - 20 ? "end" : "middle"}>{step >= 86_400_000 ? day(tick) : minuteTime(tick)}</text>)}
        {points.map((point) => <path key={point.run.id} class={`runs-dot tone-${toneOf(point.run.status)} ${toneOf(point.run.status)}`} d={`M${x(point.at).toFixed(1)} ${y(point.value).toFixed(1)}${shapes[toneOf(point.run.status)]}`} />)}
        {chosen && <circle class="runs-ring" cx={x(chosen.at)} cy={y(chosen.value)} r="6" />}
      </svg>
    </div>
  );
}
