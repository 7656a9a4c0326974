// app/commands.ts: what can be done from the keyboard. The palette lists it, single keys call it.
//
//   useCommands(() => [{id: "edit", label: words.edit, icon: "edit", key: "e", act: () => navigate(…)}], [name]);
//
// Keys are single letters that count outside of fields; "g j" is two in a row. They can be switched off in the palette.
import {signal} from "@preact/signals";
import {useEffect} from "preact/hooks";
import type {IconName} from "../ui/icons.tsx";
import {stored} from "./stored.ts";

export interface Command {
  id: string;
  label: string;
  icon: IconName;
  act: () => void;
  key?: string;      // "e", "g j"
  group?: string;    // "" or absent: of this page
  words?: string;    // further words it is found by
}
export const singleKeys = stored<boolean>("keys", true);
export const paletteOpen = signal(false);

const sources = new Set<() => Command[]>();
export function addCommands(source: () => Command[]): () => void {
  sources.add(source);
  return () => sources.delete(source);
}
/** While the component is there. */
export function useCommands(source: () => Command[], inputs: readonly unknown[]): void {
  useEffect(() => addCommands(source), inputs as unknown[]);
}
/** Those added last first: the page's own before the shell's. */
export const commands = (): Command[] => [...sources].reverse().flatMap((source) => source());

const inField = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));

export function startKeyboard(): void {
  let first = "", firstAt = 0;
  addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === "k") {
      event.preventDefault();
      paletteOpen.value = !paletteOpen.value;
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.defaultPrevented) return;
    if (!singleKeys.value || inField(event.target) || document.querySelector("dialog[open]")) return;
    const now = performance.now();
    const pair = now - firstAt < 1_200 ? `${first} ${event.key}` : "";
    const all = commands();
    const found = all.find((one) => one.key === pair) ?? all.find((one) => one.key === event.key);
    first = "";
    if (found) {
      event.preventDefault();
      found.act();
    } else if (all.some((one) => one.key?.startsWith(`${event.key} `))) {
      first = event.key;
      firstAt = now;
    }
  });
}
