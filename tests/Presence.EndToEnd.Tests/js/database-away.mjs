// The dashboard while the database that joins the members is away: it says so, and shows what its member still serves.
import { chromium } from "playwright-core";
import { assert, scenario } from "./client.mjs";

scenario(async (executable, pictures, password, base) => {
  const browser = await chromium.launch({ executablePath: executable, args: ["--no-sandbox"] });
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  const until = (condition) => page.waitForFunction(condition, null, { timeout: 30_000, polling: 50 });
  await page.goto(`${base}/admin`);
  await page.fill("#password", password);
  await page.click("#sign-in-form button");
  await page.click('nav a[href="#cluster"]');
  await until(() => document.querySelector("#cluster-summary")?.textContent !== "");
  assert(await page.locator("#link").isHidden(), "nothing is said while the database is there");
  console.log("joined");

  await until(() => !document.querySelector("#link").hidden);
  const notice = await page.locator("#link").textContent();
  assert(/^node-1 does not reach what joins the members: .+ It serves what it has\.$/.test(notice), notice);
  await until(() => [...document.querySelectorAll("#events li")].some((e) => /does not reach/.test(e.textContent)));
  await page.screenshot({ path: `${pictures}/database-away.png`, fullPage: true });
  await browser.close();
});
