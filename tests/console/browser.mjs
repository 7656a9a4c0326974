// browser.mjs: Debian's Chromium, and pages in it that keep account of what a page of the console must never do.
//
//   const browser = await startBrowser();
//   const page = await browser.open(server.address, {language: "zh", theme: "dark", width: 390});
//   await page.show("/jobs");                 // goes there and waits until the page stands still
//   page.offences();                          // violations of the policy, requests to other hosts, errors
import {readFileSync} from "node:fs";
import {createRequire} from "node:module";
import {chromium} from "playwright-core";
import {until} from "./server.mjs";

const axeSource = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const kAxeTags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
const kNamed = new Set(["button", "link", "textbox", "searchbox", "combobox", "listbox", "checkbox", "radio", "switch", "spinbutton", "slider", "tab", "tabpanel",
                        "menu", "menuitem", "menuitemradio", "option", "dialog", "alertdialog", "img", "image", "log", "toolbar", "radiogroup", "heading", "DateTime", "Date"]);

// Runs in the page before anything of it does.
function watchFromInside({language, theme, zone, settings}) {
  const kept = window;
  kept.__offences = [];
  addEventListener("securitypolicyviolation", (event) => kept.__offences.push(`policy: ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile ?? ""}`));
  // Two frames have passed; a browser that draws none, as one without a screen does now and then, is waited for no longer
  // than a second.
  kept.__drawn = () => Promise.race([
    new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))),
    new Promise((done) => setTimeout(done, 1000)),
  ]);
  // What a payload of the hostile texts would call.
  kept.__struck = (what) => kept.__offences.push(`script: ${what}`);
  for (const name of ["alert", "confirm", "prompt"]) kept[name] = (text) => kept.__offences.push(`script: ${name}(${text})`);
  if (sessionStorage.getItem("console-test")) return;  // only once: what the page keeps over a reload is its own
  sessionStorage.setItem("console-test", "1");
  const values = {language, theme, zone, ...settings};
  for (const [name, value] of Object.entries(values)) if (value !== undefined) localStorage.setItem(`cronfleet.${name}`, value);
}

export async function startBrowser({executable = process.env.CRONFLEET_TEST_CHROMIUM ?? "/usr/bin/chromium", headless = true} = {}) {
  const chrome = await chromium.launch({
    executablePath: executable, headless,
    args: [...(process.getuid?.() === 0 ? ["--no-sandbox"] : []), "--disable-gpu", "--font-render-hinting=none",
           "--disable-background-networking", "--disable-component-update", "--no-first-run"],
  });

  const open = async (address, {language = "en", theme = "light", width = 1440, height = 900, scale = 1, zone = "Europe/Berlin", settings = {},
                                touch = false, reducedMotion = "reduce"} = {}) => {
    const context = await chrome.newContext({
      viewport: {width, height}, deviceScaleFactor: scale, colorScheme: theme === "dark" ? "dark" : "light", hasTouch: touch, isMobile: touch,
      locale: language === "zh" ? "zh-CN" : "en-GB", timezoneId: "Europe/Berlin", reducedMotion, permissions: ["clipboard-read", "clipboard-write"],
    });
    await context.addInitScript(watchFromInside, {language, theme, zone, settings});
    const page = await context.newPage();
    const offences = [], host = new URL(address).host;
    page.on("request", (request) => {
      const url = new URL(request.url());
      if (url.protocol !== "data:" && url.protocol !== "blob:" && url.host !== host) offences.push(`request: ${request.method()} ${request.url()}`);
    });
    page.on("pageerror", (error) => offences.push(`error: ${error.stack ?? error.message}`));
    page.on("dialog", (dialog) => {
      offences.push(`dialog: ${dialog.type()} ${dialog.message()}`);
      void dialog.dismiss();
    });
    page.on("console", (message) => {
      // The browser itself reports each answer of 4xx and 5xx; what the page makes of them is looked at where it matters.
      if (message.type() === "error" && !/^Failed to load resource/.test(message.text())) offences.push(`console: ${message.text()}`);
    });

    const settle = async () => {
      // The page has a heading, nothing is still being fetched for the first time, and two frames have passed.
      await page.waitForFunction(() => document.querySelector("h1") && !document.querySelector(".skeleton, main [aria-busy=true]"), undefined, {timeout: 30_000});
      await page.evaluate(() => document.fonts.ready.then(() => window.__drawn()));
    };
    return {
      page, context, host,
      settle,
      async show(path) {
        await page.goto(address + path, {waitUntil: "load"});
        await settle();
      },
      /** Everything that must not have happened, since the last time it was asked. */
      async offences() {
        const inside = await page.evaluate(() => window.__offences.splice(0));
        return [...offences.splice(0), ...inside];
      },
      /** Of the document: how far it is wider than the screen, and what sticks out. */
      async overflow() {
        return page.evaluate(() => {
          const width = document.documentElement.clientWidth, by = document.documentElement.scrollWidth - width;
          if (by <= 0) return null;
          const inScroller = (element) => {
            for (let e = element.parentElement; e; e = e.parentElement) if (getComputedStyle(e).overflowX !== "visible") return true;
            return false;
          };
          const out = [...document.querySelectorAll("body *")].filter((e) => e.getBoundingClientRect().right > width + 1 && !inScroller(e));
          return `${by} px too wide: ${out.slice(-4).map((e) => `<${e.tagName.toLowerCase()} class="${e.className}"> ${(e.textContent ?? "").trim().slice(0, 40)}`).join(" | ")}`;
        });
      },
      /** What axe finds, a line each. */
      async axe() {
        if (!(await page.evaluate(() => "axe" in window))) await page.evaluate(axeSource);
        const found = await page.evaluate((tags) => window.axe.run(document, {runOnly: {type: "tag", values: tags}, resultTypes: ["violations"]}), kAxeTags);
        return found.violations.map((one) => `${one.id} (${one.impact}): ${one.help}: ${one.nodes.length} × ${one.nodes.slice(0, 3).map((node) => `${node.target.join(" ")} ${(node.any[0]?.message ?? node.all[0]?.message ?? "").slice(0, 160)}`).join(" | ")}`);
      },
      /** As a screen reader hears the page: what can be used or is a picture, and has no name. */
      async nameless() {
        const devtools = await context.newCDPSession(page);
        const {nodes} = await devtools.send("Accessibility.getFullAXTree");
        await devtools.detach();
        return nodes.filter((node) => !node.ignored && kNamed.has(node.role?.value) && !node.name?.value?.trim())
          .map((node) => `a ${node.role.value} has no name: ${(node.properties ?? []).map(({name, value}) => `${name}=${value.value}`).join(" ")}`);
      },
      until: (what, condition, seconds) => until(what, () => page.evaluate(condition), seconds),
      /** The driver hides the caret with a style of its own, which the policy of the page may refuse: no offence of ours. */
      async picture(file) {
        const before = offences.length;
        await page.screenshot({path: file, animations: "disabled"});
        offences.length = before;
        await page.evaluate(() => window.__offences.splice(0));
      },
      close: () => context.close(),
    };
  };
  return {open, version: chrome.version(), close: () => chrome.close()};
}
