/** A tensor of a model file. */
export interface FileTensor {
  name: string;
  /** ggml's number of the type. */
  type: number;
  /** Innermost dimension first. */
  dimensions: number[];
  bytes: Buffer;
}

export interface WhisperFile {
  hyperParameters: number[];
  filters: Float32Array;
  vocabulary: Buffer[];
  tensors: FileTensor[];
}

/** Values and bytes of a block, by ggml's number of the type: f32, f16, q4_0, q5_0, q8_0. */
const BLOCKS: Record<number, readonly [number, number]> = {
  0: [1, 4],
  1: [1, 2],
  2: [32, 18],
  6: [32, 22],
  8: [32, 34],
};

/** A file in whisper.cpp's format. */
export function readWhisperFile(file: Buffer): WhisperFile {
  let position = 4;
  const int32 = () => {
    position += 4;
    return file.readInt32LE(position - 4);
  };
  const take = (length: number) => {
    position += length;
    return file.subarray(position - length, position);
  };
  const hyperParameters = Array.from({ length: 11 }, int32);
  const filterValues = int32() * int32();
  const filters = new Float32Array(Uint8Array.from(take(4 * filterValues)).buffer);
  const vocabulary = Array.from({ length: int32() }, () => take(int32()));
  const tensors: FileTensor[] = [];
  while (position < file.length) {
    const [count, nameLength, type] = [int32(), int32(), int32()];
    const dimensions = Array.from({ length: count }, int32);
    const name = take(nameLength).toString();
    const [blockValues, blockBytes] = BLOCKS[type]!;
    const values = dimensions.reduce((product, size) => product * size, 1);
    const bytes = take((values / blockValues) * blockBytes);
    tensors.push({ name, type, dimensions, bytes });
  }
  return { hyperParameters, filters, vocabulary, tensors };
}
