// Workers (UI-50): who is there, how full, and what is odd about them.
import {href} from "../../app/router.ts";
import type {PageProps} from "../../app/pages.ts";
import {usePageTitle} from "../../app/title.ts";
import {addressOf, call} from "../../api/client.ts";
import type {Worker} from "../../api/schema.ts";
import {bytes, percent} from "../../i18n/format.ts";
import {plural, texts} from "../../i18n/language.ts";
import {useResource} from "../../live/resource.ts";
import {AsCommand} from "../../ui/as_command.tsx";
import {Icon} from "../../ui/icons.tsx";
import {Menu} from "../../ui/menu.tsx";
import {Empty, Loaded, Note} from "../../ui/states.tsx";
import {Relative, Since} from "../../ui/time.tsx";
import {words} from "../../ui/words.ts";
import {WorkerPage} from "../worker/page.tsx";
import {workerActions} from "./actions.tsx";
import {Fill, Labels, WorkerState} from "./state.tsx";

const t = texts({
  en: {
    running: "Running", cpu: "CPU", memory: "Memory", spool: "Spool", version: "Version", zones: "Zone data", up: "Up for",
    emptyTitle: "No worker is up", emptyWhat: "Workers run the jobs. Each one that starts with the same stores as this server appears here by itself.",
    stale: "The store is away: this is the last known state.", actions: "Actions", differ: "differs from the others",
    warnings: (n: number) => plural(n, {one: "1 warning", other: "{n} warnings"}), left: (n: number) => plural(n, {one: "1 run to settle", other: "{n} runs to settle"}),
    total: (up: number, all: number, running: number, capacity: number) => `${up} of ${all} up · ${running} of ${plural(capacity, {one: "1 run", other: "{n} runs"})}`,
  },
  zh: {
    running: "运行中", cpu: "CPU", memory: "内存", spool: "待写缓存", version: "版本", zones: "时区数据", up: "已运行",
    emptyTitle: "没有执行节点在线", emptyWhat: "任务由执行节点运行。使用与本服务器相同存储启动的执行节点会自动出现在这里。",
    stale: "存储不可用:以下是最后已知的状态。", actions: "操作", differ: "与其他节点不同",
    warnings: (n) => `${n} 条警告`, left: (n) => `${n} 个运行待处理`,
    total: (up, all, running, capacity) => `${all} 个中 ${up} 个在线 · 运行 ${running} / ${capacity}`,
  },
});

const odd = (all: readonly Worker[], of: (worker: Worker) => string | undefined): boolean =>
  new Set(all.filter((one) => one.state !== "gone").map(of).filter(Boolean)).size > 1;

function Table({workers}: {workers: readonly Worker[]}) {
  const versions = odd(workers, (one) => one.version), zones = odd(workers, (one) => one.zone_version);
  return (
    <div class="card table-scroll">
      <table class="workers-table">
        <thead>
          <tr>
            <th scope="col">{words.name}</th><th scope="col">{words.state}</th><th scope="col">{t.running}</th><th scope="col">{words.labels}</th><th scope="col" class="end">{t.cpu}</th><th scope="col" class="end">{t.memory}</th><th scope="col" class="end">{t.spool}</th>
            <th scope="col">{t.version}</th><th scope="col">{t.zones}</th><th scope="col">{t.up}</th><th scope="col"><span class="away">{t.actions}</span></th>
          </tr>
        </thead>
        <tbody>
          {workers.map((worker) => (
            <tr key={worker.node}>
              <td>
                <div class="clip"><a href={href.worker(worker.node)} title={worker.node}><strong>{worker.node}</strong></a></div>
                <div class="dim small-text clip">{[...new Set([worker.host, worker.address])].filter(Boolean).join(" · ")}</div>
              </td>
              <td>
                <WorkerState worker={worker} />
                {worker.warnings.length > 0 && <a class="workers-warnings" href={href.worker(worker.node)}><Icon name="warning" size={13} />{t.warnings(worker.warnings.length)}</a>}
              </td>
              <td>{worker.state === "gone" ? <span class="dim">{t.left(worker.runs_left ?? 0)}</span> : <Fill running={worker.running} capacity={worker.capacity} />}</td>
              <td>{Object.keys(worker.labels).length > 0 ? <Labels labels={worker.labels} /> : <span class="dim">–</span>}</td>
              <td class="end num">{worker.load ? percent(worker.load.cpu_percent / 100) : "–"}</td>
              <td class="end num">{worker.load ? percent(worker.load.memory_bytes / Math.max(1, worker.load.memory_bytes_max)) : "–"}</td>
              <td class="end num">{worker.load ? bytes(worker.load.spool_bytes) : "–"}</td>
              <td><span class={versions ? "chip tone tone-late" : "num"} title={versions ? t.differ : undefined}>{worker.version ?? "–"}</span></td>
              <td><span class={zones ? "chip tone tone-late" : "num"} title={zones ? t.differ : undefined}>{worker.zone_version ?? "–"}</span></td>
              <td>{worker.state === "gone" ? (worker.seen_at ? <Relative at={worker.seen_at} /> : "–") : worker.started_at ? <Since at={worker.started_at} /> : "–"}</td>
              <td class="end"><Menu label={`${t.actions}: ${worker.node}`} class="bare only-icon" items={workerActions(worker)}><Icon name="more" /></Menu></td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** Also the page of one worker: what both need is more than either. */
export default function WorkersPage({parameters}: PageProps) {
  return parameters.node ? <WorkerPage node={parameters.node} /> : <AllWorkers />;
}

function AllWorkers() {
  usePageTitle(words.workers);
  const workers = useResource("workers", (signal) => call("list_workers", {query: {stale: "ok"}, signal}), {topics: ["workers", "runs"], every: 5_000});
  const items = workers.kind === "ready" ? workers.data.items : [];
  const up = items.filter((one) => one.state !== "gone");
  const sum = (of: (worker: Worker) => number | undefined) => up.reduce((all, one) => all + (of(one) ?? 0), 0);
  return (
    <>
      <header class="page-head">
        <div>
          <h1>{words.workers}</h1>
          {items.length > 0 && <p class="dim">{t.total(up.length, items.length, sum((one) => one.running), sum((one) => one.capacity))}</p>}
        </div>
        <div class="page-actions"><AsCommand cli="cronfleet worker list" api={addressOf("list_workers")} /></div>
      </header>
      <Loaded of={workers} rows={4}>
        {(data) => (
          <div class="stack">
            {data.stale && <Note tone="late">{t.stale}</Note>}
            {data.items.length > 0 ? <Table workers={data.items} />
              : <Empty icon="workers" title={t.emptyTitle} cli="cronfleet worker --config worker.json">{t.emptyWhat}</Empty>}
          </div>
        )}
      </Loaded>
    </>
  );
}
