// The owner's pages: a company set up by the console alone, its people, sites, keys and webhooks, and a home page whose
// numbers open what they count.
import { AxeBuilder } from "@axe-core/playwright";
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { Customer, launch, screens, Server, signIn, skip, watch } from "./harness.mjs";

const script = '<img src=x onerror="document.title=1">';

async function look(page, name) {
  await page.waitForTimeout(250); // the last of the motion
  await page.screenshot({ path: join(screens, `${name}.png`) });
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(wide <= 0, `${name} is ${wide} px wider than the screen`);
  const { violations } = await new AxeBuilder({ page }).analyze();
  const serious = violations.filter((v) => v.impact === "serious" || v.impact === "critical");
  assert.deepEqual(serious.map((v) => `${v.id}: ${v.nodes.map((n) => `${n.target.join(" ")} ${n.any[0]?.message ?? ""}`).join(" | ")}`), [], name);
}

describe("an owner, from an empty company to the first answered customer", { skip }, () => {
  test("by the console alone: names, colour, site, hours, a file, a colleague, a customer, and the number that counts them", async () => {
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
      for (const [name, path, landmark] of [["home", "/home", ".tile"], ["unanswered", "/knowledge/unanswered", ".state"], ["keys", "/settings/keys", ".state"], ["webhooks", "/settings/webhooks", ".state"]]) {
        await page.goto(server.base + path);
        await page.locator(landmark).first().waitFor();
        await look(page, `owner-empty-${name}`);
      }

      await page.goto(`${server.base}/settings/company`);
      await page.getByLabel("公司名称 (中文)").fill("示例电器");
      await page.getByLabel("主色").last().fill("#ffd23f");
      await page.getByText("这个颜色偏浅，文字会自动加深").waitFor();
      await page.getByRole("button", { name: "保存" }).click();
      await page.getByText("已保存").first().waitFor();

      await page.getByRole("link", { name: "站点", exact: true }).click();
      await page.locator(".site").first().click();
      await page.getByLabel("允许的网站").fill("www.example.com\nnonsense");
      await page.getByText("这不是网址：nonsense").waitFor();
      await page.getByLabel("允许的网站").fill("www.example.com");
      await page.getByLabel("欢迎语 (中文)").fill(`您好 ${script}`);
      const monday = page.locator(".week li").first();
      for (let n = await monday.getByRole("button", { name: "删掉这一段" }).count(); n > 0; n--) await monday.getByRole("button", { name: "删掉这一段" }).first().click();
      await monday.getByRole("button", { name: /加一段/ }).click();
      await monday.getByLabel("周一 开始").fill("09:00");
      await monday.getByLabel("周一 结束").fill("12:00");
      await monday.getByRole("button", { name: /加一段/ }).click();
      assert.equal(await monday.getByLabel("周一 开始").nth(1).inputValue(), "13:00", "a second shift after a break");
      await monday.getByRole("button", { name: /用到每天/ }).click();
      await page.getByRole("button", { name: "添加日期" }).click();
      await page.getByLabel("第一天").fill("2027-02-05");
      await page.getByLabel("最后一天").fill("2027-02-12");
      await page.getByLabel("名称 (中文)").fill("春节");
      await look(page, "owner-site");
      await page.getByRole("button", { name: "保存" }).click();
      await page.getByText("一秒内在网站上生效").waitFor();
      await page.reload();
      await page.getByLabel("允许的网站").waitFor();
      assert.equal(await page.getByLabel("允许的网站").inputValue(), "https://www.example.com");
      assert.equal(await page.getByLabel("周日 开始").count(), 2);
      assert.equal(await page.getByLabel("名称 (中文)").inputValue(), "春节");

      await page.goto(`${server.base}/knowledge/import`);
      await page.locator("input[type=file]").setInputFiles({ name: "问答.csv", mimeType: "text/csv", buffer: Buffer.from("问题,答案\n你们几点开门,我们每天早上九点开门。\n可以刷卡吗,可以。\n") });
      await page.getByRole("button", { name: "先试跑" }).click();
      await page.getByRole("button", { name: "导入 2 条" }).click({ timeout: 20_000 });
      await page.getByRole("button", { name: "撤销这次导入" }).waitFor({ timeout: 20_000 });

      await page.goto(`${server.base}/try`);
      const widget = page.locator("frontdesk-widget");
      await widget.locator(".launcher").click();
      await widget.getByText("您好 <img src=x").waitFor();
      await widget.locator("textarea").fill("几点开门");
      await widget.locator("textarea").press("Enter");
      await widget.getByText("早上九点开门").waitFor({ timeout: 15_000 });
      assert.notEqual(await page.title(), "1");

      await page.goto(`${server.base}/home`);
      const tile = page.locator(".tile", { hasText: "机器人答复" });
      await tile.locator("b", { hasText: "1" }).waitFor({ timeout: 40_000 });
      await look(page, "owner-first-answer");
      await tile.click();
      await page.waitForURL(/\/desk\/all\?figure=answered/);
      await page.locator(".row").first().waitFor();
      assert.equal(await page.locator(".row").count(), 1, "the number opens the one conversation that it counts");
      assert.deepEqual(faults, []);
    } finally {
      await browser.close();
      await server.end();
    }
  });
});

describe("settings and home", { skip }, () => {
  let server, browser, receiver;
  const faults = [];
  const got = [];
  let answer = 200;

  before(async () => {
    receiver = createServer((req, res) => {
      let body = "";
      req.on("data", (chunk) => (body += chunk));
      req.on("end", () => {
        got.push({ headers: req.headers, body: JSON.parse(body) });
        res.writeHead(answer).end();
      });
    });
    await new Promise((done) => receiver.listen(0, "127.0.0.1", done));
    server = await Server.start("--demo", "--set", "outbound.allow=127.0.0.1");
    browser = await launch();
  });
  after(async () => {
    receiver?.close();
    await browser?.close();
    await server?.end();
  });

  test("a colleague gets names, roles and a password that is told once, and is kept out again", async () => {
    const page = await signIn(browser, server.base, { faults });
    await page.goto(`${server.base}/settings/staff`);
    await page.getByRole("button", { name: "添加同事" }).click();
    const drawer = page.getByRole("dialog", { name: "添加同事" });
    await drawer.getByLabel("姓名").fill(`示例乙${script}`);
    await drawer.getByLabel("邮箱").fill("colleague@example.test");
    await drawer.getByLabel("顾客看到的名字 (英文)").fill("Sample Two");
    await drawer.getByLabel("知识运营").check();
    await look(page, "owner-hire");
    await drawer.getByRole("button", { name: "创建" }).click();
    const password = await drawer.getByLabel("初始密码").inputValue();
    assert.match(password, /^(\w{4}-){3}\w{4}$/);
    await drawer.getByRole("button", { name: "我已保存" }).click();
    await page.locator("tbody tr", { hasText: "示例乙<img" }).first().waitFor();
    assert.notEqual(await page.title(), "1");
    const colleague = await signIn(browser, server.base, { faults, as: { email: "colleague@example.test", password } });
    await page.locator("tbody tr", { hasText: "colleague@example.test" }).click();
    const edit = page.getByRole("dialog", { name: /示例乙/ });
    assert.equal(await edit.getByLabel("顾客看到的名字 (英文)").inputValue(), "Sample Two");
    await edit.getByRole("button", { name: "停用" }).click();
    await page.getByText("不能再登录").waitFor();
    assert.equal(await colleague.evaluate(async () => (await fetch("/v1/me")).status), 401);
    await page.getByRole("button", { name: "撤销" }).click();
    await page.locator("tbody tr", { hasText: "colleague@example.test" }).getByText("可登录").waitFor();
    await colleague.context().close();
    await page.context().close();
  });

  test("a key is shown once, does what it may, and is revoked after one question", async () => {
    const page = await signIn(browser, server.base, { faults });
    await page.goto(`${server.base}/settings/keys`);
    await page.getByRole("button", { name: "新建密钥" }).click();
    await page.getByLabel("用途").fill("同步系统");
    await page.getByLabel(/看知识库/).check();
    await page.getByRole("button", { name: "创建" }).click();
    const key = await page.getByRole("dialog").locator("input.code").inputValue();
    await look(page, "owner-key");
    await page.getByRole("button", { name: "我已保存" }).click();
    const ask = async (path) => (await fetch(server.base + path, { headers: { Authorization: `Bearer ${key}` } })).status;
    assert.deepEqual([await ask("/v1/knowledge"), await ask("/v1/staff")], [200, 403]);
    await page.locator("tbody tr", { hasText: "同步系统" }).getByRole("button", { name: "吊销" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "吊销" }).click();
    await page.getByText("已吊销").first().waitFor();
    assert.equal(await ask("/v1/knowledge"), 401);
    await page.context().close();
  });

  test("a webhook is tested, its failures are seen and sent again, its secret replaced", async () => {
    const page = await signIn(browser, server.base, { faults });
    await page.goto(`${server.base}/settings/webhooks`);
    await page.getByRole("button", { name: "新建 Webhook 地址" }).click();
    await page.getByLabel("接收地址").fill(`http://127.0.0.1:${receiver.address().port}/hook`);
    await page.getByLabel("conversation.opened").check();
    await page.getByRole("button", { name: "创建" }).click();
    const secret = await page.getByRole("dialog").locator("input.code").inputValue();
    await page.getByRole("button", { name: "我已保存" }).click();
    await page.getByRole("button", { name: "发送测试事件" }).click();
    const row = page.locator("tbody tr", { hasText: "webhook.test" });
    await row.getByText("已送达").waitFor({ timeout: 15_000 });
    assert.equal(got[0].body.type, "webhook.test");
    assert.equal(got[0].headers["frontdesk-signature"].split("v1=").length, 2, "signed by one secret");
    answer = 410; // never again: the delivery fails at once
    await row.getByRole("button", { name: "重新投递" }).click();
    await row.getByText("失败").waitFor({ timeout: 15_000 });
    await look(page, "owner-webhook");
    answer = 200;
    await row.getByRole("button", { name: "重新投递" }).click();
    await row.getByText("已送达").waitFor({ timeout: 15_000 });
    await page.getByRole("button", { name: "更换签名密钥" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "更换签名密钥" }).click();
    const fresh = page.locator("input.code");
    await fresh.waitFor();
    assert.notEqual(await fresh.inputValue(), secret);
    await page.getByRole("button", { name: "发送测试事件" }).click();
    await row.nth(1).waitFor();
    await row.first().getByText("已送达").waitFor({ timeout: 15_000 });
    assert.equal(got.at(-1).headers["frontdesk-signature"].split("v1=").length, 3, "for a while signed by both");
    await page.context().close();
  });

  test("the identity secret is replaced after one question and shown once", async () => {
    const page = await signIn(browser, server.base, { faults });
    await page.goto(`${server.base}/settings/sites/demo`);
    await page.getByRole("button", { name: "生成新密钥" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "生成新密钥" }).click();
    await page.getByText("只显示这一次").waitFor();
    await page.reload();
    await page.getByRole("button", { name: "生成新密钥" }).waitFor();
    assert.equal(await page.getByText("只显示这一次").count(), 0);
    await page.context().close();
  });

  test("each number of the home page opens what it counts", async () => {
    const c = await Customer.open(browser, server.base, { faults });
    await c.ask("怎么退货");
    const page = await signIn(browser, server.base, { faults });
    const home = await page.evaluate(async () => (await fetch(`/v1/home?zone=${Intl.DateTimeFormat().resolvedOptions().timeZone}`)).json());
    for (const end of ["confirmed", "assumed", "left"]) {
      await page.goto(`${server.base}/home`);
      const link = page.locator("a.end").nth(["confirmed", "assumed", "left"].indexOf(end));
      await link.waitFor();
      const said = Number((await link.locator("b").innerText()).replaceAll(",", ""));
      assert.equal(said, home.days.reduce((n, d) => n + d.ended[end], 0));
      await link.click();
      await page.waitForURL(new RegExp(`figure=${end}`));
      await page.locator(".row").first().waitFor();
    }
    await page.goto(`${server.base}/home`);
    const cell = page.locator("td.some").first();
    await cell.click();
    await page.waitForURL(/weekday=\d&hour=\d+/);
    await page.locator(".row").first().waitFor();
    await page.goto(`${server.base}/home`);
    await page.locator(".tile", { hasText: "系统状态" }).click();
    await page.getByRole("dialog", { name: "系统状态" }).getByText("数据库").waitFor();
    await look(page, "owner-state");
    await page.context().close();
    await c.context.close();
  });

  const looks = [
    { name: "zh-light", locale: "zh-CN", colorScheme: "light", viewport: { width: 1440, height: 900 } },
    { name: "en-dark", locale: "en-GB", colorScheme: "dark", viewport: { width: 1280, height: 720 } },
    { name: "zh-dark-phone", locale: "zh-CN", colorScheme: "dark", viewport: { width: 390, height: 844 } },
    { name: "en-light-320", locale: "en-GB", colorScheme: "light", viewport: { width: 320, height: 640 } },
  ];
  for (const { name, ...options } of looks) {
    test(`every page of settings, and home: ${name}`, async () => {
      const page = await signIn(browser, server.base, { faults, ...options });
      for (const [at, path, landmark] of [
        ["home", "/home", "td.some"],
        ["company", "/settings/company", ".chat"],
        ["sites", "/settings/sites", ".site"],
        ["site", "/settings/sites/demo", ".week"],
        ["staff", "/settings/staff", "tbody tr"],
        ["keys", "/settings/keys", "tbody tr, .state"],
        ["webhooks", "/settings/webhooks", ".hook, .state"],
      ]) {
        await page.goto(server.base + path);
        await page.locator(landmark).first().waitFor();
        await look(page, `owner-${at}-${name}`);
      }
      await page.context().close();
    });
  }

  test("no page broke, asked a foreign host or ran against its own policy", () => {
    assert.deepEqual(faults, []);
  });
});
