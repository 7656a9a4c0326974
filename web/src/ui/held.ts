// ui/held.ts: a list that does not move under the pointer: while it is over the list, rows keep their places and only
// their content is renewed; what would come, go or move is counted instead (UI-70).
import {useRef, useState} from "preact/hooks";

export function useHeld<T>(list: readonly T[], idOf: (item: T) => string, scope: string): {
  list: readonly T[]; held: number; release: () => void;
  hold: {onPointerEnter: (event: PointerEvent) => void; onPointerLeave: () => void};
} {
  const over = useRef(false);
  const shown = useRef<{scope: string; list: readonly T[]}>({scope, list});
  const [, rerender] = useState(0);
  let held = 0;
  const before = shown.current;
  const same = (item: T, i: number) => idOf(item) === idOf(before.list[i] as T);
  if (!over.current || before.scope !== scope || before.list.length === 0 || list === before.list || list.length === before.list.length && list.every(same)) {
    shown.current = {scope, list};
  } else {
    const byId = new Map(list.map((item) => [idOf(item), item]));
    const known = new Set(before.list.map(idOf));
    const gone = before.list.filter((item) => !byId.has(idOf(item))).length;
    const come = list.filter((item) => !known.has(idOf(item))).length;
    held = Math.max(1, gone + come);
    shown.current = {scope, list: before.list.map((item) => byId.get(idOf(item)) ?? item)};
  }
  const release = () => {
    over.current = false;
    rerender((n) => n + 1);
  };
  return {
    list: shown.current.list, held, release,
    hold: {
      // A finger is over a list only while it scrolls it.
      onPointerEnter: (event) => { if (event.pointerType === "mouse") over.current = true; },
      onPointerLeave: () => {
        if (!over.current) return;
        over.current = false;
        if (held > 0) rerender((n) => n + 1);
      },
    },
  };
}
