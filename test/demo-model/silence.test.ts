import { describe, expect, test } from "vitest";
import type { Transcriber } from "../../src/index.js";
import { DEMO, sharedTranscriber } from "../support/demo.js";
import { seededRandom } from "../support/random.js";

const RATE = 16_000;

/** Uniform noise at a level in dBFS (root mean square of full scale). */
function noise(seconds: number, level: number): Float32Array {
  const random = seededRandom(7);
  const amplitude = 10 ** (level / 20) * Math.sqrt(3);
  return Float32Array.from({ length: seconds * RATE }, () => amplitude * (2 * random() - 1));
}

/** One full-scale sample in `seconds` of silence. */
function click(seconds: number): Float32Array {
  const samples = new Float32Array(seconds * RATE);
  samples[samples.length >> 1] = 1;
  return samples;
}

const QUIET: [string, Float32Array][] = [
  ...[0, 1, 159, 160, 161, 399, 400].map((count): [string, Float32Array] => [
    `${count} samples`,
    new Float32Array(count),
  ]),
  ["a second of digital silence", new Float32Array(RATE)],
  ["70 seconds of digital silence", new Float32Array(70 * RATE)],
  ["a constant offset", new Float32Array(5 * RATE).fill(0.25)],
  ["a click", click(5)],
];

async function expectNothingSaid(
  transcriber: Transcriber,
  samples: Float32Array,
  vadFilter: boolean | "auto",
): Promise<void> {
  const result = await transcriber.transcribe({ samples, sampleRate: RATE }, { vadFilter });
  expect(result).toMatchObject({ text: "", segments: [], language: "", languageProbability: 0 });
  expect(result.stats).toMatchObject({ wordCount: 0, charCount: 0, speechDuration: 0, windowCount: 0 });
  expect(result.duration).toBeCloseTo(samples.length / RATE, 6);
}

describe("without a VAD model", () => {
  const transcriber = sharedTranscriber();

  test.each(QUIET)("%s gives an empty transcript", async (_, samples) => {
    await expectNothingSaid(transcriber(), samples, "auto");
  });

  test("so it does on each of several channels", async () => {
    const silence = { samples: new Float32Array(3 * RATE * 3), sampleRate: RATE, channels: 3 };
    const { text, channels } = await transcriber().transcribe(silence, { channels: "each" });
    expect(text).toBe("");
    expect(channels).toEqual(
      [0, 1, 2].map((channel) => ({ channel, text: "", language: "", languageProbability: 0 })),
    );
  });

  test.each([1, 159, 160, 161, 399, 400, 1600])("%i loud samples do no harm", async (count) => {
    const samples = noise(1, -6).slice(0, count);
    const { segments, duration } = await transcriber().transcribe({ samples, sampleRate: RATE });
    for (const { start, end } of segments) {
      expect(start).toBeGreaterThanOrEqual(0);
      expect(end).toBeLessThanOrEqual(duration);
    }
  });
});

describe("with a VAD model", () => {
  const transcriber = sharedTranscriber({ ...DEMO, vadModel: "silero-v6.2.0" });

  test.each([
    ...QUIET,
    ["noise at -40 dBFS", noise(25, -40)] as const,
    ["noise at -70 dBFS", noise(25, -70)] as const,
  ])("%s gives an empty transcript", async (_, samples) => {
    await expectNothingSaid(transcriber(), samples, "auto");
  });
});
