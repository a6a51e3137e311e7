import { expect, it } from "vitest";
import { describeInBrowser, openPage, useBrowser } from "../support/browser.js";
import { evenWords, result, segment } from "../support/results.js";
import { startWithResult } from "./pages.js";

const HOURS = 3;
const WORDS = 30_000;
const IN_SEGMENT = 10;
/** Drawn while it is scrolled. */
const FRAMES = 150;

/** A call of hours, whose parties take turns. */
function longCall() {
  const each = (HOURS * 3600) / WORDS;
  const segments = Array.from({ length: WORDS / IN_SEGMENT }, (_, index) => {
    const texts = Array.from({ length: IN_SEGMENT }, (_, word) => `слово${index * IN_SEGMENT + word}`);
    const start = index * IN_SEGMENT * each;
    const channel = index % 2;
    return segment(start, start + IN_SEGMENT * each, texts.join(" "), {
      channel,
      words: evenWords(start, each, texts),
    });
  });
  const channels = [0, 1].map((channel) => ({ channel, text: "", language: "ru", languageProbability: 1 }));
  return result(segments, { duration: HOURS * 3600, language: "ru", channels });
}

describeInBrowser(`a recording of ${HOURS} hours with ${WORDS} words`, () => {
  useBrowser();

  it("is laid out where it is seen alone, is not written anew while it plays, and is found in", async () => {
    const { id, url } = await startWithResult(longCall());
    const began = performance.now();
    const { complaints, page } = await openPage(`${url}/#${id}`);
    await page.locator(".turn").nth(2999).waitFor({ state: "attached" });
    const loaded = (performance.now() - began) / 1000;
    await page.getByRole("checkbox", { name: "Correct" }).waitFor();
    expect(await page.locator(".turn").count()).toBe(3000);
    // A handful of nodes for a turn, none for a word.
    expect(await page.evaluate(() => document.querySelectorAll("*").length)).toBeLessThan(7 * 3000);
    const laidOut = () =>
      page.evaluate(
        () =>
          [...document.querySelectorAll(".turn p")].filter((p) =>
            p.checkVisibility({ contentVisibilityAuto: true }),
          ).length,
      );
    expect(await laidOut()).toBeLessThan(100);
    await page.evaluate(() => scrollTo(0, document.documentElement.scrollHeight / 2));
    await expect.poll(laidOut).toBeGreaterThan(0);
    expect(await laidOut()).toBeLessThan(100);
    // Told, and decided by nothing: what they are depends on what else the machine does. A browser draws 60 a second.
    const frames = await page.evaluate(async (steps) => {
      scrollTo(0, 0);
      const took: number[] = [];
      let last = await new Promise(requestAnimationFrame);
      for (let i = 0; i < steps; i++) {
        scrollBy(0, 400);
        const now = await new Promise(requestAnimationFrame);
        took.push(now - last);
        last = now;
      }
      return took.sort((a, b) => a - b);
    }, FRAMES);
    const share = (part: number) => frames[Math.floor(part * (frames.length - 1))]!.toFixed(0);
    console.log(
      `${HOURS} h with ${WORDS} words: loaded in ${loaded.toFixed(2)} s; a frame while it scrolls took ` +
        `${share(0.5)} ms in the median, ${share(0.95)} ms at the 95th percentile, ${share(1)} ms at most`,
    );
    const changes = await page.evaluate(async () => {
      let count = 0;
      const observer = new MutationObserver((records) => {
        count += records.length;
      });
      observer.observe(document.querySelector(".turns")!, {
        subtree: true,
        childList: true,
        attributes: true,
      });
      for (let i = 0; i < 20; i++) {
        document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "j", bubbles: true }));
        await new Promise(requestAnimationFrame);
      }
      return count;
    });
    expect(changes).toBe(0);
    expect(await page.locator(".clock").innerText()).not.toContain("0:00 /");
    await page.getByRole("searchbox").fill("слово29999");
    await expect.poll(() => page.getByRole("status").innerText()).toBe("1 of 1");
    expect(complaints).toEqual([]);
  });
});
