// One worker (UI-50): what it is, what it runs, and its runs of the last hour as lanes.
import {href} from "../../app/router.ts";
import {usePageTitle} from "../../app/title.ts";
import {addressOf, call} from "../../api/client.ts";
import type {Run, Worker} from "../../api/schema.ts";
import {bytes, duration, minuteTime, percent} from "../../i18n/format.ts";
import {texts} from "../../i18n/language.ts";
import {second, serverNow} from "../../live/clock.ts";
import {useResource} from "../../live/resource.ts";
import {AsCommand} from "../../ui/as_command.tsx";
import {Button} from "../../ui/button.tsx";
import {Copy, shellQuote} from "../../ui/copy.tsx";
import {filterValue} from "../../ui/filter_box.tsx";
import {Icon} from "../../ui/icons.tsx";
import {Menu} from "../../ui/menu.tsx";
import {Loaded, Note} from "../../ui/states.tsx";
import {StatusWord, footOf, isHollow, toneOf} from "../../ui/status.tsx";
import {Since, Time, Took} from "../../ui/time.tsx";
import {useWidth} from "../../ui/width.ts";
import {verdictWords, words} from "../../ui/words.ts";
import {askChange, askLabels, t as actions, workerActions} from "../workers/actions.tsx";
import {Bar, Fill, Labels, WorkerState} from "../workers/state.tsx";
import {begin, end, inLanes} from "./lanes.ts";

const t = texts({
  en: {
    facts: "Facts", node: "Node id", host: "Host", address: "Address", pid: "Process", version: "Version", zones: "Zone data",
    up: "Up since", seen: "Last seen", running: "Running", cpu: "CPU", memory: "Memory", spool: "Spool", clock: "Clock", store: "Store answers in", history: "History answers in",
    of: (part: string, all: string) => `${part} of ${all}`, cpus: (percent: string, n: number) => (n === 1 ? `${percent} of 1 CPU` : `${percent} of ${n} CPUs`),
    ahead: (by: string) => `${by} ahead of the others`, behind: (by: string) => `${by} behind the others`, agrees: "agrees with the others",
    labels: "Labels", editLabels: "Edit labels", actions: "More actions",
    warnings: "Warnings", refused: "Jobs that it cannot schedule", recent: "Its last runs", due: "Due", all: "All runs",
    lanes: "The last hour", now: "now", lanesWhat: (n: number) => `Runs of the last hour on this worker: ${n}`, noRuns: "It has run nothing yet.",
    asked: (by: string, reason: string) => `Asked for by ${by}${reason ? `: ${reason}` : ""}`, noHour: "Nothing ran here in the last hour.",
    newest: (n: number) => `The newest ${n} runs of the hour are shown.`,
  },
  zh: {
    facts: "信息", node: "节点 ID", host: "主机", address: "地址", pid: "进程", version: "版本", zones: "时区数据",
    up: "启动于", seen: "最近出现", running: "运行中", cpu: "CPU", memory: "内存", spool: "待写缓存", clock: "时钟", store: "存储响应", history: "历史响应",
    of: (part, all) => `${part} / ${all}`, cpus: (percent, n) => `${percent}(${n} 核)`,
    ahead: (by) => `比其他节点快 ${by}`, behind: (by) => `比其他节点慢 ${by}`, agrees: "与其他节点一致",
    labels: "标签", editLabels: "编辑标签", actions: "更多操作",
    warnings: "警告", refused: "它无法调度的任务", recent: "最近的运行", due: "到期时间", all: "全部运行",
    lanes: "最近一小时", now: "现在", lanesWhat: (n) => `此节点最近一小时的运行:${n}`, noRuns: "它还没有运行过任何任务。",
    asked: (by, reason) => `由 ${by} 要求${reason ? `:${reason}` : ""}`, noHour: "最近一小时这里没有运行。",
    newest: (n) => `仅显示该小时内最新的 ${n} 个运行。`,
  },
});

const kHour = 3_600_000, kLaneHeight = 16, kRunsMax = 500;

function Lanes({runs}: {runs: readonly Run[]}) {
  const {ref, width: measured} = useWidth(), width = measured || 960;
  const until = second.value, from = until - kHour;
  const now = serverNow(), placed = inLanes(runs, now), lanes = 1 + Math.max(0, ...placed.map(({lane}) => lane));
  const x = (at: number) => Math.max(0, Math.min(width, ((at - from) / kHour) * width));
  const height = lanes * kLaneHeight + 22;
  const step = width < 500 ? 1_200_000 : 600_000;  // ten minutes; on a phone twenty
  const ticks = Array.from({length: 7}, (_, i) => from - (from % step) + i * step).filter((at) => at >= from && x(at) < width - 70);
  return (
    <div ref={ref}><svg class="workers-lane" width={width} height={height} viewBox={`0 0 ${width} ${height}`} role="group" aria-label={t.lanesWhat(runs.length)}>
      {ticks.map((at) => (
        <g key={at}>
          <line x1={x(at)} x2={x(at)} y1="0" y2={height - 18} />
          <text x={x(at)} y={height - 4}>{minuteTime(at)}</text>
        </g>
      ))}
      {placed.map(({run, lane}) => {
        const left = x(begin(run)), wide = Math.max(3, x(end(run, now)) - left), top = lane * kLaneHeight + 2, foot = footOf(run.status) * wide;
        return (
          <a key={run.id} href={href.run(run.id)} class={`tone-${toneOf(run.status)}${isHollow(run.status) ? " hollow" : ""}`} aria-label={`${run.job}, ${verdictWords[run.status]}`}>
            <title>{`${run.job} · ${verdictWords[run.status]} · ${duration(end(run, now) - begin(run))}`}</title>
            <rect x={left} y={top} width={wide} height={foot ? 8 : 12} rx="2" fill-opacity={run.ended_at ? 0.8 : 0.5} />
            {foot > 0 && <rect x={left} y={top + 9} width={foot} height="3" />}
          </a>
        );
      })}
      <line class="now" x1={width - 0.5} x2={width - 0.5} y1="0" y2={height - 18} />
      <text x={width} y={height - 4} text-anchor="end">{t.now}</text>
    </svg></div>
  );
}

// Of a machine in use: how much, and the same as a bar.
function Part({share, says}: {share: number; says: string}) {
  return <span class="workers-fill"><Bar share={share} tone={share >= 0.9 ? "late" : "busy"} /><span class="num">{says}</span></span>;
}

const kClockSaid = 20;  // ms; below it the difference is the network's
function loadRows({load}: Worker): [string, preact.ComponentChildren][] {
  if (!load) return [];
  const ahead = load.clock_ahead_ms, ms = (value: number) => duration(Math.max(1, value));
  return [
    [t.cpu, <Part share={load.cpu_percent / 100} says={t.cpus(percent(load.cpu_percent / 100), load.cpus)} />],
    [t.memory, <Part share={load.memory_bytes / Math.max(1, load.memory_bytes_max)} says={t.of(bytes(load.memory_bytes), bytes(load.memory_bytes_max))} />],
    [t.spool, <Part share={load.spool_bytes / Math.max(1, load.spool_bytes_max)} says={t.of(bytes(load.spool_bytes), bytes(load.spool_bytes_max))} />],
    [t.clock, Math.abs(ahead) < kClockSaid ? t.agrees : ahead > 0 ? t.ahead(ms(ahead)) : t.behind(ms(-ahead))],
    [t.store, ms(load.store_latency_ms)], [t.history, ms(load.history_latency_ms)],
  ];
}

function Facts({worker}: {worker: Worker}) {
  const rows: [string, preact.ComponentChildren][] = [
    [words.state, <WorkerState worker={worker} />], [t.node, <Copy text={worker.node} />],
    [t.running, <Fill running={worker.running} capacity={worker.capacity} />],
    ...loadRows(worker),
    [t.host, worker.host], [t.address, worker.address && <Copy text={worker.address} />], [t.pid, worker.pid],
    [t.version, worker.version], [t.zones, worker.zone_version],
    [t.up, worker.started_at && <><Time at={worker.started_at} /> <span class="dim">(<Since at={worker.started_at} />)</span></>],
    [t.seen, worker.state === "gone" && worker.seen_at && <Time at={worker.seen_at} />],
  ];
  return (
    <section class="card">
      <div class="card-head"><h2>{t.facts}</h2></div>
      <dl class="card-body facts">{rows.map(([name, value]) => value !== undefined && value !== false && <><dt>{name}</dt><dd>{value}</dd></>)}</dl>
    </section>
  );
}

function LastRuns({runs, node}: {runs: readonly Run[]; node: string}) {
  return (
    <section class="card">
      <div class="card-head"><h2>{t.recent}</h2><a href={href.runs({filter: `worker:${filterValue(node)}`})}>{t.all}</a></div>
      {runs.length === 0 ? <p class="card-body dim">{t.noRuns}</p> : (
        <div class="table-scroll">
          <table class="job-runs">
            <thead><tr><th scope="col">{words.status}</th><th scope="col">{words.job}</th><th scope="col">{t.due}</th><th scope="col" class="end">{words.duration}</th></tr></thead>
            <tbody>
              {runs.slice(0, 12).map((run) => (
                <tr key={run.id}>
                  <td><a href={href.run(run.id)}><StatusWord verdict={run.status} reason={run.reason} /></a></td>
                  <td><span class="clip"><a href={href.job(run.job)}>{run.job}</a></span></td>
                  <td>{run.scheduled_at ? <Time at={run.scheduled_at} /> : "–"}</td>
                  <td class="end"><Took run={run} /></td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}

function Page({worker}: {worker: Worker}) {
  const node = worker.node;
  const runs = useResource(`runs of ${node}`, (signal) => call("list_runs", {query: {worker: node, limit: 12, stale: "ok"}, signal}), {topics: ["runs"], pace: 2_000});
  const hour = useResource(`hour of ${node}`, (signal) => call("list_runs", {query: {worker: node, limit: kRunsMax, from: new Date(serverNow() - kHour).toISOString(), stale: "ok"}, signal}), {topics: ["runs"], pace: 5_000});
  const refused = Object.entries(worker.refused);
  return (
    <div class="stack">
      {worker.settings?.drain && <Note tone="late">{actions.drainWhat} {worker.settings.by && t.asked(worker.settings.by, worker.settings.reason ?? "")}</Note>}
      {worker.warnings.length > 0 && <Note tone="late"><strong>{t.warnings}</strong>{worker.warnings.map((warning) => <div key={warning}>{warning}</div>)}</Note>}
      <section class="card">
        <div class="card-head"><h2>{t.lanes}</h2></div>
        <div class="card-body">
          <Loaded of={hour} rows={2}>
            {(data) => data.items.length > 0 ? <><Lanes runs={data.items} />{data.next_cursor && <p class="dim small-text">{t.newest(data.items.length)}</p>}</> : <p class="dim">{t.noHour}</p>}
          </Loaded>
        </div>
      </section>
      <div class="workers-columns">
        <Facts worker={worker} />
        <section class="card">
          <div class="card-head"><h2>{t.labels}</h2>{worker.state !== "gone" && <Button size="small" icon="edit" onClick={() => void askLabels(node)}>{t.editLabels}</Button>}</div>
          <div class="card-body">{Object.keys(worker.labels).length > 0 ? <Labels labels={worker.labels} /> : <span class="dim">{words.none}</span>}</div>
        </section>
      </div>
      {refused.length > 0 && (
        <section class="card">
          <div class="card-head"><h2>{t.refused}</h2></div>
          <dl class="card-body facts">{refused.map(([job, why]) => <><dt><a href={href.job(job)}>{job}</a></dt><dd>{why}</dd></>)}</dl>
        </section>
      )}
      <Loaded of={runs} rows={4}>{(data) => <LastRuns runs={data.items} node={node} />}</Loaded>
    </div>
  );
}

export function WorkerPage({node}: {node: string}) {
  usePageTitle(node);
  const worker = useResource(`worker ${node}`, (signal) => call("get_worker", {path: {node}, query: {stale: "ok"}, signal}), {topics: ["workers", "runs"], every: 5_000});
  const data = worker.kind === "ready" ? worker.data : undefined;
  return (
    <>
      <header class="page-head">
        <div>
          <a class="dim" href={href.workers()}>{words.workers}</a>
          <h1>{node}</h1>
        </div>
        {data && (
          <div class="page-actions">
            <AsCommand cli={`cronfleet worker get ${shellQuote(node)}`} api={addressOf("get_worker", {path: {node}})} />
            {data.state === "gone" ? <Button tone="danger" onClick={() => askChange(data, "forget")}>{actions.forget}</Button>
              : data.settings?.drain ? <Button icon="play" onClick={() => askChange(data, "undrain")}>{actions.undrain}</Button>
                : <Button icon="pause" onClick={() => askChange(data, "drain")}>{actions.drain}</Button>}
            <Menu label={t.actions} items={workerActions(data)}><Icon name="more" /></Menu>
          </div>
        )}
      </header>
      <Loaded of={worker} rows={6}>{(found) => <Page worker={found} />}</Loaded>
    </>
  );
}
