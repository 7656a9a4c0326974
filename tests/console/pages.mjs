// pages.mjs: every page in both languages, both themes and three widths: it stands, breaks no rule, and fits.
import {mkdirSync} from "node:fs";
import {join} from "node:path";

/** Every page with the data of seed.mjs; `runs` are those that were started by hand. */
export function allPages(runs) {
  const run = (name) => `/runs/${encodeURIComponent(runs[name])}`;
  const job = (name, tab = "") => `/jobs/${encodeURIComponent(name)}${tab}`;
  return [
    {name: "overview", path: "/"},
    {name: "jobs", path: "/jobs"},
    {name: "jobs-filtered", path: "/jobs?filter=" + encodeURIComponent("label:team=db state:enabled")},
    {name: "jobs-none-found", path: "/jobs?filter=" + encodeURIComponent("name~nothing-is-called-this")},
    {name: "job", path: job("postgres-backup-orders")},
    {name: "job-runs", path: job("postgres-backup-orders", "/runs")},
    {name: "job-schedule", path: job("postgres-backup-orders", "/schedule")},
    {name: "job-definition", path: job("postgres-backup-orders", "/definition")},
    {name: "job-versions", path: job("postgres-backup-orders", "/versions")},
    {name: "job-cjk", path: job("数据仓库同步-华东")},
    {name: "job-gone", path: job("nothing")},
    {name: "new-job", path: "/new-job"},
    {name: "edit-job", path: job("夜间备份-订单库", "/edit")},
    {name: "edit-gone", path: job("nothing", "/edit")},
    {name: "runs", path: "/runs"},
    {name: "runs-failed", path: "/runs?filter=" + encodeURIComponent("state:failed,signalled,timed_out")},
    {name: "run-failed", path: run("ledger-reconcile")},
    {name: "run-live", path: run("warehouse-load")},
    {name: "run-long", path: run("table-export")},
    {name: "run-gap", path: run("verbose-sync")},
    {name: "run-gone", path: `/runs/${encodeURIComponent("nothing@2026-01-01T00:00:00Z.1")}`},
    {name: "calendar-day", path: "/calendar"},
    {name: "calendar-week", path: "/calendar?view=week"},
    {name: "calendar-month", path: "/calendar?view=month"},
    {name: "calendar-year", path: "/calendar?view=year"},
    {name: "workers", path: "/workers"},
    {name: "worker", path: "/workers/{node}"},
    {name: "system", path: "/system"},
    {name: "nowhere", path: "/calendar/nothing-lives-here"},
  ];
}

const kWidths = [{name: "wide", width: 1440, height: 900}, {name: "tablet", width: 820, height: 1100}, {name: "phone", width: 390, height: 844}];

/** Short: each page once in each language and theme, at the two outer widths. `full`: every combination. */
function combinations(full) {
  const all = [];
  for (const language of ["en", "zh"]) {
    for (const theme of ["light", "dark"]) {
      for (const size of kWidths) {
        if (full || (language === "en") === (theme === "light") && (size.name === "wide") === (language === "en") && size.name !== "tablet") all.push({language, theme, ...size});
      }
    }
  }
  return all;
}

export async function checkPages({browser, server, runs, report, pictures, full, only, suite = "pages"}) {
  const {items} = await server.must("GET", "/api/v1/workers");
  const pages = allPages(runs).map((page) => ({...page, path: page.path.replace("{node}", encodeURIComponent(items[0].node))}))
    .filter((page) => !only || only.test(page.name));
  if (pictures) mkdirSync(pictures, {recursive: true});
  for (const look of combinations(full)) {
    const open = await browser.open(server.address, {...look, touch: look.name === "phone"});
    for (const {name, path} of pages) {
      const title = `${name} ${look.language} ${look.theme} ${look.name}`;
      await report.check(suite, title, async () => {
        await open.show(path);
        const wide = await open.overflow(), trouble = [...(await open.offences()), ...(await open.axe()), ...(await open.nameless()), ...(wide ? [wide] : [])];
        const links = await open.page.locator("a[href*='filter=']").evaluateAll((all) => [...new Set(all.map((link) => link.getAttribute("href")))]);
        for (const link of links) if ((await server.ask("GET", `/api/v1${link}`)).status !== 200) trouble.push(`${link} leads to a filter that is refused`);
        if (pictures) await open.picture(join(pictures, `${name}-${look.language}-${look.theme}-${look.name}.png`));
        return trouble;
      });
    }
    await open.close();
  }
}

/** An installation on its first day. */
export async function checkEmpty({browser, server, report, pictures, full, only}) {
  const pages = [["overview", "/"], ["jobs", "/jobs"], ["runs", "/runs"], ["calendar-day", "/calendar"], ["calendar-month", "/calendar?view=month"], ["workers", "/workers"], ["system", "/system"]]
    .filter(([name]) => !only || only.test(`empty-${name}`));
  for (const look of combinations(full)) {
    const open = await browser.open(server.address, look);
    for (const [name, path] of pages) {
      await report.check("first day", `${name} ${look.language} ${look.theme} ${look.name}`, async () => {
        await open.show(path);
        const wide = await open.overflow(), trouble = [...(await open.offences()), ...(await open.axe()), ...(await open.nameless()), ...(wide ? [wide] : [])];
        if (pictures) await open.picture(join(pictures, `empty-${name}-${look.language}-${look.theme}-${look.name}.png`));
        return trouble;
      });
    }
    await open.close();
  }
}
