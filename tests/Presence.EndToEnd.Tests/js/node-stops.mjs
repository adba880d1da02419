// A node stops under shoppers: their pages reconnect to another node, and the admin loses no shopper.
import net from "node:net";
import { chromium } from "playwright-core";
import { assertEqual, scenario } from "./client.mjs";

const TIMEOUT = 30_000;

/** One address in front of several nodes, like a proxy: the first that answers gets the connection. */
function proxy(bases) {
  const targets = bases.map((base) => new URL(base));
  const server = net.createServer((client) => {
    const attempt = (i) => {
      if (i === targets.length) return client.destroy();
      const node = net.connect(Number(targets[i].port), targets[i].hostname);
      node.once("error", () => attempt(i + 1));
      node.once("connect", () => {
        node.removeAllListeners("error");
        node.on("error", () => client.destroy());
        client.on("error", () => node.destroy());
        client.pipe(node).pipe(client);
      });
    };
    attempt(0);
  });
  return new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(`http://127.0.0.1:${server.address().port}`)));
}

scenario(async (executable, password, ...bases) => {
  const shop = await proxy([bases[1], bases[2]]);
  const browser = await chromium.launch({ executablePath: executable, args: ["--no-sandbox"] });
  const until = (page, condition, argument) =>
    page.waitForFunction(condition, argument, { timeout: TIMEOUT, polling: 50 });
  const text = (page, selector, wanted) =>
    until(page, ([s, w]) => document.querySelector(s)?.textContent === w, [selector, wanted]);
  const admin = await browser.newPage();
  await admin.goto(`${bases[0]}/admin`);
  await admin.fill("#password", password);
  await admin.click("#sign-in-form button");

  const [ann, bob] = [await browser.newContext(), await browser.newContext()];
  const pages = [];
  for (const [context, path, item] of [[ann, "/", 1], [ann, "/products/1", 2], [bob, "/products/2", 5]]) {
    const page = await context.newPage();
    await page.goto(shop + path);
    await until(page, () => globalThis.shop?.state === "live" && globalThis.shop.known);
    await page.evaluate((id) => globalThis.shop.add(id), item);
    pages.push(page);
  }

  const expected = async () => {
    await text(admin, "#shoppers", "2");
    await text(admin, "#open-pages", "3");
    for (const item of [1, 2, 5]) await text(admin, `#items [data-name="${item}"] b`, "1");
  };
  await expected();
  console.log("joined");

  const owners = async () => {
    const answer = await fetch(`${bases[0]}/api/presences?topic=admin:cart_tracker`, {
      headers: { Authorization: `Basic ${btoa(`admin:${password}`)}` },
    });
    return (await answer.json()).presences.flatMap((entry) => entry.nodes);
  };
  const deadline = performance.now() + TIMEOUT;
  while (!(await owners()).every((node) => node === "node-3") || (await owners()).length !== 3) {
    if (performance.now() > deadline) throw new Error(`the pages did not come back: ${await owners()}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  for (const page of pages) await until(page, () => globalThis.shop.state === "live");
  await expected();
  assertEqual(await pages[0].evaluate(() => globalThis.shop.items), [1, 2], "ann's cart");
  assertEqual(await pages[2].evaluate(() => globalThis.shop.items), [5], "bob's cart");

  // They continue to shop, and the admin sees it.
  await pages[2].evaluate(() => globalThis.shop.add(6));
  await text(admin, '#items [data-name="6"] b', "1");
  await admin.click('nav a[href="#cluster"]');
  await until(admin, () => [...document.querySelectorAll("#events li")].some((e) => /node-2/.test(e.textContent) && /left|down/.test(e.textContent)));
  await browser.close();
});
