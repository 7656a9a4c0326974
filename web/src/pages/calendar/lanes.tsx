// pages/calendar/lanes.tsx: a lane for each job: what ran as bars from start to end, what will fire as outlined ticks; a job
// with more than fits is a band of how much, filled or outlined. Time is to scale, and a gap stays a gap.
import {useState} from "preact/hooks";
import {call} from "../../api/client.ts";
import type {Firing, Run} from "../../api/schema.ts";
import {href} from "../../app/router.ts";
import {dayOfMonth, duration, minuteTime, number, shortTime} from "../../i18n/format.ts";
import {plural, texts} from "../../i18n/language.ts";
import {second, serverNow} from "../../live/clock.ts";
import {useResource} from "../../live/resource.ts";
import {Button} from "../../ui/button.tsx";
import {Empty, Loaded, Note} from "../../ui/states.tsx";
import {toneOf} from "../../ui/status.tsx";
import {verdictWords, words} from "../../ui/words.ts";

const t = texts({
  en: {find: "Jobs whose name contains", none: "Nothing ran and nothing will", noneText: "Another day, another part of a name, or a new job.", cut: (n: string, m: string) => `The newest ${n} runs and the first ${m} coming firings of this span are shown; what is hatched was not looked at.`, more: (n: number) => plural(n, {one: "1 more job", other: "{n} more jobs"}), runs: (n: number, bad: number) => `${plural(n, {one: "1 run", other: "{n} runs"})}, ${number(bad)} not succeeded`, coming: (n: string) => `${n} to come`},
  zh: {find: "任务名称包含", none: "没有运行,也没有将到的触发", noneText: "换一天、换一段名称,或新建任务。", cut: (n, m) => `此跨度内只显示最新的 ${n} 次运行和最先的 ${m} 次将到触发;阴影部分未查询。`, more: (n) => `另外 ${number(n)} 个任务`, runs: (n, bad) => `${number(n)} 次运行,${number(bad)} 次未成功`, coming: (n) => `${n} 次将到触发`},
});
const kPages = 8, kPage = 500, kDense = 60, kLanes = 60, kMark = 3 * 3_600_000;

/** `days`: when each of a week begins; the marks of a single day are hours. */
export function Lanes({from, until, days}: {from: number; until: number; days: readonly number[] | null}) {
  const [text, setText] = useState(""), [all, setAll] = useState(false);
  const range = {from: new Date(from).toISOString(), until: new Date(until).toISOString()};
  const found = useResource(`lanes ${from} ${until}`, async (signal) => {
    const runs: Run[] = [];
    let cursor: string | undefined, pages = 0;
    if (from < serverNow()) {
      do {
        const page = await call("list_runs", {query: {...range, limit: kPage, ...(cursor ? {cursor} : {})}, signal});
        runs.push(...page.items);
        cursor = page.next_cursor;
      } while (cursor && ++pages < kPages);
    }
    // The API has no cursor here: the next page begins at the last instant of the one before.
    const coming = new Map<string, Firing>();
    let more = false;
    for (let at = Math.max(from, serverNow()), n = 0; until > at && n < kPages; ++n) {
      const page = await call("list_firings", {query: {from: new Date(at).toISOString(), until: range.until, limit: kPage}, signal});
      for (const one of page.items) if (one.expected) coming.set(`${one.at} ${one.job}`, one);
      const last = Date.parse(page.items.at(-1)?.at ?? "");
      more = page.more && last > at;
      if (!more) break;
      at = last;
    }
    return {runs: runs.filter((run) => run.scheduled_at && Date.parse(run.scheduled_at) >= from && Date.parse(run.scheduled_at) < until), coming: [...coming.values()],
            // What lies beyond: before the oldest run that was asked for, after the last firing.
            before: cursor ? Date.parse(runs.at(-1)?.scheduled_at ?? range.from) : from, after: more ? Math.max(...[...coming.values()].map((one) => Date.parse(one.at))) : until};
  }, {topics: ["runs", "jobs"], pace: 5_000});
  const place = (at: number) => ((at - from) / (until - from)) * 100;
  const marks = days ?? Array.from({length: Math.ceil((until - from) / kMark)}, (_, i) => from + i * kMark);

  return (
    <Loaded of={found} rows={14}>{({runs, coming, before, after}) => {
      const lanes = new Map<string, {runs: Run[]; coming: number[]}>();
      const lane = (job: string) => {
        let one = lanes.get(job);
        if (!one) lanes.set(job, one = {runs: [], coming: []});
        return one;
      };
      for (const run of runs) lane(run.job).runs.push(run);
      for (const firing of coming) lane(firing.job).coming.push(Date.parse(firing.at));
      const asked = text.toLowerCase(), names = [...lanes.keys()].filter((name) => name.toLowerCase().includes(asked)).sort();
      const shown = all ? names : names.slice(0, kLanes), now = second.value;
      return (
        <>
          {(before > from || after < until) && <Note>{t.cut(number(runs.length), number(coming.length))}</Note>}
          <section class="card calendar-lanes">
            <div class="calendar-axis">
              <input class="input" type="search" value={text} placeholder={t.find} aria-label={t.find} onInput={(event) => setText(event.currentTarget.value)} />
              <div class="calendar-scale" aria-hidden="true">{marks.map((at) => <span key={at} style={{left: `${place(at)}%`}}>{days ? dayOfMonth(at) : minuteTime(at)}</span>)}</div>
            </div>
            {names.length === 0 && <Empty icon="calendar" title={t.none}>{t.noneText}</Empty>}
            <ul aria-label={words.jobs}>
              {shown.map((name) => <Lane key={name} name={name} {...(lanes.get(name) as {runs: Run[]; coming: number[]})} from={from} until={until} before={before} after={after} marks={marks} now={now} />)}
            </ul>
            {shown.length < names.length && <div class="card-body"><Button size="small" onClick={() => setAll(true)}>{t.more(names.length - shown.length)}</Button></div>}
          </section>
        </>
      );
    }}</Loaded>
  );
}

function Lane({name, runs, coming, from, until, before, after, marks, now}: {name: string; runs: Run[]; coming: number[]; from: number; until: number; before: number; after: number; marks: readonly number[]; now: number}) {
  const place = (at: number) => Math.max(0, Math.min(100, ((at - from) / (until - from)) * 100));
  const bad = runs.filter((run) => toneOf(run.status) === "bad").length, buckets = 96;
  // Whole numbers up to the last step: a quarter of an hour begins at its first millisecond.
  const bucket = (at: number) => Math.floor(((at - from) * buckets) / (until - from));
  const bands = new Map<number, {all: number; bad: number}>();
  const dense = (times: number[]) => times.length > kDense || (times.length > 8 && Math.max(...times) - Math.min(...times) < (times.length * (until - from)) / 150);
  if (dense(runs.map((run) => Date.parse(run.scheduled_at as string)))) {
    for (const run of runs) {
      const at = bucket(Date.parse(run.scheduled_at as string)), band = bands.get(at) ?? {all: 0, bad: 0};
      bands.set(at, {all: band.all + 1, bad: band.bad + Number(toneOf(run.status) === "bad")});
    }
  }
  const ahead = new Map<number, number>();
  if (dense(coming)) {
    for (const time of coming) {
      const at = bucket(time);
      ahead.set(at, (ahead.get(at) ?? 0) + 1);
    }
  }
  const most = Math.max(1, ...[...bands.values()].map((band) => band.all), ...ahead.values());
  return (
    <li class="calendar-lane">
      <a class="calendar-name clip" href={href.job(name)} title={`${name}\n${t.runs(runs.length, bad)}`}><bdi>{name}</bdi></a>
      <div class="calendar-track">
        {marks.map((at) => <i key={at} class="calendar-line" style={{left: `${place(at)}%`}} />)}
        {[...bands].map(([at, band]) => <i key={`b${at}`} class={`calendar-band tone-${band.bad > 0 ? "bad bad" : "good"}`} title={t.runs(band.all, band.bad)} style={{left: `${(at / buckets) * 100}%`, width: `${100 / buckets}%`, height: `${20 + (band.all / most) * 70}%`}} />)}
        {bands.size === 0 && runs.map((run) => {
          const start = Date.parse(run.started_at ?? run.scheduled_at as string), end = run.ended_at && run.started_at ? Date.parse(run.ended_at) : run.started_at ? now : start;
          return <a key={run.id} href={href.run(run.id)} tabIndex={-1} class={`calendar-run tone-${toneOf(run.status)} ${toneOf(run.status)}`} aria-label={verdictWords[run.status]}
                    title={`${name} · ${shortTime(start, now)} · ${verdictWords[run.status]}${end > start ? ` · ${duration(end - start)}` : ""}`} style={{left: `${place(start)}%`, width: `${place(end) - place(start)}%`}} />;
        })}
        {[...ahead].map(([at, count]) => <i key={`a${at}`} class="calendar-band coming" title={t.coming(number(count))} style={{left: `${(at / buckets) * 100}%`, width: `${100 / buckets}%`, height: `${20 + (count / most) * 70}%`}} />)}
        {ahead.size === 0 && coming.map((at) => <i key={`c${at}`} class="calendar-tick" title={shortTime(at, now)} style={{left: `${place(at)}%`}} />)}
        {before > from && <i class="calendar-unknown" style={{left: 0, width: `${place(before)}%`}} />}
        {after < until && <i class="calendar-unknown" style={{left: `${place(after)}%`, right: 0}} />}
        {now >= from && now < until && <i class="calendar-now" style={{left: `${place(now)}%`}} />}
      </div>
    </li>
  );
}
