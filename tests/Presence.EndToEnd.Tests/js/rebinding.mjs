// DNS rebinding: a foreign page whose name resolves to this machine after it was loaded. Usage: node rebinding.mjs CHROMIUM
// URL EXPECTED, where EXPECTED is what becomes of each attempt: "refused", or "open" against a host that allows any name.
import { chromium } from "playwright-core";
import { assertEqual, scenario } from "./client.mjs";

const NAME = "rebound.example";

scenario(async (executable, base, expected) => {
  const { host, port } = new URL(base);
  const rebound = `${NAME}:${port}`;
  const rules = `--host-resolver-rules=MAP ${NAME} 127.0.0.1`;
  const browser = await chromium.launch({ executablePath: executable, args: ["--no-sandbox", rules] });

  // A page of the attacker's origin. It has this machine's address from the start: to a page with another one browsers
  // deny the access themselves, and the host shall not depend on it. Nor on its own policy for scripts.
  const page = await browser.newPage({ bypassCSP: true });
  await page.goto(`http://${rebound}/health/live`);
  await page.evaluate(() => {
    globalThis.read = (address) => fetch(address, { cache: "no-store" })
      .then(async (answer) => (answer.ok ? answer.text() : ""), () => "");
    globalThis.open = (address) => new Promise((done) => {
      const socket = new WebSocket(address);
      socket.onopen = () => done("open");
      socket.onerror = () => done("");
    });
  });
  const attempts = await page.evaluate(async (rebound) => {
    const token = await read("/token?user_id=ann");
    return {
      token,
      socket: await open(`ws://${rebound}/socket/websocket?vsn=2.0.0`),
      "socket of a user": await open(`ws://${rebound}/auth_socket/websocket?vsn=2.0.0&token=${encodeURIComponent(token)}`),
      "long poll": await read("/socket/longpoll?vsn=2.0.0"),
      dashboard: await read("/admin"),
    };
  }, rebound);
  for (const [attempt, result] of Object.entries(attempts)) {
    assertEqual(result === "" ? "refused" : "open", expected, attempt);
  }

  // Under the host's own address the page is of another origin.
  const own = await page.evaluate(async (host) => ({
    token: await read(`http://${host}/token?user_id=ann`),
    socket: await open(`ws://${host}/socket/websocket?vsn=2.0.0`),
  }), host);
  assertEqual(own, { token: "", socket: "" }, "the host under its own address");
  await browser.close();
});
