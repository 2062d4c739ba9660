// What stands between a customer and the program in tests: a proxy that cuts and slows, and staff at the API.
import { connect, createServer } from "node:net";
import { crc32, deflateSync } from "node:zlib";
import { owner } from "./harness.mjs";

/** A TCP proxy before the program, as bad as they come: it drops everything when told to, and can let little through. */
export class Proxy {
  #pairs = new Set();
  #server;
  bytesUp = 0; // from the browser, since the start
  slow = false; // lets about 2 MB a second up

  static async before(target) {
    const p = new Proxy();
    const { hostname, port } = new URL(target);
    p.#server = createServer((client) => p.#join(client, connect(Number(port), hostname)));
    await new Promise((done) => p.#server.listen(0, "127.0.0.1", done));
    p.base = `http://127.0.0.1:${p.#server.address().port}`;
    return p;
  }

  #join(client, server) {
    const pair = [client, server];
    this.#pairs.add(pair);
    const end = () => {
      this.#pairs.delete(pair);
      for (const s of pair) s.destroy();
    };
    for (const s of pair) s.on("error", end).on("close", end);
    server.on("data", (d) => client.write(d));
    client.on("data", (d) => {
      this.bytesUp += d.length;
      server.write(d);
      if (!this.slow) return;
      client.pause();
      setTimeout(() => client.resume(), d.length / 2000);
    });
  }

  /** Drops every connection there is. */
  cut() {
    for (const pair of this.#pairs) for (const s of pair) s.destroy();
  }

  end() {
    this.cut();
    this.#server.close();
  }
}

/** A member of staff who works by the API. */
export class Staff {
  static async signIn(base, as = owner) {
    const s = new Staff();
    s.base = base;
    const r = await fetch(`${base}/v1/sessions`, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(as) });
    s.cookie = r.headers.getSetCookie().map((c) => c.split(";")[0]).join("; ");
    s.csrf = (await r.json()).csrf;
    return s;
  }

  async do(method, path, body) {
    const headers = { Cookie: this.cookie, "X-CSRF-Token": this.csrf, "Content-Type": "application/json" };
    const r = await fetch(this.base + path, { method, headers, body: body && JSON.stringify(body) });
    if (!r.ok) throw new Error(`${method} ${path}: ${r.status} ${await r.text()}`);
    return r.status === 204 ? undefined : r.json();
  }

  /** Does something with a conversation: take, close, hand-back; or messages with a body. */
  on(conversation, what, body = {}) {
    return this.do("POST", `/v1/conversations/${conversation}/${what}`, body);
  }
}

/** A picture of noise, so that it is as large as its pixels. */
export function noise(width, height) {
  const row = 1 + width * 3;
  const raw = Buffer.alloc(row * height);
  let x = 1;
  for (let i = 0; i < raw.length; i++) {
    x = (Math.imul(x, 1103515245) + 12345) >>> 0;
    raw[i] = i % row === 0 ? 0 : x >>> 24;
  }
  const chunk = (type, data) => {
    const body = Buffer.concat([Buffer.from(type), data]);
    const out = Buffer.alloc(body.length + 8);
    out.writeUInt32BE(data.length, 0);
    body.copy(out, 4);
    out.writeUInt32BE(crc32(body), body.length + 4);
    return out;
  };
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([8, 2, 0, 0, 0], 8);
  return Buffer.concat([Buffer.from("\x89PNG\r\n\x1a\n", "latin1"), chunk("IHDR", head), chunk("IDAT", deflateSync(raw, { level: 1 })), chunk("IEND", Buffer.alloc(0))]);
}
