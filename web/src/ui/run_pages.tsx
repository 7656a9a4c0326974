// ui/run_pages.tsx: runs, newest first, page by page. All that is shown is asked for again when runs have changed: what comes in
// front moves others over the edges of the pages, and a run of an older page may still be going on.
//
//   const pages = useRunPages(`runs ${filter}`, {filter, limit: 100});
//   <Loaded of={pages.all}>{(page) => <><Missing of={page} /> … page.items … {pages.more}</>}</Loaded>
import {useRef, useState} from "preact/hooks";
import {call, type Answer, type Query} from "../api/client.ts";
import type {Run} from "../api/schema.ts";
import {texts} from "../i18n/language.ts";
import {useResource} from "../live/resource.ts";
import {Button} from "./button.tsx";
import {ProblemNote} from "./problem.tsx";
import {Note} from "./states.tsx";

const t = texts({
  en: {more: "Older runs", missing: "Records are missing for now"},
  zh: {more: "更早的运行", missing: "记录暂时缺失"},
});
type Page = Answer<"list_runs">;
const kAtOnce = 500;  // the most that the API answers with

export function useRunPages(key: string, {limit, ...query}: Query<"list_runs"> & {limit: number}) {
  const asked = useRef({key, pages: 1});
  if (asked.current.key !== key) asked.current = {key, pages: 1};
  const [, rerender] = useState(0);
  const all = useResource(key, async (signal): Promise<Page & {pages: number}> => {
    const {pages} = asked.current, runs = new Map<string, Run>();  // one that ends meanwhile may come again
    let page: Page | null = null;
    for (let left = limit * pages; left > 0 && (!page || page.next_cursor); left -= kAtOnce) {
      page = await call("list_runs", {query: {...query, limit: Math.min(kAtOnce, left), ...(page?.next_cursor ? {cursor: page.next_cursor} : {})}, signal}) as Page;
      for (const run of page.items) runs.set(run.id, run);
    }
    return {...(page as Page), items: [...runs.values()], pages};
  }, {topics: ["runs"], pace: 1_500});
  const data = all.kind === "ready" ? all.data : null;
  if (data) asked.current.pages = Math.max(asked.current.pages, data.pages);  // as many as when the page was left
  const problem = all.kind === "ready" ? all.problem : undefined, behind = data !== null && data.pages < asked.current.pages;
  const more = () => {
    asked.current.pages = (data?.pages ?? 0) + 1;
    rerender((n) => n + 1);
    all.refresh();
  };
  return {
    all,
    more: (
      <>
        {behind && problem && <ProblemNote problem={problem} />}
        {data?.next_cursor && <div><Button busy={behind && !problem} onClick={more}>{t.more}</Button></div>}
      </>
    ),
  };
}

export function Missing({of}: {of: Page}) {
  return of.partial ? <Note tone="late">{t.missing}: {of.partial_reason}</Note> : null;
}
