// app/stored.ts: a signal whose value outlives the page. Shared by all tabs of this browser.
import {effect, signal, type Signal} from "@preact/signals";

/** The value under "cronfleet.<name>"; texts are kept as they are, all else as JSON. Storage that is full or forbidden
 *  costs only the memory of it. */
export function stored<T>(name: string, fallback: T): Signal<T> {
  const key = `cronfleet.${name}`;
  const parse = (text: string | null): T => {
    if (text === null) return fallback;
    if (typeof fallback === "string") return text as T;
    try {
      return JSON.parse(text) as T;
    } catch {
      return fallback;
    }
  };
  let kept: string | null = null;
  try {
    kept = localStorage.getItem(key);
  } catch {
    // as if nothing was kept
  }
  const value = signal(parse(kept));
  let first = true;
  effect(() => {
    const text = typeof value.value === "string" ? value.value : JSON.stringify(value.value);
    if (first) {
      first = false;
      return;
    }
    try {
      localStorage.setItem(key, text);
    } catch {
      // the setting lasts as long as the page
    }
  });
  addEventListener("storage", (event) => {
    if (event.key === key) value.value = parse(event.newValue);
  });
  return value;
}
