import { loadAddon } from "../../../addon/addon.js";
import { BLOCK_VALUES, type BlockEncoder, encodeQ4, encodeQ5, encodeQ8 } from "./blocks.js";
import { floatToBfloat16, floatToHalf, HALF_OVERFLOW } from "./float16.js";

/** How ggml stores the values of a tensor. */
export interface Encoding {
  readonly name: EncodingName;
  /** ggml's number of the type, `enum ggml_type`. */
  readonly id: number;
  /** Values that are stored together; a row has a multiple of this. */
  readonly blockValues: number;
  readonly blockBytes: number;
  /** Magnitudes from here on cannot be stored. */
  readonly overflow: number;
  /** Writes the blocks of `values` to `target`; the K types in a thread of the addon's. */
  encode: BlockEncoder | ((values: Float32Array, target: Uint8Array) => Promise<void>);
}

export type EncodingName = "f32" | "f16" | "bf16" | "q4_0" | "q5_0" | "q8_0" | "q4_k" | "q5_k" | "q6_k";

export const ENCODINGS: Readonly<Record<EncodingName, Encoding>> = {
  f32: {
    name: "f32",
    id: 0,
    blockValues: 1,
    blockBytes: 4,
    overflow: Number.POSITIVE_INFINITY,
    encode: (values, target) => target.set(new Uint8Array(values.buffer, values.byteOffset, target.length)),
  },
  f16: {
    name: "f16",
    id: 1,
    blockValues: 1,
    blockBytes: 2,
    overflow: HALF_OVERFLOW,
    encode: (values, target) => encode16(values, target, floatToHalf),
  },
  bf16: {
    name: "bf16",
    id: 30,
    blockValues: 1,
    blockBytes: 2,
    // Halfway between the largest bfloat16 and the next power of two.
    overflow: 255.5 * 2 ** 120,
    encode: (values, target) => encode16(values, target, floatToBfloat16),
  },
  q4_0: blocks("q4_0", 2, 18, encodeQ4, 8),
  q5_0: blocks("q5_0", 6, 22, encodeQ5, 16),
  q8_0: blocks("q8_0", 8, 34, encodeQ8, 127),
  q4_k: superBlocks("q4_k", 12, 144),
  q5_k: superBlocks("q5_k", 13, 176),
  q6_k: superBlocks("q6_k", 14, 210),
};

/** ggml's K types: blocks of 256 whose scales are searched for. Made by ggml itself. */
function superBlocks(name: EncodingName, id: number, blockBytes: number): Encoding {
  const encode = async (values: Float32Array, target: Uint8Array) =>
    target.set(await loadAddon().quantizeValues(name, values));
  return { name, id, blockValues: 256, blockBytes, overflow: HALF_OVERFLOW, encode };
}

function blocks(
  name: EncodingName,
  id: number,
  blockBytes: number,
  encode: BlockEncoder,
  levels: number,
): Encoding {
  // The scale, an extreme value divided by the number of levels to one side, is a binary16.
  return { name, id, blockValues: BLOCK_VALUES, blockBytes, overflow: HALF_OVERFLOW * levels, encode };
}

function encode16(values: Float32Array, target: Uint8Array, convert: (value: number) => number): void {
  const patterns = new Uint16Array(target.buffer, target.byteOffset, values.length);
  for (let i = 0; i < values.length; i++) patterns[i] = convert(values[i]!);
}

/** Bytes that `count` values take; `count` is a multiple of the block. */
export function encodedBytes(encoding: Encoding, count: number): number {
  return (count / encoding.blockValues) * encoding.blockBytes;
}
