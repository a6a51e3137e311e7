import { stat } from "node:fs/promises";
import { basename, resolve } from "node:path";
import { invalidArgument, TranscriptionError, throwIfAborted } from "../../errors.js";
import type { WeightType } from "../../types/names.js";
import type { DownloadProgress } from "../../types/options.js";
import { type CacheOptions, environmentWith, type ModelEnvironment } from "../environment.js";
import type { HubOptions } from "../hub.js";
import { isHubName, splitHubName } from "../hub-name.js";
import { cachedSnapshot } from "../hugging-face-cache.js";
import type { Conversion } from "./conversion.js";
import { convertInWorker } from "./in-worker.js";

/** Options of {@link convertModel}. */
export interface ConvertModelOptions extends CacheOptions {
  /** Folder to write to; made where it is missing. The files are named after the checkpoint's folder and the type. */
  out: string;
  /**
   * How matrices are stored. Whisper: `"f32"`, `"f16"` and all that {@link quantizeModel} offers.
   * Borealis: `"f32"`, `"bf16"`, `"f16"`, `"q8_0"`, `"q5_0"`, `"q4_0"`, and `"q6_k"`, `"q5_k"`, `"q4_k"`, which
   * suit models that are at least 1024 wide, the 4B for one. Nemotron-3-Diarization: `"f32"`, `"f16"`, `"bf16"`,
   * `"q8_0"`. Default `"f16"`.
   */
  type?: WeightType;
  /** Replace files that are there already. Default false. */
  overwrite?: boolean;
  /** Called with the fraction that is done, 0 to 1. */
  onProgress?: (fraction: number) => void;
  /** Called while a checkpoint is downloaded. */
  onDownload?: (progress: DownloadProgress) => void;
  /** Stops the work; the promise rejects with `CANCELLED`, and nothing is left behind. */
  signal?: AbortSignal;
}

/**
 * Makes model files from a checkpoint in Hugging Face's layout, or faster-whisper's (CTranslate2): one `.bin` file in
 * whisper.cpp's format from a Whisper model, also a fine-tuned or distilled one; two GGUF files, language model and audio
 * encoder, from a Borealis model; one GGUF file from Nemotron-3-Diarization or the parts of pyannote's community pipeline,
 * which tell speakers apart. Tensors are read from `model.safetensors` or `pytorch_model.bin`, whole or in shards, or
 * CTranslate2's `model.bin`, piece by piece; nothing in the checkpoint is executed. The files appear whole or not at all.
 *
 * The work is done on a thread of its own.
 * @param source the checkpoint's folder, or its name on the Hugging Face Hub (`"Vikhrmodels/Borealis"`), taken from the
 * cache of Hugging Face's own libraries where they have downloaded it, else downloaded into this one's: interrupted
 * downloads go on, and files are checked by the Hub's hashes
 * @throws TranscriptionError INVALID_ARGUMENT, MODEL_NOT_FOUND, MODEL_INVALID naming the tensor or field, CANCELLED,
 * OUT_OF_MEMORY, INTERNAL when the disk is full
 */
export async function convertModel(source: string, options: ConvertModelOptions): Promise<Conversion> {
  const { out, type = "f16", overwrite = false, onProgress = () => {}, onDownload, signal } = options;
  throwIfAborted(signal);
  if (typeof out !== "string" || out === "" || out.includes("\0")) {
    throw invalidArgument("out", "the path of a folder to write to", out);
  }
  if (typeof type !== "string") throw invalidArgument("type", 'a type such as "f16" or "q8_0"', type);
  const { folder, name } = await checkpointOf(source, environmentWith(options), { onDownload, signal });
  return convertInWorker(folder, { type, folder: resolve(out), name, overwrite, signal, onProgress });
}

/** Where the checkpoint is and what it is called; what is no folder but looks like a name on the Hub is downloaded. */
async function checkpointOf(
  source: string,
  environment: ModelEnvironment,
  options: HubOptions,
): Promise<{ folder: string; name: string }> {
  if (typeof source !== "string" || source === "" || source.includes("\0")) {
    throw invalidArgument("source", "the path of a checkpoint's folder", source);
  }
  const status = await stat(source).catch(() => undefined);
  if (status?.isDirectory()) return { folder: resolve(source), name: basename(resolve(source)) };
  if (status) throw invalidArgument("source", "a folder with config.json and the tensors' files", source);
  if (!isHubName(source))
    throw new TranscriptionError("MODEL_NOT_FOUND", `There is no checkpoint folder ${resolve(source)}`);
  const { repository, revision } = splitHubName(source);
  const name = basename(repository);
  const snapshot =
    environment.huggingFaceCache &&
    (await cachedSnapshot(repository, environment.huggingFaceCache, revision));
  if (snapshot) return { folder: snapshot, name };
  // Loaded when needed, for the HTTP client.
  const { fetchCheckpoint } = await import("../hub.js");
  return { folder: await fetchCheckpoint(source, environment, { ...options, speakers: true }), name };
}
