import { describe, expect, it } from "vitest";
import { FRAME_SAMPLES, type Region, SpeechRegions } from "../../../src/pipeline/speech-regions.js";
import type { VadOptions } from "../../../src/types/options.js";
import { seededRandom } from "../../support/random.js";

const OPTIONS: Required<VadOptions> = {
  threshold: 0.5,
  negThreshold: 0.35,
  minSpeechDuration: 0.25,
  minSilenceDuration: 0.5,
  speechPad: 0.2,
  maxSpeechDuration: Number.POSITIVE_INFINITY,
};

/** Frames of one probability after another: `[count, probability]`. */
function frames(...runs: Array<[number, number]>): Float32Array {
  return Float32Array.from(runs.flatMap(([count, probability]) => Array<number>(count).fill(probability)));
}

function regionsOf(probabilities: Float32Array, options: Partial<VadOptions> = {}): Region[] {
  const regions = new SpeechRegions({ ...OPTIONS, ...options });
  return [...regions.push(probabilities), ...regions.flush(probabilities.length * FRAME_SAMPLES)];
}

/** The same rules over the whole track at once: find speech, drop the short, then pad. */
function offline(probabilities: Float32Array, options: Required<VadOptions>): Region[] {
  const [minSpeech, minSilence, pad] = [
    options.minSpeechDuration,
    options.minSilenceDuration,
    options.speechPad,
  ].map((seconds) => Math.round(seconds * 16_000)) as [number, number, number];
  const length = probabilities.length * FRAME_SAMPLES;
  const found: Region[] = [];
  let start = -1;
  let silence = -1;
  for (const [i, probability] of probabilities.entries()) {
    const at = i * FRAME_SAMPLES;
    if (probability >= options.threshold) {
      if (start < 0) start = at;
      silence = -1;
    } else if (start >= 0) {
      if (probability < options.negThreshold && silence < 0) silence = at;
      if (silence >= 0 && at - silence >= minSilence) {
        found.push({ start, end: silence });
        start = -1;
        silence = -1;
      }
    }
  }
  if (start >= 0) found.push({ start, end: silence >= 0 ? silence : length });
  const kept = found.filter((region) => region.end - region.start > minSpeech);
  return kept.map((region, i) => {
    const before = region.start - (kept[i - 1]?.end ?? Number.NEGATIVE_INFINITY);
    const after = (kept[i + 1]?.start ?? Number.POSITIVE_INFINITY) - region.end;
    return {
      start: Math.max(0, region.start - Math.min(pad, Math.ceil(before / 2))),
      end: Math.min(length, region.end + Math.min(pad, Math.floor(after / 2))),
    };
  });
}

describe("speech regions", () => {
  it("pads speech on both sides", () => {
    expect(regionsOf(frames([20, 0], [20, 1], [40, 0]))).toEqual([
      { start: 20 * 512 - 3200, end: 40 * 512 + 3200 },
    ]);
  });

  it("stay inside the track", () => {
    expect(regionsOf(frames([20, 1]))).toEqual([{ start: 0, end: 20 * 512 }]);
  });

  it("bridge short pauses and part at long ones", () => {
    expect(regionsOf(frames([20, 1], [15, 0], [20, 1], [30, 0]))).toHaveLength(1);
    expect(regionsOf(frames([20, 1], [17, 0], [20, 1], [30, 0]))).toHaveLength(2);
  });

  it("drop bursts that are no longer than the least speech", () => {
    expect(regionsOf(frames([7, 1], [60, 0]))).toEqual([]);
    expect(regionsOf(frames([8, 1], [60, 0]))).toHaveLength(1);
  });

  it("go on below the threshold until the lower one is crossed", () => {
    expect(regionsOf(frames([10, 1], [50, 0.4], [60, 0]))).toEqual([{ start: 0, end: 60 * 512 + 3200 }]);
  });

  it("end although uncertain frames follow", () => {
    expect(regionsOf(frames([10, 1], [1, 0], [400, 0.4]))).toEqual([{ start: 0, end: 10 * 512 + 3200 }]);
  });

  it("share a gap that is too short for two pads", () => {
    const options = { minSilenceDuration: 0.1, speechPad: 0.2 };
    const [first, second] = regionsOf(frames([20, 1], [6, 0], [20, 1], [30, 0]), options);
    expect(first!.end).toBe(23 * 512);
    expect(second!.start).toBe(23 * 512);
  });

  it("pad across a dropped burst as if it were silence", () => {
    const [first, second] = regionsOf(frames([20, 1], [4, 0], [1, 1], [4, 0], [20, 1], [30, 0]), {
      minSilenceDuration: 0.05,
    });
    expect(first!.end).toBe(20 * 512 + 2304);
    expect(second!.start).toBe(29 * 512 - 2304);
  });

  // Values of faster-whisper 1.2.1, but for the frame where it parts speech without a silence.
  it.each([
    [
      "its last silence above 98 ms",
      [
        [20, 1],
        [8, 0],
        [20, 1],
        [6, 0],
        [60, 1],
      ],
      [
        [0, 51 * 512],
        [51 * 512, 114 * 512],
      ],
    ],
    [
      "no shorter one, but at its limit",
      [
        [20, 1],
        [4, 0],
        [90, 1],
      ],
      [
        [0, 58 * 512],
        [58 * 512, 114 * 512],
      ],
    ],
    [
      "the silence under way",
      [
        [50, 1],
        [12, 0],
        [30, 1],
      ],
      [
        [0, 56 * 512],
        [56 * 512, 92 * 512],
      ],
    ],
  ] as Array<[string, Array<[number, number]>, Array<[number, number]>]>)(
    "part what is too long at %s",
    (_, runs, expected) => {
      const regions = regionsOf(frames(...runs), { minSilenceDuration: 2, maxSpeechDuration: 2.26 });
      expect(regions.map(({ start, end }) => [start, end])).toEqual(expected);
    },
  );

  it("are no longer than the longest, and lose no speech", () => {
    const random = seededRandom(2);
    for (let round = 0; round < 200; round++) {
      const speechPad = 0.3 * random();
      const maxSpeechDuration = 2 * speechPad + 0.2 + 4 * random();
      let level = 0;
      const probabilities = Float32Array.from({ length: 600 }, () => {
        if (random() < 0.1) level = random();
        return level;
      });
      const found = regionsOf(probabilities, {
        speechPad,
        maxSpeechDuration,
        minSpeechDuration: 0,
        minSilenceDuration: random(),
      });
      for (const [i, { start, end }] of found.entries()) {
        expect(end - start).toBeLessThanOrEqual(maxSpeechDuration * 16_000 + 1);
        expect(start).toBeGreaterThanOrEqual(found[i - 1]?.end ?? 0);
      }
      for (const [i, probability] of probabilities.entries()) {
        if (probability < OPTIONS.threshold) continue;
        const covered = found.some(({ start, end }) => start <= i * 512 && (i + 1) * 512 <= end);
        expect(covered, `frame ${i} of round ${round}`).toBe(true);
      }
    }
  });

  it("tell of speech under way once it will be kept", () => {
    const regions = new SpeechRegions(OPTIONS);
    regions.push(frames([20, 0], [7, 1]));
    expect(regions.open).toBeUndefined();
    regions.push(frames([1, 1]));
    expect(regions.open).toEqual({ start: 20 * 512 - 3200, end: 28 * 512 });
    expect(regions.push(frames([10, 0]))).toEqual([]);
    expect(regions.open).toEqual({ start: 20 * 512 - 3200, end: 28 * 512 });
    expect(regions.push(frames([10, 0]))).toEqual([{ start: 20 * 512 - 3200, end: 28 * 512 + 3200 }]);
    expect(regions.open).toBeUndefined();
  });

  it("equal those found with the whole track at hand, however it arrives", () => {
    const random = seededRandom(1);
    for (let round = 0; round < 300; round++) {
      const threshold = 0.3 + 0.4 * random();
      const options = {
        threshold,
        negThreshold: threshold * random(),
        minSpeechDuration: random() * 0.5,
        minSilenceDuration: random() * 0.6,
        speechPad: random() * 0.6,
        maxSpeechDuration: Number.POSITIVE_INFINITY,
      };
      let level = 0;
      const probabilities = Float32Array.from({ length: 400 }, () => {
        if (random() < 0.15) level = random();
        return Math.min(1, Math.max(0, level + 0.2 * (random() - 0.5)));
      });
      const regions = new SpeechRegions(options);
      const found: Region[] = [];
      let horizon = 0;
      for (let i = 0; i < probabilities.length; ) {
        const next = i + 1 + Math.floor(random() * 40);
        const news = regions.push(probabilities.subarray(i, next));
        for (const region of news) expect(region.start).toBeGreaterThanOrEqual(horizon);
        expect(regions.horizon).toBeGreaterThanOrEqual(horizon);
        horizon = regions.horizon;
        found.push(...news);
        i = next;
      }
      found.push(...regions.flush(probabilities.length * FRAME_SAMPLES));
      expect(found).toEqual(offline(probabilities, options));
    }
  });
});
