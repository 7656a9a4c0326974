// What no compiler checks in the sources of the console.
import assert from "node:assert/strict";
import {readdirSync, readFileSync} from "node:fs";
import {test} from "node:test";

const web = process.env.WEB_DIR;
const sources = readdirSync(`${web}/src`, {recursive: true}).filter((name) => /\.(ts|tsx|html|css)$/.test(name) && !name.endsWith(".test.ts"));

test("no text becomes markup, code or a request to elsewhere (SEC-30, SEC-32)", () => {
  const sinks = /innerHTML|outerHTML|dangerouslySet|insertAdjacentHTML|document\.write|\beval\(|new Function|javascript:|srcdoc|\shref=\{`?https?:|url\((?!#)/;
  assert.ok(sources.length > 50);
  for (const name of sources) {
    const line = readFileSync(`${web}/src/${name}`, "utf8").split("\n").find((one) => sinks.test(one));
    assert.equal(line, undefined, `${name}: ${line}`);
  }
});

test("what is counted has a singular", () => {
  const never = new Set(["times", "newest"]);  // are of more than one
  for (const name of sources) {
    for (const [found, key] of readFileSync(`${web}/src/${name}`, "utf8").matchAll(/(\w+): \([^)]*: number\) => [^,\n]*?\$\{(?:number\()?(?:n|of|all|capacity)\)?\}(?: [a-z]+)? (?:alarms|changes|firings|jobs|lines|places|retries|runs|starts|times|variables|warnings|workers)\b/g)) {
      assert.ok(never.has(key as string), `${name}: ${found}: 1 is no plural, use plural()`);
    }
  }
});

test("the lock file names no registry, and nothing in it runs when it is installed", () => {
  const lock = JSON.parse(readFileSync(`${web}/package-lock.json`, "utf8")) as {packages: Record<string, {resolved?: string; hasInstallScript?: boolean; dev?: boolean}>};
  const packages = Object.entries(lock.packages);
  assert.deepEqual(packages.filter(([, one]) => one.resolved).map(([name]) => name), []);
  const shipped = packages.filter(([name, one]) => name && !one.dev).map(([name]) => name.replace("node_modules/", ""));
  assert.deepEqual(shipped.sort(), ["@preact/signals", "@preact/signals-core", "preact"]);
});
