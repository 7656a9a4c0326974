// jobs/glance.ts: the sentence, the latest results and the next firings of the jobs that are on the screen, and of no
// others: asked for as they come into view, and again when runs have changed.
import {useEffect, useRef, useState} from "preact/hooks";
import {call, isAbort} from "../api/client.ts";
import type {Glance} from "../api/schema.ts";
import {language} from "../i18n/language.ts";
import {onChange} from "../live/live.ts";

const kAtOnce = 60, kPaceMs = 2_500, kKeptMax = 4_000;
const kept = new Map<string, Glance>();
let keptLanguage = "";

export function useGlances(names: readonly string[]): ReadonlyMap<string, Glance> {
  const [, rerender] = useState(0);
  const wanted = useRef(names);
  wanted.current = names;
  const lang = language.value;
  const key = names.join("/");
  const ask = useRef<(all: boolean) => void>(() => undefined);

  useEffect(() => {
    if (keptLanguage !== lang) {
      kept.clear();
      keptLanguage = lang;
    }
    const ended = new AbortController();
    let busy = false, allAgain = false, lastAt = -Infinity;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const run = async (all: boolean) => {
      if (busy) {
        allAgain ||= all;
        return;
      }
      const list = all ? [...wanted.current] : wanted.current.filter((name) => !kept.has(name));
      if (list.length === 0) return;
      busy = true;
      if (all) lastAt = performance.now();
      try {
        for (let i = 0; i < list.length; i += kAtOnce) {
          const answer = await call("glance_jobs", {query: {name: list.slice(i, i + kAtOnce), language: lang}, signal: ended.signal});
          if (kept.size > kKeptMax) kept.clear();
          // The same object where nothing has changed: its row is not drawn again.
          const changed = answer.items.filter((item) => JSON.stringify(kept.get(item.name)) !== JSON.stringify(item));
          for (const item of changed) kept.set(item.name, item);
          if (changed.length > 0) rerender((n) => n + 1);
        }
      } catch (error) {
        if (isAbort(error)) return;  // else: rows without it say all that is needed; the next change asks again
      } finally {
        busy = false;
      }
      if (!ended.signal.aborted && (allAgain || wanted.current.some((name) => !kept.has(name)) && list.length < wanted.current.length)) {
        const again = allAgain;
        allAgain = false;
        if (again) schedule();
        else void run(false);
      }
    };
    const schedule = () => {
      if (timer !== undefined) return;
      timer = setTimeout(() => {
        timer = undefined;
        if (document.visibilityState === "visible") void run(true);
      }, Math.max(0, lastAt + kPaceMs - performance.now()));
    };
    ask.current = (all) => void run(all);
    void run(true);
    const stop = onChange(["runs", "jobs"], schedule);
    return () => {
      ended.abort();
      clearTimeout(timer);
      stop();
    };
  }, [lang]);
  useEffect(() => {
    const timer = setTimeout(() => ask.current(false), 60);  // not while it scrolls
    return () => clearTimeout(timer);
  }, [key]);
  return kept;
}
