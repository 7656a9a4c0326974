// ui/toast.tsx: what came of an action, for a moment. toast("Saved"); toast.problem(error); with an action:
// toast("Deleted", {label: words.undo, act: restore, ms: 10_000}).
import {signal} from "@preact/signals";
import {problemOf} from "../live/resource.ts";
import {IconButton} from "./button.tsx";
import {problemText} from "./problem.tsx";
import {words} from "./words.ts";

interface Toast {
  id: number;
  text: string;
  detail?: string;
  tone: "plain" | "bad";
  action?: {label: string; act: () => void};
}
const toasts = signal<Toast[]>([]);
let nextId = 0, tabbedAt = 0;
addEventListener("keydown", (event) => { if (event.key === "Tab") tabbedAt = performance.now(); });

const drop = (id: number) => (toasts.value = toasts.value.filter((one) => one.id !== id));
function show(made: Omit<Toast, "id">, ms: number): void {
  const id = ++nextId;
  toasts.value = [...toasts.value.slice(-3), {id, ...made}];
  const begun = performance.now();
  // Who goes to it by Tab, or is at it, has the time for it.
  const look = () => {
    const left = Math.max(begun, tabbedAt) + ms - performance.now();
    if (left > 0 || document.querySelector(".toasts :is(:hover, :focus-visible)")) setTimeout(look, Math.max(left, 500));
    else drop(id);
  };
  setTimeout(look, ms);
}
export function toast(text: string, action?: {label: string; act: () => void; ms?: number}): void {
  show({text, tone: "plain", ...(action ? {action} : {})}, action?.ms ?? 5_000);
}
toast.problem = (error: unknown): void => {
  const problem = problemOf(error);
  show({text: problemText(problem), tone: "bad", detail: problem.requestId}, 12_000);
};

/** Once, in the shell. */
export function Toasts() {
  return (
    <div class="toasts" role="status" aria-live="polite">
      {toasts.value.map(({id, text, detail, tone, action}) => (
        <div key={id} class={`toast ${tone}`}>
          <div class="toast-text">
            {text}
            {detail && <code class="toast-detail">{detail}</code>}
          </div>
          {action && <button type="button" class="button small" onClick={() => { drop(id); action.act(); }}>{action.label}</button>}
          <IconButton icon="close" label={words.close} onClick={() => drop(id)} />
        </div>
      ))}
    </div>
  );
}
