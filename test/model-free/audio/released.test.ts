import { mkdir, readdir, readlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { setImmediate as nextTurn } from "node:timers/promises";
import { expect, it, onTestFinished, vi } from "vitest";
import { ffmpeg, glide, open, outcome, wav } from "../../support/audio.js";
import { temporaryFolder } from "../../support/temporary-folder.js";

/** Files of `folder` that this process has open, those without a name included. */
async function openedIn(folder: string): Promise<string[]> {
  const targets = await Promise.all(
    (await readdir("/proc/self/fd")).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => "")),
  );
  return targets.filter((target) => target.startsWith(folder));
}

it.each(["a stream", "a file"])("%s that is cancelled at any moment leaves no file open", async (kind) => {
  const folder = await temporaryFolder();
  const flac = ffmpeg([wav([glide(1, 16_000)], 16_000)], [], "flac");
  const path = join(folder, "recording");
  await Promise.all([mkdir(join(folder, "temporary")), writeFile(path, flac)]);
  vi.stubEnv("TMPDIR", join(folder, "temporary"));
  onTestFinished(() => void vi.unstubAllEnvs());
  let cancelled = 0;
  for (let turns = 0; turns < 60; turns++) {
    const controller = new AbortController();
    const input = kind === "a file" ? path : Readable.from([flac.subarray(0, 3000), flac.subarray(3000)]);
    const opening = open(input, { signal: controller.signal }).then((audio) => audio.close());
    const result = outcome(opening);
    for (let turn = 0; turn < turns; turn++) await nextTurn();
    controller.abort();
    if ((await result) === "CANCELLED") cancelled++;
  }
  expect(cancelled).toBeGreaterThan(10);
  await expect.poll(() => openedIn(folder)).toEqual([]);
});
