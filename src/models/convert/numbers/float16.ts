/**
 * The 16-bit formats: IEEE 754 binary16 and bfloat16, rounded to nearest, ties to even, as ggml does
 * (ggml-impl.h, `ggml_compute_fp32_to_fp16` and `ggml_compute_fp32_to_bf16`). No NaN comes here.
 */

const floats = new Float32Array(1);
const bits = new Uint32Array(floats.buffer);

/** Halfway between the largest binary16 and the next power of two: from here on numbers round to infinity. */
export const HALF_OVERFLOW = 65_520;

/** The binary16 pattern nearest to `value`; infinity from {@link HALF_OVERFLOW} on. */
export function floatToHalf(value: number): number {
  floats[0] = value;
  const pattern = bits[0]!;
  const sign = (pattern >>> 16) & 0x8000;
  const magnitude = pattern & 0x7fffffff;
  // The pattern of HALF_OVERFLOW.
  if (magnitude >= 0x477ff000) return sign | 0x7c00;
  if (magnitude >= 0x38800000) {
    // Normal: drop 13 bits of the mantissa and move the exponent's bias from 127 to 15.
    return sign | ((magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13);
  }
  // Subnormal: a whole number of 2^-24. Adding 1.5 × 2^23 leaves the rounded number in the low bits.
  floats[0] = Math.abs(value) * 2 ** 24 + 12_582_912;
  return sign | (bits[0]! & 0x7ff);
}

/** The bfloat16 pattern nearest to `value`. */
export function floatToBfloat16(value: number): number {
  floats[0] = value;
  const pattern = bits[0]!;
  return ((pattern + 0x7fff + ((pattern >>> 16) & 1)) >>> 16) & 0xffff;
}

/** The value of a binary16 pattern. */
export function halfToFloat(half: number): number {
  const exponent = (half >>> 10) & 0x1f;
  const mantissa = half & 0x3ff;
  const sign = half & 0x8000 ? -1 : 1;
  if (exponent === 0) return sign * mantissa * 2 ** -24;
  if (exponent === 0x1f) return mantissa ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1 + mantissa / 1024) * 2 ** (exponent - 15);
}

let halfValues: Float32Array | undefined;

export function halfToFloats(source: Uint16Array, target: Float32Array): void {
  halfValues ??= Float32Array.from({ length: 65_536 }, (_, half) => halfToFloat(half));
  for (let i = 0; i < target.length; i++) target[i] = halfValues[source[i]!]!;
}

export function bfloat16ToFloats(source: Uint16Array, target: Float32Array): void {
  const patterns = new Uint32Array(target.buffer, target.byteOffset, target.length);
  for (let i = 0; i < target.length; i++) patterns[i] = source[i]! << 16;
}
