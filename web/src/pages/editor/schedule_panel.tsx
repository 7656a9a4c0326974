// pages/editor/schedule_panel.tsx: what an expression means, as the server reads it: its sentence, the next firings in the
// job's zone and in the viewer's, clock changes, and a week by the hour.
import {useEffect, useState} from "preact/hooks";
import {ApiProblem, call, isAbort, type Answer} from "../../api/client.ts";
import {clockTime, number, weekday, zoneOffset} from "../../i18n/format.ts";
import {language, locale} from "../../i18n/language.ts";
import {second, serverNow} from "../../live/clock.ts";
import {away} from "../../live/live.ts";
import {problemOf} from "../../live/resource.ts";
import {Icon} from "../../ui/icons.tsx";
import {ProblemNote} from "../../ui/problem.tsx";
import {Note} from "../../ui/states.tsx";
import {Relative} from "../../ui/time.tsx";
import {t} from "./texts.ts";

export type Explanation = Answer<"explain">;
export interface Explained {
  explanation: Pick<Explanation, "time_zone" | "sentence" | "notes" | "firings"> | null;  // of the last expression that could be read
  problem: ApiProblem | null;       // of the expression as it stands
  settled: boolean;                 // false: it has changed since
}
const kDebounceMs = 150, kFirings = 1_000;

/** As one types: asked 150 ms after the last key, an older question is dropped. */
export function useExplained(expression: string, zone: string, key: string): Explained {
  const [state, setState] = useState<Explained>({explanation: null, problem: null, settled: false});
  const lang = language.value;
  useEffect(() => {
    setState((before) => ({...before, settled: false}));
    if (!expression.trim()) return setState({explanation: null, problem: null, settled: true});
    const ended = new AbortController();
    const timer = setTimeout(() => {
      call("explain", {body: {expression, time_zone: zone || "UTC", count: kFirings, language: lang, ...(key ? {key} : {})}, signal: ended.signal}).then(
        (explanation) => setState({explanation, problem: null, settled: true}),
        (error: unknown) => { if (!isAbort(error)) setState((before) => ({...before, problem: problemOf(error), settled: true})); },
      );
    }, kDebounceMs);
    return () => {
      ended.abort();
      clearTimeout(timer);
    };
  }, [expression, zone, key, lang, away.value]);
  return state;
}

/** The mistake in the expression, pointed at. */
export function ExpressionMistake({expression, problem}: {expression: string; problem: ApiProblem}) {
  const mistake = problem.errors[0];
  const column = mistake?.column ?? 0;
  return (
    <>
      {column > 0 && mistake?.pointer !== "/time_zone" && (
        <code class="editor-caret" aria-hidden="true">
          {expression.slice(0, column - 1)}<mark>{expression.slice(column - 1, column - 1 + Math.max(1, mistake?.length ?? 1)) || " "}</mark>{expression.slice(column - 1 + Math.max(1, mistake?.length ?? 1))}
        </code>
      )}
      {mistake?.detail ?? problem.message}
      {mistake?.suggestion && <> → <code>{mistake.suggestion}</code></>}
    </>
  );
}

const kShown = 10, kHour = 3_600_000;

export function SchedulePanel({explained, never = true}: {explained: Explained; never?: boolean}) {
  const {explanation, problem} = explained;
  if (!explanation) return problem?.offline ? <ProblemNote problem={problem} /> : null;
  const zone = explanation.time_zone;
  const ahead = explanation.firings.filter((at) => Date.parse(at) > second.value).slice(0, kShown);
  const differs = ahead.some((at) => zoneOffset(at, zone) !== zoneOffset(at));  // Paris is as late as Berlin
  return (
    <div class={`stack editor-means${problem || !explained.settled ? " old" : ""}`}>
      <p class="editor-sentence">{explanation.sentence}</p>
      {explanation.firings.length === 0 && never && <Note tone="late">{t.never}</Note>}
      {ahead.length > 0 && (
        <table class="editor-firings">
          <thead><tr><th>{t.next}</th><th>{zone.split("/").map((part, i) => <>{i > 0 && <>/<wbr /></>}{part}</>)} {zone !== "UTC" && <span class="dim">{zoneOffset(ahead[0] as string, zone)}</span>}</th>{differs && <th>{t.yours} <span class="dim">{zoneOffset(ahead[0] as string)}</span></th>}</tr></thead>
          <tbody>
            {ahead.map((at) => (
              <tr key={at}>
                <td class="dim"><Relative at={at} /></td>
                <td class="num">{weekday(at, second.value, zone)} {clockTime(at, zone)}</td>
                {differs && <td class="num dim">{weekday(at, second.value)} {clockTime(at)}</td>}
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {explanation.notes.length > 0 && (
        <div class="editor-notes">
          <p class="label"><Icon name="clock" size={14} /> {t.notes}</p>
          <ul>{explanation.notes.map((note) => <li key={note}>{note}</li>)}</ul>
        </div>
      )}
      <Week firings={explanation.firings} zone={zone} />
    </div>
  );
}

/** Seven days of 24 hours: the darker the more firings. Where a thousand firings are over before the week is, a rate. */
function Week({firings, zone}: {firings: readonly string[]; zone: string}) {
  const now = Math.floor(serverNow() / kHour) * kHour;
  const last = Date.parse(firings.at(-1) ?? "");
  if (firings.length < 2 || firings.length < 4 && last - now > 8 * 24 * kHour) return null;
  if (firings.length >= kFirings && last < now + 7 * 24 * kHour) {
    const rate = Math.round(firings.length / Math.max(1 / 60, (last - Date.parse(firings[0] as string)) / kHour));
    return <p class="dim small-text">{t.dense(rate)}</p>;
  }
  const hourOf = new Intl.DateTimeFormat("en-GB", {timeZone: zone, hour: "2-digit", hourCycle: "h23"});
  const dayOf = new Intl.DateTimeFormat("en-CA", {timeZone: zone, year: "numeric", month: "2-digit", day: "2-digit"});
  const name = new Intl.DateTimeFormat(locale(), {timeZone: zone, weekday: "short"});
  const days = Array.from({length: 7}, (_, i) => now + i * 24 * kHour);
  const counts = new Map<string, number>();
  for (const at of firings) {
    const ms = Date.parse(at);
    if (ms > now + 7 * 24 * kHour) break;
    const cell = `${dayOf.format(ms)} ${Number(hourOf.format(ms))}`;
    counts.set(cell, (counts.get(cell) ?? 0) + 1);
  }
  const most = Math.max(1, ...counts.values());
  return (
    <figure class="editor-week">
      <figcaption class="label">{t.density}</figcaption>
      <svg viewBox="0 0 300 96" role="img" aria-label={t.density}>
        {days.map((dayStart, row) => (
          <g key={dayStart}>
            <text x="0" y={row * 12 + 9}>{name.format(dayStart)}</text>
            {Array.from({length: 24}, (_, hour) => {
              const count = counts.get(`${dayOf.format(dayStart)} ${hour}`) ?? 0;
              return (
                <rect key={hour} x={34 + hour * 11} y={row * 12} width="10" height="10" rx="1.5" class={count > 0 ? "on" : "off"} style={count > 0 ? {fillOpacity: 0.25 + 0.75 * (count / most)} : {}}>
                  <title>{`${name.format(dayStart)} ${String(hour).padStart(2, "0")}:00 · ${number(count)}`}</title>
                </rect>
              );
            })}
          </g>
        ))}
        {[0, 6, 12, 18, 23].map((hour) => <text key={hour} x={39 + hour * 11} y="94" text-anchor="middle">{hour}</text>)}
      </svg>
    </figure>
  );
}
