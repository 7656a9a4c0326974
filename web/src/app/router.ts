// app/router.ts: the address of the page is its state. Paths choose the page, the query holds its filters, so reload,
// back and a shared link show the same.
//
//   <a href={href.job(name)}>   an ordinary link: clicks on links of this origin are taken over, everything else of a
//                               link (middle click, copy) is the browser's
//   navigate(href.jobs({filter: "state:paused"}))
//   setQuery({filter: text})    replaces parts of the query; "" and undefined take a part away
import {signal} from "@preact/signals";

export interface Place {
  path: string;
  query: URLSearchParams;
  hash: string;
}
const placeNow = (): Place => ({
  path: location.pathname,
  query: new URLSearchParams(location.search),
  hash: location.hash,
});
export const place = signal<Place>(placeNow());

const part = encodeURIComponent;
function withQuery(path: string, query: Record<string, string | undefined> = {}): string {
  const pairs = Object.entries(query).filter((pair): pair is [string, string] => Boolean(pair[1]));
  return pairs.length > 0 ? `${path}?${new URLSearchParams(pairs)}` : path;
}
export const href = {
  overview: () => "/",
  jobs: (query?: {filter?: string | undefined}) => withQuery("/jobs", query),
  job: (name: string, tab = "") => `/jobs/${part(name)}${tab ? `/${tab}` : ""}`,
  newJob: (query?: {copy?: string | undefined; sample?: string | undefined}) => withQuery("/new-job", query),
  runs: (query?: {filter?: string | undefined}) => withQuery("/runs", query),
  run: (id: string) => `/runs/${part(id)}`,
  calendar: () => "/calendar",
  workers: () => "/workers",
  worker: (node: string) => `/workers/${part(node)}`,
  system: () => "/system",
};

export function navigate(to: string, how: "push" | "replace" = "push"): void {
  const target = new URL(to, location.href);
  const leaves = target.pathname !== location.pathname;
  if (how === "replace") {
    history.replaceState({scroll: scrollY}, "", target);
  } else {
    history.replaceState({scroll: scrollY}, "");
    history.pushState({scroll: 0}, "", target);
  }
  place.value = placeNow();
  if (leaves) scrollTo(0, 0);
}

export function setQuery(changes: Record<string, string | undefined>, how: "push" | "replace" = "replace"): void {
  const query = new URLSearchParams(location.search);
  for (const [name, value] of Object.entries(changes)) {
    if (value) query.set(name, value);
    else query.delete(name);
  }
  const text = query.toString();
  navigate(location.pathname + (text ? `?${text}` : "") + location.hash, how);
}

export function startRouter(): void {
  history.scrollRestoration = "manual";
  addEventListener("popstate", (event) => {
    place.value = placeNow();
    const top = (event.state as {scroll?: number} | null)?.scroll ?? 0;
    requestAnimationFrame(() => scrollTo(0, top));
  });
  document.addEventListener("click", (event) => {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = (event.target as Element).closest?.("a[href]");
    if (!(link instanceof HTMLAnchorElement) || link.target || link.hasAttribute("download")) return;
    if (link.origin !== location.origin || link.pathname.startsWith("/api/")) return;
    if (link.hash && link.pathname === location.pathname && link.search === location.search) return;
    event.preventDefault();
    navigate(link.href);
  });
}

/** "/jobs/:name/:tab" against a path: the decoded parameters, or nothing. */
export function matchPath(pattern: string, path: string): Record<string, string> | null {
  const want = pattern.split("/"), have = path.replace(/(.)\/$/, "$1").split("/");
  if (want.length !== have.length) return null;
  const parameters: Record<string, string> = {};
  for (let i = 0; i < want.length; ++i) {
    const segment = want[i] as string, value = have[i] as string;
    if (!segment.startsWith(":")) {
      if (segment !== value) return null;
      continue;
    }
    if (value === "") return null;
    try {
      parameters[segment.slice(1)] = decodeURIComponent(value);
    } catch {
      return null;
    }
  }
  return parameters;
}
