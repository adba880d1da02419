// The shop and the dashboard in Chromium: two carts in three tabs on two nodes, seen by an admin on a third.
import { chromium } from "playwright-core";
import { assert, assertEqual, scenario } from "./client.mjs";

const TIMEOUT = 20_000;
const SOON = 500;

scenario(async (executable, pictures, password, ...bases) => {
  const browser = await chromium.launch({ executablePath: executable, args: ["--no-sandbox"] });
  const complaints = [];
  const facts = {};
  const listen = (page) => {
    page.on("console", (message) => ["error", "warning"].includes(message.type()) && complaints.push(message.text()));
    page.on("pageerror", (error) => complaints.push(String(error)));
    return page;
  };
  // Tabs in the background draw no frames, so whatever waits for a page looks at it by the clock.
  const until = (page, condition, argument) =>
    page.waitForFunction(condition, argument, { timeout: TIMEOUT, polling: 20 });
  const text = (page, selector, wanted) =>
    until(page, ([s, w]) => document.querySelector(s)?.textContent === w, [selector, wanted]).catch(async () =>
      assertEqual(await page.locator(selector).textContent(), wanted, selector),
    );

  // When a page shows something, by its own watch: what drives the browser here is slower than the pages are.
  const shownAt = (page, wanted) =>
    page.evaluate(
      ([selector, value]) =>
        new Promise((resolve) => {
          const look = () => {
            if (document.querySelector(selector)?.textContent !== value) return;
            observer.disconnect();
            resolve(performance.timeOrigin + performance.now());
          };
          const observer = new MutationObserver(look);
          observer.observe(document.body, { childList: true, characterData: true, subtree: true });
          look();
        }),
      wanted,
    );

  // Sign-in: refused, then accepted.
  const admin = listen(await browser.newPage({ viewport: { width: 1280, height: 900 } }));
  await admin.goto(`${bases[0]}/admin`);
  await admin.fill("#password", "wrong");
  await admin.click("#sign-in-form button");
  await text(admin, "#sign-in-said", "The name or password is wrong.");
  assert(await admin.locator("#dashboard").isHidden(), "the dashboard is shut before the sign-in");
  await admin.screenshot({ path: `${pictures}/sign-in-1280.png` });
  await admin.fill("#password", password);
  await admin.click("#sign-in-form button");
  await until(admin, () => document.querySelector('#connection[data-state="live"]') !== null);
  const counts = async (shoppers, pages) => {
    await text(admin, "#shoppers", String(shoppers));
    await text(admin, "#open-pages", String(pages));
  };
  await counts(0, 0);

  // Two carts in three tabs. Storage belongs to an origin, and nodes have origins of their own here: the cart is carried
  // over by hand, as a proxy with one origin would make it unnecessary.
  const ann = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  const bob = await browser.newContext({ viewport: { width: 390, height: 844 } });
  const open = async (context, address) => {
    const page = listen(await context.newPage());
    await page.goto(address);
    await until(page, () => globalThis.shop?.state === "live" && globalThis.shop.known);
    return page;
  };
  const first = await open(ann, `${bases[0]}/products/1`);
  const cart = await first.evaluate(() => localStorage.getItem("sole.cart_id"));
  assertEqual(cart.length, 64, "the length of a cart's ID");
  await ann.addInitScript((id) => localStorage.setItem("sole.cart_id", id), cart);
  const second = await open(ann, `${bases[1]}/`);
  const third = await open(bob, `${bases[1]}/products/2`);
  await counts(2, 3);
  await text(admin, '#pages [data-name="/products/1"] b', "1");
  await text(admin, '#pages [data-name="/"] b', "1");

  // One tab adds; the other tab of the cart, on another node, and the dashboard follow.
  facts.added_ms = [];
  for (const [size, items] of [[1, [1]], [2, [1, 2]], [3, [1, 2, 3]]]) {
    await first.check(`input[value="${size}"]`, { force: true });
    const seen = [
      shownAt(second, ["#cart-count", String(items.length)]),
      shownAt(admin, [`#items [data-name="${size}"] b`, "1"]),
    ];
    const clicked = first.evaluate(
      () => new Promise((resolve) => addEventListener("click", (click) => resolve(performance.timeOrigin + click.timeStamp), { capture: true, once: true })),
    );
    await first.click("#add button");
    const begun = await clicked;
    const took = (await Promise.all(seen)).map((at) => Math.round(at - begun));
    facts.added_ms.push(took);
    assert(Math.max(...took) < SOON, `a change is everywhere within ${SOON} ms (other tab, dashboard: ${took} ms)`);
    assertEqual(await second.evaluate(() => globalThis.shop.items), items, "the cart in the other tab");
  }
  assertEqual(await third.evaluate(() => globalThis.shop.items), [], "the cart of somebody else");
  await third.check('input[value="5"]', { force: true });
  await third.click("#add button");
  await text(admin, '#items [data-name="5"] b', "1");
  await second.click("#cart-open");
  await second.click('#cart-lines [data-item="2"] .remove');
  await until(first, () => globalThis.shop.items.join() === "1,3");
  await until(admin, () => document.querySelector('#items [data-name="2"]') === null);
  await second.screenshot({ path: `${pictures}/shop-cart-1280.png` });
  await second.click("#cart-close");
  await second.screenshot({ path: `${pictures}/shop-1280.png` });
  await first.screenshot({ path: `${pictures}/product-1280.png` });
  await third.screenshot({ path: `${pictures}/product-390.png`, fullPage: true });

  // A cart survives the browser's reload, and the last pair is sold to one and gone for all.
  await first.goto(`${bases[0]}/products/6`);
  await until(first, () => globalThis.shop?.state === "live" && globalThis.shop.known);
  assertEqual(await first.evaluate(() => globalThis.shop.items), [1, 3], "the cart after another page");
  await third.goto(`${bases[1]}/products/6`);
  await until(third, () => document.querySelector('.size input[value="21"]')?.disabled === false);
  await first.check('input[value="21"]', { force: true });
  await first.click("#add button");
  await until(first, () => globalThis.shop.items.includes(21));
  await first.goto(`${bases[0]}/checkout`);
  await until(first, () => document.querySelector("#order:not(:disabled)") !== null);
  await first.screenshot({ path: `${pictures}/checkout-1280.png` });
  await first.click("#order");
  await until(first, () => document.querySelector("#order-result").textContent.startsWith("Thank you."));
  await until(third, () => document.querySelector('.size input[value="21"]')?.disabled === true);
  await third.screenshot({ path: `${pictures}/sold-out-390.png`, fullPage: true });
  await until(second, () => globalThis.shop.items.length === 0);
  assert((await third.evaluate(() => document.documentElement.scrollWidth - innerWidth)) <= 0, "the shop fits a phone");

  // The other views, and the narrow ones.
  await admin.click('nav a[href="#presences"]');
  await until(admin, () => document.querySelectorAll("#rows tr").length === 3);
  await admin.evaluate(() => getSelection().selectAllChildren(document.querySelector("#rows tr .meta")));
  const selected = await admin.evaluate(() => getSelection().toString());
  for (let i = 0; i < 2; i++) await admin.waitForResponse(/api\/topic\?/);
  assertEqual(await admin.evaluate(() => getSelection().toString()), selected, "what is selected after two refreshes");
  assert(selected.length > 20, `something is selected (${selected})`);
  const cut = await admin.$$eval("#rows .key", (keys) => keys.filter((k) => k.scrollWidth > k.clientWidth).length);
  assertEqual(cut, 0, "keys that are cut");
  // A list that has not come yet says so, and shows no rows of the one before.
  let release;
  const released = new Promise((resolve) => (release = resolve));
  const slow = async (route) => {
    await released;
    await route.continue();
  };
  await admin.route("**/api/presences?*search=*", slow);
  await admin.fill("#search", "products/6");
  await text(admin, "#found", "Loading …");
  assertEqual(await admin.locator("#rows tr").count(), 0, "rows while the list loads");
  release();
  await until(admin, () => document.querySelectorAll("#rows tr").length === 1);
  assertEqual(await admin.locator("#rows .node").textContent(), "node-2", "the node that owns the presence");
  await admin.unroute("**/api/presences?*search=*", slow);
  await admin.fill("#search", "");
  await until(admin, () => document.querySelectorAll("#rows tr").length === 3);
  await admin.click('nav a[href="#cluster"]');
  await until(admin, () => document.querySelectorAll("#nodes tr").length === 3);
  await until(admin, () => !document.querySelector("#lag").textContent.includes("?"));
  await until(admin, () => document.querySelectorAll("#events time").length > 0);
  const times = await admin.$$eval("#events time", (all) => all.map((one) => one.textContent));
  assert(times.every((t) => /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \S+$/.test(t)), `events have a date and a zone (${times[0]})`);
  for (const [width, height] of [[390, 844], [1280, 900]]) {
    await admin.setViewportSize({ width, height });
    for (const view of ["presences", "cluster", "shoppers"]) {
      await admin.click(`nav a[href="#${view}"]`);
      await until(admin, (id) => document.querySelector(`#view-${id}`).hidden === false, view);
      for (const colorScheme of ["light", "dark"]) {
        await admin.emulateMedia({ colorScheme });
        await admin.screenshot({ path: `${pictures}/dashboard-${view}-${colorScheme}-${width}.png`, fullPage: true });
      }
      await admin.emulateMedia({ colorScheme: "light" });
      const wide = await admin.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert(wide <= 0, `the view ${view} fits a window of ${width} px (${wide} px too wide)`);
    }
  }

  // The keyboard alone.
  await admin.bringToFront();
  await admin.focus('nav a[href="#shoppers"]');
  await admin.keyboard.press("Tab");
  await admin.keyboard.press("Enter");
  await until(admin, () => !document.querySelector("#view-overview").hidden);
  await admin.keyboard.press("Shift+Tab");
  await admin.keyboard.press("Enter");
  await until(admin, () => !document.querySelector("#view-shoppers").hidden);

  // Closing a tab lowers the counts.
  await third.close();
  await counts(1, 2);
  await second.close();
  await counts(1, 1);

  // A reload keeps the sign-in and has the past of the charts.
  await admin.reload();
  await counts(1, 1);
  assertEqual(complaints, [], "the console of the pages");

  // Honest when cut off, and back by itself.
  await admin.context().setOffline(true);
  await admin.evaluate(() => globalThis.presenceDashboard.live.socket.conn.close());
  await until(admin, () => document.querySelector('#connection[data-mood="bad"]') !== null);
  await until(admin, () => document.querySelector("#notice:not([hidden])") !== null);
  await admin.screenshot({ path: `${pictures}/dashboard-offline-1280.png` });
  await admin.context().setOffline(false);
  await until(admin, () => document.querySelector('#connection[data-state="live"]') !== null);
  await counts(1, 1);

  // Signed out: nothing stays.
  await admin.click("#sign-out");
  await until(admin, () => document.querySelector("#sign-in")?.hidden === false && document.querySelector("#sign-in-said").textContent === "Signed out.");
  assertEqual(await admin.evaluate(() => sessionStorage.length), 0, "what is stored after signing out");
  await browser.close();
  return facts;
});
