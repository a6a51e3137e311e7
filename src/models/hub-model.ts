import { readdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { TranscriptionError } from "../errors.js";
import type { DownloadProgress } from "../types/options.js";
import { fileSize } from "./cache.js";
import type { ModelEnvironment } from "./environment.js";
import { convertFolder, modelIn } from "./folder-model.js";
import type { HubOptions } from "./hub.js";
import { splitHubName } from "./hub-name.js";
import { cachedSnapshot } from "./hugging-face-cache.js";
import { makeFolder } from "./make-folder.js";
import { storageError } from "./storage-error.js";

/** A checkpoint of the Hub that has been made a model. */
export interface HubModel {
  /** On the Hub: `"Vikhrmodels/Borealis"`, or with a revision after an `@`. */
  name: string;
  kind: "whisper" | "borealis";
  /** Absolute: the one that is loaded first. */
  path: string;
  /** All of its files together. */
  bytes: number;
}

/** Where the model that is made of a checkpoint belongs; each revision that is named has a folder of its own. */
function folderOf(name: string, { cacheDirectory }: ModelEnvironment): string {
  return join(cacheDirectory, "converted", name);
}

/** Where the checkpoint stays until it has been converted. */
function checkpointFolderOf(name: string, environment: ModelEnvironment): string {
  return `${folderOf(name, environment)}.checkpoint`;
}

/** The model that has been made of a checkpoint, or undefined. */
export async function cachedHubModel(
  name: string,
  environment: ModelEnvironment,
): Promise<HubModel | undefined> {
  const folder = folderOf(name, environment);
  const path = await modelIn(folder);
  if (path === undefined) return undefined;
  const kind = path.endsWith(".bin") ? "whisper" : "borealis";
  return { name, kind, path, bytes: await bytesIn(folder) };
}

/** All that are in the cache. */
export async function cachedHubModels(environment: ModelEnvironment): Promise<HubModel[]> {
  const folders = (folder: string) =>
    readdir(folder)
      .then((names) => names.sort())
      .catch(() => []);
  const models: HubModel[] = [];
  const converted = folderOf("", environment);
  for (const owner of await folders(converted)) {
    for (const name of await folders(join(converted, owner))) {
      const model = await cachedHubModel(`${owner}/${name}`, environment);
      if (model) models.push(model);
    }
  }
  return models;
}

/**
 * Path of the model of a checkpoint on the Hugging Face Hub: when it is first asked for, the checkpoint is taken from the
 * cache of Hugging Face's own libraries or downloaded, and converted into this one. Of several processes that want it one does so and the others wait.
 * @throws TranscriptionError MODEL_NOT_FOUND, MODEL_INVALID (no Whisper or Borealis model), CANCELLED, OUT_OF_MEMORY,
 *   INTERNAL when the disk is full
 */
export async function hubModelPath(
  name: string,
  { download, ...options }: HubOptions & { download: boolean | undefined },
  environment: ModelEnvironment,
): Promise<string> {
  const cached = await cachedHubModel(name, environment);
  if (cached) return cached.path;
  const { repository, revision } = splitHubName(name);
  const snapshot =
    environment.huggingFaceCache === undefined
      ? undefined
      : await cachedSnapshot(repository, environment.huggingFaceCache, revision);
  if (snapshot === undefined && (environment.offline || download === false))
    throw notCached(name, environment);
  const folder = folderOf(name, environment);
  try {
    await makeFolder(dirname(folder));
    // Loaded when needed: the HTTP client takes a tenth of a second, and the lock listens for signals of the process.
    const { withLock } = await import("./lock.js");
    return await withLock(folder, { wait: true, signal: options.signal }, async (signal) => {
      const finished = await cachedHubModel(name, environment);
      if (finished) return finished.path;
      if (snapshot === undefined) return make(name, { ...options, signal }, environment);
      // What a process that broke off has left is no model.
      await rm(folder, { recursive: true, force: true });
      return convertFolder(snapshot, folder, { ...options, signal }, { name });
    });
  } catch (error) {
    throw storageError(error, folder);
  }
}

/** @returns the path of the new model */
async function make(
  name: string,
  { onDownload, signal }: HubOptions,
  environment: ModelEnvironment,
): Promise<string> {
  const { fetchCheckpoint } = await import("./hub.js");
  const folder = folderOf(name, environment);
  const cacheDirectory = checkpointFolderOf(name, environment);
  let received = 0;
  const counted = (progress: DownloadProgress) => {
    received = progress.received;
    onDownload?.(progress);
  };
  const apart = { ...environment, cacheDirectory };
  const discard = () => rm(cacheDirectory, { recursive: true, force: true });
  try {
    const checkpoint = await fetchCheckpoint(name, apart, { onDownload: counted, signal });
    // What a process that broke off has left is no model.
    await rm(folder, { recursive: true, force: true });
    const path = await convertFolder(checkpoint, folder, { onDownload, signal }, { name, received });
    await discard();
    return path;
  } catch (error) {
    if (!(error instanceof TranscriptionError)) throw error;
    // Of no use another time either.
    if (error.code === "MODEL_INVALID") await discard();
    if (error.code !== "MODEL_NOT_FOUND") throw error;
    throw notFound(`There is no file or folder ${JSON.stringify(name)}. ${error.message}`, error);
  }
}

/**
 * Deletes a model from the cache, and what has come of a checkpoint that is not converted yet.
 * @returns the bytes freed
 * @throws TranscriptionError MODEL_NOT_FOUND when it is not cached or is being downloaded
 */
export async function removeHubModel(
  name: string,
  environment: ModelEnvironment,
): Promise<{ path: string; bytes: number }> {
  const folder = folderOf(name, environment);
  const folders = [folder, checkpointFolderOf(name, environment)];
  const bytes = (await Promise.all(folders.map(bytesIn))).reduce((sum, size) => sum + size);
  if (bytes === 0) throw notFound(`Model ${name} is not cached: there is no ${folder}`);
  const { withLock } = await import("./lock.js");
  await withLock(folder, { wait: false }, async () => {
    for (const each of folders) await rm(each, { recursive: true, force: true });
  });
  return { path: folder, bytes };
}

async function bytesIn(folder: string): Promise<number> {
  const files = await readdir(folder, { recursive: true }).catch(() => []);
  const sizes = await Promise.all(files.map((file) => fileSize(join(folder, file))));
  return sizes.reduce<number>((sum, size) => sum + (size ?? 0), 0);
}

function notCached(name: string, { offline }: ModelEnvironment): TranscriptionError {
  return notFound(
    `There is no file or folder ${JSON.stringify(name)}, and the model of that name on the Hugging Face Hub is not ` +
      (offline
        ? "cached, and AGORA_OFFLINE forbids downloads"
        : `cached, and may not be downloaded here. Run: agora-transcribe models download ${name}`),
  );
}

function notFound(message: string, cause?: unknown): TranscriptionError {
  return new TranscriptionError("MODEL_NOT_FOUND", message, { cause });
}
