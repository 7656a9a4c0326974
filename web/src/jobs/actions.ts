// jobs/actions.ts: what can be done with a job from anywhere: run, pause, resume, enable, clone, kill, delete. Each asks
// what it must, shows the server's answer, and tells the pages that something has changed.
import {h} from "preact";
import {call} from "../api/client.ts";
import type {StoredJob} from "../api/schema.ts";
import {href} from "../app/router.ts";
import {texts} from "../i18n/language.ts";
import {serverNow} from "../live/clock.ts";
import {noteOwnChange} from "../live/live.ts";
import {openDialog} from "../ui/dialog.tsx";
import type {MenuItem} from "../ui/menu.tsx";
import {toast} from "../ui/toast.tsx";
import {words} from "../ui/words.ts";
import {stateOf} from "./state.ts";

const t = texts({
  en: {resumed: (name: string) => `${name} fires again`, enabled: (name: string) => `${name} is enabled`, disabled: (name: string) => `${name} is disabled`},
  zh: {resumed: (name) => `${name} 已恢复触发`, enabled: (name) => `${name} 已启用`, disabled: (name) => `${name} 已停用`},
});

type Dialogs = typeof import("./dialogs.tsx");
function ask(render: (dialogs: Dialogs, close: () => void) => preact.JSX.Element): void {
  import("./dialogs.tsx").then((dialogs) => openDialog((close) => render(dialogs, close)), toast.problem);
}
export const askRun = (name: string): void => ask((dialogs, onClose) => h(dialogs.RunDialog, {name, onClose}));
export const askPause = (name: string): void => ask((dialogs, onClose) => h(dialogs.PauseDialog, {name, onClose}));
export const askClone = (name: string): void => ask((dialogs, onClose) => h(dialogs.CloneDialog, {name, onClose}));
export const askKillJob = (name: string): void => ask((dialogs, onClose) => h(dialogs.KillJobDialog, {name, onClose}));
export const askDelete = (job: StoredJob, after?: () => void): void => ask((dialogs, onClose) => h(dialogs.DeleteDialog, {job, after, onClose}));

export async function resume(name: string): Promise<void> {
  try {
    await call("resume_job", {path: {name}, body: {}});
    noteOwnChange(["jobs"]);
    toast(t.resumed(name));
  } catch (error) {
    toast.problem(error);
  }
}
export async function setEnabled(job: StoredJob, enabled: boolean): Promise<void> {
  try {
    await call("patch_job", {path: {name: job.name}, body: {enabled}, ifMatch: job.revision});
    noteOwnChange(["jobs"]);
    toast(enabled ? t.enabled(job.name) : t.disabled(job.name));
  } catch (error) {
    toast.problem(error);
  }
}

/** Everything, for a menu. */
export function jobMenu(job: StoredJob, afterDelete?: () => void): MenuItem[] {
  const state = stateOf(job, serverNow());
  const usable = job.job !== undefined && job.valid;
  return [
    {label: words.runNow, icon: "play", disabled: !usable, action: () => askRun(job.name)},
    state === "paused" ? {label: words.resume, icon: "play", action: () => void resume(job.name)}
      : {label: words.pause, icon: "pause", disabled: !usable, action: () => askPause(job.name)},
    {label: words.edit, icon: "edit", href: href.job(job.name, "edit")},
    {label: words.clone, icon: "copy", disabled: !usable, action: () => askClone(job.name)},
    job.job?.enabled === false ? {label: words.enable, icon: "check", action: () => void setEnabled(job, true)}
      : {label: words.disable, icon: "close", disabled: !usable, action: () => void setEnabled(job, false)},
    {label: words.kill, icon: "stop", separate: true, action: () => askKillJob(job.name)},
    {label: words.delete, icon: "trash", danger: true, action: () => askDelete(job, afterDelete)},
  ];
}
