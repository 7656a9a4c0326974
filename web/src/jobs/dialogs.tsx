// jobs/dialogs.tsx: what the actions of jobs/actions.ts ask, each in a dialog. A chunk of its own, fetched when one opens.
import {useRef, useState} from "preact/hooks";
import {call, newKey} from "../api/client.ts";
import type {Job, Mistake, StoredJob} from "../api/schema.ts";
import {href, navigate} from "../app/router.ts";
import {dayOf, instantOf, plusDays} from "../i18n/days.ts";
import {fullTime, viewerZone} from "../i18n/format.ts";
import {plural, texts} from "../i18n/language.ts";
import {serverNow} from "../live/clock.ts";
import {noteOwnChange} from "../live/live.ts";
import {problemOf, useResource} from "../live/resource.ts";
import {AskDialog, Reason} from "../ui/ask_dialog.tsx";
import {Choice, Field} from "../ui/field.tsx";
import {toast} from "../ui/toast.tsx";
import {words} from "../ui/words.ts";
import {resume} from "./actions.ts";

const t = texts({
  en: {
    runTitle: (name: string) => `Run ${name} now`, runAbout: "One run outside of the schedule. It keeps to the job's overlap policy and appears in the history as started by hand.",
    anyWorker: "any worker that fits", onWorker: "Worker", runAsked: (name: string) => `${name} will run in a moment`, show: "Show the run",
    needed: "needed", theDefault: (value: string) => `${value} unless you say otherwise`,
    pauseTitle: (name: string) => `Pause ${name}`, until: "Until", open: "I resume it", hour: "1 hour", tomorrow: "Tomorrow 09:00", date: "A date",
    pauseAbout: "Nothing fires while it is paused; what runs goes on. It can be run by hand all the time.",
    paused: (name: string) => `${name} is paused`,
    cloneTitle: (name: string) => `Clone ${name}`, newName: "Name of the copy", cloneAbout: "The copy starts disabled, so that nothing runs twice unasked.",
    deleted: (name: string) => `${name} is deleted; its runs stay in the history`, restored: (name: string) => `${name} is back`,
    deleteTitle: (name: string) => `Delete ${name}?`, deleteAbout: "It fires no more. What runs goes on to its end. The runs stay in the history, and for 10 seconds you can take this back.",
    killTitle: (name: string) => `Kill all runs of ${name}?`, killAbout: "Every process of its runs gets TERM, and after the grace KILL.", grace: "Grace", jobsGrace: "as the job says",
    killed: (n: number) => (n === 0 ? "Nothing was running" : plural(n, {one: "1 run is ending", other: "{n} runs are ending"})),
  },
  zh: {
    runTitle: (name) => `立即运行 ${name}`, runAbout: "在计划之外运行一次。遵循任务的重叠策略,并在历史中记为手动启动。",
    anyWorker: "任意合适的执行节点", onWorker: "执行节点", runAsked: (name) => `${name} 即将运行`, show: "查看运行",
    needed: "必填", theDefault: (value) => `默认为 ${value}`,
    pauseTitle: (name) => `暂停 ${name}`, until: "直到", open: "手动恢复", hour: "1 小时", tomorrow: "明天 09:00", date: "指定日期",
    pauseAbout: "暂停期间不会触发;正在进行的运行会继续。仍可手动运行。",
    paused: (name) => `${name} 已暂停`,
    cloneTitle: (name) => `克隆 ${name}`, newName: "副本名称", cloneAbout: "副本默认停用,以免重复运行。",
    deleted: (name) => `${name} 已删除;其运行记录保留在历史中`, restored: (name) => `${name} 已恢复`,
    deleteTitle: (name) => `删除 ${name}?`, deleteAbout: "它将不再触发。正在进行的运行会继续到结束。运行记录保留在历史中,10 秒内可以撤销。",
    killTitle: (name) => `终止 ${name} 的所有运行?`, killAbout: "其运行的每个进程都会收到 TERM,宽限期后收到 KILL。", grace: "宽限期", jobsGrace: "按任务设置",
    killed: (n) => (n === 0 ? "没有正在进行的运行" : `${n} 次运行正在结束`),
  },
});

type Parameter = NonNullable<Job["parameters"]>[number];
/** One that the job declares: its choices, else what one types. The server judges the value. */
function ParameterField({of, value, error, onChange}: {of: Parameter; value: string | undefined; error: string | undefined; onChange: (value: string) => void}) {
  const choices = of.choices ?? (of.type === "boolean" ? [true, false] : null);
  const hint = [of.description, of.default !== undefined && t.theDefault(String(of.default))].filter(Boolean).join(" · ");
  return (
    <Field label={of.name} optional={of.default === undefined ? t.needed : words.optional} hint={hint || undefined} error={error}>
      {(control) => choices ? (
        <select {...control} class="input" value={value ?? ""} onChange={(event) => onChange(event.currentTarget.value)}>
          <option value="">{of.default === undefined ? "" : String(of.default)}</option>
          {choices.filter((one) => one !== of.default).map((one) => <option key={String(one)} value={String(one)}>{String(one)}</option>)}
        </select>
      ) : <input {...control} class="input" inputMode={of.type === "integer" ? "numeric" : "text"} value={value ?? String(of.default ?? "")} onInput={(event) => onChange(event.currentTarget.value)} />}
    </Field>
  );
}

export function RunDialog({name, onClose}: {name: string; onClose: () => void}) {
  const key = useRef(newKey());
  const [reason, setReason] = useState(""), [worker, setWorker] = useState("");
  const [given, setGiven] = useState<Record<string, string>>({}), [mistakes, setMistakes] = useState<readonly Mistake[]>([]);
  const workers = useResource("workers", (signal) => call("list_workers", {query: {stale: "ok"}, signal}));
  const job = useResource(`job ${name}`, (signal) => call("get_job", {path: {name}, query: {stale: "ok"}, signal}));
  const ready = workers.kind === "ready" ? workers.data.items.filter((one) => one.state === "ready") : [];
  const declared = job.kind === "ready" ? job.data.job?.parameters ?? [] : [];
  const complete = declared.every((one) => one.default !== undefined || Boolean(given[one.name]));
  const act = async () => {
    // An emptied text is an empty text; of all else nothing means the default.
    const isText = (name: string) => declared.some((one) => one.name === name && one.type === "text" && !one.choices);
    const parameters = Object.fromEntries(Object.entries(given).filter(([name, value]) => value !== "" || isText(name)));
    const body = {...(reason ? {reason} : {}), ...(worker ? {worker} : {}), ...(Object.keys(parameters).length > 0 ? {parameters} : {})};
    try {
      const {run_id} = await call("run_job", {path: {name}, body, idempotencyKey: key.current});
      noteOwnChange(["runs"]);
      toast(t.runAsked(name), {label: t.show, act: () => navigate(href.run(run_id)), ms: 8_000});
    } catch (error) {
      // Refused is refused: with other values it is another request.
      const problem = problemOf(error);
      if (problem.code === "invalid_parameters") key.current = newKey();
      setMistakes(problem.errors);
      throw error;
    }
  };
  return (
    <AskDialog title={t.runTitle(name)} about={t.runAbout} verb={words.runNow} act={act} onClose={onClose} ready={job.kind !== "loading" && complete}>
      {declared.map((one) => (
        <ParameterField key={one.name} of={one} value={given[one.name]} error={mistakes.find((mistake) => mistake.pointer === `/parameters/${one.name}`)?.detail}
                        onChange={(value) => { setGiven((before) => ({...before, [one.name]: value})); setMistakes([]); }} />
      ))}
      <Reason value={reason} onChange={setReason} autofocus />
      {ready.length > 1 && (
        <Field label={t.onWorker}>
          {(control) => (
            <select {...control} class="input" value={worker} onChange={(event) => setWorker(event.currentTarget.value)}>
              <option value="">{t.anyWorker}</option>
              {ready.map((one) => <option key={one.node} value={one.node}>{one.node}</option>)}
            </select>
          )}
        </Field>
      )}
    </AskDialog>
  );
}

type PauseKind = "open" | "hour" | "tomorrow" | "date";
/** By the clock that the page shows, be the browser's another. */
function pauseEnd(kind: PauseKind, date: string): Date | null {
  const now = serverNow(), zone = viewerZone();
  if (kind === "hour") return new Date(now + 3_600_000);
  if (kind === "tomorrow") return new Date(instantOf(`${plusDays(dayOf(now, zone), 1)}T09:00`, zone));
  if (kind === "date" && date) return new Date(instantOf(date, zone));
  return null;
}

export function PauseDialog({name, onClose}: {name: string; onClose: () => void}) {
  const [kind, setKind] = useState<PauseKind>("open");
  const [date, setDate] = useState(""), [reason, setReason] = useState("");
  const end = pauseEnd(kind, date);
  const act = async () => {
    await call("pause_job", {path: {name}, body: {...(end ? {until: end.toISOString()} : {}), ...(reason ? {reason} : {})}});
    noteOwnChange(["jobs"]);
    toast(t.paused(name), {label: words.undo, act: () => void resume(name)});
  };
  return (
    <AskDialog title={t.pauseTitle(name)} about={t.pauseAbout} verb={words.pause} act={act} onClose={onClose} ready={kind !== "date" || !Number.isNaN(end?.getTime() ?? NaN)}>
      <div class="field">
        <span class="label">{t.until}</span>
        <Choice label={t.until} value={kind} onChange={setKind} options={[
          {value: "open", label: t.open}, {value: "hour", label: t.hour}, {value: "tomorrow", label: t.tomorrow}, {value: "date", label: t.date},
        ]} />
        {kind === "date" && <input class="input" type="datetime-local" aria-label={t.until} value={date} onInput={(event) => setDate(event.currentTarget.value)} />}
        {end && !Number.isNaN(end.getTime()) && <span class="field-hint">{fullTime(end.getTime())}</span>}
      </div>
      <Reason value={reason} onChange={setReason} />
    </AskDialog>
  );
}

export function CloneDialog({name, onClose}: {name: string; onClose: () => void}) {
  const [copy, setCopy] = useState(`${name}-copy`);
  const act = async () => {
    await call("clone_job", {path: {name}, body: {name: copy}});
    noteOwnChange(["jobs"]);
    navigate(href.job(copy, "edit"));
  };
  return (
    <AskDialog title={t.cloneTitle(name)} about={t.cloneAbout} verb={words.clone} act={act} onClose={onClose} ready={copy !== ""}>
      <Field label={t.newName}>
        {(control) => <input {...control} class="input" autofocus value={copy} maxLength={128} onInput={(event) => setCopy(event.currentTarget.value)} />}
      </Field>
    </AskDialog>
  );
}

export function KillJobDialog({name, onClose}: {name: string; onClose: () => void}) {
  const [grace, setGrace] = useState(""), [reason, setReason] = useState("");
  const act = async () => {
    const {runs} = await call("kill_job", {path: {name}, body: {...(grace ? {grace} : {}), ...(reason ? {reason} : {})}});
    noteOwnChange(["runs"]);
    toast(t.killed(runs.length));
  };
  return (
    <AskDialog title={t.killTitle(name)} about={t.killAbout} verb={words.kill} danger act={act} onClose={onClose}>
      <Field label={t.grace} optional={words.optional}>
        {(control) => <input {...control} class="input" placeholder={t.jobsGrace} value={grace} onInput={(event) => setGrace(event.currentTarget.value)} />}
      </Field>
      <Reason value={reason} onChange={setReason} autofocus />
    </AskDialog>
  );
}

export function DeleteDialog({job, after, onClose}: {job: StoredJob; after: (() => void) | undefined; onClose: () => void}) {
  const {name, revision} = job;
  const act = async () => {
    await call("delete_job", {path: {name}, ifMatch: revision});
    noteOwnChange(["jobs"]);
    after?.();
    const undo = () => {
      call("restore_version", {path: {name, revision}, ifNoneMatch: "*"}).then(() => {
        noteOwnChange(["jobs"]);
        toast(t.restored(name));
      }, toast.problem);
    };
    toast(t.deleted(name), {label: words.undo, act: undo, ms: 10_000});
  };
  return <AskDialog title={t.deleteTitle(name)} about={t.deleteAbout} verb={words.delete} danger act={act} onClose={onClose} />;
}
