// pages/calendar/heat_map.tsx: days as cells: the fill is how much came of the past, a dashed frame what is to come. Arrows
// walk through the days, Enter shows one.
import {number} from "../../i18n/format.ts";
import {locale, plural, texts} from "../../i18n/language.ts";
import {toneOf, type Tone} from "../../ui/status.tsx";
import type {Verdict} from "../../ui/words.ts";
import {plusDays, weekStart, type Day} from "../../i18n/days.ts";

export interface DayCount { day: Day; verdicts: Record<string, number>; expected: number }

const t = texts({
  en: {past: (n: number) => plural(n, {one: "1 firing", other: "{n} firings"}), bad: (n: string) => `${n} not succeeded`, coming: (n: string) => `${n} to come`, less: "less", more: "more", future: "to come", failed: "not succeeded"},
  zh: {past: (n) => `${number(n)} 次触发`, bad: (n) => `${n} 次未成功`, coming: (n) => `${n} 次将到`, less: "少", more: "多", future: "将到", failed: "未成功"},
});
const kBad: readonly Tone[] = ["bad", "odd", "late"];
const sum = (verdicts: Record<string, number>, counts: (tone: Tone) => boolean): number =>
  Object.entries(verdicts).reduce((total, [verdict, n]) => total + (counts(toneOf(verdict as Verdict)) ? n : 0), 0);
const short = (n: number): string => new Intl.NumberFormat(locale(), {notation: "compact", maximumFractionDigits: 1}).format(n);

export function HeatMap({days, year, today, bad}: {days: DayCount[]; year: boolean; today: Day; bad: boolean}) {
  const cells = days.map((one) => ({...one, past: sum(one.verdicts, () => true), failed: sum(one.verdicts, (tone) => kBad.includes(tone))}));
  const most = Math.max(1, ...cells.map((cell) => (bad ? cell.failed : cell.past)));
  const months = [...new Set(cells.map((cell) => cell.day.slice(0, 7)))];
  const say = (day: Day, options: Intl.DateTimeFormatOptions) => new Intl.DateTimeFormat(locale(), {...options, timeZone: "UTC"}).format(Date.parse(day));
  const focusable = cells.some((cell) => cell.day === today) ? today : cells[0]?.day;
  const onKeyDown = (event: KeyboardEvent) => {
    const by = {ArrowRight: 1, ArrowLeft: -1, ArrowDown: 7, ArrowUp: -7}[event.key], from = (event.target as HTMLElement).dataset.day;
    if (!by || !from) return;
    event.preventDefault();
    (event.currentTarget as HTMLElement).querySelector<HTMLElement>(`[data-day="${plusDays(from, by)}"]`)?.focus();
  };
  return (
    <div class={`calendar-map${year ? " year" : ""}`} onKeyDown={onKeyDown}>
      {months.map((month) => (
        <section key={month} class="card calendar-month">
          {year && <h2>{say(`${month}-01`, {month: "short"})}</h2>}
          <div class="calendar-grid">
            {Array.from({length: 7}, (_, i) => <span key={i} class="calendar-weekday dim">{say(plusDays("2026-01-05", i), {weekday: year ? "narrow" : "short"})}</span>)}
            {cells.filter((cell) => cell.day.startsWith(month)).map((cell, i) => {
              const value = bad ? cell.failed : cell.past, level = value === 0 ? 0 : 1 + Math.min(3, Math.floor((Math.sqrt(value / most)) * 3.99));
              const column = (Date.parse(cell.day) - Date.parse(weekStart(cell.day))) / 86_400_000 + 1;
              const about = [say(cell.day, {weekday: "short", day: "numeric", month: "long"}), cell.past > 0 && t.past(cell.past), cell.failed > 0 && t.bad(number(cell.failed)), cell.expected > 0 && t.coming(number(cell.expected))].filter(Boolean).join(" · ");
              return (
                <a key={cell.day} href={`/calendar?at=${cell.day}`} data-day={cell.day} tabIndex={cell.day === focusable ? 0 : -1} title={about} style={i === 0 ? {gridColumnStart: column} : undefined}
                   class={`calendar-day ${bad ? "tone-bad" : "tone-good"} level-${level}${cell.day === today ? " today" : ""}${cell.past === 0 && cell.expected > 0 ? " coming" : ""}`}>
                  <span class="away">{about}</span>
                  <span class="calendar-number" aria-hidden="true">{Number(cell.day.slice(8))}</span>
                  {!year && <span class="calendar-counts" aria-hidden="true">{value > 0 && <strong>{short(value)}</strong>}{!bad && cell.failed > 0 && <span class="calendar-bad">✕ {short(cell.failed)}</span>}{cell.expected > 0 && <span class="calendar-expected">○ {short(cell.expected)}</span>}</span>}
                  {year && cell.failed > 0 && !bad && <i class="calendar-mark" />}
                </a>
              );
            })}
          </div>
        </section>
      ))}
      <p class={`calendar-legend dim small-text ${bad ? "tone-bad" : "tone-good"}`}>{t.less} {[1, 2, 3, 4].map((level) => <i key={level} class={`calendar-swatch level-${level}`} />)} {t.more} · <i class="calendar-swatch coming" /> {t.future} · <span class="calendar-bad">✕</span> {t.failed}</p>
    </div>
  );
}
