// ui/run_pages.tsx: runs, newest first, page by page: the first is kept fresh, older ones come as they are asked for.
//
//   const pages = useRunPages(`runs ${filter}`, {filter, limit: 100});
//   <Loaded of={pages.first}>{(page) => <><Missing of={page} /> … pages.runs(page) … {pages.more(page)}</>}</Loaded>
import {useEffect, useState} from "preact/hooks";
import {call, type Answer, type ApiProblem, type Query} from "../api/client.ts";
import type {Run} from "../api/schema.ts";
import {texts} from "../i18n/language.ts";
import {problemOf, useResource} from "../live/resource.ts";
import {Button} from "./button.tsx";
import {ProblemNote} from "./problem.tsx";
import {Note} from "./states.tsx";

const t = texts({
  en: {more: "Older runs", missing: "Records are missing for now"},
  zh: {more: "更早的运行", missing: "记录暂时缺失"},
});
type Page = Answer<"list_runs">;

export function useRunPages(key: string, query: Query<"list_runs">) {
  const first = useResource(key, (signal) => call("list_runs", {query, signal}), {topics: ["runs"], pace: 1_500});
  const [older, setOlder] = useState<{items: Run[]; cursor: string | undefined} | null>(null);
  const [busy, setBusy] = useState(false), [problem, setProblem] = useState<ApiProblem | null>(null);
  useEffect(() => setOlder(null), [key]);
  const fetchOlder = async (cursor: string) => {
    setBusy(true);
    setProblem(null);
    try {
      const page = await call("list_runs", {query: {...query, cursor}});
      setOlder({items: [...(older?.items ?? []), ...page.items], cursor: page.next_cursor});
    } catch (error) {
      setProblem(problemOf(error));
    }
    setBusy(false);
  };
  return {
    first,
    /** What came meanwhile has moved some to the next page: each stands once, as the newest page has it. */
    runs: (page: Page): Run[] => {
      const seen = new Set<string>();
      return [...page.items, ...(older?.items ?? [])].filter((run) => !seen.has(run.id) && seen.add(run.id));
    },
    more: (page: Page) => {
      const cursor = older ? older.cursor : page.next_cursor;
      return <>{problem && <ProblemNote problem={problem} />}{cursor && <div><Button busy={busy} onClick={() => void fetchOlder(cursor)}>{t.more}</Button></div>}</>;
    },
  };
}

export function Missing({of}: {of: Page}) {
  return of.partial ? <Note tone="late">{t.missing}: {of.partial_reason}</Note> : null;
}
