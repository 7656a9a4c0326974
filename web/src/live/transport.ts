// live/transport.ts: how one tab hears of changes: it asks for the revision of the store, which every write of anybody
// moves, and says "something changed" when it has.
import {ApiProblem, call} from "../api/client.ts";
import {noteServerTime} from "./clock.ts";
import {allTopics, type Report} from "./live.ts";

const kPollMs = 2_000;          // also how soon a lost connection is noticed
const kPollHiddenMs = 15_000;

export function followChanges(report: (report: Report) => void): void {
  let revision = -1;
  let lostAt = 0;
  const ask = async () => {
    const sent = performance.now();
    try {
      const system = await call("system", {query: {stale: "ok"}, signal: AbortSignal.timeout(10_000)});
      noteServerTime(system.now, sent, performance.now());
      lostAt = 0;
      report({kind: "connected", stale: system.stale ?? false});
      if (revision >= 0 && system.revision !== revision) report({kind: "changed", topics: allTopics});
      revision = system.revision;
    } catch (error) {
      // An answer, even a refusal, shows that the server is there; the pages tell what it refuses.
      if (error instanceof ApiProblem && !error.offline) report({kind: "connected", stale: true});
      else report({kind: "lost", since: (lostAt ||= Date.now())});
    }
    schedule();
  };
  let timer: ReturnType<typeof setTimeout> | undefined;
  const schedule = () => {
    clearTimeout(timer);
    timer = setTimeout(() => void ask(), document.visibilityState === "visible" ? kPollMs : kPollHiddenMs);
  };
  addEventListener("visibilitychange", () => document.visibilityState === "visible" && void ask());
  addEventListener("online", () => void ask());
  void ask();
}
