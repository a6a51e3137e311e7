import { createHash } from "node:crypto";
import { mkdir, readdir, realpath, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { borealisModelIn } from "./borealis-files.js";
import { fileSize } from "./cache.js";
import type { ModelEnvironment } from "./environment.js";
import type { HubOptions } from "./hub.js";
import { splitHubName } from "./hub-name.js";
import { storageError } from "./storage-error.js";

/** What matrices become: half the size of 16 bits, and the fastest on a CPU. */
export const CONVERTED_TYPE = "q8_0";
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
    await mkdir(dirname(target), { recursive: true });
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
      return convertFolder(folder, target, { ...options, signal });
    });
  } catch (error) {
    throw storageError(error, target);
  }
}

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
async function targetOf(folder: string, { cacheDirectory }: ModelEnvironment): Promise<string> {
  const place = await realpath(folder);
  const files = (await readdir(folder)).filter((file) => SOURCE_FILE.test(file)).sort();
  const states = await Promise.all(
    files.map(async (file) => {
      const status = await stat(join(folder, file)).catch(() => undefined);
      return [file, status?.size, status?.mtimeMs];
    }),
  );
  return join(cacheDirectory, "folders", `${basename(place)}-${hash(place)}`, hash(JSON.stringify(states)));
}

function hash(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 12);
}
