// open_long.mjs: UI-3: a page that stays open while things change holds no more nodes, listeners and memory than at first, and
// answers a click or a key within 100 ms. Short, a part of every test: some rounds of the pages, growth alone, since a busy machine
// answers late. `--open-long --minutes 480`, for a calm machine: the eight hours of UI-3, with the answers.
import {slopeOf} from "./load.mjs";
import {until} from "./server.mjs";

const kRoundsShort = 8, kWarm = 3;     // caches fill in the first rounds: the second half is looked at
const kGrowthMost = 0.03, kAnswerMs = 100;

// Runs in the page: how long each click and key took until the next frame (Event Timing).
function watchAnswers() {
  window.__answers = [];
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (entry.interactionId) window.__answers.push({what: entry.name, ms: entry.duration});
  }).observe({type: "event", durationThreshold: 16, buffered: true});
}

export async function checkOpenLong({browser, server, report, minutes = 0}) {
  const names = Array.from({length: 20}, (_, i) => `open-long-${i}`);
  for (const name of names) await server.must("PUT", `/api/v1/jobs/${name}`, {schedule: "0 0 1 1 *", command: "echo one; echo two"}, {"If-None-Match": "*"});
  const {run_id: run} = await server.must("POST", `/api/v1/jobs/${names[0]}:run`, {});
  await until("the run is over", async () => (await server.must("GET", `/api/v1/runs/${encodeURIComponent(run)}`)).status === "succeeded");

  await report.check("open long", minutes ? `for ${minutes} minutes` : `${kRoundsShort} rounds of the pages`, async () => {
    const open = await browser.open(server.address, {}), {page} = open, main = page.getByRole("main");
    await page.addInitScript(watchAnswers);
    await open.show("/jobs");
    await page.evaluate(() => (window.__firstLoad = true));
    const devtools = await open.context.newCDPSession(page);
    await devtools.send("Performance.enable");
    const count = async () => {
      for (let i = 0; i < 2; ++i) await devtools.send("HeapProfiler.collectGarbage");
      const {metrics} = await devtools.send("Performance.getMetrics"), of = (name) => metrics.find((one) => one.name === name).value;
      return {nodes: of("Nodes"), listeners: of("JSEventListeners"), heap: of("JSHeapUsedSize"), documents: of("Documents")};
    };
    let turn = 0;
    const change = () => server.must("POST", "/api/v1/jobs:batch", {items: names.map((name) => ({action: "patch", name, patch: {description: `changed for the ${turn}th time`}, if_match: "*"}))})
      .then(() => ++turn);
    const rail = (name) => page.getByRole("navigation", {name: "Main"}).getByRole("link", {name, exact: true}).click();
    const round = async () => {
      await rail("Overview");
      await open.settle();
      await change();
      await rail("Jobs");
      await open.settle();
      await main.getByRole("combobox").first().fill("name~open-long-1 ");
      await page.keyboard.press("Enter");
      await page.keyboard.press("Escape");
      await main.getByRole("link", {name: names[1], exact: true}).click();
      await open.settle();
      await change();
      for (const tab of ["Runs", "Schedule", "Definition", "Versions"]) {
        await main.getByRole("link", {name: tab, exact: true}).first().click();
        await open.settle();
      }
      await main.getByRole("button", {name: "More", exact: true}).click();
      await page.keyboard.press("Escape");
      await page.keyboard.press("Control+k");
      await page.getByRole("dialog").waitFor();
      await page.keyboard.press("Escape");
      await page.getByRole("dialog").waitFor({state: "detached"});
      await rail("Runs");
      await open.settle();
      await main.locator(`a[href="/runs/${encodeURIComponent(run)}"]`).first().click();
      await page.getByText("2 lines").waitFor();
      await change();
      await rail("Calendar");
      await open.settle();
      await rail("System");
      await open.settle();
      await rail("Workers");
      await open.settle();
    };
    const counts = [], begun = Date.now(), end = begun + minutes * 60_000;
    for (let i = 0; minutes ? Date.now() < end || i < kRoundsShort : i < kRoundsShort; ++i) {
      await round();
      counts.push([(Date.now() - begun) / 60_000, await count()]);
    }
    const trouble = [...(await open.offences())], warm = counts.slice(Math.max(kWarm, counts.length >> 1));
    for (const what of ["nodes", "listeners", "heap"]) {
      const all = counts.map(([, one]) => one[what]), {slope, error, mean} = slopeOf(warm.map(([at, one]) => [at, one[what]]));
      const over = slope * (warm.at(-1)[0] - warm[0][0]);
      console.log(`console: open long: ${what} after each round: ${all.length > 20 ? `${all.slice(0, 4).join(" ")} … ${all.slice(-4).join(" ")}` : all.join(" ")}`);
      // The compiler goes on to keep more for a while: the slope of the heap says something over a longer time alone.
      if (what === "heap" && !minutes) continue;
      if (slope > 3 * error && over > kGrowthMost * mean) trouble.push(`${what} grow from ${warm[0][1][what]} to ${warm.at(-1)[1][what]} over ${warm.length} rounds with ${turn} changes of ${names.length} jobs`);
    }
    const answers = (await page.evaluate(() => window.__answers)).map(({ms}) => ms).sort((a, b) => a - b);
    const late = answers.filter((ms) => ms > kAnswerMs).length;
    console.log(`console: open long: ${counts.length} rounds, ${turn * names.length} changes; of ${answers.length} answers over 16 ms the slowest took ${answers.at(-1) ?? 0} ms, ${late} more than ${kAnswerMs} ms`);
    if (minutes && late > 0) trouble.push(`${late} of ${answers.length} clicks and keys were answered after more than ${kAnswerMs} ms, at worst ${answers.at(-1)} ms`);
    if (!(await page.evaluate(() => window.__firstLoad === true))) trouble.push("the page was loaded again");
    await open.close();
    return trouble;
  }, 300 + 120 * minutes);
}
