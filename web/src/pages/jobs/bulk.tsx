// pages/jobs/bulk.tsx: one change to many jobs: judged by the server first (a dry run of the very same request), shown as
// a list, typed to confirm beyond twenty, then done with a result for each.
import {useEffect, useState} from "preact/hooks";
import {call, type ApiProblem, type Body} from "../../api/client.ts";
import type {StoredJob} from "../../api/schema.ts";
import {href} from "../../app/router.ts";
import {number} from "../../i18n/format.ts";
import {plural, texts} from "../../i18n/language.ts";
import {noteOwnChange} from "../../live/live.ts";
import {problemOf} from "../../live/resource.ts";
import {kUntilResumed} from "../../jobs/state.ts";
import {Reason} from "../../ui/ask_dialog.tsx";
import {Button} from "../../ui/button.tsx";
import {Dialog} from "../../ui/dialog.tsx";
import {Field} from "../../ui/field.tsx";
import {Icon} from "../../ui/icons.tsx";
import {ProblemNote} from "../../ui/problem.tsx";
import {Skeleton} from "../../ui/states.tsx";
import {words} from "../../ui/words.ts";

const t = texts({
  en: {
    title: (verb: string, n: number) => `${verb}: ${plural(n, {one: "1 job", other: "{n} jobs"})}`, changes: (n: number) => `${number(n)} will change`, same: (n: number) => `${number(n)} are so already`,
    fails: (n: number) => `${number(n)} cannot be changed`, type: (n: number) => `Type ${n} to confirm`, label: "Label", labelHint: "name=value; a name alone takes the label away",
    done: (n: number) => `${number(n)} done`, failed: (n: number) => `${number(n)} failed`, willChange: "changes", unchanged: "already so", willRun: "will run", ok: "done", notYet: "Looking at what would change…",
    more: (n: number) => `and ${number(n)} more`,
  },
  zh: {
    title: (verb, n) => `${verb}:${n} 个任务`, changes: (n) => `${number(n)} 个将更改`, same: (n) => `${number(n)} 个已是如此`,
    fails: (n) => `${number(n)} 个无法更改`, type: (n) => `输入 ${n} 以确认`, label: "标签", labelHint: "名称=值;仅名称则移除该标签",
    done: (n) => `${number(n)} 个已完成`, failed: (n) => `${number(n)} 个失败`, willChange: "将更改", unchanged: "已是如此", willRun: "将运行", ok: "完成", notYet: "正在检查将要更改的内容…",
    more: (n) => `还有 ${number(n)} 个`,
  },
});

export type BulkKind = "pause" | "resume" | "run" | "enable" | "disable" | "label" | "delete";
type Item = Body<"change_jobs">["items"][number];
type Result = Awaited<ReturnType<typeof change>>[number];
const kConfirmAbove = 20, kAtOnce = 500, kShownMax = 200;

const bulkVerb = (kind: BulkKind): string => ({
  pause: words.pause, resume: words.resume, run: words.runNow, enable: words.enable, disable: words.disable, label: t.label, delete: words.delete,
})[kind];

function itemOf(kind: BulkKind, job: StoredJob, label: string): Item {
  const patch = (members: Record<string, unknown>): Item => ({action: "patch", name: job.name, patch: members, if_match: `"${job.revision}"`});
  switch (kind) {
    case "pause": return patch({paused_until: kUntilResumed});
    case "resume": return patch({paused_until: null});
    case "enable": return patch({enabled: true});
    case "disable": return patch({enabled: false});
    case "run": return {action: "run", name: job.name};
    case "delete": return {action: "delete", name: job.name, if_match: `"${job.revision}"`};
    case "label": {
      const at = label.indexOf("=");
      return patch({labels: {[at < 0 ? label : label.slice(0, at)]: at < 0 ? null : label.slice(at + 1)}});
    }
  }
}

async function change(items: Item[], dryRun: boolean, reason = "") {
  const results = [];
  for (let i = 0; i < items.length; i += kAtOnce) {
    const answer = await call("change_jobs", {body: {dry_run: dryRun, ...(reason ? {reason} : {}), items: items.slice(i, i + kAtOnce)}});
    results.push(...answer.items);
  }
  return results;
}

const failed = (result: Result) => result.status >= 400;

export function BulkDialog({kind, jobs, onClose}: {kind: BulkKind; jobs: readonly StoredJob[]; onClose: (done: boolean) => void}) {
  const [label, setLabel] = useState(""), [typed, setTyped] = useState(""), [reason, setReason] = useState("");
  const [preview, setPreview] = useState<Result[] | null>(null), [results, setResults] = useState<Result[] | null>(null);
  const [busy, setBusy] = useState(false), [problem, setProblem] = useState<ApiProblem | null>(null);
  const leave = () => onClose(results !== null);
  const needsLabel = kind === "label" && !label.trim();
  const items = () => jobs.map((job) => itemOf(kind, job, label.trim()));

  useEffect(() => {
    setPreview(null);
    setProblem(null);
    if (needsLabel) return;
    let current = true;
    const timer = setTimeout(() => {
      change(items(), true).then((answer) => current && setPreview(answer), (error: unknown) => current && setProblem(problemOf(error)));
    }, kind === "label" ? 250 : 0);
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [label]);

  const act = async () => {
    setBusy(true);
    setProblem(null);
    try {
      setResults(await change(items(), false, reason.trim()));
      noteOwnChange(["jobs", "runs"]);
    } catch (error) {
      setProblem(problemOf(error));
    }
    setBusy(false);
  };

  const list = results ?? preview ?? [];
  const changing = list.filter((one) => !failed(one) && one.changed !== false).length;
  const bad = list.filter(failed).length;
  const confirmed = jobs.length <= kConfirmAbove || typed.trim() === String(jobs.length);
  const word = (one: Result) =>
    failed(one) ? one.problem?.detail ?? "" : results ? (one.changed === false ? t.unchanged : t.ok) : kind === "run" ? t.willRun : one.changed === false ? t.unchanged : t.willChange;
  return (
    <Dialog title={t.title(bulkVerb(kind), jobs.length)} onClose={leave} wide onSubmit={() => { if (preview && confirmed && !results && !busy) void act(); }} footer={
      results ? <Button tone="primary" onClick={leave}>{words.close}</Button> : (
        <>
          <Button onClick={leave}>{words.cancel}</Button>
          <Button type="submit" tone={kind === "delete" ? "danger" : "primary"} busy={busy} disabled={!preview || changing === 0 || !confirmed}>{bulkVerb(kind)}</Button>
        </>
      )
    }>
      {kind === "label" && !results && (
        <Field label={t.label} hint={t.labelHint}>
          {(control) => <input {...control} class="input" autofocus placeholder="team=db" value={label} onInput={(event) => setLabel(event.currentTarget.value)} />}
        </Field>
      )}
      {!results && (
        <Reason value={reason} onChange={setReason} />
      )}
      {problem && <ProblemNote problem={problem} />}
      {!problem && !needsLabel && list.length === 0 && <><p class="dim">{t.notYet}</p><Skeleton rows={3} /></>}
      {list.length > 0 && (
        <>
          <p>
            <strong>{results ? t.done(list.length - bad) : t.changes(changing)}</strong>
            {!results && list.length - changing - bad > 0 && <span class="dim"> · {t.same(list.length - changing - bad)}</span>}
            {bad > 0 && <span class="bulk-bad"> · {results ? t.failed(bad) : t.fails(bad)}</span>}
          </p>
          <ul class="bulk-list">
            {[...list].sort((a, b) => Number(failed(b)) - Number(failed(a))).slice(0, kShownMax).map((one) => (
              <li key={one.name} class={failed(one) ? "tone-bad" : one.changed === false ? "tone-quiet" : "tone-good"}>
                <Icon name={failed(one) ? "warning" : one.changed === false ? "more" : "check"} />
                <span class="clip grow">{one.name}</span>
                {one.run_id && results ? <a href={href.run(one.run_id)} onClick={leave}>{word(one)}</a> : <span class={failed(one) ? "bulk-bad" : "dim"}>{word(one)}</span>}
              </li>
            ))}
            {list.length > kShownMax && <li class="dim">{t.more(list.length - kShownMax)}</li>}
          </ul>
        </>
      )}
      {!results && preview && jobs.length > kConfirmAbove && (
        <Field label={t.type(jobs.length)}>
          {(control) => <input {...control} class="input" inputMode="numeric" value={typed} onInput={(event) => setTyped(event.currentTarget.value)} />}
        </Field>
      )}
    </Dialog>
  );
}
