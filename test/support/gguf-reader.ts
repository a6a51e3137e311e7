import type { FileTensor } from "./whisper-file-reader.js";

export interface GgufFile {
  metadata: Record<string, unknown>;
  tensors: FileTensor[];
}

/** Values and bytes of a block, by ggml's number of the type: f32, f16, q4_0, q5_0, q8_0, q4_k, q5_k, q6_k, bf16. */
const BLOCKS: Record<number, readonly [number, number]> = {
  0: [1, 4],
  1: [1, 2],
  2: [32, 18],
  6: [32, 22],
  8: [32, 34],
  12: [256, 144],
  13: [256, 176],
  14: [256, 210],
  30: [1, 2],
};

const ALIGNMENT = 32;

/**
 * Reads a GGUF file by the letter of its specification: every count is used, every offset has to be aligned and to
 * follow the tensor before, and nothing may be left over.
 */
export function readGguf(file: Buffer): GgufFile {
  let position = 0;
  const advance = (length: number) => {
    position += length;
    return position - length;
  };
  const uint32 = () => file.readUInt32LE(advance(4));
  const uint64 = () => Number(file.readBigUInt64LE(advance(8)));
  const string = () => {
    const length = uint64();
    const start = advance(length);
    return file.toString("utf8", start, start + length);
  };
  const value = (type: number): unknown => {
    switch (type) {
      case 4:
        return uint32();
      case 5:
        return file.readInt32LE(advance(4));
      case 6:
        return file.readFloatLE(advance(4));
      case 7:
        return file[advance(1)] === 1;
      case 8:
        return string();
      case 9: {
        const elementType = uint32();
        return Array.from({ length: uint64() }, () => value(elementType));
      }
      default:
        throw new Error(`GGUF type ${type} at byte ${position}`);
    }
  };

  if (file.toString("latin1", advance(4), 4) !== "GGUF" || uint32() !== 3) throw new Error("No GGUF 3 file");
  const [tensorCount, keyCount] = [uint64(), uint64()];
  const metadata: Record<string, unknown> = {};
  for (let i = 0; i < keyCount; i++) {
    const key = string();
    if (key in metadata) throw new Error(`The key ${key} is there twice`);
    metadata[key] = value(uint32());
  }
  const infos = Array.from({ length: tensorCount }, () => ({
    name: string(),
    dimensions: Array.from({ length: uint32() }, uint64),
    type: uint32(),
    offset: uint64(),
  }));
  const dataStart = Math.ceil(position / ALIGNMENT) * ALIGNMENT;
  let end = 0;
  const tensors = infos.map(({ name, dimensions, type, offset }) => {
    if (offset !== end) throw new Error(`${name} begins at ${offset}, the tensor before ends at ${end}`);
    const [blockValues, blockBytes] = BLOCKS[type]!;
    const values = dimensions.reduce((product, size) => product * size, 1);
    const length = (values / blockValues) * blockBytes;
    end = Math.ceil((offset + length) / ALIGNMENT) * ALIGNMENT;
    const bytes = file.subarray(dataStart + offset, dataStart + offset + length);
    return { name, dimensions, type, bytes };
  });
  if (file.length !== dataStart + end)
    throw new Error(`It has ${file.length - dataStart - end} bytes too many`);
  return { metadata, tensors };
}
