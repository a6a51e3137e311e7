import { readdir, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { TranscriptionError } from "../errors.js";

/** Stands before the name of the language model's file in the name of the audio encoder's. */
const AUDIO_PREFIX = "mmproj-";
const ENDING = ".gguf";

/** Path of the audio encoder's file that belongs to a language model's file. */
export function audioFileOf(languageModel: string): string {
  return join(dirname(languageModel), AUDIO_PREFIX + basename(languageModel));
}

/** Whether `path` is the language model of a converted Borealis model: its audio encoder is beside it. */
export async function isBorealisModel(path: string): Promise<boolean> {
  return path.endsWith(ENDING) && (await isFile(audioFileOf(path)));
}

/**
 * The language model's file of the converted Borealis model in a folder; undefined where there is none.
 * @throws TranscriptionError INVALID_ARGUMENT when there are several
 */
export async function borealisModelIn(folder: string): Promise<string | undefined> {
  const names = new Set(await readdir(folder).catch(() => []));
  const models = [...names].filter((name) => name.endsWith(ENDING) && names.has(AUDIO_PREFIX + name)).sort();
  if (models.length > 1) {
    throw new TranscriptionError(
      "INVALID_ARGUMENT",
      `${folder} holds several models; name one of them: ${models.map((name) => join(folder, name)).join(", ")}`,
      { option: "model" },
    );
  }
  return models[0] && join(folder, models[0]);
}

/** Name of a model by its file: without its ending. */
export function borealisName(languageModel: string): string {
  return basename(languageModel, ENDING);
}

async function isFile(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isFile() ?? false;
}
