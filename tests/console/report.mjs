// report.mjs: what was checked and what came of it: a line for each failure, a count at the end, and the form of report
// that scripts/test counts by case (GTEST_OUTPUT=xml:FOLDER/).
import {writeFileSync} from "node:fs";
import {join} from "node:path";

const escaped = (text) => text.replace(/[&<>"\u0000-\u0008\u000b-\u001f]/g, (c) => `&#${c.charCodeAt(0) < 32 ? 63 : c.charCodeAt(0)};`);

const kLongest = 240;  // seconds: few checks take longer and say so; one that waits for ever says where

/** What `work` gives, or an error after `seconds`. */
async function within(seconds, work) {
  let timer;
  const late = new Promise((_, refuse) => { timer = setTimeout(() => refuse(new Error(`not done after ${seconds} s`)), seconds * 1000); });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

export class Report {
  cases = [];

  /** `trouble`: an empty list where all is well. */
  add(suite, name, trouble) {
    this.cases.push({suite, name, trouble});
    for (const one of trouble) console.log(`FAILED ${suite}: ${name}: ${one}`);
  }
  /** Runs `check`, which answers its troubles; what it throws, or not to be done in time, is one. */
  async check(suite, name, check, seconds = kLongest) {
    let trouble;
    try {
      trouble = (await within(seconds, check())) ?? [];
    } catch (error) {
      trouble = [error.stack ?? String(error)];
    }
    this.add(suite, name, trouble);
    return trouble.length === 0;
  }
  get failed() { return this.cases.filter((one) => one.trouble.length > 0).length; }

  finish() {
    const to = /^xml:(.*\/)$/.exec(process.env.GTEST_OUTPUT ?? "")?.[1];
    if (to) {
      const lines = this.cases.map(({suite, name, trouble}) => `<testcase classname="${escaped(suite)}" name="${escaped(name)}" status="run">` +
        (trouble.length > 0 ? `<failure message="${escaped(trouble.join("\n").slice(0, 4000))}"/>` : "") + "</testcase>");
      writeFileSync(join(to, "console_browser_test.xml"), `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites><testsuite name="console">\n${lines.join("\n")}\n</testsuite></testsuites>\n`);
    }
    console.log(`console: ${this.cases.length - this.failed} passed, ${this.failed} failed`);
    return this.failed > 0 ? 1 : 0;
  }
}

/** `check(what, perform, options)`: looks at a fresh page of the server, which must have broken no rule at the end. */
export const checksOf = (suite, {browser, server, report}) => (what, perform, options = {}) => report.check(suite, what, async () => {
  const open = await browser.open(server.address, options);
  try {
    return [...((await perform(open, open.page)) ?? []), ...(await open.offences())];
  } finally {
    await open.close();
  }
});
