// A page of a node with only the stock client and the scenarios, in Chromium.
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const IMPORTS = { imports: { phoenix: "/scenario/node_modules/phoenix/priv/static/phoenix.mjs" } };

export const launch = (executable) => chromium.launch({ executablePath: executable, args: ["--no-sandbox"] });

/**
 * The page comes from the node, like a page of the application: browsers block access of foreign pages to local
 * addresses. Only the scripts are added.
 */
export async function openPage(browser, base) {
  const page = await browser.newPage();
  await page.route("**/scenario/**", async (route) => {
    const path = new URL(route.request().url()).pathname.replace("/scenario/", "./");
    const body = await readFile(fileURLToPath(new URL(path, import.meta.url)));
    await route.fulfill({ contentType: "text/javascript", body });
  });
  await page.goto(`${base}/health/live`);
  await page.evaluate((map) => {
    const script = document.createElement("script");
    script.type = "importmap";
    script.textContent = JSON.stringify(map);
    document.head.append(script);
  }, IMPORTS);
  return page;
}
