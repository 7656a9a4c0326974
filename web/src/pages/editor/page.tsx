// pages/editor/page.tsx: a job, new or known, as form and as JSON over one draft (UI-31, UI-32, UI-4). The server judges
// every state of the draft in a dry run, so what is marked here is what a save would say.
import {useEffect, useRef, useState} from "preact/hooks";
import {ApiProblem, call, isAbort, newKey, type Answer} from "../../api/client.ts";
import type {Mistake, StoredJob} from "../../api/schema.ts";
import type {PageProps} from "../../app/pages.ts";
import {href, navigate} from "../../app/router.ts";
import {usePageTitle} from "../../app/title.ts";
import {browserZone, shortTime} from "../../i18n/format.ts";
import {serverNow} from "../../live/clock.ts";
import {away, noteOwnChange} from "../../live/live.ts";
import {problemOf, useResource} from "../../live/resource.ts";
import {zoneOf} from "../../jobs/state.ts";
import {Button, LinkButton} from "../../ui/button.tsx";
import {CopyBox} from "../../ui/copy.tsx";
import {openDialog} from "../../ui/dialog.tsx";
import {Choice} from "../../ui/field.tsx";
import {Icon} from "../../ui/icons.tsx";
import {ProblemNote} from "../../ui/problem.tsx";
import {Loaded, Note} from "../../ui/states.tsx";
import {Relative, Time} from "../../ui/time.tsx";
import {toast} from "../../ui/toast.tsx";
import {words} from "../../ui/words.ts";
import {ConflictDialog} from "./conflict.tsx";
import {changedKeys, cleaned, keepDraft, keptDraft, ordered, toText, type Document, type Kept} from "./draft.ts";
import {EditorForm} from "./form.tsx";
import {SchedulePanel, useExplained} from "./schedule_panel.tsx";
import {t} from "./texts.ts";

const withoutName = ({name, ...rest}: Document): Document => (void name, rest);

export default function EditorPage({parameters, query}: PageProps) {
  const name = parameters.name;
  const copied = query.get("copy") ?? "";
  const source = name ?? copied;
  const stored = useResource<StoredJob | null>(`editor ${source}`, (signal) => (source ? call("get_job", {path: {name: source}, signal}) : Promise.resolve(null)));
  usePageTitle(name ? t.editTitle(name) : t.newTitle);
  // The draft is made of the first answer; a later one must not pull it from under the hands.
  const first = useRef<{source: string; job: StoredJob | null} | null>(null);
  if (stored.kind === "ready" && first.current?.source !== source) first.current = {source, job: stored.data};
  const deleted = name !== undefined && stored.kind === "failed" && stored.problem.status === 404 && keptDraft(name) !== null;
  if (deleted) first.current = {source, job: null};
  if (first.current?.source === source) return <Editor key={source} name={name} start={first.current.job} deleted={deleted} />;
  return <><h1>{name ? t.editTitle(name) : t.newTitle}</h1><Loaded of={stored} rows={10}>{() => null}</Loaded></>;
}

function startOf(name: string | undefined, job: StoredJob | null): Kept {
  const document = job ? withoutName(cleaned((job.job ?? {}) as Document)) : {schedule: "0 2 * * *", time_zone: browserZone, command: ""};
  return {name: name ?? "", document, base: name ? document : {}, revision: name && job ? job.revision : 0, at: 0};
}

type Verdict =
  | {kind: "unknown"}
  | {kind: "checking"}
  | {kind: "fits"; answer: Answer<"put_job">}
  | {kind: "wrong"; problem: ApiProblem};

function Editor({name: known, start, deleted}: {name: string | undefined; start: StoredJob | null; deleted: boolean}) {
  const isNew = known === undefined;
  const slot = known ?? "";
  const [fresh] = useState(() => startOf(known, start));
  const [restored] = useState(() => keptDraft(slot));
  const [draft, setDraft] = useState<Kept>(() => restored ?? fresh);
  const [json, setJson] = useState<{text: string; mistake: string} | null>(null);  // JSON that cannot be read yet
  const [side, setSide] = useState<"means" | "json">("means");
  const [busy, setBusy] = useState<"" | "save" | "run">("");
  const [problem, setProblem] = useState<ApiProblem | null>(null);
  useEffect(() => {
    if (!away.value) setProblem((one) => (one?.offline ? null : one));
  }, [away.value]);
  const {name, document, revision} = draft;
  const dirty = isNew ? restored !== null || draft !== fresh : changedKeys(draft.base, document).length > 0 || deleted;

  const change = (next: Partial<Kept>) => {
    setProblem(null);
    setDraft((before) => {
      const after = {...before, ...next, at: Date.now()};
      keepDraft(slot, after);
      return after;
    });
  };
  const discard = () => {
    keepDraft(slot, null);
    setJson(null);
    setDraft({...fresh});
    if (!isNew) navigate(href.job(known));
  };

  const expression = String(document.schedule ?? document.cronExpr ?? "");
  const explained = useExplained(expression, String(document.time_zone ?? ""), name);
  const verdict = useVerdict(name, document, revision, isNew);
  // A new job without a command is not wrong yet, only unfinished.
  const unfinished = isNew && (document.command === undefined || document.command.length === 0);
  const mistakes: readonly Mistake[] = verdict.kind !== "wrong" ? [] : verdict.problem.errors.filter((one) => !(unfinished && one.pointer === "/command"));
  const nameProblem = verdict.kind !== "wrong" ? null : verdict.problem.status === 412 && revision === 0 ? t.exists
    : mistakes.find((one) => one.parameter === "name" || one.pointer === "/name")?.detail ?? null;
  const elsewhere = mistakes.filter((one) => one.pointer !== undefined && !one.pointer.startsWith("/name"));

  const save = async (next: Kept, run: boolean) => {
    if (!next.name) return setProblem(new ApiProblem({status: 422, code: "no_name", detail: t.needName, instance: ""}));
    setBusy(run ? "run" : "save");
    setProblem(null);
    try {
      const body = ordered(next.document) as never;
      await call("put_job", {path: {name: next.name}, body, ...(next.revision > 0 ? {ifMatch: next.revision} : {ifNoneMatch: "*"})});
      keepDraft(slot, null);
      noteOwnChange(["jobs"]);
      if (run) {
        const {run_id} = await call("run_job", {path: {name: next.name}, body: {}, idempotencyKey: newKey()});
        noteOwnChange(["runs"]);
        navigate(href.run(run_id));
      } else {
        toast(t.saved(next.name));
        navigate(href.job(next.name));
      }
    } catch (error) {
      const failed = problemOf(error);
      setBusy("");
      if (failed.status === 412 && next.revision > 0) return resolveConflict(next);
      setProblem(failed);
    }
  };
  const resolveConflict = async (mine: Kept) => {
    try {
      const now = await call("get_job", {path: {name: mine.name}});
      const theirs = withoutName(cleaned((now.job ?? {}) as Document));
      openDialog((close) => (
        <ConflictDialog base={mine.base} theirs={theirs} mine={mine.document} onClose={close} onMerged={(merged, andSave) => {
          close();
          const next = {...mine, document: merged, base: theirs, revision: now.revision, at: Date.now()};
          change(next);
          if (andSave) void save(next, false);
        }} />
      ));
    } catch (error) {
      const failed = problemOf(error);
      if (failed.status === 404) change({revision: 0});
      setProblem(failed.status === 404 ? new ApiProblem({status: 412, code: "deleted", detail: t.gone, instance: failed.requestId}) : failed);
    }
  };

  const writeJson = (text: string) => {
    try {
      const parsed = JSON.parse(text) as unknown;
      if (parsed === null || typeof parsed !== "object" || Array.isArray(parsed)) throw new Error("{ … }");
      const {name: named, ...rest} = parsed as Document;
      setJson(null);
      change({document: cleaned(rest), ...(isNew && typeof named === "string" ? {name: named} : {})});
    } catch (error) {
      setJson({text, mistake: error instanceof Error ? error.message : String(error)});
    }
  };
  const whole: Document = ordered({...(name ? {name} : {}), ...document});
  const blocked = json !== null || busy !== "" || (verdict.kind === "wrong" && !verdict.problem.offline && verdict.problem.status !== 412);
  return (
    <div class="editor">
      <div class="page-head">
        <h1>{isNew ? t.newTitle : t.editTitle(name)}</h1>
        <div class="page-actions">
          {dirty && <Button tone="bare" onClick={discard}>{t.discard}</Button>}
          {!dirty && !isNew && <LinkButton to={href.job(name)}>{words.cancel}</LinkButton>}
          <Button onClick={() => void save(draft, true)} busy={busy === "run"} disabled={blocked} icon="play">{t.saveRun}</Button>
          <Button tone="primary" onClick={() => void save(draft, false)} busy={busy === "save"} disabled={blocked || (!dirty && !isNew)}>{words.save}</Button>
        </div>
      </div>
      {restored && draft.at === restored.at && <Note>{t.again(shortTime(restored.at, Date.now()))}</Note>}
      {deleted && <Note tone="late">{t.gone}</Note>}
      {problem && <ProblemNote problem={problem} />}
      {json && <Note tone="bad">{t.badJson(json.mistake)}</Note>}
      <div class="editor-columns">
        <form onSubmit={(event) => { event.preventDefault(); if (!blocked) void save(draft, false); }} inert={json !== null}>
          <EditorForm name={name} isNew={isNew} document={document} onName={(next) => change({name: next})} onChange={(next) => change({document: next})}
                      mistakes={mistakes} nameProblem={nameProblem} explained={explained} />
          <button type="submit" class="away" tabIndex={-1}>{words.save}</button>
        </form>
        <aside class="card editor-side">
          <div class="card-head">
            <Choice label={t.means} value={side} onChange={setSide} options={[{value: "means", label: t.means}, {value: "json", label: t.json}]} />
            <span class="grow" />
            {unfinished ? <span class="editor-verdict dim">{t.needCommand}</span> : <VerdictWord verdict={verdict} />}
          </div>
          <div class="card-body">
            {side === "means" ? (
              <div class="stack">
                {verdict.kind === "wrong" && elsewhere.length > 0 && <Note tone="bad"><ul>{elsewhere.map((one, i) => <li key={i}><code>{one.pointer}</code> {one.detail}</li>)}</ul></Note>}
                {verdict.kind === "wrong" && mistakes.length === 0 && !nameProblem && !unfinished && <ProblemNote problem={verdict.problem} />}
                <Consequences verdict={verdict} zone={zoneOf(document as never)} isNew={isNew} changed={isNew ? [] : changedKeys(draft.base, document)} />
                <SchedulePanel explained={explained} />
              </div>
            ) : (
              <div class="stack tight">
                <textarea class="input mono editor-json" aria-label={t.json} spellcheck={false} value={json?.text ?? toText(whole)} onInput={(event) => writeJson(event.currentTarget.value)} />
                <p class="dim small-text">{t.testDry}</p>
                <CopyBox label={t.cli} text={"cronfleet job apply -f job.json"} />
              </div>
            )}
          </div>
        </aside>
      </div>
      {dirty && <p class="dim small-text editor-kept"><Icon name="check" size={13} /> {t.kept}</p>}
    </div>
  );
}

/** What the server would say to this draft, 300 ms after the last change. */
function useVerdict(name: string, document: Document, revision: number, isNew: boolean): Verdict {
  const [verdict, setVerdict] = useState<Verdict>({kind: "unknown"});
  const text = JSON.stringify(document);
  useEffect(() => {
    const ended = new AbortController();
    setVerdict((before) => (before.kind === "fits" || before.kind === "wrong" ? before : {kind: "checking"}));
    const timer = setTimeout(() => {
      // A name is what one types last; the rest can be judged without it.
      call("put_job", {
        path: {name: name || "new"}, query: {dry_run: "1"}, body: JSON.parse(text) as never, signal: ended.signal,
        ...(isNew && name && revision === 0 ? {ifNoneMatch: "*"} : revision > 0 ? {ifMatch: "*"} : {ifNoneMatch: "*"}),
      }).then(
        (answer) => setVerdict({kind: "fits", answer}),
        (error: unknown) => {
          if (isAbort(error)) return;
          const problem = problemOf(error);
          // A job that is called like the stand-in is none of our business.
          setVerdict(!name && problem.status === 412 ? {kind: "unknown"} : {kind: "wrong", problem});
        },
      );
    }, 300);
    return () => {
      ended.abort();
      clearTimeout(timer);
    };
  }, [name, text, revision, isNew, away.value]);
  return verdict;
}

function VerdictWord({verdict}: {verdict: Verdict}) {
  if (verdict.kind === "fits") return <span class="editor-verdict tone-good"><Icon name="check" size={14} /> {t.fits}</span>;
  if (verdict.kind === "checking") return <span class="editor-verdict dim">{t.checking}</span>;
  return null;
}

function Consequences({verdict, zone, isNew, changed}: {verdict: Verdict; zone: string; isNew: boolean; changed: readonly string[]}) {
  if (verdict.kind !== "fits") return null;
  const {next_firing_before: before, next_firing_after: after, runs_under_way, collisions} = verdict.answer;
  const moved = before !== after;
  const under = runs_under_way ?? 0;
  if (isNew && !collisions?.count) return null;
  if (!isNew && changed.length === 0) return null;
  return (
    <ul class="editor-consequences">
      {!isNew && <li><Icon name="edit" size={14} /> {t.changes(changed.join(", "))}</li>}
      {!isNew && (
        <li>
          <Icon name="clock" size={14} />
          <span>
            {t.nextWas}: {moved ? <>{t.was} {before ? <Time at={before} zone={zone} /> : words.none}, {t.becomes} {after ? <><strong><Time at={after} zone={zone} /></strong> (<Relative at={after} />)</> : <strong>{words.none}</strong>}</> : <>{t.unchangedNext} {after && Date.parse(after) > serverNow() ? <Time at={after} zone={zone} /> : words.none}</>}
          </span>
        </li>
      )}
      {under > 0 && <li><Icon name="play" size={14} /> {t.underWay(under)}</li>}
      {collisions && collisions.count > 0 && <li><Icon name="info" size={14} /> {t.collisions(collisions.count, collisions.jobs.slice(0, 3).join(", "))}</li>}
    </ul>
  );
}
