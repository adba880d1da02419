// The pages alone, in Chromium: answers that are late, values that change, clocks that differ, storage that is blocked.
import { chromium } from "playwright-core";
import { assert, assertEqual, scenario } from "./client.mjs";
import { BASE, standIn } from "./stand-in.mjs";

const TIMEOUT = 10_000;
// The clock of the browser, and one of a server that is ten hours behind.
const NOW = Date.parse("2030-01-01T22:00:00Z");
const SERVER = Date.parse("2030-01-01T12:00:00Z");

const numbers = { started_at: SERVER - 60_000, memory_bytes: 1 << 20, sockets: 0, channels: 0, joins: 0, updates: 0,
  leaves: 0, messages: 0, dropped: 0, slow_consumers: 0, merge_p50_ms: 0.35, merge_p99_ms: 0.42,
  handling_p50_ms: 0.04, handling_p99_ms: 12.4, sending_p50_ms: 0.15, sending_p99_ms: 6.25, lag_p50_ms: 0, lag_p99_ms: 9.5 };
const pair = (from, to, changes) => ({ from, to, status: "up", lag_ms: 0, silent_ms: 100, entries: 1, ...changes });
const node = (name, changes) => ({ name, status: "up", self: name === "one", entries: 1, version: "1", ...changes });
const cluster = (changes) => ({
  node: "one", state: "ready", version: "1", entries: 2, lag_ms: 0, at: SERVER, processes: null, events: [],
  transport: { name: "in-memory", state: "connected", since: null, last_error: null },
  nodes: [node("one"), node("a-node-with-a-long-name")],
  pairs: [pair("one", "a-node-with-a-long-name")],
  node_sessions: { one: { attached: 1, detached: 0, held_leaves: 0, resumes: { resumed: 3 } } },
  node_numbers: { one: numbers },
  node_slow: {},
  ...changes,
});
const topics = (list, examined = list.length, complete = true) => ({
  topics: list.map(([topic, count]) => ({ topic, count, keys: count })), examined, complete, next: null,
});
const presences = (key) => ({ presences: [{ key, metas: [{ phx_ref: "1" }], nodes: ["one"], detached: [false] }], next: null });
const answers = () => ({
  "/api/topics": () => topics([["room:a", 2], ["room:b", 1]]),
  "/api/history": () => ({ range: "10m", step: 5, points: [] }),
  "/api/presences": () => presences("ann"),
  "/api/keys": () => ({ keys: 2, examined: 3, complete: true }),
  "/api/topic": () => ({ topic: "room:a", count: 1, keys: 1 }),
  "/api/key": (url) => ({ key: url.searchParams.get("key"), topics: ["room:a"] }),
  "/api/counts": () => ({ counts: [], other: 0 }),
  "/api/evict": () => ({ evicted: 1 }),
});

const CASES = {
  async "Lines of items are those with the largest counts"({ page, open }) {
    const server = await shop(page, open);
    const items = { 900: 50, ...Object.fromEntries(Array.from({ length: 12 }, (_, i) => [i + 1, 1])) };
    server.push("admin:live", "stats", stats({ items }));
    await page.clock.runFor(2000);
    await until(page, () => document.querySelector('#items [data-name="900"] .line').style.background !== "");
  },

  async "Different pages are counted, also those that are not named"({ page, open }) {
    const server = await shop(page, open);
    const pages = Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`/products/${i}`, 2]));
    server.push("admin:live", "stats", stats({ pages, different_pages: 75, other_pages: 15, open_pages: 135 }));
    await until(page, () => document.querySelector("#pages-total").textContent === "75").catch(async () =>
      assertEqual(await page.locator("#pages-total").textContent(), "75", "the number of different pages"));
  },

  async "Times of live samples are those of the server, as in its history"({ page, open }) {
    await page.addInitScript(() => {
      globalThis.labels = [];
      const write = CanvasRenderingContext2D.prototype.fillText;
      CanvasRenderingContext2D.prototype.fillText = function (text, ...at) {
        globalThis.labels.push(text);
        return write.call(this, text, ...at);
      };
    });
    const server = await shop(page, open);
    server.push("admin:live", "stats", stats({}));
    server.push("admin:live", "history", { step_ms: 2000, until: SERVER, shoppers: [1, 2, 3], open_pages: [1, 2, 3], pages: {}, items: {} });
    await until(page, () => document.querySelector("#chart-shoppers canvas") !== null);
    await page.evaluate(() => (globalThis.labels.length = 0));
    await page.clock.runFor(20_000);
    // Charts are drawn in a microtask after the sample.
    await until(page, () => globalThis.labels.some((text) => /^\d\d:\d\d$/.test(text)));
    const times = await page.evaluate(() => globalThis.labels.filter((text) => /^\d\d:\d\d$/.test(text)));
    assertEqual(times.filter((time) => !/^(11:5|12:0)/.test(time)).slice(0, 3), [], "times that are not the server's");
  },

  async "Slow consumers of all nodes are named, the last one first"({ page, open }) {
    const server = await open("/admin#overview");
    server.push("admin:cluster", "cluster", cluster());
    await shows(page, "#no-slow", "Everybody has kept up");
    await until(page, () => [...document.querySelectorAll(".tile")].some((tile) => tile.textContent.startsWith("Lag") && tile.textContent.includes("99 % 9.5 ms")));
    const slow = (name, at, kind = "socket") => ({ kind, name, detail: "cut off: its queue was full", at, times: 3 });
    server.push("admin:cluster", "cluster", cluster({ node_slow: {
      one: [slow("auth_socket:ann", SERVER - 5000)],
      "a-node-with-a-long-name": [slow("room:a", SERVER - 1000, "reader"), slow("<b>bob</b>", SERVER - 9000)],
    } }));
    await until(page, () => document.querySelectorAll("#slow tr").length === 3);
    assertEqual(await page.locator("#slow th").allTextContents(), ["room:a", "auth_socket:ann", "<b>bob</b>"], "the slow consumers");
    assertEqual(await page.locator("#slow tr:first-child td").allTextContents(),
      ["Event reader of topic", "a-node-with-a-long-name", "cut off: its queue was full", "2030-01-01 11:59:59 UTC", "3"], "what is said of one");
    assert(await page.locator("#no-slow").isHidden(), "nobody is said to have kept up");
  },

  async "Different keys are counted, and those of a part are said to be more"({ page, open }) {
    const server = await open("/admin#overview", { "/api/keys": () => ({ keys: 150000, examined: 200000, complete: false }) });
    await page.clock.runFor(6000);
    server.push("admin:cluster", "cluster", cluster());
    await until(page, () => [...document.querySelectorAll(".tile")].some((tile) => tile.textContent.startsWith("Peopleover 150,000")));
  },

  async "Growth of topics is counted from the first list"({ page, open }) {
    const server = await open("/admin#overview");
    await page.clock.runFor(20_000);
    server.push("admin:cluster", "cluster", cluster());
    await go(page, "topics");
    await shows(page, "#topics-found", "2 topics. Changes are those since 2030-01-01 22:00:2");
    await shows(page, "#connection-word", "Live");
    server.answers["/api/topics"] = () => topics([["room:a", 5], ["room:new", 3]]);
    await page.clock.runFor(3000);
    await shows(page, '[data-id="room:a"] td:last-child', "+3");
    await shows(page, '[data-id="room:new"] td:last-child', "+3");
  },

  async "Growth of a topic that was not in the first list is not known"({ page, open }) {
    const server = await open("/admin#topics", { "/api/topics": () => topics([["room:a", 2]], 150) });
    await shows(page, "#topics-found", "150 topics, the 1 largest.");
    server.push("admin:cluster", "cluster", cluster());
    await shows(page, "#connection-word", "Live");
    server.answers["/api/topics"] = () => topics([["room:old", 90], ["room:a", 2]], 150);
    await page.clock.runFor(3000);
    await shows(page, '[data-id="room:old"] td:last-child', "–");
    await shows(page, '[data-id="room:a"] td:last-child', "0");
  },

  async "Largest topics of a part are said to be those of a part"({ page, open }) {
    await open("/admin#topics", { "/api/topics": () => topics([["room:a", 2]], 200_000, false) });
    await shows(page, "#topics-found", "of the first 200,000 topics by name");
    await go(page, "overview");
    await shows(page, "#largest-said", "Of the first 200,000 topics by name");
  },

  async "Eviction ends the key that was found, not the one being typed"({ page, open }) {
    const server = await open("/admin#topics?key=ann");
    await shows(page, "#where-said", "ann is in 1 topic");
    await page.fill("#key", "bob");
    await page.click("#where-evict");
    await shows(page, "#where-said", "Done: 1 ended.");
    assertEqual(server.requests.find(({ path }) => path === "/api/evict").body, { key: "ann" }, "the evicted key");
  },

  async "Late counts of a topic are not shown under another"({ page, open }) {
    const late = gate();
    const server = await open("/admin#presences?topic=a&field=page", {
      "/api/counts": async (url) => {
        const topic = url.searchParams.get("topic");
        if (topic === "a") await late.opened;
        return { counts: [{ value: `of ${topic}`, count: 1 }], other: 0 };
      },
    });
    await until(page, () => document.querySelectorAll("#rows tr").length === 1);
    await untilRequested(server, "/api/counts");
    await go(page, "presences?topic=b&field=page");
    await shows(page, "#counts", "of b");
    const came = page.waitForResponse(/api\/counts\?topic=a/);
    late.open();
    await came;
    await page.evaluate(() => fetch("/api/topic"));
    assertEqual(await page.locator("#counts .label").allTextContents(), ["of b"], "the counts under b");
  },

  async "Counts name an absent value and tell cut values apart"({ page, open }) {
    const cut = `${"x".repeat(100)}…`;
    await open("/admin#presences?topic=a&field=page", {
      "/api/counts": () => ({ counts: [[null, 3], ["null", 2], [cut, 1], [cut, 1]].map(([value, count]) => ({ value, count })), other: 1 }),
    });
    await until(page, () => document.querySelectorAll("#counts li").length === 5);
    assertEqual(await page.locator("#counts .label").allTextContents(), ["(no value)", "null", cut, cut, "all others"], "the values");
  },

  async "Failure to read a topic is said with its reason"({ page, open }) {
    await open("/admin#presences?topic=a", { "/api/topic": () => ({ status: 503, body: { detail: "the node stops" } }) });
    await shows(page, "#found", "Not read: the node stops");
  },

  async "Copy selects the key where the browser does not permit copying"({ page, open }) {
    await open("/admin#presences?topic=a");
    await page.click('button[aria-label="Copy ann"]');
    await shows(page, "#evicted", "The key is selected");
    assertEqual(await page.evaluate(() => getSelection().toString().trim()), "ann", "the selected text");
  },

  async "Merge times have one format"({ page, open }) {
    const server = await open("/admin#overview");
    server.push("admin:cluster", "cluster", cluster());
    await shows(page, '#tiles [data-id="Merge"] .big', "0.42 ms");
    await shows(page, '#tiles [data-id="Merge"] .soft', "99 %; median 0.35 ms");
  },

  async "Times that no node has measured are not shown as 0"({ page, open }) {
    const server = await open("/admin#overview");
    server.push("admin:cluster", "cluster", cluster());
    await shows(page, '#tiles [data-id="Handling"] .big', "12 ms");
    await shows(page, '#tiles [data-id="Sending"] .big', "6.25 ms");
    const none = { ...numbers, handling_p50_ms: 0, handling_p99_ms: 0, sending_p50_ms: 0, sending_p99_ms: 0 };
    server.push("admin:cluster", "cluster", cluster({ node_numbers: { one: none } }));
    await shows(page, '#tiles [data-id="Handling"] .soft', "none yet");
    for (const name of ["Handling", "Sending"]) {
      assertEqual(await page.textContent(`#tiles [data-id="${name}"] .big`), "–", name);
    }
  },

  async "Picture and tables of the cluster keep a selection when numbers change"({ page, open }) {
    const server = await open("/admin#cluster");
    server.push("admin:cluster", "cluster", cluster());
    const long = "a-node-with-a-long-name";
    await shows(page, "#lag", long);
    const cell = `#lag [data-id="one"] td:last-child`;
    const places = [["#lag tr:last-child th", long], ["#lag-head th:last-child", long], ["#picture .name", "one"], ["#sessions th", "one"], ["#resumes th", "resumed"]];
    for (const [where, wanted] of places) {
      await page.evaluate((selector) => getSelection().selectAllChildren(document.querySelector(selector)), where);
      assertEqual(await selected(page), wanted, `the selection of ${where}`);
      const entries = 10 + server.requests.length + where.length;
      const nodes = [node("one", { entries }), node(long)];
      server.push("admin:cluster", "cluster", cluster({ entries, nodes, pairs: [pair("one", long, { silent_ms: 5000 })], at: SERVER + 1000 }));
      await shows(page, "#cluster-summary", `, ${entries} presences`);
      await shows(page, "#picture", `${entries}`);
      assertEqual(await selected(page), wanted, `the selection of ${where} after a message`);
    }
    assertEqual(await page.locator("#picture title").allTextContents(), ["one", long], "whole names in the picture");
    assert((await page.getAttribute(cell, "title")).includes("5.0 s ago"), "the tooltip follows");
    server.push("admin:cluster", "cluster", cluster({ nodes: [node("one"), node(long, { status: "down" })], pairs: [pair("one", long, { status: "down" })] }));
    await until(page, (selector) => document.querySelector(selector).textContent === "down", `${cell} .status.down`);
    await shows(page, "#picture .lag", "down");
    assertEqual(await page.locator("#picture .node.down").count(), 1, "nodes down in the picture");
  },

  async "Nothing is said to be absent before data has come"({ page, open }) {
    const server = await open("/admin#cluster");
    for (const id of ["no-processes", "no-resumes", "no-events", "no-topics"]) {
      assert(await page.locator(`#${id}`).isHidden(), `#${id} is hidden at first`);
    }
    server.push("admin:cluster", "cluster", cluster());
    await page.locator("#no-processes").waitFor({ timeout: TIMEOUT });
  },

  async "Skip link moves the focus and leaves the view"({ page, open }) {
    await open("/admin#topics");
    await page.focus("a.skip");
    await page.keyboard.press("Enter");
    await until(page, () => document.activeElement.id === "views");
    assertEqual(await page.evaluate(() => location.hash), "#topics", "the address");
    assert(await page.locator("#view-topics").isVisible(), "the view stays");
  },

  async "Sign-out works where storage is blocked"({ page, open }) {
    await page.addInitScript(() =>
      Object.defineProperty(globalThis, "sessionStorage", { get: () => { throw new DOMException("blocked", "SecurityError"); } }));
    const signIn = { "/admin/sign-in": () => ({ token: "t", expires: "2999-01-01T00:00:00Z" }) };
    await open("/admin", signIn, { signedIn: false });
    await page.fill("#password", "secret");
    await page.click("#sign-in-form button");
    await page.click("#sign-out");
    await shows(page, "#sign-in-said", "Signed out.");
    await page.reload();
    assertEqual(await page.locator("#sign-in-said").textContent(), "", "what is said after another reload");
  },

  async "Line is broken where nothing was recorded"({ page, open }) {
    const begin = SERVER / 1000;
    const rest = { entries: 7, joins: 0, leaves: 0, messages: 0, lag_ms: 0, memory_bytes: 0, sockets: 0 };
    const points = [0, 5, 10, 400, 405].map((second) => ({ at: begin + second, ...rest }));
    await open("/admin#overview", { "/api/history": () => ({ range: "10m", step: 5, points }) });
    const over = page.locator("#chart-entries .u-over");
    await over.waitFor({ timeout: TIMEOUT });
    const { width, height } = await over.boundingBox();
    const value = page.locator("#chart-entries .u-series:nth-child(2) .u-value");
    await over.hover({ position: { x: 1, y: height / 2 } });
    await page.clock.runFor(100);
    await shows(page, "#chart-entries .u-series:nth-child(2) .u-value", "7");
    await over.hover({ position: { x: width * 0.3, y: height / 2 } });
    await page.clock.runFor(100);
    await shows(page, "#chart-entries .u-series:nth-child(2) .u-value", "–");
    assertEqual(await value.textContent(), "–", "the value in the gap");
  },

  async "People of a chat keep their rows, and messages have a day"({ page, open }) {
    const server = await open("/chat?name=ann&room=lobby");
    await untilJoined(server, "chat:lobby");
    const meta = (typing, ref) => ({ metas: [{ typing, phx_ref: ref }] });
    server.push("chat:lobby", "presence_state", { ann: meta(false, "1"), bob: meta(false, "2"), eve: meta(false, "3") });
    await until(page, () => document.querySelectorAll("#people li").length === 3);
    await page.evaluate(() => getSelection().selectAllChildren([...document.querySelectorAll("#people .key")].at(-1)));
    server.push("chat:lobby", "presence_diff", {
      joins: { ann: { metas: [{ typing: true, phx_ref: "4", phx_ref_prev: "1" }] }, cat: meta(false, "5") },
      leaves: { ann: meta(false, "1"), bob: meta(false, "2") },
    });
    await shows(page, "#people-title", "3 people");
    await until(page, () => document.querySelectorAll("#people .facts:not([hidden])").length === 1);
    assertEqual((await page.locator("#people .key").allTextContents()).sort(), ["ann", "cat", "eve"], "the people");
    assertEqual(await selected(page), "eve", "the selected name");
    server.push("chat:lobby", "message", { name: "bob", text: "hello", at: SERVER });
    await shows(page, "#messages", "hello");
    const time = page.locator("#messages time");
    assertEqual(await time.getAttribute("datetime"), "2030-01-01T12:00:00.000Z", "the moment of a message");
    assertEqual(await time.textContent(), "12:00", "the time of a message");
    assertEqual(await time.getAttribute("title"), "2030-01-01 12:00:00 UTC", "the day, time and zone of a message");
  },

  async "Times of who is online have the format of the other pages"({ page, open }) {
    const server = await open("/tracked?user_id=ann", {
      "/token": () => ({ status: 200, headers: { "Token-Lifetime": "3600" }, body: "t" }),
    });
    await untilJoined(server, "tracked");
    const meta = (ref) => ({ metas: [{ online_at: SERVER, phx_ref: ref }] });
    server.push("tracked", "presence_state", { ann: meta("1") });
    await shows(page, "#people", "ann");
    assertEqual(await page.locator("#people .since").getAttribute("title"), "since 2030-01-01 12:00:00 UTC", "the title");
    server.push("tracked", "presence_diff", { joins: { bob: meta("2") }, leaves: {} });
    await shows(page, "#feed", "bob came online");
    const time = page.locator("#feed time");
    assert(/^22:00:\d\d$/.test(await time.textContent()), `the time of an event: ${await time.textContent()}`);
    const title = await time.getAttribute("title");
    assert(/^2030-01-01 22:00:\d\d UTC$/.test(title), `the day, time and zone of an event: ${title}`);
    assert(/^2030-01-01T22:00:\d\d\.\d\d\dZ$/.test(await time.getAttribute("datetime")), "the moment of an event");
    server.disconnect();
    await shows(page, "#notice", "as of 22:00 ");
  },

  async "Audience is shown as a number with a sample while it is large, and as people before and after"({ page, open }) {
    const server = await open("/audience?user_id=eve", {
      "/token": () => ({ status: 200, headers: { "Token-Lifetime": "3600" }, body: "t" }),
    });
    const topic = "audience:main";
    await untilJoined(server, topic);
    const people = (...keys) => Object.fromEntries(keys.map((key) => [key, { metas: [{ online_at: SERVER, phx_ref: key }] }]));
    server.push(topic, "presence_state", people("ann", "eve"));
    await shows(page, "#headline", "2 people are here");
    assertEqual(await page.locator("#people .key").allTextContents(), ["ann", "eve"], "the members");

    server.push(topic, "presence_mode", { mode: "counts" });
    server.push(topic, "presence_counts", { count: 1250, keys: 1234, exact: true, at: SERVER, sample: people("ann", "bob", "eve") });
    await shows(page, "#headline", "1,234 people are here, of whom some:");
    await shows(page, "#devices", "On 1,250 devices, counted at 12:00:00.");
    assertEqual(await page.locator("#sample .key").allTextContents(), ["eve", "ann", "bob"], "the sample, oneself first");
    assertEqual(await page.locator("#sample .badge:not([hidden])").count(), 1, "chips that are oneself");
    assertEqual(await page.locator("#people li").count(), 0, "listed people");
    server.push(topic, "presence_counts", { count: 1251, keys: 1235, exact: true, at: SERVER });
    await shows(page, "#headline", "1,235 people");
    assertEqual(await page.locator("#sample li").count(), 3, "the sample that has not changed");

    server.replies = { presence_page: ({ after }) => after
      ? { presences: people("eve"), next: null }
      : { presences: people("ann", "bob"), next: "bob" } };
    await page.click("text=Show all");
    await shows(page, "#pages-said", "The first 2 ");
    await page.click("text=More");
    await shows(page, "#pages-said", "All 3 ");
    assertEqual(await page.locator("#people .key").allTextContents(), ["ann", "bob", "eve"], "the pages");

    server.push(topic, "presence_mode", { mode: "members" });
    server.push(topic, "presence_state", people("eve"));
    await shows(page, "#headline", "1 person is here");
    assertEqual(await page.locator("#people .key").allTextContents(), ["eve"], "the members again");
    assert(await page.locator("#sample").isHidden(), "the sample is gone");
  },
};

/** The view of the shop, open and joined. */
async function shop(page, open) {
  const server = await open("/admin#shoppers");
  await until(page, () => document.querySelector("#shoppers") !== null);
  await untilJoined(server, "admin:live");
  server.push("admin:cluster", "cluster", cluster());
  await shows(page, "#connection-word", "Live");
  return server;
}

const stats = (changes) => ({
  shoppers: 3, open_pages: 3, pages: {}, items: {}, different_pages: 0, other_pages: 0, other_items: 0, at: SERVER, ...changes,
});

const selected = (page) => page.evaluate(() => getSelection().toString().trim());

const until = (page, condition, argument) => page.waitForFunction(condition, argument, { timeout: TIMEOUT, polling: 20 });

const shows = (page, selector, wanted) =>
  until(page, ([s, w]) => document.querySelector(s)?.textContent.includes(w), [selector, wanted]).catch(async () =>
    assertEqual(await page.locator(selector).allTextContents(), wanted, selector));

async function go(page, hash) {
  await page.evaluate((h) => (location.hash = h), hash);
  await until(page, (view) => document.querySelector(`#view-${view}`).hidden === false, hash.split("?")[0]);
}

function gate() {
  let open;
  const opened = new Promise((resolve) => (open = resolve));
  return { opened, open };
}

/** Waits for what the page does at the server. */
async function waitFor(what, condition) {
  const end = performance.now() + TIMEOUT;
  while (!condition()) {
    assert(performance.now() < end, what);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

const untilJoined = (server, topic) => waitFor(`the page joins ${topic}`, () => server.channels.has(topic));
const untilRequested = (server, path) => waitFor(`the page requests ${path}`, () => server.requests.some((one) => one.path === path));

scenario(async (executable, root, only = "") => {
  const browser = await chromium.launch({ executablePath: executable, args: ["--no-sandbox"] });
  const failures = [];
  const names = Object.keys(CASES).filter((name) => name.includes(only));
  for (const name of names) {
    // Other digits, order and calendar than those of the pages, which have one format for every reader.
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, timezoneId: "UTC", locale: "ar-EG" });
    const page = await context.newPage();
    page.on("pageerror", (error) => failures.push(`${name}: the page: ${error}`));
    page.on("dialog", (dialog) => dialog.accept());
    await page.clock.install({ time: NOW });
    const open = async (address, changed = {}, options = {}) => {
      const server = await standIn(root, page, { ...answers(), ...changed }, options);
      await page.goto(BASE + address);
      if (address.startsWith("/admin#")) await untilJoined(server, "admin:cluster");
      return server;
    };
    try {
      await CASES[name]({ page, open });
    } catch (error) {
      failures.push(`${name}: ${error.message}`);
    }
    await context.close();
  }
  await browser.close();
  assertEqual(failures, [], "failed cases");
  return { cases: names.length };
});
