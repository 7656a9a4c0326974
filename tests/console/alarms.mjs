// alarms.mjs: an alarm that ends by an operator's word is confirmed in the browser, in both languages: the marker of a job stands
// in the future, as a clock that was wrong left it, and after the word the job fires again.
import {execFileSync} from "node:child_process";
import {join} from "node:path";
import {startServer, until} from "./server.mjs";

const kWords = {
  en: {confirm: "Confirm", title: "Let these jobs fire again", done: "1 job fires by its schedule again"},
  zh: {confirm: "确认", title: "让这些任务重新触发", done: "1 个任务重新按计划触发"},
};

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
