import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, onTestFinished } from "vitest";

const PATHS = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
const found = [process.env.AGORA_CHROMIUM, ...PATHS].find((path) => path !== undefined && existsSync(path));
const isBuilt = existsSync(fileURLToPath(new URL("../../dist/web/index.html", import.meta.url)));

/** `describe` for tests in a browser; reported as skipped where there is no Chromium, or the page has not been built. */
export const describeInBrowser = describe.skipIf(found === undefined || !isBuilt);

let browser: Browser;

/** To be called once in a file of such tests. @param args of Chromium */
export function useBrowser({ args: more = [] }: { args?: string[] } = {}): void {
  beforeAll(async () => {
    const args = [
      "--no-sandbox",
      "--disable-dev-shm-usage",
      "--autoplay-policy=no-user-gesture-required",
      ...more,
    ];
    browser = await chromium.launch({ executablePath: found!, args });
  });
  afterAll(() => browser.close());
}

export interface OpenPage {
  page: Page;
  /** What the page has complained of, what its policy refused among it. */
  complaints: string[];
  /** Where requests went that did not go to the page's own server. */
  strays: string[];
}

/** A page with nothing remembered, closed after the test. */
export async function openPage(
  url: string,
  options: NonNullable<Parameters<Browser["newPage"]>[0]> = {},
): Promise<OpenPage> {
  const page = await browser.newPage({ locale: "en-US", viewport: { width: 1440, height: 900 }, ...options });
  onTestFinished(() => page.close());
  const { origin } = new URL(url);
  const [complaints, strays]: string[][] = [[], []];
  page.on("console", (message) => message.type() === "error" && complaints!.push(message.text()));
  page.on("pageerror", (error) => complaints!.push(error.message));
  page.on("request", (request) => {
    if (!request.url().startsWith(origin) && !request.url().startsWith("blob:")) strays!.push(request.url());
  });
  await page.goto(url);
  return { page, complaints: complaints!, strays: strays! };
}
