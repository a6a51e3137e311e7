import { floatToHalf } from "./float16.js";

/**
 * ggml's simple block formats: 32 values share a 16-bit scale. Every step is rounded to 32 bits, so that the bytes
 * are those of ggml's reference implementation.
 * Source: ggml, src/ggml-quants.c, `quantize_row_q8_0_ref`, `quantize_row_q5_0_ref`, `quantize_row_q4_0_ref`.
 */
export const BLOCK_VALUES = 32;

const HALF_BLOCK = BLOCK_VALUES / 2;
const { fround } = Math;

/** Writes the blocks of `values`, a multiple of {@link BLOCK_VALUES}, to `target`. */
export type BlockEncoder = (values: Float32Array, target: Uint8Array) => void;

/** 34 bytes: scale, 32 signed bytes. */
export const encodeQ8: BlockEncoder = (values, target) => {
  let out = 0;
  for (let block = 0; block < values.length; block += BLOCK_VALUES) {
    const scale = fround(Math.abs(extremeOf(values, block)) / 127);
    const inverse = scale ? fround(1 / scale) : 0;
    out = writeScale(target, out, scale);
    for (let i = block; i < block + BLOCK_VALUES; i++) {
      const scaled = fround(values[i]! * inverse);
      // C's roundf: halves away from zero.
      target[out++] = scaled < 0 ? -Math.floor(0.5 - scaled) : Math.floor(scaled + 0.5);
    }
  }
};

/** 18 bytes: scale, 32 unsigned nibbles around 8; a byte holds values i and i + 16. */
export const encodeQ4: BlockEncoder = (values, target) => {
  let out = 0;
  for (let block = 0; block < values.length; block += BLOCK_VALUES) {
    const scale = fround(extremeOf(values, block) / -8);
    const inverse = scale ? fround(1 / scale) : 0;
    out = writeScale(target, out, scale);
    for (let i = block; i < block + HALF_BLOCK; i++) {
      const low = level(values[i]!, inverse, 8);
      const high = level(values[i + HALF_BLOCK]!, inverse, 8);
      target[out++] = low | (high << 4);
    }
  }
};

/** 22 bytes: scale, the fifth bits of all values, then the lower four as in {@link encodeQ4}. */
export const encodeQ5: BlockEncoder = (values, target) => {
  let out = 0;
  for (let block = 0; block < values.length; block += BLOCK_VALUES) {
    const scale = fround(extremeOf(values, block) / -16);
    const inverse = scale ? fround(1 / scale) : 0;
    const fifthBits = writeScale(target, out, scale);
    out = fifthBits + 4;
    let bits = 0;
    for (let i = 0; i < HALF_BLOCK; i++) {
      const low = level(values[block + i]!, inverse, 16);
      const high = level(values[block + i + HALF_BLOCK]!, inverse, 16);
      target[out++] = (low & 0x0f) | ((high & 0x0f) << 4);
      bits |= ((low >> 4) << i) | ((high >> 4) << (i + HALF_BLOCK));
    }
    for (let byte = 0; byte < 4; byte++) target[fifthBits + byte] = bits >>> (8 * byte);
  }
};

/** The value of the largest magnitude; of equals the first. */
function extremeOf(values: Float32Array, block: number): number {
  let extreme = 0;
  for (let i = block; i < block + BLOCK_VALUES; i++) {
    if (Math.abs(values[i]!) > Math.abs(extreme)) extreme = values[i]!;
  }
  return extreme;
}

/** The nearest of the 2 × `middle` levels. */
function level(value: number, inverse: number, middle: number): number {
  const scaled = fround(value * inverse);
  return Math.min(2 * middle - 1, Math.trunc(fround(scaled + (middle + 0.5))));
}

function writeScale(target: Uint8Array, at: number, scale: number): number {
  const half = floatToHalf(scale);
  target[at] = half & 0xff;
  target[at + 1] = half >> 8;
  return at + 2;
}
