// Measures the dashboard in Chromium under load: time to the first numbers, delay, and bytes of its socket.
import { chromium } from "playwright-core";
import { answer, assert, connect, scenario } from "./client.mjs";

// Time between two changes: not a multiple of the intervals of the server.
const PACE = () => 40 + 120 * Math.random();

// Times that the page is loaded. A shared machine can stretch each; what the page takes by itself, it always takes.
const LOADS = 5;

// Pages open at a time: each for longer than the time until it must be shown.
const OPEN = 10;

scenario(async (executable, pictures, password, shop, base, seconds) => {
  const browser = await chromium.launch({ executablePath: executable, args: ["--no-sandbox"] });
  const complaints = [];
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  page.on("console", (message) => ["error", "warning"].includes(message.type()) && complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(String(error)));
  await page.addInitScript(() => {
    globalThis.shownAfter = null;
    globalThis.behind = [];
    globalThis.probes = {};
    let last = 0;
    new MutationObserver(() => {
      const stats = globalThis.presenceDashboard?.shoppers?.stats;
      if (!stats) return;
      if (globalThis.shownAfter === null && document.querySelector("#shoppers")?.textContent !== "–") {
        globalThis.shownAfter = performance.now();
      }
      if (stats.at === last) return;
      globalThis.behind.push(Date.now() - (last = stats.at));
      for (const path of Object.keys(stats.pages)) if (path.startsWith("/probe/")) globalThis.probes[path] ??= Date.now();
    }).observe(document, { childList: true, characterData: true, subtree: true });
  });
  const live = () =>
    page.waitForFunction(() => globalThis.shownAfter !== null, null, { timeout: 30_000, polling: 50 });
  await page.goto(`${base}/admin`);
  await page.fill("#password", password);
  await page.click("#sign-in-form button");
  await live();

  // Reopened by a signed-in admin: from the start of the navigation to the first numbers.
  let bytes = 0;
  page.on("websocket", (socket) =>
    socket.on("framereceived", ({ payload }) => (bytes += typeof payload === "string" ? Buffer.byteLength(payload) : payload.length)),
  );
  const shownAfter = [];
  const openings = [];
  while (shownAfter.length < LOADS) {
    bytes = 0;
    await page.reload();
    await live();
    shownAfter.push(Math.round(await page.evaluate(() => globalThis.shownAfter)));
    openings.push(bytes);
  }

  const opening = openings.at(-1);
  const begun = performance.now();
  const asked = await probe(shop, Number(seconds) * 1000);
  await page.waitForFunction((path) => path in globalThis.probes, [...asked.keys()].at(-1), { timeout: 30_000, polling: 50 });
  const perSecond = (bytes - opening) / ((performance.now() - begun) / 1000);
  const ascending = (numbers) => numbers.sort((a, b) => a - b);
  const behind = ascending(await page.evaluate(() => globalThis.behind));
  const probes = await page.evaluate(() => globalThis.probes);
  const late = ascending([...asked].map(([path, at]) => probes[path] - at));
  await page.screenshot({ path: `${pictures}/dashboard-load-1280.png`, fullPage: true });
  const figures = (all) => ({ p50: part(all, 0.5), p95: part(all, 0.95), max: all.at(-1), messages: all.length });
  const facts = {
    shoppers: await page.locator("#shoppers").textContent(),
    shown_after_ms: shownAfter,
    opening_bytes: openings,
    bytes_per_second: Math.round(perSecond),
    counted_to_shown_ms: figures(behind),
    asked_to_shown_ms: figures(late),
  };
  const told = JSON.stringify(facts);
  assert(Math.min(...shownAfter) < 1000, `numbers are shown in under 1 s: ${told}`);
  assert(perSecond < 50_000, `the socket stays under 50 kB/s: ${told}`);
  assert(late.every((took) => took >= 0), `each change was shown: ${told}`);
  assert(part(late, 0.95) < 250, `the dashboard is under 250 ms behind: ${told}`);
  assert(complaints.length === 0, `no error in the console: ${complaints}`);
  await browser.close();
  return facts;
});

/** Opens pages with distinct names, keeps each for a while, and returns the times of the requests. */
async function probe(shop, duration) {
  const { socket } = await connect(shop, "/socket");
  const asked = new Map();
  const open = [];
  const begun = performance.now();
  while (performance.now() - begun < duration) {
    const page = `/probe/${asked.size}`;
    const channel = socket.channel(`cart:${`probe-${asked.size}`.padEnd(64, "-")}`, { page });
    open.push(channel);
    asked.set(page, Date.now());
    await answer(channel.join());
    await new Promise((resolve) => setTimeout(resolve, PACE()));
    if (open.length > OPEN) open.shift().leave();
  }
  return asked;
}

function part(sorted, share) {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
}
