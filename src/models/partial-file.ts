import { type FileHandle, open, readFile, rename, rm, writeFile } from "node:fs/promises";
import { fileSize } from "./cache.js";

/** What has to be true of a partial file for its download to go on. */
interface Origin {
  /** Hash of the whole file that it is to become. */
  sha256: string;
  /** Strong validator of the server's copy, RFC 9110 section 8.8.3. */
  etag: string | null;
}

/**
 * The beginning of a download, kept beside its target (`.partial`) with a note of where it came from
 * (`.partial.json`), so that another run or process can go on with it.
 */
export class PartialFile {
  readonly path: string;
  readonly #notePath: string;

  constructor(
    readonly target: string,
    private readonly sha256: string,
  ) {
    this.path = `${target}.partial`;
    this.#notePath = `${target}.partial.json`;
  }

  /**
   * How much is there and may be kept. A file that belongs to another version of the model, or is not
   * shorter than `bytes` is to be, is of no use and is deleted; a complete one is kept.
   */
  async resumePoint(bytes: number): Promise<{ offset: number; etag: string | null }> {
    const offset = (await fileSize(this.path)) ?? 0;
    const origin = await this.#readNote();
    if (offset > 0 && offset <= bytes && origin?.sha256 === this.sha256) return { offset, etag: origin.etag };
    await this.discard();
    return { offset: 0, etag: null };
  }

  /**
   * Opens the file for writing from `offset` on; 0 begins a new one.
   * @param etag validator of what will be written
   */
  async open(offset: number, etag: string | null): Promise<FileHandle> {
    if (offset > 0) return open(this.path, "r+");
    await writeFile(this.#notePath, JSON.stringify({ sha256: this.sha256, etag } satisfies Origin));
    return open(this.path, "w");
  }

  /** Puts the complete file into its place, in one step. */
  async publish(): Promise<void> {
    await rename(this.path, this.target);
    await rm(this.#notePath, { force: true });
  }

  async discard(): Promise<void> {
    await rm(this.path, { force: true });
    await rm(this.#notePath, { force: true });
  }

  async #readNote(): Promise<Origin | undefined> {
    try {
      const note = JSON.parse(await readFile(this.#notePath, "utf8")) as Partial<Origin> | null;
      if (typeof note?.sha256 !== "string") return undefined;
      return { sha256: note.sha256, etag: typeof note.etag === "string" ? note.etag : null };
    } catch {
      return undefined;
    }
  }
}

/** Writes all of `chunk` at `position`; a single write may stop short. */
export async function writeAll(file: FileHandle, chunk: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < chunk.length; ) {
    const { bytesWritten } = await file.write(chunk, done, chunk.length - done, position + done);
    done += bytesWritten;
  }
}
