// ui/said.tsx: what a screen reader is told of what changes by itself (UI-82): one place for the whole page, and one message
// in five seconds, the newest.   useSaid(t.count(total));   say(t.came(lines));
import {signal} from "@preact/signals";
import {useEffect} from "preact/hooks";

const kPauseMs = 5_000;
const said = signal("");
let next = "", saidAt = -kPauseMs, waiting: ReturnType<typeof setTimeout> | undefined;

export function say(text: string): void {
  next = text;
  waiting ??= setTimeout(() => {
    waiting = undefined;
    saidAt = performance.now();
    said.value = next;
  }, Math.max(0, saidAt + kPauseMs - performance.now()));
}

/** Whenever the text changes. */
export function useSaid(text: string): void {
  useEffect(() => { if (text) say(text); }, [text]);
}

/** Once, in the shell. */
export function Said() {
  return <div class="away" role="status">{said.value}</div>;
}
