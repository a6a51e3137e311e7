import { describe, expect, it } from "vitest";
import { ClipWindower } from "../../../src/pipeline/clips.js";
import type { Window } from "../../../src/pipeline/windows.js";
import { FakeAudio } from "../../support/fake-audio.js";
import { bursts, FakeEngine, FakeVad } from "../../support/fake-engine.js";
import { transcribeFake } from "../../support/transcribe-fake.js";

const OPTIONS = { maxWindow: 30, vad: undefined, vadOptions: {} as never };

/** A minute in which every sample tells its second: loud, and never silent. */
const MINUTE = Float32Array.from(
  { length: 60 * 16_000 },
  (_, i) => ((i % 2) * 2 - 1) * (0.1 + i / 16_000 / 100),
);

async function cut(clips: { start: number; end: number }[], blockSize: number): Promise<Window[]> {
  const windower = new ClipWindower(OPTIONS, clips);
  const windows: Window[] = [];
  for (let i = 0; i < MINUTE.length; i += blockSize) {
    windows.push(...(await windower.push(MINUTE.slice(i, i + blockSize))));
    expect(windower.settled).toBeLessThanOrEqual((i + blockSize) / 16_000);
  }
  windows.push(...(await windower.flush()));
  windower.close();
  return windows;
}

describe("clips", () => {
  it.each([16_000, 777, 1_000_000])("are cut to the sample, in blocks of %i", async (blockSize) => {
    const clips = [
      { start: 1.5, end: 4.25 },
      { start: 4.25, end: 10 },
      { start: 55, end: Number.POSITIVE_INFINITY },
    ];
    const windows = await cut(clips, blockSize);
    expect(windows.map(({ start, samples }) => [start, start + samples.length / 16_000])).toEqual([
      [1.5, 4.25],
      [4.25, 10],
      [55, 60],
    ]);
    for (const { start, samples } of windows) {
      expect(samples).toEqual(MINUTE.slice(start * 16_000, start * 16_000 + samples.length));
    }
  });

  it("longer than a window are cut further", async () => {
    const windows = await cut([{ start: 0, end: 50 }], 16_000);
    expect(windows.length).toBeGreaterThan(1);
    expect(windows.reduce((sum, { samples }) => sum + samples.length, 0)).toBe(50 * 16_000);
  });

  it("that begin after the end hold nothing", async () => {
    expect(await cut([{ start: 100, end: 200 }], 16_000)).toEqual([]);
  });

  it("are all that is transcribed, on the recording's clock", async () => {
    const engine = new FakeEngine();
    const vad = new FakeVad();
    const loud = bursts(4).map((sample) => sample * 100);
    // Bursts are at 6, 13, 20 and 27 s.
    const result = await transcribeFake(
      new FakeAudio([loud]),
      engine,
      { clipTimestamps: [10, 16, 26], vadOptions: { minSilenceDuration: 1 } },
      vad,
    );
    expect(result.text).toBe("200 400");
    expect(result.segments.map(({ start }) => Math.round(start))).toEqual([13, 27]);
    expect(result.duration).toBe(34);
  });
});

describe("a recording in several languages", () => {
  const detect = (samples: Float32Array) => {
    const peak = samples.reduce((most, sample) => Math.max(most, sample), 0);
    const language = Math.round(peak * 100) % 2 === 0 ? "ru" : "en";
    return [{ language, probability: 0.9 }];
  };

  it("has each window in its own, and that of most of the speech as its own", async () => {
    const engine = new FakeEngine({ detect });
    const result = await transcribeFake(new FakeAudio([bursts(5)]), engine, { multilingual: true });
    expect(result.segments.map(({ text, language }) => text + language)).toEqual([
      "1en",
      "2ru",
      "3en",
      "4ru",
      "5en",
    ]);
    expect(engine.windows.map(({ language }) => language).sort()).toEqual(["en", "en", "en", "ru", "ru"]);
    expect(result.language).toBe("en");
  });

  it("has one language unless it is asked for more", async () => {
    const result = await transcribeFake(new FakeAudio([bursts(3)]), new FakeEngine({ detect }));
    expect(result.segments.every((segment) => !("language" in segment))).toBe(true);
  });
});
