// across.mjs: what holds on all pages and that no picture shows: a list does not move under the pointer, tabs share one stream,
// a draft outlives a reload, keys and palette lead on, the address brings a filter back, times are of the zone that is shown,
// texts a third longer fit, and a page is had as a command.
import {checksOf} from "./report.mjs";
import {spawnSync} from "node:child_process";
import {until} from "./server.mjs";

const job = {schedule: "0 0 1 1 *", command: "true"};

export async function checkAcross({browser, server, binary, report}) {
  const put = (name) => server.must("PUT", `/api/v1/jobs/${name}`, job, {"If-None-Match": "*"});
  const check = checksOf("across", {browser, server, report});

  await check("what comes while the pointer is on a list is held and counted", async (open, page) => {
    await put("held-a");
    await open.show("/jobs");
    await page.locator(".jobs-table tbody").hover();
    await put("held-b");
    await page.getByRole("button", {name: "1 change"}).waitFor();
    const before = await page.getByRole("link", {name: "held-b", exact: true}).count();
    await page.mouse.move(5, 5);
    await page.getByRole("link", {name: "held-b", exact: true}).waitFor();
    return before === 0 ? [] : ["the row came under the pointer"];
  });

  await check("two tabs have one stream of events, and both hear", async (open, page) => {
    const streams = new Set(), isStream = (request) => request.url().includes("/api/v1/events");
    open.context.on("request", (request) => isStream(request) && streams.add(request));
    for (const over of ["requestfinished", "requestfailed"]) open.context.on(over, (request) => streams.delete(request));
    await open.show("/jobs");
    const second = await open.context.newPage();
    await second.goto(server.address + "/jobs");
    await second.getByRole("heading", {level: 1}).waitFor();
    await until("one stream is open", () => streams.size === 1, 20);
    await put("heard");
    for (const tab of [page, second]) await tab.getByRole("link", {name: "heard", exact: true}).waitFor();
    return streams.size === 1 ? [] : [`${streams.size} streams are open`];
  });

  await check("a draft outlives a reload", async (open, page) => {
    await open.show("/new-job");
    await page.getByRole("textbox", {name: "Command", exact: true}).fill("echo not lost");
    await page.reload();
    await open.settle();
    const kept = await page.getByRole("textbox", {name: "Command", exact: true}).inputValue();
    return kept === "echo not lost" ? [] : [`the command is '${kept}'`];
  });

  await check("keys and the palette lead on", async (open, page) => {
    await open.show("/");
    await page.keyboard.press("g");
    await page.keyboard.press("w");
    await page.waitForURL(/\/workers$/);
    await page.keyboard.press("?");
    await page.getByRole("dialog").waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({state: "detached"});
    await page.keyboard.press("Control+k");
    await page.keyboard.type("heard");
    await page.getByRole("option", {name: "heard"}).first().waitFor();
    await page.keyboard.press("Enter");
    await page.waitForURL(/\/jobs\/heard/);
    return [];
  });

  await check("the address has the filter, and back brings the one before", async (open, page) => {
    await open.show("/jobs?filter=name~held-a");
    await page.getByRole("link", {name: "held-a", exact: true}).waitFor();
    await page.getByRole("link", {name: "held-a", exact: true}).click();
    await page.waitForURL(/\/jobs\/held-a/);
    await page.goBack();
    await page.getByRole("link", {name: "held-a", exact: true}).waitFor();
    return (await page.getByRole("link", {name: "heard", exact: true}).count()) === 0 ? [] : ["the filter is gone"];
  });

  const {run_id: run} = await server.must("POST", "/api/v1/jobs/heard:run", {}), {items: [worker]} = await server.must("GET", "/api/v1/workers");
  await check("every page is had as a command that works", async (open, page) => {
    const trouble = [];
    for (const [path, command] of [
      ["/", "cronfleet run list --status running,failed"], ["/jobs", "cronfleet job list"], ["/jobs?filter=label:a%20name~heard", "cronfleet job list --filter 'label:a name~heard'"], ["/jobs/heard/definition", "cronfleet job get heard"],
      ["/runs?filter=state:failed,lost%20job:heard%20age%3C24h", "cronfleet run list --status failed,lost --job heard --from 2"], [`/runs/${encodeURIComponent(run)}`, "cronfleet run get"],
      ["/calendar", "cronfleet run list --from 2"], ["/calendar?view=month", "cronfleet run list --from 2"], ["/calendar?view=year", "cronfleet run list --from 2"],
      ["/workers", "cronfleet worker list"], [`/workers/${worker.node}`, "cronfleet worker get"], ["/system", "cronfleet alarm list"],
    ]) {
      await open.show(path);
      const button = page.getByRole("button", {name: "As command"}), folded = page.getByText("From a terminal");
      if (await button.count()) await button.click();
      else if (await folded.count()) await folded.click();
      await page.locator(".copy-box code").first().waitFor();
      const texts = await page.locator(".copy-box code").allTextContents(), cli = texts.find((text) => text.startsWith(command)), curl = texts.find((text) => text.startsWith("curl "));
      if (!cli || !curl) trouble.push(`${path} shows neither '${command}' nor curl: ${texts.join(" | ")}`);
      else {
        const ran = spawnSync("sh", ["-c", `${cli.replace("cronfleet", binary)} --server ${server.address}`], {encoding: "utf8"});
        if (ran.status !== 0) trouble.push(`${path}: '${cli}' ends with ${ran.status}: ${ran.stderr}`);
        const url = curl.slice(curl.indexOf("http")).replace(/'$/, ""), answer = await fetch(url);
        if (!answer.ok) trouble.push(`${path}: '${curl}' answers ${answer.status}: ${await answer.text()}`);
      }
    }
    return trouble;
  });

  await check("a time that is typed is one of the zone that is shown", async (open, page) => {
    const path = "/api/v1/jobs/zoned", dialog = page.getByRole("dialog"), trouble = [];
    const comesTo = (key, wanted) => until(`${key} is ${wanted}`, async () => wanted.test((await server.must("GET", path)).job[key] ?? ""), 10).catch(async () => trouble.push(`${key}: ${(await server.must("GET", path)).job[key]}`));
    await server.must("PUT", path, {...job, time_zone: "America/New_York"}, {"If-None-Match": "*"});
    await open.show("/jobs/zoned");
    await page.getByRole("button", {name: "Pause", exact: true}).click();
    await dialog.getByText("Tomorrow 09:00").click();
    await dialog.getByRole("button", {name: "Pause", exact: true}).click();
    await comesTo("paused_until", /T00:00:00/);  // of the page's zone, not of the browser's
    await open.show("/jobs/zoned/schedule");
    const said = await page.getByRole("main").getByText(/paused until/).evaluateAll((all) => all.map((one) => one.textContent.replace(/^.*until /, "")));
    if (said.length !== 2 || !said.every((one) => /^\d+ \w+ 09:00$/.test(one))) trouble.push(`it is paused until ${said.join(" and ")}`);
    const {height} = await page.locator("main .note p").boundingBox();
    if (height > 30) trouble.push(`the note takes ${height} px`);
    await open.show("/jobs/zoned/edit");
    await page.getByLabel("First firing not before").fill("2030-01-01T09:00");
    await page.locator(".page-actions").getByRole("button", {name: "Save", exact: true}).click();
    await comesTo("starts_at", /^2030-01-01T14:00:00/);  // of the job's
    return trouble;
  }, {zone: "Asia/Tokyo"});

  await check("a change to many that is called off leaves them chosen", async (open, page) => {
    await open.show("/jobs?filter=name~held");
    const bar = page.getByRole("toolbar", {name: "2 selected"}), dialog = page.getByRole("dialog"), press = (name) => dialog.getByRole("button", {name, exact: true}).last().click();
    await page.getByRole("checkbox", {name: "Select all"}).check();
    await bar.getByRole("button", {name: "Disable"}).click();
    await press("Cancel");
    await dialog.waitFor({state: "detached"});
    const trouble = (await bar.count()) === 1 ? [] : ["nothing is chosen any more"];
    if (trouble.length > 0) return trouble;
    await bar.getByRole("button", {name: "Disable"}).click();
    await press("Disable");
    await dialog.getByText("2 done").waitFor();
    await press("Close");
    await bar.waitFor({state: "detached"});
    return trouble;
  });

  await check("a name with a space is one word of a command", async (open, page) => {
    await put("two%20words");
    await open.show("/jobs/two%20words/runs");
    const text = await page.locator(".empty .copy-box code").innerText();
    return text === "cronfleet job run 'two words' --wait" ? [] : [text];
  });

  await check("a filter that is refused is told once, at its field", async (open, page) => {
    const trouble = [];
    for (const path of ["/jobs", "/runs"]) {
      await open.show(`${path}?filter=state:nonsense`);
      await page.locator(".field-error").waitFor();
      const told = await page.getByRole("alert").allInnerTexts();
      if (told.length !== 1) trouble.push(`${path}: ${told.join(" | ")}`);
    }
    return trouble;
  });

  for (const [width, height] of [[1440, 900], [390, 844]]) {
    await check(`texts a third longer fit at ${width} px`, async (open) => {
      const trouble = [];
      for (const path of ["/", "/jobs", "/jobs/heard", "/new-job", "/runs", "/calendar", "/workers", "/system"]) {
        await open.show(`${path}?pseudo`);
        const wide = await open.overflow();
        if (wide) trouble.push(`${path}: ${wide}`);
        if (!(await open.page.evaluate(() => document.body.innerText.includes("~]")))) trouble.push(`${path}: no text is longer`);
      }
      return trouble;
    }, {width, height});
  }
}
