// ui/problem.tsx: a failed call where it happened: what, what to do, and the request id for whoever looks into it.
import type {ApiProblem} from "../api/client.ts";
import {texts} from "../i18n/language.ts";
import {Button} from "./button.tsx";
import {Copy} from "./copy.tsx";
import {Icon} from "./icons.tsx";
import {words} from "./words.ts";

const t = texts({
  en: {
    offline: "The server cannot be reached. The page goes on by itself as soon as it answers.",
    notDone: "The server cannot be reached. Try again when it answers.",
    part: "A part of the console did not come; perhaps another release of the server answers now. Load the page again.",
    offlineTitle: "No connection",
    gone: "Not there",
    title: "This did not work",
    busy: "The store is away or busy; nothing was changed. Try again in a moment.",
    request: "request",
  },
  zh: {
    offline: "无法连接服务器。服务器恢复后页面会自动继续。",
    notDone: "无法连接服务器。请在服务器恢复后重试。",
    part: "未能取得控制台的一部分;现在应答的可能是另一版本的服务器。请重新加载页面。",
    offlineTitle: "连接中断",
    gone: "不存在",
    title: "操作未成功",
    busy: "存储暂时不可用,未做任何更改。请稍后重试。",
    request: "请求",
  },
});

/** `goesOn`: it is tried again without anybody's doing. */
export function problemText(problem: ApiProblem, goesOn = false): string {
  if (problem.offline) return goesOn ? t.offline : t.notDone;
  if (problem.code === "part_missing") return t.part;
  if (problem.status === 503) return `${t.busy} ${problem.message}`;
  return problem.message;
}

export function ProblemNote({problem, onRetry, goesOn = onRetry !== undefined}: {problem: ApiProblem; onRetry?: (() => void) | undefined; goesOn?: boolean}) {
  const title = problem.offline ? t.offlineTitle : problem.status === 404 ? t.gone : t.title;
  return (
    <div class="note bad" role="alert">
      <Icon name="warning" />
      <div class="note-body">
        <strong>{title}</strong>
        <div>{problemText(problem, goesOn)}</div>
        <div class="note-foot">
          {onRetry && <Button size="small" icon="refresh" onClick={onRetry}>{words.retry}</Button>}
          {problem.requestId && <span class="dim">{t.request} <Copy text={problem.requestId} /> · {problem.code}</span>}
        </div>
      </div>
    </div>
  );
}
