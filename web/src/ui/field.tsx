// ui/field.tsx: a labelled control with its hint and its mistake. The mistake is the server's sentence.
import type {ComponentChildren} from "preact";
import {useId} from "preact/hooks";

export interface ControlProps {
  id: string;
  "aria-describedby": string | undefined;
  "aria-invalid": boolean | undefined;
}
export function Field({label, hint, error, optional, children}: {
  label: string; hint?: ComponentChildren; error?: ComponentChildren; optional?: string;
  children: (control: ControlProps) => ComponentChildren;
}) {
  const id = useId();
  const about = error ? `${id}-error` : hint ? `${id}-hint` : undefined;
  return (
    <div class={error ? "field wrong" : "field"}>
      <label for={id}>{label}{optional && <span class="dim"> · {optional}</span>}</label>
      {children({id, "aria-describedby": about, "aria-invalid": error ? true : undefined})}
      {error ? <div id={`${id}-error`} class="field-error">{error}</div>
        : hint ? <div id={`${id}-hint`} class="field-hint">{hint}</div> : null}
    </div>
  );
}

export function Check({label, checked, onChange, hint}: {label: string; checked: boolean; onChange: (on: boolean) => void; hint?: string}) {
  return (
    <label class="check">
      <input type="checkbox" checked={checked} onChange={(event) => onChange(event.currentTarget.checked)} />
      <span>{label}{hint && <span class="field-hint">{hint}</span>}</span>
    </label>
  );
}

/** A few choices side by side. */
export function Choice<T extends string>({label, value, options, onChange}: {
  label: string; value: T; options: readonly {value: T; label: string}[]; onChange: (value: T) => void;
}) {
  const name = useId();
  return (
    <div class="choice" role="radiogroup" aria-label={label}>
      {options.map((option) => (
        <label key={option.value} class={option.value === value ? "chosen" : ""}>
          <input type="radio" name={name} checked={option.value === value} onChange={() => onChange(option.value)} />
          {option.label}
        </label>
      ))}
    </div>
  );
}
