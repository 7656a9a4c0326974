// i18n/days.ts: days and times as the clock on the wall of a zone has them: a day has 23 or 25 hours where that changes.
const formats = new Map<string, Intl.DateTimeFormat>();
const kMinute = 60_000, kDay = 86_400_000;

/** What the clock of the zone shows at an instant, as milliseconds of a clock without a zone. */
function wallOf(at: number, zone: string): number {
  let format = formats.get(zone);
  if (!format) {
    const options: Intl.DateTimeFormatOptions = {hourCycle: "h23", year: "numeric", month: "numeric", day: "numeric", hour: "numeric", minute: "numeric", second: "numeric"};
    try {
      format = new Intl.DateTimeFormat("en-US", {...options, timeZone: zone});
    } catch {  // one that this browser does not know, or is being typed
      format = new Intl.DateTimeFormat("en-US", {...options, timeZone: "UTC"});
    }
    formats.set(zone, format);
  }
  const part: Record<string, number> = {};
  for (const {type, value} of format.formatToParts(at)) part[type] = Number(value);
  return Date.UTC(part.year as number, (part.month as number) - 1, part.day, part.hour, part.minute, part.second);
}

/** A date, "2026-03-29". */
export type Day = string;
export const dayOf = (at: number, zone: string): Day => new Date(wallOf(at, zone)).toISOString().slice(0, 10);
export const isDay = (text: string | null): text is Day => text !== null && /^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(Date.parse(text));
export const plusDays = (day: Day, days: number): Day => new Date(Date.parse(day) + days * kDay).toISOString().slice(0, 10);
export const plusMonths = (day: Day, months: number): Day => {
  const date = new Date(`${day.slice(0, 8)}01`);
  date.setUTCMonth(date.getUTCMonth() + months);
  return date.toISOString().slice(0, 10);
};
export const monthStart = (day: Day): Day => `${day.slice(0, 8)}01`;
/** Monday of its week. */
export const weekStart = (day: Day): Day => plusDays(day, -((new Date(day).getUTCDay() + 6) % 7));

/** What the clock of the zone shows at an instant, as an <input type="datetime-local"> has it: "2026-03-29T09:00". */
export const wallTime = (at: number, zone: string): string => new Date(wallOf(at, zone)).toISOString().slice(0, 16);
/** When the clock of the zone shows that; where it is set forward over that, as much later. NaN of what is no time. */
export function instantOf(time: string, zone: string): number {
  const wall = Date.parse(`${time}Z`);
  if (Number.isNaN(wall)) return NaN;
  let at = wall - (wallOf(wall, zone) - wall);
  at -= wallOf(at, zone) - wall;
  while (wallOf(at, zone) < wall) at += 15 * kMinute;
  return at;
}
/** The first instant of a day in the zone. */
export const startOf = (day: Day, zone: string): number => instantOf(`${day}T00:00`, zone);
