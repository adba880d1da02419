// The pages behind a proxy that serves the host below /presence and strips that.
import { createServer, request } from "node:http";
import { connect } from "node:net";
import { chromium } from "playwright-core";
import { assertEqual, scenario } from "./client.mjs";

const PREFIX = "/presence";
const TIMEOUT = { timeout: 20_000, polling: 50 };

scenario(async (executable, password, base) => {
  const target = new URL(base);
  const outside = [];
  const stripped = (asked) => {
    if (!asked.url.startsWith(`${PREFIX}/`)) outside.push(asked.url);
    return asked.url.slice(PREFIX.length);
  };
  const proxy = createServer((asked, answer) => {
    const headers = { ...asked.headers, "x-forwarded-prefix": PREFIX };
    const passed = request({ port: target.port, path: stripped(asked), method: asked.method, headers }, (got) => {
      answer.writeHead(got.statusCode, got.headers);
      got.pipe(answer);
    });
    asked.pipe(passed);
  });
  proxy.on("upgrade", (asked, socket) => {
    const lines = asked.rawHeaders.flatMap((h, i, all) => (i % 2 === 0 ? [`${h}: ${all[i + 1]}`] : []));
    const passed = connect(target.port, () =>
      passed.write([`GET ${stripped(asked)} HTTP/1.1`, ...lines, `X-Forwarded-Prefix: ${PREFIX}`, "", ""].join("\r\n")));
    passed.pipe(socket).pipe(passed);
    for (const one of [passed, socket]) one.on("error", () => one.destroy());
  });
  await new Promise((listening) => proxy.listen(0, "127.0.0.1", listening));
  const root = `http://127.0.0.1:${proxy.address().port}${PREFIX}`;
  const browser = await chromium.launch({ executablePath: executable, args: ["--no-sandbox"] });

  const shop = await browser.newPage();
  await shop.goto(`${root}/`);
  await shop.waitForFunction(() => globalThis.shop?.state === "live", null, TIMEOUT);
  await shop.click('a[href$="/products/2"]');
  await shop.waitForFunction(() => globalThis.shop?.state === "live" && location.pathname === "/presence/products/2", null, TIMEOUT);

  const tracked = await browser.newPage();
  await tracked.goto(`${root}/tracked?user_id=ann`);
  await tracked.waitForFunction(() => document.querySelector('#people [data-key="ann"]') !== null, null, TIMEOUT);

  const admin = await browser.newPage();
  await admin.goto(`${root}/admin`);
  await admin.fill("#password", password);
  await admin.click("#sign-in-form button");
  await admin.waitForFunction(() => document.querySelector('#pages [data-name="/products/2"]') !== null, null, TIMEOUT);
  assertEqual(outside, [], "requests outside of the prefix");
  await browser.close();
  proxy.closeAllConnections();
  proxy.close();
});
