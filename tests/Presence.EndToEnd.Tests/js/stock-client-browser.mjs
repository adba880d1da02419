// The promises to the stock client, in Chromium.
import { scenario } from "./client.mjs";
import { launch, openPage } from "./page.mjs";

scenario(async (executable, base) => {
  const browser = await launch(executable);
  const page = await openPage(browser, base);
  const done = await page.evaluate(
    async (own) => (await import("/scenario/stock-client.mjs")).runAll([own], "browser"),
    base,
  );

  // Two tabs in earnest: two pages.
  const other = await openPage(browser, base);
  for (const tab of [page, other]) {
    await tab.evaluate(async (own) => {
      const { entered, open, token } = await import("/scenario/stock-client.mjs");
      globalThis.room = await entered(open(own, "/auth_socket", { params: { token: await token(own, "ann") } }), "room:tabs");
    }, base);
  }
  const devices = (tab, count) =>
    tab.evaluate(async (wanted) => {
      const { until } = await import("/scenario/expect.mjs");
      await until(`${wanted} tabs`, () => globalThis.room.metas("ann").length === wanted);
    }, count);
  await devices(page, 2);
  await devices(other, 2);
  await other.close();
  await devices(page, 1);
  await browser.close();
  return [...done, "two pages"];
});
