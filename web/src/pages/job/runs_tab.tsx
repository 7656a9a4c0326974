// pages/job/runs_tab.tsx: the runs of one job, newest first.
import {href} from "../../app/router.ts";
import {duration} from "../../i18n/format.ts";
import {texts} from "../../i18n/language.ts";
import {LinkButton} from "../../ui/button.tsx";
import {shellQuote} from "../../ui/copy.tsx";
import {filterValue} from "../../ui/filter_box.tsx";
import {Missing, useRunPages} from "../../ui/run_pages.tsx";
import {Empty, Loaded} from "../../ui/states.tsx";
import {StatusWord} from "../../ui/status.tsx";
import {Time, Took} from "../../ui/time.tsx";
import {endWord, triggerWords, words} from "../../ui/words.ts";

const t = texts({
  en: {none: "It has not run yet", noneText: "As soon as it fires, or is run by hand, its runs stand here.", due: "Due", result: "Result", inRuns: "In the list of all runs"},
  zh: {none: "尚未运行", noneText: "一旦触发或手动运行,其运行会显示在这里。", due: "到期", result: "结果", inRuns: "在全部运行中查看"},
});
const kPage = 50;

export function JobRuns({name}: {name: string}) {
  const pages = useRunPages(`job runs page ${name}`, {job: name, limit: kPage});
  return (
    <Loaded of={pages.all} rows={10}>{(page) => {
      const {items} = page;
      if (items.length === 0) return <div class="card"><Empty icon="runs" title={t.none} cli={`cronfleet job run ${shellQuote(name)} --wait`}>{t.noneText}</Empty></div>;
      return (
        <div class="stack">
          <Missing of={page} />
          <div class="card table-scroll">
            <table class="job-runs">
              <thead><tr><th>{words.status}</th><th>{t.due}</th><th class="end">{words.duration}</th><th class="end">{words.lateness}</th><th>{words.trigger}</th><th>{words.worker}</th><th>{t.result}</th></tr></thead>
              <tbody>
                {items.map((run) => (
                  <tr key={run.id}>
                    <td><a class="job-run-link" href={href.run(run.id)}><StatusWord verdict={run.status} /></a></td>
                    <td>{run.scheduled_at && <Time at={run.scheduled_at} />}{run.attempt > 1 && <span class="dim"> · {words.attempt} {run.attempt}</span>}</td>
                    <td class="end num"><Took run={run} /></td>
                    <td class="end num dim">{run.late_ms !== undefined ? duration(run.late_ms) : ""}</td>
                    <td>{triggerWords[run.trigger]}{run.triggered_by && <span class="dim"> · {run.triggered_by}</span>}</td>
                    <td class="dim"><span class="clip">{run.worker ?? ""}</span></td>
                    <td class="dim"><span class="clip">{endWord(run) || run.error}</span></td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
          <div class="row wrap">
            {pages.more}
            <LinkButton tone="bare" to={href.runs({filter: `job:${filterValue(name)}`})}>{t.inRuns}</LinkButton>
          </div>
        </div>
      );
    }}</Loaded>
  );
}
