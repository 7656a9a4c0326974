// live.mjs: UI-70 where the way to the server fails without breaking: a stream that is held open and says nothing, a server
// that answers nothing, events that were lost. The page says that it is stale, and shows what has changed without a reload.
import {startProxy} from "./proxy.mjs";
import {until} from "./server.mjs";

const kStaleMs = 30_000;  // the most that UI-70 allows

// Runs in the page: each word that the connection's mark has shown, with when it came.
function watchMark() {
  window.__marks = [];
  const look = () => {
    const mark = document.querySelector(".connection"), word = mark && `${mark.className.replace(/.*is-/, "")}`;
    if (word && window.__marks.at(-1)?.word !== word) window.__marks.push({word, at: Date.now()});
    requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}

// Runs in the page: in their order, the events it hears, what it tells its other tabs to have changed (live/live.ts), and when it
// asks for the list of jobs.
function watchTold() {
  window.__told = [];
  window.EventSource = class extends EventSource {
    addEventListener(name, hear) {
      super.addEventListener(name, (event) => {
        window.__told.push(`heard ${event.data}`);
        hear(event);
      });
    }
  };
  const post = BroadcastChannel.prototype.postMessage, ask = window.fetch;
  BroadcastChannel.prototype.postMessage = function (report) {
    if (report.kind === "changed") window.__told.push(...report.topics);
    post.call(this, report);
  };
  window.fetch = (address, ...rest) => {
    const answer = ask(address, ...rest);
    if (String(address).startsWith("/api/v1/jobs?")) {
      window.__told.push("asked");
      answer.finally(() => window.__told.push("answered")).catch(() => undefined);
    }
    return answer;
  };
}

export async function checkLive({browser, server, report}) {
  const put = (name) => server.must("PUT", `/api/v1/jobs/${name}`, {schedule: "0 0 1 1 *", command: "true"}, {"If-None-Match": "*"});
  const check = (what, perform) => report.check("live", what, async () => {
    const proxy = await startProxy(server.port), open = await browser.open(proxy.address, {}), {page} = open;
    try {
      for (const watch of [watchMark, watchTold]) await page.addInitScript(watch);
      await open.show("/jobs");
      await page.evaluate(() => (window.__firstLoad = true));
      const row = (name) => page.getByRole("link", {name, exact: true}).waitFor({timeout: 45_000});
      /** How long after `since` the mark first was `word`. */
      const marked = async (word, since) => {
        const found = await until(`the mark is ${word}`, () => page.evaluate(([wanted, from]) => window.__marks.find((mark) => mark.word === wanted && mark.at >= from)?.at, [word, since]), 45);
        return found - since;
      };
      await until("the stream is open and live", async () => proxy.streams() === 1 && (await page.locator(".connection.is-live").count()) === 1, 20);
      const trouble = (await perform({proxy, page, row, marked})) ?? [];
      if (!(await page.evaluate(() => window.__firstLoad === true))) trouble.push("the page was loaded again");
      return [...trouble, ...(await open.offences())];
    } finally {
      await open.close();
      await proxy.close();
    }
  });

  await Promise.all([
    check("a stream that is held open and says nothing is stale, and is replaced", async ({proxy, row, marked}) => {
      proxy.mute("streams");
      const since = Date.now();
      await put("live-unheard");
      const after = await marked("stale", since);
      // It asks by itself meanwhile.
      await row("live-unheard");
      await put("live-asked-for");
      await row("live-asked-for");
      const passed = Date.now();
      proxy.pass();
      await marked("live", passed);
      await put("live-heard-again");
      await row("live-heard-again");
      console.log(`console: live: a silent stream was stale after ${(after / 1000).toFixed(1)} s`);
      return after > kStaleMs ? [`it was stale after ${after} ms`] : [];
    }),
    check("a server that answers nothing is told, and the page goes on", async ({proxy, row, marked}) => {
      proxy.mute("all");
      const since = Date.now(), after = await marked("away", since);
      await put("live-while-away");
      const passed = Date.now();
      proxy.pass();
      await row("live-while-away");
      await marked("live", passed);
      console.log(`console: live: a server that answers nothing was told after ${(after / 1000).toFixed(1)} s`);
      return after > kStaleMs ? [`it was told after ${after} ms`] : [];
    }),
    check("after a gap in the events the page looks anew", async ({proxy, page, row}) => {
      const trouble = [], told = (from = 0) => page.evaluate((start) => window.__told.slice(start), from);
      proxy.mute("streams");
      // One more event, and the list that it makes the page ask for: what came before is over.
      proxy.say("event: job\ndata: before\n\n");
      await until("the list was asked for", async () => /heard before .*jobs .*asked .*answered/.test((await told()).join(" ")));
      const quiet = (await told()).length;
      await put("live-in-the-gap");
      await until("its event is lost", () => proxy.lost().includes("live-in-the-gap"));
      // Had it come, it would have been heard before this one.
      proxy.say("event: run\ndata: after\n\n");
      await until("the next event is heard", async () => (await told(quiet)).includes("heard after"));
      const heard = (await told(quiet)).filter((one) => one.startsWith("heard"));
      if (heard.length !== 1 || (await page.getByRole("link", {name: "live-in-the-gap", exact: true}).count())) trouble.push(`the gap was none: ${heard.join(", ")}`);
      proxy.say('event: resync\ndata: {"now":"2026-01-01T00:00:00.000Z","topics":["jobs"]}\n\n');
      await row("live-in-the-gap");
      if (await page.locator(".connection.is-stale").count()) trouble.push("it was stale before it looked anew");
      return trouble;
    }),
  ]);
}
