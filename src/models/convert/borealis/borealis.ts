import { join } from "node:path";
import type { Checkpoint } from "../checkpoint/folder.js";
import { Inventory } from "../checkpoint/inventory.js";
import type { Conversion, ConversionRequest, ConvertedFile } from "../conversion.js";
import { type GgufMetadata, writeGguf } from "../files/gguf.js";
import { OutputFile, refuseExisting } from "../files/output-file.js";
import { type ConversionContext, type PlannedTensor, valuesOf } from "../files/tensor-copy.js";
import { planAudioEncoder } from "./audio-encoder.js";
import { FileEncodings } from "./encodings.js";
import { planLanguageModel } from "./language-model.js";
import { Tokenizer } from "./tokenizer.js";

/** ggml's `GGML_QNT_VERSION`. */
const QUANTIZATION_VERSION = 2;

interface PlannedFile extends Omit<ConvertedFile, "bytes"> {
  metadata: GgufMetadata;
  tensors: readonly PlannedTensor[];
}

/** A Borealis checkpoint as two GGUF files, which llama.cpp's own tools read too. */
export async function convertBorealis(
  checkpoint: Checkpoint,
  request: ConversionRequest,
): Promise<Conversion> {
  const { type, overwrite, signal, onProgress } = request;
  const files = await planFiles(checkpoint, request);
  for (const { path } of files) await refuseExisting(path, overwrite);

  const total = files.flatMap(({ tensors }) => tensors).reduce((sum, tensor) => sum + valuesOf(tensor), 0);
  let done = 0;
  const context: ConversionContext = {
    signal,
    onValues: (count) => {
      done += count;
      onProgress(done / total);
    },
  };
  const outputs: OutputFile[] = [];
  try {
    const converted: ConvertedFile[] = [];
    for (const { role, path, metadata, tensors } of files) {
      const output = await OutputFile.create(path);
      outputs.push(output);
      await writeGguf(output, metadata, tensors, context);
      converted.push({ role, path, bytes: output.position });
    }
    for (const output of outputs) await output.publish();
    return { kind: "borealis", type, files: converted };
  } finally {
    for (const output of outputs) await output.discard();
  }
}

async function planFiles(
  checkpoint: Checkpoint,
  { type, folder, signal }: ConversionRequest,
): Promise<PlannedFile[]> {
  const encodings = FileEncodings.of(type);
  const inventory = new Inventory(checkpoint);
  const language = await planLanguageModel(checkpoint, inventory, encodings, signal);
  const tokenizer = await Tokenizer.read(checkpoint, language.vocabularySize);
  const markers = { start: tokenizer.id("<|start_of_audio|>"), end: tokenizer.id("<|end_of_audio|>") };
  const audio = await planAudioEncoder(checkpoint, inventory, encodings, language, markers);
  inventory.finish();

  const general: GgufMetadata = {
    "general.name": { string: checkpoint.name },
    "general.file_type": { uint32: encodings.fileType },
    ...(encodings.areQuantized && { "general.quantization_version": { uint32: QUANTIZATION_VERSION } }),
  };
  const name = `${checkpoint.name}-${type}.gguf`;
  return [
    {
      role: "language-model",
      path: join(folder, name),
      metadata: { ...language.metadata, ...general, ...tokenizer.metadata() },
      tensors: language.tensors,
    },
    {
      role: "audio",
      path: join(folder, `mmproj-${name}`),
      metadata: { ...audio.metadata, ...general },
      tensors: audio.tensors,
    },
  ];
}
