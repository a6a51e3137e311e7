import { createHash } from "node:crypto";
import type { Correction } from "../../index.js";
import type { JsonStore } from "./json-folder.js";

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

/** Corrections of results, by the jobs' ids: of those who change the same ones, one does. */
export class CorrectionStore {
  readonly #files: JsonStore<readonly Correction[]>;
  /** The last one that writes for each job. */
  readonly #writing = new Map<string, Promise<unknown>>();

  constructor(files: JsonStore<readonly Correction[]>) {
    this.#files = files;
  }

  /** None where nobody has corrected anything. @throws TranscriptionError STORAGE_FAILED */
  async get(id: string): Promise<JobCorrections> {
    return versionOf((await this.#files.get(id)) ?? []);
  }

  /**
   * Keeps `corrections` in place of those of version `replaced`.
   * @param replaced undefined: whatever there is
   * @throws CorrectionsChanged; TranscriptionError STORAGE_FAILED
   */
  put(id: string, corrections: readonly Correction[], replaced: string | undefined): Promise<JobCorrections> {
    const written = (this.#writing.get(id) ?? Promise.resolve()).then(async () => {
      if (replaced !== undefined && (await this.get(id)).version !== replaced) throw new CorrectionsChanged();
      if (corrections.length === 0) await this.delete(id);
      else await this.#files.put(id, corrections);
      return versionOf(corrections);
    });
    const settled = written.catch(() => {});
    this.#writing.set(id, settled);
    void settled.then(() => {
      if (this.#writing.get(id) === settled) this.#writing.delete(id);
    });
    return written;
  }

  /** @throws TranscriptionError STORAGE_FAILED */
  delete(id: string): Promise<void> {
    return this.#files.delete(id);
  }
}

function versionOf(corrections: readonly Correction[]): JobCorrections {
  const version = createHash("sha256").update(JSON.stringify(corrections)).digest("base64url").slice(0, 22);
  return { corrections, version };
}
