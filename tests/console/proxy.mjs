// proxy.mjs: stands between a page and the server as a proxy on the way would, and can fail as those do.
//
//   const proxy = await startProxy(server.port);
//   proxy.address;                     // where the page goes instead
//   proxy.mute("streams");             // keeps event streams open and lets nothing of them through; "all": of everything
//   proxy.lost();                      // what streams said meanwhile
//   proxy.say("event: resync…\n\n");   // into every stream that is open
//   proxy.pass();                      // as if nothing had been; what was muted is cut off
//   proxy.close();
import {connect, createServer} from "node:net";

export async function startProxy(port) {
  const pairs = new Set();
  let muted = "", lost = "";
  const isMuted = (pair) => muted === "all" || (muted === "streams" && pair.stream);
  const server = createServer((client) => {
    const pair = {client, upstream: connect(port, "127.0.0.1"), stream: false, greeted: false, held: false};
    pairs.add(pair);
    const over = () => {
      client.destroy();
      pair.upstream.destroy();
      pairs.delete(pair);
    };
    client.on("data", (bytes) => {
      // Browsers keep connections: each request says anew what it is.
      const head = /^GET (\S+) HTTP/.exec(bytes.toString("latin1"));
      if (head) pair.stream = head[1].startsWith("/api/v1/events");
      if (muted === "all") pair.held = true;
      else pair.upstream.write(bytes);
    });
    pair.upstream.on("data", (bytes) => {
      if (isMuted(pair)) {
        pair.held = true;
        if (pair.stream) lost += bytes;
      } else {
        if (pair.stream && bytes.includes("event: hello")) pair.greeted = true;
        client.write(bytes);
      }
    });
    for (const socket of [client, pair.upstream]) for (const event of ["error", "close"]) socket.on(event, over);
  });
  await new Promise((done, fail) => server.on("error", fail).listen(0, "127.0.0.1", done));
  return {
    address: `http://127.0.0.1:${server.address().port}`,
    /** How many streams are open and have begun to tell. */
    streams: () => [...pairs].filter((pair) => pair.stream && pair.greeted).length,
    mute(what) { muted = what; },
    lost: () => lost,
    say(text) {
      const bytes = Buffer.from(text), chunk = Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from("\r\n")]);
      for (const pair of pairs) if (pair.stream) pair.client.write(chunk);
    },
    pass() {
      muted = "";
      for (const pair of [...pairs]) if (pair.held) pair.client.destroy();
    },
    close() {
      for (const pair of [...pairs]) pair.client.destroy();
      return new Promise((done) => server.close(done));
    },
  };
}
