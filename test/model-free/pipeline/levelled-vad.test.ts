import { describe, expect, it } from "vitest";
import { LevelledVad } from "../../../src/pipeline/levelled-vad.js";
import { FRAME_SAMPLES } from "../../../src/pipeline/speech-regions.js";
import type { VadModel, VadSession } from "../../../src/types/engine.js";
import { seededRandom } from "../../support/random.js";

const RATE = 16_000;

/** `[seconds, level]` after one another: noise at a level in dBFS (root mean square). */
function recording(...parts: Array<[number, number]>): Float32Array {
  const random = seededRandom(5);
  return Float32Array.from(
    parts.flatMap(([seconds, level]) => {
      const amplitude = Math.sqrt(3) * 10 ** (level / 20);
      return Array.from({ length: Math.round(seconds * RATE) }, () => amplitude * (2 * random() - 1));
    }),
  );
}

/** As deaf as real networks: a frame is speech as far as it reaches above -50 dBFS. */
class DeafVad implements VadModel {
  /** What each session heard. */
  readonly heard: number[][] = [];
  open = 0;
  /** Times that samples were pushed. */
  pushes = 0;

  createSession(): VadSession {
    const heard: number[] = [];
    this.heard.push(heard);
    this.open += 1;
    let classified = 0;
    const classify = (upTo: number): Float32Array => {
      const probabilities: number[] = [];
      for (; classified < upTo; classified++) {
        const frame = heard.slice(classified * FRAME_SAMPLES, (classified + 1) * FRAME_SAMPLES);
        probabilities.push(levelOf(frame) > -50 ? 1 : 0);
      }
      return Float32Array.from(probabilities);
    };
    return {
      push: async (samples) => {
        this.pushes += 1;
        for (const sample of samples) heard.push(sample);
        return classify(Math.floor(heard.length / FRAME_SAMPLES));
      },
      flush: async () => classify(Math.ceil(heard.length / FRAME_SAMPLES)),
      close: () => {
        this.open -= 1;
      },
    };
  }

  async close(): Promise<void> {}
}

function levelOf(samples: readonly number[]): number {
  return 10 * Math.log10(samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length);
}

async function hear(
  track: Float32Array,
  blockSize = 4000,
): Promise<{ probabilities: number[]; sessions: number[][]; pushes: number }> {
  const model = new DeafVad();
  const vad = new LevelledVad(model);
  const probabilities: number[] = [];
  for (let at = 0; at < track.length; at += blockSize) {
    // The caller may use its block again.
    const block = track.slice(at, at + blockSize);
    probabilities.push(...(await vad.push(block)));
    block.fill(Number.NaN);
  }
  probabilities.push(...(await vad.flush()));
  vad.close();
  expect(model.open).toBe(0);
  return { probabilities, sessions: model.heard, pushes: model.pushes };
}

/** Share of the frames between two times, in seconds, that are taken for speech. */
function found(probabilities: readonly number[], from: number, to: number): number {
  const frames = probabilities.slice(
    Math.ceil((from * RATE) / FRAME_SAMPLES),
    Math.floor((to * RATE) / FRAME_SAMPLES),
  );
  return frames.filter((probability) => probability >= 0.5).length / frames.length;
}

describe("a VAD model", () => {
  it.each([100, 4000, 48_000])(
    "asks the network for ten seconds of a hole, in blocks of %i",
    async (blockSize) => {
      const hole = new Float32Array(60 * RATE);
      const track = Float32Array.from([...recording([2, -20]), ...hole, ...recording([2, -20])]);
      const { probabilities, sessions } = await hear(track, blockSize);
      expect(probabilities).toHaveLength(Math.ceil(track.length / FRAME_SAMPLES));
      expect(sessions[0]!.length / RATE).toBeCloseTo(2 + 10 + 2, 1);
      expect(found(probabilities, 0, 2)).toBe(1);
      expect(found(probabilities, 2.1, 62)).toBe(0);
      expect(found(probabilities, 62.1, 64)).toBe(1);
    },
  );

  it("hears every frame of a recording of usual level once, as it is", async () => {
    const track = recording([3.1, -20], [1, -50], [2, -40]);
    const { probabilities, sessions } = await hear(track);
    expect(sessions).toHaveLength(1);
    expect(Float32Array.from(sessions[0]!.slice(0, track.length))).toEqual(track);
    expect(probabilities).toHaveLength(Math.ceil(track.length / FRAME_SAMPLES));
  });

  it.each([-20, -40, -60, -75, -90])("finds what is spoken in a recording at %i dBFS", async (level) => {
    const { probabilities } = await hear(recording([5, level]));
    expect(found(probabilities, 0, 5)).toBe(1);
  });

  it("finds what the quiet party says soon after the loud one", async () => {
    const { probabilities } = await hear(recording([10, -18], [10, -60], [10, -18], [6, -65]));
    expect(found(probabilities, 12, 20)).toBe(1);
    expect(found(probabilities, 33, 36)).toBe(1);
  });

  it("hears what is below 16 bits no louder", async () => {
    const { probabilities, sessions } = await hear(recording([5, -96]));
    expect(found(probabilities, 0, 5)).toBe(0);
    expect(sessions).toHaveLength(1);
  });

  it("asks the network once a second, however small the blocks are", async () => {
    const { pushes } = await hear(recording([10, -20]), 320);
    expect(pushes).toBeLessThanOrEqual(10);
  });

  it("finds the same whatever the blocks", async () => {
    const track = recording([3, -25], [5, -62], [0.1, -10], [4.03, -58]);
    const whole = await hear(track, track.length);
    for (const blockSize of [100, 512, 5000]) {
      const { probabilities, sessions } = await hear(track, blockSize);
      expect(probabilities).toEqual(whole.probabilities);
      expect(sessions.slice(0, 2)).toEqual(whole.sessions);
    }
  });
});
