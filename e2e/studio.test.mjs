// The analyst's pages: from a question nobody could answer to a published wording, two people in one entry, a file that
// comes in and goes out again, and every page looked at.
import { AxeBuilder } from "@axe-core/playwright";
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { Customer, launch, screens, Server, signIn, skip } from "./harness.mjs";

const analyst = { email: "analyst@example.test", password: "demo-analyst-2468" };
const script = '<img src=x onerror="document.title=1"><script>document.title=1</script>';

async function look(page, name) {
  await page.waitForTimeout(250); // the last of the motion
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

describe("knowledge, by an analyst", { skip }, () => {
  let server, browser;
  const faults = [];

  before(async () => {
    server = await Server.start("--demo");
    browser = await launch();
    const boss = await signIn(browser, server.base);
    await call(boss, "POST", "/v1/staff", { name: "示例丁", ...analyst, roles: ["analyst"] });
    await boss.context().close();
  });
  after(async () => {
    await browser?.close();
    await server?.end();
  });
  const begin = (options = {}) => signIn(browser, server.base, { faults, as: analyst, ...options });

  test("an unanswered question becomes a wording, and the next customer who asks it is answered", async (t) => {
    const asked = "洗衣机甩出来的衣裳皱巴巴湿答答咋整";
    const c = await Customer.open(browser, server.base, { faults });
    const before = await c.ask(asked);
    assert.equal(await before.locator(".sources").count(), 0, await before.innerText());

    const page = await begin();
    await page.goto(`${server.base}/knowledge/unanswered?sort=latest&group=0`);
    const row = page.getByRole("option", { name: asked });
    await row.waitFor({ timeout: 15_000 });
    await row.click();
    await page.locator(".detail h2", { hasText: asked }).waitFor();
    await page.getByPlaceholder("找别的问答").fill("洗衣机脱水");
    const entry = page.locator("li.near", { hasText: "脱水时声音很大" }).last();
    await entry.waitFor();
    const began = Date.now();
    await entry.getByRole("button", { name: "加为它的问法" }).click();
    await page.getByText(/已加入“洗衣机脱水时声音很大/).waitFor();
    const second = await Customer.open(browser, server.base, { faults });
    const answer = await second.ask(asked);
    t.diagnostic(`from the press to a new customer's answer, opening the shop included: ${Date.now() - began} ms`);
    assert.equal(await answer.locator("summary").count(), 1, await answer.innerText());
    assert.match(await answer.innerText(), /运输螺栓/);

    // It is settled, by that entry; and the press can be taken back.
    assert.equal(await row.count(), 0);
    await page.getByRole("link", { name: "已解决" }).click();
    await page.getByRole("option", { name: asked }).click();
    await page.getByRole("link", { name: "看解决它的问答" }).waitFor();
    await page.getByRole("button", { name: "重新打开" }).click();
    await page.getByText("已重新打开").waitFor();
    for (const x of [page.context(), c.context, second.context]) await x.close();
  });

  test("an unanswered question becomes an entry, which shows beforehand what it changes", async () => {
    const asked = "量子纠缠的贝尔不等式如何推导";
    const c = await Customer.open(browser, server.base, { faults });
    await c.ask(asked);
    const page = await begin();
    await page.goto(`${server.base}/knowledge/unanswered?sort=latest&group=0`);
    await page.getByRole("option", { name: asked }).click();
    await page.getByRole("button", { name: "写成新问答" }).click();
    assert.equal(await page.locator("#question").inputValue(), asked);
    await page.locator("#answer").fill("这个问题请找物理老师，我们只懂家电。");
    const effect = page.locator("aside section");
    await effect.getByText("1 个变好").waitFor({ timeout: 15_000 });
    assert.match(await effect.innerText(), new RegExp(asked));
    await look(page, "entry-effect");
    await page.getByRole("button", { name: "保存" }).click();
    await page.getByText("问题已标为解决").waitFor();
    assert.match(await (await c.ask(asked)).innerText(), /物理老师/);
    await page.context().close();
    await c.context.close();
  });

  test("two editors: the second sees both versions, and nothing of either is lost", async () => {
    const [a, b] = [await begin(), await signIn(browser, server.base, { faults })];
    const path = `${server.base}/knowledge/entry/return-shipping-fee`;
    for (const page of [a, b]) {
      await page.goto(path);
      await page.locator("#question").waitFor();
    }
    await b.locator("#answer").fill("质量问题我们出运费，其他情况由您承担。");
    await b.getByRole("button", { name: "添加问法" }).click();
    await b.keyboard.type("寄回来谁掏钱");
    await b.getByRole("button", { name: "保存" }).click();
    await b.getByText("已保存，机器人马上会用").waitFor();

    await a.getByRole("button", { name: "添加问法" }).click();
    await a.keyboard.type("退货邮费归谁");
    await a.getByLabel("分类").fill("退换");
    await a.getByRole("button", { name: "保存" }).click();
    const dialog = a.getByRole("dialog", { name: "这条问答被别人改过" });
    await dialog.waitFor();
    await look(a, "entry-conflict");
    assert.match(await dialog.innerText(), /云若杉/, "who was faster");
    assert.match(await dialog.innerText(), /质量问题我们出运费/);
    await dialog.getByRole("button", { name: "放进编辑框" }).click();
    await a.getByRole("button", { name: "保存" }).click();
    await a.getByText("已保存，机器人马上会用").waitFor();
    const saved = await call(a, "GET", "/v1/knowledge/return-shipping-fee");
    assert.ok(saved.similar.includes("寄回来谁掏钱") && saved.similar.includes("退货邮费归谁"), saved.similar.join());
    assert.deepEqual([saved.answer, saved.category], ["质量问题我们出运费，其他情况由您承担。", "退换"]);
    for (const page of [a, b]) await page.context().close();
  });

  test("what was written is kept over a reload, an expired session and a killed server", async () => {
    const page = await begin();
    page.on("dialog", (d) => d.accept());
    await page.goto(`${server.base}/knowledge/entry/return-pickup`);
    await page.locator("#answer").fill("写到一半的答案");
    await page.waitForTimeout(500); // drafts are kept a moment after the last key
    await page.reload();
    await page.getByText("已恢复上次没保存的修改").waitFor();
    assert.equal(await page.locator("#answer").inputValue(), "写到一半的答案");
    // The live connection tells it; without one, the next request does.
    await call(page, "DELETE", "/v1/sessions/current");
    const again = page.getByRole("dialog", { name: "请重新登录" });
    await again.waitFor();
    await again.getByLabel("密码", { exact: false }).first().fill(analyst.password);
    await page.keyboard.press("Enter");
    await again.waitFor({ state: "detached" });
    await server.kill();
    await page.getByRole("button", { name: "保存" }).click();
    await page.getByText("连不上服务器").first().waitFor();
    await server.up();
    await page.getByRole("button", { name: "保存" }).click();
    await page.getByText("已保存，机器人马上会用").waitFor({ timeout: 20_000 });
    assert.equal((await call(page, "GET", "/v1/knowledge/return-pickup")).answer, "写到一半的答案");
    await page.context().close();
  });

  test("leaving an unsaved entry asks once, and the draft is there on coming back", async () => {
    const page = await begin();
    await page.goto(`${server.base}/knowledge/entry/delivery-time`);
    await page.locator("#question").fill("改过的问题");
    await page.getByRole("link", { name: "取消" }).click();
    const asking = page.getByRole("dialog", { name: "有未保存的修改" });
    await asking.getByRole("button", { name: "取消" }).click();
    assert.equal(await page.locator("#question").inputValue(), "改过的问题");
    await page.getByRole("link", { name: "取消" }).click();
    await asking.getByRole("button", { name: "离开" }).click();
    await page.waitForURL(/\/knowledge$/);
    await page.goBack();
    await page.getByText("已恢复上次没保存的修改").waitFor();
    await page.getByRole("button", { name: "放弃修改" }).click();
    assert.notEqual(await page.locator("#question").inputValue(), "改过的问题");
    await page.context().close();
  });

  test("a file: columns are matched, a trial gives reasons, the import can be left and undone", async () => {
    const page = await begin();
    await page.goto(`${server.base}/knowledge/import`);
    const rows = [["怎么问", "另一种问法", "回答", "备注"], ["能不能刻字", "可以刻名字吗", "可以，下单时备注。", script], [script, "", `${script} 的答案`, ""], ["没有答案的问题", "", "", ""]];
    const file = { name: "<b>表</b>.csv", mimeType: "text/csv", buffer: Buffer.from(rows.map((r) => r.map((c) => `"${c.replaceAll('"', '""')}"`).join(",")).join("\n")) };
    await page.locator("input[type=file]").setInputFiles(file);
    await page.getByRole("heading", { name: "<b>表</b>.csv" }).waitFor();
    for (const [column, field] of [["怎么问", "question"], ["另一种问法", "similar"], ["回答", "answer"]]) await page.getByLabel(`列的对应: ${column}`).selectOption(field);
    await look(page, "import-columns");
    await page.getByRole("button", { name: "先试跑" }).click();
    await page.waitForURL(/import\/.+/);
    await page.getByRole("button", { name: "导入 2 条" }).waitFor({ timeout: 20_000 });
    assert.match(await page.locator("table").innerText(), /答案/);
    const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "下载问题清单" }).click()]);
    assert.match(download.suggestedFilename(), /问题清单\.csv$/);
    await look(page, "import-trial");
    assert.equal((await call(page, "GET", `/v1/knowledge?q=${encodeURIComponent("刻字")}`)).items.length, 0, "a trial changes nothing");
    // Away and back: the file is still chosen.
    await page.getByRole("link", { name: "命中测试" }).click();
    await page.waitForURL(/knowledge\/test/);
    await page.goBack();
    await page.getByRole("button", { name: "导入 2 条" }).click();
    await page.getByRole("button", { name: "撤销这次导入" }).waitFor({ timeout: 20_000 });
    assert.equal((await call(page, "GET", `/v1/knowledge?q=${encodeURIComponent("刻字")}`)).items.length, 1);
    await page.goto(`${server.base}/knowledge?q=onerror`);
    await page.locator("tbody tr", { hasText: "<img src=x" }).waitFor();
    assert.notEqual(await page.title(), "1");
    await page.goto(`${server.base}/knowledge/import`);
    await page.locator(".past a").first().click();
    await page.getByRole("button", { name: "撤销这次导入" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "撤销这次导入" }).click();
    await page.getByText("这次导入已撤销。").waitFor();
    assert.equal((await call(page, "GET", `/v1/knowledge?q=${encodeURIComponent("刻字")}`)).items.length, 0);
    await page.context().close();
  });

  test("the list by keyboard: found, many changed at once, taken back; its state is in the address", async () => {
    const page = await begin();
    await page.goto(`${server.base}/knowledge?lang=en&sort=question`);
    await page.locator("tbody tr").first().waitFor();
    const first = await page.locator("tbody tr .question").first().innerText();
    await page.locator("tbody tr").first().focus();
    await page.keyboard.press("Space");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Space");
    await page.getByText("已选 2 项").waitFor();
    await page.getByRole("button", { name: "归档" }).click();
    await page.getByText("已归档 2 条").waitFor();
    assert.equal(await page.locator("tbody tr .question", { hasText: first }).count(), 0);
    await page.getByRole("button", { name: "撤销" }).click();
    await page.getByText("已撤销").waitFor();
    await page.locator("tbody tr .question", { hasText: first }).first().waitFor();
    assert.match(page.url(), /lang=en/);
    await page.reload();
    await page.locator("tbody tr").first().waitFor();
    assert.equal(await page.locator("tbody tr .question").first().innerText(), first);
    await page.keyboard.press("/");
    await page.keyboard.type("warranty");
    await page.waitForURL(/q=warranty/);
    await page.locator("tbody tr").first().focus();
    await page.keyboard.press("Enter");
    await page.waitForURL(/\/knowledge\/entry\//);
    await page.context().close();
  });

  test("a server killed in the middle of an import: it goes on, and is done once", async () => {
    const page = await begin();
    await page.goto(`${server.base}/knowledge/import`);
    const lines = Array.from({ length: 4000 }, (_, i) => JSON.stringify({ id: `cut-${i}`, question: `断电导入第 ${i} 条？`, answer: "答案。", category: "断电" })).join("\n");
    await page.locator("input[type=file]").setInputFiles({ name: "cut.jsonl", mimeType: "application/json", buffer: Buffer.from(lines) });
    await page.getByRole("button", { name: "先试跑" }).click();
    const started = page.waitForResponse((r) => r.url().includes("dry_run=false") && r.status() === 202);
    await page.getByRole("button", { name: /^导入 4,?000 条$/ }).click({ timeout: 60_000 });
    await started;
    await server.kill();
    await server.up();
    await page.getByRole("button", { name: "撤销这次导入" }).waitFor({ timeout: 60_000 });
    const { items } = await call(page, "GET", "/v1/knowledge/categories");
    assert.equal(items.find((c) => c.category === "断电").entries, 4000);
    await page.getByRole("button", { name: "撤销这次导入" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "撤销这次导入" }).click();
    await page.getByText("这次导入已撤销。").waitFor({ timeout: 30_000 });
    await page.context().close();
  });

  test("three thousand entries are paged, and all that match can be chosen", async () => {
    const page = await begin();
    await page.goto(`${server.base}/knowledge/import`);
    const long = "一个很长的名字".repeat(30);
    const lines = Array.from({ length: 3200 }, (_, i) => JSON.stringify({ id: `bulk-${i}`, question: i === 0 ? long : `第 ${i} 号大批量问题？`, answer: "统一答案。", category: "批量" })).join("\n");
    await page.locator("input[type=file]").setInputFiles({ name: "many.jsonl", mimeType: "application/json", buffer: Buffer.from(lines) });
    await page.getByRole("button", { name: "先试跑" }).click();
    await page.getByRole("button", { name: /^导入 3,?200 条$/ }).click({ timeout: 60_000 });
    await page.getByRole("button", { name: "撤销这次导入" }).waitFor({ timeout: 60_000 });
    await page.goto(`${server.base}/knowledge?category=${encodeURIComponent("批量")}`);
    await page.locator("tbody tr").nth(49).waitFor();
    await look(page, "knowledge-many");
    await page.getByRole("button", { name: "下一页" }).click();
    await page.getByText("第 51–100 条").waitFor();
    await page.goBack();
    await page.getByText("第 1–50 条").waitFor();
    await page.getByLabel("选择本页全部").check();
    await page.getByRole("button", { name: "选择全部符合条件的" }).click();
    await page.getByText("全部 3,200 条").waitFor();
    await page.getByRole("button", { name: "归档" }).click();
    await page.getByText("已归档 3,200 条").waitFor({ timeout: 30_000 });
    await page.getByText("没有找到相关问答").waitFor();
    await page.context().close();
  });

  const looks = [
    { name: "zh-light", locale: "zh-CN", colorScheme: "light", viewport: { width: 1440, height: 900 } },
    { name: "en-dark", locale: "en-GB", colorScheme: "dark", viewport: { width: 1280, height: 720 } },
    { name: "zh-dark-phone", locale: "zh-CN", colorScheme: "dark", viewport: { width: 390, height: 844 } },
    { name: "en-light-320", locale: "en-GB", colorScheme: "light", viewport: { width: 320, height: 640 } },
  ];
  for (const { name, ...options } of looks) {
    test(`every page of knowledge: ${name}`, async () => {
      const page = await begin(options);
      for (const [at, path, landmark] of [
        ["knowledge", "/knowledge", "tbody tr"],
        ["knowledge-archived", "/knowledge?archived=1&q=zzz", ".state"],
        ["unanswered", "/knowledge/unanswered", ".row"],
        ["unanswered-none", "/knowledge/unanswered?status=ignored", ".state"],
        ["entry", "/knowledge/entry/delivery-time", "#question"],
        ["entry-new", "/knowledge/entry", "#question"],
        ["import", "/knowledge/import", ".past, .state"],
        ["hit-test", `/knowledge/test?text=${encodeURIComponent("退货运费")}`, ".candidate"],
        ["hit-test-none", "/knowledge/test", ".state"],
      ]) {
        await page.goto(server.base + path);
        await page.locator(landmark).first().waitFor();
        await look(page, `studio-${at}-${name}`);
      }
      await page.context().close();
    });
  }

  test("no page broke, asked a foreign host or ran against its own policy", () => {
    assert.deepEqual(faults, []);
  });
});
