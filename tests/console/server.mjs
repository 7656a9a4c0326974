// server.mjs: the real binary as a standalone node in a folder of its own, on free ports of loopback, ended with the test.
//
//   const server = await startServer({binary, folder});
//   await server.ask("PUT", "/api/v1/jobs/x", job, {"If-None-Match": "*"});
//   await server.stop();
import {spawn} from "node:child_process";
import {createWriteStream, mkdirSync, readFileSync} from "node:fs";
import {createServer} from "node:net";
import {join} from "node:path";

export class Trouble extends Error {}  // the test itself cannot go on

/** Asks again and again until `condition` answers with something true, and answers that. */
export async function until(what, condition, seconds = 60) {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const found = await condition();
    if (found) return found;
    if (Date.now() > end) throw new Trouble(`within ${seconds} s it did not come about: ${what}`);
    await new Promise((done) => setTimeout(done, 50));
  }
}

/** Two ports of loopback that nobody listens on, side by side in time so that they differ. */
async function freePorts(count) {
  const servers = await Promise.all(Array.from({length: count}, () => new Promise((done, fail) => {
    const server = createServer();
    server.on("error", fail);
    server.listen(0, "127.0.0.1", () => done(server));
  })));
  const ports = servers.map((server) => server.address().port);
  await Promise.all(servers.map((server) => new Promise((done) => server.close(done))));
  return ports;
}

const running = new Set();
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => process.exit(130));

export async function startServer({binary, folder, settings = [], port}) {
  mkdirSync(folder, {recursive: true, mode: 0o700});
  const [free, metrics] = await freePorts(2);
  const at = port ?? free;
  const data = join(folder, "data");
  const environment = Object.fromEntries(Object.entries(process.env).filter(([key]) => !key.startsWith("CRONFLEET_")));
  const child = spawn(binary, ["standalone", "--data-dir", data, "--port", String(at), "--set", `metrics.port=${metrics}`,
                               "--set", "http.writes_per_second=0",
                               ...settings.flatMap((setting) => ["--set", setting])],
                      {env: environment, stdio: ["ignore", "pipe", "pipe"]});
  running.add(child);
  const log = createWriteStream(join(folder, "standalone.log"), {flags: "a"});
  child.stdout.pipe(log, {end: false});
  child.stderr.pipe(log, {end: false});
  const ended = new Promise((done) => {
    child.on("error", (error) => done(error.message));
    child.on("exit", (code, signal) => {
      running.delete(child);
      done(code ?? signal);
    });
  });
  let over = null;
  void ended.then((how) => (over = how));

  const address = `http://127.0.0.1:${at}`;
  const ask = async (method, path, body, headers = {}) => {
    const response = await fetch(address + path, {
      method, headers: {"Accept": "application/json", "X-Cronfleet-Client": "console-test",
                        ...(body === undefined ? {} : {"Content-Type": "application/json"}), ...headers},
      ...(body === undefined ? {} : {body: JSON.stringify(body)}),
    });
    const text = await response.text();
    const answer = text && /json/.test(response.headers.get("content-type") ?? "") ? JSON.parse(text) : text;
    return {status: response.status, answer};
  };
  await until("the server is ready", async () => {
    if (over !== null) throw new Trouble(`the server ended with ${over}; its log is ${join(folder, "standalone.log")}`);
    try {
      return (await ask("GET", "/readyz")).status === 200;
    } catch {
      return false;
    }
  });
  return {
    address, port: at, data, binary, folder, pid: child.pid, ask,
    /** The answer of a call that must succeed. */
    async must(method, path, body, headers) {
      const {status, answer} = await ask(method, path, body, headers);
      if (status >= 300) throw new Trouble(`${method} ${path} was answered ${status}: ${JSON.stringify(answer)}`);
      return answer;
    },
    /** All that it has written so far. */
    log: () => readFileSync(join(folder, "standalone.log"), "utf8"),
    async stop() {
      child.kill("SIGTERM");
      // A second one tells it not to wait for its runs.
      const again = setInterval(() => child.kill("SIGTERM"), 500);
      const how = await ended;
      clearInterval(again);
      log.end();
      return how;
    },
  };
}
