// check.mjs --build DIR [--pictures DIR] [--full] [--only REGEX] [--jobs N] [--days N] [--tasks [--short]] [--serve]
//
//   --build DIR     the build folder with the binary under test
//   --pictures DIR  a picture of each page for each language, theme and width; DIR/… is overwritten
//   --full          every combination of language, theme and width instead of the two that differ most
//   --only REGEX    only pages and parts whose name matches
//   --jobs, --days  how many jobs there are (240) and how far their past goes back (7 days)
//   --tasks         instead of all else: the tasks, by mouse and by keyboard alone (tasks.mjs)
//   --short         with --tasks: ten of them, each by one hand
//   --load          instead of all else: ten thousand jobs, two hundred events a second, for --minutes (10) (load.mjs)
//   --open-long     instead of all else: a page that stays open for --minutes, with its answers (open_long.mjs)
//   --serve         checks nothing: fills a node, says its address, and keeps it until it is interrupted
import {mkdtempSync, rmSync} from "node:fs";
import {tmpdir} from "node:os";
import {join, resolve} from "node:path";
import {parseArgs} from "node:util";
import {checkAcross} from "./across.mjs";
import {startBrowser} from "./browser.mjs";
import {companyJobs, livelyJobs} from "./fleet_of_jobs.mjs";
import {checkFirstRun} from "./first_run.mjs";
import {checkHostile} from "./hostile.mjs";
import {checkLayout} from "./layout.mjs";
import {checkLive} from "./live.mjs";
import {checkLoad} from "./load.mjs";
import {checkOpenLong} from "./open_long.mjs";
import {checkOutput} from "./output.mjs";
import {checkEmpty, checkPages} from "./pages.mjs";
import {checkPaper} from "./paper.mjs";
import {Report} from "./report.mjs";
import {saveJobs, startRuns, writePast} from "./seed.mjs";
import {startServer} from "./server.mjs";
import {checkStates} from "./states.mjs";
import {checkAlarms, checkBundle, checkWorkerLoad} from "./system.mjs";
import {checkTasks} from "./tasks.mjs";
import {checkVision} from "./vision.mjs";

const {values: options} = parseArgs({options: {
  build: {type: "string"}, pictures: {type: "string"}, full: {type: "boolean", default: false}, only: {type: "string"},
  load: {type: "boolean", default: false}, "open-long": {type: "boolean", default: false}, minutes: {type: "string", default: "10"},
  jobs: {type: "string"}, days: {type: "string", default: "7"}, tasks: {type: "boolean", default: false}, short: {type: "boolean", default: false}, serve: {type: "boolean", default: false}, port: {type: "string"},
}});
if (!options.build) {
  console.error("console: --build DIR is missing: the build folder with the binary under test");
  process.exit(2);
}
const build = resolve(options.build), binary = join(build, "cronfleet"), past = join(build, "bin/console_past");
const only = options.only ? new RegExp(options.only) : null;
const pictures = options.pictures ? resolve(options.pictures) : null;

const folder = mkdtempSync(join(tmpdir(), "cronfleet-console-"));
process.on("exit", () => rmSync(folder, {recursive: true, force: true, maxRetries: 3}));

const kNode = "worker-7.eu-central-1.example.com";  // as long as they are

async function fill() {
  const jobs = companyJobs({count: Number(options.jobs ?? (options.load ? 10_000 : 240))}), home = join(folder, "filled");
  const begun = Date.now();
  const records = await writePast({binary, past, folder: home, jobs, days: Number(options.days), worker: kNode});
  const server = await startServer({binary, folder: home, settings: [`node_id=${kNode}`], ...(options.port ? {port: Number(options.port)} : {})});
  await saveJobs(server, [...jobs, ...livelyJobs]);
  const runs = await startRuns(server);
  console.log(`console: ${jobs.length + livelyJobs.length} jobs with ${records} records of the past ${options.days} days, in ${((Date.now() - begun) / 1000).toFixed(1)} s`);
  return {server, runs, names: jobs.map(({job}) => job.name)};
}

const report = new Report();
if (options.serve) {
  const {server} = await fill();
  console.log(`console: serving ${server.address}`);
  await new Promise(() => undefined);
}

const empty = await startServer({binary, folder: join(folder, "empty"), settings: ["node_id=node-1"]});
const index = await fetch(empty.address + "/", {headers: {Accept: "text/html"}});
if (!/text\/html/.test(index.headers.get("content-type") ?? "")) {
  console.log("console: skipped: this binary was built without the console");
  await empty.stop();
  process.exit(77);
}
const browser = await startBrowser();
console.log(`console: Chromium ${browser.version}`);
if (options.tasks) {
  await checkTasks({browser, server: empty, report, pictures, short: options.short});
  await browser.close();
  await empty.stop();
  process.exit(report.finish());
}
if (options["open-long"]) {
  await checkOpenLong({browser, server: empty, report, minutes: Number(options.minutes)});
  await browser.close();
  await empty.stop();
  process.exit(report.finish());
}
if (options.load) {
  await empty.stop();
  const {server, runs, names} = await fill();
  await checkLoad({browser, server, runs, names, report, minutes: Number(options.minutes)});
  await browser.close();
  await server.stop();
  process.exit(report.finish());
}
await checkEmpty({browser, server: empty, report, pictures, full: options.full, only});
if (!only || only.test("first-run")) await checkFirstRun({browser, server: empty, report});
if (!only || only.test("across")) await checkAcross({browser, server: empty, binary, report});
if (!only || only.test("live")) await checkLive({browser, server: empty, report});
if (!only || only.test("states")) await checkStates({browser, server: empty, report});
if (!only || only.test("open-long")) await checkOpenLong({browser, server: empty, report});
if (!only || only.test("bundle")) await checkBundle({browser, server: empty, report});
if (!only || only.test("load")) await checkWorkerLoad({browser, server: empty, report});
await empty.stop();
if (!only || only.test("alarms")) await checkAlarms({browser, binary, marker: join(build, "bin/console_marker"), folder, report});
if (!only || only.test("vision")) await checkVision({browser, binary, past, folder, report, pictures});
const {server, runs} = await fill();
await checkPages({browser, server, runs, report, pictures, full: options.full, only});
if (!only || only.test("layout")) await checkLayout({browser, server, runs, report, pictures: options.full ? pictures : null});
if (!only || only.test("output")) await checkOutput({browser, server, runs, report});
if (!only || only.test("paper")) await checkPaper({browser, server, runs, report, pictures});
if (!only || only.test("hostile")) await checkHostile({browser, server, report, full: options.full});
await browser.close();
await server.stop();
process.exit(report.finish());
