// live/resource.ts: data of the server inside a component.
//
//   const jobs = useResource(`jobs?${filter}`, (signal) => call("list_jobs", {query: {filter}, signal}), {topics: ["jobs"]});
//   switch (jobs.kind) { case "loading": …; case "failed": … jobs.problem; case "ready": … jobs.data }
//
// The key names what is asked for: the same key gives the last answer at once and then the fresh one, another key
// starts anew. A change of one of the topics asks again, at most once in `pace` ms. A failure after a success keeps the
// data and adds the problem; where the server was not reached it is asked again when it is there; what takes long is asked for less often. Give <Loaded> (ui/states.tsx) the resource and it shows the four states.
import {useEffect, useRef, useState} from "preact/hooks";
import {ApiProblem, isAbort} from "../api/client.ts";
import {away, onChange, type Topic} from "./live.ts";

export type Resource<T> = {refresh: () => void} & (
  | {kind: "loading"}
  | {kind: "failed"; problem: ApiProblem}
  | {kind: "ready"; data: T; problem?: ApiProblem | undefined}
);
type State<T> = {kind: "loading"} | {kind: "failed"; problem: ApiProblem} | {kind: "ready"; data: T; problem?: ApiProblem | undefined};

const kKeptMax = 40;
const kept = new Map<string, unknown>();  // the newest last
function keep(key: string, data: unknown): void {
  kept.delete(key);
  kept.set(key, data);
  if (kept.size > kKeptMax) kept.delete(kept.keys().next().value as string);
}

export function problemOf(error: unknown): ApiProblem {
  if (error instanceof ApiProblem) return error;
  const detail = error instanceof Error ? error.message : String(error);
  // A chunk that did not come, as each browser says it: there is no server, or one of another release.
  const part = error instanceof TypeError && /import|module/.test(detail);
  return new ApiProblem({status: part && away.value ? 0 : -1, code: part ? "part_missing" : "console_failed", detail, instance: ""});
}

export interface Follow {
  topics?: readonly Topic[];
  pace?: number;
  every?: number;
}

export function useResource<T>(key: string, load: (signal: AbortSignal) => Promise<T>, {topics = [], pace = 1_000, every}: Follow = {}): Resource<T> {
  const started = (): State<T> => (kept.has(key) ? {kind: "ready", data: kept.get(key) as T} : {kind: "loading"});
  const [shown, setShown] = useState<{key: string; state: State<T>}>(() => ({key, state: started()}));
  const current = useRef({key, load});
  current.current = {key, load};
  const refreshing = useRef<() => void>(() => undefined);

  useEffect(() => {
    const ended = new AbortController();
    let busy = false, again = false, unreached = false, lastAt = -Infinity, took = 0;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const run = async () => {
      if (busy) {
        again = true;
        return;
      }
      busy = true;
      lastAt = performance.now();
      try {
        const data = await current.current.load(ended.signal);
        if (ended.signal.aborted) return;
        unreached = false;
        keep(key, data);
        setShown({key, state: {kind: "ready", data}});
      } catch (error) {
        if (ended.signal.aborted || isAbort(error)) return;
        const problem = problemOf(error);
        unreached = problem.offline;
        setShown((before) => {
          const has = before.key === key && before.state.kind === "ready" ? before.state : null;
          // Gone is an answer, not trouble: what was shown is not true any more.
          return {key, state: has && problem.status !== 404 ? {...has, problem} : {kind: "failed", problem}};
        });
      } finally {
        busy = false;
        took = performance.now() - lastAt;
        if (again && !ended.signal.aborted) {
          again = false;
          schedule();
        }
      }
    };
    const schedule = () => {
      if (timer !== undefined) return;
      timer = setTimeout(() => {
        timer = undefined;
        void run();
      }, Math.max(0, lastAt + Math.max(pace, 4 * took) - performance.now()));
    };
    refreshing.current = () => void run();
    setShown((before) => (before.key === key ? before : {key, state: started()}));
    void run();
    const stop = topics.length > 0 ? onChange(topics, schedule) : () => undefined;
    const stopWaiting = away.subscribe((is) => { if (!is && unreached) schedule(); });
    const repeat = every ? setInterval(() => document.visibilityState === "visible" && void run(), every) : undefined;
    return () => {
      ended.abort();
      clearInterval(repeat);
      clearTimeout(timer);
      stop();
      stopWaiting();
    };
  }, [key]);

  const state = shown.key === key ? shown.state : started();
  return {...state, refresh: () => refreshing.current()};
}
