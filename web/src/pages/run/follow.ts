// pages/run/follow.ts: the output of a run inside a component: what is there comes in pages of about 1 MiB, then, while the
// run goes on, as events. An interrupted connection goes on where it stopped, one that was refused a little later.
import {useEffect, useRef, useState} from "preact/hooks";
import {addressOf, call, isAbort, type ApiProblem} from "../../api/client.ts";
import type {Chunk} from "../../api/schema.ts";
import {problemOf} from "../../live/resource.ts";
import {Output} from "./lines.ts";

const kRetryFirstMs = 1_000, kRetryMostMs = 15_000;

export interface Followed {
  output: Output;
  version: number;      // counts up when lines have come
  state: "loading" | "following" | "over";
  problem: ApiProblem | null;
  retry: () => void;
}

export function useOutput(id: string, onEnd: () => void): Followed {
  const [, rerender] = useState(0);
  const [attempt, setAttempt] = useState(0);
  const kept = useRef<{id: string; output: Output; version: number; state: Followed["state"]; problem: ApiProblem | null}>({id, output: new Output(), version: 0, state: "loading", problem: null});
  if (kept.current.id !== id) kept.current = {id, output: new Output(), version: 0, state: "loading", problem: null};
  const ended = useRef(onEnd);
  ended.current = onEnd;

  useEffect(() => {
    const now = kept.current, stop = new AbortController();
    let events: EventSource | null = null, frame = 0, wait = kRetryFirstMs;
    let timer: ReturnType<typeof setTimeout> | undefined;
    // A burst of events is one rendering.
    const show = () => {
      ++now.version;
      frame ||= requestAnimationFrame(() => {
        frame = 0;
        rerender((n) => n + 1);
      });
    };
    const add = (chunk: Chunk) => {
      now.output.add(chunk);
      show();
    };
    const again = () => {
      timer = setTimeout(() => void load(), wait * (0.5 + Math.random() / 2));
      wait = Math.min(kRetryMostMs, wait * 2);
    };
    const follow = () => {
      now.state = "following";
      show();
      events = new EventSource(addressOf("get_output", {path: {id}, query: {follow: "1", from: now.output.next}}));
      events.onopen = () => (wait = kRetryFirstMs);
      // An answer that is no stream ends it for good; after a lost connection the browser tries again by itself.
      events.onerror = () => events?.readyState === EventSource.CLOSED && again();
      events.addEventListener("output", (event) => add(JSON.parse((event as MessageEvent<string>).data) as Chunk));
      events.addEventListener("end", () => {
        events?.close();
        now.state = "over";
        show();
        ended.current();
      });
    };
    const load = async () => {
      try {
        for (;;) {
          const page = await call("get_output", {path: {id}, query: {from: now.output.next}, signal: stop.signal});
          const before = now.output.next;
          now.problem = null;
          for (const chunk of page.chunks) now.output.add(chunk);
          show();
          if (page.next_offset > before && page.chunks.length > 0) continue;
          if (page.over) {
            now.state = "over";
            return show();
          }
          return follow();
        }
      } catch (error) {
        if (isAbort(error)) return;
        now.problem = problemOf(error);
        show();
        if (now.state === "following") again();
      }
    };
    now.problem = null;
    if (now.state !== "over") void load();
    return () => {
      stop.abort();
      events?.close();
      clearTimeout(timer);
      cancelAnimationFrame(frame);
    };
  }, [id, attempt]);
  const {output, version, state, problem} = kept.current;
  return {output, version, state, problem, retry: () => setAttempt((n) => n + 1)};
}
