// hostile.mjs: two hundred texts that attack a page, as name, command, label, owner, description, output and error of jobs:
// no script runs, nothing is requested, no element of theirs comes to be, and the layout holds (SEC-30).
import {writeFileSync} from "node:fs";
import {join} from "node:path";
import {saveJobs} from "./seed.mjs";
import {until} from "./server.mjs";

const call = "__struck('PAYLOAD')";
const markup = [
  `<script>${call}</script>`, `<img src=x onerror=${call}>`, `"><svg onload=${call}>`, `<svg><script>${call}</script></svg>`, `<iframe srcdoc="<script>parent.${call}</script>"></iframe>`,
  `<a href="javascript:${call}">click</a>`, `javascript:${call}`, `<body onload=${call}>`, `<input autofocus onfocus=${call}>`, `<details open ontoggle=${call}>`, `<math><mtext><script>${call}</script>`,
  `<object data="javascript:${call}">`, `<embed src="javascript:${call}">`, `<link rel=stylesheet href="http://198.51.100.7/x.css">`, `<style>@import "http://198.51.100.7/x.css";</style>`, `<img src="http://198.51.100.7/x.png">`,
  `<base href="http://198.51.100.7/">`, `<meta http-equiv=refresh content="0;url=http://198.51.100.7/">`, `<form action="http://198.51.100.7/"><button>x`, `<template><script>${call}</script></template>`, `<!--><script>${call}</script>-->`,
  `]]><script>${call}</script>`, `</textarea><script>${call}</script>`, `</title><script>${call}</script>`, `</script><script>${call}</script>`, `{{constructor.constructor("${call}")()}}`, "${" + call + "}", `<%= ${call} %>`, `#{${call}}`,
  `<video><source onerror=${call}></video>`, `<marquee onstart=${call}>`, `<svg><animate onbegin=${call} attributeName=x dur=1s>`, `<xss style="animation-name:x" onanimationstart=${call}>`, `&lt;script&gt;${call}&lt;/script&gt;`, `%3Cscript%3E${call}%3C/script%3E`,
  `\\u003cscript\\u003e${call}`, `'-${call}-'`, `";${call};//`, "`" + call + "`", `data:text/html,<script>${call}</script>`, `<img src=data:image/svg+xml,<svg/onload=${call}>>`, `__proto__`, `constructor`, `toString`, `[object Object]`, `undefined`, `NaN`,
];
const terminal = [
  "\u001b]8;;javascript:__struck(1)\u001b\\link\u001b]8;;\u001b\\", "\u001b]8;;http://198.51.100.7/\u0007link\u001b]8;;\u0007", "\u001b]0;title\u0007", "\u001b]52;c;Y3VybA==\u0007", "\u001b[2J\u001b[1;1Hgone", "\u001b[31mred without end", "\u001b[38;2;255;255;255m\u001b[48;2;255;255;255mwhite on white",
  "\u001b[8mhidden\u001b[28m", "\u001b[999999999999mx", "\u001b[38;5;99999mx", "\u001b[38;2;1mx", "\u001bP$q\u001b\\x", "\u001b_app\u001b\\x", "\u001b^pm\u001b\\x", "\u001b[6n", "\u001b[?1049h", "\u001bc", "\u001b(0lqk", "\u001b[", "\u001b]", "a\bb\b\bc", "a\rb", "\u009b31mx", "\u0007\u0007", "\u000e\u000f", "\u007f",
];
const directions = ["\u202eevil\u202c", "\u2066\u2067x", "abc\u202egnp.exe", "\u200f\u200e", "\u061cx", "a\u200bb\u200bc", "\u2060\ufeff", "a\u0301\u0302\u0303\u0304".repeat(20), "Z\u0335\u0322\u0321".repeat(60), "مرحبا بالعالم", "שלום <b>עולם</b>", "\u{1f468}\u200d\u{1f469}\u200d\u{1f467}", "\u{e0041}\u{e0042}", "\ufff9x\ufffay\ufffb", "\u2028\u2029", "𝕏".repeat(80), "ﷺ".repeat(40), "﷽".repeat(20), "꧅꧅꧅", "\u3164\u3164"];
const long = [1, 2, 3, 4, 5].flatMap((n) => ["W".repeat(n * 900), "长".repeat(n * 300), `${"a ".repeat(n * 500)}`, "-".repeat(n * 700), "https://example.com/" + "x/".repeat(n * 300)]);

const cut = (text, most) => [...text].slice(0, most).join("");  // between characters, not within one

/** Two hundred: those above, and each of the markup in two further wrappings. */
export function payloads() {
  const all = [...markup, ...terminal, ...directions, ...long];
  for (let i = 0; all.length < 200; ++i) {
    const base = markup[i % markup.length];
    all.push(i < markup.length ? `<b>${base}` : `\u001b[1m${base}\u001b[0m\u202e`);
  }
  return all.slice(0, 200).map((text, i) => text.replaceAll("PAYLOAD", String(i)));
}

export async function checkHostile({browser, server, report, full}) {
  const texts = payloads(), jobs = [];
  let named = 0;
  for (let i = 0; i < texts.length; ++i) {
    const text = texts[i];
    const printable = text.replaceAll("\u0000", "");
    const command = i % 10 === 9 ? [printable] : ["/bin/sh", "-c", "printf '%s\\n' \"$1\"; printf '%s\\n' \"$1\" >&2; exit 1", "sh", printable];
    const job = {name: `hostile-${i}`, schedule: "0 0 1 1 *", command, labels: {hostile: cut(text, 40)}, owner: cut(text, 60), description: cut(text, 1000)};
    // As the name itself where the rules for names let it: asked without writing.
    const name = cut(`${i} ${text}`, 100).trim();
    const asked = await server.ask("PUT", `/api/v1/jobs/${encodeURIComponent(name)}?dry_run=1`, {...job, name}, {"If-None-Match": "*"});
    if (asked.status < 300) {
      job.name = name;
      ++named;
    }
    // A member that may not have the text keeps a plain one; the others carry it.
    for (let tries = 0; tries < 4; ++tries) {
      const {status, answer} = await server.ask("PUT", `/api/v1/jobs/${encodeURIComponent(job.name)}?dry_run=1`, job, {"If-None-Match": "*"});
      if (status < 300) break;
      const wrong = (answer.errors ?? []).map((error) => (error.pointer ?? "").split("/")[1]);
      for (const member of wrong) if (["labels", "owner", "description"].includes(member)) delete job[member];
      if (wrong.includes("command")) job.command = ["/bin/false"];
    }
    jobs.push({job});
  }
  await saveJobs(server, jobs);
  const file = join(server.folder, "hostile.txt");
  writeFileSync(file, texts.join("\n") + "\n");
  await saveJobs(server, [{job: {name: "hostile-all", schedule: "0 0 1 1 *", command: ["cat", file], output_bytes_max: 8 << 20}}]);
  const runs = [];
  for (const {job} of [...jobs.filter((_, i) => full || i % 8 === 1 || i % 10 === 9), {job: {name: "hostile-all"}}]) {
    runs.push((await server.must("POST", `/api/v1/jobs/${encodeURIComponent(job.name)}:run`, {reason: cut(texts[runs.length % texts.length], 300)})).run_id);
  }
  await until("every hostile run is over", async () => {
    for (const id of runs) {
      const {status, answer} = await server.ask("GET", `/api/v1/runs/${encodeURIComponent(id)}`);
      if (status !== 200 || !answer.final) return false;
    }
    return true;
  }, 120);
  report.add("hostile", `names that carry the text: ${named} of ${texts.length}`, named >= 20 ? [] : ["hardly any name was allowed to carry it"]);

  const someJobs = jobs.filter((_, i) => full || i % 25 === 3).map(({job}) => `/jobs/${encodeURIComponent(job.name)}`);
  const someRuns = (full ? runs : [...runs.filter((_, i) => i % 4 === 0), runs.at(-1)]).map((id) => `/runs/${encodeURIComponent(id)}`);
  const paths = ["/jobs", "/jobs?filter=" + encodeURIComponent('description~"<"'), "/runs", "/", "/calendar", "/workers", ...someJobs, ...someJobs.slice(0, 6).map((path) => `${path}/edit`), ...someJobs.slice(0, 6).map((path) => `${path}/definition`), ...someRuns];
  for (const look of [{width: 1440}, {width: 390, height: 844, touch: true, theme: "dark", language: "zh"}]) {
    const open = await browser.open(server.address, look);
    for (const path of paths) {
      await report.check("hostile", `${path.slice(0, 90)} at ${look.width}`, async () => {
        await open.show(path);
        // The whole list comes by, and the whole output.
        const made = await open.page.evaluate(async () => {
          const pane = document.querySelector(".out-pane"), scroller = pane ?? document.scrollingElement;
          const found = [];
          for (let top = 0, i = 0; i < 40 && top <= scroller.scrollHeight; top += scroller.clientHeight, ++i) {
            scroller.scrollTo(0, top);
            await window.__drawn();
            for (const element of document.querySelectorAll("main script, main iframe, main object, main embed, main img, main style, main link, main base, main form[action], main a[href^='javascript' i], main [onerror], main [onload], main marquee, main video, main math")) found.push(element.outerHTML.slice(0, 120));
          }
          return found;
        });
        const wide = await open.overflow();
        return [...(await open.offences()), ...made.map((html) => `an element of theirs: ${html}`), ...(wide ? [wide] : [])];
      });
    }
    await open.close();
  }
}
