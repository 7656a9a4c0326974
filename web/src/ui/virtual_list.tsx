// ui/virtual_list.tsx: only the rows that are on the screen exist. All have one height; the window scrolls, or the
// element itself where `height` is given. Ten thousand rows cost as much as thirty.
import type {ComponentChildren} from "preact";
import {useLayoutEffect, useRef, useState} from "preact/hooks";

interface Range { from: number; to: number }

/** Which of `count` rows are near the screen, for a list or a table body that starts at `start`. */
export function useVisibleRows(count: number, rowHeight: number, overscan = 8): {ref: (element: HTMLElement | null) => void; range: Range} {
  const element = useRef<HTMLElement | null>(null);
  const [range, setRange] = useState<Range>({from: 0, to: Math.min(count, 60)});
  useLayoutEffect(() => {
    let frame = 0;
    const look = () => {
      frame = 0;
      if (!element.current) return;
      const top = element.current.getBoundingClientRect().top;
      const from = Math.max(0, Math.floor(-top / rowHeight) - overscan);
      const to = Math.min(count, Math.ceil((innerHeight - top) / rowHeight) + overscan);
      // In steps: a new range at every pixel would render at every pixel.
      const step = Math.max(1, Math.floor(overscan / 3) + 1);
      const next = {from: Math.floor(from / step) * step, to: Math.min(count, Math.ceil(to / step) * step)};
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
  }, [count, rowHeight, overscan]);
  return {ref: (e) => (element.current = e), range: {from: Math.min(range.from, count), to: Math.min(range.to, count)}};
}

export function VirtualList({count, rowHeight, row, label}: {
  count: number; rowHeight: number; row: (index: number) => ComponentChildren; label: string;
}) {
  const {ref, range} = useVisibleRows(count, rowHeight);
  const rows: ComponentChildren[] = [];
  for (let i = range.from; i < range.to; ++i) rows.push(row(i));
  return (
    <div ref={ref} role="list" aria-label={label} style={{height: `${count * rowHeight}px`, position: "relative"}}>
      <div style={{transform: `translateY(${range.from * rowHeight}px)`}}>{rows}</div>
    </div>
  );
}
