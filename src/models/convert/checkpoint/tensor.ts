import type { TranscriptionError } from "../../../errors.js";
import { throwIfAborted } from "../../../errors.js";
import { bfloat16ToFloats, halfToFloats } from "../numbers/float16.js";
import type { SourceFile } from "./source-file.js";

/** Bytes per element of the types that checkpoints have. */
export const ELEMENT_BYTES = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  I64: 8,
  I32: 4,
  I16: 2,
  I8: 1,
  U8: 1,
  BOOL: 1,
} as const;

export type ElementType = keyof typeof ELEMENT_BYTES;

/** A tensor of a checkpoint: where it lies, in row-major order. */
export interface StoredTensor {
  readonly name: string;
  readonly type: ElementType;
  /** Outermost dimension first, as PyTorch counts. */
  readonly shape: readonly number[];
  readonly file: SourceFile;
  /** Of its first byte in the file. */
  readonly offset: number;
  /** Of whole numbers: what they are to be divided by. */
  readonly scale?: TensorScale;
}

/** One number for each group of elements, rows for the most part. */
export interface TensorScale {
  readonly tensor: StoredTensor;
  /** Elements that share one. */
  readonly elements: number;
  /** Where the first element of the scaled tensor lies among all that `tensor` has scales for. */
  readonly first: number;
}

/**
 * Elements per step. Reading, converting and writing a piece of this size takes about a millisecond, and a multiple
 * of every block size never splits a block.
 */
const PIECE_ELEMENTS = 65_536;

const MAX_DIMENSIONS = 8;

/** The number of elements, or undefined when the shape is none: too many dimensions, negative or absurdly large. */
export function elementCount(shape: readonly number[]): number | undefined {
  if (shape.length > MAX_DIMENSIONS) return undefined;
  let count = 1;
  for (const size of shape) {
    if (!Number.isSafeInteger(size) || size < 0) return undefined;
    count *= size;
    if (!Number.isSafeInteger(count)) return undefined;
  }
  return count;
}

export function sizeOf({ shape }: StoredTensor): number {
  return shape.reduce((product, size) => product * size, 1);
}

/**
 * The values of `tensor` from element `from` on, in pieces of at most {@link PIECE_ELEMENTS}.
 * A piece is valid until the next one is asked for.
 * @throws TranscriptionError MODEL_INVALID for other than floating-point tensors, CANCELLED
 */
export async function* readValues(
  tensor: StoredTensor,
  signal?: AbortSignal,
  from = 0,
  count = sizeOf(tensor) - from,
): AsyncGenerator<Float32Array> {
  const elementBytes = ELEMENT_BYTES[tensor.type];
  const decode = decoderOf(tensor);
  const divide = tensor.scale && (await dividerBy(tensor.scale, signal));
  const capacity = Math.min(PIECE_ELEMENTS, count);
  const bytes = new Uint8Array(capacity * elementBytes);
  const values = new Float32Array(capacity);
  for (let done = 0; done < count; ) {
    throwIfAborted(signal);
    const length = Math.min(capacity, count - done);
    const piece = values.subarray(0, length);
    const source = bytes.subarray(0, length * elementBytes);
    await tensor.file.fill(source, tensor.offset + (from + done) * elementBytes, `tensor ${tensor.name}`);
    decode(source, piece);
    divide?.(piece, from + done);
    yield piece;
    done += length;
  }
}

/** Divides values of a scaled tensor, the first of which is element `from`, in place. */
async function dividerBy(
  { tensor, elements, first }: TensorScale,
  signal: AbortSignal | undefined,
): Promise<(values: Float32Array, from: number) => void> {
  const scales = new Float64Array(sizeOf(tensor));
  let count = 0;
  for await (const values of readValues(tensor, signal)) {
    scales.set(values, count);
    count += values.length;
  }
  const wrong = scales.find((scale) => !(scale > 0 && scale < Number.POSITIVE_INFINITY));
  if (wrong !== undefined) throw invalidTensor(tensor, `has the scale ${wrong}, expected a number above 0`);
  return (values, from) => {
    for (let i = 0; i < values.length; i++) values[i]! /= scales[Math.floor((first + from + i) / elements)]!;
  };
}

function decoderOf(tensor: StoredTensor): (source: Uint8Array<ArrayBuffer>, target: Float32Array) => void {
  switch (tensor.type) {
    case "F32":
      return (source, target) => target.set(new Float32Array(source.buffer, 0, target.length));
    case "F64":
      return (source, target) => target.set(new Float64Array(source.buffer, 0, target.length));
    case "F16":
      return (source, target) => halfToFloats(new Uint16Array(source.buffer, 0, target.length), target);
    case "BF16":
      return (source, target) => bfloat16ToFloats(new Uint16Array(source.buffer, 0, target.length), target);
    case "I8":
    case "I16":
      if (!tensor.scale) break;
      return tensor.type === "I8"
        ? (source, target) => target.set(new Int8Array(source.buffer, 0, target.length))
        : (source, target) => target.set(new Int16Array(source.buffer, 0, target.length));
    default:
  }
  throw invalidTensor(tensor, `has the type ${tensor.type}, expected F32, F16, BF16 or F64`);
}

/** Whether two tensors hold the same bytes: the same storage, or equal ones. */
export async function haveEqualContents(
  a: StoredTensor,
  b: StoredTensor,
  signal?: AbortSignal,
): Promise<boolean> {
  if (a.type !== b.type || a.shape.join() !== b.shape.join()) return false;
  if (a.file === b.file && a.offset === b.offset) return true;
  if (a.scale && b.scale && !(await haveEqualContents(a.scale.tensor, b.scale.tensor, signal))) return false;
  const total = sizeOf(a) * ELEMENT_BYTES[a.type];
  const [left, right] = [Buffer.alloc(PIECE_ELEMENTS), Buffer.alloc(PIECE_ELEMENTS)];
  for (let done = 0; done < total; done += PIECE_ELEMENTS) {
    throwIfAborted(signal);
    const length = Math.min(PIECE_ELEMENTS, total - done);
    await a.file.fill(left.subarray(0, length), a.offset + done, `tensor ${a.name}`);
    await b.file.fill(right.subarray(0, length), b.offset + done, `tensor ${b.name}`);
    if (left.compare(right, 0, length, 0, length) !== 0) return false;
  }
  return true;
}

/** `tensor …name… problem`, as an error of its file. */
export function invalidTensor(tensor: StoredTensor, problem: string): TranscriptionError {
  return tensor.file.invalid(`tensor ${tensor.name} ${problem}`);
}
