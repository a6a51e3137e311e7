import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { audioReaders } from "./audio-readers.js";
import { checkpointReaders } from "./checkpoint-readers.js";
import { ffmpegReader } from "./ffmpeg-reader.js";
import { Mutator } from "./mutator.js";
import { fuzz } from "./run.js";

/** `npm run fuzz` does more. */
const RUNS = 200;
const FFMPEG_RUNS = 30;
const SEED = 1;

const unhandled: unknown[] = [];
const onUnhandled = (reason: unknown): void => void unhandled.push(reason);
beforeAll(() => void process.on("unhandledRejection", onUnhandled));
afterAll(() => void process.off("unhandledRejection", onUnhandled));

test("the same numbers change a file in the same way", () => {
  const seeds = [Buffer.from("a file of the field"), Buffer.from("another")];
  const of = (seed: number, run: number) =>
    new Mutator(seed, "x", run).mutated(seeds, ["word"]).toString("hex");
  expect(of(1, 2)).toBe(of(1, 2));
  expect(new Set(Array.from({ length: 20 }, (_, run) => of(1, run))).size).toBeGreaterThan(15);
  expect(of(1, 2)).not.toBe(of(2, 2));
  expect(seeds[0]!.toString()).toBe("a file of the field");
});

const readers = [...audioReaders(), ...(await checkpointReaders())];
const ffmpeg = ffmpegReader();
const all = ffmpeg ? [...readers, ffmpeg] : readers;
if (!ffmpeg) console.warn("No FFmpeg, so recordings that it decodes are not tried");

describe("mutated files are read or refused by what is wrong with them, soon and in little memory", () => {
  test.each(readers.map((reader) => [reader.name, reader] as const))("%s", async (_, reader) => {
    const { faults } = await fuzz(reader, { runs: RUNS, seed: SEED });
    expect(faults).toEqual([]);
    expect(unhandled).toEqual([]);
  });

  test.each(all.map((reader) => [reader.name, reader] as const))(
    "%s: and those that are whole are read",
    async (_, reader) => {
      for (const [i, seed] of reader.seeds.entries()) {
        const read = await reader.read(Buffer.from(seed), new Mutator(SEED, reader.name, 0));
        expect(read, `seed ${i}`).toBeGreaterThan(0);
      }
    },
  );

  test.skipIf(!ffmpeg)(
    "recordings that FFmpeg decodes, whose children and descriptors come back",
    async () => {
      const { faults } = await fuzz(ffmpeg!, { runs: FFMPEG_RUNS, seed: SEED });
      expect(faults).toEqual([]);
      await ffmpeg!.settle();
      expect(unhandled).toEqual([]);
    },
  );
});
