// ui/words.ts: the words of the product (docs/glossary.md), fixed in both languages (UI-81).
import type {Run, Status} from "../api/schema.ts";
import {texts} from "../i18n/language.ts";

export const words = texts({
  en: {
    overview: "Overview", jobs: "Jobs", runs: "Runs", calendar: "Calendar", workers: "Workers", system: "System",
    job: "Job", run: "Run", worker: "Worker", schedule: "Schedule", zone: "Time zone", command: "Command",
    duration: "Duration", lateness: "Lateness", attempt: "Attempt", trigger: "Trigger", status: "Status",
    owner: "Owner", labels: "Labels", name: "Name", description: "Description", state: "State", next: "Next firing",
    enabled: "enabled", disabled: "disabled", paused: "paused", ended: "ended", invalid: "invalid", refusedJob: "refused",
    save: "Save", cancel: "Cancel", close: "Close", retry: "Try again", copy: "Copy", copied: "Copied",
    delete: "Delete", edit: "Edit", clone: "Clone", pause: "Pause", resume: "Resume", runNow: "Run now", kill: "Kill",
    enable: "Enable", disable: "Disable", reason: "Reason", optional: "optional", undo: "Undo", more: "More",
    never: "never", none: "none", yes: "yes", no: "no",
  },
  zh: {
    overview: "总览", jobs: "任务", runs: "运行", calendar: "日历", workers: "执行节点", system: "系统",
    job: "任务", run: "运行", worker: "执行节点", schedule: "计划", zone: "时区", command: "命令",
    duration: "时长", lateness: "延迟", attempt: "尝试", trigger: "触发", status: "状态",
    owner: "负责人", labels: "标签", name: "名称", description: "说明", state: "状态", next: "下次触发",
    enabled: "启用", disabled: "停用", paused: "暂停", ended: "已结束", invalid: "无效", refusedJob: "被拒绝",
    save: "保存", cancel: "取消", close: "关闭", retry: "重试", copy: "复制", copied: "已复制",
    delete: "删除", edit: "编辑", clone: "克隆", pause: "暂停", resume: "恢复", runNow: "立即运行", kill: "终止",
    enable: "启用", disable: "停用", reason: "原因", optional: "可选", undo: "撤销", more: "更多",
    never: "从不", none: "无", yes: "是", no: "否",
  },
});

/** What a run is or came to. "late" is a waiting run past its second. */
export type Verdict = Status | "scheduled" | "due" | "late" | "starting";
export const verdictWords = texts({
  en: {
    scheduled: "scheduled", due: "due", late: "late", starting: "starting", waiting: "due", claimed: "starting",
    running: "running", succeeded: "succeeded", failed: "failed", signalled: "signalled", timed_out: "timed out",
    killed: "killed", skipped: "skipped", missed: "missed", lost: "lost", refused: "refused",
  },
  zh: {
    scheduled: "已计划", due: "到期", late: "延迟", starting: "启动中", waiting: "到期", claimed: "启动中",
    running: "运行中", succeeded: "成功", failed: "失败", signalled: "被信号终止", timed_out: "超时",
    killed: "已终止", skipped: "已跳过", missed: "已错过", lost: "丢失", refused: "被拒绝",
  },
} satisfies Record<"en" | "zh", Record<Verdict, string>>);

export const reasonWords = texts({
  en: {
    overlap: "the run before it was still going", queue_full: "its queue was full", replaced: "a newer run took its place",
    disabled: "the job was disabled", late: "too late to start", edited: "the job was edited",
    no_eligible_worker: "no worker could take it", shutdown: "its worker shut down", worker_died: "its worker died",
    restored: "the store was restored from a backup", spawn_failed: "the command could not be started",
    fenced: "its machine was out of contact",
  },
  zh: {
    overlap: "上一次运行仍在进行", queue_full: "队列已满", replaced: "被更新的运行取代",
    disabled: "任务已停用", late: "启动太晚", edited: "任务已被编辑",
    no_eligible_worker: "没有可用的执行节点", shutdown: "执行节点已关闭", worker_died: "执行节点已崩溃",
    restored: "存储从备份恢复", spawn_failed: "命令无法启动", fenced: "所在机器失去联系",
  },
});
export const reasonText = (reason: string): string =>
  (reasonWords as Record<string, string>)[reason] ?? reason.replaceAll("_", " ");

const ends = texts({
  en: {exit: (n: number) => `exit ${n}`, signal: (n: number) => `signal ${n}`},
  zh: {exit: (n) => `退出码 ${n}`, signal: (n) => `信号 ${n}`},
});
/** How a run ended, in a column of a list. */
export const endWord = ({reason, exit_code: code, signal}: Run): string =>
  reason ? reasonText(reason) : code !== undefined ? ends.exit(code) : signal !== undefined ? ends.signal(signal) : "";

export const triggerWords = texts({
  en: {schedule: "schedule", manual: "by hand", retry: "retry", redelivery: "redelivery", catch_up: "catch-up"},
  zh: {schedule: "按计划", manual: "手动", retry: "重试", redelivery: "重新投递", catch_up: "补跑"},
});
