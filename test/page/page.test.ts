import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import type { TranscriptionResult } from "../../src/index.js";
import { wav } from "../support/audio.js";
import { describeInBrowser, openPage, useBrowser } from "../support/browser.js";
import { bursts } from "../support/fake-engine.js";
import { formOf, post } from "../support/http-server.js";
import { startJobs } from "../support/jobs.js";
import { latch } from "../support/transcribe-fake.js";
import { CALL, drop, openFirst, placeOfLastWord, startDemo, violations } from "./pages.js";

/** Of the newest job. */
async function resultOf(url: string): Promise<TranscriptionResult> {
  const { data } = (await (await fetch(`${url}/v1/jobs`)).json()) as { data: { id: string }[] };
  const result = await fetch(`${url}/v1/jobs/${data[0]!.id}/result?format=full_json`);
  return (await result.json()) as TranscriptionResult;
}

describeInBrowser("the page", () => {
  useBrowser();

  it("shows a call that is dropped on it, who says what, and plays the word that is clicked", async () => {
    const url = await startDemo();
    const { complaints, page, strays } = await openPage(url);
    await drop(page, CALL);
    await openFirst(page);
    await page.locator(".turn").nth(3).waitFor();
    expect(await page.locator(".talk-time li").count()).toBe(2);
    const result = await resultOf(url);
    const said = await page.locator(".turn p").allInnerTexts();
    expect(said.join(" ").split(/\s+/).sort()).toEqual(
      result.segments.flatMap(({ text }) => text.split(/\s+/)).sort(),
    );
    const words = result.segments.flatMap((segment) => segment.words ?? []);
    // Where it is sent to, before it has played on from there.
    await page.evaluate(() => {
      const audio = document.querySelector("audio")!;
      audio.addEventListener("seeking", () =>
        document.body.setAttribute("data-sought", `${audio.currentTime}`),
      );
    });
    for (const index of [1, 4]) {
      const place = await placeOfLastWord(page, index);
      const clicked = said[index]!.split(/\s+/).at(-1);
      await page.evaluate(() => document.body.removeAttribute("data-sought"));
      await page.mouse.click(place.x, place.y);
      const sought = page.locator("body[data-sought]");
      await sought.waitFor();
      const at = Number(await sought.getAttribute("data-sought"));
      const starts = words.filter(({ text }) => text === clicked).map(({ start }) => Math.abs(at - start));
      expect(Math.min(...starts), `${clicked} at ${at}`).toBeLessThan(0.05);
    }
    expect({ complaints, strays }).toEqual({ complaints: [], strays: [] });
  });

  it("has recordings transcribed that the server has, listed or told by an id", async () => {
    const url = await startDemo();
    const kept: string[] = [];
    for (const name of ["first.wav", "second.wav"]) {
      const form = formOf(readFileSync(CALL), {}, name);
      kept.push((await post(url, form, { path: "/api/recordings" })).json.id);
    }
    const { complaints, page } = await openPage(url, { bypassCSP: true });
    await page.getByRole("button", { name: "Kept at the server" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByText("second.wav").click();
    expect(await dialog.locator(".name").allInnerTexts()).toEqual(["second.wav", "first.wav"]);
    expect(await violations(page)).toEqual([]);
    await dialog.getByLabel("Or by its id").fill(kept[0]!);
    await dialog.getByRole("button", { name: "Transcribe" }).click();
    await expect.poll(() => page.locator(".state.succeeded").count(), { timeout: 60_000 }).toBe(2);
    expect((await page.locator(".row a.name").allInnerTexts()).sort()).toEqual(["first.wav", "second.wav"]);
    // Played from there.
    await page.locator(".row a.name").first().click();
    await page.locator(".turn").nth(3).waitFor();
    expect(await page.locator("audio").getAttribute("src")).toMatch(/^\/api\/recordings\/rec_\w+\/audio/);
    expect(complaints).toEqual([]);
  });

  it("shows text as it is heard, and goes on from where a connection was lost", async () => {
    const gates = Array.from({ length: 4 }, () => latch());
    const { url } = await startJobs({
      gate: (index) => gates[index]!.opened,
      concurrency: 1,
      timesWords: false,
    });
    const { complaints, page } = await openPage(url);
    const asked: (string | undefined)[] = [];
    await page.route("**/events", (route) => {
      asked.push(route.request().headers()["last-event-id"]);
      if (asked.length > 1) return route.continue();
      const body = `id: 1\ndata: {"type":"job.queued"}\n\n: still working\n\n`;
      return route.fulfill({ contentType: "text/event-stream", body });
    });
    const buffer = Buffer.from(wav([bursts(4)], 16_000));
    await page.setInputFiles("input[type=file]", { name: "a.wav", mimeType: "audio/wav", buffer });
    await page.locator(".row a.name").click();
    const shown = async () => (await page.locator(".turn p").allInnerTexts()).join(" ");
    for (const [index, gate] of gates.entries()) {
      gate.open();
      await expect.poll(shown, { timeout: 60_000 }).toBe(["1", "2", "3", "4"].slice(0, index + 1).join(" "));
    }
    await page.locator(".state.succeeded").waitFor();
    await expect.poll(shown, { timeout: 60_000 }).toBe("1 2 3 4");
    expect({ asked, complaints }).toEqual({ asked: [undefined, "1"], complaints: [] });
  });

  it("is usable by keys alone, and by who sees little", async () => {
    const url = await startDemo();
    const { complaints, page } = await openPage(url, { bypassCSP: true });
    await drop(page, CALL);
    for (const scheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme: scheme });
      expect(await violations(page), `the queue, ${scheme}`).toEqual([]);
    }
    await openFirst(page);
    await page.locator(".turn").nth(3).waitFor();
    for (const scheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme: scheme });
      expect(await violations(page), `a call, ${scheme}`).toEqual([]);
    }
    await page.keyboard.press("?");
    await page.getByRole("dialog").waitFor();
    expect(await violations(page), "the keys").toEqual([]);
    await page.keyboard.press("Escape");
    await page.keyboard.press("j");
    // The same key where Russian is typed.
    await page.evaluate(() => {
      const pressed = { key: "о", code: "KeyJ", bubbles: true };
      document.body.dispatchEvent(new KeyboardEvent("keydown", pressed));
    });
    const second = await page.locator(".turn time").nth(1).innerText();
    expect(await page.locator(".clock").innerText()).toContain(`${second} /`);
    await page.keyboard.press("/");
    await page.keyboard.type("ДОСТАВКА");
    const times = (await page.locator(".turn p").allInnerTexts()).join(" ").match(/доставка/gi)!.length;
    expect(await page.getByRole("status").innerText()).toBe(`1 of ${times}`);
    expect(complaints).toEqual([]);
  });

  it("shows the same in another tab and after a reload, and begins at the moment of a link", async () => {
    const url = await startDemo();
    const { page } = await openPage(url);
    await drop(page, CALL);
    await openFirst(page);
    await page.locator(".turn").nth(3).waitFor();
    const text = await page.locator(".turns").innerText();
    const other = await openPage(url);
    await other.page.goto(`${url}/${new URL(page.url()).hash}@20.5`);
    await other.page.reload();
    await other.page.locator(".turn").nth(3).waitFor();
    expect(await other.page.locator(".turns").innerText()).toBe(text);
    expect(await other.page.locator(".clock").innerText()).toContain("0:20 /");
    await other.page.evaluate(() => {
      location.hash = location.hash.replace(/@.*/, "@31");
    });
    await other.page.getByText("0:31 /").waitFor();
    expect(other.complaints).toEqual([]);
  });

  it("asks for the token where there is one, and says what to do when it is wrong or the server is gone", async () => {
    const url = await startDemo({ apiToken: "a-token-of-thirty-two-characters" });
    const { page } = await openPage(url, { locale: "ru-RU" });
    await page.getByLabel("Токен").fill("no");
    await page.getByRole("button", { name: "Войти" }).click();
    await page.getByText("SERVER_API_TOKEN").waitFor();
    await page.getByLabel("Токен").fill("a-token-of-thirty-two-characters");
    await page.getByRole("button", { name: "Войти" }).click();
    await page.getByText("Пока пусто").waitFor();
    await page.route("**/v1/jobs*", (route) => route.abort());
    await page.getByText("Сервер не отвечает").waitFor();
  });

  it("names what the server refuses and why, and sends it again", async () => {
    const url = await startDemo();
    const { page } = await openPage(url);
    await page.route("**/api/recordings", (route) =>
      route.fulfill({ status: 507, json: { success: false, error: "The disk is full" } }),
    );
    await drop(page, CALL);
    await page.getByText("The server refused sales-call-ru.stereo.wav: The disk is full").waitFor();
    await page.unroute("**/api/recordings");
    await page.getByRole("button", { name: "Try again" }).click();
    await page.locator(".state.succeeded").waitFor();
  });
});
