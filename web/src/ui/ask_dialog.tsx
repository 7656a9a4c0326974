// ui/ask_dialog.tsx: a dialog that makes one call: it stays open, with the problem in it, until the server has agreed.
//
//   <AskDialog title={t.title} about={t.about} verb={words.pause} act={async () => { await call(…); toast(…); }} onClose={close}>…</AskDialog>
import type {ComponentChildren} from "preact";
import {useState} from "preact/hooks";
import type {ApiProblem} from "../api/client.ts";
import {texts} from "../i18n/language.ts";
import {problemOf} from "../live/resource.ts";
import {Button} from "./button.tsx";
import {Dialog} from "./dialog.tsx";
import {Field} from "./field.tsx";
import {ProblemNote} from "./problem.tsx";
import {words} from "./words.ts";

const t = texts({en: {whyLog: "Why? Kept in the server's log"}, zh: {whyLog: "原因(记入服务器日志)"}});

export function AskDialog({title, about, verb, danger = false, act, onClose, children, ready = true}: {
  title: string; about?: string; verb: string; danger?: boolean; act: () => Promise<void>; onClose: () => void;
  children?: ComponentChildren; ready?: boolean;
}) {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<ApiProblem | null>(null);
  const submit = async () => {
    if (busy || !ready) return;
    setBusy(true);
    setProblem(null);
    try {
      await act();
      onClose();
    } catch (error) {
      setProblem(problemOf(error));
      setBusy(false);
    }
  };
  return (
    <Dialog title={title} onClose={onClose} onSubmit={() => void submit()} footer={
      <>
        <Button onClick={onClose}>{words.cancel}</Button>
        <Button type="submit" tone={danger ? "danger" : "primary"} busy={busy} disabled={!ready}>{verb}</Button>
      </>
    }>
      {about && <p class="dim">{about}</p>}
      {children}
      {problem && <ProblemNote problem={problem} />}
    </Dialog>
  );
}

export function Reason({value, onChange, hint = t.whyLog, autofocus = false}: {value: string; onChange: (reason: string) => void; hint?: string; autofocus?: boolean}) {
  return (
    <Field label={words.reason} optional={words.optional} hint={hint}>
      {(control) => <input {...control} class="input" autofocus={autofocus} value={value} maxLength={1000} onInput={(event) => onChange(event.currentTarget.value)} />}
    </Field>
  );
}
