import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Page } from "playwright-core";
import { expect, it, onTestFinished } from "vitest";
import { describeInBrowser, openPage, useBrowser } from "../support/browser.js";
import { startHttp } from "../support/http-server.js";
import { RECORDING } from "../support/server.js";

/** Another site, whose only page has a form for a recording. @returns its origin */
async function startSite(action: () => string): Promise<string> {
  const site = createServer((_, response) => {
    response.setHeader("content-type", "text/html; charset=utf-8");
    response.end(`<!doctype html><title>A site</title>
      <form method="post" enctype="multipart/form-data" action="${action()}/v1/audio/transcriptions">
      <input type="hidden" name="model" value="whisper-1"><input type="file" name="file"><button>Send</button></form>`);
  });
  await new Promise<void>((resolve) => site.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void site.close());
  return `http://127.0.0.1:${(site.address() as AddressInfo).port}`;
}

/** Sends the form. @returns the text of the answer, which the browser shows in its place */
async function send(page: Page, action: string): Promise<string> {
  await page.setInputFiles("input[type=file]", {
    name: "Звонок.wav",
    mimeType: "audio/wav",
    buffer: RECORDING,
  });
  await page.getByRole("button", { name: "Send" }).click();
  await page.waitForURL(`${action}/**`);
  return page.locator("pre").innerText();
}

describeInBrowser("a form of a page in a browser", () => {
  useBrowser();

  it("is answered where its site is allowed, and refused where it is not", async () => {
    let action = "";
    const origin = await startSite(() => action);
    const allowing = await startHttp({ settings: { httpAllowedOrigins: origin } });
    action = allowing.url;
    const allowed = await openPage(origin);
    expect(JSON.parse(await send(allowed.page, action))).toMatchObject({ text: "1" });
    expect(allowing.lines.join("")).toContain("Звонок.wav");
    const { engine, url } = await startHttp();
    action = url;
    const refused = await openPage(origin);
    expect(JSON.parse(await send(refused.page, action)).error.code).toBe("FORBIDDEN");
    expect(engine.windows).toEqual([]);
  });
});
