import { randomUUID } from "node:crypto";
import { mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { TranscriptionError } from "../../index.js";

/** Of names of files and objects. */
export const JSON_ENDING = ".json";

/** What jobs have one of each, by their ids: each is there whole or not at all. */
export interface JsonStore<T> {
  /** @returns undefined where there is none. @throws TranscriptionError STORAGE_FAILED, also where it is damaged */
  get(id: string): Promise<T | undefined>;
  /** @throws TranscriptionError STORAGE_FAILED */
  put(id: string, value: T): Promise<void>;
  /** @throws TranscriptionError STORAGE_FAILED */
  delete(id: string): Promise<void>;
}

/** The same as files of a folder, which several machines may mount. */
export class JsonFolder<T> implements JsonStore<T> {
  readonly #root: string;
  readonly #what: string;

  /** @param what is in it, as errors call it */
  constructor(root: string, what: string) {
    this.#root = root;
    this.#what = what;
  }

  /** Id of the job whose file has this name; undefined for what is none. */
  static idOf(filename: string): string | undefined {
    return filename.endsWith(JSON_ENDING) ? filename.slice(0, -JSON_ENDING.length) : undefined;
  }

  async get(id: string): Promise<T | undefined> {
    try {
      return JSON.parse(await readFile(this.#pathOf(id), "utf8")) as T;
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw this.#failure(cause);
    }
  }

  async put(id: string, value: T): Promise<void> {
    const path = this.#pathOf(id);
    // Two that write the same do not write into one another's.
    const unfinished = `${path}.${randomUUID()}.unfinished`;
    try {
      await mkdir(this.#root, { recursive: true, mode: 0o700 });
      await writeWhole(unfinished, JSON.stringify(value));
      await rename(unfinished, path);
    } catch (cause) {
      await rm(unfinished, { force: true }).catch(() => {});
      throw this.#failure(cause);
    }
  }

  async delete(id: string): Promise<void> {
    await rm(this.#pathOf(id), { force: true }).catch((cause) => {
      throw this.#failure(cause);
    });
  }

  #pathOf(id: string): string {
    return join(this.#root, id + JSON_ENDING);
  }

  #failure(cause: unknown): TranscriptionError {
    const message = `Cannot use the folder of ${this.#what} of jobs: ${(cause as Error).message}`;
    return new TranscriptionError("STORAGE_FAILED", message, { cause });
  }
}

/** It is on the disk when this resolves. */
async function writeWhole(path: string, text: string): Promise<void> {
  const file = await open(path, "w", 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}
