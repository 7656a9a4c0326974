// across.mjs: what holds on all pages and that no picture shows: a list does not move under the pointer, tabs share one stream,
// a draft outlives a reload, keys and palette lead on, the address brings a filter back, texts a third longer fit, and a page is
// had as a command.
import {until} from "./server.mjs";

const job = {schedule: "0 0 1 1 *", command: "true"};

export async function checkAcross({browser, server, report}) {
  const put = (name) => server.must("PUT", `/api/v1/jobs/${name}`, job, {"If-None-Match": "*"});
  const check = (what, perform, options = {}) => report.check("across", what, async () => {
    const open = await browser.open(server.address, options);
    try {
      return [...((await perform(open, open.page)) ?? []), ...(await open.offences())];
    } finally {
      await open.close();
    }
  });

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

  await check("a page is had as a command", async (open, page) => {
    const trouble = [];
    for (const [path, command] of [["/workers", "cronfleet worker list"], ["/jobs", "cronfleet job list"], ["/system", "cronfleet alarm list"],
                                   ["/runs?filter=state:failed,lost%20job:heard%20age%3C24h", "cronfleet run list --status failed,lost --job heard"]]) {
      await open.show(path);
      await page.getByRole("button", {name: "As command"}).click();
      const text = await page.getByRole("dialog").innerText();
      for (const part of [command, "curl"]) if (!text.includes(part)) trouble.push(`${path} does not show '${part}': ${text}`);
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
