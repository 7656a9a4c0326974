// pages/run/kill_dialog.tsx: ends a run, first kindly, then by force. Stays open until the server has the order.
import {useState} from "preact/hooks";
import {call, type ApiProblem} from "../../api/client.ts";
import type {Run} from "../../api/schema.ts";
import {texts} from "../../i18n/language.ts";
import {noteOwnChange} from "../../live/live.ts";
import {problemOf} from "../../live/resource.ts";
import {Button} from "../../ui/button.tsx";
import {Dialog} from "../../ui/dialog.tsx";
import {Choice, Field} from "../../ui/field.tsx";
import {ProblemNote} from "../../ui/problem.tsx";
import {toast} from "../../ui/toast.tsx";
import {words} from "../../ui/words.ts";

const t = texts({
  en: {
    title: (job: string) => `Kill this run of ${job}?`, how: "How", ask: "As the job says", soon: "5 s of grace", now: "At once",
    askAbout: "TERM to its process group; after the job's grace KILL to everything that is left, children that went their own way included.",
    soonAbout: "TERM to its process group; after 5 seconds KILL to everything that is left.", nowAbout: "KILL to every process of it, without a chance to tidy up.",
    reason: "Kept in the server's log", ordered: "The order to end it is given",
  },
  zh: {
    title: (job) => `终止 ${job} 的这次运行?`, how: "方式", ask: "按任务设置", soon: "宽限 5 秒", now: "立即",
    askAbout: "向其进程组发送 TERM;任务的宽限期后向剩余的所有进程(包括脱离的子进程)发送 KILL。",
    soonAbout: "向其进程组发送 TERM;5 秒后向剩余的所有进程发送 KILL。", nowAbout: "向其所有进程发送 KILL,没有清理的机会。",
    reason: "记入服务器日志", ordered: "已下达终止命令",
  },
});

export function KillDialog({run, again, onClose}: {run: Run; again: boolean; onClose: () => void}) {
  const [how, setHow] = useState<"ask" | "soon" | "now">(again ? "now" : "ask");
  const [reason, setReason] = useState(""), [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<ApiProblem | null>(null);
  const submit = async () => {
    if (busy) return;
    setBusy(true);
    setProblem(null);
    try {
      await call("kill_run", {path: {id: run.id}, body: {...(reason ? {reason} : {}), ...(how === "soon" ? {grace: "5s"} : how === "now" ? {grace: "0s"} : {})}});
      noteOwnChange(["runs"]);
      toast(t.ordered);
      onClose();
    } catch (error) {
      setProblem(problemOf(error));
      setBusy(false);
    }
  };
  return (
    <Dialog title={t.title(run.job)} onClose={onClose} onSubmit={() => void submit()} footer={
      <>
        <Button onClick={onClose}>{words.cancel}</Button>
        <Button type="submit" tone="danger" icon="stop" busy={busy}>{words.kill}</Button>
      </>
    }>
      <Choice label={t.how} value={how} onChange={setHow} options={[{value: "ask", label: t.ask}, {value: "soon", label: t.soon}, {value: "now", label: t.now}]} />
      <p class="dim">{how === "ask" ? t.askAbout : how === "soon" ? t.soonAbout : t.nowAbout}</p>
      <Field label={words.reason} optional={words.optional} hint={t.reason}>
        {(control) => <input {...control} class="input" value={reason} maxLength={1000} onInput={(event) => setReason(event.currentTarget.value)} />}
      </Field>
      {problem && <ProblemNote problem={problem} />}
    </Dialog>
  );
}
