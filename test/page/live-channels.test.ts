import { expect, it } from "vitest";
import { describeInBrowser, openPage, useBrowser } from "../support/browser.js";
import { CALL, openFirst, startDemo } from "./pages.js";

describeInBrowser("a microphone with two channels", () => {
  useBrowser({
    args: [
      "--use-fake-device-for-media-stream",
      "--use-fake-ui-for-media-stream",
      `--use-file-for-fake-audio-capture=${CALL}%noloop`,
    ],
  });

  it("is heard with a party on each, and is a recording with both", async () => {
    const url = await startDemo();
    const { complaints, page, strays } = await openPage(url);
    await page.getByRole("link", { name: "Microphone" }).click();
    await page.getByRole("checkbox", { name: "Two channels, a party on each" }).check();
    await page.getByRole("button", { name: "Listen" }).click();
    const log = page.getByRole("log");
    for (const channel of ["Channel 1", "Channel 2"])
      await log.getByText(channel).first().waitFor({ timeout: 120_000 });
    expect(await page.getByText("This microphone has one channel").count()).toBe(0);
    await page.getByRole("button", { name: "Stop" }).click();
    await page.getByText("What was said is a recording now").waitFor({ timeout: 60_000 });
    await page.locator("main").getByRole("link", { name: "Recordings" }).click();
    await openFirst(page);
    await page.locator(".turn").nth(1).waitFor();
    expect(await page.locator(".talk-time li").count()).toBe(2);
    expect({ complaints, strays }).toEqual({ complaints: [], strays: [] });
  }, 240_000);
});
