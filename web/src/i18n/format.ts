// i18n/format.ts: instants, durations and numbers as the language writes them. Instants are shown in the zone that the
// viewer chose (top bar), or in the one that is given, as a job's own.
import {stored} from "../app/stored.ts";
import {locale, texts} from "./language.ts";

export const browserZone = Intl.DateTimeFormat().resolvedOptions().timeZone;
/** IANA name; "" follows the browser. */
export const chosenZone = stored<string>("zone", "");
export const viewerZone = (): string => chosenZone.value || browserZone;

const formats = new Map<string, Intl.DateTimeFormat>();
function format(kind: string, zone: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = `${locale()} ${kind} ${zone}`;
  let made = formats.get(key);
  if (!made) {
    try {
      made = new Intl.DateTimeFormat(locale(), {...options, timeZone: zone, hourCycle: "h23"});
    } catch {  // a zone that the server knows and this browser does not
      made = new Intl.DateTimeFormat(locale(), {...options, timeZone: "UTC", hourCycle: "h23", timeZoneName: "short"});
    }
    formats.set(key, made);
  }
  return made;
}
export type Instant = number | string;
const ms = (at: Instant): number => (typeof at === "number" ? at : Date.parse(at));

const kClock: Intl.DateTimeFormatOptions = {hour: "2-digit", minute: "2-digit", second: "2-digit"};
const kDay: Intl.DateTimeFormatOptions = {day: "numeric", month: "short"};
const isNear = (at: Instant, now: number): boolean => Math.abs(ms(at) - now) < 300 * 86_400_000;  // day and month say which year
export const clockTime = (at: Instant, zone = viewerZone()): string => format("clock", zone, kClock).format(ms(at));
export const minuteTime = (at: Instant, zone = viewerZone()): string =>
  format("minute", zone, {hour: "2-digit", minute: "2-digit"}).format(ms(at));
export const day = (at: Instant, zone = viewerZone()): string => format("day", zone, kDay).format(ms(at));
/** "Mon 23": where the month is said. */
export const dayOfMonth = (at: Instant, zone = viewerZone()): string => format("dayOfMonth", zone, {weekday: "short", day: "numeric"}).format(ms(at));
/** "Mon 23 Nov", with the year where that is not clear. */
export const weekday = (at: Instant, now: number, zone = viewerZone()): string =>
  isNear(at, now) ? format("weekday", zone, {weekday: "short", ...kDay}).format(ms(at)) : format("weekday of a year", zone, {weekday: "short", year: "numeric", ...kDay}).format(ms(at));
export const fullTime = (at: Instant, zone = viewerZone()): string =>
  format("full", zone, {weekday: "short", year: "numeric", ...kDay, ...kClock, timeZoneName: "short"}).format(ms(at));
const dateKey = (at: Instant, zone: string): string =>
  format("key", zone, {year: "numeric", month: "2-digit", day: "2-digit"}).format(ms(at));

/** As short as it can be: the time alone today, with the day otherwise, with the year in another year. */
export function shortTime(at: Instant, now: number, zone = viewerZone()): string {
  if (dateKey(at, zone) === dateKey(now, zone)) return clockTime(at, zone);
  return isNear(at, now) ? `${day(at, zone)} ${minuteTime(at, zone)}`
    : format("dated", zone, {year: "numeric", ...kDay, hour: "2-digit", minute: "2-digit"}).format(ms(at));
}

/** "UTC+8" at that instant. */
export function zoneOffset(at: Instant, zone = viewerZone()): string {
  const parts = format("offset", zone, {timeZoneName: "shortOffset"}).formatToParts(ms(at));
  return (parts.find((part) => part.type === "timeZoneName")?.value ?? "").replace("GMT", "UTC");
}

const unit = (value: number, name: string, digits = 0): string =>
  new Intl.NumberFormat(locale(), {style: "unit", unit: name, unitDisplay: "narrow", maximumFractionDigits: digits,
                                   minimumFractionDigits: 0}).format(value);

/** Two figures that matter: "340ms", "4.2s", "3m 20s", "2h 5m", "4d 3h". */
export function duration(milliseconds: number): string {
  const value = Math.abs(milliseconds);
  if (value < 1_000) return unit(Math.round(value), "millisecond");
  if (value < 10_000) return unit(Math.floor(value / 100) / 10, "second", 1);
  return wholeDuration(value);
}
/** The same in whole seconds, for what counts down. */
export function wholeDuration(milliseconds: number): string {
  const seconds = Math.floor(Math.abs(milliseconds) / 1_000);
  const pair = (a: number, nameA: string, b: number, nameB: string) =>
    b > 0 ? `${unit(a, nameA)} ${unit(b, nameB)}` : unit(a, nameA);
  if (seconds < 60) return unit(seconds, "second");
  if (seconds < 3_600) return pair(Math.floor(seconds / 60), "minute", seconds % 60, "second");
  if (seconds < 86_400) return pair(Math.floor(seconds / 3_600), "hour", Math.floor((seconds % 3_600) / 60), "minute");
  return pair(Math.floor(seconds / 86_400), "day", Math.floor((seconds % 86_400) / 3_600), "hour");
}

const t = texts({
  en: {in: (d: string) => `in ${d}`, ago: (d: string) => `${d} ago`, now: "now"},
  zh: {in: (d) => `${d}后`, ago: (d) => `${d}前`, now: "现在"},
});
/** "in 4m 12s", "3h 5m ago". */
export function relative(at: Instant, now: number): string {
  const distance = ms(at) - now;
  if (Math.abs(distance) < 1_000) return t.now;
  return distance > 0 ? t.in(wholeDuration(distance)) : t.ago(wholeDuration(distance));
}

export const number = (value: number): string => value.toLocaleString(locale());
export const percent = (part: number, digits = 0): string =>
  new Intl.NumberFormat(locale(), {style: "percent", maximumFractionDigits: digits}).format(part);

export function bytes(count: number): string {
  const steps = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"];
  let value = count, step = 0;
  while (value >= 1_000 && step < steps.length - 1) {
    value /= 1_000;
    ++step;
  }
  return new Intl.NumberFormat(locale(), {style: "unit", unit: steps[step] as string, unitDisplay: "narrow",
                                          maximumFractionDigits: value < 10 && step > 0 ? 1 : 0}).format(value);
}

/** "1h30m", "90s", "PT1H30M" as settings of a job have them, in milliseconds; nothing where it is none of them. */
export function parseDuration(text: string): number | null {
  const iso = /^P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?$/.exec(text);
  if (iso && text.length > 2) {
    const [days, hours, minutes, seconds] = iso.slice(1).map((part) => Number(part ?? 0)) as [number, number, number, number];
    return (((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 1_000;
  }
  const scale: Record<string, number> = {ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000};
  let rest = text, total = 0;
  while (rest) {
    const found = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)/.exec(rest);
    if (!found) return null;
    total += Number(found[1]) * (scale[found[2] as string] as number);
    rest = rest.slice(found[0].length);
  }
  return text ? total : null;
}
