// The desk as people work at it: an agent without a mouse, two agents and one customer, rules that hold a message back,
// drafts that outlive everything, a line that is cut and a server that is killed.
import { AxeBuilder } from "@axe-core/playwright";
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Customer, launch, owner, Server, signIn, skip } from "./harness.mjs";

const agent = { email: "agent@example.test", password: "demo-agent-2468", name: "溪小满" };
const agent2 = { email: "agent2@example.test", password: "demo-agent2-2468", name: "木青柠" };

const box = (page) => page.locator(".compose textarea");
const said = (page, who, text) => page.locator(`.log .msg.${who}`).getByText(text, { exact: true });

/** The texts of one kind in a conversation at the desk, in order. */
const texts = (page, who) => page.locator(`.log .msg.${who} .said`).allInnerTexts();

/** Takes the conversation that is open. Until it is one's own, what is written is a note. */
async function take(page) {
  await page.locator(".take").click();
  await page.locator('.modes button[aria-pressed="true"]', { hasText: "回复" }).waitFor();
}

/** A customer who waits for a person. */
async function waiting(browser, base, question, faults) {
  const c = await Customer.open(browser, base, { faults });
  await c.ask(question);
  await c.page.getByRole("button", { name: "人工", exact: true }).click();
  await c.page.waitForTimeout(300);
  return c;
}

describe("at the desk", { skip }, () => {
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

  test("an agent finds, takes, replies, notes, hands back and closes without a mouse", async () => {
    const c = await waiting(browser, server.base, "保修期多久", faults);
    const page = await signIn(browser, server.base, { faults, as: agent });
    await page.evaluate(() => addEventListener("pointerdown", () => (window.pressed = true), true));
    const keys = page.keyboard;
    await keys.press("g");
    await keys.press("d");
    await page.locator(`[id="row-${c.conversation}"]`).waitFor({ timeout: 15_000 });
    for (let n = 0; n < 30 && !page.url().includes(c.conversation); n++) {
      await keys.press("j");
      await page.waitForURL(/\/desk\/waiting\/.+/);
      await page.waitForTimeout(50);
    }
    await said(page, "customer", "保修期多久").first().waitFor();
    await keys.press("t");
    await page.waitForURL(`**/desk/mine/${c.conversation}*`);
    await page.waitForFunction(() => document.activeElement?.matches(".compose textarea"));
    await keys.type("您好，我来帮您看。");
    await keys.press("Enter");
    await c.from("agent").getByText("我来帮您看").waitFor({ timeout: 10_000 });
    await said(page, "agent", "您好，我来帮您看。").waitFor();

    await keys.press("Escape");
    await keys.press("n");
    await keys.type("老顾客，语气客气些");
    await keys.press("Enter");
    await said(page, "note", "老顾客，语气客气些").waitFor();
    assert.equal(await c.page.getByText("老顾客").count(), 0, "notes are for colleagues only");

    await keys.press("Escape");
    await keys.press("w");
    const trace = page.getByRole("dialog", { name: "这条回答是怎么来的" });
    await trace.getByRole("heading", { name: "顾客说" }).waitFor();
    await keys.press("Escape");
    await trace.waitFor({ state: "hidden" });

    await keys.press("b");
    await c.status.getByText("智能助手在线").waitFor({ timeout: 10_000 });
    await c.page.getByRole("button", { name: "人工", exact: true }).click();
    await page.locator(".hold.queue").waitFor({ timeout: 10_000 });
    await keys.press("t");
    await page.waitForFunction(() => document.activeElement?.matches(".compose textarea"));
    await keys.press("Escape");
    await keys.press("e");
    await page.getByRole("dialog").waitFor();
    await keys.press("Tab");
    await keys.press("Enter");
    await page.locator(".hold.closed").waitFor({ timeout: 10_000 });
    assert.equal(await page.evaluate(() => window.pressed), undefined, "no button of a mouse was pressed");
    await page.context().close();
    await c.context.close();
  });

  test("two agents and a customer: who looks, who types, and only one of two takes it", async () => {
    const c = await waiting(browser, server.base, "怎么申请维修", faults);
    const a = await signIn(browser, server.base, { faults, as: agent });
    const b = await signIn(browser, server.base, { faults, as: agent2 });
    for (const page of [a, b]) {
      await page.goto(`${server.base}/desk/waiting/${c.conversation}`);
      await page.locator(".take").waitFor();
    }
    await a.getByText(`${agent2.name} 也在看`).waitFor({ timeout: 10_000 });
    await b.getByText(`${agent.name} 也在看`).waitFor({ timeout: 10_000 });

    await Promise.all([a.keyboard.press("t"), b.keyboard.press("t")]);
    const got = (page) => page.locator('.modes button[aria-pressed="true"]', { hasText: "回复" });
    await Promise.race([got(a).waitFor(), got(b).waitFor()]);
    const [winner, loser, name] = (await got(a).count()) > 0 ? [a, b, agent.name] : [b, a, agent2.name];
    await loser.getByText(`${name} 先接入了这个会话`).waitFor({ timeout: 10_000 });
    await loser.locator(".hold.agent").getByText(`${name} 正在接待`).waitFor();
    assert.equal(await got(loser).count(), 0, "the other cannot reply");
    assert.equal(await loser.locator(".take").count(), 0, "nor take it from a colleague");

    await c.box.pressSequentially("还有");
    await winner.getByText("顾客正在输入").waitFor({ timeout: 10_000 });
    await c.box.press("Enter");
    await said(winner, "customer", "还有").waitFor({ timeout: 10_000 });
    await box(winner).pressSequentially("好的，请稍等");
    await loser.getByText(`${name}（正在输入） 也在看`).waitFor({ timeout: 10_000 });
    await winner.keyboard.press("Enter");
    await said(loser, "agent", "好的，请稍等").waitFor({ timeout: 10_000 });
    await box(loser).fill("我来跟进后续");
    await box(loser).press("Enter");
    await said(winner, "note", "我来跟进后续").waitFor({ timeout: 10_000 });
    for (const x of [a, b, c.page]) await x.context().close();
  });

  test("a reply that a rule forbids is held, with the rule's words, and goes when they are gone", async () => {
    const c = await waiting(browser, server.base, "可以开发票吗", faults);
    const page = await signIn(browser, server.base, { faults, as: agent });
    await page.goto(`${server.base}/desk/waiting/${c.conversation}`);
    await take(page);
    await box(page).fill("您私下转账给我就行");
    await box(page).press("Enter");
    await page.locator(".held mark").getByText("私下转账").waitFor({ timeout: 10_000 });
    assert.equal(await box(page).inputValue(), "您私下转账给我就行", "nothing of it is lost");
    assert.equal(await c.from("agent").count(), 0);
    await box(page).fill("您可以对公转账");
    assert.equal(await page.locator(".held").count(), 0);
    await box(page).press("Enter");
    await c.from("agent").getByText("对公转账").waitFor({ timeout: 10_000 });
    await page.context().close();
    await c.context.close();
  });

  test("a draft outlives a reload, signing out, and the right to send it", async () => {
    const c = await waiting(browser, server.base, "怎么换货", faults);
    const page = await signIn(browser, server.base, { faults, as: agent2 });
    await page.goto(`${server.base}/desk/waiting/${c.conversation}`);
    await take(page);
    const words = "您好，换货请先";
    await box(page).fill(words);
    await page.reload();
    await page.waitForFunction((w) => document.querySelector(".compose textarea")?.value === w, words);

    // The sign-in ends in mid-sentence; the page stays, and goes on after signing in over it.
    await box(page).pressSequentially("登录");
    await page.context().clearCookies();
    await box(page).press("Enter");
    const again = page.getByRole("dialog");
    await again.locator("input[type=password]").fill(agent2.password);
    await again.locator("input[type=password]").press("Enter");
    await c.from("agent").getByText(`${words}登录`).waitFor({ timeout: 15_000 });

    await box(page).fill(words);
    const boss = await signIn(browser, server.base, { faults, as: owner });
    const roles = (list) =>
      boss.evaluate(
        async ([email, roles]) => {
          const get = async (path) => (await fetch(path)).json();
          const { csrf } = await get("/v1/me");
          const who = (await get("/v1/staff")).items.find((s) => s.email === email);
          const res = await fetch(`/v1/staff/${who.id}`, { method: "PATCH", headers: { "Content-Type": "application/json", "X-CSRF-Token": csrf }, body: JSON.stringify({ roles }) });
          return res.status;
        },
        [agent2.email, list],
      );
    assert.ok((await roles(["analyst"])) < 300);
    await box(page).press("Enter");
    await page.getByText("你的草稿还在").waitFor({ timeout: 15_000 });
    assert.equal(await box(page).count(), 0, "who may not answer has no box to answer in");
    assert.ok((await roles(["agent"])) < 300);
    await page.reload();
    await page.waitForFunction((w) => document.querySelector(".compose textarea")?.value === w, words);
    for (const x of [page, boss, c.page]) await x.context().close();
  });

  test("whatever a customer sends is shown as text, and what could run is a download", async () => {
    const c = await waiting(browser, server.base, "你好", faults);
    const word = "啊".repeat(1999) + "x".repeat(2001);
    await c.type(word);
    await c.type("<script>document.title='x'</script> مرحبا 👩‍👩‍👧‍👦");
    await c.page.locator("frontdesk-widget input[type=file]").setInputFiles({ name: "<b>logo</b>.svg", mimeType: "image/svg+xml", buffer: Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"><script>document.title="x"</script></svg>') });
    await c.page.getByRole("button", { name: "发送", exact: true }).click();
    const page = await signIn(browser, server.base, { faults, as: agent });
    await page.goto(`${server.base}/desk/waiting/${c.conversation}`);
    await page.locator(".folded.bot").click();
    await said(page, "customer", word).waitFor({ timeout: 15_000 });
    await page.locator(".log").getByText("<script>document.title").waitFor();
    const file = page.locator(".log a.file");
    await file.waitFor({ timeout: 15_000 });
    assert.ok((await file.getAttribute("download")) !== null, "an SVG is downloaded");
    assert.equal(await page.locator(".log .picture").count(), 0);
    assert.ok(await page.locator(".log").evaluate((el) => el.scrollWidth <= el.clientWidth), "nothing is wider than the conversation");
    assert.match(await page.title(), /Frontdesk/);
    await page.context().close();
    await c.context.close();
  });

  test("a picture goes to the customer and opens large", async () => {
    const c = await waiting(browser, server.base, "在吗", faults);
    const page = await signIn(browser, server.base, { faults, as: agent });
    await page.goto(`${server.base}/desk/waiting/${c.conversation}`);
    await take(page);
    await page.locator(".compose input[type=file]").setInputFiles({ name: "步骤.png", mimeType: "image/png", buffer: await c.page.screenshot() });
    await page.locator(".compose .files img").waitFor();
    await page.locator(".compose .files").getByText(/kB|KB|MB/).waitFor({ timeout: 10_000 });
    await page.getByRole("button", { name: "发送", exact: true }).click();
    await c.from("agent").locator("img").waitFor({ timeout: 10_000 });
    await page.locator(".log .picture").click();
    const large = page.locator("dialog .stage img");
    await large.waitFor();
    assert.ok(await large.evaluate((i) => i.naturalWidth > 0));
    await page.keyboard.press("Escape");
    await large.waitFor({ state: "hidden" });
    await page.context().close();
    await c.context.close();
  });

  test("one's own words are edited and withdrawn, and a sealed value opens for a reason", async () => {
    const c = await waiting(browser, server.base, "我的手机号是 13800138000", faults);
    const page = await signIn(browser, server.base, { faults, as: owner });
    await page.goto(`${server.base}/desk/waiting/${c.conversation}`);
    assert.equal(await page.getByText("13800138000").count(), 0);
    await take(page);
    await page.locator(".sealed").first().click();
    const sealed = page.getByRole("dialog", { name: "查看密封信息" });
    await sealed.getByLabel("查看理由").fill("核对来电顾客的身份");
    await sealed.getByRole("button", { name: "查看", exact: true }).click();
    await page.waitForFunction(() => document.querySelector("dialog .copy input")?.value === "13800138000");
    await page.keyboard.press("Escape");

    await box(page).fill("明天到");
    await box(page).press("Enter");
    const mine = page.locator(".log .msg.agent");
    await mine.waitFor();
    await mine.hover();
    await mine.getByRole("button", { name: "修改" }).click();
    await page.getByRole("dialog").getByLabel("内容").fill("后天到");
    await page.getByRole("button", { name: "保存" }).click();
    await c.from("agent").getByText("后天到").waitFor({ timeout: 10_000 });
    await mine.getByText("已修改").waitFor();
    await mine.hover();
    await mine.getByRole("button", { name: "撤回" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "撤回" }).click();
    await mine.getByText("此消息已撤回").waitFor({ timeout: 10_000 });
    await c.page.waitForFunction(() => !document.querySelector("frontdesk-widget")?.shadowRoot?.textContent?.includes("后天到"));
    await page.context().close();
    await c.context.close();
  });

  test("through a cut line and a killed server, customer and agent miss nothing", async () => {
    const c = await waiting(browser, server.base, "什么时候发货", faults);
    const page = await signIn(browser, server.base, { faults, as: agent });
    await page.goto(`${server.base}/desk/waiting/${c.conversation}`);
    await take(page);
    const say = async (text) => {
      await box(page).fill(text);
      await box(page).press("Enter");
    };
    await say("一");
    await c.from("agent").getByText("一", { exact: true }).waitFor({ timeout: 10_000 });

    // The agent's line is cut: both go on writing.
    await page.context().setOffline(true);
    await page.getByText("离线").first().waitFor({ timeout: 15_000 });
    await say("二");
    await c.type("甲");
    await page.locator(".own").getByText("发送中").waitFor();
    await page.context().setOffline(false);
    await said(page, "customer", "甲").waitFor({ timeout: 30_000 });
    await c.from("agent").getByText("二", { exact: true }).waitFor({ timeout: 30_000 });

    // The power goes: both go on writing, and the agent reloads the page in between.
    await server.kill();
    await say("三");
    await c.type("乙");
    await server.up();
    await said(page, "customer", "乙").waitFor({ timeout: 30_000 });
    await c.from("agent").getByText("三", { exact: true }).waitFor({ timeout: 30_000 });
    await said(page, "agent", "三").waitFor({ timeout: 30_000 });

    assert.deepEqual(await texts(page, "agent"), ["一", "二", "三"], "each of the agent's once, in order");
    assert.deepEqual((await texts(page, "customer")).slice(-2), ["甲", "乙"]);
    assert.deepEqual((await c.transcript()).filter(([who]) => who === "agent").map(([, text]) => text), ["一", "二", "三"]);
    await page.reload();
    await said(page, "agent", "三").waitFor();
    assert.deepEqual(await texts(page, "agent"), ["一", "二", "三"], "a reload shows the same");
    await page.context().close();
    await c.context.close();
  });

  test("a list keeps its filters in the address and holds still under the pointer", async () => {
    const page = await signIn(browser, server.base, { faults, as: agent });
    await page.goto(`${server.base}/desk/all`);
    await page.locator('[role="option"]').first().waitFor();
    await page.getByRole("button", { name: "筛选" }).click();
    await page.getByLabel("语言").selectOption("en");
    await page.waitForURL(/language=en/);
    await page.keyboard.press("Escape");
    await page.reload();
    await page.getByRole("button", { name: "取消筛选：英文" }).click();
    await page.waitForURL((u) => !u.search.includes("language"));

    const rows = () => page.locator('[role="option"]').evaluateAll((all) => all.slice(0, 5).map((r) => r.id));
    await page.locator('[role="option"]').nth(1).hover();
    const before = await rows();
    const c = await Customer.open(browser, server.base, { faults });
    await c.ask("你好");
    const fresh = page.getByRole("button", { name: "1 个新会话" });
    await fresh.waitFor({ timeout: 10_000 });
    assert.deepEqual(await rows(), before, "nothing moved under the hand");
    await fresh.click();
    assert.equal((await rows())[0], `row-${c.conversation}`);
    await page.context().close();
    await c.context.close();
  });

  test("each answer says why, in every look without anything serious for axe", async () => {
    const c = await waiting(browser, server.base, "运费谁承担呢", faults);
    for (const look of [
      { locale: "zh-CN", colorScheme: "light", viewport: { width: 1440, height: 900 } },
      { locale: "en-GB", colorScheme: "dark", viewport: { width: 390, height: 844 } },
    ]) {
      const page = await signIn(browser, server.base, { faults, as: agent, ...look });
      const serious = async (where) => {
        await page.waitForTimeout(300);
        const { violations } = await new AxeBuilder({ page }).analyze();
        assert.deepEqual(violations.filter((v) => ["serious", "critical"].includes(v.impact)).map((v) => `${v.id}: ${v.nodes.map((n) => n.target.join(" ")).join(" | ")}`), [], where);
      };
      await page.goto(`${server.base}/desk/all/${c.conversation}`);
      await page.locator(".log .msg.bot").first().waitFor();
      await serious("a conversation");
      const why = page.locator(".log .msg.bot").filter({ has: page.locator(".sources, .choices") }).first();
      await why.hover();
      await why.locator(".acts button").first().click();
      await page.locator(".candidates .bar").first().waitFor();
      await page.locator(".candidates .question").first().click();
      await page.locator(".candidates .answer").first().waitFor();
      await page.locator(".again button").click();
      await page.locator('[role="status"] .tag.good').waitFor({ timeout: 10_000 });
      await serious("its trace");
      await page.context().close();
    }
    await c.context.close();
  });

  test("no page broke, asked a foreign host or ran against its own policy", () => {
    assert.deepEqual(faults, []);
  });
});
