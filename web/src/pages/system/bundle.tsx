// The support bundle (UI-61): one JSON file of what the server says of itself, made in the browser out of the answers that the
// page shows anyway. It lists beforehand what will be in it; no command, output, environment or parameter of a job is.
import {call, type OperationName} from "../../api/client.ts";
import {language, texts} from "../../i18n/language.ts";
import {serverNow} from "../../live/clock.ts";
import {problemOf} from "../../live/resource.ts";
import {Button} from "../../ui/button.tsx";
import {Dialog, openDialog} from "../../ui/dialog.tsx";
import {toast} from "../../ui/toast.tsx";
import {words} from "../../ui/words.ts";

const t = texts({
  en: {
    title: "Support bundle", what: "One JSON file to attach to a report. Nothing is sent anywhere. It has:",
    system: "this server: version, mode, stores and their members, warnings", configuration: "its configuration, with secrets masked",
    readiness: "whether each store answers", alarms: "alarms, which name workers and jobs", workers: "workers: host, address, labels, load, warnings, jobs they cannot schedule",
    console: "this browser: its name, language and window",
    not: "It has no command, output, parameter or environment of any job.", save: "Download", saved: (name: string) => `${name} is saved`,
  },
  zh: {
    title: "支持信息包", what: "一个可附在问题报告中的 JSON 文件,不会发送到任何地方。其中包含:",
    system: "本服务器:版本、模式、存储及其成员、警告", configuration: "它的配置,密钥已隐藏",
    readiness: "各存储是否有响应", alarms: "告警,其中有执行节点和任务的名称", workers: "执行节点:主机、地址、标签、负载、警告、无法调度的任务",
    console: "本浏览器:名称、语言和窗口",
    not: "不包含任何任务的命令、输出、参数或环境变量。", save: "下载", saved: (name) => `已保存 ${name}`,
  },
});

const parts = {system: "system", readiness: "ready", alarms: "list_alarms", workers: "list_workers"} as const satisfies Record<string, OperationName>;

/** What a part says, or why it does not: a bundle is wanted most when something is broken. */
async function said(name: (typeof parts)[keyof typeof parts]): Promise<unknown> {
  try {
    return await call(name);
  } catch (error) {
    const {status, code, message, requestId} = problemOf(error);
    return {problem: {status, code, detail: message, request_id: requestId}};
  }
}

async function save(close: () => void): Promise<void> {
  const made = new Date(serverNow()).toISOString();
  const answers = await Promise.all(Object.entries(parts).map(async ([part, name]) => [part, await said(name)] as const));
  const bundle = {made_at: made, ...Object.fromEntries(answers), console: {agent: navigator.userAgent, language: language.value, width: innerWidth, height: innerHeight, path: location.pathname}};
  const link = document.createElement("a");
  link.download = `cronfleet-support-${made.slice(0, 19).replace(/[-:]/g, "")}Z.json`;
  link.href = URL.createObjectURL(new Blob([JSON.stringify(bundle, null, 2) + "\n"], {type: "application/json"}));
  link.click();
  URL.revokeObjectURL(link.href);
  toast(t.saved(link.download));
  close();
}

export function SupportBundle() {
  const ask = () => openDialog((close) => (
    <Dialog title={t.title} onClose={close} footer={<><Button onClick={close}>{words.cancel}</Button><Button tone="primary" onClick={() => void save(close)}>{t.save}</Button></>}>
      <p>{t.what}</p>
      <ul class="system-parts">{(["system", "configuration", "readiness", "alarms", "workers", "console"] as const).map((part) => <li key={part}>{t[part]}</li>)}</ul>
      <p class="dim">{t.not}</p>
    </Dialog>
  ));
  return <Button onClick={ask}>{t.title}</Button>;
}
