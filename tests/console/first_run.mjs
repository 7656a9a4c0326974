// first_run.mjs: UI-T1: somebody who has just started the product makes a job of their own and sees its first green run, in
// at most twelve clicks; and the same with the keyboard alone.
const kClicksMost = 12;

async function green(page) {
  await page.waitForURL(/\/runs\//, {timeout: 20_000});
  await page.locator("h1", {hasText: "succeeded"}).waitFor({timeout: 30_000});
}

export async function checkFirstRun({browser, server, report}) {
  const open = await browser.open(server.address, {});
  const {page} = open;
  let clicks = 0;
  const click = async (locator) => {
    await locator.click();
    ++clicks;
  };
  await report.check("first run", `by mouse, at most ${kClicksMost} clicks`, async () => {
    await open.show("/");
    const begun = Date.now();
    await click(page.getByRole("link", {name: "New job"}).first());
    await click(page.getByRole("textbox", {name: "Name", exact: true}));
    await page.keyboard.type("my first job");
    await click(page.getByRole("textbox", {name: "Command", exact: true}));
    await page.keyboard.type("echo hello from cronfleet");
    await click(page.getByRole("button", {name: "Save and run now"}));
    await green(page);
    await page.getByText("hello from cronfleet").first().waitFor({timeout: 10_000});
    console.log(`console: first green run after ${clicks} clicks and ${((Date.now() - begun) / 1000).toFixed(1)} s`);
    return [...(await open.offences()), ...(clicks > kClicksMost ? [`${clicks} clicks`] : [])];
  });
  await report.check("first run", "by keyboard alone", async () => {
    await open.show("/");
    // The way there is a tab stop, and from there on each field is the next one or a few further.
    const tabTo = async (what, locator) => {
      for (let i = 0; i < 80; ++i) {
        if (await locator.evaluate((element) => element === document.activeElement)) return;
        await page.keyboard.press("Tab");
      }
      throw new Error(`Tab does not reach ${what}`);
    };
    await tabTo("New job", page.getByRole("link", {name: "New job"}).first());
    await page.keyboard.press("Enter");
    const name = page.getByRole("textbox", {name: "Name", exact: true});
    await name.waitFor();
    await tabTo("the name", name);
    await page.keyboard.type("my second job");
    await tabTo("the command", page.getByRole("textbox", {name: "Command", exact: true}));
    await page.keyboard.type("echo hello again");
    const save = page.getByRole("button", {name: "Save and run now"});
    for (let i = 0; i < 80 && !(await save.evaluate((element) => element === document.activeElement)); ++i) await page.keyboard.press("Shift+Tab");
    await page.keyboard.press("Enter");
    await green(page);
    return open.offences();
  });
  await open.close();
}
