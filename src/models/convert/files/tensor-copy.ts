import { invalidTensor, readValues, type StoredTensor, sizeOf } from "../checkpoint/tensor.js";
import { type Encoding, encodedBytes } from "../numbers/encoding.js";
import type { OutputFile } from "./output-file.js";

/** A part of a tensor of the checkpoint, several one after another, or constant values. */
export type TensorSource =
  | { tensor: StoredTensor; from?: number; count?: number }
  | { tensors: readonly StoredTensor[] }
  | { zeros: number }
  | { values: Float32Array };

/** A tensor of the file to be written. */
export interface PlannedTensor {
  name: string;
  /** ggml's order: innermost dimension first. */
  dimensions: readonly number[];
  encoding: Encoding;
  source: TensorSource;
}

/** Who is to hear how a conversion goes on, and who may stop it. */
export interface ConversionContext {
  signal: AbortSignal | undefined;
  /** To be called as values are written. */
  onValues: (count: number) => void;
}

export function valuesOf({ source }: PlannedTensor): number {
  if ("zeros" in source) return source.zeros;
  if ("values" in source) return source.values.length;
  if ("tensors" in source) return source.tensors.reduce((sum, tensor) => sum + sizeOf(tensor), 0);
  return source.count ?? sizeOf(source.tensor) - (source.from ?? 0);
}

/**
 * Writes a tensor's values in its encoding, in pieces.
 * @throws TranscriptionError MODEL_INVALID when a value cannot be stored, CANCELLED
 */
export async function writeValues(
  planned: PlannedTensor,
  output: OutputFile,
  { signal, onValues }: ConversionContext,
): Promise<void> {
  const { encoding, source } = planned;
  if ("zeros" in source) {
    await output.write(new Uint8Array(encodedBytes(encoding, source.zeros)));
    onValues(source.zeros);
    return;
  }
  if ("values" in source) {
    const bytes = new Uint8Array(encodedBytes(encoding, source.values.length));
    await encoding.encode(source.values, bytes);
    await output.write(bytes);
    onValues(source.values.length);
    return;
  }
  if ("tensors" in source) {
    for (const tensor of source.tensors) {
      const part = { ...planned, source: { tensor } };
      await writeValues(part, output, { signal, onValues });
    }
    return;
  }
  const { tensor, from, count } = source;
  for await (const values of readValues(tensor, signal, from, count)) {
    refuseOverflow(tensor, values, encoding);
    const bytes = new Uint8Array(encodedBytes(encoding, values.length));
    await encoding.encode(values, bytes);
    await output.write(bytes);
    onValues(values.length);
  }
}

function refuseOverflow(tensor: StoredTensor, values: Float32Array, { name, overflow }: Encoding): void {
  for (let i = 0; i < values.length; i++) {
    // Written so that NaN fails too.
    if (!(Math.abs(values[i]!) < overflow)) {
      throw invalidTensor(tensor, `has the value ${values[i]}, which cannot be stored as ${name}`);
    }
  }
}
