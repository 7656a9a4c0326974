// pages/job/summary.tsx: how a job fares: what runs now, its latest runs by duration and verdict, and what it is.
import {call} from "../../api/client.ts";
import type {Glance, StoredJob} from "../../api/schema.ts";
import {href} from "../../app/router.ts";
import {duration, number, percent} from "../../i18n/format.ts";
import {plural, texts} from "../../i18n/language.ts";
import {useResource} from "../../live/resource.ts";
import {askKillJob} from "../../jobs/actions.ts";
import {scheduleOf, shownCommand, zoneOf} from "../../jobs/state.ts";
import {Button} from "../../ui/button.tsx";
import {Copy} from "../../ui/copy.tsx";
import {filterValue} from "../../ui/filter_box.tsx";
import {Loaded} from "../../ui/states.tsx";
import {StatusWord, isUnderWay} from "../../ui/status.tsx";
import {Relative, Since, Time} from "../../ui/time.tsx";
import {endWord, words} from "../../ui/words.ts";
import {DurationChart} from "./duration_chart.tsx";

const t = texts({
  en: {
    now: "Running now", idle: "Nothing runs at the moment.", latest: "Latest runs by duration", what: "What it is", rate: "Succeeded", ofRuns: (n: number) => plural(n, {one: "of 1 run in 7 days", other: "of the newest {n} runs in 7 days"}), usual: "Usual duration", last: "Last run", noRuns: "It has not run yet.",
    killAll: "Kill all", on: "on", policies: "Policies", timeout: "timeout", retries: (n: number) => plural(n, {one: "1 retry", other: "{n} retries"}), user: "as user", where: "only where", env: (n: number) => plural(n, {one: "1 variable", other: "{n} variables"}), saved: "Firings since", revision: "Revision", allRuns: "All runs",
  },
  zh: {
    now: "正在运行", idle: "当前没有运行。", latest: "最近运行的时长", what: "基本信息", rate: "成功率", ofRuns: (n) => `7 天内最新 ${number(n)} 次运行`, usual: "通常时长", last: "上次运行", noRuns: "尚未运行。",
    killAll: "全部终止", on: "在", policies: "策略", timeout: "超时", retries: (n) => `重试 ${number(n)} 次`, user: "用户", where: "仅在", env: (n) => `${number(n)} 个变量`, saved: "触发起始于", revision: "修订号", allRuns: "全部运行",
  },
});

const kAsked = 60;

export function Summary({stored, glance}: {stored: StoredJob; glance: Glance}) {
  const {name, job} = stored;
  const runs = useResource(`job runs ${name}`, (signal) => call("list_runs", {query: {job: name, limit: kAsked}, signal}), {topics: ["runs"], pace: 1_500});
  const retry = job?.retry as {count?: number} | undefined;
  const policies = [
    typeof job?.overlap === "object" ? `overlap: ${JSON.stringify(job.overlap)}` : job?.overlap && `overlap: ${job.overlap}`,
    typeof job?.misfire === "object" ? `misfire: ${JSON.stringify(job.misfire)}` : job?.misfire && `misfire: ${job.misfire}`,
    job?.timeout && `${t.timeout} ${job.timeout}`, retry?.count && t.retries(retry.count),
    job?.delivery && `delivery: ${JSON.stringify(job.delivery)}`, job?.user && `${t.user} ${job.user}`,
    job?.where && `${t.where} ${JSON.stringify(job.where)}`, job?.env && t.env(Object.keys(job.env).length),
  ].filter((one): one is string => Boolean(one));
  const recent = glance.recent;
  return (
    <div class="job-summary">
      <div class="stack">
        <Loaded of={runs} rows={5}>{({items}) => {
          const live = items.filter((run) => isUnderWay(run.status)), over = items.filter((run) => !isUnderWay(run.status));
          const latest = over[0];
          return (
            <>
              <section class="job-figures">
                <div class="card"><span class="dim small-text">{t.rate}</span><strong class={`job-figure tone-${recent.count === 0 ? "quiet" : recent.succeeded === recent.count ? "good" : recent.succeeded / recent.count < 0.5 ? "bad" : "late"}`}>{recent.count > 0 ? percent(recent.succeeded / recent.count) : "–"}</strong><span class="dim small-text">{recent.count > 0 ? t.ofRuns(recent.count) : t.noRuns}</span></div>
                <div class="card"><span class="dim small-text">{t.usual}</span><strong class="job-figure">{recent.duration_ms_p50 !== undefined ? duration(recent.duration_ms_p50) : "–"}</strong><span class="dim small-text">p50</span></div>
                <div class="card">
                  <span class="dim small-text">{t.last}</span>
                  {latest ? <><a class="job-last" href={href.run(latest.id)}><StatusWord verdict={latest.status} reason={latest.reason} /></a><span class="dim small-text">{latest.scheduled_at && <Relative at={latest.scheduled_at} />}{latest.exit_code !== 0 && endWord(latest) && ` · ${endWord(latest)}`}</span></> : <span class="dim">{t.noRuns}</span>}
                </div>
              </section>
              <section class="card">
                <header class="card-head"><h2>{t.now}</h2>{live.length > 0 && <Button size="small" tone="danger" icon="stop" onClick={() => askKillJob(name)}>{t.killAll}</Button>}</header>
                {live.length === 0 ? <p class="job-none">{t.idle}</p> : (
                  <ul>
                    {live.map((run) => (
                      <li key={run.id} class="job-live">
                        <StatusWord verdict={run.status} />
                        <a class="clip grow" href={href.run(run.id)}>{run.id}</a>
                        {run.worker && <span class="dim">{t.on} {run.worker}</span>}
                        {run.started_at && <Since at={run.started_at} />}
                      </li>
                    ))}
                  </ul>
                )}
              </section>
              <section class="card">
                <header class="card-head"><h2>{t.latest}</h2><a class="small-text" href={href.job(name, "runs")}>{t.allRuns}</a></header>
                <div class="card-body">{over.length > 0 ? <DurationChart runs={over} usual={recent.duration_ms_p50} /> : <span class="dim">{t.noRuns}</span>}</div>
              </section>
            </>
          );
        }}</Loaded>
      </div>
      <section class="card">
        <header class="card-head"><h2>{t.what}</h2></header>
        <dl class="facts card-body">
          {job?.description && <><dt>{words.description}</dt><dd>{job.description}</dd></>}
          <dt>{words.schedule}</dt><dd><code>{scheduleOf(job)}</code></dd>
          <dt>{words.zone}</dt><dd>{zoneOf(job)}</dd>
          <dt>{words.command}</dt><dd><pre class="job-command" tabIndex={0}>{shownCommand(job) || stored.document}</pre></dd>
          {job?.owner && <><dt>{words.owner}</dt><dd>{job.owner}</dd></>}
          {Object.keys(job?.labels ?? {}).length > 0 && (
            <><dt>{words.labels}</dt><dd class="row wrap">{Object.entries(job?.labels ?? {}).map(([label, value]) => <a key={label} class="chip" href={href.jobs({filter: `label:${filterValue(value ? `${label}=${value}` : label)}`})}>{value ? `${label}=${value}` : label}</a>)}</dd></>
          )}
          {policies.length > 0 && <><dt>{t.policies}</dt><dd>{policies.map((policy) => <div key={policy} class="clip">{policy}</div>)}</dd></>}
          {stored.since && <><dt>{t.saved}</dt><dd><Time at={stored.since} /></dd></>}
          <dt>{t.revision}</dt><dd><Copy text={String(stored.revision)} /></dd>
        </dl>
      </section>
    </div>
  );
}
