// jobs/state_mark.tsx: the state of a job as a small shape: a disc, two bars, a ring, a cross; with its word where asked; and until
// when it is paused.
import {texts} from "../i18n/language.ts";
import {Time} from "../ui/time.tsx";
import {kUntilResumed, stateTone, stateWord, type JobState} from "./state.ts";

const t = texts({en: {until: "until", resumed: "until resumed"}, zh: {until: "至", resumed: "直到手动恢复"}});
const shapes: Record<JobState, string> = {
  enabled: "M8 4a4 4 0 1 0 0 8a4 4 0 0 0 0-8z",
  paused: "M4.5 4h2.4v8H4.5zM9.1 4h2.4v8H9.1z",
  disabled: "M8 3.5a4.5 4.5 0 1 0 0 9a4.5 4.5 0 0 0 0-9zM8 5.5a2.5 2.5 0 1 1 0 5a2.5 2.5 0 0 1 0-5z",
  ended: "M4.5 4.5h7v7h-7z",
  invalid: "M8 2.5L14 13H2z",
  refused: "M8 2.5L13.5 8L8 13.5L2.5 8z",
};

export function JobStateMark({state}: {state: JobState}) {
  return (
    <svg class={`job-mark tone-${stateTone[state]}`} width="14" height="14" viewBox="0 0 16 16" role="img" aria-label={stateWord(state)}>
      <title>{stateWord(state)}</title>
      <path d={shapes[state]} fill-rule="evenodd" />
    </svg>
  );
}
/** Of "paused until …": the end, or that it has none. */
export function PausedUntil({end}: {end: string}) {
  return end.startsWith(kUntilResumed.slice(0, 10)) ? <>{t.resumed}</> : <>{t.until} <Time at={end} /></>;
}
export function JobStateChip({state}: {state: JobState}) {
  return <span class={`chip tone tone-${stateTone[state]}`}><JobStateMark state={state} />{stateWord(state)}</span>;
}
