import { readFile } from "node:fs/promises";
import type { Page } from "playwright-core";
import { expect, it } from "vitest";
import { describeInBrowser, openPage, useBrowser } from "../support/browser.js";
import { evenWords, result, segment } from "../support/results.js";
import { placeOfLastWord, startWithResult, violations } from "./pages.js";

/** Who says what in a call, a party on each channel: seller, client, seller, … */
const SAID = [
  "Добрый день, чем могу помочь?",
  "Сколько стоит доставка?",
  "Доставка стоит сто рублей.",
  "Это слишком дорого.",
  "У нас сейчас акция.",
  "Спасибо, я подумаю.",
];
const CHANNELS = [0, 1].map((channel) => ({ channel, text: "", language: "ru", languageProbability: 1 }));
const CALL = result(
  SAID.map((text, index) => {
    const words = evenWords(5 * index, 0.8, text.split(" "));
    return segment(5 * index, words.at(-1)!.end, text, { channel: index % 2, words });
  }),
  { channels: CHANNELS, duration: 30, language: "ru" },
);

/** What the page saves under a name. */
async function saved(page: Page, format: string): Promise<Buffer> {
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("group", { name: "Save as" }).getByRole("button", { name: format, exact: true }).click(),
  ]);
  expect(download.suggestedFilename()).toBe(`a.${format}`);
  return readFile(await download.path());
}

const names = (page: Page) => page.locator(".talk-time .name").allInnerTexts();

/** A server with the call, and a page that shows it. */
async function openCall(options = {}, call = CALL) {
  const { id, url } = await startWithResult(call);
  const opened = await openPage(`${url}/#${id}`, options);
  await opened.page.getByRole("checkbox", { name: "Correct" }).waitFor();
  return { ...opened, id, url };
}

const editorOf = (page: Page) => page.getByLabel("How it is written");
/** Writes the first word of the call anew. */
async function writeFirst(page: Page, word: string): Promise<void> {
  await page.keyboard.press("e");
  await editorOf(page).fill(word);
  await editorOf(page).press("Enter");
}
/** Corrects at the server, beside every page. */
const keepAt = (url: string, id: string, corrections: object[]) =>
  fetch(`${url}/v1/jobs/${id}/corrections`, {
    method: "PUT",
    headers: { "content-type": "application/json", "if-match": "*" },
    body: JSON.stringify({ corrections }),
  });
const deafen = (page: Page) =>
  page.evaluate(() => addEventListener("focus", (event) => event.stopImmediatePropagation(), true));

/** Corrections of the newest job, as the server has them. */
async function keptAt(url: string): Promise<{ op: string }[]> {
  const { data } = (await (await fetch(`${url}/v1/jobs`)).json()) as { data: { id: string }[] };
  const kept = await fetch(`${url}/v1/jobs/${data[0]!.id}/corrections`);
  return ((await kept.json()) as { corrections: { op: string }[] }).corrections;
}

describeInBrowser("what is put right on the page", () => {
  useBrowser();

  it("is who speaks: seller and client of a call, a name once for all, roles the other way round, two as one", async () => {
    const { complaints, page, url } = await openCall();
    expect(await names(page)).toEqual(["Seller", "Client"]);
    await page.getByRole("button", { name: "Swap roles" }).click();
    await expect.poll(() => names(page)).toEqual(["Client", "Seller"]);
    await page.locator(".talk-time button.name").first().click();
    await page.getByLabel("Name").fill("Анна Ивановна");
    await page.getByRole("button", { name: "Save", exact: true }).click();
    await expect.poll(async () => (await names(page))[0]).toBe("Анна Ивановна");
    const said = await page.locator(".turn strong").allInnerTexts();
    expect(said.filter((name) => name === "Анна Ивановна").length).toBe(3);
    await expect.poll(() => keptAt(url)).toHaveLength(3);
    await page.reload();
    await expect.poll(async () => (await names(page))[0]).toBe("Анна Ивановна");
    const turnsApart = await page.locator(".turn").count();
    await page.locator(".talk-time button.name").nth(1).click();
    await page.getByLabel("The same person as").selectOption("Анна Ивановна");
    await page.getByRole("button", { name: "Save", exact: true }).click();
    await expect.poll(() => names(page)).toEqual(["Анна Ивановна"]);
    expect(await page.locator(".turn").count()).toBeLessThan(turnsApart);
    await page.getByRole("button", { name: "Undo" }).click();
    await expect.poll(async () => (await names(page)).length).toBe(2);
    expect(complaints).toEqual([]);
  });

  it("is a word, by mouse and by keys, and who says a turn; it is in every file, and seen in another tab", async () => {
    const { complaints, page, strays, url } = await openCall({ acceptDownloads: true });
    await page.getByRole("checkbox", { name: "Correct" }).check();
    const place = await placeOfLastWord(page, 1);
    await page.mouse.click(place.x, place.y);
    const editor = page.getByLabel("How it is written");
    await editor.fill("исправлено & <хорошо>.");
    await editor.press("Enter");
    await page.locator(".turn p").nth(1).getByText("исправлено & <хорошо>.").waitFor();
    expect(await page.evaluate(() => document.querySelector("audio")!.paused)).toBe(true);
    await page.keyboard.press("e");
    await editor.fill("Первое");
    await editor.press("Tab");
    await expect.poll(() => editor.inputValue()).not.toBe("Первое");
    await editor.press("Escape");
    await page
      .locator(".turn p")
      .first()
      .getByText(/^Первое /)
      .waitFor();
    const select = page.getByLabel("Who says this").nth(2);
    const before = await select.inputValue();
    await select.selectOption("Somebody else");
    await expect.poll(() => names(page)).toContain("Speaker 3");
    expect(before).not.toBe("SPEAKER_02");
    await expect.poll(async () => (await keptAt(url)).length).toBeGreaterThanOrEqual(3);
    for (const format of ["txt", "srt", "vtt", "json", "csv", "tsv"]) {
      const file = (await saved(page, format)).toString();
      expect(file, format).toContain(
        format === "vtt" ? "исправлено &amp; &lt;хорошо&gt;." : "исправлено & <хорошо>.",
      );
      expect(file, format).toContain("Первое");
      expect(file, format).toContain(format === "json" ? "SPEAKER_02" : "Speaker 3");
    }
    const docx = await saved(page, "docx");
    expect(docx.subarray(0, 2).toString()).toBe("PK");
    expect(await textOfDocx(docx)).toContain("исправлено &amp; &lt;хорошо&gt;.");
    const other = await openPage(url);
    await other.page.goto(page.url());
    await other.page.locator(".turn p").nth(1).getByText("исправлено & <хорошо>.").waitFor();
    expect({ complaints, strays }).toEqual({ complaints: [], strays: [] });
  });

  it("is kept when two tabs correct at once, and told when it is not", async () => {
    const { url, ...one } = await openCall();
    const two = await openPage(url);
    await two.page.goto(one.page.url());
    await two.page.getByRole("checkbox", { name: "Correct" }).waitFor();
    for (const [page, name] of [
      [one.page, "Анна"],
      [two.page, "Борис"],
    ] as const) {
      // Neither hears of the other.
      await deafen(page);
      await page
        .locator(".talk-time button.name")
        .nth(name === "Анна" ? 0 : 1)
        .click();
      await page.getByLabel("Name").fill(name);
      await page.getByRole("button", { name: "Save", exact: true }).click();
    }
    await expect.poll(() => keptAt(url)).toHaveLength(2);
    await expect.poll(() => names(two.page)).toEqual(["Анна", "Борис"]);
    await two.page.route("**/corrections", (route) => route.abort());
    await two.page.getByRole("button", { name: "Swap roles" }).click();
    await two.page.getByText("The correction was not kept: the server cannot be reached.").waitFor();
    expect(await keptAt(url)).toHaveLength(2);
  });

  it("is all that is written, however fast, also while the server has yet to answer", async () => {
    const { page, url } = await openCall();
    const answers: (() => void)[] = [];
    await page.route("**/corrections", async (route) => {
      if (route.request().method() === "PUT") await new Promise<void>((resolve) => answers.push(resolve));
      await route.continue();
    });
    await page.keyboard.press("e");
    await editorOf(page).fill("Вечер");
    await editorOf(page).press("Tab");
    await expect.poll(() => editorOf(page).inputValue()).toBe("день,");
    await editorOf(page).fill("добрый,");
    await editorOf(page).press("Enter");
    await page.locator(".turn p").first().getByText("Вечер добрый, чем могу помочь?").waitFor();
    await expect.poll(() => answers.length).toBe(1);
    answers[0]!();
    await expect.poll(() => answers.length).toBe(2);
    answers[1]!();
    await expect.poll(() => keptAt(url)).toMatchObject([{}, { text: "Вечер добрый, чем могу помочь?" }]);
    expect(await page.locator(".turn p").first().innerText()).toBe("Вечер добрый, чем могу помочь?");
  });

  it("does not go where a word stood before somebody else has written", async () => {
    const { id, page, url } = await openCall();
    await page.keyboard.press("e");
    await editorOf(page).waitFor();
    await keepAt(url, id, [{ op: "text", segment: 0, text: "Да." }]);
    await page.evaluate(() => dispatchEvent(new Event("focus")));
    await page.locator(".turn p").first().getByText("Да.").waitFor();
    expect(await editorOf(page).count()).toBe(0);
  });

  it("takes nobody's words away: what another tab has written meanwhile is shown, and stays", async () => {
    const { url, ...one } = await openCall();
    const two = await openPage(url);
    await two.page.goto(one.page.url());
    await two.page.getByRole("checkbox", { name: "Correct" }).waitFor();
    await Promise.all([one, two].map(({ page }) => deafen(page)));
    await writeFirst(one.page, "Первый");
    await expect.poll(() => keptAt(url)).toHaveLength(1);
    await writeFirst(two.page, "Второй");
    await two.page.getByRole("alert").getByText("“Первый день, чем могу помочь?”").waitFor();
    await two.page.locator(".turn p").first().getByText("Первый день, чем могу помочь?").waitFor();
    expect(await keptAt(url)).toHaveLength(1);
    await writeFirst(two.page, "Третий");
    await expect.poll(() => keptAt(url)).toMatchObject([{}, { text: "Третий день, чем могу помочь?" }]);
  });

  it("is taken back as it was made: both roles at once", async () => {
    const { page, url } = await openCall();
    await page.getByRole("button", { name: "Swap roles" }).click();
    await expect.poll(() => names(page)).toEqual(["Client", "Seller"]);
    await page.getByRole("button", { name: "Undo" }).click();
    await expect.poll(() => names(page)).toEqual(["Seller", "Client"]);
    await expect.poll(() => keptAt(url)).toEqual([]);
  });

  it("is somebody else who was not there before, also when nothing is left of who was", async () => {
    const { page, url } = await openCall();
    await page.getByRole("checkbox", { name: "Correct" }).check();
    const says = (turn: number) => page.getByLabel("Who says this").nth(turn);
    await says(2).selectOption("Somebody else");
    await page.getByRole("button", { name: "Speaker 3", exact: true }).click();
    await page.getByLabel("Name").fill("Анна");
    await page.getByRole("button", { name: "Save", exact: true }).click();
    await says(2).selectOption("Seller");
    await expect.poll(() => names(page)).toEqual(["Seller", "Client"]);
    await says(2).selectOption("Somebody else");
    await expect.poll(() => names(page)).toEqual(["Seller", "Client", "Speaker 3"]);
    await expect.poll(() => keptAt(url)).toHaveLength(4);
    expect((await keptAt(url)).at(-1)).toMatchObject({ op: "speaker", speaker: "SPEAKER_03" });
  });

  it("is somebody else than who was heard on a channel, when nothing is left of him", async () => {
    const { page, url } = await openCall();
    await page.getByRole("checkbox", { name: "Correct" }).check();
    const says = page.getByLabel("Who says this");
    const values = () => says.evaluateAll((all) => all.map((each) => (each as HTMLSelectElement).value));
    for (;;) {
      const of = (await values()).indexOf("SPEAKER_01");
      if (of < 0) break;
      const before = (await keptAt(url)).length;
      await says.nth(of).selectOption("Seller");
      await expect.poll(async () => (await keptAt(url)).length).toBeGreaterThan(before);
    }
    await says.first().selectOption("Somebody else");
    await expect
      .poll(async () => (await keptAt(url)).at(-1))
      .toMatchObject({ op: "speaker", speaker: "SPEAKER_02" });
  });

  it("is who says a turn where nobody has told speakers apart", async () => {
    const { page } = await openCall({}, result([segment(0, 2, "Один."), segment(10, 12, "Два.")]));
    await page.getByRole("checkbox", { name: "Correct" }).check();
    const says = page.getByLabel("Who says this");
    const chosen = () => says.evaluateAll((all) => all.map((each) => (each as HTMLSelectElement).value));
    expect(new Set(await chosen())).toEqual(new Set(["SPEAKER_00"]));
    await says.last().selectOption("Somebody else");
    await expect.poll(() => names(page)).toEqual(["Speaker 1", "Speaker 2"]);
    expect((await chosen()).at(-1)).toBe("SPEAKER_01");
  });

  it("leaves the page where it is when it is what was searched for", async () => {
    const { page } = await openCall({ viewport: { width: 1440, height: 300 } });
    const search = page.getByRole("searchbox", { name: "Search" });
    await search.fill("доставка");
    await search.press("Enter");
    await page.getByText("2 of 2").waitFor();
    await page.getByRole("checkbox", { name: "Correct" }).check();
    const place = await placeOfLastWord(page, 1);
    await page.mouse.click(place.x, place.y);
    await editorOf(page).fill("поездка?");
    const before = await page.evaluate(() => scrollY);
    await page.keyboard.press("Enter");
    await page.getByText("1 of 1").waitFor();
    expect(Math.abs((await page.evaluate(() => scrollY)) - before)).toBeLessThan(20);
  });

  it("can be put right by who sees little", async () => {
    const { page } = await openCall({ bypassCSP: true });
    await page.getByRole("checkbox", { name: "Correct" }).check();
    await page.keyboard.press("e");
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme });
      expect(await violations(page), `correcting, ${colorScheme}`).toEqual([]);
    }
    await page.keyboard.press("Escape");
    await page.locator(".talk-time button.name").first().click();
    expect(await violations(page), "a speaker").toEqual([]);
  });
});

/** Of its main part. */
async function textOfDocx(file: Buffer): Promise<string> {
  const { inflateRawSync } = await import("node:zlib");
  const name = "word/document.xml";
  // The list at the end says where a file begins and how long it is.
  const entry = file.lastIndexOf(name) - 46;
  const size = file.readUInt32LE(entry + 20);
  const start = file.readUInt32LE(entry + 42);
  const data = start + 30 + file.readUInt16LE(start + 26) + file.readUInt16LE(start + 28);
  return inflateRawSync(file.subarray(data, data + size)).toString();
}
