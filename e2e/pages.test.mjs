// Every page in both languages, light and dark, on desk and phone: nothing serious for axe, nothing wider than the
// screen, and a picture in build/screens to be looked at.
import { AxeBuilder } from "@axe-core/playwright";
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { Customer, launch, screens, Server, signIn, skip } from "./harness.mjs";

const sizes = { desk: { width: 1440, height: 900 }, phone: { width: 390, height: 844 } };
const looks = [
  { locale: "zh-CN", colorScheme: "light", size: "desk" },
  { locale: "en-GB", colorScheme: "dark", size: "desk" },
  { locale: "zh-CN", colorScheme: "dark", size: "phone" },
  { locale: "en-GB", colorScheme: "light", size: "phone" },
];

async function check(page, name, look) {
  await page.waitForTimeout(250); // the last of the motion
  await page.screenshot({ path: join(screens, `${name}-${look.locale.slice(0, 2)}-${look.colorScheme}-${look.size}.png`) });
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(wide <= 0, `${name} is ${wide} px wider than the screen`);
  const { violations } = await new AxeBuilder({ page }).analyze();
  const serious = violations.filter((v) => v.impact === "serious" || v.impact === "critical");
  assert.deepEqual(
    serious.map((v) => `${v.id}: ${v.nodes.map((n) => `${n.target.join(" ")} ${n.any[0]?.message ?? ""}`).join(" | ")}`),
    [],
    `${name} ${JSON.stringify(look)}`,
  );
}

describe("pages", { skip }, () => {
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
    const context = { locale: look.locale, colorScheme: look.colorScheme, viewport: sizes[look.size] };
    const title = Object.values(look).join(", ");

    test(`shop and chat: ${title}`, async () => {
      const c = await Customer.open(browser, server.base, context);
      await c.ask(zh ? "你好" : "Hello");
      const answer = await c.ask(zh ? "怎么退货" : "How do I return an item?");
      await answer.locator("summary").click();
      await c.ask(zh ? "帮我写一首关于秋天的诗" : "write a poem about rain");
      await check(c.page, "chat", look);
      await c.page.keyboard.press("Escape");
      await c.page.locator("frontdesk-widget .launcher").waitFor();
      await check(c.page, "shop", look);
      await c.page.getByRole("button", { name: zh ? "问问客服" : "Ask us" }).click();
      await c.page.locator("frontdesk-widget .person").click();
      await c.page.waitForTimeout(500);
      await check(c.page, "chat-waiting", look);
      await c.context.close();
    });

    test(`console: ${title}`, async () => {
      const door = await browser.newContext(context);
      const page = await door.newPage();
      await page.goto(`${server.base}/sign-in`);
      await page.locator("#email").waitFor();
      await check(page, "sign-in", look);
      await door.close();

      const staff = await signIn(browser, server.base, context);
      const places = [
        ["home", "/home", ".tile"],
        ["desk-list", "/desk/all", ".row"],
        ["knowledge", "/knowledge", "tbody tr"],
        ["knowledge-none", "/knowledge?q=zzzzzz", ".state"],
        ["entry", "/knowledge/entry", "#question"],
        ["import", "/knowledge/import", ".drop"],
        ["hit-test", `/knowledge/test?text=${encodeURIComponent(zh ? "几天到货" : "return an item")}`, ".candidate"],
        ["settings", "/settings", ".chat"],
        ["missing", "/no-such-page", "h1"],
      ];
      for (const [name, path, landmark] of places) {
        await staff.goto(server.base + path);
        await staff.locator(landmark).first().waitFor({ timeout: 10_000 });
        await check(staff, name, look);
      }
      await staff.goto(`${server.base}/desk/waiting`);
      await staff.locator(".row").first().click();
      await staff.locator(".msg").first().waitFor();
      await check(staff, "desk", look);
      await staff.context().close();
    });
  }
});

describe("an empty company", { skip }, () => {
  test("its first page creates the owner, then leads to the guide", async () => {
    const server = await Server.start();
    const browser = await launch();
    try {
      const context = await browser.newContext({ locale: "zh-CN", viewport: sizes.desk });
      const page = await context.newPage();
      await page.goto(`${server.base}/`);
      await page.locator("#company").waitFor();
      await check(page, "setup", looks[0]);
      await page.locator("#company").fill("示例公司");
      await page.locator("#name").fill("示例甲");
      await page.locator("#email").fill("first@example.test");
      await page.locator("#password").fill("a-long-password-1");
      await page.locator("#password").press("Enter");
      await page.locator(".step").first().waitFor({ timeout: 15_000 });
      await check(page, "guide-empty", looks[0]);
      await page.goto(`${server.base}/home`);
      await page.locator(".tile").first().waitFor({ timeout: 15_000 });
      await check(page, "home-empty", looks[0]);
      for (const [name, path] of [["desk-empty", "/desk/waiting"], ["knowledge-empty", "/knowledge"]]) {
        await page.goto(server.base + path);
        await page.locator(".state").first().waitFor();
        await check(page, name, looks[0]);
      }
    } finally {
      await browser.close();
      await server.end();
    }
  });
});
