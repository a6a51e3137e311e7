import { type FileHandle, mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { TranscriptionError, type TranscriptionResult } from "../../index.js";

/** Results of jobs, by the jobs' ids: each is there whole or not at all, and a second of the same job changes nothing. */
export interface ResultStore {
  /** @throws TranscriptionError STORAGE_FAILED */
  put(id: string, result: TranscriptionResult): Promise<void>;
  /** @returns undefined where there is none. @throws TranscriptionError STORAGE_FAILED */
  get(id: string): Promise<TranscriptionResult | undefined>;
  delete(id: string): Promise<void>;
}

const ENDING = ".json";

/** Results as files of a folder. */
export class ResultFolder implements ResultStore {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  /** Id of the job whose result has this name; undefined for what is none. */
  static idOf(filename: string): string | undefined {
    return filename.endsWith(ENDING) ? filename.slice(0, -ENDING.length) : undefined;
  }

  async put(id: string, result: TranscriptionResult): Promise<void> {
    const path = this.#pathOf(id);
    const unfinished = `${path}.unfinished`;
    try {
      await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      await writeWhole(await open(unfinished, "w", 0o600), JSON.stringify(result));
      await rename(unfinished, path);
    } catch (cause) {
      await rm(unfinished, { force: true }).catch(() => {});
      throw failure(cause);
    }
  }

  async get(id: string): Promise<TranscriptionResult | undefined> {
    try {
      return JSON.parse(await readFile(this.#pathOf(id), "utf8")) as TranscriptionResult;
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw failure(cause);
    }
  }

  async delete(id: string): Promise<void> {
    try {
      await rm(this.#pathOf(id), { force: true });
    } catch (cause) {
      throw failure(cause);
    }
  }

  #pathOf(id: string): string {
    return join(this.#root, id + ENDING);
  }
}

async function writeWhole(file: FileHandle, text: string): Promise<void> {
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

function failure(cause: unknown): TranscriptionError {
  const message = `Cannot use the folder of results of jobs: ${(cause as Error).message}`;
  return new TranscriptionError("STORAGE_FAILED", message, { cause });
}
