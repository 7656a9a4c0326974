// seed.mjs: fills a node with what the pages are looked at with: jobs through its API, real runs, and a past that the
// product's own writer put into the history before the node started.
//
//   const jobs = companyJobs();
//   await writePast({binary, past, folder, jobs, days: 14});      // before startServer()
//   const server = await startServer({binary, folder});
//   await saveJobs(server, jobs);
//   const runs = await startRuns(server);                         // name → run id; each has come to what it should
import {spawn} from "node:child_process";
import {once} from "node:events";
import {mkdirSync} from "node:fs";
import {join} from "node:path";
import {chance, livelyJobs} from "./fleet_of_jobs.mjs";
import {Trouble, until} from "./server.mjs";

const kDay = 86_400_000;

async function fed(command, args, lines) {
  const child = spawn(command, args, {stdio: ["pipe", "pipe", "pipe"]});
  let out = "", err = "";
  child.stdout.setEncoding("utf8").on("data", (text) => (out += text));
  child.stderr.setEncoding("utf8").on("data", (text) => (err += text));
  child.stdin.on("error", () => undefined);  // it ended early; its code says so
  const closed = once(child, "close");
  for (const line of lines) if (!child.stdin.write(line + "\n")) await Promise.race([once(child.stdin, "drain"), closed]);
  child.stdin.end();
  const [code] = await closed;
  if (code !== 0) throw new Trouble(`${command} ${args.join(" ")} ended with ${code}: ${err.slice(-2000)}`);
  return out;
}

/** The firings of each job between two instants, as the product itself reckons them, the newest `most`. */
async function pastFirings(binary, jobs, from, until, most) {
  const found = jobs.map(() => []);
  let open = jobs.map((_, i) => ({i, from}));
  while (open.length > 0) {
    const asked = open.map(({i, from: after}) => JSON.stringify({
      expression: jobs[i].job.schedule, time_zone: jobs[i].job.time_zone ?? "UTC", from: new Date(after).toISOString(), count: 1000, key: jobs[i].job.name}));
    const answers = (await fed(binary, ["cron", "next", "--stdin"], asked)).trim().split("\n").map((line) => JSON.parse(line));
    const next = [];
    open.forEach(({i}, k) => {
      const instants = answers[k].firings.map((at) => Date.parse(at));
      for (const at of instants) if (at < until) found[i].push(at);
      if (instants.length === 1000 && instants.at(-1) < until) next.push({i, from: instants.at(-1)});
    });
    open = next;
  }
  return found.map((list) => list.slice(-most));
}

const instantText = (at) => new Date(at).toISOString().replace(".000Z", "Z");

/** Into the history of a node that has not started. Answers how many were written. */
export async function writeRecords(past, folder, records) {
  const data = join(folder, "data");
  mkdirSync(data, {recursive: true, mode: 0o700});
  function* lines() {
    for (const record of records) yield JSON.stringify(record);
  }
  return Number.parseInt(await fed(past, [join(data, "history.db")], lines()), 10);
}

/** `most`: records of one job at the most. Answers how many were written. */
export async function writePast({binary, past, folder, jobs, days = 14, most = 9_000, seed = 11, worker = "node-1"}) {
  const now = Date.now(), dice = chance(seed);
  const enabled = jobs.filter(({job}) => job.enabled !== false);
  const firings = await pastFirings(binary, enabled, now - days * kDay, now - 90_000, most);
  // Bad hours, in which one team's jobs fail: what a strip or a heat-map should make visible.
  const bad = Array.from({length: Math.ceil(days / 2)}, () => ({team: dice.of(["db", "billing", "data", "web", "search"]), from: now - dice.unit() * days * kDay, hours: 1 + dice.unit() * 4}));
  const isBad = (team, at) => bad.some((one) => one.team === team && at >= one.from && at < one.from + one.hours * 3_600_000);

  function* records() {
    for (let i = 0; i < enabled.length; ++i) {
      const {job, ways} = enabled[i];
      let busyUntil = 0;
      for (const at of firings[i]) {
        const base = {scheduled: at, worker, command: job.command};
        if (at < busyUntil) {
          yield {...base, run: `${job.name}@${instantText(at)}.1`, status: "skipped", reason: "overlap", claimed: at};
          continue;
        }
        if (dice.unit() < 0.0006) {
          yield {...base, run: `${job.name}@${instantText(at)}.1`, status: "missed", reason: "late", claimed: at + 61_000};
          continue;
        }
        let start = at + Math.round(dice.around(at % 3_600_000 === 0 ? 9 : 3, 0.9));
        for (let attempt = 1;; ++attempt) {
          const ways_ = ways, fails = dice.unit() < (isBad(job.labels.team, at) ? 0.7 : ways_.fails);
          const took = Math.round(dice.around(ways_.median, ways_.spread) * (fails ? 0.2 + dice.unit() * 0.8 : 1));
          const again = fails && attempt <= (job.retry?.count ?? 0);
          if (start + took > now - 5_000) break;
          const kind = fails ? dice.unit() : 0;
          const end = kind > 0.95 ? {status: "signalled", signal: 9} : kind > 0.9 && job.timeout ? {status: "timed_out", signal: 15}
            : fails ? {status: "failed", exit_code: dice.of([1, 1, 1, 2, 74])} : {status: "succeeded", exit_code: 0};
          const lines = fails ? [...ways_.says.slice(0, 1).map((line) => ["out", line]), ...ways_.cries.map((line) => ["err", line])] : ways_.says.map((line) => ["out", line]);
          // Output for those that are looked at: what failed, and of the rest the newest.
          const kept = fails || at > now - 2 * kDay;
          yield {...base, run: `${job.name}@${instantText(at)}.${attempt}`, ...end, final: !again, trigger: attempt > 1 ? "retry" : "schedule",
                 claimed: start - 15, started: start, ended: start + took, cpu_ms: Math.round(took * (0.1 + dice.unit() * 0.5)),
                 memory: Math.round(dice.around(ways_.memory, 0.15)),
                 ...(kept ? {chunks: lines.map(([stream, line], k) => [stream, start + Math.round(took * (k + 1) / (lines.length + 1)), line + "\n"])} : {})};
          busyUntil = start + took;
          if (!again) break;
          start += took + 300_000;
        }
      }
    }
  }
  return writeRecords(past, folder, records());
}

export async function saveJobs(server, jobs) {
  for (let i = 0; i < jobs.length; i += 500) {
    const items = jobs.slice(i, i + 500).map(({job}) => ({action: "put", name: job.name, job, if_none_match: "*"}));
    const answer = await server.must("POST", "/api/v1/jobs:batch", {items});
    const refused = answer.items.find((item) => item.status >= 300);
    if (refused) throw new Trouble(`job '${refused.name}' was refused: ${JSON.stringify(refused)}`);
  }
}

const runPath = (id) => `/api/v1/runs/${encodeURIComponent(id)}`;

export async function startRuns(server, lively = livelyJobs) {
  const runs = {};
  for (const {job, start} of lively.filter((one) => one.start)) {
    runs[job.name] = (await server.must("POST", `/api/v1/jobs/${encodeURIComponent(job.name)}:run`, {reason: "the test of the console"})).run_id;
  }
  for (const {job, comesTo} of lively.filter((one) => one.start)) {
    await until(`run ${runs[job.name]} is ${comesTo}`, async () => {
      const {status, answer} = await server.ask("GET", runPath(runs[job.name]));
      return status === 200 && answer.status === comesTo;
    }, 90);
  }
  return runs;
}
