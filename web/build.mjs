// build.mjs --out DIR [--check-only]: bundles src/ into DIR/assets with hashed names, gzip and Brotli variants, index.html and
// a table for the binary (console_files.cc, console_files.S). Fails when a size budget (UI-3) is broken.
//
// One entry, one chunk for each lazy page and for what several of them share; one style sheet; boot.js, which sets
// theme and language before the first paint.
import {build} from "esbuild";
import {createHash} from "node:crypto";
import {mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync} from "node:fs";
import {dirname, join, resolve} from "node:path";
import {fileURLToPath} from "node:url";
import {brotliCompressSync, constants, gzipSync} from "node:zlib";

const here = dirname(fileURLToPath(import.meta.url));
const outAt = process.argv.indexOf("--out");
const out = resolve(outAt > 0 ? process.argv[outAt + 1] : join(here, "dist"));

const KIB = 1024;
const budgets = {firstJs: 40 * KIB, firstCss: 10 * KIB, page: 15 * KIB, all: 120 * KIB};

rmSync(out, {recursive: true, force: true});
mkdirSync(join(out, "assets"), {recursive: true});

// Pages bring their own rules: nobody lists them. Those of the pages that one sees first come with the first load.
const firstPages = ["overview", "jobs"];
const pageStyles = {
  name: "page-styles",
  setup: ({onLoad}) => onLoad({filter: /styles\/(app|more)\.css$/}, ({path}) => {
    const first = path.endsWith("app.css");
    const pages = readdirSync(join(here, "src/pages"), {recursive: true})
      .filter((name) => name.endsWith(".css") && firstPages.includes(dirname(name)) === first).sort();
    const imports = pages.map((name) => `@import "../pages/${name}";\n`).join("");
    return {contents: readFileSync(path, "utf8") + imports, loader: "css"};
  }),
};

const shared = {
  absWorkingDir: here,
  outdir: join(out, "assets"),
  entryNames: "[name]-[hash]",
  chunkNames: "chunk-[hash]",
  bundle: true,
  target: ["chrome100", "firefox100", "safari15.4"],
  minify: true,
  jsx: "automatic",
  jsxImportSource: "preact",
  plugins: [pageStyles],
  metafile: true,
  write: false,
  charset: "utf8",
  legalComments: "none",
  logLevel: "warning",
};
const results = [
  await build({...shared, entryPoints: {main: "src/main.tsx", app: "src/styles/app.css", more: "src/styles/more.css"}, splitting: true, format: "esm", inject: [join(here, "src/app/common.ts")]}),
  await build({...shared, entryPoints: {boot: "src/boot.ts"}, format: "iife"}),
];

const files = new Map(); // name under assets/ → {bytes, gzip, inputs, imports}
for (const result of results) for (const file of result.outputFiles) {
  const name = file.path.slice(join(out, "assets").length + 1);
  const key = Object.keys(result.metafile.outputs).find((path) => resolve(here, path) === file.path);
  const meta = result.metafile.outputs[key];
  files.set(name, {
    bytes: file.contents,
    gzip: gzipSync(file.contents, {level: 9}),
    entry: meta.entryPoint ?? "",
    imports: meta.imports.map((i) => ({kind: i.kind, name: resolve(here, i.path).slice(join(out, "assets").length + 1)})),
  });
}
const named = (start) => [...files.keys()].find((name) => name.startsWith(start));
const main = named("main-"), boot = named("boot-"), css = named("app-"), more = named("more-");

// Everything that a chunk needs before it can run.
function withStatic(name, seen = new Set()) {
  if (seen.has(name)) return seen;
  seen.add(name);
  for (const i of files.get(name).imports) if (i.kind === "import-statement") withStatic(i.name, seen);
  return seen;
}
const size = (names) => [...names].reduce((sum, name) => sum + files.get(name).gzip.length, 0);
const first = withStatic(main);
first.add(boot);
const lazy = [...files.entries()].filter(([name, f]) => f.entry && !first.has(name) && !name.endsWith(".css"));

const broken = [];
function weigh(what, bytes, limit) {
  const line = `${(bytes / KIB).toFixed(1).padStart(6)} of ${(limit / KIB).toFixed(0).padStart(3)} KiB  ${what}`;
  console.log(`console: ${line}`);
  if (bytes > limit) broken.push(line);
}
weigh("first load, JavaScript", size(first), budgets.firstJs);
weigh("first load, CSS", size([css]), budgets.firstCss);
for (const [name, f] of lazy) {
  weigh(f.entry, size([...withStatic(name)].filter((n) => !first.has(n))), budgets.page);
}
weigh("all of it", size(files.keys()), budgets.all);
if (broken.length > 0) {
  console.error(`console: over the size budget:\n  ${broken.join("\n  ")}`);
  process.exit(1);
}

const preload = [...first].filter((name) => name !== main && name !== boot);
const index = readFileSync(join(here, "src/index.html"), "utf8")
  .replace("{{css}}", `/assets/${css}`)
  .replace("{{more}}", `/assets/${more}`)
  .replace("{{boot}}", `/assets/${boot}`)
  .replace("{{preload}}", preload.map((name) => `<link rel="modulepreload" href="/assets/${name}">`).join(""))
  .replace("{{main}}", `/assets/${main}`);
const icon = readFileSync(join(here, "src/icon.svg"));

const typeOf = (name) =>
  name.endsWith(".js") ? "text/javascript; charset=utf-8" : name.endsWith(".css") ? "text/css; charset=utf-8"
  : name.endsWith(".svg") ? "image/svg+xml" : "text/html; charset=utf-8";
const served = [
  {path: "/", name: "index.html", bytes: Buffer.from(index), gzip: gzipSync(index, {level: 9})},
  {path: "/icon.svg", name: "icon.svg", bytes: icon, gzip: gzipSync(icon, {level: 9})},
  ...[...files.entries()].map(([name, f]) => ({path: `/assets/${name}`, name: `assets/${name}`, bytes: f.bytes, gzip: f.gzip})),
];
for (const file of served) {
  file.brotli = brotliCompressSync(file.bytes, {params: {[constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY, [constants.BROTLI_PARAM_SIZE_HINT]: file.bytes.length}});
  writeFileSync(join(out, file.name), file.bytes);
  writeFileSync(join(out, `${file.name}.gz`), file.gzip);
  writeFileSync(join(out, `${file.name}.br`), file.brotli);
}

const tag = (file) => createHash("sha256").update(file.bytes).digest("hex").slice(0, 16);
const entry = (file, i) =>
  `    {"${file.path}", "${typeOf(file.name)}", "${tag(file)}", {console_file_${i}, ${file.bytes.length}}, ` +
  `{console_file_${i}_gz, ${file.gzip.length}}, {console_file_${i}_br, ${file.brotli.length}}},`;
writeFileSync(join(out, "console_files.cc"), `// Written by web/build.mjs.
#include "console/files.h"

extern "C" {
${served.map((_, i) => `extern const char console_file_${i}[], console_file_${i}_gz[], console_file_${i}_br[];`).join("\n")}
}

namespace cronfleet::console {
const std::vector<File>& files() {
  static const std::vector<File> kFiles = {
${served.map(entry).join("\n")}
  };
  return kFiles;
}
}  // namespace cronfleet::console
`);
const include = (symbol, path) => `.globl ${symbol}\n.balign 16\n${symbol}:\n.incbin "${path}"\n`;
writeFileSync(join(out, "console_files.S"), `/* Written by web/build.mjs. */
.section .rodata
${served.map((file, i) => include(`console_file_${i}`, file.name) + include(`console_file_${i}_gz`, `${file.name}.gz`) + include(`console_file_${i}_br`, `${file.name}.br`)).join("")}
.section .note.GNU-stack,"",%progbits
`);
