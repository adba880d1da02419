// The dashboard of an application with rooms, in Chromium: what an operator looks for, actions, links, accessibility.
import axe from "axe-core";
import { chromium } from "playwright-core";
import { assert, assertEqual, enter, scenario, signIn, until } from "./client.mjs";

const TIMEOUT = 20_000;
const VIEWS = ["overview", "topics", "presences", "cluster", "actions", "shoppers"];

scenario(async (executable, pictures, password, ...bases) => {
  const rooms = new Map();
  const add = async (user, room) => {
    const client = await signIn(bases[rooms.size % bases.length], user);
    rooms.set(`${user} in ${room}`, { client, ...(await enter(client, `room:${room}`, { meta: { city: `C${rooms.size % 3}` } })) });
  };
  for (let i = 0; i < 6; i++) await add(`p${i}`, "mill");
  for (let i = 0; i < 3; i++) await add(`q${i}`, "harbour");
  await add("ann", "mill");
  await add("ann", "attic");

  const browser = await chromium.launch({ executablePath: executable, args: ["--no-sandbox"] });
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, permissions: ["clipboard-read", "clipboard-write"] });
  const page = await context.newPage();
  const complaints = [];
  page.on("console", (message) => ["error", "warning"].includes(message.type()) && complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("dialog", (dialog) => dialog.accept());
  const shows = (selector, wanted) =>
    page
      .waitForFunction(([s, w]) => document.querySelector(s)?.textContent.includes(w), [selector, wanted], { timeout: TIMEOUT, polling: 50 })
      .catch(async () => assertEqual(await page.locator(selector).allTextContents(), wanted, selector));
  const go = async (hash) => {
    await page.evaluate((h) => (location.hash = h), hash);
    await page.waitForFunction((view) => document.querySelector(`#view-${view}`).hidden === false, hash.split("?")[0], { timeout: TIMEOUT });
  };

  // Overview: the largest topic, and ranges that a link keeps.
  await page.goto(`${bases[0]}/admin#overview?range=1h`);
  await page.fill("#password", password);
  await page.click("#sign-in-form button");
  await shows('#tiles [data-id="Presences"] .big', "11");
  await shows('#tiles [data-id="Topics"] .big', "3");
  await shows('#tiles [data-id="Nodes"] .big', "3 / 3");
  await shows('#tiles [data-id="Connections"] .big', "12");
  await shows("#largest li:first-child", "room:mill");
  await shows('#ranges [aria-pressed="true"]', "1 h");
  await page.click('#ranges [data-range="10m"]');
  await page.waitForSelector("#chart-entries canvas", { timeout: TIMEOUT });
  assertEqual(await page.evaluate(() => location.hash), "#overview", "the address of the default range");

  // Topics: who is in the largest, growth, and where ann is.
  await go("topics");
  await shows("#topic-rows tr:first-child", "room:mill");
  await add("late", "harbour");
  await shows('#topic-rows [data-id="room:harbour"] td:last-child', "+1");
  await go("topics?key=ann");
  await shows("#where-said", "2 topics");
  await page.click('#where-topics a >> text="room:mill"');
  await shows("#found", 'with "ann"');
  assertEqual(await page.evaluate(() => location.hash), "#presences?topic=room%3Amill&search=ann", "the address of a search");
  await page.click('button[aria-label="Copy ann"]');
  await shows('button[aria-label="Copy ann"]', "Copied");
  assertEqual(await page.evaluate(() => navigator.clipboard.readText()), "ann", "the copied key");

  // Actions: evict, broadcast, disconnect.
  await page.click('button[aria-label="Evict ann"]');
  await shows("#evicted", "Done: 1 ended.");
  await until("ann leaves the mill", () => !rooms.get("p0 in mill").has("ann"));
  assert(rooms.get("ann in attic").has("ann"), "ann stays in the attic");
  await go("actions");
  await page.fill("#b-topic", "room:mill");
  await page.fill("#b-event", "message");
  await page.fill("#b-payload", "{");
  await page.click("#broadcast button");
  await shows("#broadcast-said", "not valid JSON");
  await page.fill("#b-payload", '{"text":"hello"}');
  await page.click("#broadcast button");
  await shows("#broadcast-said", "Done.");
  await until("the broadcast arrives", () => rooms.get("p1 in mill").messages.some(({ text }) => text === "hello"));
  const closed = new Promise((resolve) => rooms.get("p2 in mill").client.socket.onClose(resolve));
  await page.fill("#d-id", "auth_socket:p2");
  await page.click("#disconnect button");
  await shows("#disconnect-said", "Done.");
  await closed;
  await page.fill("#e-key", "late");
  await page.click("#evict button");
  await shows("#evict-said", "Done: 1 ended.");

  // Cluster: version and time of each node, and the log.
  await go("cluster");
  for (const node of [1, 2, 3]) await shows(`#nodes [data-id="node-${node}"] td:nth-child(3)`, ".");
  await shows('#nodes [data-id="node-3"] td:nth-child(4)', "s");
  await shows("#no-processes", "No node has added");

  // Every view in both themes and widths.
  const violations = [];
  for (const [width, height] of [[1280, 900], [390, 844]]) {
    await page.setViewportSize({ width, height });
    for (const view of VIEWS) {
      await go(view === "presences" ? "presences?topic=room:mill" : view);
      if (view === "presences") await shows("#found", "on this page");
      if (view === "overview") await page.waitForSelector("#chart-entries canvas", { timeout: TIMEOUT });
      for (const colorScheme of ["light", "dark"]) {
        await page.emulateMedia({ colorScheme });
        await page.screenshot({ path: `${pictures}/operator-${view}-${colorScheme}-${width}.png`, fullPage: true });
        await page.evaluate(axe.source);
        const found = await page.evaluate(() =>
          globalThis.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"] }));
        for (const { id, nodes } of found.violations) {
          violations.push(`${view} ${colorScheme} ${width}: ${id} at ${nodes.map((node) => node.target).join(", ")}: ${nodes[0].failureSummary}`);
        }
      }
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert(wide <= 0, `the view ${view} fits a window of ${width} px (${wide} px too wide)`);
    }
  }

  assertEqual(violations, [], "what axe finds");
  assertEqual(complaints, [], "the console of the page");
  await browser.close();
  return { violations: violations.length, views: VIEWS.length };
});
