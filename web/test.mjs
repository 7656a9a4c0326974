// test.mjs [--out DIR]: bundles every src/**/*.test.ts and runs them with node's own runner (node 18 cannot read
// TypeScript). A test that needs bits of a browser imports testing/browser.ts first.
import {build} from "esbuild";
import {spawnSync} from "node:child_process";
import {readdirSync, rmSync} from "node:fs";
import {dirname, join, resolve} from "node:path";
import {fileURLToPath} from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const at = process.argv.indexOf("--out");
const out = resolve(at > 0 ? process.argv[at + 1] : join(here, "node_modules/.tests"));
const entryPoints = readdirSync(join(here, "src"), {recursive: true, withFileTypes: true})
  .filter((entry) => entry.name.endsWith(".test.ts") || entry.name.endsWith(".test.tsx"))
  .map((entry) => join(entry.parentPath ?? entry.path, entry.name));

rmSync(out, {recursive: true, force: true});
await build({
  entryPoints, outdir: out, outbase: join(here, "src"), outExtension: {".js": ".mjs"}, bundle: true, platform: "node", format: "esm",
  target: "node18", jsx: "automatic", jsxImportSource: "preact", logLevel: "warning",
  define: {"process.env.WEB_DIR": JSON.stringify(here)},
});
const files = readdirSync(out, {recursive: true, withFileTypes: true})
  .filter((entry) => entry.name.endsWith(".mjs")).map((entry) => join(entry.parentPath ?? entry.path, entry.name));
const done = spawnSync(process.execPath, ["--test", ...files], {stdio: "inherit", env: {...process.env, TZ: "UTC"}});
process.exit(done.status ?? 1);
