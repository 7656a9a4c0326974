// system.mjs: what the pages of the system and the workers tell and do. The support bundle has what it lists and no command; a
// worker says how busy it is. An alarm that ends by an operator's word is confirmed in both languages: the marker of a job
// stands in the future, as a clock that was wrong left it, and after the word the job fires again.
import {execFileSync} from "node:child_process";
import {readFileSync} from "node:fs";
import {join} from "node:path";
import {startServer, until} from "./server.mjs";

const kWords = {
  en: {confirm: "Confirm", title: "Let these jobs fire again", done: "1 job fires by its schedule again"},
  zh: {confirm: "确认", title: "让这些任务重新触发", done: "1 个任务重新按计划触发"},
};

/** On a node that has jobs. */
export async function checkBundle({browser, server, report}) {
  await report.check("system", "the support bundle", async () => {
    const command = "echo only-in-the-command";
    await server.must("PUT", "/api/v1/jobs/not-in-the-bundle", {schedule: "0 0 1 1 *", command}, {"If-None-Match": "*"});
    const open = await browser.open(server.address, {}), {page} = open;
    await open.show("/system");
    await page.getByRole("button", {name: "Support bundle", exact: true}).click();
    const dialog = page.getByRole("dialog", {name: "Support bundle"}), trouble = await open.axe();
    const [download] = await Promise.all([page.waitForEvent("download"), dialog.getByRole("button", {name: "Download"}).click()]);
    const text = readFileSync(await download.path(), "utf8"), bundle = JSON.parse(text);
    if (!/^cronfleet-support-\d{8}T\d{6}Z\.json$/.test(download.suggestedFilename())) trouble.push(`it is called ${download.suggestedFilename()}`);
    if (text.includes("only-in-the-command")) trouble.push("it has the command of a job");
    const has = {
      version: bundle.system?.version, configuration: bundle.system?.configuration?.includes("data_dir"), readiness: bundle.readiness?.status,
      alarms: Array.isArray(bundle.alarms?.items), worker: bundle.workers?.items?.[0]?.node, load: bundle.workers?.items?.[0]?.load, browser: bundle.console?.agent,
    };
    for (const [what, found] of Object.entries(has)) if (!found) trouble.push(`it has no ${what}: ${text.slice(0, 2000)}`);
    trouble.push(...(await open.offences()));
    await open.close();
    return trouble;
  });
}

export async function checkWorkerLoad({browser, server, report}) {
  const {node, load} = (await server.must("GET", "/api/v1/workers")).items[0];
  for (const [language, cpus, behind] of [["en", /^\d+% of \d+ CPUs?$/, "Spool"], ["zh", /^\d+%\(\d+ 核\)$/, "待写缓存"]]) {
    await report.check("system", `how busy a worker is, ${language}`, async () => {
      const open = await browser.open(server.address, {language}), {page} = open;
      await open.show(`/workers/${encodeURIComponent(node)}`);
      await page.getByText(cpus).waitFor();
      await page.getByText(behind, {exact: true}).waitFor();
      await open.show("/workers");
      await page.getByRole("columnheader", {name: behind}).waitFor();
      await page.getByRole("row", {name: new RegExp(node)}).getByText(/^\d+%$/).first().waitFor();
      const trouble = await open.offences();
      if (!(load?.memory_bytes > 0 && load.memory_bytes < load.memory_bytes_max)) trouble.push(`its memory is ${JSON.stringify(load)}`);
      await open.close();
      return trouble;
    });
  }
}

export async function checkAlarms({browser, binary, marker, folder, report}) {
  const job = {schedule: "* * * * * *", command: "echo tick"};
  const settings = ["node_id=node-1"];
  for (const [language, words] of Object.entries(kWords)) {
    await report.check("alarms", `marker_ahead is confirmed, ${language}`, async () => {
      const home = join(folder, `alarms-${language}`);
      const before = await startServer({binary, folder: home, settings});
      await before.must("PUT", "/api/v1/jobs/often", job, {"If-None-Match": "*"});
      await before.stop();
      execFileSync(marker, [join(before.data, "coord"), "often", String(Date.now() + 3_600_000)]);

      const server = await startServer({binary, folder: home, settings});
      const stands = async () => (await server.must("GET", "/api/v1/alarms")).items.some(({code}) => code === "marker_ahead");
      await until("the alarm stands", stands);
      const open = await browser.open(server.address, {language}), {page} = open;
      await open.show("/system");
      const alarm = page.locator(".system-alarm", {hasText: "marker_ahead"});
      await alarm.getByRole("button", {name: words.confirm, exact: true}).click();
      const dialog = page.getByRole("dialog", {name: words.title});
      const trouble = await open.axe();
      await dialog.getByRole("button", {name: words.confirm, exact: true}).click();
      await page.getByText(words.done).waitFor();
      await alarm.waitFor({state: "detached"});
      const runs = async () => (await server.must("GET", "/api/v1/runs?job=often&limit=500")).items.length, had = await runs();
      await until("the job fires again", async () => (await runs()) > had);
      if (await stands()) trouble.push("the alarm is not over");
      trouble.push(...(await open.offences()));
      await open.close();
      await server.stop();
      return trouble;
    });
  }
}
