// The server is stopped, or killed, and started anew: clients come back by themselves, into their channels, with their state.
import WebSocket from "ws";
import { scenario } from "./client.mjs";
import { launch, openPage } from "./page.mjs";
import { cameBack, enter } from "./restart-steps.mjs";

globalThis.WebSocket = WebSocket;
scenario(async (base, executable) => {
  await enter(base, "node");
  let browser, page;
  if (executable) {
    browser = await launch(executable);
    page = await openPage(browser, base);
    await page.evaluate(async (own) => (await import("/scenario/restart-steps.mjs")).enter(own, "browser"), base);
  }
  console.log("joined");
  await cameBack(executable ? ["browser", "node"] : ["node"]);
  await page?.evaluate(async () => (await import("/scenario/restart-steps.mjs")).cameBack(["browser", "node"]));
  await browser?.close();
});
