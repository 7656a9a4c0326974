// live/live.ts: what has changed on the server, told to whoever shows it.
//
//   const stop = onChange(["jobs", "runs"], () => refetch());
//
// One tab of the browser is connected and tells the others over a broadcast channel (a browser allows about six
// connections per host). It is the one that was looked at last, since browsers hold the timers of hidden tabs back for up
// to a minute; when it is closed another takes over. Where the browser has no locks (a page that is neither
// loopback nor https) each tab is connected by itself. Pages do not call this: useResource does (live/resource.ts).
import {computed, signal} from "@preact/signals";
import {followChanges} from "./transport.ts";

export type Topic = "jobs" | "runs" | "workers" | "alarms";
export const allTopics: readonly Topic[] = ["jobs", "runs", "workers", "alarms"];

export type Connection =
  | {kind: "connecting"}
  | {kind: "live"}
  | {kind: "away"; since: number};  // of Date.now(): the server cannot be reached since then
export const connection = signal<Connection>({kind: "connecting"});
export const away = computed(() => connection.value.kind === "away");
/** Answers come from a copy: the coordination store is away. */
export const storeAway = signal(false);
/** The stream of changes says nothing although there are some; the page asks instead, and tries anew. */
export const streamSilent = signal(false);

export type Report =
  | {kind: "changed"; topics: readonly Topic[]}
  | {kind: "connected"; stale: boolean; silent: boolean}
  | {kind: "lost"; since: number};

const listeners = new Set<{topics: readonly Topic[]; tell: () => void}>();

export function onChange(topics: readonly Topic[], tell: () => void): () => void {
  const listener = {topics, tell};
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function take(report: Report): void {
  switch (report.kind) {
    case "changed":
      for (const listener of [...listeners]) if (listener.topics.some((topic) => report.topics.includes(topic))) listener.tell();
      return;
    case "connected": {
      const was = connection.value.kind;
      storeAway.value = report.stale;
      streamSilent.value = report.silent;
      if (was !== "live") connection.value = {kind: "live"};
      // What happened meanwhile nobody has told: everything may have changed.
      if (was === "away") take({kind: "changed", topics: allTopics});
      return;
    }
    case "lost":
      if (connection.value.kind !== "away") connection.value = {kind: "away", since: report.since};
      return;
  }
}

/** After a write of our own: at once, without waiting to be told. */
export function noteOwnChange(topics: readonly Topic[]): void {
  take({kind: "changed", topics});
  channel?.postMessage({kind: "changed", topics} satisfies Report);
}

let channel: BroadcastChannel | null = null;

export function startLive(): void {
  const lead = () => followChanges((report) => {
    take(report);
    channel?.postMessage(report);
  });
  if (!navigator.locks || typeof BroadcastChannel === "undefined") return void lead();
  channel = new BroadcastChannel("cronfleet.live");
  channel.onmessage = (event: MessageEvent<Report | {kind: "hello"}>) => {
    if (event.data.kind !== "hello") return take(event.data);
    if (leading) channel?.postMessage(currentReport());
  };
  let leading = false;
  const currentReport = (): Report =>
    connection.value.kind === "away" ? {kind: "lost", since: connection.value.since} : {kind: "connected", stale: storeAway.value, silent: streamSilent.value};
  channel.postMessage({kind: "hello"});
  let waiting = false;  // in the queue for the lock
  const request = (steal: boolean) => {
    if (!steal && waiting) return;
    if (!steal) waiting = true;
    let stop = () => {};
    navigator.locks.request("cronfleet.live", {steal}, () => {
      if (!steal) waiting = false;
      leading = true;
      stop = lead();
      return new Promise(() => undefined);  // held until this tab is closed, or another is looked at
    }).catch(() => {
      leading = false;
      stop();
      request(false);
    });
  };
  request(document.visibilityState === "visible");
  addEventListener("visibilitychange", () => document.visibilityState === "visible" && !leading && request(true));
}
