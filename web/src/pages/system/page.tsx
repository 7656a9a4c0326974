// System (UI-61): a self-check, what this server is, its stores, and every alarm with what to do about it.
import {usePageTitle} from "../../app/title.ts";
import {useAlarms} from "../../app/banners.tsx";
import {href} from "../../app/router.ts";
import {ApiProblem, addressOf, call, type Answer, type Operations} from "../../api/client.ts";
import type {Alarm, Readiness} from "../../api/schema.ts";
import {bytes, number} from "../../i18n/format.ts";
import {plural, texts} from "../../i18n/language.ts";
import {noteOwnChange, storeAway} from "../../live/live.ts";
import {useResource} from "../../live/resource.ts";
import {AsCommand} from "../../ui/as_command.tsx";
import {AskDialog} from "../../ui/ask_dialog.tsx";
import {Button} from "../../ui/button.tsx";
import {Copy} from "../../ui/copy.tsx";
import {openDialog} from "../../ui/dialog.tsx";
import {Icon} from "../../ui/icons.tsx";
import {Loaded, Note} from "../../ui/states.tsx";
import {Since, Time} from "../../ui/time.tsx";
import {toast} from "../../ui/toast.tsx";
import {words} from "../../ui/words.ts";
import {SupportBundle} from "./bundle.tsx";

const t = texts({
  en: {
    check: "Self-check", server: "This server", stores: "Members of the coordination store", alarms: "Alarms",
    ok: "All is well", okWhat: "Stores answer, workers are up, clocks agree: no alarm stands.",
    mode: "Mode", node: "Worker in this process", version: "Version", zones: "Zone data", up: "Up since", revision: "Revision of the store",
    workers: "Workers up", endpoint: "Endpoint", answers: "Answers", leader: "leader", size: "Database", warnings: "Warnings of this server",
    standalone: "standalone: server and worker in one process", master: "master: one of any number, without state of its own",
    store: "Coordination store", history: "Run history", storeOk: "answers: saves, kills and claims work",
    storeBad: "is away: lists show the last known state, changes are refused, nothing new starts",
    historyOk: "answers: every run is found", historyBad: "is away: runs that are over are missing here; workers keep their records until it is back",
    clock: "Clocks", clockOk: "agree", clockBad: (n: number) => plural(n, {one: "are suspect on 1 worker", other: "are suspect on {n} workers"}),
    workersOk: (n: number) => plural(n, {one: "1 is up", other: "{n} are up"}), workersBad: "none is up: nothing will run",
    settings: "Settings", settingsWhat: "Read-only; secrets are masked.", releases: "Releases of workers", backends: "Stores",
    todo: "What to do", confirm: "Confirm",
    restoredTitle: "Confirm the restored store",
    restoredWhat: "The coordination store has gone back to an older state, and workers start nothing new until somebody says that this is meant. Firings between the backup and now that had already run may run again. Look at the runs of that time first, then confirm.",
    restoredDone: "Confirmed; workers go on",
    markerTitle: "Let these jobs fire again",
    markerWhat: "A clock that was wrong has marked jobs as done up to a moment in the future, and they do not fire before it. Set that clock first, then confirm: they fire by their schedules again. What was claimed for moments after now may run a second time.",
    markerDone: (n: number) => plural(n, {one: "1 job fires by its schedule again", other: "{n} jobs fire by their schedules again"}), doctor: "A deeper check of a machine, its configuration, disk, limits and stores",
  },
  zh: {
    check: "自检", server: "本服务器", stores: "协调存储成员", alarms: "告警",
    ok: "一切正常", okWhat: "存储有响应,执行节点在线,时钟一致:没有告警。",
    mode: "模式", node: "本进程中的执行节点", version: "版本", zones: "时区数据", up: "启动于", revision: "存储修订号",
    workers: "在线执行节点", endpoint: "地址", answers: "响应", leader: "领导者", size: "数据库", warnings: "本服务器的警告",
    standalone: "standalone:服务器和执行节点在同一进程", master: "master:数量不限,自身无状态",
    store: "协调存储", history: "运行历史", storeOk: "有响应:保存、终止和认领正常",
    storeBad: "不可用:列表显示最后已知状态,拒绝更改,不会启动新的运行",
    historyOk: "有响应:可以查到所有运行", historyBad: "不可用:已结束的运行暂时不显示;执行节点会保留记录直到恢复",
    clock: "时钟", clockOk: "一致", clockBad: (n) => `${n} 个执行节点的时钟可疑`,
    workersOk: (n) => `${n} 个在线`, workersBad: "没有在线的:不会有任何运行",
    settings: "设置", settingsWhat: "只读;密钥已隐藏。", releases: "执行节点版本", backends: "存储",
    todo: "如何处理", confirm: "确认",
    restoredTitle: "确认已恢复的存储",
    restoredWhat: "协调存储回到了较早的状态,在有人确认之前,执行节点不会启动新的运行。备份时间到现在之间已经运行过的触发可能会再次运行。请先查看这段时间的运行,再确认。",
    restoredDone: "已确认;执行节点继续工作",
    markerTitle: "让这些任务重新触发",
    markerWhat: "一个出错的时钟把任务标记为已完成到未来的某个时刻,在那之前它们不会触发。请先校准该时钟,再确认:任务会重新按计划触发。已为现在之后的时刻认领过的触发可能会再次运行。",
    markerDone: (n) => `${n} 个任务重新按计划触发`, doctor: "更深入地检查一台机器的配置、磁盘、限制和存储",
  },
});

interface State {
  system: Answer<"system">;
  readiness: Readiness | null;  // null: it does not say
}
async function load(signal: AbortSignal): Promise<State> {
  const system = await call("system", {query: {stale: "ok"}, signal});
  try {
    return {system, readiness: await call("ready", {signal})};
  } catch (error) {
    if (error instanceof ApiProblem && error.status === 503) return {system, readiness: null};
    throw error;
  }
}

function Line({ok, name, says}: {ok: boolean; name: string; says: string}) {
  return (
    <li class="system-line">
      <span class={`mark-text tone-${ok ? "good" : "bad"}`}><Icon name={ok ? "check" : "warning"} /></span>
      <strong>{name}</strong>
      <span class={ok ? "dim" : ""}>{says}</span>
    </li>
  );
}

function Check({state, alarms}: {state: State; alarms: readonly Alarm[]}) {
  const has = (code: Alarm["code"]) => alarms.some((alarm) => alarm.code === code);
  const clocks = alarms.filter((alarm) => alarm.code === "clock_suspect").length;
  const store = !storeAway.value && !has("store_away") && !state.system.stale && state.readiness !== null;
  const history = !has("history_away") && !(state.readiness?.status === "degraded");
  return (
    <section class="card">
      <div class="card-head"><h2>{t.check}</h2></div>
      <div class="card-body stack tight">
        <ul class="stack tight">
          <Line ok={store} name={t.store} says={store ? t.storeOk : t.storeBad} />
          <Line ok={history} name={t.history} says={history ? t.historyOk : t.historyBad} />
          <Line ok={state.system.workers > 0} name={words.workers} says={state.system.workers > 0 ? t.workersOk(state.system.workers) : t.workersBad} />
          <Line ok={clocks === 0} name={t.clock} says={clocks === 0 ? t.clockOk : t.clockBad(clocks)} />
        </ul>
        {alarms.length === 0 && store && history && <Note tone="good"><strong>{t.ok}</strong><div>{t.okWhat}</div></Note>}
        <p class="dim small-text">{t.doctor}: <Copy text="cronfleet doctor" /></p>
      </div>
    </section>
  );
}

// The alarms that end by an operator's word; all others end with their cause.
type Confirmed = Operations["confirm_alarm"]["path"]["code"];
const confirms = {
  restored_store: () => ({title: t.restoredTitle, what: t.restoredWhat, done: t.restoredDone}),
  marker_ahead: ({jobs = []}: {jobs?: readonly string[]}) => ({title: t.markerTitle, what: t.markerWhat, done: t.markerDone(jobs.length)}),
} satisfies Record<Confirmed, (answer: {jobs?: readonly string[]}) => {title: string; what: string; done: string}>;
const isConfirmed = (code: string): code is Confirmed => code in confirms;

function confirmAlarm(code: Confirmed): void {
  const {title, what} = confirms[code]({});
  const act = async () => {
    const answer = await call("confirm_alarm", {path: {code}, body: {}});
    noteOwnChange(["alarms", "jobs"]);
    toast(confirms[code](answer).done);
  };
  openDialog((close) => <AskDialog title={title} verb={t.confirm} danger act={act} onClose={close}><Note tone="late">{what}</Note></AskDialog>);
}

/** One word is for all alarms of its code: the first of them has the button. */
function ConfirmButton({code}: {code: Confirmed}) {
  return <Button size="small" onClick={() => confirmAlarm(code)}>{t.confirm}</Button>;
}

function Alarms({alarms}: {alarms: readonly Alarm[]}) {
  return (
    <section class="card">
      <div class="card-head"><h2>{t.alarms}</h2><span class="chip tone tone-late">{number(alarms.length)}</span></div>
      <ul>
        {alarms.map((alarm) => (
          <li key={`${alarm.code} ${alarm.node} ${alarm.job}`} class="system-alarm">
            <div class="row wrap">
              <code class="chip tone tone-late">{alarm.code}</code>
              {alarm.node && <a href={href.worker(alarm.node)}>{alarm.node}</a>}
              {alarm.job && <a href={href.job(alarm.job)}>{alarm.job}</a>}
            </div>
            <p>{alarm.detail}</p>
            <p class="dim"><strong>{t.todo}:</strong> {alarm.action}</p>
            {isConfirmed(alarm.code) && alarms.find(({code}) => code === alarm.code) === alarm && <ConfirmButton code={alarm.code} />}
          </li>
        ))}
      </ul>
    </section>
  );
}

function Settings({text}: {text: string}) {
  return (
    <section class="card">
      <details>
        <summary class="card-head"><h2 class="row"><Icon name="down" size={12} />{t.settings}</h2><span class="dim small-text">{t.settingsWhat}</span></summary>
        <pre class="system-settings" tabIndex={0} aria-label={t.settings}>{text}</pre>
      </details>
    </section>
  );
}

function Server({system}: {system: Answer<"system">}) {
  return (
    <section class="card">
      <div class="card-head"><h2>{t.server}</h2></div>
      <dl class="card-body facts">
        <dt>{t.mode}</dt><dd>{t[system.mode]}</dd>
        <dt>{t.version}</dt><dd><Copy text={system.version} /></dd>
        <dt>{t.zones}</dt><dd>{system.zone_version}</dd>
        <dt>{t.up}</dt><dd><Time at={system.started_at} /> <span class="dim">(<Since at={system.started_at} />)</span></dd>
        {system.stores && <><dt>{t.backends}</dt><dd>{system.stores.filter(({backend}) => backend).map(({role, backend}) => `${role === "history" ? t.history : t.store}: ${backend}`).join(" · ")}</dd></>}
        {system.node && <><dt>{t.node}</dt><dd><a href={href.worker(system.node)}>{system.node}</a></dd></>}
        <dt>{t.workers}</dt><dd><a href={href.workers()}>{number(system.workers)}</a></dd>
        {system.releases && <><dt>{t.releases}</dt><dd>{Object.entries(system.releases).map(([release, n]) => `${release} × ${number(n)}`).join(", ") || "–"}</dd></>}
        <dt>{t.revision}</dt><dd class="num">{number(system.revision)}</dd>
      </dl>
      {system.warnings.length > 0 && <div class="card-body"><Note tone="late"><strong>{t.warnings}</strong>{system.warnings.map((text) => <div key={text}>{text}</div>)}</Note></div>}
    </section>
  );
}

function Members({members}: {members: NonNullable<Answer<"system">["store_members"]>}) {
  return (
    <section class="card table-scroll">
      <div class="card-head"><h2>{t.stores}</h2></div>
      <table>
        <thead><tr><th scope="col">{t.endpoint}</th><th scope="col">{t.answers}</th><th scope="col">{t.version}</th><th scope="col" class="end">{t.size}</th></tr></thead>
        <tbody>
          {members.map((member) => (
            <tr key={member.endpoint}>
              <td><code>{member.endpoint}</code> {member.leader && <span class="chip">{t.leader}</span>}</td>
              <td><span class={`row tone-${member.answers ? "good" : "bad"}`}><span class="mark-text"><Icon name={member.answers ? "check" : "warning"} /></span>{member.answers ? words.yes : member.error ?? words.no}</span></td>
              <td>{member.version ?? "–"}</td>
              <td class="end num">{member.database_bytes === undefined ? "–" : bytes(member.database_bytes)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

export default function SystemPage() {
  usePageTitle(words.system);
  const state = useResource("self-check", load, {topics: ["workers", "alarms"], every: 4_000});
  const found = useAlarms();
  const alarms = found.kind === "ready" ? found.data.items : [];
  return (
    <>
      <header class="page-head">
        <h1>{words.system}</h1>
        <div class="page-actions"><SupportBundle /><AsCommand cli="cronfleet alarm list" api={addressOf("system")} /></div>
      </header>
      <Loaded of={state} rows={6}>
        {(data) => (
          <div class="stack">
            {alarms.length > 0 && <Alarms alarms={alarms} />}
            <div class="system-columns">
              <Check state={data} alarms={alarms} />
              <Server system={data.system} />
            </div>
            {data.system.store_members && data.system.store_members.length > 0 && <Members members={data.system.store_members} />}
            {data.system.configuration && <Settings text={data.system.configuration} />}
          </div>
        )}
      </Loaded>
    </>
  );
}
