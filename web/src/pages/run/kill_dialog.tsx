// pages/run/kill_dialog.tsx: ends a run, first kindly, then by force. Stays open until the server has the order.
import {useState} from "preact/hooks";
import {call} from "../../api/client.ts";
import type {Run} from "../../api/schema.ts";
import {texts} from "../../i18n/language.ts";
import {noteOwnChange} from "../../live/live.ts";
import {AskDialog, Reason} from "../../ui/ask_dialog.tsx";
import {Choice} from "../../ui/field.tsx";
import {toast} from "../../ui/toast.tsx";
import {words} from "../../ui/words.ts";

const t = texts({
  en: {
    title: (job: string) => `Kill this run of ${job}?`, how: "How", ask: "As the job says", soon: "5 s of grace", now: "At once",
    askAbout: "TERM to its process group; after the job's grace KILL to everything that is left, children that went their own way included.",
    soonAbout: "TERM to its process group; after 5 seconds KILL to everything that is left.", nowAbout: "KILL to every process of it, without a chance to tidy up.",
    ordered: "The order to end it is given",
  },
  zh: {
    title: (job) => `终止 ${job} 的这次运行?`, how: "方式", ask: "按任务设置", soon: "宽限 5 秒", now: "立即",
    askAbout: "向其进程组发送 TERM;任务的宽限期后向剩余的所有进程(包括脱离的子进程)发送 KILL。",
    soonAbout: "向其进程组发送 TERM;5 秒后向剩余的所有进程发送 KILL。", nowAbout: "向其所有进程发送 KILL,没有清理的机会。",
    ordered: "已下达终止命令",
  },
});

export function KillDialog({run, again, onOrdered, onClose}: {run: Run; again: boolean; onOrdered: () => void; onClose: () => void}) {
  const [how, setHow] = useState<"ask" | "soon" | "now">(again ? "now" : "ask");
  const [reason, setReason] = useState("");
  const act = async () => {
    await call("kill_run", {path: {id: run.id}, body: {...(reason ? {reason} : {}), ...(how === "soon" ? {grace: "5s"} : how === "now" ? {grace: "0s"} : {})}});
    noteOwnChange(["runs"]);
    toast(t.ordered);
    onOrdered();
  };
  return (
    <AskDialog title={t.title(run.job)} verb={words.kill} danger act={act} onClose={onClose}>
      <Choice label={t.how} value={how} onChange={setHow} options={[{value: "ask", label: t.ask}, {value: "soon", label: t.soon}, {value: "now", label: t.now}]} />
      <p class="dim">{how === "ask" ? t.askAbout : how === "soon" ? t.soonAbout : t.nowAbout}</p>
      <Reason value={reason} onChange={setReason} />
    </AskDialog>
  );
}
