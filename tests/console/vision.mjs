// vision.mjs: no verdict is told by its colour alone (UI-83). A job with every verdict in its past, on each page that shows them:
// marks, photographed as four kinds of colour vision see them, differ from each other by more than a hue, and each has its word; in
// every chart what the styles come to differs in shape or fill wherever the tone does.
import {mkdirSync} from "node:fs";
import {join} from "node:path";
import {writeRecords} from "./seed.mjs";
import {startServer} from "./server.mjs";

const kKinds = ["protanopia", "deuteranopia", "tritanopia", "achromatopsia"];
const kVerdicts = [
  {status: "succeeded", exit_code: 0, took: 40_000}, {status: "failed", exit_code: 3, took: 30_000}, {status: "signalled", signal: 9, took: 25_000},
  {status: "timed_out", signal: 15, took: 50_000}, {status: "killed", signal: 15, actor: "ops", took: 20_000}, {status: "lost", took: 35_000},
  {status: "skipped", reason: "overlap"}, {status: "missed", reason: "late"}, {status: "refused", reason: "spawn_failed"},
];
const kTones = {succeeded: "good", failed: "bad", signalled: "bad", timed_out: "bad", lost: "bad", killed: "odd", refused: "odd", skipped: "quiet", missed: "late"};
// Less than this share of a mark's pixels differing, and two marks are taken for one; a pixel differs by this much of its brightness.
const kShare = 0.04, kBrightness = 48;

const job = {schedule: "0 0 1 1 *", time_zone: "UTC", command: "true"};

/** Of each element: its tone, and all that it is but for colour. */
function shapesOf(selector) {
  const fills = (style) => (/^url/.test(style.fill) ? document.querySelector(/#[\w-]+/.exec(style.fill)[0]).getAttribute("patternTransform") : style.fill === "none" ? "hollow" : "full");
  return [...document.querySelectorAll(selector)].map((element) => {
    const tone = /tone-(\w+)/.exec(element.getAttribute("class") ?? element.parentElement.getAttribute("class"))[1];
    const parts = element instanceof SVGElement ? (element.matches("a,svg") ? [...element.querySelectorAll("rect:not(.strip-hit),circle,path")] : [element]) : [element];
    return [tone, parts.map((part) => {
      const style = getComputedStyle(part);
      if (!(part instanceof SVGElement)) return [style.height, style.borderTopWidth, style.backgroundImage === "none" ? "" : "striped", style.backgroundColor === "rgba(0, 0, 0, 0)" ? "hollow" : "full"].join(" ");
      const drawn = part.getAttribute("d");
      // Of a strip's path the kinds of boxes in it, of a dot's what follows the place, of a mark's all.
      if (part.matches(".strip-bar") && drawn) return [fills(style), ...new Set([...drawn.matchAll(/M\S+ (\S+)(h\S+)v/g)].map(([, y, wide]) => `${Number(y) > 17 ? "foot" : "bar"} ${wide}`))].join(" ");
      if (part.matches(".runs-dot")) return [fills(style), drawn.slice(drawn.indexOf("m"))].join(" ");
      if (drawn) return `${fills(style)} ${drawn}`;
      return part.matches(".hours-fill") ? `${fills(style)} ${style.stroke === "none" ? "" : "framed"}` : part.matches("rect") ? `${fills(style)} ${part.getAttribute("height")} ${(part.getAttribute("width") / parts[0].getAttribute("width")).toFixed(1)}` : fills(style);
    }).join(" + ")];
  });
}

/** In a page of no site: which share of the pixels of two pictures differs in brightness, for each pair. */
function differing([pictures, brightness]) {
  const read = async (base64) => {
    const image = await createImageBitmap(new Blob([Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0))], {type: "image/png"}));
    const canvas = new OffscreenCanvas(image.width, image.height), context = canvas.getContext("2d");
    context.drawImage(image, 0, 0);
    const {data} = context.getImageData(0, 0, image.width, image.height);
    return {grey: Array.from({length: data.length / 4}, (_, i) => 0.2126 * data[4 * i] + 0.7152 * data[4 * i + 1] + 0.0722 * data[4 * i + 2]),
            coloured: Array.from({length: data.length / 4}, (_, i) => Math.max(data[4 * i], data[4 * i + 1], data[4 * i + 2]) - Math.min(data[4 * i], data[4 * i + 1], data[4 * i + 2])).some((spread) => spread > 6)};
  };
  return Promise.all(pictures.map(read)).then((all) => ({
    coloured: all.some((one) => one.coloured),
    pairs: all.flatMap((a, i) => all.slice(i + 1).map((b, k) => [i, i + 1 + k, a.grey.filter((value, at) => Math.abs(value - b.grey[at]) > brightness).length / a.grey.length])),
  }));
}

export async function checkVision({browser, binary, past, folder, report, pictures}) {
  const home = join(folder, "vision"), now = Date.now();
  // Every five minutes of the last hour, each verdict, the last one hours before: nine close together the calendar shows as one band.
  // What never ran has no start.
  const records = kVerdicts.map(({took, ...end}, i) => {
    const at = now - (i + 1 < kVerdicts.length ? (i + 1) * 300_000 : 3 * 3_600_000);
    return {run: `every-verdict@r-${String(i + 1).padStart(16, "0")}.1`, scheduled: at, claimed: at, command: "true", worker: "node-1", ...end, ...(took ? {started: at + 5, ended: at + 5 + took} : {})};
  });
  await writeRecords(past, home, records);
  const server = await startServer({binary, folder: home, settings: ["node_id=node-1"]});
  for (const [name, more] of [["every-verdict", {}], ["switched-off", {enabled: false}], ["at-rest", {paused_until: "9999-12-31T23:59:59Z"}]]) {
    await server.must("PUT", `/api/v1/jobs/${name}`, {...job, ...more}, {"If-None-Match": "*"});
  }
  const days = [...new Set(records.map(({scheduled}) => new Date(scheduled).toISOString().slice(0, 10)))];
  const all = Object.values(kTones), ran = ["good", "bad", "odd"];
  const charts = [
    {name: "strip of a job", paths: ["/jobs"], selector: ".strip-bar", tones: all}, {name: "durations of a job", paths: ["/jobs/every-verdict"], selector: ".job-chart a", tones: all},
    {name: "hours", paths: ["/"], selector: ".hours-fill:not(pattern *)", tones: all}, {name: "dots of runs", paths: ["/runs"], selector: ".runs-dot", tones: ran},
    {name: "lanes of the calendar", paths: days.map((day) => `/calendar?at=${day}`), selector: ".calendar-run", tones: all}, {name: "lanes of a worker", paths: ["/workers/node-1"], selector: ".workers-lane a", tones: ran},
    {name: "marks", paths: ["/runs"], selector: ".mark", tones: all}, {name: "states of jobs", paths: ["/jobs"], selector: ".job-mark", tones: ["good", "late", "quiet"]},
  ];
  const open = await browser.open(server.address, {zone: "UTC"});
  for (const {name, paths, selector, tones} of charts) {
    await report.check("vision", `${name}: shape or fill differs wherever the tone does`, async () => {
      const tonesOf = new Map(), seen = new Set();
      for (const path of paths) {
        await open.show(path);
        for (const [tone, shape] of await open.page.evaluate(shapesOf, selector)) {
          seen.add(tone);
          tonesOf.set(shape, (tonesOf.get(shape) ?? new Set()).add(tone));
        }
      }
      return [...tones.filter((tone) => !seen.has(tone)).map((tone) => `nothing is ${tone} there`),
              ...[...tonesOf].filter(([, of]) => of.size > 1).map(([shape, of]) => `${[...of].join(" and ")} are both '${shape}'`)];
    });
  }
  await open.close();

  const blank = await browser.open("http://nowhere.invalid");
  for (const theme of ["light", "dark"]) {
    for (const kind of kKinds) {
      await report.check("vision", `marks differ with ${kind}, ${theme}`, async () => {
        const seen = await browser.open(server.address, {theme, zone: "UTC", scale: 2}), devtools = await seen.context.newCDPSession(seen.page);
        await devtools.send("Emulation.setEmulatedVisionDeficiency", {type: kind});
        await seen.show("/runs");
        const rows = await seen.page.locator(".runs-list .status").all(), shots = [], words = [];
        await seen.page.mouse.move(2, 2);
        for (const row of rows) {
          shots.push((await row.locator(".mark").screenshot({animations: "disabled"})).toString("base64"));
          words.push((await row.innerText()).trim());
        }
        const {pairs, coloured} = await blank.page.evaluate(differing, [shots, kBrightness]), trouble = [];
        if (rows.length !== kVerdicts.length) trouble.push(`${rows.length} runs are listed`);
        if (coloured === (kind === "achromatopsia")) trouble.push(`the pictures are ${coloured ? "" : "not "}coloured: they do not show ${kind}`);
        if (new Set(words).size !== words.length || words.includes("")) trouble.push(`words: ${words.join(", ")}`);
        for (const [i, k, share] of pairs) if (share < kShare) trouble.push(`${words[i]} and ${words[k]}: ${(share * 100).toFixed(1)} % of the pixels differ`);
        if (pictures) {
          mkdirSync(pictures, {recursive: true});
          for (const [name, path] of [["runs", "/runs"], ["jobs", "/jobs"], ["overview", "/"], ["calendar", `/calendar?at=${days[0]}`], ["worker", "/workers/node-1"], ["job", "/jobs/every-verdict"]]) {
            await seen.show(path);
            await seen.picture(join(pictures, `vision-${kind}-${name}-${theme}.png`));
          }
        }
        trouble.push(...(await seen.offences()));
        await seen.close();
        return trouble;
      });
    }
  }
  await blank.close();
  await server.stop();
}
