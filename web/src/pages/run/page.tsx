// pages/run/page.tsx: one run: where it is or how it ended, its phases, what it wrote, and the facts.
import {useState} from "preact/hooks";
import {addressOf, call} from "../../api/client.ts";
import type {Run} from "../../api/schema.ts";
import {useCommands} from "../../app/commands.ts";
import type {PageProps} from "../../app/pages.ts";
import {href, navigate} from "../../app/router.ts";
import {usePageTitle} from "../../app/title.ts";
import {bytes, duration, number, percent} from "../../i18n/format.ts";
import {texts} from "../../i18n/language.ts";
import {useResource} from "../../live/resource.ts";
import {Button, LinkButton} from "../../ui/button.tsx";
import {Copy, CopyBox, shellQuote} from "../../ui/copy.tsx";
import {openDialog} from "../../ui/dialog.tsx";
import {Icon} from "../../ui/icons.tsx";
import {Empty, Loaded, Note} from "../../ui/states.tsx";
import {StatusMark, isUnderWay, toneOf} from "../../ui/status.tsx";
import {Since, Time} from "../../ui/time.tsx";
import {reasonText, triggerWords, verdictWords, words} from "../../ui/words.ts";
import {endText} from "./ends.ts";
import {useOutput} from "./follow.ts";
import {KillDialog} from "./kill_dialog.tsx";
import {OutputPane} from "./output_pane.tsx";

const t = texts({
  en: {
    due: "Due", claimed: "Claimed", started: "Started", ended: "Ended", recorded: "Recorded", asked: "Asked for", phases: "Phases of the run",
    early: (d: string) => `${d} before`, late: (d: string) => `+${d}`, onTime: "on time", took: (d: string) => `after ${d}`, running: "for", notYet: "not yet", never: "never", kept: "in the history", notKept: "not yet in the history",
    facts: "Facts", exit: "Exit", limit: "Limit", limitTime: "ended by the job's timeout", cpu: "CPU", cpuOf: (user: string, system: string, share: string) => `${user} user, ${system} system · ${share} of one core`,
    memory: "Peak memory", fence: "Fence", version: "Version of the job", id: "Run id", gone: "There is no such run", goneText: "Its record has passed its time in the history, or the address is not whole.", killedBy: (who: string) => `killed by ${who}`, attemptOf: (n: string) => `attempt ${n}`,
    previous: "Previous run", next: "Next run", range: (n: string) => `This record stands for ${n} firings with the same verdict.`, from: "from", notFinal: "Another attempt follows this one.",
    killing: "Ending it: the order was given", killNow: "Kill at once", terminal: "From a terminal", definition: "Definition it ran by", output: "Output",
  },
  zh: {
    due: "到期", claimed: "认领", started: "启动", ended: "结束", recorded: "记录", asked: "请求", phases: "运行阶段",
    early: (d) => `提前 ${d}`, late: (d) => `+${d}`, onTime: "准时", took: (d) => `历时 ${d}`, running: "已运行", notYet: "尚未", never: "未发生", kept: "已存入历史", notKept: "尚未存入历史",
    facts: "详情", exit: "退出", limit: "限制", limitTime: "因任务超时而结束", cpu: "CPU", cpuOf: (user, system, share) => `用户 ${user},系统 ${system} · 单核的 ${share}`,
    memory: "内存峰值", fence: "栅栏号", version: "任务版本", id: "运行 ID", gone: "没有这次运行", goneText: "其记录已超过历史保留期,或地址不完整。", killedBy: (who) => `由 ${who} 终止`, attemptOf: (n) => `第 ${n} 次尝试`,
    previous: "上一次运行", next: "下一次运行", range: (n) => `此记录代表 ${n} 次结果相同的触发。`, from: "自", notFinal: "此后还有一次尝试。",
    killing: "正在结束:命令已下达", killNow: "立即终止", terminal: "命令行方式", definition: "运行时的定义", output: "输出",
  },
});

const over = (run: Run): boolean => !isUnderWay(run.status);
const ms = (at: string | undefined): number => (at ? Date.parse(at) : NaN);

function Phases({run}: {run: Run}) {
  const due = ms(run.scheduled_at), claimed = ms(run.claimed_at), started = ms(run.started_at), ended = ms(run.ended_at);
  const gap = (from: number, to: number) => (Number.isNaN(from) || Number.isNaN(to) ? "" : to < from ? t.early(duration(from - to)) : to === from ? t.onTime : t.late(duration(to - from)));
  const done = over(run), ran = run.started_at !== undefined;
  const steps: {name: string; at: string | undefined; note: string; state: "done" | "now" | "open" | "never"}[] = [
    {name: run.trigger === "manual" ? t.asked : t.due, at: run.scheduled_at, note: "", state: "done"},
    {name: t.claimed, at: run.claimed_at, note: gap(due, claimed), state: run.claimed_at ? "done" : done ? "never" : "now"},
    {name: t.started, at: run.started_at, note: ran ? (started - due < 1 ? t.onTime : t.late(duration(started - due))) : "", state: ran ? "done" : done ? "never" : run.claimed_at ? "now" : "open"},
    {name: t.ended, at: ran ? run.ended_at : undefined, note: ran && run.ended_at ? t.took(duration(ended - started)) : "", state: ran && run.ended_at ? "done" : done && !ran ? "never" : ran ? "now" : "open"},
    {name: t.recorded, at: undefined, note: done ? t.kept : t.notKept, state: done ? "done" : "open"},
  ];
  return (
    <ol class="run-phases card" aria-label={t.phases}>
      {steps.map((step, i) => (
        <li key={step.name} class={`run-phase ${step.state}${i === steps.length - 1 && done ? ` tone-${toneOf(run.status)}` : ""}`}>
          <span class="run-dot" aria-hidden="true" />
          <strong>{step.name}</strong>
          <span class={`run-when${step.at || step.state !== "done" ? "" : " none"}`}>{step.at ? <Time at={step.at} /> : step.state === "never" ? t.never : step.state === "done" ? "" : t.notYet}</span>
          <span class="dim small-text">{step.state === "now" && i === 3 && run.started_at ? <>{t.running} <Since at={run.started_at} /></> : step.note}</span>
        </li>
      ))}
    </ol>
  );
}

function Definition({run}: {run: Run}) {
  const version = useResource(`version ${run.job} ${run.job_revision}`, (signal) => call("get_version", {path: {name: run.job, revision: run.job_revision as number}, signal}));
  return <Loaded of={version} rows={3}>{(data) => <pre class="run-definition">{data.job ? JSON.stringify(data.job, null, 2) : data.document}</pre>}</Loaded>;
}

function Facts({run}: {run: Run}) {
  const [opened, setOpened] = useState(false);
  const end = over(run) ? endText(run) : "", user = run.cpu_user_us ?? 0, system = run.cpu_system_us ?? 0;
  const measured = over(run) && run.started_at && user + system > 0;
  return (
    <section class="card run-facts">
      <div class="card-head"><h2>{t.facts}</h2></div>
      <div class="card-body stack">
        <dl class="facts">
          {end && <><dt>{t.exit}</dt><dd>{end}</dd></>}
          {run.status === "timed_out" && <><dt>{t.limit}</dt><dd>{t.limitTime}</dd></>}
          <dt>{words.trigger}</dt><dd>{triggerWords[run.trigger]}{run.triggered_by && ` · ${run.triggered_by}`}</dd>
          <dt>{words.attempt}</dt><dd>{number(run.attempt)}</dd>
          {run.worker && <><dt>{words.worker}</dt><dd><a href={href.worker(run.worker)}>{run.worker}</a></dd></>}
          {measured && <><dt>{t.cpu}</dt><dd>{t.cpuOf(duration(user / 1000), duration(system / 1000), percent((user + system) / 1000 / Math.max(1, run.duration_ms ?? 1)))}</dd></>}
          {(run.memory_bytes_peak ?? 0) > 0 && <><dt>{t.memory}</dt><dd>{bytes(run.memory_bytes_peak as number)}</dd></>}
          {(run.fence ?? 0) > 0 && <><dt>{t.fence}</dt><dd class="num">{run.fence}</dd></>}
          <dt>{t.id}</dt><dd><Copy text={run.id} /></dd>
        </dl>
        {run.command && <div class="stack tight"><strong class="small-text">{words.command}</strong><pre class="run-command" tabIndex={0} aria-label={words.command}>{run.command}</pre></div>}
        {(run.job_revision ?? 0) > 0 && (
          <details onToggle={(event) => event.currentTarget.open && setOpened(true)}>
            <summary>{t.definition} <span class="dim small-text">· {t.version} {run.job_revision}</span></summary>
            {opened && <Definition run={run} />}
          </details>
        )}
        <details>
          <summary>{t.terminal}</summary>
          <div class="stack tight run-terminal">
            <CopyBox text={`cronfleet run get ${shellQuote(run.id)}`} />
            <CopyBox text={`cronfleet run logs -f ${shellQuote(run.id)}`} />
            {!over(run) && <CopyBox text={`cronfleet run kill ${shellQuote(run.id)}`} />}
            <CopyBox text={`curl ${shellQuote(location.origin + addressOf("get_run", {path: {id: run.id}}))}`} />
          </div>
        </details>
      </div>
    </section>
  );
}

/** The runs of the job before and after this one. */
function useNeighbours(run: Run): {before: string | null; after: string | null} {
  const at = run.scheduled_at ?? "";
  const found = useResource(`neighbours ${run.id} ${run.status}`, async (signal) => {
    if (!at) return {before: null, after: null};
    const asked = {job: run.job, limit: 3, stale: "ok"} as const;
    const [older, newer] = await Promise.all([
      call("list_runs", {query: {...asked, until: at, order: "newest_first"}, signal}),
      call("list_runs", {query: {...asked, from: new Date(Date.parse(at) + 1).toISOString(), order: "oldest_first"}, signal}),
    ]);
    const nearest = (items: Run[], closer: (a: number, b: number) => number) =>
      items.filter((one) => one.scheduled_at && one.id !== run.id).sort((a, b) => closer(ms(a.scheduled_at), ms(b.scheduled_at)))[0]?.id ?? null;
    return {before: nearest(older.items, (a, b) => b - a), after: nearest(newer.items, (a, b) => a - b)};
  });
  return found.kind === "ready" ? found.data : {before: null, after: null};
}

function Shown({run, refresh}: {run: Run; refresh: () => void}) {
  usePageTitle(`${verdictWords[run.status]} · ${run.job}`);
  const followed = useOutput(run.id, refresh);
  const {before, after} = useNeighbours(run);
  const [ordered, setOrdered] = useState(false);
  const alive = !over(run);
  const kill = () => openDialog((close) => <KillDialog run={run} again={ordered} onOrdered={() => { setOrdered(true); refresh(); }} onClose={close} />);
  useCommands(() => [
    ...(alive ? [{id: "run.kill", label: words.kill, icon: "stop" as const, key: "K", act: kill}] : []),
    {id: "run.job", label: run.job, icon: "jobs" as const, key: "u", act: () => navigate(href.job(run.job))},
    ...(before ? [{id: "run.before", label: t.previous, icon: "up" as const, key: "[", act: () => navigate(href.run(before))}] : []),
    ...(after ? [{id: "run.after", label: t.next, icon: "down" as const, key: "]", act: () => navigate(href.run(after))}] : []),
  ], [run, before, after, ordered]);
  const wrote = followed.output.lines.length > 0 || run.started_at !== undefined;
  return (
    <div class="stack run">
      <header class="page-head run-head">
        <div class="stack tight grow">
          <nav class="dim small-text run-path" aria-label={words.job}><a href={href.runs()}>{words.runs}</a> / <a href={href.job(run.job)}><bdi>{run.job}</bdi></a></nav>
          <h1 class={`run-title tone-${toneOf(run.status)}`}><StatusMark verdict={run.status} size={22} /><span class="run-verdict">{verdictWords[run.status]}</span><bdi class="run-name">{run.job}</bdi></h1>
          <div class="row wrap dim small-text">
            {run.scheduled_at && <Time at={run.scheduled_at} />}
            {run.attempt > 1 && <span>· {t.attemptOf(number(run.attempt))}</span>}
            {run.reason && <span>· {reasonText(run.reason)}</span>}
            {run.actor && <span>· {t.killedBy(run.actor)}</span>}
          </div>
        </div>
        {(before || after || alive) && <div class="page-actions">
          {before && <LinkButton to={href.run(before)} icon="chevron" class="run-before">{t.previous}</LinkButton>}
          {after && <LinkButton to={href.run(after)} icon="chevron">{t.next}</LinkButton>}
          {alive && <Button tone="danger" icon="stop" onClick={kill}>{ordered ? t.killNow : words.kill}</Button>}
        </div>}
      </header>
      {run.error && <Note tone={toneOf(run.status) === "good" ? "late" : "bad"}><bdi>{run.error}</bdi></Note>}
      {(run.range_count ?? 1) > 1 && <Note><p>{t.range(number(run.range_count as number))} {run.range_from && <>{t.from} <Time at={run.range_from} /></>}</p></Note>}
      {over(run) && !run.final && <Note>{t.notFinal}</Note>}
      {ordered && alive && <Note tone="late">{t.killing}</Note>}
      <Phases run={run} />
      <div class="run-body">
        {wrote ? <OutputPane key={run.id} followed={followed} live={alive} rawHref={addressOf("get_output", {path: {id: run.id}})} />
          : <section class="card out-none dim"><Icon name="terminal" />{t.output}: {words.none}</section>}
        <Facts run={run} />
      </div>
    </div>
  );
}

export default function RunPage({parameters}: PageProps) {
  const id = parameters.id ?? "";
  const run = useResource(`run ${id}`, (signal) => call("get_run", {path: {id}, signal}), {topics: ["runs"], pace: 1_000});
  if (run.kind === "failed" && run.problem.status === 404) return <><h1 class="away">{words.run}</h1><div class="card"><Empty icon="runs" title={t.gone} actions={<LinkButton to={href.runs()}>{words.runs}</LinkButton>}>{t.goneText}<br /><code>{id}</code></Empty></div></>;
  if (run.kind !== "ready") return <><h1>{words.run}</h1><Loaded of={run} rows={10}>{() => null}</Loaded></>;
  return <Shown key={id} run={run.data} refresh={run.refresh} />;
}
