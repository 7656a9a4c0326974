// pages/calendar/page.tsx: when things ran and when they will: lanes of a day or a week, heat-maps of a month or a year.
// What is past is filled, what is to come is an outline; a day is one of the chosen zone's, be it of 23 or 25 hours.
import {addressOf, call} from "../../api/client.ts";
import {useCommands} from "../../app/commands.ts";
import type {PageProps} from "../../app/pages.ts";
import {setQuery} from "../../app/router.ts";
import {usePageTitle} from "../../app/title.ts";
import {minuteTime, number, viewerZone} from "../../i18n/format.ts";
import {locale, plural, texts} from "../../i18n/language.ts";
import {serverNow} from "../../live/clock.ts";
import {useResource} from "../../live/resource.ts";
import {AsCommand} from "../../ui/as_command.tsx";
import {Button, IconButton} from "../../ui/button.tsx";
import {Choice} from "../../ui/field.tsx";
import {Loaded, Note} from "../../ui/states.tsx";
import {words} from "../../ui/words.ts";
import {dayOf, isDay, monthStart, plusDays, plusMonths, startOf, weekStart, type Day} from "../../i18n/days.ts";
import {HeatMap, type DayCount} from "./heat_map.tsx";
import {Lanes} from "./lanes.tsx";

const t = texts({
  en: {
    view: "Span", day: "Day", week: "Week", month: "Month", year: "Year", today: "Today", before: "Earlier", after: "Later", metric: "Show", runs: "All firings", bad: "Not succeeded",
    busiest: "Busiest minutes of the next 24 hours", firings: (n: number) => plural(n, {one: "1 firing", other: "{n} firings"}), and: (names: string, n: number) => (n > 0 ? `${names} and ${n} more` : names),
    spread: "Many jobs on one minute wait for each other. H in place of the minute (H 2 * * *) or a jitter spreads them.", none: "Nothing fires in the next 24 hours.", incomplete: "There are more firings to come than are counted here.",
  },
  zh: {
    view: "跨度", day: "日", week: "周", month: "月", year: "年", today: "今天", before: "更早", after: "更晚", metric: "显示", runs: "全部触发", bad: "未成功",
    busiest: "未来 24 小时最繁忙的分钟", firings: (n) => `${number(n)} 次触发`, and: (names, n) => (n > 0 ? `${names} 等,另有 ${n} 个` : names),
    spread: "同一分钟触发的任务会互相等待。用 H 代替分钟(H 2 * * *)或设置抖动可将其分散。", none: "未来 24 小时内没有触发。", incomplete: "未来的触发多于此处统计的数量。",
  },
});
const views = ["day", "week", "month", "year"] as const;
type View = (typeof views)[number];

function daysOf(view: View, at: Day): Day[] {
  const from = view === "day" ? at : view === "week" ? weekStart(at) : view === "month" ? monthStart(at) : `${at.slice(0, 4)}-01-01`;
  const until = view === "day" ? plusDays(from, 1) : view === "week" ? plusDays(from, 7) : plusMonths(from, view === "month" ? 1 : 12);
  const days: Day[] = [];
  for (let day = from; day < until; day = plusDays(day, 1)) days.push(day);
  return days;
}
const title = (view: View, days: Day[]): string => {
  const say = (day: Day, options: Intl.DateTimeFormatOptions) => new Intl.DateTimeFormat(locale(), {...options, timeZone: "UTC"}).format(Date.parse(day));
  const first = days[0] as Day;
  if (view === "year") return first.slice(0, 4);
  if (view === "month") return say(first, {year: "numeric", month: "long"});
  if (view === "day") return say(first, {weekday: "long", year: "numeric", month: "long", day: "numeric"});
  return `${say(first, {day: "numeric", month: "short"})} – ${say(days.at(-1) as Day, {day: "numeric", month: "short", year: "numeric"})}`;
};

/** Asked for month by month, so that a request stays short. */
function useCounts(days: Day[], zone: string) {
  return useResource(`counts ${days[0]} ${days.length} ${zone}`, async (signal): Promise<{days: DayCount[]; complete: boolean}> => {
    const counted: DayCount[] = [];
    let complete = true;
    for (let i = 0; i < days.length; i += 31) {
      const some = days.slice(i, i + 31);
      const edge = [...some, plusDays(some.at(-1) as Day, 1)].map((day) => new Date(startOf(day, zone)).toISOString());
      const answer = await call("count_firings", {query: {edge}, signal});
      answer.items.forEach((item, k) => counted.push({day: some[k] as Day, verdicts: item.verdicts, expected: item.expected}));
      complete &&= answer.complete;
    }
    return {days: counted, complete};
  }, {topics: ["jobs"], pace: 10_000, every: 60_000});
}

function Counts({days, view, zone, bad}: {days: Day[]; view: View; zone: string; bad: boolean}) {
  const counts = useCounts(days, zone);
  return (
    <Loaded of={counts} rows={10}>{(data) => (
      <>
        {!data.complete && <Note>{t.incomplete}</Note>}
        <HeatMap days={data.days} year={view === "year"} today={dayOf(serverNow(), zone)} bad={bad} />
      </>
    )}</Loaded>
  );
}

function Busiest() {
  const found = useResource("busiest", (signal) => call("count_firings", {query: {edge: [new Date(serverNow()).toISOString(), new Date(serverNow() + 86_400_000).toISOString()]}, signal}), {topics: ["jobs"], pace: 10_000});
  return (
    <section class="card">
      <div class="card-head"><h2>{t.busiest}</h2></div>
      <Loaded of={found} rows={4}>{({busiest}) => (
        <div class="card-body stack tight">
          {busiest.length === 0 ? <p class="dim">{t.none}</p> : <p class="dim small-text">{t.spread}</p>}
          <ol class="calendar-busiest">
            {busiest.map((minute) => (
              <li key={minute.at}>
                <strong class="num">{minuteTime(minute.at)}</strong><span class="num">{t.firings(minute.count)}</span>
                <i style={{width: `${(minute.count / (busiest[0] as {count: number}).count) * 100}px`}} />
                <span class="dim clip"><bdi>{t.and(minute.jobs.join(", "), minute.count - minute.jobs.length)}</bdi></span>
              </li>
            ))}
          </ol>
        </div>
      )}</Loaded>
    </section>
  );
}

export default function CalendarPage({query}: PageProps) {
  const zone = viewerZone(), today = dayOf(serverNow(), zone), asked = query.get("at");
  const view = views.find((one) => one === query.get("view")) ?? "day", at = isDay(asked) ? asked : today, bad = query.get("metric") === "bad";
  const days = daysOf(view, at);
  usePageTitle(`${words.calendar} · ${title(view, days)}`);
  const go = (by: -1 | 1) => setQuery({at: view === "day" ? plusDays(at, by) : view === "week" ? plusDays(at, 7 * by) : plusMonths(at, view === "month" ? by : 12 * by)});
  useCommands(() => [
    {id: "calendar.before", label: t.before, icon: "up", key: "[", act: () => go(-1)}, {id: "calendar.after", label: t.after, icon: "down", key: "]", act: () => go(1)},
    {id: "calendar.today", label: t.today, icon: "calendar", key: "t", act: () => setQuery({at: undefined})},
  ], [view, at]);
  const lanes = view === "day" || view === "week", edge = [...(view === "year" ? days.filter((day) => day.endsWith("-01")) : days), plusDays(days.at(-1) as Day, 1)].map((day) => new Date(startOf(day, zone)).toISOString());
  const from = edge[0] as string, until = edge.at(-1) as string;
  return (
    <div class="stack calendar">
      <header class="page-head calendar-head">
        <h1>{title(view, days)}</h1>
        <div class="page-actions">
          {!lanes && <Choice label={t.metric} value={bad ? "bad" : "runs"} onChange={(one) => setQuery({metric: one === "bad" ? "bad" : undefined})} options={[{value: "runs", label: t.runs}, {value: "bad", label: t.bad}]} />}
          <Choice label={t.view} value={view} onChange={(one) => setQuery({view: one === "day" ? undefined : one})} options={views.map((one) => ({value: one, label: t[one]}))} />
          <span class="row calendar-steps"><IconButton icon="chevron" class="calendar-back" label={t.before} onClick={() => go(-1)} /><Button onClick={() => setQuery({at: undefined})}>{t.today}</Button><IconButton icon="chevron" label={t.after} onClick={() => go(1)} /></span>
          <AsCommand cli={`cronfleet run list --from ${from} --until ${until}`} api={lanes ? addressOf("list_firings", {query: {from, until, limit: 500}}) : addressOf("count_firings", {query: {edge}})} />
        </div>
      </header>
      {lanes ? <Lanes from={Date.parse(from)} until={Date.parse(until)} days={view === "week" ? edge.slice(0, -1).map((one) => Date.parse(one)) : null} /> : <Counts days={days} view={view} zone={zone} bad={bad} />}
      <Busiest />
    </div>
  );
}
