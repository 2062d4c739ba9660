// The widget as customers live with it: on a phone, in two tabs, on a hostile page, behind a bad proxy, over a dying
// server; and what a host page may do with it.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, describe, test } from "node:test";
import { gunzipSync } from "node:zlib";
import { noise, Proxy, Staff } from "./between.mjs";
import { Customer, launch, Server, skip } from "./harness.mjs";

const phone = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true };
describe("the widget", { skip }, () => {
  let server, browser, staff, host;
  let shop = ""; // a customer's page, of another origin
  const pages = {};
  const faults = [];

  before(async () => {
    server = await Server.start("--demo");
    browser = await launch();
    host = createServer((request, response) => {
      const { headers, body } = pages[request.url] ?? { headers: {}, body: "" };
      response.writeHead(200, headers).end(body);
    });
    await new Promise((done) => host.listen(0, "127.0.0.1", done));
    shop = `http://127.0.0.1:${host.address().port}`;
    staff = await Staff.signIn(server.base);
    // Open at all hours, whenever this runs, and to be embedded by the shop.
    const { id, updated_at, created_at, open_now, hours, ...site } = (await staff.do("GET", "/v1/sites")).items[0];
    await staff.do("PUT", `/v1/sites/${id}`, { ...site, origins: [shop] });
  });
  after(async () => {
    await browser?.close();
    host?.close();
    host?.closeAllConnections();
    await server?.end();
  });

  const widget = (page) => page.locator("frontdesk-widget");
  /** The panel has come up: what is measured now does not move any more. */
  const still = (page) => widget(page).evaluate((h) => Promise.all(h.shadowRoot.getAnimations().filter((a) => a.animationName === "rise").map((a) => a.finished)).then(() => undefined));
  const said = (c) => c.transcript().then((all) => all.filter(([who]) => who === "customer").map(([, text]) => text));
  const acked = (c, n) => c.from("customer").nth(n).getByText("已发送").waitFor({ timeout: 20_000 });

  test("is one script of at most 40 kB", async () => {
    const { request } = await import("node:http");
    const body = await new Promise((done, fail) => {
      const chunks = [];
      request(`${server.base}/widget.js`, { headers: { "Accept-Encoding": "gzip" } }, (r) => r.on("data", (d) => chunks.push(d)).on("end", () => done(Buffer.concat(chunks)))).on("error", fail).end();
    });
    assert.ok(body.length <= 40 * 1024, `${body.length} bytes`);
    assert.ok(gunzipSync(body).length > body.length);
  });

  test("a customer on a phone sends a picture and files, and finds them again", async () => {
    const c = await Customer.open(browser, server.base, { faults, ...phone });
    await still(c.page);
    const sheet = await widget(c.page).locator(".panel").boundingBox();
    assert.deepEqual([sheet.x, sheet.y, sheet.width, sheet.height], [0, 0, 390, 844], "the sheet covers the screen");
    assert.equal(await widget(c.page).locator(".panel").getAttribute("aria-modal"), "true");

    const files = widget(c.page).locator("input[type=file]");
    await files.setInputFiles([
      { name: "门口.png", mimeType: "image/png", buffer: noise(60, 40) },
      { name: "not wanted.png", mimeType: "image/png", buffer: noise(8, 8) },
      { name: '<img src=x onerror="document.title=1">.svg', mimeType: "image/svg+xml", buffer: Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"><script>document.title=1</script></svg>') },
      { name: "page.html", mimeType: "text/html", buffer: Buffer.from("<script>document.title=1</script>") },
    ]);
    await c.page.getByRole("button", { name: "移除 not wanted.png" }).click();
    assert.equal(await widget(c.page).locator(".preview li").count(), 3);
    await c.page.getByRole("button", { name: "发送", exact: true }).click();
    await c.from("customer").locator("button.picture img").waitFor();
    await c.from("customer").locator("button.file").nth(1).waitFor();
    assert.equal(await c.from("customer").locator("img").count(), 1, "only the picture is shown");
    for (const n of [0, 1]) {
      const download = c.page.waitForEvent("download");
      await c.from("customer").locator("button.file").nth(n).click();
      assert.match((await download).suggestedFilename(), /\.(svg|html)$/);
    }
    assert.notEqual(await c.page.title(), "1");

    await c.from("customer").locator("button.picture").click();
    const viewer = c.page.getByRole("dialog", { name: "门口.png" });
    await viewer.locator("img").waitFor();
    await c.page.keyboard.press("Escape");
    await viewer.waitFor({ state: "hidden" });
    await c.box.waitFor(); // Esc closed the picture, not the chat

    await c.page.reload();
    await c.page.getByRole("button", { name: "问问客服" }).click();
    const again = c.from("customer").locator("button.picture img");
    await again.waitFor();
    await c.page.waitForFunction((i) => i.naturalWidth === 60, await again.elementHandle());
    await c.context.close();
  });

  test("on a phone the sheet follows the keyboard, keeps the focus, and stands still where motion is not wanted", async () => {
    const context = await browser.newContext({ locale: "zh-CN", reducedMotion: "reduce", ...phone });
    // No keyboard comes up without a screen, so its effect on the visual viewport is played.
    await context.addInitScript(() => Object.defineProperty(window, "visualViewport", { value: Object.assign(new EventTarget(), { height: 844, width: 390, offsetTop: 0, scale: 1 }) }));
    const c = new Customer();
    Object.assign(c, { context, page: await context.newPage() });
    await c.page.goto(`${server.base}/demo/`);
    await c.page.getByRole("button", { name: "问问客服" }).click();
    assert.equal(await widget(c.page).evaluate((h) => h.shadowRoot.activeElement.className), "panel", "opening brings no keyboard up");
    await c.ask("怎么退货");
    await c.page.evaluate(() => {
      Object.assign(window.visualViewport, { height: 500, offsetTop: 90 });
      window.visualViewport.dispatchEvent(new Event("resize"));
    });
    const box = await widget(c.page).locator(".panel").boundingBox();
    assert.deepEqual([box.y, box.height], [90, 500]);
    const [log, own] = [await widget(c.page).locator(".log").boundingBox(), await c.from("bot").last().boundingBox()];
    assert.ok(own.y + own.height <= log.y + log.height + 1, "the newest words stay in sight");
    for (let i = 0; i < 12; i++) await c.page.keyboard.press("Tab");
    assert.equal(await c.page.evaluate(() => document.activeElement.tagName), "FRONTDESK-WIDGET", "Tab goes round within the sheet");
    assert.equal(await widget(c.page).evaluate((h) => h.shadowRoot.getAnimations().length), 0);
    await context.close();
  });

  test("two tabs are one conversation and agree", async () => {
    const context = await browser.newContext({ locale: "zh-CN" });
    const open = async () => {
      const c = new Customer();
      c.context = context;
      c.page = await context.newPage();
      await c.page.goto(`${server.base}/demo/`);
      await c.page.waitForFunction(() => window.Frontdesk);
      return c;
    };
    const [a, b] = [await open(), await open()];
    // Opened for the first time at the same moment, they are the same conversation.
    await Promise.all([a, b].map((c) => c.page.evaluate(() => window.Frontdesk.open())));
    await a.ask("怎么退货");
    await b.from("bot").nth(1).waitFor();
    const conversation = await a.page.evaluate(() => JSON.parse(localStorage.getItem("frontdesk:demo:look")).conversation);
    // Both at once, each its own words: every word once, in the same order, in both.
    await Promise.all([a.type("从第一个标签页"), b.type("从第二个标签页")]);
    for (const c of [a, b]) await c.from("customer").nth(2).waitFor();
    assert.deepEqual(await said(a), await said(b));
    assert.equal(new Set(await said(a)).size, 3);

    await a.from("bot").nth(1).getByRole("button", { name: "解决了", exact: true }).click();
    await b.from("bot").nth(1).getByText("谢谢您的反馈").waitFor();

    // A word that comes while both are closed is unread in both, and read in both when one opens.
    for (const c of [a, b]) await c.page.evaluate(() => window.Frontdesk.close());
    await staff.on(conversation, "take");
    for (const c of [a, b]) await c.page.waitForFunction(() => /^\(\d+\) /.test(document.title));
    await a.page.bringToFront();
    await a.page.evaluate(() => window.Frontdesk.open());
    for (const c of [a, b]) await c.page.waitForFunction(() => !/^\(/.test(document.title));
    assert.equal(await b.page.locator("frontdesk-widget .badge").isHidden(), true);
    await context.close();
  });

  test("a strict policy and hostile styles do not touch it", async () => {
    const context = await browser.newContext({ locale: "zh-CN", viewport: { width: 1000, height: 700 } });
    const page = await context.newPage();
    const refused = [];
    page.on("console", (m) => /Content Security Policy|Refused to/.test(m.text()) && refused.push(m.text()));
    const policy = `default-src 'none'; script-src ${server.base}; img-src ${server.base}; style-src ${shop}; connect-src ${server.base} ${server.base.replace("http", "ws")}; base-uri 'none'; require-trusted-types-for 'script'`;
    pages["/hostile.css"] = {
      headers: { "Content-Type": "text/css" },
      body: `* { all: unset !important; display: block !important; position: static !important; font: 40px cursive !important; color: red !important; background: lime !important;
          --accent: red !important; --surface: lime !important; --t14: 60px !important; }
        body { transform: scale(.3) rotate(9deg); overflow: hidden; height: 10px; }
        frontdesk-widget, :not(body) > * { display: none !important; visibility: hidden !important; opacity: 0 !important; transform: scale(2) !important; }`,
    };
    pages["/"] = {
      headers: { "Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": policy },
      body: `<!doctype html><html lang="zh"><title>shop</title><link rel="stylesheet" href="/hostile.css"><body><p>商店</p><script src="${server.base}/widget.js" data-site="demo" data-open></script></body></html>`,
    };
    await page.goto(`${shop}/`);
    const c = new Customer();
    Object.assign(c, { context, page });
    await c.box.waitFor();
    await c.ask("怎么退货");
    await still(page);
    const look = await widget(page).evaluate((host) => {
      const at = (s) => getComputedStyle(host.shadowRoot.querySelector(s));
      const box = host.shadowRoot.querySelector(".panel").getBoundingClientRect();
      return { size: at(".bubble").fontSize, ground: at(".bubble").backgroundColor, panel: at(".panel").position, right: innerWidth - box.right, height: box.height, seen: host.shadowRoot.querySelector(".panel").checkVisibility({ opacityProperty: true, visibilityProperty: true }) };
    });
    assert.deepEqual(look, { size: "14px", ground: "rgb(255, 255, 255)", panel: "fixed", right: 20, height: 592, seen: true });
    assert.deepEqual(refused, [], "nothing ran against the policy");
    // Even pictures show where the policy forbids them: they are painted.
    await widget(page).locator("input[type=file]").setInputFiles({ name: "a.png", mimeType: "image/png", buffer: noise(30, 20) });
    await page.getByRole("button", { name: "发送", exact: true }).click();
    await c.from("customer").locator("canvas").waitFor();
    await page.reload();
    await c.from("customer").locator("canvas").waitFor(); // now fetched across origins, with the token
    await context.close();
  });

  test("behind a proxy that drops connections again and again nothing is missing, doubled or out of order", async () => {
    const proxy = await Proxy.before(server.base);
    const c = await Customer.open(browser, proxy.base);
    const words = ["什么时候发货", "第二句", "第三句", "第四句", "第五句", "第六句"];
    for (const [i, word] of words.entries()) {
      await c.type(word);
      if (i % 3 !== 2) proxy.cut(); // while it is on its way, or just after
      await acked(c, i);
      assert.equal(await widget(c.page).locator(".banner").textContent(), "", "a short cut is not worth a word");
    }
    assert.deepEqual(await said(c), words);
    await staff.on(c.conversation, "take");
    proxy.cut();
    await staff.on(c.conversation, "messages", { text: "断线时说的话" });
    await c.from("agent").getByText("断线时说的话").waitFor({ timeout: 15_000 });
    const there = await staff.do("GET", `/v1/conversations/${c.conversation}/messages?after=0`);
    assert.deepEqual(there.messages.filter((m) => m.from === "customer").map((m) => m.text), words);
    proxy.end();
    await c.context.close();
  });

  test("killed during an upload, the server gets it all when it is back; the half-written line stays", async () => {
    const proxy = await Proxy.before(server.base);
    const c = await Customer.open(browser, proxy.base);
    await c.ask("安装要收费吗");
    proxy.slow = true;
    await widget(c.page).locator("input[type=file]").setInputFiles({ name: "大图.png", mimeType: "image/png", buffer: noise(1400, 900) });
    await c.page.getByRole("button", { name: "发送", exact: true }).click();
    const before = proxy.bytesUp;
    while (proxy.bytesUp < before + 500_000) await c.page.waitForTimeout(20);
    await server.kill();
    await c.type("服务器不在时说的");
    await c.box.fill("写到一半");
    proxy.slow = false;
    await server.up();
    await c.from("customer").locator("button.picture img").waitFor({ timeout: 30_000 });
    await c.from("customer").getByText("服务器不在时说的").waitFor();
    await c.page.waitForFunction(() => !document.querySelector("frontdesk-widget").shadowRoot.querySelector(".upload, .meta.failed"));
    assert.equal(await c.box.inputValue(), "写到一半");
    const shown = await c.transcript();
    assert.equal(shown.filter(([who]) => who === "customer").length, 3);
    assert.ok(shown.some(([who, text]) => who === "bot" && /安装/.test(text)), "and what was there before");
    await c.page.reload();
    await c.page.getByRole("button", { name: "问问客服" }).click();
    await c.from("customer").nth(2).waitFor();
    assert.equal(await c.box.inputValue(), "写到一半", "even over a reload");
    assert.equal(await c.from("customer").count(), 3);
    proxy.end();
    await c.context.close();
    staff = await Staff.signIn(server.base);
  });

  test("a session that ends in mid-sentence costs no word", async () => {
    const proxy = await Proxy.before(server.base);
    const c = await Customer.open(browser, proxy.base);
    await c.ask("保修期多久");
    await c.box.fill("这句话还没写完");
    await c.page.route("**/v1/visitor/ticket", (route) => route.fulfill({ status: 401, contentType: "application/json", body: '{"error":{"kind":"denied","message":"","field":"Authorization"}}' }), { times: 1 });
    const renewed = c.page.waitForResponse((r) => r.url().endsWith("/v1/visitor/session") && r.ok());
    proxy.cut();
    assert.notEqual((await (await renewed).json()).conversation, c.conversation);
    assert.equal(await c.box.inputValue(), "这句话还没写完");
    await c.box.press("Enter");
    await acked(c, 0);
    assert.deepEqual(await said(c), ["这句话还没写完"]);
    proxy.end();
    await c.context.close();
  });

  test("a device a day ahead or behind shows the right times", async () => {
    for (const days of [-1, 1]) {
      const context = await browser.newContext({ locale: "zh-CN" });
      await context.addInitScript((ms) => {
        const Real = Date;
        window.Date = class extends Real {
          constructor(...args) {
            super(...(args.length ? args : [Real.now() + ms]));
          }
          static now() {
            return Real.now() + ms;
          }
        };
      }, days * 86_400_000);
      const c = new Customer();
      Object.assign(c, { context, page: await context.newPage() });
      await c.page.goto(`${server.base}/demo/`);
      await c.page.getByRole("button", { name: "问问客服" }).click();
      await c.ask("怎么退货");
      assert.match(await widget(c.page).locator(".when").first().innerText(), /^\d\d:\d\d$/, "today is today");
      await context.close();
    }
  });

  test("a person's name, changes of their words, the end and how it was", async () => {
    const c = await Customer.open(browser, server.base, { faults });
    await c.ask("怎么修改收货地址");
    await c.page.getByRole("button", { name: "人工", exact: true }).click();
    await widget(c.page).locator(".wait").getByText(/前面还有|下一位/).waitFor();
    await staff.on(c.conversation, "take");
    await c.status.getByText("云若杉 正在为您服务").waitFor();
    const wait = widget(c.page).locator(".wait");
    await wait.waitFor({ state: "hidden" });
    const { seq } = await staff.on(c.conversation, "messages", { text: "价格是 2899 元" });
    const reply = c.from("agent").first();
    await reply.getByText("价格是 2899 元").waitFor();
    assert.equal(await reply.locator(".sender").innerText(), "云若杉");
    await staff.do("PUT", `/v1/conversations/${c.conversation}/messages/${seq}`, { text: "价格是 2799 元" });
    await reply.getByText("价格是 2799 元").waitFor();
    await reply.getByText("已修改").waitFor();
    await staff.do("DELETE", `/v1/conversations/${c.conversation}/messages/${seq}`);
    await reply.getByText("此消息已撤回").waitFor();
    assert.equal(await reply.getByText("2799").count(), 0);

    await staff.on(c.conversation, "close");
    await c.page.getByText("您对这次服务满意吗？").waitFor();
    await c.page.getByRole("radio", { name: "满意", exact: true }).check({ force: true });
    await c.page.getByPlaceholder("还有什么想告诉我们").fill("很快");
    await c.page.getByRole("button", { name: "提交评价" }).click();
    await c.page.getByText("谢谢您的评价").waitFor();
    await c.page.reload();
    await c.page.getByRole("button", { name: "问问客服" }).click();
    await c.status.getByText("会话已结束").waitFor();
    await c.from("agent").first().waitFor();
    assert.equal(await c.page.getByText("您对这次服务满意吗？").count(), 0, "asked once");
    await c.ask("保修期多久");
    await c.status.getByText("智能助手在线").waitFor();
    await c.context.close();
  });

  test("a long past is read back page by page, and the place is kept", async () => {
    const post = (path, token, body) => fetch(`${server.base}/v1/visitor/${path}`, { method: "POST", headers: { "Content-Type": "application/json", ...(token && { Authorization: `Bearer ${token}` }) }, body: JSON.stringify(body) }).then((r) => r.json());
    const { token, conversation } = await post("session", "", { site: "demo" });
    await post("messages", token, { client_id: "0", text: "转人工" });
    await staff.on(conversation, "take"); // nobody answers each of them
    for (let i = 1; i <= 55; i++) await post("messages", token, { client_id: String(i), text: `第 ${i} 句` });
    const context = await browser.newContext({ locale: "zh-CN" });
    await context.addInitScript((t) => localStorage.setItem("frontdesk:demo:token", t), token);
    const c = new Customer();
    Object.assign(c, { context, page: await context.newPage() });
    await c.page.goto(`${server.base}/demo/`);
    await c.page.getByRole("button", { name: "问问客服" }).click();
    await c.page.getByText("第 55 句").waitFor();
    assert.equal(await c.page.getByText("第 5 句", { exact: true }).count(), 0, "only the newest came");
    await still(c.page);
    const log = widget(c.page).locator(".log");
    const topmost = await log.evaluate((el) => {
      el.scrollTop = 150;
      const row = [...el.querySelectorAll(".msg")].find((m) => m.getBoundingClientRect().top > el.getBoundingClientRect().top);
      return { text: row.querySelector(".bubble").textContent, top: row.getBoundingClientRect().top };
    });
    await c.page.getByText("第 5 句", { exact: true }).waitFor({ state: "attached" });
    const now = await c.page.getByText(topmost.text, { exact: true }).evaluate((el) => el.closest(".msg").getBoundingClientRect().top);
    assert.ok(Math.abs(now - topmost.top) < 2, `what was read moved by ${now - topmost.top}`);
    const order = (await said(c)).filter((t) => t.startsWith("第"));
    assert.deepEqual(order, [...order].sort((x, y) => parseInt(x.slice(2)) - parseInt(y.slice(2))));
    assert.equal(order.length, 55);
    await context.close();
  });

  test("the host page opens, hides, listens, tells and takes it away; the keyboard suffices", async () => {
    const context = await browser.newContext({ locale: "zh-CN" });
    const page = await context.newPage();
    await page.goto(`${server.base}/demo/`);
    await page.waitForFunction(() => window.Frontdesk);
    const tracked = [];
    page.on("request", (r) => r.url().endsWith("/v1/visitor/events") && tracked.push(r.postDataJSON()));
    await page.evaluate(() => {
      window.told = [];
      window.keys = [];
      document.addEventListener("keydown", (e) => window.keys.push(e.key));
      for (const event of ["open", "close", "message", "unread", "owner"]) window.Frontdesk.on(event, (v) => window.told.push([event, v?.from ?? v]));
      window.Frontdesk.track("goods.viewed", { price: 2899 });
    });
    assert.deepEqual(tracked, [], "nobody is tracked who did not open the chat");
    const ask = page.getByRole("button", { name: "问问客服" });
    await ask.focus();
    await page.keyboard.press("Enter");
    const box = widget(page).locator("textarea");
    await box.waitFor();
    await page.keyboard.type("怎么退货");
    await page.keyboard.press("Enter");
    await widget(page).locator(".msg.bot").nth(1).waitFor();
    // Back from the box: attachments, the conversation, its buttons, and up to the person.
    await page.keyboard.press("Shift+Tab");
    const seen = new Set();
    for (let i = 0; i < 7; i++) {
      seen.add(await widget(page).evaluate((h) => h.shadowRoot.activeElement?.getAttribute("aria-label") ?? h.shadowRoot.activeElement?.textContent ?? ""));
      await page.keyboard.press("Shift+Tab");
    }
    for (const name of ["发送图片或文件", "没解决", "解决了", "对话内容", "收起", "人工"]) assert.ok(seen.has(name), `${name} is reached by Tab: ${[...seen]}`);
    await box.focus();
    await page.keyboard.press("Escape");
    await box.waitFor({ state: "hidden" });
    assert.equal(await page.evaluate(() => document.activeElement.textContent), "问问客服", "the focus is back where it came from");
    assert.deepEqual(await page.evaluate(() => window.keys.filter((k) => k !== "Enter" || window.keys.indexOf(k) > 0)), [], "what is typed in the chat is not the page's");
    const told = await page.evaluate(() => window.told);
    assert.deepEqual(told.filter(([e]) => e === "open" || e === "close").map(([e]) => e), ["open", "close"]);
    assert.ok(told.some(([e, from]) => e === "message" && from === "bot"));
    assert.equal(tracked[0]?.name, "goods.viewed");
    await page.evaluate(() => window.Frontdesk.hide());
    assert.equal(await widget(page).locator(".launcher").isVisible(), false);
    await page.evaluate(() => window.Frontdesk.show());
    assert.equal(await widget(page).locator(".launcher").isVisible(), true);
    await page.evaluate(() => window.Frontdesk.destroy());
    assert.equal(await widget(page).count(), 0);
    assert.equal(await page.evaluate(() => "Frontdesk" in window), false);
    await context.close();
  });

  test("a signed identity finds its conversation on another device, and leaves with the sign-out", async () => {
    const { id } = (await staff.do("GET", "/v1/sites")).items[0];
    const { current } = await staff.do("POST", `/v1/sites/${id}/secret`, {});
    const { createHmac } = await import("node:crypto");
    const part = (v) => Buffer.from(JSON.stringify(v)).toString("base64url");
    const sign = (claims) => {
      const body = `${part({ alg: "HS256", typ: "JWT" })}.${part(claims)}`;
      return `${body}.${createHmac("sha256", current).update(body).digest("base64url")}`;
    };
    const identity = sign({ sub: "customer-7", name: "示例客户", exp: Math.floor(Date.now() / 1000) + 3600 });
    const stale = sign({ sub: "customer-7", exp: Math.floor(Date.now() / 1000) - 60 });
    const device = async () => {
      const context = await browser.newContext({ locale: "zh-CN" });
      const c = new Customer();
      Object.assign(c, { context, page: await context.newPage() });
      await c.page.goto(`${server.base}/demo/`);
      await c.page.waitForFunction(() => window.Frontdesk);
      await c.page.evaluate((t) => (window.Frontdesk.on("identity", () => (window.asked = true)), window.Frontdesk.identify(t), window.Frontdesk.open()), identity);
      await c.box.waitFor();
      return c;
    };
    const first = await device();
    await first.ask("保修期多久");
    const second = await device();
    await second.from("customer").getByText("保修期多久").waitFor();
    await second.page.evaluate((t) => window.Frontdesk.identify(t), stale);
    await second.page.waitForFunction(() => window.asked, undefined, { timeout: 10_000 });
    await second.from("customer").getByText("保修期多久").waitFor();
    await second.page.evaluate(() => window.Frontdesk.identify(null));
    await second.page.waitForFunction(() => !document.querySelector("frontdesk-widget").shadowRoot.querySelector(".msg.customer"));
    for (const c of [first, second]) await c.context.close();
  });

  test("no page broke, asked a foreign host or ran against its own policy", () => {
    assert.deepEqual(faults, []);
  });
});
