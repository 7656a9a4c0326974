// live/clock.ts: the server's time, which is what schedules go by; the browser's own may be minutes off.
//
// serverNow() is the browser's monotonic clock plus an offset measured against the server. `second` ticks with the
// server's seconds while the page is visible: whoever reads it while rendering counts down.
import {signal} from "@preact/signals";

let offset = Date.now() - performance.now();  // until the server has said
let uncertainty = Infinity;                   // ms
let measuredAt = 0;

export const serverNow = (): number => performance.now() + offset;
export const second = signal(Math.floor(serverNow() / 1000) * 1000);

/** `now`: what the server said in an answer that was asked for at `sent` and came at `received` (performance.now()). */
export function noteServerTime(now: string, sent: number, received: number): void {
  const instant = Date.parse(now);
  const half = (received - sent) / 2;
  // A rough measurement replaces a fine one only once that is old: clocks drift, and machines sleep.
  if (Number.isNaN(instant) || (half > uncertainty && received - measuredAt < 60_000)) return;
  offset = instant + half - received;
  uncertainty = half;
  measuredAt = received;
}

export function startClock(): void {
  const tick = () => {
    const now = serverNow();
    second.value = Math.floor(now / 1000) * 1000;
    setTimeout(() => {
      if (document.visibilityState === "visible") tick();
      else addEventListener("visibilitychange", tick, {once: true});
    }, 1000 - (now % 1000) + 5);
  };
  tick();
}
