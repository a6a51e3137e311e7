import { expect, it } from "vitest";
import { describeInBrowser, openPage, useBrowser } from "../support/browser.js";
import { acceptedJob, jobOf, jobWhen, startJobs } from "../support/jobs.js";
import { latch } from "../support/transcribe-fake.js";
import { CALL, drop, startDemo, violations } from "./pages.js";

const MIB = 1024 ** 2;

describeInBrowser("the page about the server", () => {
  useBrowser();

  it("shows models, loads and unloads them, and says how there are more", async () => {
    const url = await startDemo({ modelMainTtl: 600 });
    const { complaints, page } = await openPage(url, { bypassCSP: true });
    await page.getByRole("link", { name: "Models" }).click();
    const row = page.locator(".models .row", { has: page.getByText("demo", { exact: true }) });
    await row.getByText(/^In memory · /).waitFor();
    await row.getByRole("button", { name: "Unload" }).click();
    await row.getByText(/^On disk/).waitFor();
    const loaded = async () => (await (await fetch(`${url}/api/ps`)).json()).models;
    expect(await loaded()).toEqual([]);
    await row.getByRole("button", { name: "Load" }).click();
    await row.getByText(/^In memory · /).waitFor();
    expect(await loaded()).toEqual(["demo"]);
    await page.getByText("agora-transcribe models download").waitFor();
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme });
      expect(await violations(page), colorScheme).toEqual([]);
    }
    expect(complaints).toEqual([]);
  });

  it("has models downloaded where the server may be asked to, says how far it is, and stops it", async () => {
    const url = await startDemo();
    const { complaints, page } = await openPage(url, { bypassCSP: true });
    const tiny = {
      name: "tiny",
      kind: "whisper",
      bytes: 80 * MIB,
      licence: "MIT",
      description: "Whisper tiny",
      installed: false,
      download: null as unknown,
    };
    const asked: string[] = [];
    await page.route("**/api/models", (route) =>
      route.fulfill({ json: { downloads: true, models: [tiny] } }),
    );
    await page.route("**/api/models/*/download", (route) => {
      const method = route.request().method();
      asked.push(`${method} ${new URL(route.request().url()).pathname}`);
      tiny.download = method === "POST" ? { received: 20 * MIB, total: 80 * MIB, error: null } : null;
      return route.fulfill({ status: 202, json: { name: "tiny" } });
    });
    await page.getByRole("link", { name: "Models" }).click();
    const row = page.locator(".models .row", { has: page.getByText("tiny", { exact: true }) });
    await row.getByText("80 MiB · MIT · Whisper tiny").waitFor();
    await row.getByRole("button", { name: "Download" }).click();
    await row.getByText("Downloading: 20 MiB of 80 MiB").waitFor();
    expect(await row.getByRole("progressbar").getAttribute("value")).toBe("0.25");
    expect(await violations(page)).toEqual([]);
    await row.getByRole("button", { name: "Cancel" }).click();
    await row.getByRole("button", { name: "Download" }).waitFor();
    tiny.download = { received: 0, total: 1, error: { code: "STORAGE_FAILED", message: "The disk is full" } };
    await row.getByText("It was not downloaded: The disk is full").waitFor();
    await row.getByRole("button", { name: "Try again" }).waitFor();
    expect(asked).toEqual(["POST /api/models/tiny/download", "DELETE /api/models/tiny/download"]);
    expect(complaints).toEqual([]);
  });

  it("shows older recordings where it is asked for them, and cancels one of them", async () => {
    const gate = latch();
    const { url } = await startJobs({ settings: { jobsMaxRunning: 1 }, gate: () => gate.opened });
    const first = await acceptedJob(url);
    await jobWhen(url, first, "running");
    for (let i = 0; i < 100; i++) await acceptedJob(url);
    const { page } = await openPage(url);
    await expect.poll(() => page.locator(".row").count()).toBe(100);
    expect(await page.locator(`a[href="#${first}"]`).count()).toBe(0);
    await page.getByRole("button", { name: "Show older ones" }).click();
    await expect.poll(() => page.locator(".row").count()).toBe(101);
    expect(await page.getByRole("button", { name: "Show older ones" }).count()).toBe(0);
    const row = page.locator(".row", { has: page.locator(`a[href="#${first}"]`) });
    await row.getByRole("button", { name: "Cancel" }).click();
    await row.getByText("Cancelled").waitFor();
    expect((await jobOf(url, first)).status).toBe("cancelled");
    gate.open();
  });

  it.each([
    [507, { success: false, error: "Recordings fill it", code: "RECORDINGS_FULL" }, "RECORDINGS_MAX_BYTES"],
    [503, { success: false, error: "No space left", code: "STORAGE_FAILED" }, "has to make room"],
    [429, { success: false, error: "100 wait", code: "QUEUE_FULL" }, "Try again in a minute"],
    [413, "<html>nginx</html>", "too large"],
  ])("says what to do where the server answers %i", async (status, json, advice) => {
    const url = await startDemo();
    const { page } = await openPage(url);
    await page.route("**/api/recordings", (route) => route.fulfill({ status, json }));
    await drop(page, CALL);
    await page.getByText("The server refused sales-call-ru.stereo.wav:").waitFor();
    await page.locator(".advice").getByText(advice).waitFor();
  });

  it("says what is wrong with a recording that is none, in the reader's language", async () => {
    const url = await startDemo();
    const { page } = await openPage(url, { locale: "ru-RU" });
    const buffer = Buffer.from("no sound at all, whatever it is called");
    await page.setInputFiles("input[type=file]", { name: "a.wav", mimeType: "audio/wav", buffer });
    await page.getByText("Ошибка").waitFor();
    await page
      .locator(".advice")
      .getByText(/Сохраните как mp3 или wav|Файл повреждён/)
      .waitFor();
  });
});
