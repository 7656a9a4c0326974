// output.mjs: UI-35: a link to lines shows them and marks them, also of a run that goes on; who scrolls up stays there, and is
// told how much is new below; output that was refused goes on; who opens the dialog of a kill and leaves it has ordered none.
import {checksOf} from "./report.mjs";
import {until} from "./server.mjs";

export async function checkOutput({browser, server, runs, report}) {
  const check = checksOf("output", {browser, server, report});
  const long = `/runs/${encodeURIComponent(runs["table-export"])}`, live = `/runs/${encodeURIComponent(runs["warehouse-load"])}`;
  /** The numbers of the lines that are marked, and whether the first of them is on the screen. */
  const marks = (page) => page.evaluate(() => {
    const rows = [...document.querySelectorAll(".out-row.chosen")], pane = document.querySelector(".out-pane")?.getBoundingClientRect();
    const box = rows[0]?.getBoundingClientRect();
    return {
      lines: rows.map((row) => Number(row.querySelector(".out-number").textContent)).filter(Boolean),  // a line that is broken has one
      shown: Boolean(box && pane && box.top >= pane.top && box.bottom <= pane.bottom && box.top >= 0 && box.bottom <= innerHeight),
    };
  });
  const are = (page, from, to) => until(`the lines ${from} to ${to} are marked and shown`, async () => {
    const {lines, shown} = await marks(page);
    return shown && lines[0] === from && lines.at(-1) === to && lines.length === to - from + 1;
  }, 20);

  for (const [name, options] of [["", {}], [" on a phone", {width: 390, height: 844, touch: true}]]) {
    await check(`a link to lines among 100,000 shows them${name}`, async (open, page) => {
      await open.show(`${long}#L50120-L50124`);
      await are(page, 50120, 50124);
      await page.getByText("050120 exported row").waitFor();
      await page.reload();
      await are(page, 50120, 50124);
      // Another link, as somebody puts it into the address.
      await page.evaluate(() => (location.hash = "#L99990"));
      await are(page, 99990, 99990);
    }, options);
  }

  await check("lines are chosen by their numbers, and the link to them is copied", async (open, page) => {
    await open.show(`${long}#L300`);
    await are(page, 300, 300);
    await page.getByRole("link", {name: "Line 302", exact: true}).click();
    await are(page, 302, 302);
    await page.getByRole("link", {name: "Line 305", exact: true}).click({modifiers: ["Shift"]});
    await are(page, 302, 305);
    await page.getByRole("button", {name: "L302-L305"}).click();
    const link = await page.evaluate(() => navigator.clipboard.readText()), trouble = [];
    if (link !== `${server.address}${long}#L302-L305`) trouble.push(`the link is ${link}`);
    const other = await open.context.newPage();
    await other.goto(link);
    await are(other, 302, 305);
    return trouble;
  });

  await check("who scrolls up in live output stays there and is told what is new", async (open, page) => {
    await open.show(live);
    const pane = page.locator(".out-pane"), pill = page.getByRole("button", {name: /^\d[\d,]* new lines?$/}), follow = page.getByRole("button", {name: "Follow", exact: true});
    const place = () => pane.evaluate((box) => ({top: box.scrollTop, below: box.scrollHeight - box.clientHeight - box.scrollTop}));
    const trouble = [];
    await until("there is something to scroll, and it follows the end", () => pane.evaluate((box) => box.scrollHeight > box.clientHeight + 200 && box.scrollHeight - box.clientHeight - box.scrollTop < 40), 90);
    if (await pill.count()) trouble.push("the pill is there while it follows");
    await pane.hover();
    await page.mouse.wheel(0, -150);
    await until("it does not follow any more", async () => (await follow.getAttribute("aria-pressed")) === "false");
    const {top} = await place();
    await pill.waitFor({timeout: 20_000});
    const first = Number((await pill.innerText()).replace(/\D/g, ""));
    await until("more is new", async () => Number((await pill.innerText()).replace(/\D/g, "")) > first, 20);
    if ((await place()).top !== top) trouble.push(`it moved from ${top} to ${(await place()).top}`);
    await pill.click();
    await until("it is at the end and follows", async () => (await place()).below < 40 && (await follow.getAttribute("aria-pressed")) === "true" && (await pill.count()) === 0, 10);
    const before = (await place()).top;
    await until("it goes on with what comes", async () => (await place()).top > before && (await place()).below < 40, 20);
    return trouble;
  }, {height: 700});

  await check("who thinks better of a kill has ordered nothing", async (open, page) => {
    await open.show(live);
    for (const leave of [() => page.getByRole("dialog").getByRole("button", {name: "Cancel"}).click(), () => page.keyboard.press("Escape")]) {
      await page.getByRole("button", {name: "Kill", exact: true}).click();
      await page.getByRole("dialog").waitFor();
      await leave();
      await page.getByRole("dialog").waitFor({state: "detached"});
    }
    const said = await page.locator(".run > .note").allInnerTexts();
    return said.length > 0 ? [`it says '${said}'`] : [];
  });

  await check("output that was refused for a while goes on", async (open, page) => {
    let refused = 0;
    await page.route("**/output?*follow=1*", (route) => (++refused > 2 ? route.continue() : route.fulfill({status: 503, contentType: "application/problem+json", body: "{}"})));
    await open.show(live);
    const last = () => page.locator(".out-number:not(:empty)").last().innerText();
    await until("it is asked for again", () => refused > 2, 20);
    const before = Number(await last());
    await until("more lines come", async () => Number(await last()) > before + 1, 20);
  });

  await check("a link to a line of a run that goes on stays there", async (open, page) => {
    await open.show(`${live}#L2`);
    await are(page, 2, 2);
    await page.getByRole("button", {name: /^\d[\d,]* new lines?$/}).waitFor({timeout: 20_000});
    await are(page, 2, 2);
  });
}
