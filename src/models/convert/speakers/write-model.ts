import type { ConversionRequest } from "../conversion.js";
import { type GgufMetadata, writeGguf } from "../files/gguf.js";
import { OutputFile, refuseExisting } from "../files/output-file.js";
import { type PlannedTensor, valuesOf } from "../files/tensor-copy.js";

/**
 * Writes a diarization model, which appears whole or not at all.
 * @returns its size in bytes
 * @throws TranscriptionError INVALID_ARGUMENT, MODEL_INVALID, CANCELLED, INTERNAL
 */
export async function writeModel(
  path: string,
  metadata: GgufMetadata,
  tensors: readonly PlannedTensor[],
  { overwrite, signal, onProgress }: ConversionRequest,
): Promise<number> {
  await refuseExisting(path, overwrite);
  const total = tensors.reduce((sum, tensor) => sum + valuesOf(tensor), 0);
  let done = 0;
  const onValues = (count: number) => {
    done += count;
    onProgress(done / total);
  };
  const output = await OutputFile.create(path);
  try {
    await writeGguf(output, metadata, tensors, { signal, onValues });
    const bytes = output.position;
    await output.publish();
    return bytes;
  } finally {
    await output.discard();
  }
}
