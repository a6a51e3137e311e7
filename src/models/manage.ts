import { readdir, rm, stat } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { type DiarizationFileInfo, loadAddon } from "../addon/addon.js";
import { cancellable } from "../addon/cancellation.js";
import { cancelled, invalidArgument, TranscriptionError } from "../errors.js";
import type { ModelInfo } from "../types/engine.js";
import type { ModelName, WeightType } from "../types/names.js";
import type { DownloadProgress } from "../types/options.js";
import { audioFileOf, isBorealisModel } from "./borealis-files.js";
import { fileSize, isComplete, modelPath } from "./cache.js";
import { type CacheOptions, environmentWith, type ModelEnvironment } from "./environment.js";
import { cachedFolderModels, type FolderModel, removeFolderModel } from "./folder-model.js";
import { hashFile } from "./hash.js";
import { cachedHubModels, removeHubModel } from "./hub-model.js";
import { isHubName } from "./hub-name.js";
import type { ModelKind, RegistryEntry } from "./registry.js";
import { type ResolvedModel, resolveEntry, resolveHubModel, resolveModel } from "./resolve.js";

/**
 * - `"bundled"`: comes with the package
 * - `"cached"`: downloaded, and converted where it is a checkpoint's
 * - `"partial"`: a download that was interrupted and can go on
 * - `"available"`: can be downloaded
 * - `"unknown"`: a file in the cache folder that the registry does not know
 */
export type ModelState = "bundled" | "cached" | "partial" | "available" | "unknown";

/** One model of {@link listModels}. */
export interface ModelListing {
  /**
   * For `model` options: name in the registry or on the Hub, path of a checkpoint's folder, or of an unknown file. A
   * conversion whose folder is gone or has changed goes by the path of its own file.
   */
  name: string;
  /** Other names that the registry has for it; absent where there are none. */
  aliases?: readonly string[];
  /** Absent for unknown files. */
  kind?: ModelKind | "borealis";
  /** Whether it is here. */
  state: ModelState;
  /** Whether it is what requests use that name no model. */
  isDefault: boolean;
  /** Size of the complete file. */
  bytes: number;
  /** What it takes on disk now. */
  bytesOnDisk: number;
  /** Of the complete file; absent when there is none. */
  path?: string;
  /** Name of the licence; absent where it is not known. */
  licence?: string;
  /** One line about it. */
  description: string;
}

/**
 * All models of the registry, those that were made of checkpoints on the Hub and in folders, and what else lies in the
 * cache folder.
 */
export async function listModels(
  options: CacheOptions = {},
  environment: ModelEnvironment = environmentWith(options),
): Promise<ModelListing[]> {
  const known = await Promise.all(environment.registry.entries.map((entry) => listEntry(entry, environment)));
  const folders = (await cachedFolderModels(environment)).map((model) => listFolder(model, environment));
  return [...known, ...(await listConverted(environment)), ...folders, ...(await listUnknown(environment))];
}

/** Options of {@link downloadModel}. */
export interface DownloadModelOptions extends CacheOptions {
  /** Called while it is downloaded, and converted after that. */
  onProgress?: (progress: DownloadProgress) => void;
  /** Stops the work; what is here already is gone on with the next time. */
  signal?: AbortSignal;
}

/**
 * Fetches a model of the registry, or of the Hugging Face Hub, into the cache, unless it is there.
 * @throws TranscriptionError MODEL_NOT_FOUND, MODEL_INVALID, CANCELLED
 */
export async function downloadModel(
  name: string,
  options: DownloadModelOptions = {},
  environment: ModelEnvironment = environmentWith(options),
): Promise<ResolvedModel> {
  const resolving = { onDownload: options.onProgress, signal: options.signal };
  if (isOfHub(name, environment)) return resolveHubModel(name, resolving, environment);
  return resolveEntry(requireEntry(name, environment), resolving, environment);
}

/**
 * Deletes a model of the registry, or of the Hugging Face Hub, from the cache, an interrupted download of it too, or what
 * was made of a checkpoint's folder, which itself stays.
 * @param name as {@link listModels} has it
 * @returns the bytes freed
 * @throws TranscriptionError INVALID_ARGUMENT for bundled models, MODEL_NOT_FOUND when it is not cached, is unknown or
 * is being downloaded
 */
export async function removeModel(
  name: string,
  options: CacheOptions = {},
  environment: ModelEnvironment = environmentWith(options),
): Promise<{ path: string; bytes: number }> {
  const isKnown = typeof name !== "string" || environment.registry.find(name) !== undefined;
  const removed = isKnown ? undefined : await removeFolderModel(name, environment);
  if (removed) return removed;
  if (isOfHub(name, environment)) return removeHubModel(name, environment);
  const entry = requireEntry(name, environment);
  if (entry.bundled) {
    throw new TranscriptionError(
      "INVALID_ARGUMENT",
      `Model ${entry.name} comes with the package and cannot be removed`,
      { option: "name" },
    );
  }
  const path = modelPath(entry, environment.cacheDirectory);
  const files = [path, `${path}.partial`, `${path}.partial.json`];
  const sizes = await Promise.all(files.map(fileSize));
  if (sizes.every((size) => size === undefined)) {
    throw new TranscriptionError("MODEL_NOT_FOUND", `Model ${entry.name} is not cached: there is no ${path}`);
  }
  const { withLock } = await import("./lock.js");
  await withLock(path, { wait: false }, async () => {
    for (const file of files) await rm(file, { force: true });
  });
  return { path, bytes: sizes.reduce<number>((sum, size) => sum + (size ?? 0), 0) };
}

/** What every inspected file has. */
interface InspectedFile {
  /** Registry name, name on the Hub, or that of the file. */
  name: string;
  /** Absolute. */
  path: string;
  /** Size in bytes. */
  fileBytes: number;
  /** Of the file at `path`. */
  sha256: string;
  /** Folder of the checkpoint that it was made of; absent for others. */
  madeOf?: string;
  /** Whether the SHA-256 is the registry's; absent for files that the registry does not know. */
  verified?: boolean;
}

/** Of a Borealis model: `path` is its language model's, `fileBytes` both files'. */
interface InspectedBorealis extends InspectedFile {
  /** A speech model of two parts. */
  kind: "borealis";
  /** The audio encoder's, absolute. */
  audioPath: string;
  /** Of the language model: `"qwen2"` or `"qwen3"`. */
  type: string;
  /** How the language model's matrices are stored. */
  weightType: string;
  /** Tokens of the language model. */
  vocabularySize: number;
  /** Bands of the mel spectrogram. */
  melBands: number;
  /** Layers of the audio encoder. */
  encoderLayers: number;
  /** Layers of the language model. */
  decoderLayers: number;
}

interface InspectedWhisper extends InspectedFile, Omit<ModelInfo, "computeType" | keyof InspectedFile> {
  /** A speech model. */
  kind: "whisper";
}

interface InspectedDiarization extends InspectedFile, Pick<DiarizationFileInfo, "pipeline" | "weightType"> {
  /** It tells speakers apart. */
  kind: "diarization";
  /** The speaker encoder, where the pipeline has one. */
  embedding?: "ge2e" | "wespeaker-resnet34";
  /** Whether voices are told apart in the features of a PLDA, where there is a speaker encoder. */
  plda?: boolean;
  /** Speakers that are told apart at most, where that is limited. */
  mostSpeakers?: number;
}

interface InspectedVad extends InspectedFile {
  /** It finds speech. */
  kind: "vad";
  /** Of Silero's model: `"6.2.0"`. */
  version: string;
}

/** Facts about a model file, read from the file itself. */
export type InspectedModel = InspectedWhisper | InspectedBorealis | InspectedDiarization | InspectedVad;

/** Options of {@link inspectModel}. */
export interface InspectModelOptions extends CacheOptions {
  /** Stops the work. */
  signal?: AbortSignal;
}

/**
 * Validates a model file and tells what it holds. Nothing is downloaded.
 * @throws TranscriptionError MODEL_NOT_FOUND, MODEL_INVALID, CANCELLED
 */
export async function inspectModel(
  nameOrPath: string,
  options: InspectModelOptions = {},
  environment: ModelEnvironment = environmentWith(options),
): Promise<InspectedModel> {
  const { signal } = options;
  const { name, path } = await resolveModel(nameOrPath, { download: false, signal }, environment);
  const addon = loadAddon();
  const entry = environment.registry.find(name);
  const [fileBytes, hash] = await Promise.all([
    fileSize(path),
    hashFile(path, undefined, signal).catch((error: unknown) => {
      throw signal?.aborted ? cancelled(signal) : error;
    }),
  ]);
  const sha256 = hash.digest("hex");
  const madeOf = (await cachedFolderModels(environment)).find((model) => model.path === path)?.source;
  const file = {
    name,
    path,
    fileBytes: fileBytes ?? 0,
    sha256,
    ...(madeOf !== undefined && { madeOf }),
    ...(entry && { verified: sha256 === entry.sha256 }),
  };
  if (entry?.kind === "vad") return { kind: "vad", ...(await addon.inspectVadModel(path)), ...file };
  if (await isBorealisModel(path)) return inspectBorealis(file);
  // Its reader accepts no other GGUF file.
  const speakers = path.endsWith(".gguf")
    ? await addon.inspectDiarizationModel(path).catch((error: unknown) => {
        if (entry) throw TranscriptionError.from(error);
      })
    : undefined;
  if (speakers) {
    const { pipeline, embedding, plda, mostSpeakers, weightType } = speakers;
    return {
      kind: "diarization",
      ...file,
      pipeline,
      weightType,
      ...(embedding && { embedding, plda }),
      ...(mostSpeakers > 0 && { mostSpeakers }),
    };
  }
  try {
    return { kind: "whisper", ...(await addon.inspectModel(path)), ...file };
  } catch (error) {
    // Perhaps a VAD model: both kinds begin alike, and only one reader accepts it.
    const vad = entry ? undefined : await addon.inspectVadModel(path).catch(() => undefined);
    if (vad) return { kind: "vad", ...vad, ...file };
    throw TranscriptionError.from(error);
  }
}

async function inspectBorealis(file: InspectedFile): Promise<InspectedModel> {
  const audioPath = audioFileOf(file.path);
  try {
    const { architecture: type, ...info } = await loadAddon().inspectBorealisModel(file.path, audioPath);
    return { kind: "borealis", ...file, audioPath, type, ...info };
  } catch (error) {
    throw TranscriptionError.from(error);
  }
}

/** Options of {@link quantizeModel}. */
export interface QuantizeModelOptions extends CacheOptions {
  /** Called with the fraction that is done, 0 to 1. */
  onProgress?: (fraction: number) => void;
  /** Stops the work; nothing is left behind. */
  signal?: AbortSignal;
}

/**
 * Writes a copy of a 16-bit or 32-bit Whisper model with smaller weights. The destination appears whole or not at all.
 * @param source name or path
 * @param destination path of the new file, which must not be the source
 * @param type `"q8_0"`, `"q5_0"`, `"q5_1"`, `"q4_0"`, …
 * @throws TranscriptionError INVALID_ARGUMENT, MODEL_NOT_FOUND, MODEL_INVALID, CANCELLED, INTERNAL
 */
export async function quantizeModel(
  source: ModelName,
  destination: string,
  type: WeightType,
  options: QuantizeModelOptions = {},
  environment: ModelEnvironment = environmentWith(options),
): Promise<ResolvedModel> {
  const { onProgress = () => {}, signal } = options;
  const { path, maxWindow } = await resolveModel(
    source,
    { kind: "whisper", download: false, signal },
    environment,
  );
  if (typeof destination !== "string" || destination === "" || destination.includes("\0")) {
    throw invalidArgument("destination", "the path of a file to write", destination);
  }
  const target = resolve(destination);
  if (target === path) throw invalidArgument("destination", "another file than the source", destination);
  if (await isFolder(target)) throw invalidArgument("destination", "a file, not a folder", destination);
  const addon = loadAddon();
  if (!addon.quantizeTypes.includes(type))
    throw invalidArgument("type", `one of ${addon.quantizeTypes.join(", ")}`, type);
  // The addon's calls are not in step with its promise, which the last of them may come after.
  let finished = false;
  const report = (fraction: number): void => {
    if (!finished && fraction < 1) onProgress(fraction);
  };
  try {
    await cancellable(signal, (flag) => addon.quantizeModel(path, target, type, flag, report));
  } catch (error) {
    throw TranscriptionError.from(error);
  } finally {
    finished = true;
  }
  onProgress(1);
  return { name: basename(target), path: target, ...(maxWindow !== undefined && { maxWindow }) };
}

async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() === true;
}

async function listEntry(entry: RegistryEntry, environment: ModelEnvironment): Promise<ModelListing> {
  const { name, aliases, kind, bytes, licence, description } = entry;
  const path = modelPath(entry, environment.cacheDirectory);
  const isDefault = environment.registry.find(environment.defaultModel) === entry;
  const facts = { name, ...(aliases && { aliases }), kind, isDefault, bytes, licence, description };
  if (await isComplete(entry, path)) {
    return { ...facts, state: entry.bundled ? "bundled" : "cached", bytesOnDisk: bytes, path };
  }
  const partial = await fileSize(`${path}.partial`);
  return { ...facts, state: partial === undefined ? "available" : "partial", bytesOnDisk: partial ?? 0 };
}

async function listConverted(environment: ModelEnvironment): Promise<ModelListing[]> {
  const models = await cachedHubModels(environment);
  return models.map(({ name, kind, path, bytes }) => ({
    name,
    kind,
    state: "cached",
    isDefault: environment.defaultModel === name,
    bytes,
    bytesOnDisk: bytes,
    path,
    description: `Made of a ${kind === "whisper" ? "Whisper" : "Borealis"} checkpoint on the Hugging Face Hub`,
  }));
}

function listFolder(
  { source, state, kind, path, bytes }: FolderModel,
  { defaultModel }: ModelEnvironment,
): ModelListing {
  const now = { current: "", changed: ", which has changed since", gone: ", which is there no more" }[state];
  const name = state === "current" ? source! : path;
  return {
    name,
    kind,
    state: "cached",
    isDefault: resolve(defaultModel) === name,
    bytes,
    bytesOnDisk: bytes,
    path,
    description: `Made of the checkpoint in ${source ?? "a folder"}${now}`,
  };
}

async function listUnknown({ registry, cacheDirectory }: ModelEnvironment): Promise<ModelListing[]> {
  const files = await readdir(cacheDirectory).catch(() => []);
  const listings: ModelListing[] = [];
  for (const file of files.sort()) {
    const path = join(cacheDirectory, file);
    const bytes = file.endsWith(".bin") && !registry.findFile(file) ? await fileSize(path) : undefined;
    if (bytes === undefined) continue;
    const description = "Not in the registry";
    listings.push({
      name: path,
      state: "unknown",
      isDefault: false,
      bytes,
      bytesOnDisk: bytes,
      path,
      description,
    });
  }
  return listings;
}

function isOfHub(name: string, { registry }: ModelEnvironment): boolean {
  return typeof name === "string" && registry.find(name) === undefined && isHubName(name);
}

function requireEntry(name: string, { registry }: ModelEnvironment): RegistryEntry {
  if (typeof name !== "string" || name === "") throw invalidArgument("name", "the name of a model", name);
  const entry = registry.find(name);
  if (entry) return entry;
  throw new TranscriptionError(
    "MODEL_NOT_FOUND",
    `There is no model named ${JSON.stringify(name.slice(0, 200))}.${registry.hint(name)} ` +
      "`agora-transcribe models list` shows all names",
  );
}
