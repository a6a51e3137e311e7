import { floatToHalf, halfToFloat } from "../../src/models/convert/numbers/float16.js";

/** How values are distributed and stored. */
export interface RandomValues {
  mean: number;
  deviation: number;
  stored: "f16" | "f32";
  /** Only values that f16 has, so that what is stored as f32 is the exact form of what is stored as f16. */
  halves: boolean;
  seed: string;
}

/** Values that are made at once. */
const CHUNK = 1 << 20;

/** Normally distributed values as bytes, piece by piece; the same for the same options. A piece is valid until the next. */
export function* randomValues(count: number, options: RandomValues): Generator<Uint8Array> {
  const table = tableOf(options);
  const random = xorshift(hash(options.seed));
  const length = Math.min(count, CHUNK);
  const chunk = options.stored === "f16" ? new Uint16Array(length) : new Float32Array(length);
  for (let done = 0; done < count; done += length) {
    const filled = Math.min(length, count - done);
    for (let i = 0; i < filled; i++) chunk[i] = table[random() >>> 16]!;
    yield new Uint8Array(chunk.buffer, 0, filled * chunk.BYTES_PER_ELEMENT);
  }
}

const tables = new Map<string, Uint16Array | Float32Array>();

/** What values are drawn from, as they are stored. A model has few distributions and many tensors. */
function tableOf({ mean, deviation, stored, halves }: RandomValues): Uint16Array | Float32Array {
  const key = [mean, deviation, stored, halves].join();
  let table = tables.get(key);
  if (!table) {
    const draws = normal().map((value) => mean + deviation * value);
    const patterns = Uint16Array.from(draws, floatToHalf);
    table = stored === "f16" ? patterns : halves ? Float32Array.from(patterns, halfToFloat) : draws;
    tables.set(key, table);
  }
  return table;
}

let quantiles: Float32Array | undefined;

/** The normal distribution in 65536 steps of equal probability: drawing from it is one look-up. */
function normal(): Float32Array {
  quantiles ??= Float32Array.from({ length: 65_536 }, (_, i) => normalQuantile((i + 0.5) / 65_536));
  return quantiles;
}

/** Where the normal distribution reaches a probability: bisection on Abramowitz and Stegun's erf, formula 7.1.26. */
function normalQuantile(probability: number): number {
  const tail = Math.min(probability, 1 - probability);
  let [low, high] = [0, 6];
  for (let i = 0; i < 40; i++) {
    const middle = (low + high) / 2;
    if (upperTail(middle) > tail) low = middle;
    else high = middle;
  }
  return probability < 0.5 ? -low : low;
}

function upperTail(x: number): number {
  const t = 1 / (1 + (0.3275911 * x) / Math.SQRT2);
  const series = [1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592];
  return 0.5 * series.reduce((sum, coefficient) => (sum + coefficient) * t, 0) * Math.exp((-x * x) / 2);
}

/** Uniform 32-bit numbers (Marsaglia's xorshift32). */
function xorshift(seed: number): () => number {
  let state = seed || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}

/** FNV-1a, 32 bits. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (const byte of Buffer.from(text)) value = Math.imul(value ^ byte, 0x01000193);
  return value >>> 0;
}
