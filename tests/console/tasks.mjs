// tasks.mjs: UI-T2: twenty-three things that an operator does, each by mouse, by keyboard alone and by the accessibility tree, on
// a node of their own. A task is written once, for a hand: `press` is a click, or Tab to the place and Enter, or the default action
// of a node that a screen reader has; what came of it is asked of the server.
import {mkdirSync} from "node:fs";
import {join} from "node:path";
import {saveJobs} from "./seed.mjs";
import {until} from "./server.mjs";

const kPatience = {timeout: 30_000};

function mouse(page) {
  return {
    name: "mouse",
    press: (place) => place.click(kPatience),
    choose: (place) => place.click(kPatience),
    async write(place, text) {
      await place.click(kPatience);
      await page.keyboard.press("Control+A");
      await (text ? page.keyboard.type(text) : page.keyboard.press("Delete"));
    },
    pick: (place, value) => place.selectOption(value, kPatience),
    search: () => page.getByRole("button", {name: "Search"}).click(kPatience),
  };
}

function keyboard(page) {
  /** By Tab, as far as it takes: a place that Tab does not come to is a failure. Within a group of choices the arrows lead on. */
  const reach = async (place) => {
    await place.waitFor({...kPatience, state: "attached"});
    const there = () => place.evaluate((element) => element === document.activeElement, undefined, kPatience);
    for (let i = 0; i < 250; ++i) {
      if (await there()) return;
      await page.keyboard.press("Tab");
    }
    throw new Error(`Tab does not reach ${place}`);
  };
  return {
    name: "keyboard",
    async press(place) {
      const item = await place.evaluate((element) => element.getAttribute("role")?.startsWith("menuitem") ?? false, undefined, kPatience);
      if (item) {
        for (let i = 0; i < 30 && !(await place.evaluate((element) => element === document.activeElement)); ++i) await page.keyboard.press("ArrowDown");
      } else {
        await reach(place);
      }
      await page.keyboard.press("Enter");
    },
    /** A box, or one of a few choices side by side, whose group is one stop. */
    async choose(place) {
      await place.waitFor({...kPatience, state: "attached"});
      const group = await place.evaluate((element) => (element.type === "radio" ? element.name : ""));
      const now = () => place.evaluate((element, named) => (named ? document.activeElement?.name === named : element === document.activeElement), group);
      for (let i = 0; i < 250 && !(await now()); ++i) await page.keyboard.press("Tab");
      if (!(await now())) throw new Error(`Tab does not reach ${place}`);
      if (!group) return page.keyboard.press("Space");
      if (!(await place.evaluate((element) => element === document.activeElement))) {
        for (let i = 0; i < 10 && !(await place.isChecked()); ++i) await page.keyboard.press("ArrowRight");
      }
      if (!(await place.isChecked())) await page.keyboard.press("Space");
    },
    async write(place, text) {
      await reach(place);
      await page.keyboard.press("Control+A");
      await (text ? page.keyboard.type(text) : page.keyboard.press("Delete"));
    },
    async pick(place, value) {
      await reach(place);
      await page.keyboard.type(value);
    },
    search: () => page.keyboard.press("/"),
  };
}

/** As a screen reader works: a control counts only where the accessibility tree has it, with a role to act on and a name. */
function reader(page) {
  const kRoles = {
    act: new Set(["button", "link", "checkbox", "radio", "switch", "tab", "option", "menuitem", "menuitemradio", "menuitemcheckbox", "gridcell"]),
    write: new Set(["textbox", "searchbox", "combobox", "spinbutton", "DateTime", "Date"]),
    pick: new Set(["combobox", "listbox"]),
  };
  let devtools;
  const heard = async (place, roles) => {
    await place.waitFor({...kPatience, state: "attached"});
    devtools ??= await page.context().newCDPSession(page);
    await place.evaluate((element) => element.setAttribute("data-heard", ""));
    try {
      const {root} = await devtools.send("DOM.getDocument", {depth: 0}), {nodeId} = await devtools.send("DOM.querySelector", {nodeId: root.nodeId, selector: "[data-heard]"});
      const {nodes: [node]} = await devtools.send("Accessibility.getPartialAXTree", {nodeId, fetchRelatives: false});
      const role = node.role?.value ?? "none", name = node.name?.value?.trim() ?? "";
      if (node.ignored || !roles.has(role) || !name) throw new Error(`a screen reader hears '${role}' with the name '${name}'${node.ignored ? ", ignored" : ""} for ${place}`);
    } finally {
      await place.evaluate((element) => element.removeAttribute("data-heard"));
    }
  };
  const act = async (place) => {
    await heard(place, kRoles.act);
    await until(`${place} can be used`, () => place.isEnabled(), 30);
    await place.evaluate((element) => element.click());
  };
  return {
    name: "reader",
    press: act,
    choose: act,
    async write(place, text) {
      await heard(place, kRoles.write);
      await place.focus();
      await page.keyboard.press("Control+A");
      await (text ? page.keyboard.type(text) : page.keyboard.press("Delete"));
    },
    async pick(place, value) {
      await heard(place, kRoles.pick);
      await place.selectOption(value, kPatience);
    },
    search: () => act(page.getByRole("button", {name: "Search"})),
  };
}

const shown = (text) => `printf '%s\\n' ${text}`;
const jobs = (hand) => {
  const yearly = {schedule: "0 0 1 1 *", labels: {team: hand}};
  return [
    {name: `nightly-${hand}`, ...yearly, command: shown("done")},
    {name: `broken-${hand}`, ...yearly, command: "echo cannot reach the store >&2; exit 3"},
    {name: `told-${hand}`, ...yearly, command: 'echo "table is $TABLE"', parameters: [{name: "TABLE", type: "text", choices: ["orders", "users"], description: "which to copy"}]},
    {name: `noted-${hand}`, ...yearly, command: 'echo "note is [$NOTE]"', parameters: [{name: "NOTE", type: "text", default: "usual"}]},
    {name: `minutely-${hand}`, schedule: "* * * * *", labels: {team: hand}, command: shown("done")},
    {name: `edited-${hand}`, ...yearly, command: shown("one")},
    {name: `contested-${hand}`, ...yearly, command: shown("one")},
    {name: `dropped-${hand}`, ...yearly, command: shown("one")},
    {name: `endless-${hand}`, ...yearly, command: "echo begun; sleep 100000"},
    {name: `wordy-${hand}`, ...yearly, command: "seq -f 'row %.0f' 1 20000", output_bytes_max: 4 << 20},
    {name: `many-a-${hand}`, ...yearly, command: shown("a")},
    {name: `many-b-${hand}`, ...yearly, command: shown("b")},
  ];
};

function tasks({open, page, server, hand, node}) {
  const named = (name) => `${name}-${hand.name}`;
  const button = (name, within = page) => within.getByRole("button", {name, exact: true});
  const link = (name, within = page) => within.getByRole("link", {name, exact: true});
  const box = (name, within = page) => within.getByRole("textbox", {name});
  const dialog = page.getByRole("dialog");
  const main = page.getByRole("main");
  const read = async (name) => server.must("GET", `/api/v1/jobs/${encodeURIComponent(name)}`);
  const comesTo = (name, condition) => until(`job ${name}: ${condition}`, async () => {
    const {status, answer} = await server.ask("GET", `/api/v1/jobs/${encodeURIComponent(name)}`);
    return condition(status === 200 ? answer.job : null, answer);
  }, 30);
  const runsOf = async (name) => (await server.must("GET", `/api/v1/runs?job=${encodeURIComponent(name)}`)).items;
  const runIs = (name, status) => until(`a run of ${name} is ${status}`, async () => (await runsOf(name)).find((run) => run.status === status), 60);
  const start = async (name, status, body = {}) => {
    await server.must("POST", `/api/v1/jobs/${encodeURIComponent(named(name))}:run`, body);
    return runIs(named(name), status);
  };
  const job = (name, tab = "") => open.show(`/jobs/${encodeURIComponent(named(name))}${tab}`);
  const more = async (item) => {
    await hand.press(main.getByRole("button", {name: "More", exact: true}));
    await hand.press(page.getByRole("menuitem", {name: item, exact: true}));
  };
  const sure = (verb) => hand.press(button(verb, dialog));
  const showBulk = async () => {
    await open.show(`/jobs?filter=${encodeURIComponent(`name~many- label:team=${hand.name}`)}`);
    await hand.choose(page.getByRole("checkbox", {name: "Select all"}));
  };
  return [
    ["finds a job by a part of its name", async () => {
      await open.show("/");
      await hand.search();
      await page.keyboard.type(named("nightly"));
      const found = page.getByRole("option", {name: named("nightly")});
      await found.waitFor(kPatience);
      if (hand.name === "mouse") await found.click();
      else await page.keyboard.press("Enter");
      await page.getByRole("heading", {level: 1, name: named("nightly")}).waitFor(kPatience);
    }],
    ["finds what has failed, and reads why", async () => {
      const run = await start("broken", "failed");
      await open.show("/");
      await hand.press(link("All failures"));
      await page.waitForURL(/\/runs\?/, kPatience);
      await hand.press(page.locator(`a.runs-link[href="/runs/${encodeURIComponent(run.id)}"]`));
      await page.getByText("cannot reach the store").first().waitFor(kPatience);
    }],
    ["runs a job now and says why", async () => {
      await job("nightly");
      await hand.press(button("Run now", main));
      await hand.write(box(/Reason/, dialog), "to see it");
      await sure("Run now");
      await runIs(named("nightly"), "succeeded");
    }],
    ["runs a job with a parameter", async () => {
      await job("told");
      await hand.press(button("Run now", main));
      await hand.pick(dialog.getByRole("combobox", {name: /TABLE/}), "users");
      await sure("Run now");
      const run = await runIs(named("told"), "succeeded");
      await open.show(`/runs/${encodeURIComponent(run.id)}`);
      await page.getByText("table is users").waitFor(kPatience);
    }],
    ["runs a job with a parameter emptied", async () => {
      await job("noted");
      await hand.press(button("Run now", main));
      await hand.write(box(/NOTE/, dialog), "");
      await sure("Run now");
      const run = await runIs(named("noted"), "succeeded");
      await open.show(`/runs/${encodeURIComponent(run.id)}`);
      await page.getByText("note is []").waitFor(kPatience);
    }],
    ["sees how much fires in the next hour", async () => {
      // Of all jobs here only those of every minute fire within an hour.
      const {total} = await server.must("GET", `/api/v1/jobs?filter=${encodeURIComponent("name~minutely-")}`);
      await open.show("/");
      await page.locator(".overview-count", {hasText: "In the next hour"}).locator(".overview-value", {hasText: new RegExp(`^${60 * total}$`)}).waitFor(kPatience);
    }],
    ["pauses a job until it is resumed, and says why", async () => {
      await job("nightly");
      await hand.press(button("Pause", main));
      await hand.write(box(/Reason/, dialog), "until the move is over");
      await sure("Pause");
      await comesTo(named("nightly"), (one) => Boolean(one.paused_until));
      await until("the server's log has the reason", () => server.log().split("\n").some((line) => line.includes(named("nightly")) && line.includes("until the move is over")), 30);
    }],
    ["resumes it", async () => {
      await job("nightly");
      await hand.press(button("Resume", main));
      await comesTo(named("nightly"), (one) => !one.paused_until);
    }],
    ["disables a job", async () => {
      await job("nightly");
      await more("Disable");
      await comesTo(named("nightly"), (one) => one.enabled === false);
    }],
    ["enables it", async () => {
      await job("nightly");
      await more("Enable");
      await comesTo(named("nightly"), (one) => one.enabled !== false);
    }],
    ["changes a schedule", async () => {
      await job("edited");
      await hand.press(link("Edit", main));
      await hand.write(page.getByLabel("Cron expression"), "30 4 * * *");
      await hand.press(button("Save", main.locator(".page-actions")));
      await comesTo(named("edited"), (one) => one.schedule === "30 4 * * *");
    }],
    ["brings an older version back", async () => {
      await job("edited", "/versions");
      await hand.press(main.locator(".versions-list button").last());
      await hand.press(button("Restore this version", main));
      await comesTo(named("edited"), (one) => one.schedule === "0 0 1 1 *");
    }],
    ["saves over somebody else's change, seeing both", async () => {
      await job("contested", "/edit");
      await hand.write(box("Command"), "echo mine");
      const now = await read(named("contested"));
      await server.must("PATCH", `/api/v1/jobs/${encodeURIComponent(named("contested"))}`, {command: "echo theirs", owner: "them"}, {"If-Match": `"${now.revision}"`});
      await hand.press(button("Save", main.locator(".page-actions")));
      await dialog.getByText("echo theirs").waitFor(kPatience);
      await hand.choose(dialog.getByRole("radio", {name: /yours/}));
      await hand.press(button("Save the merged job", dialog));
      await comesTo(named("contested"), (one) => one.command === "echo mine" && one.owner === "them");
    }],
    ["copies a job", async () => {
      await job("nightly");
      await more("Clone");
      await sure("Clone");
      await comesTo(`${named("nightly")}-copy`, (one) => one?.enabled === false);
    }],
    ["deletes a job and takes it back", async () => {
      await job("dropped");
      await more("Delete");
      await sure("Delete");
      await comesTo(named("dropped"), (one) => one === null);
      await hand.press(button("Undo"));
      await comesTo(named("dropped"), (one) => one !== null);
    }],
    ["kills a run", async () => {
      const run = await start("endless", "running");
      await open.show(`/runs/${encodeURIComponent(run.id)}`);
      await hand.press(button("Kill", main));
      await sure("Kill");
      await runIs(named("endless"), "killed");
    }],
    ["kills all runs of a job", async () => {
      await start("endless", "running");
      await job("endless");
      await more("Kill");
      await sure("Kill");
      await until("nothing of it runs", async () => (await runsOf(named("endless"))).filter((run) => run.status === "killed").length === 2, 60);
    }],
    ["finds a line among twenty thousand", async () => {
      const run = await start("wordy", "succeeded");
      await open.show(`/runs/${encodeURIComponent(run.id)}`);
      await page.getByText("20,000 lines").waitFor(kPatience);
      await hand.write(page.getByRole("searchbox", {name: "Search the output"}), "row 19991");
      await page.locator(".out-row.match", {hasText: "row 19991"}).waitFor(kPatience);
    }],
    ["pauses many at once", async () => {
      await showBulk();
      await hand.press(button("Pause", page.getByRole("toolbar")));
      await dialog.getByText("2 will change").waitFor(kPatience);
      await sure("Pause");
      for (const name of ["many-a", "many-b"]) await comesTo(named(name), (one) => Boolean(one.paused_until));
    }],
    ["labels many at once", async () => {
      await showBulk();
      await hand.press(button("Label…", page.getByRole("toolbar")));
      await hand.write(box("Label", dialog), "tier=low");
      await dialog.getByText("2 will change").waitFor(kPatience);
      await sure("Label");
      for (const name of ["many-a", "many-b"]) await comesTo(named(name), (one) => one.labels.tier === "low");
    }],
    ["drains a worker and lets it work again", async () => {
      for (const [verb, drained] of [["Drain", true], ["Take runs again", false]]) {
        await open.show("/workers");
        await hand.press(main.getByRole("row", {name: new RegExp(node)}).getByRole("button"));
        await hand.press(page.getByRole("menuitem", {name: verb, exact: true}));
        await sure(verb);
        await until(`the worker is ${verb}`, async () => /^drain/.test((await server.must("GET", "/api/v1/workers")).items[0].state) === drained, 30);
      }
    }],
    ["goes from the calendar of a month to a day", async () => {
      await open.show("/calendar");
      await hand.choose(page.getByRole("radio", {name: "Month"}));
      await hand.press(main.locator(".calendar-day.today"));
      await page.waitForURL(/\/calendar\?at=/, kPatience);
    }],
    ["sees the evening of tomorrow, which is beyond the first page of what will fire", async () => {
      await open.show("/calendar");
      await hand.press(main.getByRole("button", {name: "Later", exact: true}));
      const lane = main.locator(".calendar-lane", {hasText: named("minutely")});
      await lane.waitFor(kPatience);
      await until("its lane is full to the end of the day", () => lane.locator(".calendar-track").evaluate((track) => {
        const whole = track.getBoundingClientRect();
        return [...track.querySelectorAll(".calendar-band.coming")].some((band) => band.getBoundingClientRect().right > whole.left + whole.width * 0.98);
      }), 30);
    }],
  ];
}

// Of the short form: each by one hand, in turn. None needs another.
const kShort = new Set([
  "finds a job by a part of its name", "finds what has failed, and reads why", "pauses a job until it is resumed, and says why", "runs a job with a parameter emptied", "sees how much fires in the next hour",
  "changes a schedule", "saves over somebody else's change, seeing both", "kills a run", "pauses many at once",
  "sees the evening of tomorrow, which is beyond the first page of what will fire",
]);

export async function checkTasks({browser, server, report, pictures, short = false}) {
  const node = (await server.must("GET", "/api/v1/workers")).items[0].node;
  if (pictures) mkdirSync(pictures, {recursive: true});
  const hands = [mouse, keyboard, reader];
  for (const [turn, made] of hands.entries()) {
    const open = await browser.open(server.address, {}), {page} = open, hand = made(page);
    await saveJobs(server, jobs(hand.name).map((job) => ({job})));
    const all = tasks({open, page, server, hand, node});
    let at = 0;
    for (const [what, perform] of short ? all.filter(([name]) => kShort.has(name)).filter((_, i) => i % hands.length === turn) : all) {
      const place = String(++at).padStart(2, "0"), begun = Date.now();
      await report.check(`tasks by ${hand.name}`, what, async () => {
        try {
          await perform();
          return await open.offences();
        } finally {
          if (pictures) await open.picture(join(pictures, `task-${place}-${hand.name}.png`));
          console.log(`console: ${hand.name} ${place} ${what}: ${((Date.now() - begun) / 1000).toFixed(1)} s`);
        }
      });
    }
    // The calendar of a day looks at the first 4,000 firings: those of three hands are more.
    await server.must("DELETE", `/api/v1/jobs/minutely-${hand.name}`, undefined, {"If-Match": "*"});
    await open.close();
  }
}
