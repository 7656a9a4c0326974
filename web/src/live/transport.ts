// live/transport.ts: how one tab hears of changes: a stream of events, and beside it a question now and then, which brings
// the server's time, whether the store is away, and changes too while there is no stream.
import {ApiProblem, call} from "../api/client.ts";
import {noteServerTime} from "./clock.ts";
import {allTopics, type Report, type Topic} from "./live.ts";

const kAddress = "/api/v1/events?topics=jobs,runs,workers,system";
const kAskMs = 4_000;          // with a stream, which a proxy may keep open in front of a dead server
const kQuietMs = 15_000;       // of the stream, although something has been written meanwhile
const kAskAloneMs = 2_000;     // without: it is all we have, and how we notice that the server is back
const kGatherMs = 120;         // events that come together are told together
const kRetryFirstMs = 1_000, kRetryMostMs = 15_000;

const topicsOf: Record<string, Topic> = {
  job: "jobs", job_deleted: "jobs", run: "runs", run_recorded: "runs", worker: "workers", system: "alarms",
};

/** Until the function that it answers is called. */
export function followChanges(report: (report: Report) => void): () => void {
  const ended = new AbortController();
  const {signal} = ended;
  let open = false, silent = false, heardAt = 0, lostAt = 0, revision = -1;
  let stream: EventSource | null = null;
  let retry = kRetryFirstMs;

  const gathered = new Set<Topic>();
  let telling: ReturnType<typeof setTimeout> | undefined;
  const changed = (topics: readonly Topic[]) => {
    for (const topic of topics) gathered.add(topic);
    telling ??= setTimeout(() => {
      telling = undefined;
      report({kind: "changed", topics: [...gathered]});
      gathered.clear();
    }, kGatherMs);
  };

  const ask = async () => {
    const sent = performance.now();
    try {
      const system = await call("system", {query: {stale: "ok"}, signal: AbortSignal.timeout(8_000)});
      if (signal.aborted) return;
      noteServerTime(system.now, sent, performance.now());
      lostAt = 0;
      const moved = revision >= 0 && system.revision !== revision;
      if (open && moved && sent - heardAt > kQuietMs) {  // somebody on the way holds a dead stream open
        silent = true;
        open = false;
        stream?.close();
        connect();
      }
      report({kind: "connected", stale: system.stale ?? false, silent});
      if (!open && moved) changed(allTopics);
      revision = system.revision;
    } catch (error) {
      if (signal.aborted) return;
      // An answer, even a refusal, shows that the server is there; the pages tell what it refuses.
      if (error instanceof ApiProblem && !error.offline) report({kind: "connected", stale: true, silent});
      else report({kind: "lost", since: (lostAt ||= Date.now())});
    }
    schedule();
  };
  let asking: ReturnType<typeof setTimeout> | undefined;
  const schedule = () => {
    clearTimeout(asking);
    if (signal.aborted) return;
    asking = setTimeout(() => void ask(), open ? kAskMs : kAskAloneMs);
  };

  const connect = () => {
    if (signal.aborted) return;
    stream = new EventSource(kAddress);
    stream.addEventListener("hello", (event: MessageEvent<string>) => {
      const {resumed} = JSON.parse(event.data) as {resumed: boolean};
      open = true;
      silent = false;
      heardAt = performance.now();
      retry = kRetryFirstMs;
      void ask();
      if (!resumed) changed(allTopics);
    });
    stream.addEventListener("resync", () => changed(allTopics));
    for (const [name, topic] of Object.entries(topicsOf)) {
      stream.addEventListener(name, () => {
        heardAt = performance.now();
        changed([topic]);
        if (name === "system") void ask();  // perhaps the store went or came
      });
    }
    stream.onerror = () => {
      if (signal.aborted) return;
      open = false;
      void ask();
      if (stream?.readyState !== EventSource.CLOSED) return;  // the browser tries again by itself, from where it was
      setTimeout(connect, retry * (0.5 + Math.random() / 2));
      retry = Math.min(kRetryMostMs, retry * 2);
    };
  };
  addEventListener("visibilitychange", () => document.visibilityState === "visible" && void ask(), {signal});
  addEventListener("online", () => void ask(), {signal});
  // Ends before the page does: Firefox would report its own closing as a lost connection.
  addEventListener("pagehide", () => stream?.close(), {signal});
  addEventListener("pageshow", (event) => { if (event.persisted) connect(); }, {signal});
  void ask();
  connect();
  return () => {
    ended.abort();
    clearTimeout(asking);
    clearTimeout(telling);
    stream?.close();
  };
}
