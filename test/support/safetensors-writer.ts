/** A tensor for a checkpoint of a test: little-endian bytes in row-major order. */
export interface TestTensor {
  type: "F64" | "F32" | "F16" | "BF16" | "I64";
  shape: readonly number[];
  bytes: Uint8Array;
}

export type TestTensors = ReadonlyMap<string, TestTensor>;

/** 32-bit floats from values, or from a function of the index. */
export function floats(
  shape: readonly number[],
  values: readonly number[] | ((index: number) => number) = () => 0,
): TestTensor {
  const length = shape.reduce((product, size) => product * size, 1);
  const at = typeof values === "function" ? values : (index: number) => values[index]!;
  const array = Float32Array.from({ length }, (_, index) => at(index));
  return { type: "F32", shape, bytes: new Uint8Array(array.buffer) };
}

/** A safetensors file: length of the header, header, data. */
export function safetensors(tensors: TestTensors): Buffer {
  let end = 0;
  const header = Object.fromEntries(
    Array.from(tensors, ([name, { type, shape, bytes }]) => {
      const begin = end;
      end += bytes.length;
      return [name, { dtype: type, shape, data_offsets: [begin, end] }];
    }),
  );
  return withHeader(JSON.stringify({ __metadata__: { format: "pt" }, ...header }), [
    ...Array.from(tensors.values(), ({ bytes }) => bytes),
  ]);
}

/** A safetensors file with any header. */
export function withHeader(header: string, data: readonly Uint8Array[] = []): Buffer {
  const text = Buffer.from(header);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([length, text, ...data]);
}
