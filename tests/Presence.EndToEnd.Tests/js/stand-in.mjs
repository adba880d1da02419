// A stand-in for the server of a page in Chromium: it serves the built pages and answers when and as a test wants.
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";

export const BASE = "http://pages.test";
const EXPIRES = "2999-01-01T00:00:00Z";
const TYPES = { js: "text/javascript", css: "text/css", html: "text/html; charset=utf-8" };

/**
 * @param root folder of the repository @param page a page of Playwright
 * @param answers by path: (url, request) => body, or {status, body, headers}; may be asynchronous
 */
export async function standIn(root, page, answers = {}, { signedIn = true } = {}) {
  const dashboard = join(root, "artifacts/obj/Presence.Dashboard/pages");
  const samples = join(root, "artifacts/obj/Samples.Web/pages");
  const server = { answers, requests: [], channels: new Map(), signedIn };
  const asset = (ending) => readdir(dashboard).then((names) => names.find((name) => name.endsWith(ending)));
  const show = async (path, values) => {
    const html = await readFile(join(root, path), "utf8");
    return html.replace(/\{\{(\w+)\}\}/g, (_, name) => values[name] ?? "");
  };
  const pages = {
    "/admin": async () => show("src/Presence.Dashboard/web/page.html", {
      token: server.signedIn ? `<meta name="presence-token" content="t" data-expires="${EXPIRES}">` : "",
      script: await asset(".js"),
      style: await asset(".css"),
      views: '<a href="#shoppers" data-script="/assets/dashboard-shoppers.js">Shoppers</a>',
    }),
    "/chat": () => show("samples/web/pages/chat.html", { node: "node-1" }),
    "/audience": () => show("samples/web/pages/audience.html", { node: "node-1" }),
    "/tracked": () => show("samples/web/pages/tracked.html", { node: "node-1" }),
  };
  await page.route(`${BASE}/**`, async (route) => {
    const request = route.request();
    const url = new URL(request.url());
    const fulfill = (file, body) => route.fulfill({ contentType: TYPES[file.split(".").at(-1)], body });
    if (pages[url.pathname]) return fulfill(".html", await pages[url.pathname]());
    const file = url.pathname.split("/").at(-1);
    if (url.pathname.startsWith("/admin/assets/")) return fulfill(file, await readFile(join(dashboard, file)));
    if (/^(\/playground)?\/assets\//.test(url.pathname)) return fulfill(file, await readFile(join(samples, file)));
    server.requests.push({ path: url.pathname, url, body: request.postDataJSON() });
    const given = (await server.answers[url.pathname]?.(url, request)) ?? { status: 404, body: {} };
    const { status, body, headers } = given.status ? given : { status: 200, body: given };
    await route.fulfill({ status, headers, json: body });
  });
  await page.routeWebSocket(/\/websocket/, (socket) => {
    server.disconnect = () => socket.close();
    socket.onMessage((text) => {
      const [joinRef, ref, topic, event, body] = JSON.parse(text);
      if (event === "phx_join") server.channels.set(topic, (name, sent) => socket.send(JSON.stringify([joinRef, null, topic, name, sent])));
      const response = server.replies?.[event]?.(body) ?? {};
      socket.send(JSON.stringify([joinRef, ref, topic, "phx_reply", { status: "ok", response }]));
    });
  });
  /** Sends an event to a channel that the page has joined. */
  server.push = (topic, name, body) => server.channels.get(topic)(name, body);
  return server;
}
