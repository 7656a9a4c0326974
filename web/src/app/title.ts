// app/title.ts: the title of the browser's tab: what the page shows first, the product last.
import {useEffect} from "preact/hooks";

export function usePageTitle(title: string): void {
  useEffect(() => {
    document.title = title ? `${title} · Cronfleet` : "Cronfleet";
  }, [title]);
}
