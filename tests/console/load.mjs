// load.mjs: UI-T4: ten thousand jobs and two hundred events a second, for `minutes`, in one tab that goes from page to page
// and scrolls: dropped frames less than 1 % more than on a page that does nothing, no growth of the heap; 100,000 lines of
// output scroll; the first paint with data. Every figure is of this machine at this time: for a calm one and by hand.
import {saveJobs} from "./seed.mjs";
import {until} from "./server.mjs";

const kEventsPerSecond = 200, kDroppedMost = 0.01, kPaintMostMs = 300;
const kStayMs = 8_000;            // on each page
const kGrowthMost = 0.02;         // of the heap over the time measured, where the slope stands out of the noise at all

/** Jobs beside the ten thousand that run each second, so that runs, records and output are among the events. */
const everySecond = Array.from({length: 8}, (_, i) => ({job: {name: `tick-${i}`, schedule: "* * * * * *", command: "echo tick", labels: {team: "ops"}}}));

/** Changes jobs and counts what the server tells of it, so that it tells `rate` events in each second. */
function makeEvents(server, names, rate) {
  const stopped = new AbortController(), count = {events: 0, bytes: 0};
  const listen = (async () => {
    const response = await fetch(`${server.address}/api/v1/events?topics=jobs,runs,workers,system`, {signal: stopped.signal});
    for await (const piece of response.body) count.events += (Buffer.from(piece).toString("latin1").match(/^event: (?!hello)/gm) ?? []).length;
  })();
  const write = (async () => {
    let at = 0, before = 0, share = rate;
    for (let turn = 0; !stopped.signal.aborted; ++turn) {
      const begun = Date.now();
      const items = Array.from({length: Math.max(1, Math.round(share / 4))}, () => {
        const name = names[at++ % names.length];
        return {action: "patch", name, patch: {description: `changed for the ${turn}th time`}, if_match: "*"};
      });
      await server.must("POST", "/api/v1/jobs:batch", {items});
      if (turn % 4 === 3) {
        share = Math.max(4, share + (rate - (count.events - before)) / 2);
        before = count.events;
      }
      await new Promise((done) => setTimeout(done, Math.max(0, 250 - (Date.now() - begun))));
    }
  })();
  const over = Promise.allSettled([listen, write]);
  return {
    count,
    async stop() {
      stopped.abort();
      for (const {status, reason} of await over) if (status === "rejected" && reason.name !== "AbortError") throw reason;
    },
  };
}

// Runs in the page: every frame that should have been there and was not, and the work that kept the page from answering.
function watchFrames() {
  const kept = window;
  kept.__frames = {shown: 0, dropped: 0, worstMs: 0, longTasks: 0, longMs: 0};
  let before = 0;
  const look = (now) => {
    if (before && document.visibilityState === "visible") {
      const gap = now - before;
      kept.__frames.shown += 1;
      kept.__frames.dropped += Math.max(0, Math.round(gap * 60 / 1000) - 1);
      kept.__frames.worstMs = Math.max(kept.__frames.worstMs, gap);
    }
    before = now;
    requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      kept.__frames.longTasks += 1;
      kept.__frames.longMs += entry.duration;
    }
  }).observe({type: "longtask"});
}
const takeFrames = (page) => page.evaluate(() => {
  const {shown, dropped, worstMs, longTasks, longMs} = window.__frames;
  Object.assign(window.__frames, {shown: 0, dropped: 0, worstMs: 0, longTasks: 0, longMs: 0});
  return {shown, dropped, worstMs, longTasks, longMs};
});

/** The straight line through the points, and how uncertain its slope is. */
export function slopeOf(points) {
  const n = points.length, mean = (at) => points.reduce((sum, point) => sum + point[at], 0) / n;
  const x = mean(0), y = mean(1);
  const xx = points.reduce((sum, point) => sum + (point[0] - x) ** 2, 0);
  const slope = points.reduce((sum, point) => sum + (point[0] - x) * (point[1] - y), 0) / xx;
  const rest = points.reduce((sum, point) => sum + (point[1] - y - slope * (point[0] - x)) ** 2, 0);
  return {slope, error: Math.sqrt(rest / (n - 2) / xx), mean: y};
}

/** What this browser drops on this machine at this time on a page that does nothing: no page of ours can do better. */
async function idleFrames(browser, address) {
  const open = await browser.open(address, {reducedMotion: "no-preference"}), {page} = open;
  await page.addInitScript(watchFrames);
  await page.goto(address + "/healthz");
  await page.evaluate(() => document.body.replaceChildren(...Array.from({length: 3_000}, (_, i) => Object.assign(document.createElement("p"), {textContent: `line ${i}`}))));
  await page.mouse.move(300, 300);
  await takeFrames(page);
  await scroll(page, kStayMs);
  const frames = await takeFrames(page);
  await open.close();
  return frames;
}

const percentText = (part) => `${(part * 100).toFixed(2)} %`;
const median = (list) => [...list].sort((a, b) => a - b)[list.length >> 1];

/** To another page as a link of the page itself would. */
const go = (page, path) => page.evaluate((to) => {
  const link = document.createElement("a");
  link.href = to;
  document.body.append(link);
  link.click();
  link.remove();
}, path);

/** As fast as a wheel is turned in haste: about 3,600 px a second, down and now and then back. */
async function scroll(page, ms) {
  const end = Date.now() + ms;
  for (let i = 0; Date.now() < end; ++i) {
    await page.mouse.wheel(0, i % 60 < 45 ? 60 : -90);
    await new Promise((done) => setTimeout(done, 16));
  }
}

function add(into, frames) {
  for (const key of ["shown", "dropped", "longTasks", "longMs"]) into[key] += frames[key];
  into.worstMs = Math.max(into.worstMs, frames.worstMs);
}
const dropped = ({shown, dropped: lost}) => lost / Math.max(1, shown + lost);
const framesText = (frames) => `${percentText(dropped(frames))} of ${frames.shown + frames.dropped} frames dropped, the longest gap ${frames.worstMs.toFixed(0)} ms, ${frames.longTasks} tasks over 50 ms (${frames.longMs.toFixed(0)} ms)`;

async function checkPaint({browser, server, report}) {
  for (const [name, path] of [["overview", "/"], ["jobs", "/jobs"], ["runs", "/runs"]]) {
    await report.check("load", `first paint of ${name} with data`, async () => {
      const paints = [], filled = [];
      for (let i = 0; i < 7; ++i) {
        const open = await browser.open(server.address, {});
        // The first frame in which the page has a heading and nothing stands in for what is still on its way.
        await open.page.addInitScript(() => {
          const look = () => (document.querySelector("h1") && document.querySelector("main li, main tr") && !document.querySelector(".skeleton, main [aria-busy=true]") ? (window.__filled ??= performance.now()) : requestAnimationFrame(look));
          requestAnimationFrame(look);
        });
        await open.show(path);
        await until("the page is filled", () => open.page.evaluate(() => window.__filled), 30);
        filled.push(await open.page.evaluate(() => window.__filled));
        paints.push(await open.page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0].startTime));
        await open.close();
      }
      console.log(`console: load: ${name}: first paint ${median(paints).toFixed(0)} ms, filled ${median(filled).toFixed(0)} ms (median of ${filled.length} cold loads; ${filled.map((ms) => ms.toFixed(0)).join(" ")})`);
      return median(paints) > kPaintMostMs ? [`the first paint took ${median(paints).toFixed(0)} ms, more than ${kPaintMostMs} ms`] : [];
    });
  }
}

async function checkLines({browser, server, report, run}) {
  await report.check("load", "100,000 lines of output scroll", async () => {
    const idle = await idleFrames(browser, server.address);
    console.log(`console: load: a page that does nothing: ${framesText(idle)}`);
    const open = await browser.open(server.address, {reducedMotion: "no-preference"}), {page} = open;
    await page.addInitScript(watchFrames);
    await open.show(`/runs/${encodeURIComponent(run)}`);
    await page.getByText("100,000 lines").waitFor();
    await page.locator(".out-row").first().hover();
    await takeFrames(page);
    await scroll(page, 15_000);
    const frames = await takeFrames(page), rows = await page.locator(".out-row").count();
    console.log(`console: load: output of 100,000 lines: ${framesText(frames)}; ${rows} rows in the document`);
    await open.close();
    return dropped(frames) - dropped(idle) > kDroppedMost ? [framesText(frames)] : [];
  });
}

export async function checkLoad({browser, server, runs, names, report, minutes}) {
  await checkPaint({browser, server, report});
  await checkLines({browser, server, report, run: runs["table-export"]});
  await saveJobs(server, everySecond);
  await report.check("load", `${kEventsPerSecond} events a second for ${minutes} minutes`, async () => {
    const open = await browser.open(server.address, {}), {page} = open;
    await page.addInitScript(watchFrames);
    await open.show("/");
    const devtools = await open.context.newCDPSession(page);
    const heap = async () => {
      await devtools.send("HeapProfiler.collectGarbage");
      return (await devtools.send("Runtime.getHeapUsage")).usedSize;
    };
    const events = makeEvents(server, names, kEventsPerSecond);
    const pages = [["overview", "/"], ["jobs", "/jobs"], ["runs", "/runs"], ["calendar", "/calendar"], ["run", `/runs/${encodeURIComponent(runs["warehouse-load"])}`]];
    const nothing = {shown: 0, dropped: 0, worstMs: 0, longTasks: 0, longMs: 0}, total = {...nothing}, idle = {...nothing}, by = new Map(), heaps = [];
    // Everything is loaded once before it is measured.
    for (const [, path] of pages) {
      await go(page, path);
      await open.settle();
    }
    await page.mouse.move(700, 500);
    const begun = Date.now(), end = begun + minutes * 60_000, first = events.count.events;
    while (Date.now() < end) {
      for (const [name, path] of pages) {
        await go(page, path);
        await open.settle();
        await takeFrames(page);
        if (name === "overview" || name === "calendar") await new Promise((done) => setTimeout(done, kStayMs));
        else await scroll(page, kStayMs);
        const frames = await takeFrames(page), sum = by.get(name) ?? {...nothing};
        add(sum, frames);
        add(total, frames);
        by.set(name, sum);
      }
      add(idle, await idleFrames(browser, server.address));
      await go(page, "/workers");
      await open.settle();
      heaps.push([(Date.now() - begun) / 60_000, await heap()]);
    }
    const seconds = (Date.now() - begun) / 1000, rate = (events.count.events - first) / seconds;
    await events.stop();
    for (const [name, frames] of by) console.log(`console: load: ${name}: ${framesText(frames)}`);
    console.log(`console: load: a page that does nothing, in between: ${framesText(idle)}`);
    console.log(`console: load: all: ${framesText(total)}; ${rate.toFixed(0)} events a second for ${seconds.toFixed(0)} s`);
    const mega = (bytes) => `${(bytes / 1048576).toFixed(2)} MiB`;
    console.log(`console: load: heap after each round: ${heaps.map(([, bytes]) => mega(bytes)).join(", ")}`);
    const trouble = [...(await open.offences())];
    if (dropped(total) - dropped(idle) > kDroppedMost) trouble.push(framesText(total));
    if (rate < kEventsPerSecond * 0.9) trouble.push(`only ${rate.toFixed(0)} events a second came about`);
    if (heaps.length >= 6) {
      const {slope, error, mean} = slopeOf(heaps.slice(2)), over = slope * (heaps.at(-1)[0] - heaps[2][0]);
      console.log(`console: load: heap ${mega(mean)}, slope ${mega(slope)} ± ${mega(error)} a minute`);
      if (slope > 3 * error && over > kGrowthMost * mean) trouble.push(`the heap grows by ${mega(slope)} a minute`);
    }
    await open.close();
    return trouble;
  }, 600 + 120 * minutes);
}
