// pages/editor/form.tsx: the document as fields. What is at its default stands in no document and is shown as a placeholder;
// a mistake that the server finds stands at its field.
import {useState} from "preact/hooks";
import type {Mistake} from "../../api/schema.ts";
import {instantOf, wallTime} from "../../i18n/days.ts";
import {zoneOf} from "../../jobs/state.ts";
import {Button} from "../../ui/button.tsx";
import {openDialog} from "../../ui/dialog.tsx";
import {Check, Choice, Field} from "../../ui/field.tsx";
import {Icon} from "../../ui/icons.tsx";
import {Menu} from "../../ui/menu.tsx";
import {words} from "../../ui/words.ts";
import {ZoneDialog} from "../../ui/zone_picker.tsx";
import {linesToPairs, linesToWhere, pairsToLines, whereToLines, withMember, type Document} from "./draft.ts";
import {ExpressionMistake, type Explained} from "./schedule_panel.tsx";
import {t} from "./texts.ts";

interface FormProps {
  name: string;
  isNew: boolean;
  document: Document;
  onName: (name: string) => void;
  onChange: (document: Document) => void;
  mistakes: readonly Mistake[];
  nameProblem: string | null;
  explained: Explained;
}

const presets = (): {label: string; expression: string}[] => [
  {label: t.everyMinutes, expression: "*/5 * * * *"}, {label: t.hourly, expression: "0 * * * *"}, {label: t.daily, expression: "0 2 * * *"},
  {label: t.weekdays, expression: "0 9 * * 1-5"}, {label: t.weekly, expression: "0 6 * * 1"}, {label: t.monthly, expression: "15 4 1 * *"},
  {label: t.lastDay, expression: "0 23 L * *"}, {label: t.spreadDaily, expression: "H H * * *"},
];

/** Text that keeps what is typed while its meaning goes into the document. */
function Lines({value, write, read, onChange, control, rows, placeholder}: {
  value: unknown; write: () => string; read: (text: string) => unknown; onChange: (value: unknown) => void; control: object; rows: number; placeholder?: string;
}) {
  const [text, setText] = useState(write);
  const meant = JSON.stringify(value ?? null);
  const [told, setTold] = useState(meant);
  if (meant !== told) {  // changed from elsewhere
    setTold(meant);
    setText(write());
  }
  return (
    <textarea {...control} class="input mono" rows={rows} spellcheck={false} value={text} placeholder={placeholder ?? ""}
              onInput={(event) => {
                const next = event.currentTarget.value;
                setText(next);
                const value = read(next);
                const empty = typeof value === "object" && value !== null && Object.keys(value).length === 0;
                setTold(JSON.stringify(empty ? null : value));
                onChange(value);
              }} />
  );
}

const toWall = (at: unknown, zone: string): string => {
  const instant = Date.parse(String(at ?? ""));
  return Number.isNaN(instant) ? "" : wallTime(instant, zone);
};
const fromWall = (time: string, zone: string): string | undefined => {
  const instant = instantOf(time, zone);
  return Number.isNaN(instant) ? undefined : new Date(instant).toISOString().replace(".000Z", "Z");
};

export function EditorForm({name, isNew, document, onName, onChange, mistakes, nameProblem, explained}: FormProps) {
  const zone = zoneOf(document as never);
  const set = (key: string, value: unknown) => onChange(withMember(document, key, value));
  const mistakeOf = (...pointers: string[]) =>
    mistakes.filter((one) => pointers.some((pointer) => one.pointer === pointer || one.pointer?.startsWith(`${pointer}/`))).map((one) => one.detail).join(" ") || undefined;
  const text = (key: keyof Document & string) => (typeof document[key] === "string" ? (document[key] as string) : document[key] === undefined ? "" : String(document[key]));
  const input = (key: string, label: string, placeholder = "", hint?: string) => (
    <Field label={label} hint={hint} error={mistakeOf(`/${key}`)}>
      {(control) => <input {...control} class="input" value={text(key)} placeholder={placeholder} spellcheck={false} onInput={(event) => set(key, event.currentTarget.value)} />}
    </Field>
  );
  const argv = Array.isArray(document.command);
  const shell = (document.shell as string[] | undefined) ?? ["/bin/bash", "-c"];
  const retry = (document.retry ?? {}) as Record<string, unknown>;
  const setRetry = (key: string, value: unknown) => set("retry", withMember(retry as Document, key, value));
  const overlap = typeof document.overlap === "object" ? "queue" : document.overlap ?? "forbid";
  const misfire = typeof document.misfire === "object" ? "run_all" : document.misfire ?? "run_once";
  const delivery = typeof document.delivery === "object" ? "again" : "once";
  const scheduleKey = document.cronExpr !== undefined && document.schedule === undefined ? "cronExpr" : "schedule";
  const expression = text(scheduleKey);
  const count = (value: unknown, key: string, otherwise: number) => Number((value as Record<string, unknown> | undefined)?.[key] ?? otherwise);
  const whole = (value: string): number | undefined => (/^\d+$/.test(value) ? Number(value) : undefined);
  const changed = (keys: readonly string[]) => keys.filter((key) => document[key] !== undefined);
  const reliability = ["overlap", "misfire", "catch_up_window", "start_deadline", "retry", "delivery", "timeout", "kill_grace", "jitter"];
  const execution = ["env", "working_directory", "user", "umask", "shell", "where", "limits", "output_bytes_max"];
  const wrong = (keys: readonly string[]) => keys.some((key) => mistakeOf(`/${key}`));

  return (
    <div class="stack">
      <section class="card editor-section">
        <h2>{t.about}</h2>
        <div class="editor-grid">
          <Field label={words.name} hint={isNew ? t.nameHint : undefined} error={nameProblem ?? undefined}>
            {(control) => <input {...control} class="input" value={name} maxLength={128} disabled={!isNew} spellcheck={false} autofocus={isNew} onInput={(event) => onName(event.currentTarget.value)} />}
          </Field>
          {input("owner", words.owner, "", t.ownerHint)}
        </div>
        {input("description", words.description)}
        <div class="editor-grid">
          <Field label={words.labels} hint={t.labelsHint} error={mistakeOf("/labels")}>
            {(control) => <Lines control={control} rows={Math.min(8, Math.max(2, Object.keys(document.labels ?? {}).length))} value={document.labels} write={() => pairsToLines(document.labels)} read={linesToPairs} onChange={(value) => set("labels", value)} placeholder={"team=db"} />}
          </Field>
          <div class="field"><span class="label">{words.state}</span><Check label={t.enabledWord} hint={t.enabledHint} checked={document.enabled !== false} onChange={(on) => set("enabled", on ? undefined : false)} /></div>
        </div>
      </section>

      <section class="card editor-section">
        <h2>{t.when}</h2>
        <Field label={t.expression} error={explained.problem && !explained.problem.offline && explained.problem.errors[0]?.pointer !== "/time_zone" ? <ExpressionMistake expression={expression} problem={explained.problem} /> : mistakeOf("/schedule", "/cronExpr")}
               hint={explained.explanation ? <span aria-live="polite">{explained.explanation.sentence}</span> : undefined}>
          {(control) => (
            <div class="row">
              <input {...control} class="input mono editor-expression" value={expression} maxLength={256} spellcheck={false} autocomplete="off" placeholder="0 2 * * *" onInput={(event) => set(scheduleKey, event.currentTarget.value)} />
              <Menu label={t.presets} class="plain" items={presets().map((preset) => ({label: preset.label, hint: preset.expression, action: () => set(scheduleKey, preset.expression)}))}>{t.presets}<Icon name="down" size={12} /></Menu>
            </div>
          )}
        </Field>
        <Field label={words.zone} error={mistakeOf("/time_zone") ?? (explained.problem?.errors[0]?.pointer === "/time_zone" ? explained.problem.message : undefined)}>
          {(control) => (
            <div class="row">
              <input {...control} class="input" value={text("time_zone")} placeholder="UTC" spellcheck={false} autocomplete="off" onInput={(event) => set("time_zone", event.currentTarget.value)} />
              <Button icon="globe" onClick={() => openDialog((close) => <ZoneDialog value={text("time_zone") || "UTC"} onChoose={(zone) => set("time_zone", zone)} onClose={close} />)}>{t.chooseZone}</Button>
            </div>
          )}
        </Field>
        <div class="editor-grid">
          {(["starts_at", "ends_at"] as const).map((key) => (
            <Field key={key} label={key === "starts_at" ? t.from : t.until} optional={words.optional} hint={zone} error={mistakeOf(`/${key}`)}>
              {(control) => <input {...control} class="input" type="datetime-local" value={toWall(document[key], zone)} onInput={(event) => set(key, fromWall(event.currentTarget.value, zone))} />}
            </Field>
          ))}
        </div>
      </section>

      <section class="card editor-section">
        <div class="row between wrap">
          <h2>{t.what}</h2>
          <Choice label={words.command} value={argv ? "argv" : "shell"} options={[{value: "shell", label: t.shell}, {value: "argv", label: t.argv}]}
                  onChange={(kind) => onChange(withMember(document, "command", kind === "argv" ? [text("command")].filter(Boolean) : argv ? (document.command as string[]).join(" ") : document.command))} />
        </div>
        <Field label={words.command} hint={argv ? t.argvHint : undefined} error={mistakeOf("/command")}>
          {(control) => argv
            ? <Lines control={control} rows={4} value={document.command} write={() => (document.command as string[]).join("\n")} read={(lines) => lines.split("\n")} onChange={(value) => onChange({...document, command: value as string[]})} />
            : <textarea {...control} class="input mono" rows={4} spellcheck={false} value={text("command")} placeholder="backup --all" onInput={(event) => set("command", event.currentTarget.value)} />}
        </Field>
        <div class="editor-argv"><span class="dim">{t.runs}</span>{(argv ? (document.command as string[]) : [...shell, text("command")]).map((one, i) => <code key={i}>{one || " "}</code>)}</div>
      </section>

      <details class="card editor-section" open={wrong(reliability)}>
        <summary><h2>{t.reliability}</h2><span class="dim clip">{changed(reliability).join(", ") || t.usual}</span></summary>
        <div class="stack">
          <div class="field">
            <span class="label">{t.overlap}</span>
            <div class="row wrap">
              <Choice label={t.overlap} value={overlap as "forbid" | "allow" | "replace" | "queue"} onChange={(kind) => set("overlap", kind === "forbid" ? undefined : kind === "queue" ? {queue: 5} : kind)}
                      options={[{value: "forbid", label: t.forbid}, {value: "allow", label: t.allow}, {value: "replace", label: t.replace}, {value: "queue", label: t.queue}]} />
              {overlap === "queue" && <input class="input editor-count" type="number" min={1} max={1000} aria-label={t.queue} value={count(document.overlap, "queue", 5)} onInput={(event) => set("overlap", {queue: event.currentTarget.valueAsNumber || 1})} />}
            </div>
            {mistakeOf("/overlap") && <div class="field-error">{mistakeOf("/overlap")}</div>}
          </div>
          <div class="field">
            <span class="label">{t.misfire}</span>
            <div class="row wrap">
              <Choice label={t.misfire} value={misfire as "run_once" | "skip" | "run_all"} onChange={(kind) => set("misfire", kind === "run_once" ? undefined : kind === "run_all" ? {run_all: 100} : kind)}
                      options={[{value: "run_once", label: t.runOnce}, {value: "skip", label: t.skip}, {value: "run_all", label: t.runAll}]} />
              {misfire === "run_all" && <input class="input editor-count" type="number" min={1} max={10000} aria-label={t.runAll} value={count(document.misfire, "run_all", 100)} onInput={(event) => set("misfire", {run_all: event.currentTarget.valueAsNumber || 1})} />}
            </div>
          </div>
          <div class="field">
            <span class="label">{t.delivery}</span>
            <div class="row wrap">
              <Choice label={t.delivery} value={delivery} onChange={(kind) => set("delivery", kind === "once" ? undefined : {at_least_once: 3})} options={[{value: "once", label: t.once}, {value: "again", label: t.again2}]} />
              {delivery === "again" && <input class="input editor-count" type="number" min={1} max={100} aria-label={t.again2} value={count(document.delivery, "at_least_once", 3)} onInput={(event) => set("delivery", {at_least_once: event.currentTarget.valueAsNumber || 1})} />}
            </div>
          </div>
          <div class="editor-grid three">
            {input("timeout", t.timeout, t.none, t.timeoutHint)}
            {input("kill_grace", t.grace, "10s")}
            {input("start_deadline", t.startDeadline, "60s", t.startDeadlineHint)}
            {input("catch_up_window", t.catchUp, "24h")}
            {input("jitter", t.jitter, "0s", t.jitterHint)}
          </div>
          <div class="editor-grid three">
            <Field label={t.retries} error={mistakeOf("/retry")}>
              {(control) => <input {...control} class="input" type="number" min={0} max={100} placeholder="0" value={retry.count === undefined ? "" : Number(retry.count)} onInput={(event) => setRetry("count", whole(event.currentTarget.value))} />}
            </Field>
            <Field label={t.delay}>{(control) => <input {...control} class="input" placeholder="10s" value={String(retry.delay ?? "")} onInput={(event) => setRetry("delay", event.currentTarget.value)} />}</Field>
            <Field label={t.factor}>{(control) => <input {...control} class="input" type="number" min={1} max={10} step="0.5" placeholder="2" value={retry.factor === undefined ? "" : Number(retry.factor)} onInput={(event) => setRetry("factor", Number.isNaN(event.currentTarget.valueAsNumber) ? undefined : event.currentTarget.valueAsNumber)} />}</Field>
            <Field label={t.delayMax}>{(control) => <input {...control} class="input" placeholder="1h" value={String(retry.delay_max ?? "")} onInput={(event) => setRetry("delay_max", event.currentTarget.value)} />}</Field>
            <Field label={t.exitCodes} hint={t.exitCodesHint}>
              {(control) => <Lines control={control} rows={1} value={retry.exit_codes} write={() => ((retry.exit_codes as number[] | undefined) ?? []).join(", ")} read={(text) => text.split(/[\s,]+/).filter((one) => /^\d+$/.test(one)).map(Number)} onChange={(value) => setRetry("exit_codes", value)} />}
            </Field>
          </div>
        </div>
      </details>

      <details class="card editor-section" open={wrong(execution)}>
        <summary><h2>{t.execution}</h2><span class="dim clip">{changed(execution).join(", ") || t.usual}</span></summary>
        <div class="stack">
          <div class="editor-grid">
            <Field label={t.where} hint={t.whereHint} error={mistakeOf("/where")}>
              {(control) => <Lines control={control} rows={3} value={document.where} write={() => whereToLines(document.where)} read={linesToWhere} onChange={(value) => set("where", value)} />}
            </Field>
            <Field label={t.env} hint={t.envHint} error={mistakeOf("/env")}>
              {(control) => <Lines control={control} rows={3} value={document.env} write={() => pairsToLines(document.env)} read={linesToPairs} onChange={(value) => set("env", value)} />}
            </Field>
          </div>
          <div class="editor-grid three">
            {input("working_directory", t.directory, "/")}
            {input("user", t.user, "", t.userHint)}
            {input("umask", t.umask, "022")}
            <Field label={t.output} error={mistakeOf("/output_bytes_max")}>
              {(control) => <input {...control} class="input" type="number" min={0} placeholder="1048576" value={document.output_bytes_max ?? ""} onInput={(event) => set("output_bytes_max", whole(event.currentTarget.value))} />}
            </Field>
            <Field label={t.shellWith} error={mistakeOf("/shell")}>
              {(control) => <Lines control={control} rows={1} value={document.shell} write={() => ((document.shell as string[] | undefined) ?? []).join(" ")} read={(text) => text.split(/\s+/).filter(Boolean)} onChange={(value) => set("shell", value)} placeholder="/bin/bash -c" />}
            </Field>
          </div>
          <Field label={t.limits} error={mistakeOf("/limits")}>
            {(control) => <Lines control={control} rows={2} value={document.limits} placeholder={"cpu_seconds=600"} write={() => pairsToLines(Object.fromEntries(Object.entries(document.limits ?? {}).map(([key, value]) => [key, String(value)])))}
                                 read={(lines) => Object.fromEntries(Object.entries(linesToPairs(lines)).map(([key, value]) => [key, whole(value.trim()) ?? value]))} onChange={(value) => set("limits", value)} />}
          </Field>
        </div>
      </details>
    </div>
  );
}
