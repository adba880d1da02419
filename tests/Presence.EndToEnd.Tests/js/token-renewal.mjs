// A page renews the token of its connection before it ends; without a new token the connection is closed.
// Usage: node token-renewal.mjs CHROMIUM URL, of a host whose tokens are valid for a few seconds.
import { chromium } from "playwright-core";
import { assert, assertEqual, scenario, seen, until } from "./client.mjs";

scenario(async (executable, base) => {
  const browser = await chromium.launch({ executablePath: executable, args: ["--no-sandbox"] });
  const page = await browser.newPage();
  const sockets = [];
  let renewals = 0;
  page.on("websocket", (socket) => {
    const known = { closed: false };
    sockets.push(known);
    socket.on("framesent", ({ payload }) => String(payload).includes('"access_token"') && ++renewals && seen());
    socket.on("close", () => {
      known.closed = true;
      seen();
    });
  });
  await page.goto(`${base}/tracked?user_id=ann`);
  await page.waitForFunction(() => document.querySelector('#people [data-key="ann"]') !== null, null, { timeout: 20_000 });

  // More than two lifetimes.
  await until("three renewals", () => renewals >= 3);
  assertEqual(sockets, [{ closed: false }], "the connections of the page");
  assertEqual(await page.evaluate(() => globalThis.presencePage.state), "live", "the state of the page");

  await page.route("**/token?*", (route) => route.abort());
  await until("the connection is closed at the end of its token", () => sockets[0].closed);
  await page.unroute("**/token?*");
  await page.waitForFunction(() => globalThis.presencePage.state === "live", null, { timeout: 20_000, polling: 50 });
  assert(sockets.length > 1, "the page is back");
  await browser.close();
});
