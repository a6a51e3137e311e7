import type { Page } from "playwright-core";
import { expect, it } from "vitest";
import { describeInBrowser, openPage, useBrowser } from "../support/browser.js";
import { startHttp } from "../support/http-server.js";
import { startLive } from "../support/live-server.js";
import { samplePath } from "../support/samples.js";
import { final, partial } from "../support/scripted-live.js";
import { startDemo, violations } from "./pages.js";

const TOKEN = "a-token-of-thirty-two-characters";
/** What the fake microphone hears. */
const SPOKEN = samplePath("sales-call-ru.wav");

const listen = async (page: Page) => {
  await page.getByRole("link", { name: "Microphone" }).click();
  await page.getByRole("button", { name: "Listen" }).click();
};
const stop = (page: Page) => page.getByRole("button", { name: "Stop" }).click();

describeInBrowser("the microphone", () => {
  useBrowser({
    args: [
      "--use-fake-device-for-media-stream",
      "--use-fake-ui-for-media-stream",
      `--use-file-for-fake-audio-capture=${SPOKEN}%noloop`,
    ],
  });

  it("is written down as it is spoken, by who has shown the token, and is a recording in the end", async () => {
    const url = await startDemo({ apiToken: TOKEN });
    const { complaints, page, strays } = await openPage(url);
    await page.getByLabel("Token").fill(TOKEN);
    await page.getByRole("button", { name: "Enter" }).click();
    complaints.length = 0;
    await listen(page);
    await page
      .getByLabel("What was said")
      .getByText("Доставка занимает")
      .first()
      .waitFor({ timeout: 90_000 });
    expect(await page.locator(".lag").innerText()).toMatch(/^text [\d.]+ s behind$/);
    await stop(page);
    await page.getByText("What was said is a recording now").waitFor({ timeout: 60_000 });
    await page.locator("main").getByRole("link", { name: "Recordings" }).click();
    await page.locator(".state.succeeded").waitFor({ timeout: 90_000 });
    expect(await page.locator(".row a.name").innerText()).toMatch(/^microphone 20\d\d-.*\.wav$/);
    await page.locator(".row a.name").click();
    await page.locator(".turn p").getByText("Доставка занимает").first().waitFor();
    expect({ complaints, strays }).toEqual({ complaints: [], strays: [] });
  }, 240_000);

  it("has what is settled apart from what may still change", async () => {
    let says: (() => void)[] = [() => {}];
    const { server, transcriber } = await startLive({
      script: {
        onWrite(stream, bytes) {
          if (bytes < 16_000) return;
          for (const say of says.splice(0)) say.call(stream);
        },
      },
    });
    const url = `http://127.0.0.1:${server.httpPort}`;
    const { complaints, page } = await openPage(url, { bypassCSP: true });
    const stream = () => transcriber.streams[0]!;
    says = [() => stream().say(partial("may st", { start: 0, end: 0.4 }))];
    await listen(page);
    const unsettled = page.locator(".unsettled");
    await unsettled.getByText("may st").waitFor();
    expect(await page.getByRole("log").innerText()).toBe("");
    const colour = (selector: string) =>
      page.locator(selector).evaluate((node) => getComputedStyle(node).color);
    const grey = await colour(".unsettled");
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme });
      expect(await violations(page), colorScheme).toEqual([]);
    }
    await page.emulateMedia({ colorScheme: "light" });
    stream().say(final("May stay.", { start: 0, end: 0.8 }));
    await page.getByRole("log").getByText("May stay.").waitFor();
    expect(await unsettled.count()).toBe(0);
    expect(await colour("[role=log] p")).not.toBe(grey);
    // What the server was sent is what the browser is set up to hear at.
    expect(stream().options).toMatchObject({
      encoding: "s16le",
      sampleRate: 16_000,
      channels: 1,
      interim: true,
    });
    stream().fail(new Error("no more"));
    await page.getByRole("alert").waitFor();
    expect(complaints).toEqual([]);
  });

  it("says what to do where it may not be used, and where the server does not listen", async () => {
    const { url } = await startHttp();
    const refused = await openPage(url);
    await refused.page.evaluate(() => {
      navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("", "NotAllowedError"));
    });
    await listen(refused.page);
    await refused.page.getByText("Allow it beside the page's address").waitFor();
    const full = await startLive({ settings: { liveMaxStreams: 1 } });
    const other = `http://127.0.0.1:${full.server.httpPort}`;
    const first = await openPage(other);
    await listen(first.page);
    await first.page.getByRole("button", { name: "Stop" }).waitFor();
    await expect.poll(() => full.transcriber.streams.length).toBe(1);
    const second = await openPage(other);
    await listen(second.page);
    await second.page.getByRole("alert").waitFor();
    expect(await second.page.getByRole("alert").innerText()).toMatch(
      /LIVE_MAX_STREAMS|The server does not listen/,
    );
    await first.page.getByRole("button", { name: "Stop" }).click();
  });

  it("leaves nothing open where the browser cannot listen", async () => {
    const { url } = await startHttp();
    const { page } = await openPage(url);
    await page.evaluate(() => {
      AudioWorklet.prototype.addModule = () => Promise.reject(new Error("no worklet"));
      const close = AudioContext.prototype.close;
      AudioContext.prototype.close = function () {
        document.title = `${this.state} is closed`;
        return close.call(this);
      };
    });
    await listen(page);
    await page.getByRole("alert").waitFor();
    expect(await page.title()).toMatch(/is closed$/);
  });

  it("ends also where the server does not", async () => {
    const { url } = await startHttp();
    const { page } = await openPage(url);
    // It takes everything and says nothing.
    await page.routeWebSocket(/v1.listen/, () => {});
    await page.clock.install();
    await page.reload();
    await listen(page);
    await stop(page);
    await expect
      .poll(async () => {
        await page.clock.runFor(10_000);
        return page.getByRole("button", { name: "Listen" }).count();
      })
      .toBe(1);
    await page.getByRole("alert").waitFor();
  });
});
