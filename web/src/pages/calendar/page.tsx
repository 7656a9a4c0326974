// pages/calendar/page.tsx: when things ran and when they will: lanes of a day or a week.
// What is past is filled, what is to come is an outline; a day is one of the chosen zone's, be it of 23 or 25 hours.
import {useCommands} from "../../app/commands.ts";
import type {PageProps} from "../../app/pages.ts";
import {setQuery} from "../../app/router.ts";
import {usePageTitle} from "../../app/title.ts";
import {viewerZone} from "../../i18n/format.ts";
import {locale, texts} from "../../i18n/language.ts";
import {serverNow} from "../../live/clock.ts";
import {Button, IconButton} from "../../ui/button.tsx";
import {Choice} from "../../ui/field.tsx";
import {words} from "../../ui/words.ts";
import {dayOf, isDay, plusDays, startOf, weekStart, type Day} from "./days.ts";
import {Lanes} from "./lanes.tsx";

const t = texts({
  en: {
    view: "Span", day: "Day", week: "Week", today: "Today", before: "Earlier", after: "Later"
  },
  zh: {
    view: "跨度", day: "日", week: "周", today: "今天", before: "更早", after: "更晚"
  },
});
const views = ["day", "week"] as const;
type View = (typeof views)[number];

function daysOf(view: View, at: Day): Day[] {
  const from = view === "day" ? at : weekStart(at), until = plusDays(from, view === "day" ? 1 : 7);
  const days: Day[] = [];
  for (let day = from; day < until; day = plusDays(day, 1)) days.push(day);
  return days;
}
const title = (view: View, days: Day[]): string => {
  const say = (day: Day, options: Intl.DateTimeFormatOptions) => new Intl.DateTimeFormat(locale(), {...options, timeZone: "UTC"}).format(Date.parse(day));
  const first = days[0] as Day;
  if (view === "day") return say(first, {weekday: "long", year: "numeric", month: "long", day: "numeric"});
  return `${say(first, {day: "numeric", month: "short"})} – ${say(days.at(-1) as Day, {day: "numeric", month: "short", year: "numeric"})}`;
};

export default function CalendarPage({query}: PageProps) {
  const zone = viewerZone(), today = dayOf(serverNow(), zone), asked = query.get("at");
  const view = views.find((one) => one === query.get("view")) ?? "day", at = isDay(asked) ? asked : today;
  const days = daysOf(view, at);
  usePageTitle(`${words.calendar} · ${title(view, days)}`);
  const go = (by: -1 | 1) => setQuery({at: view === "day" ? plusDays(at, by) : plusDays(at, 7 * by)});
  useCommands(() => [
    {id: "calendar.before", label: t.before, icon: "up", key: "[", act: () => go(-1)}, {id: "calendar.after", label: t.after, icon: "down", key: "]", act: () => go(1)},
    {id: "calendar.today", label: t.today, icon: "calendar", key: "t", act: () => setQuery({at: undefined})},
  ], [view, at]);
  return (
    <div class="stack calendar">
      <header class="page-head calendar-head">
        <h1>{title(view, days)}</h1>
        <div class="page-actions">
          <Choice label={t.view} value={view} onChange={(one) => setQuery({view: one === "day" ? undefined : one})} options={views.map((one) => ({value: one, label: t[one]}))} />
          <span class="row calendar-steps"><IconButton icon="chevron" class="calendar-back" label={t.before} onClick={() => go(-1)} /><Button onClick={() => setQuery({at: undefined})}>{t.today}</Button><IconButton icon="chevron" label={t.after} onClick={() => go(1)} /></span>
        </div>
      </header>
      <Lanes from={startOf(days[0] as Day, zone)} until={startOf(plusDays(days.at(-1) as Day, 1), zone)} week={view === "week"} />
    </div>
  );
}
