// ui/visible_rows.ts: only the rows that are on the screen exist. All have one height, and the window scrolls. Ten thousand
// rows cost as much as thirty.
import {useLayoutEffect, useRef, useState} from "preact/hooks";

interface Range { from: number; to: number }
const kBeyond = 8, kStep = 3;  // rows beyond the screen; a new range at every pixel would render at every pixel

/** Which of `count` rows are near the screen; `ref` is for what they stand in. */
export function useVisibleRows(count: number, rowHeight: number): {ref: (element: HTMLElement | null) => void; range: Range} {
  const element = useRef<HTMLElement | null>(null);
  const [range, setRange] = useState<Range>({from: 0, to: Math.min(count, 60)});
  useLayoutEffect(() => {
    let frame = 0;
    const look = () => {
      frame = 0;
      if (!element.current) return;
      const top = element.current.getBoundingClientRect().top;
      const from = Math.max(0, Math.floor(-top / rowHeight) - kBeyond);
      const to = Math.min(count, Math.ceil((innerHeight - top) / rowHeight) + kBeyond);
      const next = {from: Math.floor(from / kStep) * kStep, to: Math.min(count, Math.ceil(to / kStep) * kStep)};
      setRange((now) => (now.from === next.from && now.to === next.to ? now : next));
    };
    const later = () => (frame ||= requestAnimationFrame(look));
    look();
    addEventListener("scroll", later, {passive: true, capture: true});
    addEventListener("resize", later);
    return () => {
      cancelAnimationFrame(frame);
      removeEventListener("scroll", later, {capture: true});
      removeEventListener("resize", later);
    };
  }, [count, rowHeight]);
  return {ref: (e) => (element.current = e), range: {from: Math.min(range.from, count), to: Math.min(range.to, count)}};
}
