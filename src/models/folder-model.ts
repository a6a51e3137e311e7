import { createHash } from "node:crypto";
import { readdir, readFile, realpath, rm, rmdir, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { borealisModelIn } from "./borealis-files.js";
import { fileSize } from "./cache.js";
import type { ModelEnvironment } from "./environment.js";
import type { HubOptions } from "./hub.js";
import { splitHubName } from "./hub-name.js";
import { makeFolder } from "./make-folder.js";
import { storageError } from "./storage-error.js";

/** What matrices become: half the size of 16 bits, and the fastest on a CPU. */
export const CONVERTED_TYPE = "q8_0";
/** Beside a conversion: the place of what it was made of. */
const SOURCE_NOTE = "source.json";
/** What conversions read of a checkpoint. */
const SOURCE_FILE = /\.(json|txt|bin|safetensors)$/;

/**
 * Path of the model of a checkpoint's folder, Hugging Face's or CTranslate2's: when it is first asked for, or when the
 * folder's files have changed, it is converted into the cache. Undefined when the folder holds no checkpoint.
 * @param folder absolute
 * @throws TranscriptionError MODEL_NOT_FOUND, MODEL_INVALID, CANCELLED, OUT_OF_MEMORY, INTERNAL when the disk is full
 */
export async function folderModelPath(
  folder: string,
  options: HubOptions,
  environment: ModelEnvironment,
): Promise<string | undefined> {
  if ((await fileSize(join(folder, "config.json"))) === undefined) return undefined;
  const target = await targetOf(folder, environment);
  const finished = await modelIn(target);
  if (finished !== undefined) return finished;
  try {
    await makeFolder(dirname(target));
    const { withLock } = await import("./lock.js");
    return await withLock(target, { wait: true, signal: options.signal }, async (signal) => {
      const made = await modelIn(target);
      if (made !== undefined) return made;
      // What was made of the folder's former files, or left behind by a process that broke off.
      const others = await readdir(dirname(target)).catch(() => []);
      const kept = basename(target);
      for (const other of others) {
        if (!other.startsWith(kept) || other === kept)
          await rm(join(dirname(target), other), { recursive: true, force: true });
      }
      await rm(target, { recursive: true, force: true });
      const path = await convertFolder(folder, target, { ...options, signal });
      await writeFile(join(target, SOURCE_NOTE), JSON.stringify({ folder: await realpath(folder) }));
      return path;
    });
  } catch (error) {
    throw storageError(error, target);
  }
}

/** A model that was made of a checkpoint's folder. */
export interface FolderModel {
  /** Absolute path of the checkpoint's folder; undefined where nothing notes it. */
  source: string | undefined;
  /** Whether the folder is as it was: gone or changed, it gives another model or none. */
  state: "current" | "changed" | "gone";
  kind: "whisper" | "borealis";
  /** Absolute: the file that is loaded first. */
  path: string;
  /** All of its files together. */
  bytes: number;
}

/** All models in the cache that were made of folders. */
export async function cachedFolderModels(environment: ModelEnvironment): Promise<FolderModel[]> {
  const root = foldersIn(environment);
  const models: FolderModel[] = [];
  for (const place of await namesIn(root)) {
    for (const state of await namesIn(join(root, place))) {
      const folder = join(root, place, state);
      const path = await modelIn(folder);
      if (path !== undefined) models.push(await folderModel(folder, path, environment));
    }
  }
  return models;
}

/**
 * Deletes from the cache what was made of a folder.
 * @param name path of the checkpoint's folder, or of the model that was made of it
 * @returns the bytes freed; undefined where nothing of that name is there
 * @throws TranscriptionError MODEL_NOT_FOUND when it is being converted
 */
export async function removeFolderModel(
  name: string,
  environment: ModelEnvironment,
): Promise<{ path: string; bytes: number } | undefined> {
  const given = resolve(name);
  const place = await realpath(given).catch(() => given);
  const models = (await cachedFolderModels(environment)).filter(
    ({ source, path }) => source === place || path === given || dirname(path) === given,
  );
  if (models.length === 0) return undefined;
  const { withLock } = await import("./lock.js");
  for (const { path } of models) {
    const folder = dirname(path);
    await withLock(folder, { wait: false }, () => rm(folder, { recursive: true, force: true }));
  }
  const folder = dirname(models[0]!.path);
  await rmdir(dirname(folder)).catch(() => {});
  return { path: folder, bytes: models.reduce((sum, { bytes }) => sum + bytes, 0) };
}

async function folderModel(
  folder: string,
  path: string,
  environment: ModelEnvironment,
): Promise<FolderModel> {
  const source = await sourceOf(folder);
  const now = source === undefined ? undefined : await targetOf(source, environment).catch(() => undefined);
  const sizes = await Promise.all((await namesIn(folder)).map((file) => fileSize(join(folder, file))));
  return {
    source,
    state: now === undefined ? "gone" : now === folder ? "current" : "changed",
    kind: path.endsWith(".bin") ? "whisper" : "borealis",
    path,
    bytes: sizes.reduce<number>((sum, size) => sum + (size ?? 0), 0),
  };
}

async function sourceOf(folder: string): Promise<string | undefined> {
  try {
    const { folder: source } = JSON.parse(await readFile(join(folder, SOURCE_NOTE), "utf8"));
    return typeof source === "string" ? source : undefined;
  } catch {
    return undefined;
  }
}

const foldersIn = ({ cacheDirectory }: ModelEnvironment): string => join(cacheDirectory, "folders");

const namesIn = async (folder: string): Promise<string[]> =>
  (await readdir(folder).catch(() => [])).toSorted();

/** The file that is loaded first of what is made of a checkpoint. */
export async function convertFolder(
  checkpoint: string,
  folder: string,
  { onDownload, signal }: HubOptions,
  { name = basename(checkpoint), received = 0 } = {},
): Promise<string> {
  const { convertInWorker } = await import("./convert/in-worker.js");
  const onProgress = (converted: number) =>
    onDownload?.({ model: name, received, total: received, converted });
  const request = {
    type: CONVERTED_TYPE,
    folder,
    name: basename(splitHubName(name).repository),
    overwrite: false,
    signal,
    onProgress,
  };
  const { files } = await convertInWorker(checkpoint, request);
  return files[0]!.path;
}

/** The model that a conversion has left in a folder. */
export async function modelIn(folder: string): Promise<string | undefined> {
  const files = await readdir(folder).catch(() => []);
  const whisper = files.find((file) => file.endsWith(".bin"));
  return (await borealisModelIn(folder)) ?? (whisper && join(folder, whisper));
}

/** A folder for each checkpoint's place, and in it one for each state of its files. */
async function targetOf(folder: string, environment: ModelEnvironment): Promise<string> {
  const place = await realpath(folder);
  const files = (await readdir(folder)).filter((file) => SOURCE_FILE.test(file)).sort();
  const states = await Promise.all(
    files.map(async (file) => {
      const status = await stat(join(folder, file)).catch(() => undefined);
      return [file, status?.size, status?.mtimeMs];
    }),
  );
  return join(foldersIn(environment), `${basename(place)}-${hash(place)}`, hash(JSON.stringify(states)));
}

function hash(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 12);
}
