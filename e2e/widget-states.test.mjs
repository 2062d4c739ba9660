// The widget in each of its states, in both languages, light and dark, on desk and phone: nothing serious for axe, nothing
// cut off, and a picture in build/screens to be looked at. What only some conversations have is put in by hand on its socket.
import { AxeBuilder } from "@axe-core/playwright";
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { noise } from "./between.mjs";
import { Customer, launch, screens, Server, skip } from "./harness.mjs";

const looks = [
  { locale: "zh-CN", colorScheme: "light", viewport: { width: 1440, height: 900 } },
  { locale: "en-GB", colorScheme: "dark", viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true },
  { locale: "zh-CN", colorScheme: "dark", viewport: { width: 320, height: 568 }, isMobile: true, hasTouch: true },
];

const words = {
  zh: {
    question: "怎么退货",
    agent: "云若杉",
    order: [{ kind: "text", text: "这是您的订单：" }, { kind: "card", card: { type: "order", title: "订单 YS2026112001", lines: [{ label: "状态", value: "运输中" }, { label: "商品", value: "滚筒洗衣机 10 公斤、电水壶 1.7 升" }, { label: "实付", value: "¥3,098" }], action: { label: "物流不动了怎么办？", value: "物流不动了怎么办？" } } }],
    progress: [{ kind: "card", card: { type: "progress", title: "报修进度", lines: [{ label: "今天 08:30", value: "师傅已出发，预计 10 点到" }, { label: "昨天 16:02", value: "已派单" }] } }],
    disclosure: [{ kind: "card", card: { type: "disclosure", title: "延保服务须知", lines: [{ label: "保障范围", value: "整机性能故障；不含人为损坏、外观磨损和耗材。" }], action: { label: "同意并继续", value: "我同意" } } }],
    form: [{ kind: "text", text: "麻烦填一下，好安排师傅上门：" }, { kind: "form", form: { id: "repair", title: "上门维修预约", fields: [{ name: "phone", label: "联系电话", type: "phone", required: true }, { name: "day", label: "上门日期", type: "date" }, { name: "slot", label: "时段", type: "choice", required: true, choices: ["上午", "下午"] }, { name: "model", label: "机型", type: "choice", choices: ["A", "B", "C", "D", "E"] }] } }],
    filled: "联系电话：0571-88001234\n时段：下午",
    buttons: [{ kind: "buttons", text: "您想问的是下面哪一个？", buttons: [{ label: "怎么申请退货？", value: "怎么申请退货？" }, { label: "退款多久到账？", value: "退款多久到账？" }] }],
    radio: "下午",
    phone: "联系电话",
  },
  en: {
    question: "How do I return an item?",
    agent: "Rowan Spruce",
    order: [{ kind: "text", text: "Here is your order:" }, { kind: "card", card: { type: "order", title: "Order YS2026112001", lines: [{ label: "Status", value: "On its way" }, { label: "Items", value: "Front-loading washer 10 kg, Kettle 1.7 L" }, { label: "Total", value: "¥3,098" }], action: { label: "Why does it not move?", value: "Why does it not move?" } } }],
    progress: [{ kind: "card", card: { type: "progress", title: "Repair", lines: [{ label: "Today 08:30", value: "On the way, there about 10" }, { label: "Yesterday 16:02", value: "Fitter booked" }] } }],
    disclosure: [{ kind: "card", card: { type: "disclosure", title: "Extended warranty", lines: [{ label: "Covered", value: "Faults of the machine, but not damage by hand, wear of the outside and consumables." }], action: { label: "Agree and go on", value: "I agree" } } }],
    form: [{ kind: "text", text: "Please fill this in:" }, { kind: "form", form: { id: "repair", title: "Book a repair", fields: [{ name: "phone", label: "Phone", type: "phone", required: true }, { name: "day", label: "Day", type: "date" }, { name: "slot", label: "Time", type: "choice", required: true, choices: ["Morning", "Afternoon"] }, { name: "model", label: "Model", type: "choice", choices: ["A", "B", "C", "D", "E"] }] } }],
    filled: "Phone: 0571-88001234\nTime: Afternoon",
    buttons: [{ kind: "buttons", text: "Which of these do you mean?", buttons: [{ label: "How do I return something?", value: "How do I return something?" }, { label: "When is it refunded?", value: "When is it refunded?" }] }],
    radio: "Afternoon",
    phone: "Phone",
  },
};

/** A customer whose socket can be spoken on by the test. */
async function talk(browser, base, look) {
  const context = await browser.newContext(look);
  const c = new Customer();
  Object.assign(c, { context, page: await context.newPage() });
  let seq = 0;
  let socket;
  await c.page.routeWebSocket(/visitor\/socket/, (ws) => {
    socket = ws;
    ws.connectToServer().onMessage((m) => {
      const f = JSON.parse(m);
      seq = Math.max(seq, f.seq ?? 0, f.message?.seq ?? 0, f.message?.change ?? 0);
      // A server that knows less than it told would be one restored from a backup: the widget would start over.
      ws.send(f.type === "ready" ? JSON.stringify({ ...f, seq }) : m);
    });
  });
  await c.page.goto(`${base}/demo/`);
  await c.page.waitForFunction(() => window.Frontdesk);
  c.next = () => ++seq;
  c.frame = (f) => socket.send(JSON.stringify(f));
  c.hear = (m) => c.frame({ type: "message", message: { seq: ++seq, change: seq, at: Date.now() * 1000, from: "agent", text: "", ...m } });
  return c;
}

const likeOthers = new Set(["closed", "answer", "choices", "after-hours", "odd"]); // nothing in them that axe has not seen in another state

async function check(c, name, look) {
  await c.page.waitForTimeout(200); // the last of the motion
  const id = [name, look.locale.slice(0, 2), look.colorScheme, look.viewport.width].join("-");
  await c.page.screenshot({ path: join(screens, `widget-${id}.png`) });
  const cut = await c.page.locator("frontdesk-widget").evaluate((host) =>
    [...host.shadowRoot.querySelectorAll(".log *, .head, .wait, .composer")].filter((el) => el.checkVisibility() && !el.closest(".sr, svg, bdi, select, summary") && el.scrollWidth > el.clientWidth + 1 && el.clientWidth > 0 && getComputedStyle(el).display !== "inline").map((el) => `${el.className}: ${el.textContent.slice(0, 40)}`),
  );
  assert.deepEqual(cut, [], `${id}: wider than its place`);
  if (look.viewport.width < 390 || likeOthers.has(name)) return;
  const { violations } = await new AxeBuilder({ page: c.page }).include("frontdesk-widget").analyze();
  const serious = violations.filter((v) => v.impact === "serious" || v.impact === "critical");
  assert.deepEqual(serious.map((v) => `${v.id}: ${v.nodes.map((n) => `${n.target.join(" ")} ${n.any[0]?.message ?? ""}`).join(" | ")}`), [], id);
}

describe("states of the widget", { skip }, () => {
  let server, browser;

  before(async () => {
    server = await Server.start("--demo");
    browser = await launch();
  });
  after(async () => {
    await browser?.close();
    await server?.end();
  });

  for (const look of looks) {
    const zh = look.locale.startsWith("zh");
    const w = words[zh ? "zh" : "en"];

    test(`${look.locale}, ${look.colorScheme}, ${look.viewport.width}`, async () => {
      const c = await talk(browser, server.base, look);
      const widget = c.page.locator("frontdesk-widget");
      await check(c, "closed", look);
      await c.page.evaluate(() => window.Frontdesk.open());
      await widget.locator(".suggestions .choice").first().waitFor();
      await check(c, "empty", look);

      const answer = await c.ask(w.question);
      await answer.locator("summary").click();
      await check(c, "answer", look);
      // With the real server, as long as what is put in by hand has not taken its numbers.
      await widget.locator("input[type=file]").setInputFiles([
        { name: "照片.png", mimeType: "image/png", buffer: noise(90, 60) },
        { name: `${"很长的文件名".repeat(12)}.pdf`, mimeType: "application/pdf", buffer: Buffer.from("%PDF-1.4") },
      ]);
      await widget.locator(".preview img").waitFor();
      await check(c, "preview", look);
      await c.context.setOffline(true);
      await widget.locator(".banner").getByText(zh ? "网络断开" : "offline").waitFor();
      await widget.locator(".send").click();
      await widget.locator(".upload").first().waitFor();
      await check(c, "offline", look);
      await c.context.setOffline(false);
      await widget.locator("button.picture img").waitFor({ timeout: 15_000 });
      await widget.locator("button.picture").click();
      await widget.locator(".viewer img").waitFor();
      await check(c, "viewer", look);
      await c.page.keyboard.press("Escape");
      await widget.locator(".viewer").waitFor({ state: "hidden" });

      await answer.locator(".rating button").nth(1).click();
      await answer.locator(".rating button").nth(4).click();
      await answer.locator(".why input").waitFor();
      await check(c, "why", look);
      c.hear({ from: "bot", parts: w.buttons });
      await widget.locator(".choices").last().waitFor();
      await check(c, "choices", look);

      c.frame({ type: "state", owner: "queue", queue: { position: 3, wait_s: 170, open: true } });
      await widget.locator(".wait").waitFor();
      await check(c, "waiting", look);
      c.frame({ type: "state", owner: "queue", queue: { position: 3, open: false } });
      await check(c, "after-hours", look);

      const name = { zh: "云若杉", en: "Rowan Spruce" };
      c.frame({ type: "state", owner: "agent", agent: { name } });
      c.hear({ parts: w.order, author_name: name });
      c.hear({ parts: w.progress, author_name: name });
      c.frame({ type: "typing", from: "agent", name });
      await widget.locator(".typing").getByText(w.agent).waitFor();
      await check(c, "agent", look);
      c.hear({ parts: w.disclosure, author_name: { zh: "مُحَمَّد بن عبد العزيز آل سعود بن عبد الرحمن الفيصل الأول", en: "مُحَمَّد" } });
      await widget.locator(".disclosure input").check();
      await check(c, "disclosure", look);

      c.hear({ parts: w.form, author_name: name });
      const submit = widget.locator(".form .action");
      await submit.click();
      await check(c, "form-faults", look);
      const filled = c.page.waitForRequest((r) => r.url().endsWith("/v1/visitor/forms"));
      await c.page.route("**/v1/visitor/forms", (route) => route.fulfill({ status: 400, contentType: "application/json", body: '{"error":{"kind":"invalid","message":""}}' }));
      await c.page.getByLabel(w.phone).fill("0571-88001234");
      await c.page.getByRole("radio", { name: w.radio }).check();
      await submit.click();
      assert.deepEqual((await filled).postDataJSON().values, { phone: "0571-88001234", day: "", slot: w.radio, model: "" });
      await widget.locator(".meta.failed").waitFor();
      assert.equal(await widget.locator(".msg.customer .bubble").last().innerText(), w.filled);
      await check(c, "failed", look);
      // What was refused can be put away; the form is there again, and what is taken closes it.
      await widget.locator(".meta.failed button").last().click();
      await c.page.unroute("**/v1/visitor/forms");
      await c.page.route("**/v1/visitor/forms", (route) => route.fulfill({ contentType: "application/json", body: `{"seq":${c.next()}}` }));
      await c.page.getByLabel(w.phone).fill("0571-88001234");
      await c.page.getByRole("radio", { name: w.radio }).check();
      await submit.click();
      await widget.locator(".state.done").waitFor();

      c.hear({ text: "W".repeat(4000), author_name: name });
      c.hear({ text: `${"很长的一句话，".repeat(60)} https://example.test/${"path/".repeat(40)}`, state: "revised", author_name: name });
      c.hear({ text: "", parts: [], state: "recalled", author_name: name });
      c.hear({ from: "customer", text: "<phone:1> <b>x</b> <script>alert(1)</script>" });
      await check(c, "odd", look);

      c.frame({ type: "state", owner: "closed" });
      await widget.locator(".star").nth(3).click();
      await check(c, "survey", look);

      await c.page.evaluate(() => window.Frontdesk.close());
      c.hear({ text: "1", author_name: name });
      c.hear({ text: "2", author_name: name });
      await widget.locator(".badge").getByText("2", { exact: true }).waitFor();
      assert.match(await c.page.title(), /^\(2\) /);
      await check(c, "unread", look);
      await c.context.close();
    });
  }
});
