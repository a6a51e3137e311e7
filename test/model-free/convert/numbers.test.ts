import { describe, expect, it } from "vitest";
import { encodeQ4, encodeQ5, encodeQ8 } from "../../../src/models/convert/numbers/blocks.js";
import {
  bfloat16ToFloats,
  floatToBfloat16,
  floatToHalf,
  halfToFloat,
  halfToFloats,
} from "../../../src/models/convert/numbers/float16.js";
import { seededRandom } from "../../support/random.js";

describe("binary16", () => {
  it("keeps every number that it has", () => {
    const wrong = Array.from({ length: 65_536 }, (_, half) => half).filter(
      (half) => (half & 0x7c00) !== 0x7c00 && floatToHalf(halfToFloat(half)) !== half,
    );
    expect(wrong).toEqual([]);
  });

  it.each([
    [0, 0x0000],
    [-0, 0x8000],
    [1, 0x3c00],
    [-2, 0xc000],
    [65_504, 0x7bff],
    [65_519.99, 0x7bff],
    [65_520, 0x7c00],
    [1 + 2 ** -11, 0x3c00],
    [1 + 3 * 2 ** -11, 0x3c02],
    [1 + 2 ** -11 + 2 ** -20, 0x3c01],
    [2 ** -24, 0x0001],
    [2 ** -25, 0x0000],
    [3 * 2 ** -25, 0x0002],
    [2 ** -14 - 2 ** -26, 0x0400],
    [-(2 ** -15), 0x8200],
    [1e-30, 0x0000],
  ])("rounds %f to the nearest, ties to even", (value, half) => {
    expect(floatToHalf(value)).toBe(half);
  });

  it("widens to the same numbers", () => {
    const values = new Float32Array(4);
    halfToFloats(Uint16Array.of(0x3c00, 0xc000, 0x0001, 0x7bff), values);
    expect([...values]).toEqual([1, -2, 2 ** -24, 65_504]);
  });
});

describe("bfloat16", () => {
  it.each([
    [1, 0x3f80],
    [-1, 0xbf80],
    [1 + 2 ** -8, 0x3f80],
    [1 + 3 * 2 ** -8, 0x3f82],
    [1 + 2 ** -8 + 2 ** -20, 0x3f81],
    [3.3895314e38, 0x7f7f],
  ])("rounds %f to the nearest, ties to even", (value, pattern) => {
    expect(floatToBfloat16(value)).toBe(pattern);
  });

  it("widens to the same numbers", () => {
    const values = new Float32Array(2);
    bfloat16ToFloats(Uint16Array.of(0x3f80, 0xc0a0), values);
    expect([...values]).toEqual([1, -5]);
  });
});

describe("blocks of 32 values", () => {
  const ramp = Float32Array.from({ length: 32 }, (_, i) => i - 16);

  it("are 8-bit steps of the largest magnitude / 127", () => {
    const bytes = new Uint8Array(34);
    encodeQ8(ramp, bytes);
    const scale = halfToFloat(bytes[0]! | (bytes[1]! << 8));
    expect(scale).toBeCloseTo(16 / 127, 4);
    const values = [...new Int8Array(bytes.buffer, 2)];
    expect(values[0]).toBe(-127);
    // 1 × 127 / 16 = 7.9375; 4 × 127 / 16 = 31.75.
    expect([values[16], values[17], values[20], values[12]]).toEqual([0, 8, 32, -32]);
  });

  it("round halves away from zero in 8 bits, as C's roundf does", () => {
    const bytes = new Uint8Array(34);
    encodeQ8(
      Float32Array.from({ length: 32 }, (_, i) => [127, 0.5, -0.5, 2.5, -2.5][i] ?? 0),
      bytes,
    );
    expect([...new Int8Array(bytes.buffer, 2, 5)]).toEqual([127, 1, -1, 3, -3]);
  });

  it("are 16 levels in 4 bits, halves of the block side by side", () => {
    const bytes = new Uint8Array(18);
    encodeQ4(ramp, bytes);
    expect(halfToFloat(bytes[0]! | (bytes[1]! << 8))).toBe(2);
    expect(bytes[2]! & 15).toBe(0);
    expect(bytes[2]! >> 4).toBe(8);
    expect(bytes[17]! >> 4).toBe(15);
  });

  it("are 32 levels in 5 bits, the fifth ones apart", () => {
    const bytes = new Uint8Array(22);
    encodeQ5(ramp, bytes);
    expect(halfToFloat(bytes[0]! | (bytes[1]! << 8))).toBe(1);
    // The second half of the ramp is 0 and above: the fifth bit.
    expect([...bytes.subarray(2, 6)]).toEqual([0, 0, 255, 255]);
    expect([...bytes.subarray(6)].map((byte) => byte & 15)).toEqual(Array.from({ length: 16 }, (_, i) => i));
  });

  it("of zeros are zeros", () => {
    const [wide, narrow] = [new Uint8Array(34), new Uint8Array(18)];
    encodeQ8(new Float32Array(32), wide);
    expect([...wide]).toEqual(new Array(34).fill(0));
    encodeQ4(new Float32Array(32), narrow);
    // The scale is 0 / -8.
    expect([...narrow]).toEqual([0x00, 0x80, ...new Array(16).fill(0x88)]);
  });

  it("are off by half a step at most", () => {
    const random = seededRandom(7);
    const values = Float32Array.from({ length: 32 }, () => random() * 2 - 1);
    const bytes = new Uint8Array(18);
    encodeQ4(values, bytes);
    const scale = halfToFloat(bytes[0]! | (bytes[1]! << 8));
    const decoded = Array.from(values, (_, i) => {
      const pair = bytes[2 + (i % 16)]!;
      return scale * ((i < 16 ? pair & 15 : pair >> 4) - 8);
    });
    const worst = Math.max(...decoded.map((value, i) => Math.abs(value - values[i]!)));
    // The level opposite to the extreme one is missing: there a value can be a whole step off.
    expect(worst).toBeLessThanOrEqual(1.01 * Math.abs(scale));
  });
});
