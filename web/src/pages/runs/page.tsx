// pages/runs/page.tsx: all runs, newest first: what is under way in front, then the history, filtered by the server.
import {useRef, useState} from "preact/hooks";
import {addressOf} from "../../api/client.ts";
import type {Run} from "../../api/schema.ts";
import {useCommands} from "../../app/commands.ts";
import type {PageProps} from "../../app/pages.ts";
import {href, navigate, setQuery} from "../../app/router.ts";
import {usePageTitle} from "../../app/title.ts";
import {duration, parseDuration} from "../../i18n/format.ts";
import {plural, texts} from "../../i18n/language.ts";
import {second, serverNow} from "../../live/clock.ts";
import {AsCommand} from "../../ui/as_command.tsx";
import {Button} from "../../ui/button.tsx";
import {shellQuote} from "../../ui/copy.tsx";
import {Choice} from "../../ui/field.tsx";
import {FilterBox, splitTerms, type FilterField} from "../../ui/filter_box.tsx";
import {Missing, useRunPages} from "../../ui/run_pages.tsx";
import {Empty, Loaded} from "../../ui/states.tsx";
import {StatusWord, toneOf} from "../../ui/status.tsx";
import {Time} from "../../ui/time.tsx";
import {reasonText, triggerWords, verdictWords, words} from "../../ui/words.ts";
import {Scatter} from "./scatter.tsx";

const t = texts({
  en: {
    show: "Which", all: "All", busy: "Under way", bad: "Not succeeded", good: "Succeeded", since: "Due within", hour: "1 h", day: "24 h", week: "7 d", ever: "All time",
    placeholder: "Filter: state:failed job:backup worker:node-1 age<24h", due: "Due", times: "Duration", late: "Lateness of the start", median: (d: string) => `The line marks the median of this job's runs here: ${d}`,
    fresh: (n: number) => plural(n, {one: "1 change", other: "{n} changes"}), none: "No runs yet", noneText: "As soon as a job fires, or is run by hand, its runs stand here.", newJob: "New job",
    notFound: "No run matches this filter", clear: "Clear the filter", stateAbout: "a verdict, or several with commas", jobAbout: "name of the job", workerAbout: "who ran it", ageAbout: "due within that time",
  },
  zh: {
    show: "范围", all: "全部", busy: "进行中", bad: "未成功", good: "成功", since: "到期时间", hour: "1 小时", day: "24 小时", week: "7 天", ever: "全部时间",
    placeholder: "筛选:state:failed job:backup worker:node-1 age<24h", due: "到期", times: "时长", late: "启动延迟", median: (d) => `竖线为该任务在此列表中的时长中位数:${d}`,
    fresh: (n) => `${n} 项更新`, none: "尚无运行", noneText: "任务触发或手动运行后,其运行会显示在这里。", newJob: "新建任务",
    notFound: "没有符合筛选条件的运行", clear: "清除筛选", stateAbout: "结果,可用逗号分隔多个", jobAbout: "任务名称", workerAbout: "执行节点", ageAbout: "在此时间内到期",
  },
});
const kPage = 100;
const kBusy = "state:running,claimed,waiting", kBad = "state:failed,signalled,timed_out,killed,lost,missed,refused", kGood = "state:succeeded";

/** A term of the filter in place of the one of its field. */
function withTerm(filter: string, field: string, term: string): string {
  return [...splitTerms(filter).filter((one) => !one.startsWith(`${field}:`) && !one.startsWith(`${field}<`) && !one.startsWith(`${field}>`)), term].filter(Boolean).join(" ");
}
const tookOf = (run: Run, now: number): number | undefined =>
  run.duration_ms ?? (run.started_at && !run.ended_at ? Math.max(0, now - Date.parse(run.started_at)) : undefined);

/** The median duration of each job's runs here that succeeded, where three of them are. */
function medians(runs: readonly Run[]): Map<string, number> {
  const took = new Map<string, number[]>();
  for (const run of runs) {
    if (run.status !== "succeeded" || run.duration_ms === undefined) continue;
    const list = took.get(run.job);
    if (list) list.push(run.duration_ms);
    else took.set(run.job, [run.duration_ms]);
  }
  const middle = new Map<string, number>();
  for (const [job, list] of took) if (list.length >= 3) middle.set(job, list.sort((a, b) => a - b)[list.length >> 1] as number);
  return middle;
}

/** Two and a half medians wide; a tick at the median. */
function DurationBar({took, median, run}: {took: number; median: number | undefined; run: Run}) {
  if (median === undefined) return <span class="runs-bar" />;
  return <span class={`runs-bar tone-${toneOf(run.status)}`} title={t.median(duration(median))}><i style={{width: `${Math.min(100, (took / Math.max(1, median)) * 40)}%`}} /></span>;
}

function Row({run, median}: {run: Run; median: number | undefined}) {
  const alive = run.started_at !== undefined && run.ended_at === undefined;
  const took = tookOf(run, alive ? second.value : 0);
  const open = (event: MouseEvent) => {
    if (!(event.target as Element).closest("a,button") && !String(getSelection())) navigate(href.run(run.id));
  };
  const why = run.reason ? reasonText(run.reason) : run.error ?? "";
  return (
    <tr onClick={open}>
      <td><a class="runs-link" href={href.run(run.id)}><StatusWord verdict={run.status} reason={run.reason} /></a></td>
      <td class="runs-job"><div class="clip"><a href={href.job(run.job)}><bdi>{run.job}</bdi></a>{run.attempt > 1 && <> <span class="chip">{words.attempt} {run.attempt}</span></>}{why && <span class="dim small-text"> {why}</span>}</div></td>
      <td class="runs-due">{run.scheduled_at && <Time at={run.scheduled_at} />}</td>
      <td class="end num runs-more">{run.late_ms !== undefined ? <span class={run.late_ms >= 1_000 && run.attempt === 1 ? "runs-late" : "dim"}>+{duration(run.late_ms)}</span> : ""}</td>
      <td class="end num">{took === undefined ? "" : duration(alive ? Math.floor(took / 1000) * 1000 : took)}</td>
      <td class="runs-more">{took !== undefined && <DurationBar took={took} median={median} run={run} />}</td>
      <td class="runs-more dim"><span class="clip">{triggerWords[run.trigger]}{run.triggered_by && ` · ${run.triggered_by}`}</span></td>
      <td class="runs-more dim"><span class="clip">{run.worker ?? ""}</span></td>
    </tr>
  );
}

/** What of the filter the command line has options for. */
const options: Record<string, string> = {state: "--status", job: "--job", worker: "--worker"};
const asCli = (terms: readonly string[]): string => ["cronfleet run list", ...terms.flatMap((term) => {
  const [, name = "", sign, value = ""] = /^(\w+)([:=<>])(.+)$/.exec(term) ?? [];
  const age = name === "age" ? parseDuration(value) : null;
  if (age !== null) return [`${sign === ">" ? "--until" : "--from"} ${new Date(Math.floor((serverNow() - age) / 60_000) * 60_000).toISOString()}`];
  return options[name] ? [`${options[name]} ${shellQuote(value)}`] : [];
})].join(" ");

export default function RunsPage({query}: PageProps) {
  usePageTitle(words.runs);
  const filter = query.get("filter") ?? "";
  const pages = useRunPages(`runs ${filter}`, {filter, limit: kPage}), page = pages.all;
  // What changes while the pointer is on the list waits until it has left, or is asked for (UI-70).
  const over = useRef(false), shown = useRef<{filter: string; data: typeof page} | null>(null);
  const [, rerender] = useState(0);
  const heldOf = shown.current?.filter === filter && shown.current.data.kind === "ready" ? shown.current.data : null;
  const held = over.current && heldOf && page.kind === "ready" && page.data !== heldOf.data && page.data.pages === heldOf.data.pages ? heldOf : null;
  if (!held) shown.current = {filter, data: page};
  const current = held ?? page;
  const waiting = held && page.kind === "ready" ? (() => {
    const states = new Map(held.data.items.map((run) => [run.id, run.status]));
    return page.data.items.filter((run) => states.get(run.id) !== run.status).length;
  })() : 0;
  const take = () => {
    shown.current = null;
    rerender((n) => n + 1);
  };
  const body = useRef<HTMLTableSectionElement>(null);
  const move = (by: number) => {
    const links = [...(body.current?.querySelectorAll<HTMLElement>(".runs-link") ?? [])], at = links.indexOf(document.activeElement as HTMLElement);
    links[Math.max(0, Math.min(links.length - 1, at + by))]?.focus();
  };
  useCommands(() => [
    {id: "runs.down", label: "↓", icon: "down", key: "j", act: () => move(1)}, {id: "runs.up", label: "↑", icon: "up", key: "k", act: () => move(-1)},
    {id: "runs.bad", label: t.bad, icon: "warning", act: () => setQuery({filter: withTerm(filter, "state", kBad)})},
  ], [filter]);
  const terms = splitTerms(filter), state = terms.find((term) => term.startsWith("state:")) ?? "", age = terms.find((term) => /^age[<>]/.test(term)) ?? "";
  const fields: FilterField[] = [
    {name: "state", values: Object.keys(verdictWords).filter((one) => !["scheduled", "due", "late", "starting"].includes(one)), about: t.stateAbout}, {name: "job", about: t.jobAbout},
    {name: "worker", about: t.workerAbout}, {name: "age", operators: ["<", ">"], values: ["1h", "24h", "168h"], about: t.ageAbout},
  ];
  const mistyped = page.kind === "failed" && page.problem.errors.some((error) => error.parameter === "filter");  // the field says so
  return (
    <div class="stack runs">
      <header class="page-head runs-head">
        <h1>{words.runs}</h1>
        <div class="page-actions"><AsCommand cli={asCli(terms)} api={addressOf("list_runs", {query: {filter}})} /></div>
      </header>
      <div class="row wrap">
        <Choice label={t.show} value={state} onChange={(one) => setQuery({filter: withTerm(filter, "state", one)})}
                options={[{value: "", label: t.all}, {value: kBusy, label: t.busy}, {value: kBad, label: t.bad}, {value: kGood, label: t.good}]} />
        <Choice label={t.since} value={age} onChange={(one) => setQuery({filter: withTerm(filter, "age", one)})}
                options={[{value: "age<1h", label: t.hour}, {value: "age<24h", label: t.day}, {value: "age<168h", label: t.week}, {value: "", label: t.ever}]} />
        <FilterBox value={filter} onChange={(text) => setQuery({filter: text})} fields={fields} placeholder={t.placeholder} problem={page.kind === "loading" ? undefined : page.problem} />
      </div>
      {!mistyped && <Loaded of={current} rows={12}>{(data) => {
        const {items} = data;
        if (items.length === 0) {
          return <div class="card">{filter
            ? <Empty icon="filter" title={t.notFound} actions={<Button onClick={() => setQuery({filter: undefined})}>{t.clear}</Button>} />
            : <Empty icon="runs" title={t.none} actions={<a class="button" href={href.newJob()}>{t.newJob}</a>} cli="cronfleet job run NAME --wait">{t.noneText}</Empty>}</div>;
        }
        const middle = medians(items);
        return (
          <>
            <Missing of={data} />
            <div class="card runs-charts">
              <Scatter title={t.times} runs={items} valueOf={(run) => (run.started_at ? run.duration_ms : undefined)} />
              <Scatter title={t.late} runs={items} valueOf={(run) => (run.trigger === "schedule" ? run.late_ms : undefined)} />
            </div>
            <div class="card runs-list" onMouseEnter={() => (over.current = true)} onMouseLeave={() => { over.current = false; if (held) take(); }}>
              {waiting > 0 && <div class="runs-fresh"><Button size="small" tone="primary" icon="refresh" onClick={take}>{t.fresh(waiting)}</Button></div>}
              <table>
                <thead><tr><th>{words.status}</th><th>{words.job}</th><th>{t.due}</th><th class="end runs-more">{words.lateness}</th><th class="end">{words.duration}</th><td class="runs-more" /><th class="runs-more">{words.trigger}</th><th class="runs-more">{words.worker}</th></tr></thead>
                <tbody ref={body}>{items.map((run) => <Row key={run.id} run={run} median={middle.get(run.job)} />)}</tbody>
              </table>
            </div>
            {pages.more}
          </>
        );
      }}</Loaded>}
    </div>
  );
}
