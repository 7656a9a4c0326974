// layout.mjs: what a look at pictures would find, on every page in both languages from 320 px to a wide screen: text that is cut off,
// that lies over something else or is too small to be read, a word broken in two, a table that has to be scrolled sideways, columns and
// heads that are not in line.
import {join} from "node:path";
import {allPages} from "./pages.mjs";
import {checksOf} from "./report.mjs";

const kSizes = [[1440, 900], [1024, 768], [768, 1024], [390, 844], [320, 640], [640, 400]];  // the last: 200 % zoom of 1280 × 800

/** Runs in the page. `end`: it has been scrolled to its end, and what stays in place there must lie over nothing. */
function misplaced(end) {
  const kLow = 9, kShortest = 48;  // px: of letters, and of a text that an ellipsis shortens
  const oneLine = ".workers-table td:first-child a, .calendar-counts > *, .versions-diff td.dim pre", filled = ".overview-counts, .job-figures";
  const trouble = [], styles = new Map();
  const styleOf = (element) => styles.get(element) ?? styles.set(element, getComputedStyle(element)).get(element);
  const named = (element) => `<${element.tagName.toLowerCase()} class="${element.getAttribute("class") ?? ""}">`;
  const above = (element, is) => {
    for (let e = element; e; e = e.parentElement) if (is(styleOf(e), e)) return e;
    return null;
  };
  const seen = (element) => element.checkVisibility({opacityProperty: true, visibilityProperty: true}) && !above(element, (style) => style.clipPath !== "none");
  /** What of a box can be seen, or be scrolled to and seen; and the element that cuts it off for good, without an ellipsis. */
  const shown = (element, box) => {
    let {left, right, top, bottom} = box, cutter = null, short = false;
    for (let e = element; e && e !== document.body && styleOf(e).position !== "fixed"; e = e.parentElement) {
      const {overflowX, overflowY, contain, textOverflow} = styleOf(e), paints = /paint|strict|content/.test(contain), area = e.getBoundingClientRect();
      if (paints || overflowX !== "visible") {
        const cuts = left < area.left - 2 || right > area.right + 2;
        [left, right] = [Math.max(left, area.left), Math.min(right, area.right)];
        if (cuts && textOverflow === "ellipsis") short ||= right - left < kShortest;
        else if (cuts && !/auto|scroll/.test(overflowX)) cutter ??= e;
      }
      if (paints || overflowY !== "visible") {
        if ((top < area.top - 2 || bottom > area.bottom + 2) && !/auto|scroll/.test(overflowY)) cutter ??= e;
        [top, bottom] = [Math.max(top, area.top), Math.min(bottom, area.bottom)];
      }
    }
    return {left, right, top, bottom, cutter, short};
  };
  const boxes = [];
  const add = (element, text, rects) => {
    for (const rect of rects) {
      if (rect.width < 1 || rect.height < 1) continue;
      const box = shown(element, rect);
      if (box.cutter && !end) trouble.push(`'${text}' is cut off by ${named(box.cutter)}`);
      if (box.short && !end) trouble.push(`of '${text}' ${Math.round(box.right - box.left)} px are left`);
      if (box.right - box.left > 1 && box.bottom - box.top > 1) boxes.push({...box, element, text, fixed: Boolean(above(element, (style) => style.position === "fixed"))});
    }
  };

  const range = document.createRange(), texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = texts.nextNode(); node; node = texts.nextNode()) {
    const element = node.parentElement, text = node.data.trim().slice(0, 40);
    if (!text || element.closest("script, title, option, .out-pane") || !seen(element)) continue;
    range.selectNodeContents(node);
    const rects = element instanceof SVGElement ? [element.getBoundingClientRect()] : [...range.getClientRects()];
    add(element, text, rects);
    if (end) continue;
    if (rects.some((rect) => rect.height > 0 && rect.height < kLow)) trouble.push(`'${text}' is ${rects[0].height.toFixed(1)} px high`);
    if (new Set(rects.map((rect) => Math.round(rect.top))).size === 1) continue;
    if (element.closest(oneLine)) trouble.push(`'${text}' takes ${rects.length} lines`);
    if (element.closest("pre, code")) continue;
    // What is too long for a line is broken anywhere.
    for (const {0: whole, index: at} of node.data.matchAll(/\S+/g)) {
      for (const {0: word, index} of whole.length > 20 ? [] : whole.matchAll(/[A-Za-z0-9]{2,}/g)) {
        range.setStart(node, at + index);
        range.setEnd(node, at + index + word.length);
        if (new Set([...range.getClientRects()].map((rect) => Math.round(rect.top))).size > 1) trouble.push(`'${word}' is broken in two in '${text}'`);
      }
    }
  }
  for (const control of document.querySelectorAll("a, button, input, select, textarea, summary")) {
    // Bars of charts may lie close together.
    if (!control.closest("svg, .calendar-track, .out-pane") && seen(control)) add(control, named(control), control.getClientRects());
  }
  boxes.sort((a, b) => a.top - b.top);
  boxes.forEach((a, i) => {
    for (let k = i + 1; k < boxes.length && boxes[k].top < a.bottom - 3; ++k) {
      const b = boxes[k];
      if (a.fixed !== b.fixed ? !end : end) continue;
      if (Math.min(a.right, b.right) - Math.max(a.left, b.left) <= 3 || Math.min(a.bottom, b.bottom) - b.top <= 3) continue;
      if (!a.element.contains(b.element) && !b.element.contains(a.element)) trouble.push(`'${a.text}' and '${b.text}' lie over each other`);
    }
  });
  if (end) return [...new Set(trouble)];

  for (const element of document.querySelectorAll("main *")) {
    if (element.scrollWidth > element.clientWidth + 1 && /auto|scroll/.test(styleOf(element).overflowX) && !element.closest("pre, textarea, .out-pane") && seen(element)) {
      trouble.push(`${named(element)} has to be scrolled sideways by ${element.scrollWidth - element.clientWidth} px`);
    }
  }
  const inLine = (edges) => Math.max(...edges) - Math.min(...edges) < 1.5;
  for (const table of document.querySelectorAll("main table")) {
    const rows = [...table.rows].filter((row) => seen(row) && row.cells.length > 1);
    for (let column = 0; rows.length > 1 && column < rows[0].cells.length; ++column) {
      const cells = rows.map((row) => row.cells[column]).filter((cell) => cell?.checkVisibility() && cell.textContent !== [...cell.querySelectorAll(".away")].map((one) => one.textContent).join(""));
      if (cells.length < 2) continue;
      const edges = () => cells.map((cell) => boxes.filter((box) => cell.contains(box.element))).filter((inside) => inside.length > 0);
      const ragged = () => !inLine(edges().map((inside) => Math.min(...inside.map((box) => box.left)))) && !inLine(edges().map((inside) => Math.max(...inside.map((box) => box.right))));
      if (new Set(cells.map((cell) => styleOf(cell).textAlign)).size > 1 || (styleOf(rows[0]).display === "grid" && ragged())) {
        trouble.push(`column ${column + 1} of ${named(table)} is not in line: '${cells[0].textContent.trim().slice(0, 20)}'`);
      }
    }
  }
  for (const row of document.querySelectorAll(".jobs-row")) {
    const height = row.getBoundingClientRect().height, wanted = Number.parseInt(styleOf(row).getPropertyValue("--jobs-row"));
    if (Math.abs(height - wanted) > 1) trouble.push(`the row of '${row.textContent.slice(0, 20)}' is ${height} px high, not ${wanted}`);
  }
  for (const grid of document.querySelectorAll(filled)) {
    const gap = grid.getBoundingClientRect().right - grid.lastElementChild.getBoundingClientRect().right;
    if (gap > 2) trouble.push(`${named(grid)} has ${gap} px free at its end`);
  }
  if (innerWidth >= 390 && !inLine([...document.querySelectorAll(".tab")].map((tab) => tab.getBoundingClientRect().top))) trouble.push("the tabs take two lines");
  for (const head of document.querySelectorAll("main .page-head")) {
    const title = head.firstElementChild.getBoundingClientRect(), actions = head.querySelector(".page-actions")?.getBoundingClientRect();
    if (!actions || actions.top >= title.bottom || styleOf(head.querySelector(".page-actions")).position === "fixed") continue;
    const off = styleOf(head).alignItems === "flex-start" && title.height > 40 ? actions.top - title.top : (actions.top + actions.bottom - title.top - title.bottom) / 2;
    if (Math.abs(off) > 2) trouble.push(`the actions of the head are ${off.toFixed(1)} px out of line`);
  }
  return [...new Set(trouble)];
}

// What the rules above cannot know. `day`: how a day is called that is so many hours away; in UTC, where each has 24.
const day = (hours) => new Date(Date.now() + hours * 3_600_000).toISOString().slice(0, 10);
const kPlaces = [
  {what: "the calendar has every firing ahead as far as it looked, and hatches the rest", path: () => `/calendar?at=${day(24)}`, options: {zone: "UTC"}, async act(page) {
    await page.getByRole("searchbox").fill("queue-depth");
  }, wrong() {
    const track = document.querySelector(".calendar-track"), of = (element) => element.getBoundingClientRect(), box = of(track), trouble = [];
    const bands = [...track.querySelectorAll(".calendar-band.coming")], hatch = track.querySelector(".calendar-unknown");
    if (!hatch || bands.length < 3) return [`${bands.length} bands, ${hatch ? "" : "nothing "}hatched`];
    const looked = of(hatch).left;
    if (looked - box.left < box.width / 10) trouble.push(`only ${looked - box.left} of ${box.width} px were looked at`);
    if (box.right - of(hatch).right > 1) trouble.push("the hatch ends early");
    bands.forEach((band, i) => {
      if (Math.abs(of(band).left - (i > 0 ? of(bands[i - 1]).right : box.left)) > 1) trouble.push(`a gap before band ${i}`);
      if (of(band).top < box.top) trouble.push(`the top of band ${i} is cut off`);
    });
    if (of(bands.at(-1)).right < looked - 1) trouble.push("bands end before what was looked at");
    const counts = new Set(bands.slice(0, -1).map((band) => band.title));
    return counts.size === 1 ? trouble : [...trouble, `quarters of an hour have ${[...counts].join(", ")}`];
  }},
  {what: "each day of a week begins where the clock says so", path: () => "/calendar?view=week&at=2026-10-30", options: {zone: "Africa/Cairo"}, wrong() {  // Thursday has 25 hours
    const said = [...document.querySelectorAll(".calendar-scale span")].map((day) => day.textContent).join(", ");
    return said === "Mon 26, Tue 27, Wed 28, Thu 29, Fri 30, Sat 31, Sun 1" ? [] : [`the days are ${said}`];
  }},
  {what: "the calendar hatches the past that it did not look at", path: () => `/calendar?view=week&at=${day(-84)}`, options: {zone: "UTC"}, wrong() {
    return [...document.querySelectorAll(".calendar-track")].flatMap((track) => {
      const hatch = track.querySelector(".calendar-unknown")?.getBoundingClientRect(), box = track.getBoundingClientRect();
      if (!hatch || hatch.left - box.left > 1) return ["nothing is hatched"];
      return [...track.querySelectorAll(".calendar-run, .calendar-band:not(.coming)")].filter((one) => one.getBoundingClientRect().left < hatch.right - box.width / 96 - 1).map((one) => `${one.title} is hatched`);
    });
  }},
  ...Object.entries({"postgres-backup-orders": "", "invoice-export-de": "Europe/Paris", "夜间备份-订单库": "Asia/Shanghai"}).map(([name, zone]) => ({
    what: `a zone is named where it is not the reader's, and cuts off no expression: ${name}`, path: () => `/jobs?filter=${encodeURIComponent(`name~${name}`)}`, value: [name, zone],
    wrong([wanted, named]) {
      const row = [...document.querySelectorAll(".jobs-row")].find((one) => one.querySelector(".jobs-link").textContent === wanted);
      const said = row.querySelector(".jobs-zone")?.textContent ?? "", code = row.querySelector("code");
      return [...(said === named ? [] : [`it says '${said}'`]), ...(code.scrollWidth > code.clientWidth ? [`'${code.textContent}' is cut off`] : [])];
    },
  })),
  ...Object.entries({"invoice-export-de": 2, "夜间备份-订单库": 3}).map(([name, columns]) => ({
    what: `firings stand in the reader's time too where that differs: ${name}`, path: () => `/jobs/${encodeURIComponent(name)}/schedule`, value: columns,
    wrong(wanted) {
      const found = document.querySelectorAll(".editor-firings th").length;
      return found === wanted ? [] : [`${found} columns`];
    },
  })),
  {what: "a run that is gone leads on", path: () => `/runs/${encodeURIComponent("nothing@2026-01-01T00:00:00Z.1")}`, wrong: () => (document.querySelector('main a[href="/runs"]') ? [] : ["no link leads on"])},
  {what: "next firings are those that count, be they an hour away", path: () => "/", async act(page) {
    await page.route("**/api/v1/firings?*", (route) => route.fulfill({json: {items: [{job: "paused", at: new Date(Date.now() + 60_000).toISOString(), expected: false}], more: false}}));
    await page.reload();
    await page.locator(".hours-legend").waitFor();
  }, wrong() {
    const rows = document.querySelector(".overview-columns > .card").querySelectorAll(".overview-row a");
    return rows.length > 0 && [...rows].every((row) => row.textContent !== "paused") ? [] : [`${rows.length} firings`];
  }},
  {what: "firings by hour are counted in whole numbers, few of them too", path: () => "/", async act(page) {
    await page.route("**/api/v1/statistics*", async (route) => {
      const response = await route.fetch(), json = await response.json();
      json.hours.forEach((hour, i) => (hour.verdicts = i === 5 ? {succeeded: 1} : {}));
      await route.fulfill({response, json});
    });
    await page.reload();
    await page.locator(".hours").waitFor();
  }, wrong() {
    const said = [...document.querySelectorAll(".hours-grid + text")].map((text) => text.textContent);
    return said.join(" ") === "0 1" ? [] : [`its axis says ${said.join(", ")}`];
  }},
  {what: "settings look as if they open", path: () => "/system", wrong() {
    const details = document.querySelector("details:has(.system-settings)"), turned = () => getComputedStyle(details.querySelector("summary .icon")).transform, closed = turned();
    details.open = true;
    return closed === turned() ? ["their arrow does not turn"] : [];
  }},
  ...kSizes.slice(0, 4).map(([width, height]) => ({
    what: `a toast leaves the bar of the chosen jobs free, ${width} px`, path: () => "/jobs?filter=state%3Apaused", options: {width, height},
    async act(page) {
      await page.route("**/api/v1/jobs/*:resume", (route) => route.fulfill({json: {}}));
      await page.locator(".jobs-row input").first().check();
      await page.locator(".jobs-row .jobs-menu button[popovertarget]").first().click();
      await page.getByRole("menuitem", {name: "Resume"}).click();
      await page.locator(".toast").waitFor();
    },
    wrong() {
      const [toast, bar] = [".toast", ".jobs-bulk"].map((one) => document.querySelector(one).getBoundingClientRect());
      return toast.bottom > bar.top && toast.top < bar.bottom ? ["it lies over it"] : [];
    },
  })),
  ...["/", "/runs", "/jobs/postgres-backup-orders"].map((path) => ({
    what: `charts fit a sheet that is narrower than the screen: ${path}`, path: () => path, act: (page) => page.emulateMedia({media: "print"}),
    wrong() {  // as a print finds them: no script has measured anew
      document.querySelector("main").style.width = "500px";
      return [...document.querySelectorAll("main svg text")].filter((text) => text.getBoundingClientRect().right > text.ownerSVGElement.getBoundingClientRect().right + 1).map((text) => `'${text.textContent}' is cut off`);
    },
  })),
];

const kAlarms = [..."12345"].map((n) => ({code: "clock_suspect", node: `worker-of-a-long-name-${n}.example`, detail: "", action: ""}))
  .concat({code: "no_workers", detail: "", action: ""}, {code: "clock_differs", detail: `the clock of worker-of-a-long-name-6.example is ${"very ".repeat(30)}far off`, action: ""});

export async function checkLayout({browser, server, runs, report, pictures}) {
  const {items: [worker]} = await server.must("GET", "/api/v1/workers");
  for (const language of ["en", "zh"]) {
    const open = await browser.open(server.address, {language}), {page} = open;
    for (const {name, path, alarms} of [...allPages(runs), {name: "jobs-paused", path: "/jobs?filter=state%3Apaused"}, {name: "job-live", path: "/jobs/warehouse-load"}, {name: "job-yearly", path: "/jobs/year-end-closing/schedule"}, {name: "banners", path: "/jobs", alarms: kAlarms}]) {
      await report.check("layout", `${name} ${language}`, async () => {
        if (alarms) await page.route("**/api/v1/alarms", (route) => route.fulfill({json: {items: alarms}}));
        const trouble = [], look = async (end) => {
          await page.evaluate((to) => scrollTo(0, to), end ? 1e6 : 0);
          await open.settle();
          return page.evaluate(misplaced, end);
        };
        await open.show(path.replace("{node}", encodeURIComponent(worker.node)));
        for (const [width, height] of kSizes) {
          await page.setViewportSize({width, height});
          await open.settle();
          const wide = await open.overflow(), found = [...(wide ? [wide] : []), ...(await look(false))];
          if (pictures) await open.picture(join(pictures, `${name}-${language}-${width}.png`));
          if (width <= 640) found.push(...(await look(true)));  // bars stay in place on phones alone
          trouble.push(...found.map((one) => `${width} px: ${one}`));
        }
        return trouble;
      });
    }
    await open.close();
  }
  const check = checksOf("layout", {browser, server, report});
  for (const {what, path, options, act, value, wrong} of kPlaces) {
    await check(what, async (open, page) => {
      await open.show(path());
      await act?.(page);
      await open.settle();
      return page.evaluate(wrong, value);
    }, options);
  }
}
