// pages/job/runs_tab.tsx: the runs of one job, newest first.
import {useEffect, useState} from "preact/hooks";
import {call, type ApiProblem} from "../../api/client.ts";
import type {Run} from "../../api/schema.ts";
import {href} from "../../app/router.ts";
import {duration} from "../../i18n/format.ts";
import {texts} from "../../i18n/language.ts";
import {problemOf, useResource} from "../../live/resource.ts";
import {Button, LinkButton} from "../../ui/button.tsx";
import {filterValue} from "../../ui/filter_box.tsx";
import {ProblemNote} from "../../ui/problem.tsx";
import {Empty, Loaded, Note} from "../../ui/states.tsx";
import {StatusWord} from "../../ui/status.tsx";
import {Since, Time} from "../../ui/time.tsx";
import {reasonText, triggerWords, words} from "../../ui/words.ts";

const t = texts({
  en: {none: "It has not run yet", noneText: "As soon as it fires, or is run by hand, its runs stand here.", more: "Older runs", due: "Due", result: "Result", partial: "Records are missing for now", inRuns: "In the list of all runs"},
  zh: {none: "尚未运行", noneText: "一旦触发或手动运行,其运行会显示在这里。", more: "更早的运行", due: "到期", result: "结果", partial: "记录暂时缺失", inRuns: "在全部运行中查看"},
});
const kPage = 50;

export function JobRuns({name}: {name: string}) {
  const first = useResource(`job runs page ${name}`, (signal) => call("list_runs", {query: {job: name, limit: kPage}, signal}), {topics: ["runs"], pace: 1_500});
  const [older, setOlder] = useState<{items: Run[]; cursor: string | undefined} | null>(null);
  const [busy, setBusy] = useState(false), [problem, setProblem] = useState<ApiProblem | null>(null);
  useEffect(() => setOlder(null), [name]);
  const more = async (cursor: string) => {
    setBusy(true);
    setProblem(null);
    try {
      const page = await call("list_runs", {query: {job: name, limit: kPage, cursor}});
      setOlder({items: [...(older?.items ?? []), ...page.items], cursor: page.next_cursor});
    } catch (error) {
      setProblem(problemOf(error));
    }
    setBusy(false);
  };
  return (
    <Loaded of={first} rows={10}>{(page) => {
      const seen = new Set<string>();
      const items = [...page.items, ...(older?.items ?? [])].filter((run) => !seen.has(run.id) && seen.add(run.id));
      const cursor = older ? older.cursor : page.next_cursor;
      if (items.length === 0) return <div class="card"><Empty icon="runs" title={t.none} cli={`cronfleet job run ${name} --wait`}>{t.noneText}</Empty></div>;
      return (
        <div class="stack">
          {page.partial && <Note tone="late">{t.partial}: {page.partial_reason}</Note>}
          <div class="card table-scroll">
            <table class="job-runs">
              <thead><tr><th>{words.status}</th><th>{t.due}</th><th class="end">{words.duration}</th><th class="end">{words.lateness}</th><th>{words.trigger}</th><th>{words.worker}</th><th>{t.result}</th></tr></thead>
              <tbody>
                {items.map((run) => (
                  <tr key={run.id}>
                    <td><a class="job-run-link" href={href.run(run.id)}><StatusWord verdict={run.status} /></a></td>
                    <td>{run.scheduled_at && <Time at={run.scheduled_at} />}{run.attempt > 1 && <span class="dim"> · {words.attempt} {run.attempt}</span>}</td>
                    <td class="end num">{run.duration_ms !== undefined ? duration(run.duration_ms) : run.started_at && !run.ended_at ? <Since at={run.started_at} /> : ""}</td>
                    <td class="end num dim">{run.late_ms !== undefined ? duration(run.late_ms) : ""}</td>
                    <td>{triggerWords[run.trigger]}{run.triggered_by && <span class="dim"> · {run.triggered_by}</span>}</td>
                    <td class="dim"><span class="clip">{run.worker ?? ""}</span></td>
                    <td class="dim"><span class="clip">{run.reason ? reasonText(run.reason) : run.exit_code !== undefined ? `exit ${run.exit_code}` : run.signal !== undefined ? `signal ${run.signal}` : run.error ?? ""}</span></td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
          {problem && <ProblemNote problem={problem} />}
          <div class="row">
            {cursor && <Button busy={busy} onClick={() => void more(cursor)}>{t.more}</Button>}
            <LinkButton tone="bare" to={href.runs({filter: `job:${filterValue(name)}`})}>{t.inRuns}</LinkButton>
          </div>
        </div>
      );
    }}</Loaded>
  );
}
