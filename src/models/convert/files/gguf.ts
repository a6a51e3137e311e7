import { encodedBytes } from "../numbers/encoding.js";
import type { OutputFile } from "./output-file.js";
import { type ConversionContext, type PlannedTensor, valuesOf, writeValues } from "./tensor-copy.js";

const VERSION = 3;
const ALIGNMENT = 32;
/** Strings of an array that are written at once. */
const STRINGS_PER_WRITE = 1024;

/** A value of a GGUF file's metadata, with the type it is stored as. */
export type GgufValue =
  | { uint32: number }
  | { float32: number }
  | { bool: boolean }
  | { string: string }
  | { strings: readonly string[] }
  | { int32s: readonly number[] };

export type GgufMetadata = Readonly<Record<string, GgufValue>>;

/** Numbers of the types, `enum gguf_type`. */
const TYPE = { uint32: 4, int32: 5, float32: 6, bool: 7, string: 8, array: 9 } as const;

/**
 * Writes a GGUF file, version 3: metadata, the tensors' descriptions, then their data, aligned to 32 bytes.
 * Source: ggml, include/gguf.h.
 */
export async function writeGguf(
  output: OutputFile,
  metadata: GgufMetadata,
  tensors: readonly PlannedTensor[],
  context: ConversionContext,
): Promise<void> {
  const entries = Object.entries(metadata);
  await output.write(
    Buffer.concat([Buffer.from("GGUF"), uint32(VERSION), uint64(tensors.length), uint64(entries.length)]),
  );
  for (const [key, value] of entries) {
    await output.write(string(key));
    for (const bytes of encoded(value)) await output.write(bytes);
  }
  let offset = 0;
  for (const tensor of tensors) {
    await output.write(describe(tensor, offset));
    offset += aligned(encodedBytes(tensor.encoding, valuesOf(tensor)));
  }
  for (const tensor of tensors) {
    await output.pad(ALIGNMENT);
    await writeValues(tensor, output, context);
  }
  await output.pad(ALIGNMENT);
}

function describe({ name, dimensions, encoding }: PlannedTensor, offset: number): Buffer {
  return Buffer.concat([
    string(name),
    uint32(dimensions.length),
    ...dimensions.map(uint64),
    uint32(encoding.id),
    uint64(offset),
  ]);
}

function* encoded(value: GgufValue): Generator<Buffer> {
  if ("uint32" in value) yield Buffer.concat([uint32(TYPE.uint32), uint32(value.uint32)]);
  else if ("float32" in value) yield Buffer.concat([uint32(TYPE.float32), float32(value.float32)]);
  else if ("bool" in value) yield Buffer.concat([uint32(TYPE.bool), Buffer.of(value.bool ? 1 : 0)]);
  else if ("string" in value) yield Buffer.concat([uint32(TYPE.string), string(value.string)]);
  else if ("int32s" in value) {
    yield arrayHeader(TYPE.int32, value.int32s.length);
    yield Buffer.from(Int32Array.from(value.int32s).buffer);
  } else {
    yield arrayHeader(TYPE.string, value.strings.length);
    for (let i = 0; i < value.strings.length; i += STRINGS_PER_WRITE) {
      yield Buffer.concat(value.strings.slice(i, i + STRINGS_PER_WRITE).map(string));
    }
  }
}

function arrayHeader(type: number, length: number): Buffer {
  return Buffer.concat([uint32(TYPE.array), uint32(type), uint64(length)]);
}

function string(text: string): Buffer {
  const bytes = Buffer.from(text, "utf8");
  return Buffer.concat([uint64(bytes.length), bytes]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function uint64(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

function float32(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeFloatLE(value);
  return bytes;
}

function aligned(length: number): number {
  return Math.ceil(length / ALIGNMENT) * ALIGNMENT;
}
