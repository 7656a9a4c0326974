// pages/workers/actions.tsx: what an operator does to a worker; used by the list and by the page of one.
import {useState} from "preact/hooks";
import {call} from "../../api/client.ts";
import type {Worker} from "../../api/schema.ts";
import {plural, texts} from "../../i18n/language.ts";
import {noteOwnChange} from "../../live/live.ts";
import {AskDialog, Reason} from "../../ui/ask_dialog.tsx";
import {openDialog} from "../../ui/dialog.tsx";
import {Field} from "../../ui/field.tsx";
import type {MenuItem} from "../../ui/menu.tsx";
import {Note} from "../../ui/states.tsx";
import {toast} from "../../ui/toast.tsx";
import {words} from "../../ui/words.ts";

export const t = texts({
  en: {
    drain: "Drain", undrain: "Take runs again", forget: "Vouch that it is off", editLabels: "Edit labels",
    drainTitle: (node: string) => `Drain ${node}`, undrainTitle: (node: string) => `Let ${node} take runs again`,
    forgetTitle: (node: string) => `Vouch that the machine of ${node} is off`,
    drainWhat: "It takes no more runs. What runs there goes on to its end; other workers take over what comes next.",
    undrainWhat: "It takes its share of the next firings.",
    forgetWhat: "Its runs are then recorded as lost and their jobs may start elsewhere. If the machine is in truth still up and only cut off, a run could go on there while the next one starts: make sure first.",
    labelsTitle: (node: string) => `Labels of ${node}`,
    labelsHint: "One a line, name=value. They stand over those of its configuration; jobs choose workers by them.",
    labelsForm: (line: string) => `“${line}”: expected name=value`,
    drained: (node: string) => `${node} is draining`, undrained: (node: string) => `${node} takes runs again`,
    forgotten: (node: string, n: number) => `${node} is forgotten; ${plural(n, {one: "1 job", other: "{n} jobs"})} unlocked`, labelled: "Labels saved",
  },
  zh: {
    drain: "排空", undrain: "重新接受运行", forget: "确认已关机", editLabels: "编辑标签",
    drainTitle: (node) => `排空 ${node}`, undrainTitle: (node) => `让 ${node} 重新接受运行`,
    forgetTitle: (node) => `确认 ${node} 的机器已关机`,
    drainWhat: "它不再接受新的运行。正在运行的会执行到结束;后续触发由其他执行节点承担。",
    undrainWhat: "它将承担后续触发中属于它的部分。",
    forgetWhat: "它的运行会记录为丢失,相关任务可以在别处启动。如果该机器其实仍在工作、只是断网,可能出现两处同时运行:请先确认。",
    labelsTitle: (node) => `${node} 的标签`,
    labelsHint: "每行一个,格式为 名称=值。它们优先于配置中的标签;任务按标签选择执行节点。",
    labelsForm: (line) => `“${line}”:应为 名称=值`,
    drained: (node) => `${node} 正在排空`, undrained: (node) => `${node} 重新接受运行`,
    forgotten: (node, n) => `已移除 ${node};解锁了 ${n} 个任务`, labelled: "标签已保存",
  },
});

type Change = "drain" | "undrain" | "forget";

function ChangeDialog({worker, change, close}: {worker: Worker; change: Change; close: () => void}) {
  const node = worker.node;
  const [reason, setReason] = useState("");
  const title = {drain: t.drainTitle, undrain: t.undrainTitle, forget: t.forgetTitle}[change](node);
  const what = {drain: t.drainWhat, undrain: t.undrainWhat, forget: t.forgetWhat}[change];
  const options = {path: {node}, body: reason ? {reason} : {}};
  const act = async () => {
    let said = change === "drain" ? t.drained(node) : t.undrained(node);
    if (change === "forget") said = t.forgotten(node, (await call("forget_worker", options)).unlocked.length);
    else await call(change === "drain" ? "drain_worker" : "undrain_worker", options);
    noteOwnChange(["workers"]);
    toast(said);
  };
  return (
    <AskDialog title={title} verb={t[change]} danger={change === "forget"} act={act} onClose={close}>
      {change === "forget" ? <Note tone="bad">{what}</Note> : <p>{what}</p>}
      <Reason {...(change === "forget" ? {} : {hint: ""})} value={reason} onChange={setReason} />
    </AskDialog>
  );
}
export const askChange = (worker: Worker, change: Change): void =>
  openDialog((close) => <ChangeDialog worker={worker} change={change} close={close} />);

/** "zone=eu" a line; the first line that is none is the mistake. */
function parseLabels(text: string): {labels: Record<string, string>} | {wrong: string} {
  const labels: Record<string, string> = {};
  for (const line of text.split("\n").map((one) => one.trim()).filter(Boolean)) {
    const at = line.indexOf("=");
    if (at <= 0) return {wrong: line};
    labels[line.slice(0, at).trim()] = line.slice(at + 1).trim();
  }
  return {labels};
}

function LabelsDialog({node, labels, revision, close}: {node: string; labels: Record<string, string>; revision: number; close: () => void}) {
  const [text, setText] = useState(Object.entries(labels).map(([name, value]) => `${name}=${value}`).join("\n"));
  const parsed = parseLabels(text);
  const act = async () => {
    if ("wrong" in parsed) return;
    await call("put_labels", {path: {node}, body: parsed.labels, ...(revision > 0 ? {ifMatch: revision} : {ifNoneMatch: "*" as const})});
    noteOwnChange(["workers"]);
    toast(t.labelled);
  };
  return (
    <AskDialog title={t.labelsTitle(node)} verb={words.save} act={act} onClose={close} ready={!("wrong" in parsed)}>
      <Field label={words.labels} hint={t.labelsHint} error={"wrong" in parsed ? t.labelsForm(parsed.wrong) : undefined}>
        {(control) => <textarea {...control} class="input mono" rows={6} spellcheck={false} value={text} onInput={(event) => setText(event.currentTarget.value)} />}
      </Field>
    </AskDialog>
  );
}
/** Asks the server for what stands, so that another's change is not undone. */
export async function askLabels(node: string): Promise<void> {
  try {
    const stands = await call("get_labels", {path: {node}});
    openDialog((close) => <LabelsDialog node={node} labels={stands.labels} revision={stands.revision} close={close} />);
  } catch (error) {
    toast.problem(error);
  }
}

export function workerActions(worker: Worker): MenuItem[] {
  const wanted = worker.settings?.drain ?? false;
  if (worker.state === "gone") return [{label: t.forget, icon: "stop", danger: true, action: () => askChange(worker, "forget")}];
  return [
    wanted ? {label: t.undrain, icon: "play", action: () => askChange(worker, "undrain")}
      : {label: t.drain, icon: "pause", action: () => askChange(worker, "drain")},
    {label: t.editLabels, icon: "edit", action: () => void askLabels(worker.node)},
  ];
}
