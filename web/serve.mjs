// serve.mjs [--port 8490] [--server http://127.0.0.1:8090]: for work on the console: serves dist/, which it bundles anew
// for each load of a page, and passes everything else on to a running cronfleet. Loopback only.
import {spawnSync} from "node:child_process";
import {existsSync, readFileSync, readdirSync, statSync} from "node:fs";
import {createServer, request} from "node:http";
import {dirname, join} from "node:path";
import {fileURLToPath} from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const option = (name, fallback) => (process.argv.includes(name) ? process.argv[process.argv.indexOf(name) + 1] : fallback);
const server = new URL(option("--server", "http://127.0.0.1:8090"));
const port = Number(option("--port", "8490"));
// As src/api/guard.cc has it, so that what breaks the policy breaks here too.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

let builtAt = 0;
function bundle() {
  const changed = Math.max(...readdirSync(join(here, "src"), {recursive: true}).map((name) => statSync(join(here, "src", name)).mtimeMs));
  if (changed <= builtAt) return "";
  const done = spawnSync(process.execPath, [join(here, "build.mjs"), "--out", join(here, "dist")], {encoding: "utf8"});
  if (done.status === 0) builtAt = changed;
  return done.status === 0 ? "" : done.stdout + done.stderr;
}

createServer((asked, answer) => {
  const path = new URL(asked.url, server).pathname;
  const isPage = asked.method === "GET" && /^\/(jobs|new-job|runs|calendar|workers|system)?(\/|$)/.test(path);
  if (isPage) {
    const trouble = bundle();
    answer.writeHead(trouble ? 500 : 200, {"Content-Type": trouble ? "text/plain; charset=utf-8" : "text/html; charset=utf-8", "Content-Security-Policy": policy, "Cache-Control": "no-store"});
    return answer.end(trouble || readFileSync(join(here, "dist/index.html")));
  }
  const file = join(here, "dist", path);
  if (/^\/(assets\/[\w.-]+|icon\.svg)$/.test(path) && existsSync(file)) {
    const type = path.endsWith(".js") ? "text/javascript" : path.endsWith(".css") ? "text/css" : "image/svg+xml";
    answer.writeHead(200, {"Content-Type": `${type}; charset=utf-8`, "Content-Security-Policy": policy});
    return answer.end(readFileSync(file));
  }
  const headers = {...asked.headers, host: server.host};
  if (headers.origin) headers.origin = server.origin;
  const passed = request(server, {method: asked.method, path: asked.url, headers}, (reply) => {
    answer.writeHead(reply.statusCode, reply.headers);
    reply.pipe(answer);
    reply.on("aborted", () => answer.destroy());
    answer.on("close", () => reply.destroy());
  });
  passed.on("error", () => answer.destroy());
  asked.pipe(passed);
}).listen(port, "127.0.0.1", () => console.log(`console: http://127.0.0.1:${port}, answers from ${server.origin}`));
