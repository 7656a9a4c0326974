// ui/width.ts: how wide an element is, while the window and what is beside it change.
//
//   const {ref, width} = useWidth();   <div ref={ref}>…</div>; 0 until it has been measured
import {useLayoutEffect, useRef, useState} from "preact/hooks";

export function useWidth() {
  const ref = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const observer = new ResizeObserver(() => setWidth(ref.current?.clientWidth ?? 0));
    observer.observe(ref.current as HTMLElement);
    return () => observer.disconnect();
  }, []);
  return {ref, width};
}
