// pages/overview/page.tsx: what an operator opens first and leaves open (UI-20): what runs, what failed, what is late, what
// fires next.
import {addressOf, call} from "../../api/client.ts";
import type {Run} from "../../api/schema.ts";
import {href} from "../../app/router.ts";
import {usePageTitle} from "../../app/title.ts";
import {duration, number, percent} from "../../i18n/format.ts";
import {plural, texts} from "../../i18n/language.ts";
import {FirstJob} from "../../jobs/first_job.tsx";
import {useGlances} from "../../jobs/glance.ts";
import {second, serverNow} from "../../live/clock.ts";
import {useResource} from "../../live/resource.ts";
import {AsCommand} from "../../ui/as_command.tsx";
import {filterValue} from "../../ui/filter_box.tsx";
import {Icon} from "../../ui/icons.tsx";
import {Empty, Loaded, Note, Skeleton} from "../../ui/states.tsx";
import {StatusMark, isUnderWay} from "../../ui/status.tsx";
import {Relative, Since, Time} from "../../ui/time.tsx";
import {endWord, verdictWords, words} from "../../ui/words.ts";
import {HourChart} from "./hour_chart.tsx";
import {lastLine} from "./last_line.ts";

const t = texts({
  en: {
    running: "Running now", failed: "Failed, 24 h", late: "Late now", soon: "In the next hour", workers: "Workers up",
    ofRuns: (n: number) => plural(n, {one: "of 1 firing", other: "of {n} firings"}), lateAbout: "due over 1 s ago", soonAbout: (n: number) => plural(n, {one: "firing expected", other: "firings expected"}), capacity: (busy: number, all: number) => `${number(busy)} of ${plural(all, {one: "1 place", other: "{n} places"})} taken`,
    nextTitle: "Next firings", runningTitle: "Running now", failures: "Latest failures", day: "Firings of the last 24 hours", startTitle: "How punctual starts are", all: "All runs", allJobs: "All jobs", allFailed: "All failures",
    nothingRuns: "Nothing runs at the moment.", noFailures: "Nothing has failed in the last 24 hours.", nothingNext: "Nothing is due ahead: every job is disabled, paused or over.",
    usual: (d: string) => `usually ${d}`, over: "longer than usual", noOutput: "no output", p50: "half within", p99: "99 % within", worst: "worst", starts: (n: number) => plural(n, {one: "1 start looked at", other: "{n} starts looked at"}),
    partial: "The history is away: counts and failures are missing for now.", more: (n: number) => plural(n, {one: "and 1 more", other: "and {n} more"}), times: (n: number) => `failed ${number(n)} times among the latest failures`, noStarts: "No run has started by schedule in the last 24 hours.",
  },
  zh: {
    running: "正在运行", failed: "24 小时失败", late: "当前延迟", soon: "一小时内", workers: "在线执行节点",
    ofRuns: (n) => `共 ${number(n)} 次触发`, lateAbout: "到期超过一秒", soonAbout: () => "次预期触发", capacity: (busy, all) => `已占用 ${number(busy)} / ${number(all)} 个槽位`,
    nextTitle: "即将触发", runningTitle: "正在运行", failures: "最近失败", day: "最近 24 小时的触发", startTitle: "启动准时度", all: "全部运行", allJobs: "全部任务", allFailed: "全部失败",
    nothingRuns: "当前没有正在进行的运行。", noFailures: "最近 24 小时没有失败。", nothingNext: "前方没有触发:所有任务均已停用、暂停或结束。",
    usual: (d) => `通常 ${d}`, over: "比平时更久", noOutput: "无输出", p50: "半数不超过", p99: "99% 不超过", worst: "最差", starts: (n) => `统计了 ${number(n)} 次启动`,
    partial: "历史存储不可用:计数和失败记录暂时缺失。", more: (n) => `还有 ${number(n)} 个`, times: (n) => `在最近的失败中有 ${number(n)} 次`, noStarts: "最近 24 小时没有按计划启动的运行。",
  },
});

const kBad = ["failed", "signalled", "timed_out", "lost"] as const;
const kFailuresShown = 8, kFailuresAsked = 100, kRunningShown = 10, kNextShown = 20;

function useOverview() {
  return useResource("overview", async (signal) => {
    const from = new Date(serverNow()).toISOString(), until = new Date(serverNow() + 3_600_000).toISOString();
    const [statistics, soon, workers, jobs] = await Promise.all([
      call("statistics", {signal}),
      call("list_firings", {query: {from, until, limit: 2 * kNextShown}, signal}),
      call("list_workers", {query: {stale: "ok"}, signal}),
      call("list_jobs", {query: {limit: 1, stale: "ok"}, signal}),
    ]);
    return {statistics, soon, workers: workers.items, jobs: jobs.total};
  }, {topics: ["runs", "jobs", "workers"], pace: 2_500, every: 15_000});
}

/** How many firings the next hour has; it looks at every job, so not as often as the rest. */
function useNextHour() {
  return useResource("overview hour", (signal) => call("count_firings", {query: {edge: [0, 3_600_000].map((ms) => new Date(serverNow() + ms).toISOString())}, signal}), {topics: ["jobs"], pace: 10_000, every: 60_000});
}

function useRunning() {
  return useResource("overview running", async (signal) => {
    const runs = await call("list_runs", {query: {status: ["running", "claimed", "waiting"], limit: 1}, signal});
    return {...runs, items: runs.items.filter((run) => isUnderWay(run.status))};
  }, {topics: ["runs"], pace: 1_000});
}

function useFailures() {
  return useResource("overview failures", async (signal) => {
    const from = new Date(serverNow() - 86_400_000).toISOString();
    const {items} = await call("list_runs", {query: {status: [...kBad], limit: kFailuresAsked, from}, signal});
    // One that fails every minute must not hide the others: the latest of each job, and how many more there are.
    const byJob = new Map<string, {run: Run; count: number}>();
    for (const run of items.filter((one) => (kBad as readonly string[]).includes(one.status))) {
      const known = byJob.get(run.job);
      if (known) ++known.count;
      else byJob.set(run.job, {run, count: 1});
    }
    return Promise.all([...byJob.values()].slice(0, kFailuresShown).map(async ({run, count}): Promise<{run: Run; count: number; line: string}> => {
      // What a run wrote never changes once it is over.
      let line = lines.get(run.id);
      if (line === undefined) {
        const tail = await call("get_output", {path: {id: run.id}, query: {from: Math.max(0, (run.output_bytes ?? 0) - kTailBytes)}, signal});
        line = lastLine(tail.chunks.map((chunk) => chunk.text ?? "").join(""));
        if (lines.size > 200) lines.clear();
        lines.set(run.id, line);
      }
      return {run, count, line};
    }));
  }, {topics: ["runs"], pace: 2_500});
}
const lines = new Map<string, string>();
const kTailBytes = 4_096;

function Count({label, value, about, to, tone}: {label: string; value: string; about: string; to: string; tone?: string | undefined}) {
  return (
    <a class={`card overview-count${tone ? ` tone-${tone}` : ""}`} href={to}>
      <span class="overview-label">{label}</span>
      <span class="overview-value num">{value}</span>
      <span class="dim small-text clip">{about}</span>
    </a>
  );
}

function RunningRow({run, usual}: {run: Run; usual: number | undefined}) {
  const started = run.started_at ? Date.parse(run.started_at) : null;
  const lasted = started === null ? 0 : Math.max(0, second.value - started);
  const part = usual && usual > 0 ? lasted / usual : null;
  const late = run.status !== "running" && second.value - Date.parse(run.scheduled_at ?? "") > 1_000;
  return (
    <li class="overview-row">
      <StatusMark verdict={late ? "late" : run.status} />
      <a class="clip grow" href={href.run(run.id)} title={run.id}>{run.job}</a>
      {run.worker && <span class="dim small-text clip overview-worker">{run.worker}</span>}
      {started !== null && part !== null && (
        <span class={`overview-bar${part > 1.5 && lasted > 5_000 ? " over" : ""}`} title={`${t.usual(duration(usual as number))}${part > 1.5 ? ` · ${t.over}` : ""}`}>
          <span style={{width: `${Math.min(100, Math.round(part * 100))}%`}} />
        </span>
      )}
      <span class="overview-time">{started !== null ? <Since at={started} /> : verdictWords[late ? "late" : run.status]}</span>
    </li>
  );
}

export default function OverviewPage() {
  usePageTitle("");
  const overview = useOverview(), hour = useNextHour(), running = useRunning(), failures = useFailures();
  const live = running.kind === "ready" ? running.data.items : [];
  const shownLive = live.slice(0, kRunningShown);
  const glances = useGlances([...new Set(shownLive.map((run) => run.job))]);
  if (overview.kind === "ready" && overview.data.jobs === 0) return <FirstJob />;

  const data = overview.kind === "ready" ? overview.data : null;
  const ahead = data?.soon.items.filter((firing) => firing.expected && Date.parse(firing.at) > second.value).slice(0, kNextShown) ?? [];
  const next = ahead.length > 0 ? ahead : data?.statistics.next ?? [];
  const verdicts = data?.statistics.verdicts ?? {};
  const total = Object.values(verdicts).reduce((sum, n) => sum + (n ?? 0), 0);
  const bad = kBad.reduce((sum, verdict) => sum + (verdicts[verdict] ?? 0), 0);
  const up = data?.workers.filter((worker) => worker.state === "ready") ?? [];
  const places = up.reduce((sum, worker) => sum + (worker.capacity ?? 0), 0);
  const busy = up.reduce((sum, worker) => sum + (worker.running ?? 0), 0);
  const lateCount = Math.max(data?.statistics.late.length ?? 0, live.filter((run) => run.status !== "running" && serverNow() - Date.parse(run.scheduled_at ?? "") > 1_000).length);
  const inHour = hour.kind === "ready" ? hour.data.items[0]?.expected ?? 0 : 0;
  const soon = hour.kind === "ready" ? `${number(inHour)}${hour.data.complete ? "" : "+"}` : "–";
  return (
    <div class="overview">
      <header class="page-head overview-head">
        <h1>{words.overview}</h1>
        <div class="page-actions"><AsCommand cli={`cronfleet run list --status running,${kBad.join(",")}`} api={addressOf("statistics")} /></div>
      </header>
      <div class="overview-counts">
        <Count label={t.running} value={running.kind === "ready" ? number(live.filter((run) => run.status === "running").length) : "–"} about={data ? t.capacity(busy, places) : " "} to={href.runs({filter: "state:running"})} tone={live.some((run) => run.status === "running") ? "busy" : undefined} />
        <Count label={t.failed} value={data ? number(bad) : "–"} about={data ? `${t.ofRuns(total)}${total > 0 ? ` · ${percent(bad / total, 1)}` : ""}` : " "} to={href.runs({filter: `state:${kBad.join(",")} age<24h`})} tone={bad > 0 ? "bad" : undefined} />
        <Count label={t.late} value={data ? number(lateCount) : "–"} about={t.lateAbout} to={href.runs({filter: "state:waiting,claimed"})} tone={lateCount > 0 ? "late" : undefined} />
        <Count label={t.soon} value={soon} about={t.soonAbout(inHour)} to={href.calendar()} />
        <Count label={t.workers} value={data ? `${number(up.length)} / ${number(data.workers.length)}` : "–"} about={data ? [...new Set(data.workers.filter((w) => w.state !== "ready").map((w) => w.node))].slice(0, 2).join(", ") || up.slice(0, 2).map((w) => w.node).join(", ") : " "}
               to={href.workers()} tone={data && up.length < data.workers.length ? "late" : undefined} />
      </div>
      {overview.kind === "failed" && <Loaded of={overview}>{() => null}</Loaded>}
      {running.kind === "ready" && running.data.partial && <Note tone="late">{t.partial}</Note>}
      <section class="card">
        <header class="card-head"><h2>{t.day}</h2><a class="small-text" href={href.runs()}>{t.all}</a></header>
        <div class={`overview-chart${data && total === 0 ? " none" : ""}`}>{data ? <HourChart hours={data.statistics.hours} /> : overview.kind === "loading" && <Skeleton rows={4} />}</div>
      </section>
      <div class="overview-columns">
        <div class="stack">
          <section class="card">
            <header class="card-head"><h2>{t.runningTitle}</h2><a class="small-text" href={href.runs({filter: "state:running"})}>{t.all}</a></header>
            <Loaded of={running} rows={3}>{() => (
              <ul class="overview-list">
                {shownLive.map((run) => <RunningRow key={run.id} run={run} usual={glances.get(run.job)?.recent.duration_ms_p50} />)}
                {live.length > kRunningShown && <li class="overview-none">{t.more(live.length - kRunningShown)}</li>}
                {live.length === 0 && <li class="overview-none">{t.nothingRuns}</li>}
              </ul>
            )}</Loaded>
          </section>
          <section class="card">
            <header class="card-head"><h2>{t.failures}</h2><a class="small-text" href={href.runs({filter: `state:${kBad.join(",")} age<24h`})}>{t.allFailed}</a></header>
            <Loaded of={failures} rows={4}>{(items) => (
              <ul class="overview-list">
                {items.map(({run, count, line}) => (
                  <li key={run.id} class="overview-row tall">
                    <StatusMark verdict={run.status} />
                    <span class="grow overview-two">
                      <span class="row between"><span class="row"><a class="clip" href={href.run(run.id)} title={run.id}>{run.job}</a>{count > 1 && <a class="chip tone tone-bad num" href={href.runs({filter: `job:${filterValue(run.job)} state:${kBad.join(",")}`})} title={t.times(count)}>×{count}</a>}</span><span class="dim small-text">{run.scheduled_at && <Relative at={run.scheduled_at} />}</span></span>
                      <span class="row between small-text">
                        <code class="clip overview-line" title={line}>{line || run.error || <span class="dim">{t.noOutput}</span>}</code>
                        <span class="dim num">{(run.signal === undefined && endWord(run)) || verdictWords[run.status]}</span>
                      </span>
                    </span>
                  </li>
                ))}
                {items.length === 0 && <li><Empty icon="check" title={t.noFailures} /></li>}
              </ul>
            )}</Loaded>
          </section>
          {data && (
            <section class="card">
              <header class="card-head"><h2>{t.startTitle}</h2></header>
              {data.statistics.late_ms ? (
                <div class="overview-punctual">
                  <div><span class="overview-value num">{duration(data.statistics.late_ms.p50)}</span><span class="dim small-text">{t.p50}</span></div>
                  <div><span class="overview-value num">{duration(data.statistics.late_ms.p99)}</span><span class="dim small-text">{t.p99}</span></div>
                  <div><span class="overview-value num">{duration(data.statistics.late_ms.max)}</span><span class="dim small-text">{t.worst}</span></div>
                  <span class="dim small-text overview-starts"><Icon name="clock" size={13} /> {t.starts(data.statistics.late_ms.count)}</span>
                </div>
              ) : <p class="overview-none">{t.noStarts}</p>}
            </section>
          )}
        </div>
        <section class="card">
          <header class="card-head"><h2>{t.nextTitle}</h2><a class="small-text" href={href.jobs()}>{t.allJobs}</a></header>
          {!data ? overview.kind === "loading" && <Skeleton /> : (
            <ul class="overview-list">
              {next.map((firing) => (
                <li key={`${firing.job} ${firing.at}`} class="overview-row">
                  <a class="clip grow" href={href.job(firing.job)} title={firing.job}>{firing.job}</a>
                  <span class="dim small-text"><Time at={firing.at} /></span>
                  <span class="overview-time"><Relative at={firing.at} /></span>
                </li>
              ))}
              {next.length === 0 && <li class="overview-none">{t.nothingNext}</li>}
            </ul>
          )}
        </section>
      </div>
    </div>
  );
}
