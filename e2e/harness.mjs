// Starts the real program on a fresh folder and drives it with the Chromium that is installed; no other part is replaced.
import { spawn } from "node:child_process";
import { accessSync, constants, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const program = process.env.FRONTDESK || join(root, "bin", "frontdesk");
export const screens = join(root, "build", "screens");

function find(names) {
  for (const folder of (process.env.PATH ?? "").split(delimiter)) {
    for (const name of names) {
      try {
        accessSync(join(folder, name), constants.X_OK);
        return join(folder, name);
      } catch {
        // not there
      }
    }
  }
  return "";
}

const browserPath = process.env.CHROMIUM || find(["chromium", "chromium-browser", "google-chrome"]);

/** Why the tests cannot run here, or false. To be given to node:test as `skip`. */
export const skip = browserPath
  ? false
  : "no Chromium on PATH. On Debian: apt-get install --no-install-recommends chromium fonts-wqy-microhei";

/** The owner of the demo company (demo/demo.go). */
export const owner = { email: "owner@example.test", password: "demo-owner-2468" };

async function freePort() {
  const probe = createServer();
  await new Promise((done) => probe.listen(0, "127.0.0.1", done));
  const { port } = probe.address();
  await new Promise((done) => probe.close(done));
  return port;
}

/** The program, serving a data folder of its own; it can be killed and started again on the same address. */
export class Server {
  #child;
  #log = "";

  static async start(...flags) {
    const s = new Server();
    s.folder = mkdtempSync(join(tmpdir(), "frontdesk-e2e-"));
    s.listen = `127.0.0.1:${await freePort()}`;
    s.base = `http://${s.listen}`;
    s.flags = flags;
    await s.up();
    return s;
  }

  /** Starts the program and waits until it is ready. */
  async up() {
    const child = spawn(program, ["serve", "--data", join(this.folder, "data"), "--listen", this.listen, ...this.flags], { stdio: ["ignore", "pipe", "pipe"] });
    this.#child = child;
    const keep = (chunk) => (this.#log = (this.#log + chunk).slice(-20_000));
    child.stdout.on("data", keep);
    child.stderr.on("data", keep);
    let ended = "";
    child.on("error", (err) => (ended = `${err}: run make build first`));
    child.on("exit", (code, signal) => (ended = `ended with ${code ?? signal}`));
    const until = Date.now() + 120_000; // the first start of the demo writes a month of history
    while (Date.now() < until) {
      if (ended) throw new Error(`frontdesk serve ${ended}\n${this.#log}`);
      const ready = await fetch(`${this.base}/readyz`).catch(() => undefined);
      if (ready?.status === 200) return;
      await new Promise((done) => setTimeout(done, 50));
    }
    await this.kill();
    throw new Error(`frontdesk serve was not ready in two minutes\n${this.#log}`);
  }

  /** Kills the program as a power cut would. */
  async kill() {
    const child = this.#child;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((done) => child.once("exit", done));
    child.kill("SIGKILL");
    await gone;
  }

  get log() {
    return this.#log;
  }

  async end() {
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export function launch() {
  mkdirSync(screens, { recursive: true });
  return chromium.launch({
    executablePath: browserPath,
    args: ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });
}

/** What pages complain about and ask of foreign hosts: both must stay empty. */
export function watch(page, base, faults) {
  page.on("pageerror", (err) => faults.push(`${page.url()}: ${err}`));
  page.on("console", (m) => {
    if (/Content Security Policy|Refused to/.test(m.text())) faults.push(`${page.url()}: ${m.text()}`);
  });
  page.on("request", (r) => {
    const url = r.url();
    if (!url.startsWith(base) && !url.startsWith(base.replace("http", "ws")) && !/^(data|blob):/.test(url)) faults.push(`foreign request: ${url}`);
  });
}

/** A customer in the demo shop with the chat open. */
export class Customer {
  static async open(browser, base, { locale = "zh-CN", faults = [], ...options } = {}) {
    const c = new Customer();
    c.context = await browser.newContext({ locale, viewport: { width: 1280, height: 800 }, ...options });
    c.page = await c.context.newPage();
    watch(c.page, base, faults);
    await c.page.goto(`${base}/demo/`);
    const session = c.page.waitForResponse((r) => r.url().endsWith("/v1/visitor/session") && r.ok());
    await c.page.getByRole("button", { name: locale.startsWith("zh") ? "问问客服" : "Ask us" }).click();
    await c.box.waitFor();
    c.conversation = (await (await session).json()).conversation;
    return c;
  }

  get box() {
    return this.page.locator("frontdesk-widget textarea");
  }
  get status() {
    return this.page.locator("frontdesk-widget .status");
  }
  from(who) {
    return this.page.locator(`frontdesk-widget .msg.${who}`);
  }

  /** Says something without waiting for what becomes of it. */
  async type(text) {
    await this.box.fill(text);
    await this.box.press("Enter");
  }

  /** Says something and returns the bot's or the agent's next message. */
  async ask(text, who = "bot") {
    const before = await this.from(who).count();
    await this.type(text);
    const answer = this.from(who).nth(before);
    await answer.waitFor({ timeout: 15_000 });
    return answer;
  }

  /** What the conversation shows, as [who, text] in order, without the greeting. */
  async transcript() {
    return this.page.locator("frontdesk-widget .items").evaluate((items) =>
      [...items.querySelectorAll(".msg.customer, .msg.bot, .msg.agent")]
        .slice(1)
        .map((m) => [m.classList[1], [...m.querySelectorAll(".bubble")].map((b) => b.querySelector("p")?.textContent ?? "").join("\n")]),
    );
  }
}

/** A member of staff, signed in to the console. */
export async function signIn(browser, base, { locale = "zh-CN", faults = [], as = owner, ...options } = {}) {
  const context = await browser.newContext({ locale, viewport: { width: 1440, height: 900 }, ...options });
  const page = await context.newPage();
  watch(page, base, faults);
  await page.goto(`${base}/`);
  await page.locator("#email").fill(as.email);
  await page.locator("#password").fill(as.password);
  await page.locator("#password").press("Enter");
  await page.locator("nav a[aria-current]").first().waitFor();
  return page;
}
