import { createHash } from "node:crypto";
import { mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type Correction, TranscriptionError } from "../../index.js";

/** What has been put right about a job's result. */
export interface JobCorrections {
  corrections: readonly Correction[];
  /** Another one for other corrections. */
  version: string;
}

/** Somebody else has changed them since. */
export class CorrectionsChanged extends Error {
  override readonly name = "CorrectionsChanged";
}

const ENDING = ".json";

/** Corrections of results, by the jobs' ids, as files of a folder: each is there whole or not at all. */
export class CorrectionFolder {
  readonly #root: string;
  /** The last one that writes for each job. */
  readonly #writing = new Map<string, Promise<unknown>>();

  constructor(root: string) {
    this.#root = root;
  }

  /** Id of the job whose corrections have this name; undefined for what is none. */
  static idOf(filename: string): string | undefined {
    return filename.endsWith(ENDING) ? filename.slice(0, -ENDING.length) : undefined;
  }

  /** None where nobody has corrected anything. @throws TranscriptionError STORAGE_FAILED */
  async get(id: string): Promise<JobCorrections> {
    const text = await readFile(this.#pathOf(id), "utf8").catch((cause: NodeJS.ErrnoException) => {
      if (cause.code === "ENOENT") return "[]";
      throw failure(cause);
    });
    return versionOf(JSON.parse(text) as Correction[]);
  }

  /**
   * Keeps `corrections` in place of those of version `replaced`.
   * @param replaced undefined: whatever there is
   * @throws CorrectionsChanged; TranscriptionError STORAGE_FAILED
   */
  put(id: string, corrections: readonly Correction[], replaced: string | undefined): Promise<JobCorrections> {
    // Of those who have seen the same, one is first.
    const written = (this.#writing.get(id) ?? Promise.resolve()).then(async () => {
      if (replaced !== undefined && (await this.get(id)).version !== replaced) throw new CorrectionsChanged();
      await this.#write(id, corrections);
      return versionOf(corrections);
    });
    const settled = written.catch(() => {});
    this.#writing.set(id, settled);
    void settled.then(() => {
      if (this.#writing.get(id) === settled) this.#writing.delete(id);
    });
    return written;
  }

  async delete(id: string): Promise<void> {
    await rm(this.#pathOf(id), { force: true }).catch((cause) => {
      throw failure(cause);
    });
  }

  async #write(id: string, corrections: readonly Correction[]): Promise<void> {
    if (corrections.length === 0) return this.delete(id);
    const path = this.#pathOf(id);
    const unfinished = `${path}.unfinished`;
    try {
      await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      const file = await open(unfinished, "w", 0o600);
      try {
        await file.writeFile(JSON.stringify(corrections));
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(unfinished, path);
    } catch (cause) {
      await rm(unfinished, { force: true }).catch(() => {});
      throw failure(cause);
    }
  }

  #pathOf(id: string): string {
    return join(this.#root, id + ENDING);
  }
}

function versionOf(corrections: readonly Correction[]): JobCorrections {
  const version = createHash("sha256").update(JSON.stringify(corrections)).digest("base64url").slice(0, 22);
  return { corrections, version };
}

function failure(cause: unknown): TranscriptionError {
  const message = `Cannot use the folder of corrections of jobs: ${(cause as Error).message}`;
  return new TranscriptionError("STORAGE_FAILED", message, { cause });
}
