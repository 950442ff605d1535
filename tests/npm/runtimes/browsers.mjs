// Browsers that the system has, without a window, each started once.
import puppeteer from "puppeteer-core";

// Chromium has no sandbox for root, which tests often are; and it is to ask nothing of the network.
const FLAGS = {
  chrome: [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
  ],
  firefox: [],
};

export function browser(kind, program) {
  let started;
  const start = () =>
    puppeteer.launch({
      browser: kind,
      executablePath: `/usr/bin/${program}`,
      protocolTimeout: 600_000,
      args: FLAGS[kind],
    });
  return {
    /** The answer of a page, once it has one; what goes wrong in the page is one, too. */
    async open(url, answer = "globalThis.calls", timeout = 20_000) {
      started ??= start();
      const page = await (await started).newPage();
      const wrong = [];
      page.on("pageerror", (error) => wrong.push(`${error}`));
      page.on("console", (message) => {
        if (message.type() === "error") wrong.push(message.text());
      });
      page.on("requestfailed", (request) => wrong.push(`no ${request.url()}`));
      try {
        await page.goto(url);
        const answered = await page.waitForFunction(answer, { timeout });
        return await answered.jsonValue();
      } catch (error) {
        throw new Error(`${url}: ${error.message}\n${wrong.join("\n")}`);
      } finally {
        await page.close();
      }
    },
    close: async () => (await started?.catch(() => {}))?.close(),
  };
}
