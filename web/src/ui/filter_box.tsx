// ui/filter_box.tsx: the filter of a list as the server reads it (docs/api.yaml, list_jobs): finished terms are chips,
// the term being typed is text, both together are the filter. It proposes fields and their values; the server judges,
// and its sentence stands below.
//
//   <FilterBox value={filter} onChange={(filter) => setQuery({filter})} fields={[{name: "state", values: [...]}]} problem={…}/>
import {useEffect, useId, useRef, useState} from "preact/hooks";
import type {ApiProblem} from "../api/client.ts";
import {texts} from "../i18n/language.ts";
import {IconButton} from "./button.tsx";
import {Icon} from "./icons.tsx";

export interface FilterField {
  name: string;
  operators?: readonly (":" | "~" | "<" | ">")[];  // ":" alone when absent
  values?: readonly string[];
  about: string;
}

const t = texts({
  en: {placeholder: "Filter by name, or state:paused label:team=db next<1h", clear: "Clear the filter", remove: (term: string) => `Remove ${term}`, label: "Filter", did: "Did you mean"},
  zh: {placeholder: "按名称筛选,或 state:paused label:team=db next<1h", clear: "清除筛选", remove: (term) => `移除 ${term}`, label: "筛选", did: "是否指"},
});

/** Splits at spaces outside of quotes. */
export function splitTerms(text: string): string[] {
  const terms: string[] = [];
  let term = "", quoted = false;
  for (let i = 0; i < text.length; ++i) {
    const c = text[i] as string;
    if (quoted && c === "\\") term += c + (text[++i] ?? "");
    else if (c === '"') {
      quoted = !quoted;
      term += c;
    } else if (c === " " && !quoted) {
      if (term) terms.push(term);
      term = "";
    } else term += c;
  }
  if (term) terms.push(term);
  return terms;
}
/** A value as it may stand in a term. */
export const filterValue = (text: string): string => (/^[^\s",]+$/.test(text) ? text : `"${text.replace(/["\\]/g, "\\$&")}"`);

interface Proposal { text: string; about: string; done: boolean }
function proposals(typed: string, fields: readonly FilterField[]): Proposal[] {
  const negated = typed.startsWith("-") ? "-" : "";
  const rest = typed.slice(negated.length);
  const split = /^(\w+)([:~<>])(.*)$/.exec(rest);
  if (!split) {
    return fields.filter((field) => field.name.startsWith(rest.toLowerCase())).flatMap((field) =>
      (field.operators ?? [":"]).map((operator) => ({text: `${negated}${field.name}${operator}`, about: field.about, done: false})));
  }
  const [, name, operator, begun] = split as unknown as [string, string, string, string];
  const values = fields.find((field) => field.name === name)?.values ?? [];
  return values.filter((value) => value.startsWith(begun) && value !== begun)
    .map((value) => ({text: `${negated}${name}${operator}${value}`, about: "", done: true}));
}

export function FilterBox({value, onChange, fields, problem, placeholder}: {
  value: string; onChange: (filter: string) => void; fields: readonly FilterField[]; problem?: ApiProblem | undefined; placeholder?: string;
}) {
  const id = useId();
  const input = useRef<HTMLInputElement>(null);
  const split = (text: string) => ({chips: splitTerms(text), typed: ""});
  const [{chips, typed}, setState] = useState(() => split(value));
  const told = useRef(value);
  const [open, setOpen] = useState(false), [at, setAt] = useState(-1);
  const whole = [...chips, typed].filter(Boolean).join(" ");

  // From outside: back, a link, "clear filter".
  useEffect(() => {
    if (value === told.current) return;
    told.current = value;
    setState(split(value));
  }, [value]);
  useEffect(() => {
    if (whole === told.current) return;
    const timer = setTimeout(() => {
      told.current = whole;
      onChange(whole);
    }, 180);
    return () => clearTimeout(timer);
  }, [whole]);

  const list = open ? proposals(typed, fields).slice(0, 12) : [];
  const take = (proposal: Proposal) => {
    setAt(-1);
    if (proposal.done) setState({chips: [...chips, proposal.text], typed: ""});
    else setState({chips, typed: proposal.text});
    input.current?.focus();
  };
  const commit = () => typed.trim() && setState({chips: [...chips, ...splitTerms(typed)], typed: ""});
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.isComposing) return;
    const step = {ArrowDown: 1, ArrowUp: -1}[event.key];
    if (step && open) {
      event.preventDefault();
      setAt(Math.max(-1, Math.min(list.length - 1, at + step)));
    } else if ((event.key === "Enter" || event.key === "Tab") && open && list[at]) {
      event.preventDefault();
      take(list[at] as Proposal);
    } else if (event.key === "Enter") {
      event.preventDefault();
      commit();
    } else if (event.key === "Escape") {
      if (open && list.length > 0) event.stopPropagation();
      setOpen(false);
      setAt(-1);
    } else if (event.key === "Backspace" && typed === "" && chips.length > 0) {
      event.preventDefault();
      setState({chips: chips.slice(0, -1), typed: chips.at(-1) as string});
    }
  };
  const mistake = problem?.status === 400 ? problem.errors.find((error) => error.parameter === "filter") : undefined;
  return (
    <div class="filter">
      <div class={mistake ? "filter-box wrong" : "filter-box"} role="search" onClick={(event) => event.target === event.currentTarget && input.current?.focus()}>
        <Icon name="filter" />
        {chips.map((term, i) => (
          <span key={`${i} ${term}`} class="chip filter-chip">
            <button type="button" class="filter-term" onClick={() => { setState({chips: chips.filter((_, j) => j !== i), typed: term}); input.current?.focus(); }}>{term}</button>
            <button type="button" class="filter-remove" aria-label={t.remove(term)} onClick={() => setState({chips: chips.filter((_, j) => j !== i), typed})}><Icon name="close" size={12} /></button>
          </span>
        ))}
        <input ref={input} role="combobox" aria-label={t.label} aria-expanded={list.length > 0} aria-controls={`${id}-list`} aria-autocomplete="list" aria-activedescendant={at >= 0 ? `${id}-${at}` : undefined}
               aria-invalid={mistake ? true : undefined} aria-describedby={mistake ? `${id}-mistake` : undefined}
               spellcheck={false} autocomplete="off" placeholder={chips.length > 0 ? "" : placeholder ?? t.placeholder} value={typed}
               onFocus={() => setOpen(true)} onBlur={() => setTimeout(() => setOpen(false), 120)} onKeyDown={onKeyDown}
               onInput={(event) => {
                 const text = event.currentTarget.value;
                 setAt(-1);
                 setOpen(true);
                 const quotes = (text.match(/(?<!\\)"/g) ?? []).length;
                 if (text.endsWith(" ") && text.trim() && quotes % 2 === 0) setState({chips: [...chips, ...splitTerms(text)], typed: ""});
                 else setState({chips, typed: text});
               }} />
        {whole && <IconButton icon="close" size="small" label={t.clear} onClick={() => setState({chips: [], typed: ""})} />}
        {list.length > 0 && (
          <div id={`${id}-list`} class="filter-list" role="listbox" aria-label={t.label}>
            {list.map((proposal, i) => (
              <div key={proposal.text} id={`${id}-${i}`} role="option" aria-selected={i === at} class="filter-option" onMouseDown={(event) => { event.preventDefault(); take(proposal); }}>
                <code>{proposal.text}</code><span class="dim">{proposal.about}</span>
              </div>
            ))}
          </div>
        )}
      </div>
      {mistake && (
        <div id={`${id}-mistake`} class="field-error" role="alert">
          {mistake.detail}
          {mistake.suggestion && <> {t.did} <code>{mistake.suggestion}</code>?</>}
        </div>
      )}
    </div>
  );
}
