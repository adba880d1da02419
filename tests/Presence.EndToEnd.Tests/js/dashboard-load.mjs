// The dashboard in Chromium while a crowd shops: how soon it shows numbers, how far it is behind, what its socket costs.
import { chromium } from "playwright-core";
import { assert, scenario } from "./client.mjs";

scenario(async (executable, pictures, password, base, seconds) => {
  const browser = await chromium.launch({ executablePath: executable, args: ["--no-sandbox"] });
  const complaints = [];
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  page.on("console", (message) => ["error", "warning"].includes(message.type()) && complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(String(error)));
  await page.addInitScript(() => {
    globalThis.shownAfter = null;
    globalThis.behind = [];
    let last = 0;
    new MutationObserver(() => {
      const stats = globalThis.presenceDashboard?.shoppers.stats;
      if (!stats) return;
      if (globalThis.shownAfter === null && document.querySelector("#shoppers")?.textContent !== "–") {
        globalThis.shownAfter = performance.now();
      }
      if (stats.at !== last) globalThis.behind.push(Date.now() - (last = stats.at));
    }).observe(document, { childList: true, characterData: true, subtree: true });
  });
  const live = () =>
    page.waitForFunction(() => globalThis.shownAfter !== null, null, { timeout: 30_000, polling: 50 });
  await page.goto(`${base}/admin`);
  await page.fill("#password", password);
  await page.click("#sign-in-form button");
  await live();

  // Opened anew, as an admin does who is signed in: from the start of the navigation to the first numbers.
  let bytes = 0;
  page.on("websocket", (socket) =>
    socket.on("framereceived", ({ payload }) => (bytes += typeof payload === "string" ? Buffer.byteLength(payload) : payload.length)),
  );
  await page.reload();
  await live();
  const shownAfter = await page.evaluate(() => globalThis.shownAfter);
  const opening = bytes;
  const begun = performance.now();
  await page.waitForFunction(
    (until) => performance.now() > until,
    shownAfter + Number(seconds) * 1000,
    { timeout: 600_000, polling: 250 },
  );
  const perSecond = (bytes - opening) / ((performance.now() - begun) / 1000);
  const behind = (await page.evaluate(() => globalThis.behind)).sort((a, b) => a - b);
  await page.screenshot({ path: `${pictures}/dashboard-load-1280.png`, fullPage: true });
  const at = (part) => behind[Math.min(behind.length - 1, Math.floor(behind.length * part))];
  const facts = {
    shoppers: await page.locator("#shoppers").textContent(),
    shown_after_ms: Math.round(shownAfter),
    opening_bytes: opening,
    bytes_per_second: Math.round(perSecond),
    behind_ms: { p50: at(0.5), p95: at(0.95), max: behind.at(-1), messages: behind.length },
  };
  const told = JSON.stringify(facts);
  assert(shownAfter < 1000, `numbers are shown in under 1 s: ${told}`);
  assert(perSecond < 50_000, `the socket stays under 50 kB/s: ${told}`);
  assert(at(0.95) < 250, `the dashboard is under 250 ms behind: ${told}`);
  assert(complaints.length === 0, `no error in the console: ${complaints}`);
  await browser.close();
  return facts;
});
