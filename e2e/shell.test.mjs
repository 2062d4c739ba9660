// The frame around the console's pages: the way in and back in, the way around by keyboard, what rights show, and the
// first day of a company, done by the console alone.
import { AxeBuilder } from "@axe-core/playwright";
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { Customer, launch, owner, screens, Server, signIn, skip, watch } from "./harness.mjs";

const supervisor = { email: "supervisor@example.test", password: "demo-supervisor-2468" };
const agent = { email: "agent@example.test", password: "demo-agent-2468" };

async function look(page, name) {
  await page.waitForTimeout(200); // the last of the motion
  await page.screenshot({ path: join(screens, `${name}.png`) });
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(wide <= 0, `${name} is ${wide} px wider than the screen`);
  const { violations } = await new AxeBuilder({ page }).analyze();
  const serious = violations.filter((v) => v.impact === "serious" || v.impact === "critical");
  assert.deepEqual(serious.map((v) => `${v.id}: ${v.nodes.map((n) => `${n.target.join(" ")} ${n.any[0]?.message ?? ""}`).join(" | ")}`), [], name);
}

/** A request as the page's own person would make it. */
function call(page, method, path, body) {
  return page.evaluate(
    async ({ method, path, body }) => {
      const me = await (await fetch("/v1/me")).json();
      const res = await fetch(path, { method, headers: { "Content-Type": "application/json", "X-CSRF-Token": me.csrf }, body: body && JSON.stringify(body) });
      return res.status === 204 ? undefined : await res.json();
    },
    { method, path, body },
  );
}

describe("the console's frame", { skip }, () => {
  let server, browser;
  const faults = [];

  before(async () => {
    server = await Server.start("--demo");
    browser = await launch();
  });
  after(async () => {
    await browser?.close();
    await server?.end();
  });

  test("the way to sign in is light", async () => {
    const context = await browser.newContext();
    const page = await context.newPage();
    const sizes = [];
    page.on("requestfinished", (r) => sizes.push(r.sizes().then((s) => s.responseBodySize)));
    await page.goto(`${server.base}/sign-in`, { waitUntil: "networkidle" });
    const total = (await Promise.all(sizes)).reduce((a, b) => a + b, 0);
    assert.ok(total > 20_000 && total <= 300_000, `${total} bytes`);
    await context.close();
  });

  test("by keyboard alone: search, open what was found, the palette, the shortcuts", async () => {
    const page = await signIn(browser, server.base, { faults });
    await page.keyboard.press("/");
    await page.waitForURL(/\/search/);
    await page.keyboard.type("退货");
    await page.locator("a.row").first().waitFor();
    assert.match(await page.locator("mark").first().innerText(), /退货/);
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    await page.waitForURL(/\/(desk|knowledge)\//);
    await page.keyboard.press("Escape");
    await page.keyboard.press("Control+k");
    await page.getByRole("dialog").getByRole("combobox").fill("知识");
    await page.keyboard.press("Enter");
    await page.waitForURL(/\/knowledge/);
    await page.keyboard.press("?");
    await page.waitForURL(/\/shortcuts/);
    await page.keyboard.press("g");
    await page.keyboard.press("h");
    await page.waitForURL(/\/home/);
    await page.context().close();
  });

  test("components by keyboard alone: menu, dialog, table, long list", async () => {
    const page = await signIn(browser, server.base, { faults });
    await page.goto(`${server.base}/gallery`);
    const focused = () => page.evaluate(() => document.activeElement?.textContent?.trim());

    await page.getByRole("button", { name: "打开菜单" }).focus();
    await page.keyboard.press("Enter");
    await page.getByRole("menuitem", { name: "复制" }).waitFor();
    await page.waitForFunction(() => document.activeElement?.getAttribute("role") === "menuitem");
    await page.keyboard.press("ArrowUp");
    assert.match(await focused(), /^删除/, "up from the first goes to the last");
    await page.keyboard.press("Escape");
    await page.getByRole("menu").waitFor({ state: "hidden" });
    assert.equal(await focused(), "打开菜单", "the focus is given back");

    await page.getByRole("button", { name: "打开对话框" }).focus();
    await page.keyboard.press("Enter");
    const dialog = page.getByRole("dialog", { name: "打开对话框" });
    await dialog.waitFor();
    for (let n = 0; n < 8; n++) await page.keyboard.press("Tab");
    assert.ok(await page.evaluate(() => document.activeElement === document.body || document.activeElement?.closest("dialog")), "the focus stays in the dialog");
    await look(page, "gallery-dialog");
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "hidden" });
    assert.equal(await focused(), "打开对话框");

    const table = page.getByRole("region", { name: "表格" });
    await table.locator("tbody tr").first().focus();
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Space");
    assert.equal(await table.locator("tbody tr").nth(2).getAttribute("aria-selected"), "true");
    await page.getByText("已选 2 项").waitFor();
    await table.getByRole("button", { name: /数量/ }).press("Enter");
    assert.equal(await table.getByRole("columnheader", { name: /数量/ }).getAttribute("aria-sort"), "ascending");

    const list = page.getByRole("listbox", { name: /长列表/ });
    await list.focus();
    await page.keyboard.press("End");
    await list.getByText("x 20000").waitFor();
    assert.ok((await list.getByRole("option").count()) < 40, "only what is near is drawn");

    await page.getByRole("button", { name: "可撤销的提示" }).press("Enter");
    await page.getByRole("button", { name: "撤销", exact: true }).press("Enter");
    await page.getByText("已删除").waitFor({ state: "hidden" });
    await page.context().close();
  });

  test("the company's colour and name are worn, and stay readable", async () => {
    const page = await signIn(browser, server.base, { faults });
    const { items } = await call(page, "GET", "/v1/sites");
    const { id, updated_at, bot, key, languages, name, origins, hours, settings, zone } = items[0];
    await call(page, "PUT", `/v1/sites/${id}?base=${updated_at}`, { bot, key, languages, name, origins, hours, zone, settings: { ...settings, colour: "#ffd400" } });
    await page.goto(`${server.base}/profile`);
    await page.locator(`.brand[aria-label="${name.zh}"]`).waitFor();
    await page.waitForFunction(() => document.documentElement.style.getPropertyValue("--accent") !== "");
    await look(page, "brand");
    const now = (await call(page, "GET", "/v1/sites")).items[0];
    await call(page, "PUT", `/v1/sites/${id}?base=${now.updated_at}`, { bot, key, languages, name, origins, hours, zone, settings });
    await page.context().close();
  });

  test("a single character finds messages, and a word that nobody wrote says so", async () => {
    const page = await signIn(browser, server.base, { faults });
    await page.goto(`${server.base}/search?q=${encodeURIComponent("退")}`);
    await page.locator("a.row").first().waitFor();
    await page.getByLabel("搜索全部内容").fill("zqxzqx");
    await page.getByText("没有找到“zqxzqx”").waitFor();
    const { items } = await call(page, "GET", "/v1/contacts");
    const { name } = items.find((c) => c.name !== "");
    await page.getByLabel("搜索全部内容").fill(name);
    await page.locator("button.row", { hasText: name }).first().click();
    await page.waitForURL(/\/desk\/all\/.+/);
    await page.context().close();
  });

  test("a sign-in that ends in the middle of a sentence is renewed over the page, with the sentence", async () => {
    const page = await signIn(browser, server.base, { faults });
    await page.goto(`${server.base}/knowledge/entry`);
    await page.locator("#question").fill("写到一半的");
    // Signed out elsewhere, as by an owner who takes a lost laptop away: the socket tells the page at once.
    await call(page, "DELETE", "/v1/sessions/current");
    const again = page.getByRole("dialog", { name: "请重新登录" });
    await again.waitFor();
    await look(page, "sign-in-again");
    assert.equal(await again.getByLabel("邮箱").inputValue(), owner.email);
    await again.getByLabel("密码", { exact: false }).first().fill(owner.password);
    await page.keyboard.press("Enter");
    await again.waitFor({ state: "detached" });
    assert.equal(await page.locator("#question").inputValue(), "写到一半的");
    await page.context().close();
  });

  test("only what one may do is there, also when that changes while looking", async () => {
    const boss = await signIn(browser, server.base, { faults });
    const page = await signIn(browser, server.base, { faults, as: supervisor });
    await page.goto(`${server.base}/desk/all`);
    await page.getByRole("status", { name: "实时更新中" }).first().waitFor();
    const staff = await call(boss, "GET", "/v1/staff");
    const { id } = staff.items.find((s) => s.email === supervisor.email);
    await call(boss, "PATCH", `/v1/staff/${id}`, { roles: ["integrator"] });
    await page.getByText("你不再有权查看那个页面。").waitFor();
    await page.waitForURL(/\/knowledge/);
    assert.equal(await page.locator("nav").getByText("接待台").count(), 0);
    await page.goto(`${server.base}/knowledge/import`);
    await page.getByRole("heading", { name: "没有这个页面" }).waitFor();
    await page.keyboard.press("Control+k");
    await page.getByRole("option", { name: "知识库" }).waitFor();
    assert.equal(await page.getByRole("option", { name: "导入问答" }).count(), 0);
    await call(boss, "PATCH", `/v1/staff/${id}`, { roles: ["supervisor"] });
    await page.context().close();
    await boss.context().close();
  });

  test("agents begin at their desk", async () => {
    const page = await signIn(browser, server.base, { faults, as: agent });
    await page.waitForURL(/\/desk/);
    await page.context().close();
  });

  test("another device is signed out from the profile", async () => {
    const lost = await signIn(browser, server.base, { faults, as: agent });
    const page = await signIn(browser, server.base, { faults, as: agent });
    await page.goto(`${server.base}/profile`);
    const rows = page.locator("li", { has: page.getByRole("button", { name: "退出", exact: true }) });
    await rows.first().waitFor();
    for (let n = await rows.count(); n > 0; n--) {
      await rows.first().getByRole("button").click();
      await page.waitForFunction((left) => document.querySelectorAll("li .words + button").length < left, n);
    }
    assert.equal(await lost.evaluate(async () => (await fetch("/v1/me")).status), 401);
    await page.context().close();
    await lost.context().close();
  });

  test("a customer who begins to wait is counted and announced; a killed server is found again", async () => {
    // A browser that looks elsewhere, and notes what it would have shown.
    const page = await signIn(browser, server.base, { faults, permissions: ["notifications"] });
    await page.addInitScript(() => {
      document.hasFocus = () => false;
      window.told = [];
      window.Notification = class {
        static permission = "granted";
        constructor(title, options) {
          window.told.push([title, options.body]);
        }
      };
    });
    await page.goto(`${server.base}/profile`);
    await page.getByRole("switch", { name: "桌面通知" }).click();
    await page.getByRole("status", { name: "实时更新中" }).first().waitFor();
    await page.waitForFunction(() => /^\(\d+\)/.test(document.title));
    const before = Number(/^\((\d+)\)/.exec(await page.title())[1]);
    const c = await Customer.open(browser, server.base, { faults });
    await c.page.getByRole("button", { name: "人工", exact: true }).click();
    await page.waitForFunction((n) => document.title.startsWith(`(${n + 1})`), before);
    await page.waitForFunction(() => window.told.length > 0);
    const [title, body] = await page.evaluate(() => window.told[0]);
    assert.match(title, /在等待人工$/);
    assert.equal(body, undefined, "what was said is not shown on a desktop");
    await server.kill();
    await page.getByRole("status", { name: "连接中断，正在重连" }).first().waitFor();
    await server.up();
    await page.getByRole("status", { name: "实时更新中" }).first().waitFor({ timeout: 30_000 });
    await c.context.close();
    await page.context().close();
  });

  test("where no socket comes through, the console asks every few seconds", async () => {
    const context = await browser.newContext({ locale: "zh-CN" });
    await context.routeWebSocket(/\/v1\/staff\/socket/, (ws) => ws.close());
    const page = await context.newPage();
    await page.goto(`${server.base}/`);
    await page.locator("#email").fill(owner.email);
    await page.locator("#password").fill(owner.password);
    await page.locator("#password").press("Enter");
    await page.getByRole("status", { name: /实时连接被拦截/ }).first().waitFor({ timeout: 30_000 });
    await page.waitForFunction(() => /^\(\d+\)/.test(document.title));
    await context.close();
  });

  const looks = [
    { name: "zh-light", locale: "zh-CN", colorScheme: "light", viewport: { width: 1440, height: 900 } },
    { name: "zh-dark-phone", locale: "zh-CN", colorScheme: "dark", viewport: { width: 390, height: 844 } },
    { name: "en-light-320", locale: "en-GB", colorScheme: "light", viewport: { width: 320, height: 640 } },
  ];
  for (const { name, ...options } of looks) {
    test(`every page of the frame: ${name}`, async () => {
      const page = await signIn(browser, server.base, { faults, ...options });
      for (const [at, path, landmark] of [
        ["search", `/search?q=${encodeURIComponent("退货")}`, "a.row"],
        ["search-none", "/search?q=zqxzqx", ".state"],
        ["profile", "/profile", "li .words"],
        ["shortcuts", "/shortcuts", "kbd"],
        ["guide", "/start", ".step"],
        ...(name === "en-light-320" ? [] : [["gallery", "/gallery", ".gallery"]]),
      ]) {
        await page.goto(server.base + path);
        await page.locator(landmark).first().waitFor();
        await look(page, `${at}-${name}`);
      }
      await page.keyboard.press("Control+k");
      await page.getByRole("dialog").getByRole("combobox").waitFor();
      await look(page, `palette-${name}`);
      if (options.locale === "en-GB") {
        await page.goto(`${server.base}/profile`);
        const when = await page.locator("li time").first().getAttribute("title");
        assert.match(when ?? "", /^\d{1,2} \w+ \d{4}, \d\d:\d\d:\d\d$/, "a British reader's dates are not American");
      }
      await page.context().close();
    });
  }

  test("too many wrong passwords: it says how long to wait", async () => {
    const context = await browser.newContext({ locale: "zh-CN" });
    const page = await context.newPage();
    await page.goto(`${server.base}/sign-in`);
    await page.locator("#email").fill("nobody@example.test");
    for (let n = 0; n < 40 && (await page.getByText(/尝试次数太多/).count()) === 0; n++) {
      await page.locator("#password").fill(`wrong-password-${n}`);
      const answered = page.waitForResponse((r) => r.url().endsWith("/v1/sessions"));
      await page.locator("#password").press("Enter");
      await answered;
      await page.locator("[role=alert]").waitFor();
    }
    await page.getByText(/尝试次数太多，请 \d+ (秒|分钟)后再试/).waitFor();
    await look(page, "sign-in-limited");
    await context.close();
  });

  test("no page broke, asked a foreign host or ran against its own policy", () => {
    assert.deepEqual(faults, []);
  });
});

describe("the first day", { skip }, () => {
  test("from an empty company to the first answered customer, by the console alone", async () => {
    const server = await Server.start();
    const browser = await launch();
    const faults = [];
    try {
      const context = await browser.newContext({ locale: "zh-CN", viewport: { width: 1440, height: 900 } });
      const page = await context.newPage();
      watch(page, server.base, faults);
      await page.goto(`${server.base}/`);
      await page.locator("#company").fill("示例公司");
      await page.locator("#name").fill("示例甲");
      await page.locator("#email").fill("first@example.test");
      await page.locator("#password").fill("a-long-password-1");
      await page.locator("#password").press("Enter");
      await page.waitForURL(/\/start/);
      const step = (name) => page.locator("ol > li", { hasText: name });
      await page.getByRole("link", { name: "写一条" }).click();
      await page.locator("#question").fill("你们几点开门");
      await page.getByLabel(/答案/).fill("我们每天早上九点开门，晚上六点关门。");
      await page.getByRole("button", { name: "保存" }).click();
      await page.waitForURL(/\/knowledge/);
      await page.goto(`${server.base}/start`);
      await page.getByLabel("网站地址").fill("www.example.com");
      await page.getByRole("button", { name: "保存" }).click();
      await step("填写网站地址").locator(".sign svg").waitFor();
      assert.match(await step("填写网站地址").innerText(), /https:\/\/www\.example\.com/);
      if ((await step("人工服务时间").locator(".sign svg").count()) === 0) {
        await step("人工服务时间").locator(".step").click();
        await page.getByRole("button", { name: /周一到周五/ }).click();
        await step("人工服务时间").locator(".sign svg").waitFor();
      }
      await look(page, "guide-half");
      await step("试一试").locator(".step").click();
      await page.getByLabel("顾客会怎么问？").fill("几点开门");
      await page.getByRole("button", { name: "问", exact: true }).click();
      await page.locator(".answer").getByText("九点开门").waitFor();
      await page.getByRole("link", { name: "打开试用页" }).click();

      const widget = page.locator("frontdesk-widget");
      await widget.locator(".launcher").click();
      await widget.locator("textarea").fill("几点开门");
      await widget.locator("textarea").press("Enter");
      await widget.getByText("九点开门").waitFor({ timeout: 15_000 });
      await look(page, "try");
      await page.keyboard.press("Escape");
      await page.getByRole("link", { name: "回到入门指南" }).click();
      await page.getByRole("heading", { name: "准备好了，可以接待顾客了" }).waitFor({ timeout: 20_000 });
      await look(page, "guide-done");
      assert.deepEqual(faults, []);
    } finally {
      await browser.close();
      await server.end();
    }
  });
});
