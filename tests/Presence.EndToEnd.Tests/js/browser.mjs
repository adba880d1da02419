// The tracked page in three tabs on three nodes, in Chromium.
import { chromium } from "playwright-core";
import { assert, assertEqual, scenario } from "./client.mjs";

// Tabs in the background draw no frames, so waits for a page poll by time.
const TIMEOUT = 20_000;

scenario(async (executable, pictures, ...bases) => {
  const browser = await chromium.launch({ executablePath: executable, args: ["--no-sandbox"] });
  const complaints = [];
  const open = async (base, user, options = {}) => {
    const page = await browser.newPage({ viewport: { width: 1280, height: 800 }, ...options });
    page.on("console", (message) => ["error", "warning"].includes(message.type()) && complaints.push(message.text()));
    page.on("pageerror", (error) => complaints.push(String(error)));
    await page.goto(`${base}/tracked?user_id=${encodeURIComponent(user)}`);
    await shows(page, '#connection[data-state="live"]');
    return page;
  };
  const shows = (page, selector) =>
    page.waitForFunction((wanted) => document.querySelector(wanted) !== null, selector, { timeout: TIMEOUT, polling: 50 });
  const keys = (page) => page.$$eval("#people li", (rows) => rows.map((row) => row.dataset.key));
  const sees = (page, expected) =>
    page
      .waitForFunction(
        (wanted) => JSON.stringify([...document.querySelectorAll("#people li")].map((li) => li.dataset.key)) === wanted,
        JSON.stringify(expected),
        { timeout: TIMEOUT, polling: 50 },
      )
      .catch(async () => assertEqual(await keys(page), expected, "who is online"));

  const tabs = [];
  for (const [i, user] of ["ann", "bob 🚀", "<b>eve</b>"].entries()) tabs.push(await open(bases[i], user));
  for (const tab of tabs) await sees(tab, ["<b>eve</b>", "ann", "bob 🚀"]);

  await tabs[0].fill("#prefix", "bo");
  await sees(tabs[0], ["bob 🚀"]);
  await tabs[0].fill("#prefix", "");
  await sees(tabs[0], ["<b>eve</b>", "ann", "bob 🚀"]);
  assertEqual(await tabs[0].locator("#feed li", { hasText: "offline" }).count(), 0, "people that went out of view");

  await tabs[1].fill("#status-text", "writing tests");
  await tabs[1].click("#status-form button");
  await tabs[0].waitForFunction(
    () => document.querySelector('[data-key="bob 🚀"] .status').textContent === "writing tests",
    null,
    { timeout: TIMEOUT, polling: 50 },
  );

  const second = await open(bases[2], "ann", { viewport: { width: 390, height: 844 } });
  await tabs[0].waitForFunction(
    () => document.querySelector('[data-key="ann"] .devices').textContent === "2 devices",
    null,
    { timeout: TIMEOUT, polling: 50 },
  );
  await tabs[0].screenshot({ path: `${pictures}/tracked-1280.png` });
  await second.screenshot({ path: `${pictures}/tracked-390.png`, fullPage: true });
  const overflow = await second.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert(overflow <= 0, `nothing is cut off on a phone (${overflow} px too wide)`);
  await second.close();

  await tabs[2].close();
  for (const tab of tabs.slice(0, 2)) await sees(tab, ["ann", "bob 🚀"]);
  assertEqual(complaints, [], "the console of the pages");

  // The page shows a lost connection, and reconnects.
  await tabs[0].bringToFront();
  await tabs[0].context().setOffline(true);
  await tabs[0].evaluate(() => globalThis.presencePage.socket.conn.close());
  await shows(tabs[0], '#connection[data-mood="bad"]');
  await shows(tabs[0], "#notice:not([hidden])");
  await tabs[0].screenshot({ path: `${pictures}/tracked-offline.png` });
  await tabs[0].context().setOffline(false);
  await shows(tabs[0], '#connection[data-state="live"]');
  await sees(tabs[0], ["ann", "bob 🚀"]);
  await browser.close();
});
