import { describe, expect, it } from "vitest";
import { placeToCut, quietestCut } from "../../../src/pipeline/pauses.js";
import { SpeechRegions } from "../../../src/pipeline/speech-regions.js";
import { type Window, Windower } from "../../../src/pipeline/windows.js";
import type { VadModel } from "../../../src/types/engine.js";
import { bursts, FakeVad } from "../../support/fake-engine.js";
import { seededRandom } from "../../support/random.js";

const VAD_OPTIONS = {
  threshold: 0.5,
  negThreshold: 0.35,
  minSpeechDuration: 0.25,
  minSilenceDuration: 0.5,
  speechPad: 0.2,
  maxSpeechDuration: Number.POSITIVE_INFINITY,
};

/** `[seconds, amplitude]` after one another; noise, so that every sample differs. */
function noise(seed: number, ...parts: Array<[number, number]>): Float32Array {
  const random = seededRandom(seed);
  const samples: number[] = [];
  for (const [seconds, amplitude] of parts) {
    const length = Math.round(seconds * 16_000);
    for (let i = 0; i < length; i++) samples.push(amplitude * (2 * random() - 1));
  }
  return Float32Array.from(samples);
}

interface Cut {
  windows: Window[];
  /** Most seconds that were neither in a window nor known to hold no speech. */
  mostHeld: number;
}

async function cut(
  track: Float32Array,
  maxWindow = 30,
  vad?: VadModel,
  blockSize: () => number = () => 16_000,
): Promise<Cut> {
  const windower = new Windower({ maxWindow, vad, vadOptions: VAD_OPTIONS });
  const windows: Window[] = [];
  let mostHeld = 0;
  for (let i = 0; i < track.length; ) {
    const block = track.slice(i, i + blockSize());
    i += block.length;
    windows.push(...(await windower.push(block)));
    mostHeld = Math.max(mostHeld, i / 16_000 - windower.settled);
    // The caller may use its block again.
    block.fill(Number.NaN);
  }
  windows.push(...(await windower.flush()));
  windower.close();
  return { windows, mostHeld };
}

const seconds = ({ start, samples }: Window): [number, number] => [start, start + samples.length / 16_000];

/** Regions found with the whole track at hand. */
async function regionsOf(track: Float32Array, vad: FakeVad) {
  const session = vad.createSession();
  const probabilities = [...(await session.push(track)), ...(await session.flush())];
  session.close();
  const regions = new SpeechRegions(VAD_OPTIONS);
  return [...regions.push(Float32Array.from(probabilities)), ...regions.flush(track.length)];
}

describe("windows with a VAD model", () => {
  it("join speech across short pauses and begin anew after long ones", async () => {
    const track = noise(1, [2, 0], [3, 1], [2, 0], [3, 1], [5, 0], [3, 1], [2, 0]);
    const { windows } = await cut(track, 30, new FakeVad());
    expect(windows.map((window) => seconds(window).map(Math.round))).toEqual([
      [2, 10],
      [15, 18],
    ]);
    expect(windows[0]!.speech).toBeCloseTo(6 + 4 * 0.2, 0);
  });

  it("begin anew where the next speech does not fit", async () => {
    const track = noise(2, [12, 1], [1, 0], [12, 1], [1, 0], [12, 1]);
    const { windows } = await cut(track, 30, new FakeVad());
    expect(windows.map((window) => seconds(window).map(Math.round))).toEqual([
      [0, 25],
      [26, 38],
    ]);
  });

  it("cut speech that is too long where it is quietest, within the last five seconds", async () => {
    const track = noise(3, [27, 1], [0.2, 0.6], [20, 1]);
    const { windows } = await cut(track, 30, new FakeVad());
    expect(windows).toHaveLength(2);
    expect(seconds(windows[0]!)[1]).toBeCloseTo(27.1, 1);
    expect(seconds(windows[1]!)[0]).toBe(seconds(windows[0]!)[1]);
  });

  it("are handed out while the track still arrives", async () => {
    const windower = new Windower({ maxWindow: 10, vad: new FakeVad(), vadOptions: VAD_OPTIONS });
    expect(await windower.push(noise(4, [11, 1]))).toHaveLength(1);
    expect(await windower.push(noise(5, [1, 1], [5, 0]))).toHaveLength(1);
    windower.close();
  });

  it("cover all speech exactly once, unchanged, within the limit, in bounded memory", async () => {
    for (let seed = 1; seed <= 12; seed++) {
      const random = seededRandom(seed);
      const parts: Array<[number, number]> = [];
      for (let i = 0; i < 30; i++) {
        const long = random() < 0.15 ? 8 : 1;
        parts.push([long * 3 * random(), 1], [random() < 0.3 ? 6 * random() : random(), 0]);
      }
      const track = noise(seed, ...parts);
      const vad = new FakeVad();
      const maxWindow = 1 + Math.floor(random() * 14);
      const { windows, mostHeld } = await cut(track, maxWindow, vad, () => 1 + Math.floor(random() * 24_000));
      expect(vad.open).toBe(0);

      const covered = new Uint8Array(track.length);
      let last = 0;
      for (const window of windows) {
        const start = Math.round(window.start * 16_000);
        expect(start).toBeGreaterThanOrEqual(last);
        expect(window.samples.length).toBeGreaterThan(0);
        expect(window.samples.length).toBeLessThanOrEqual(maxWindow * 16_000);
        last = start + window.samples.length;
        expect(last).toBeLessThanOrEqual(track.length);
        expect(Buffer.compare(bytes(window.samples), bytes(track.subarray(start, last)))).toBe(0);
        covered.fill(1, start, last);
      }
      let speech = 0;
      for (const region of await regionsOf(track, vad)) {
        expect(covered.subarray(region.start, region.end).includes(0)).toBe(false);
        speech += (region.end - region.start) / 16_000;
      }
      expect(windows.reduce((sum, window) => sum + window.speech, 0)).toBeCloseTo(speech, 6);
      expect(mostHeld).toBeLessThan(2 * maxWindow + 6);
    }
  });
});

describe("windows without a VAD model", () => {
  it("are cut at pauses, lose nothing and never exceed the limit", async () => {
    const track = noise(6, [26, 0.1], [0.4, 0.002], [27, 0.1], [0.4, 0.002], [20, 0.1]);
    const { windows } = await cut(track);
    expect(windows.map((window) => seconds(window)[1])).toEqual([
      expect.closeTo(26.2, 0),
      expect.closeTo(53.6, 0),
      73.8,
    ]);
    expect(windows.reduce((sum, window) => sum + window.samples.length, 0)).toBe(track.length);
  });

  it("do not exist for digital silence, nor for a constant offset", async () => {
    expect((await cut(new Float32Array(90 * 16_000))).windows).toEqual([]);
    expect((await cut(new Float32Array(20 * 16_000).fill(0.25))).windows).toEqual([]);
  });

  it("do not exist for a click", async () => {
    const track = new Float32Array(10 * 16_000);
    track.fill(0.9, 80_000, 80_020);
    expect((await cut(track)).windows).toEqual([]);
  });

  it("leave out long silence around sound", async () => {
    const { windows } = await cut(bursts(3, 1, 60));
    expect(windows.map(seconds)).toEqual([
      [expect.closeTo(59.5, 1), expect.closeTo(61.5, 1)],
      [expect.closeTo(120.5, 1), expect.closeTo(122.5, 1)],
      [expect.closeTo(181.5, 1), expect.closeTo(183.5, 1)],
    ]);
  });

  it.each([0, 1, 159, 160, 161, 399, 400, 511, 512, 513])("survive a track of %i samples", async (length) => {
    const { windows } = await cut(noise(8, [length / 16_000, 0.5]));
    expect(windows).toEqual([]);
  });

  it("hold little of a track of endless sound", async () => {
    const { windows, mostHeld } = await cut(noise(9, [200, 0.1]), 20);
    expect(mostHeld).toBeLessThan(22);
    expect(windows.length).toBeGreaterThanOrEqual(10);
  });
});

describe("the place to cut speech that is too long", () => {
  const at = (samples: Float32Array) => placeToCut(samples) / 16_000;

  it("is a pause between sentences rather than a gap between words that is later", () => {
    expect(at(noise(20, [21, 0.1], [0.5, 0.001], [6, 0.1], [0.15, 0.0005], [2.35, 0.1]))).toBeCloseTo(
      21.25,
      1,
    );
  });

  it("is the longer pause of two, and the later of two alike", () => {
    const pauses = (first: number, second: number) =>
      noise(21, [22, 0.1], [first, 0.001], [4, 0.1], [second, 0.001], [4 - first - second, 0.1]);
    expect(at(pauses(0.9, 0.35))).toBeCloseTo(22.45, 1);
    expect(at(pauses(0.35, 0.9))).toBeCloseTo(26.8, 1);
    expect(at(pauses(0.5, 0.5))).toBeCloseTo(26.75, 1);
  });

  it("is not before the last ten seconds", () => {
    const cut = at(noise(22, [18, 0.1], [1, 0.001], [8, 0.1], [0.15, 0.01], [2.85, 0.1]));
    expect(cut).toBeCloseTo(27.07, 1);
  });

  it("is found in the noise of a room though there is a hole of digital silence", () => {
    expect(at(noise(23, [23, 0.1], [0.1, 0], [2, 0.1], [0.6, 0.001], [4.3, 0.1]))).toBeCloseTo(25.4, 1);
  });

  it("is the quietest place of sound without pauses", () => {
    const samples = noise(24, [27, 0.1], [0.2, 0.06], [2.8, 0.1]);
    expect(placeToCut(samples)).toBe(quietestCut(samples));
  });

  it("lies inside the shortest window", () => {
    for (const samples of [noise(25, [1, 0.5]), new Float32Array(4096), noise(26, [0.5, 0], [0.5, 0.1])]) {
      expect(placeToCut(samples)).toBeGreaterThan(0);
      expect(placeToCut(samples)).toBeLessThan(samples.length);
    }
  });
});

describe("the quietest cut", () => {
  it("is the centre of the quietest frame", () => {
    const samples = noise(10, [28, 0.5], [0.128, 0.01], [1.872, 0.5]);
    expect(Math.abs(quietestCut(samples) - (28 * 16_000 + 1024))).toBeLessThanOrEqual(512);
  });

  it("ignores what is quiet before the last five seconds", () => {
    const samples = noise(11, [24, 0.5], [0.5, 0.001], [2.5, 0.5], [0.2, 0.05], [2.8, 0.5]);
    expect(quietestCut(samples) / 16_000).toBeCloseTo(27.1, 1);
  });

  it("lies inside the shortest window too", () => {
    for (const samples of [noise(12, [1, 0.5]), new Float32Array(4096)]) {
      expect(quietestCut(samples)).toBeGreaterThan(0);
      expect(quietestCut(samples)).toBeLessThan(samples.length);
    }
  });

  it("weighs frames as a short-time spectrum would, by Parseval's theorem", () => {
    const samples = noise(13, [1, 0.5]);
    const span = samples.subarray(samples.length / 2);
    const spectral: number[] = [];
    for (let end = span.length; end >= 2048; end -= 512)
      spectral.push(spectrumEnergy(span.subarray(end - 2048, end)));
    const quietest = spectral.indexOf(Math.min(...spectral));
    expect(quietestCut(samples)).toBe(samples.length - 1024 - 512 * quietest);
  });
});

/** Σ|S|² of a Hann-windowed frame, by a discrete Fourier transform. */
function spectrumEnergy(frame: Float32Array): number {
  const weighted = frame.map(
    (sample, i) => sample * (0.5 - 0.5 * Math.cos((2 * Math.PI * i) / frame.length)),
  );
  return fft([...weighted], Array<number>(frame.length).fill(0)).reduce((sum, power) => sum + power, 0);
}

/** Powers of a radix-2 transform, by its recursive definition. */
function fft(re: number[], im: number[]): number[] {
  const transform = (a: number[], b: number[]): [number[], number[]] => {
    const n = a.length;
    if (n === 1) return [a, b];
    const pick = (values: number[], odd: number): number[] => values.filter((_, i) => i % 2 === odd);
    const [evenRe, evenIm] = transform(pick(a, 0), pick(b, 0));
    const [oddRe, oddIm] = transform(pick(a, 1), pick(b, 1));
    const outRe = Array<number>(n);
    const outIm = Array<number>(n);
    for (let k = 0; k < n / 2; k++) {
      const angle = (-2 * Math.PI * k) / n;
      const tRe = Math.cos(angle) * oddRe[k]! - Math.sin(angle) * oddIm[k]!;
      const tIm = Math.cos(angle) * oddIm[k]! + Math.sin(angle) * oddRe[k]!;
      [outRe[k], outIm[k]] = [evenRe[k]! + tRe, evenIm[k]! + tIm];
      [outRe[k + n / 2], outIm[k + n / 2]] = [evenRe[k]! - tRe, evenIm[k]! - tIm];
    }
    return [outRe, outIm];
  };
  const [outRe, outIm] = transform(re, im);
  return outRe.map((value, k) => value * value + outIm[k]! * outIm[k]!);
}

function bytes(samples: Float32Array): Uint8Array {
  return new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength);
}
