// paper.mjs: the page of a run and that of a job on paper (UI-72), from both themes: no navigation and no control, dark letters on
// white, nothing cut off at the side, and every line of the output, not those on the screen alone.
import {mkdirSync} from "node:fs";
import {join} from "node:path";
import {until} from "./server.mjs";

const kAway = ["nav.rail", "header.topbar", ".page-actions", ".tabs", ".out-find", ".out-switches"];

/** In the page: what of it is seen that paper must not have, grounds that are dark, and text too light for white. */
function wrongOnPaper(away) {
  const light = (colour) => {
    const [r, g, b, alpha = 1] = colour.match(/[\d.]+/g).map(Number);
    return alpha === 0 ? null : (0.2126 * r + 0.7152 * g + 0.0722 * b) / 255;
  };
  const seen = (element) => element.checkVisibility() && element.getBoundingClientRect().width > 1;
  const all = [document.documentElement, document.body, ...document.querySelectorAll("main, main *")].filter(seen);
  const named = (element) => `<${element.tagName.toLowerCase()} class="${element.getAttribute("class") ?? ""}">`;
  const letters = all.filter((element) => [...element.childNodes].some((child) => child.nodeType === 3 && child.data.trim()));
  return [
    ...away.filter((one) => [...document.querySelectorAll(one)].some(seen)).map((one) => `${one} is printed`),
    // Blocks alone: a mark or a dot may be as dark as it likes.
    ...all.filter((element) => element.clientWidth > 100 && (light(getComputedStyle(element).backgroundColor) ?? 1) < 0.85).map((element) => `${named(element)} has a dark ground`),
    ...letters.filter((element) => !(element instanceof SVGElement) && light(getComputedStyle(element).color) > 0.55).map((element) => `${named(element)} is printed in ${getComputedStyle(element).color}`),
  ].slice(0, 8);
}

export async function checkPaper({browser, server, runs, report, pictures}) {
  const lines = {"ledger-reconcile": 10, "verbose-sync": 500};
  const pages = [...Object.keys(lines).map((name) => ({name, path: `/runs/${encodeURIComponent(runs[name])}`})), {name: "job", path: "/jobs/postgres-backup-orders"}];
  for (const theme of ["light", "dark"]) {
    for (const {name, path} of pages) {
      await report.check("paper", `${name} from ${theme}`, async () => {
        const open = await browser.open(server.address, {theme}), {page} = open;
        await open.show(path);
        await page.emulateMedia({media: "print"});
        await page.setViewportSize({width: 718, height: 1047});  // A4 less its margins
        const trouble = await page.evaluate(wrongOnPaper, kAway), wide = await open.overflow();
        if (wide) trouble.push(wide);
        if (pictures) {
          mkdirSync(pictures, {recursive: true});
          await page.screenshot({path: join(pictures, `paper-${name}-${theme}.png`), fullPage: true, animations: "disabled"});
          await page.evaluate(() => window.__offences.splice(0));
        }
        if (lines[name]) {
          const there = () => page.locator(".out-row .out-number").filter({hasText: /\d/}).count();
          await until(`${lines[name]} lines are there`, async () => (await there()) >= lines[name], 10);
        }
        // And what the browser makes of it, from the screen: as many sheets as the lines need.
        await page.emulateMedia({media: null});
        await page.setViewportSize({width: 1440, height: 900});
        await open.settle();
        const sheets = (await page.pdf({format: "A4"})).toString("latin1").match(/\/Type\s*\/Page\b/g)?.length ?? 0;
        const least = Math.max(1, Math.floor(((lines[name] ?? 0) * 20) / 1123));
        if (sheets < least || sheets > least + 4) trouble.push(`${sheets} sheets, at least ${least} are needed`);
        trouble.push(...(await open.offences()));
        await open.close();
        return trouble;
      });
    }
  }
}
