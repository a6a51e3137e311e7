import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { invalidArgument, throwIfAborted } from "../../errors.js";
import type { DownloadProgress } from "../../options.js";
import { modelEnvironment } from "../environment.js";
import type { HubOptions } from "../hub.js";
import { isHubName } from "../hub-name.js";
import { convertBorealis } from "./borealis/borealis.js";
import { Checkpoint } from "./checkpoint/folder.js";
import type { Conversion } from "./conversion.js";
import { quoted } from "./errors.js";
import { convertWhisper } from "./whisper/whisper.js";

export interface ConvertModelOptions {
  /** Folder to write to; made where it is missing. The files are named after the checkpoint's folder and the type. */
  out: string;
  /**
   * How matrices are stored. Whisper: `"f32"`, `"f16"` and all that {@link quantizeModel} offers.
   * Borealis: `"f32"`, `"bf16"`, `"f16"`, `"q8_0"`, `"q5_0"`, `"q4_0"`, and `"q6_k"`, `"q5_k"`, `"q4_k"`, which
   * suit models that are at least 1024 wide, the 4B for one. Default `"f16"`.
   */
  type?: string;
  /** Replace files that are there already. Default false. */
  overwrite?: boolean;
  /** Called with the fraction that is done, 0 to 1. */
  onProgress?: (fraction: number) => void;
  /** Called while a checkpoint is downloaded. */
  onDownload?: (progress: DownloadProgress) => void;
  signal?: AbortSignal;
}

/**
 * Makes model files from a checkpoint in Hugging Face's layout: one `.bin` file in whisper.cpp's format from a Whisper
 * model, also a fine-tuned or distilled one; two GGUF files, language model and audio encoder, from a Borealis model.
 * Tensors are read from `model.safetensors` or `pytorch_model.bin`, whole or in shards, piece by piece; nothing in the
 * checkpoint is executed. The files appear whole or not at all.
 *
 * Work is done in steps of about a millisecond, except that parsing a tokenizer holds the thread for as long as
 * `JSON.parse` takes: up to half a second for the 11 MB of a Qwen model.
 * @param source the checkpoint's folder, or its name on the Hugging Face Hub (`"Vikhrmodels/Borealis"`), from where it is
 * downloaded into the cache: interrupted downloads go on, and files are checked by the Hub's hashes
 * @throws TranscriptionError INVALID_ARGUMENT, MODEL_NOT_FOUND, MODEL_INVALID naming the tensor or field, CANCELLED,
 * INTERNAL when the disk is full
 */
export async function convertModel(
  source: string,
  { out, type = "f16", overwrite = false, onProgress = () => {}, onDownload, signal }: ConvertModelOptions,
): Promise<Conversion> {
  throwIfAborted(signal);
  if (typeof out !== "string" || out === "" || out.includes("\0")) {
    throw invalidArgument("out", "the path of a folder to write to", out);
  }
  if (typeof type !== "string") throw invalidArgument("type", 'a type such as "f16" or "q8_0"', type);
  const checkpoint = await Checkpoint.open(await folderOf(source, { onDownload, signal }));
  try {
    const convert = converterOf(checkpoint);
    return await convert(checkpoint, { type, folder: resolve(out), overwrite, signal, onProgress });
  } finally {
    await checkpoint.close();
  }
}

/** What is no folder but looks like a name on the Hub is downloaded. */
async function folderOf(source: string, options: HubOptions): Promise<string> {
  if (typeof source !== "string" || !isHubName(source)) return source;
  if (await stat(source).catch(() => undefined)) return source;
  // Loaded when needed, for the HTTP client.
  const { fetchCheckpoint } = await import("../hub.js");
  return fetchCheckpoint(source, modelEnvironment(), options);
}

function converterOf(checkpoint: Checkpoint): typeof convertWhisper {
  const modelType = checkpoint.config.string("model_type");
  if (modelType === "whisper") return convertWhisper;
  // Generations of Borealis differ in their model_type; all have an adapter between encoder and language model.
  const hasAdapter = [...checkpoint.tensors.keys()].some((name) => name.startsWith("adapter."));
  if (modelType === "borealis" || hasAdapter) return convertBorealis;
  throw checkpoint.invalid(
    `config.json's model_type is ${quoted(modelType ?? "")}, expected "whisper" or "borealis"`,
  );
}
