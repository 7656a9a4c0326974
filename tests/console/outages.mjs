// outages.mjs [--port N] [--pictures DIR]: UI-T5: a page of the console on scripts/fleet while a master is killed, etcd loses
// its quorum, and MongoDB is away: the right banner within five seconds, and all is well again without a reload.
//
// For a calm machine and by hand: it asserts a time. `tests/console/console_browser_test --outages …` runs it.
import {spawn} from "node:child_process";
import {mkdirSync, mkdtempSync, readFileSync, rmSync} from "node:fs";
import {tmpdir} from "node:os";
import {dirname, join, resolve} from "node:path";
import {fileURLToPath} from "node:url";
import {parseArgs} from "node:util";
import {startBrowser} from "./browser.mjs";
import {Report} from "./report.mjs";
import {until} from "./server.mjs";

const {values: options} = parseArgs({options: {port: {type: "string", default: "8490"}, pictures: {type: "string"}}});
const root = resolve(dirname(fileURLToPath(import.meta.url)), "../..");
const pictures = options.pictures ? resolve(options.pictures) : null;
if (pictures) mkdirSync(pictures, {recursive: true});

const folder = mkdtempSync(join(tmpdir(), "cronfleet-outages-"));
const fleet = spawn("scripts/fleet", ["--port", options.port, "--data-dir", folder], {cwd: root, stdio: ["ignore", "pipe", "inherit"]});
let said = "", over = null;
fleet.stdout.setEncoding("utf8").on("data", (text) => (said += text));
const ended = new Promise((done) => fleet.on("exit", (code) => done((over = code ?? -1))));

/** The processes that scripts/fleet has started, with how each was. */
const members = () => readFileSync(`/proc/${fleet.pid}/task/${fleet.pid}/children`, "utf8").trim().split(" ").filter(Boolean)
  .map((pid) => ({pid: Number(pid), argv: readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").slice(0, -1)}));
const restarted = [];
function kill(all) {
  for (const {pid} of all) process.kill(pid, "SIGKILL");
  return () => {
    for (const {argv} of all) restarted.push(spawn(argv[0], argv.slice(1), {cwd: root, stdio: "ignore"}));
  };
}

const report = new Report();
let browser;
try {
  await until("the fleet runs", () => {
    if (over !== null) throw new Error(`scripts/fleet ended with ${over}: ${said.slice(-1000)}`);
    return /Ctrl-C stops them all/.test(said);
  }, 900);
  const all = members();
  const one = (what, fits) => {
    const found = all.filter(({argv}) => fits(argv.join(" ")));
    if (found.length === 0) throw new Error(`scripts/fleet has started no ${what}`);
    return found;
  };
  const master = one("first master", (line) => line.includes(` master --port ${options.port} `));
  const etcds = one("etcd", (line) => /--name etcd-[12] /.test(line));
  const mongo = all.filter(({argv}) => argv.join(" ").includes(`${folder}/mongo`));

  browser = await startBrowser();
  const open = await browser.open(`http://127.0.0.1:${options.port}`, {});
  const {page} = open;
  await open.show("/");
  await page.evaluate(() => (window.__firstLoad = true));
  // The most that each may take, so that five seconds are kept on a busy machine too.
  for (const [what, members_, banner, mostMs] of [
    ["a master is killed", master, "No connection to the server", 1_000],
    ["etcd is without quorum", etcds, "The coordination store is away", 4_500],
    ["MongoDB is away", mongo, "The history is away", 3_000],
  ]) {
    if (members_.length === 0) {
      console.log(`console: ${what}: skipped, there is no MongoDB here`);
      continue;
    }
    await report.check("outages", what, async () => {
      const begun = Date.now(), back = kill(members_), place = page.locator(".banner", {hasText: banner});
      let waited;
      try {
        // Looked for in every frame: a locator would look twice a second.
        await page.waitForFunction((text) => [...document.querySelectorAll(".banner")].some((one) => one.textContent.includes(text)), banner, {timeout: 60_000});
        waited = Date.now() - begun;
        if (pictures) await open.picture(join(pictures, `outage-${what.replaceAll(" ", "-")}.png`));
      } finally {
        back();
      }
      const mended = Date.now();
      await place.waitFor({state: "detached", timeout: 120_000});
      await page.locator(".banner.bad").waitFor({state: "detached", timeout: 120_000});
      console.log(`console: ${what}: banner after ${(waited / 1000).toFixed(1)} s, gone ${((Date.now() - mended) / 1000).toFixed(1)} s after it was back`);
      const same = await page.evaluate(() => window.__firstLoad === true);
      return [...(await open.offences()).filter((line) => !/ERR_/.test(line)), ...(same ? [] : ["the page was loaded again"]),
              ...(waited > mostMs ? [`the banner came after ${waited} ms`] : [])];
    });
  }
} finally {
  await browser?.close();
  for (const child of restarted) child.kill("SIGTERM");
  fleet.kill("SIGTERM");
  await ended;
  await Promise.all(restarted.map((child) => child.exitCode !== null || child.signalCode !== null || new Promise((done) => {
    child.on("exit", done);
    setTimeout(() => child.kill("SIGKILL"), 15_000).unref();
  })));
  rmSync(folder, {recursive: true, force: true, maxRetries: 5});
}
process.exit(report.finish());
