import { randomUUID } from "node:crypto";
import { type FileHandle, open, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { TranscriptionError } from "../../../errors.js";
import { makeFolder } from "../../make-folder.js";
import { writeAll } from "../../partial-file.js";

/** A file being written from start to end. It appears under its name when it is complete, or not at all. */
export class OutputFile {
  #position = 0;
  #closed = false;

  private constructor(
    readonly path: string,
    private readonly partialPath: string,
    private readonly handle: FileHandle,
  ) {}

  /**
   * Makes the folder too where it is missing.
   * @throws TranscriptionError INVALID_ARGUMENT when it cannot be written
   */
  static async create(path: string): Promise<OutputFile> {
    const partialPath = `${path}.${randomUUID().slice(0, 8)}.partial`;
    try {
      await makeFolder(dirname(path));
      return new OutputFile(path, partialPath, await open(partialPath, "wx"));
    } catch (cause) {
      throw new TranscriptionError(
        "INVALID_ARGUMENT",
        `The file ${path} cannot be written: ${(cause as Error).message}`,
        { cause, option: "out" },
      );
    }
  }

  /** Bytes so far. */
  get position(): number {
    return this.#position;
  }

  /** @throws TranscriptionError INTERNAL, when the disk is full for example */
  async write(bytes: Uint8Array): Promise<void> {
    try {
      await writeAll(this.handle, bytes, this.#position);
    } catch (cause) {
      throw this.#writeFailed(cause);
    }
    this.#position += bytes.length;
  }

  /** Zero bytes up to a multiple of `alignment`. */
  async pad(alignment: number): Promise<void> {
    const rest = this.#position % alignment;
    if (rest > 0) await this.write(new Uint8Array(alignment - rest));
  }

  /** Gives the complete file its name. */
  async publish(): Promise<void> {
    try {
      await this.handle.sync();
      await this.#close();
      await rename(this.partialPath, this.path);
    } catch (cause) {
      throw this.#writeFailed(cause);
    }
  }

  /** Removes an unfinished file; does nothing to a published one. */
  async discard(): Promise<void> {
    await this.#close();
    await rm(this.partialPath, { force: true });
  }

  async #close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.handle.close();
  }

  #writeFailed(cause: unknown): TranscriptionError {
    return new TranscriptionError("INTERNAL", `Writing ${this.path} failed: ${(cause as Error).message}`, {
      cause,
    });
  }
}

/** @throws TranscriptionError INVALID_ARGUMENT when there is something at `path` that is not to be replaced */
export async function refuseExisting(path: string, overwrite: boolean): Promise<void> {
  const status = await stat(path).catch(() => undefined);
  if (status && !(overwrite && status.isFile())) {
    const advice = status.isFile() ? "; overwrite (--force) replaces it" : " and is no file";
    throw new TranscriptionError("INVALID_ARGUMENT", `${path} exists${advice}`, { option: "overwrite" });
  }
}
