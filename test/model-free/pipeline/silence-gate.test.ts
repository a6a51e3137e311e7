import { describe, expect, it } from "vitest";
import { DEFAULT_VAD_OPTIONS } from "../../../src/config/options.js";
import { type Window, Windower } from "../../../src/pipeline/windows.js";
import { FakeAudio } from "../../support/fake-audio.js";
import { FakeEngine } from "../../support/fake-engine.js";
import { seededRandom } from "../../support/random.js";
import { transcribeFake } from "../../support/transcribe-fake.js";

const RATE = 16_000;

/** `[seconds, level]` after one another: noise at a level in dBFS (root mean square), `null` for zeros. */
function recording(...parts: Array<[number, number | null]>): Float32Array {
  const random = seededRandom(5);
  const pieces = parts.map(([seconds, level]) => {
    const amplitude = level === null ? 0 : Math.sqrt(3) * 10 ** (level / 20);
    return Float32Array.from({ length: Math.round(seconds * RATE) }, () => amplitude * (2 * random() - 1));
  });
  return Float32Array.from(pieces.flatMap((piece) => [...piece]));
}

async function cut(
  track: Float32Array,
  blockSize = RATE,
): Promise<{ windows: Window[]; skippedSound: number }> {
  const windower = new Windower({ maxWindow: 30, vad: undefined, vadOptions: DEFAULT_VAD_OPTIONS });
  const windows: Window[] = [];
  for (let at = 0; at < track.length; at += blockSize) {
    windows.push(...(await windower.push(track.slice(at, at + blockSize))));
  }
  windows.push(...(await windower.flush()));
  return { windows, skippedSound: windower.skippedSound };
}

const spans = (windows: readonly Window[]): Array<[number, number]> =>
  windows.map(({ start, samples }) => [start, start + samples.length / RATE]);

const isKept = (windows: readonly Window[], from: number, to: number): boolean =>
  spans(windows).some(([start, end]) => start <= from && to <= end + 1e-6);

describe("without a VAD model", () => {
  it("a quiet recording is cut where a loud one is", async () => {
    // A near and a far party, weak endings, pauses of room noise, silence of the microphone switched off.
    const loud = recording(
      [4, null],
      [3, -20],
      [5, -60],
      [2, -45],
      [0.6, -58],
      [8, null],
      [3, -22],
      [6, -85],
    );
    const { windows } = await cut(loud);
    expect(windows.length).toBeGreaterThan(1);
    for (const gain of [-15, -27.3, -33]) {
      const quiet = await cut(loud.map((sample) => sample * 10 ** (gain / 20)));
      // But for a frame that is partly of digital silence.
      const expected = spans(windows).map((span) => span.map((time) => expect.closeTo(time, 1)));
      expect(spans(quiet.windows)).toEqual(expected);
    }
  });

  it.each([-20, -40, -60, -75])("all of a recording at %i dBFS is heard", async (level) => {
    const { windows, skippedSound } = await cut(recording([10, level], [4, level - 15], [0.3, level - 20]));
    expect(spans(windows)).toEqual([[0, 14.3]]);
    expect(skippedSound).toBe(0);
  });

  it("a loud burst does not make what is quiet after it silence", async () => {
    const door: [number, number] = [0.3, -3];
    const track = recording([1, null], door, [6, null], [5, -65], [6, null], door, [5, -70]);
    const { windows } = await cut(track);
    expect(isKept(windows, 7.3, 12.3)).toBe(true);
    expect(isKept(windows, 18.6, 23.6)).toBe(true);
  });

  it("a party 40 dB below the other is kept, weak endings and all", async () => {
    const { windows } = await cut(
      recording([20, -20], [10, null], [4, -60], [0.5, -75], [10, null], [20, -20]),
    );
    expect(isKept(windows, 30, 34.5)).toBe(true);
  });

  it.each([-60, -70, -78])("a party at %i dBFS beside one of full level is kept", async (level) => {
    // Syllables with the noise of the room between them.
    const syllables = Array.from(
      { length: 20 },
      (): Array<[number, number]> => [
        [0.15, level],
        [0.08, level - 18],
      ],
    ).flat();
    const room: [number, number] = [12, level - 18];
    const { windows } = await cut(recording([20, -5], room, ...syllables, room, [20, -5]));
    expect(isKept(windows, 32, 36.6)).toBe(true);
    // The room alone is left out, but for what is around the syllables.
    const kept = spans(windows).reduce((sum, [start, end]) => sum + end - start, 0);
    expect(kept).toBeLessThan(20 + 20 + 4.6 + 5);
  });

  it("silence around sound is left out, but for half a second and what is too little to be worth it", async () => {
    const cutAround = async (before: number, after: number) =>
      spans((await cut(recording([before, null], [5, -30], [after, null]))).windows);
    expect(await cutAround(0.5, 0.5)).toEqual([[0, 6]]);
    expect(await cutAround(0.61, 0.61)).toEqual([[0, 6.22]]);
    expect(await cutAround(0.9, 0.9)).toEqual([[0, 6.8]]);
    expect(await cutAround(4, 4)).toEqual([[expect.closeTo(3.5, 1), expect.closeTo(9.5, 1)]]);
  });

  it("the dither of 16-bit audio is silence", async () => {
    const random = seededRandom(3);
    const dither = Float32Array.from({ length: 20 * RATE }, () => Math.round(random() - random()) / 32_768);
    expect(dither.some((sample) => sample !== 0)).toBe(true);
    expect((await cut(dither)).windows).toEqual([]);
  });

  it("cuts do not depend on the blocks in which the recording arrives", async () => {
    const track = recording([2, -70], [3, -25], [7, -90], [1, -80], [9, -88], [0.4, -2], [4, -61], [5, null]);
    const whole = await cut(track, track.length);
    expect(whole.skippedSound).toBeGreaterThan(3);
    for (const blockSize of [333, 512, 16_000]) expect(await cut(track, blockSize)).toEqual(whole);
  });

  it("what is left out although something faint is in it is told in seconds", async () => {
    const track = recording([5, -20], [31, -85], [5, -20], [60, null]);
    const { windows, skippedSound } = await cut(track);
    expect(windows).toHaveLength(2);
    expect(skippedSound).toBeCloseTo(30, 0);
    const about = async (samples: Float32Array) =>
      (await transcribeFake(new FakeAudio([samples]), new FakeEngine())).warnings;
    expect(await about(track)).toEqual([expect.stringMatching(/^(29\.9|30\.\d) s were left out as silence/)]);
    expect(await about(recording([5, -20], [8, -85], [5, -20], [60, null]))).toEqual([]);
    const each = await transcribeFake(
      new FakeAudio([recording([41, -20]), track.subarray(0, 41 * RATE)]),
      new FakeEngine(),
      { channels: "each" },
    );
    expect(each.warnings).toEqual([expect.stringContaining("s of channel 1 were left out")]);
  });
});
