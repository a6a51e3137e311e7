import { writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { onTestFinished } from "vitest";
import type { TranscriptionResult } from "../../src/index.js";
import { startServer } from "../../src/server/server.js";
import type { ServerSettings } from "../../src/service/settings.js";
import { acceptedJob, jobWhen, startJobs } from "../support/jobs.js";
import { samplePath } from "../support/samples.js";
import { temporaryFolder } from "../support/temporary-folder.js";

/** A call in Russian, a party on each channel. */
export const CALL = samplePath("sales-call-ru.stereo.wav");

/** A server with the demo model, and a place for recordings and jobs. @returns where it is found */
export async function startDemo(settings: Partial<ServerSettings> = {}): Promise<string> {
  const folder = await temporaryFolder();
  const server = await startServer(
    {
      model: "demo",
      host: "localhost",
      port: 0,
      httpHost: "127.0.0.1",
      httpPort: 0,
      recordingsStore: join(folder, "recordings"),
      jobsFolder: join(folder, "jobs"),
      ...settings,
    },
    { log: () => {} },
  );
  onTestFinished(() => server.stop());
  await server.ready;
  return `http://127.0.0.1:${server.httpPort}`;
}

export const drop = (page: Page, files: string | string[]) => page.setInputFiles("input[type=file]", files);
/** Opens the newest recording, once it is done. */
export const openFirst = async (page: Page) => {
  await page.getByText("Done ·").first().waitFor();
  await page.locator(".row a.name").first().click();
};

/** A server with a job whose result is given, of a recording that nobody keeps. */
export async function startWithResult(result: TranscriptionResult): Promise<{ url: string; id: string }> {
  const { folder, url } = await startJobs();
  const id = await acceptedJob(url);
  await jobWhen(url, id, "succeeded");
  await writeFile(join(folder, "results", `${id}.json`), JSON.stringify(result));
  return { url, id };
}

/** Middle of the last word of a turn, scrolled into view. */
export const placeOfLastWord = (page: Page, turn: number) =>
  page
    .locator(".turn p")
    .nth(turn)
    .evaluate((p) => {
      p.scrollIntoView({ block: "center" });
      const node = p.firstChild as Text;
      const range = new Range();
      range.setStart(node, node.data.lastIndexOf(" ") + 1);
      range.setEnd(node, node.length);
      const { height, left, top, width } = range.getBoundingClientRect();
      return { x: left + width / 2, y: top + height / 2 };
    });

/** What axe-core finds wrong. */
export async function violations(page: Page): Promise<string[]> {
  await page.addScriptTag({ path: createRequire(import.meta.url).resolve("axe-core/axe.min.js") });
  const found = (await page.evaluate("axe.run()")) as {
    violations: { id: string; nodes: { html: string }[] }[];
  };
  return found.violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`);
}
