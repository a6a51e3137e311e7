import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { TranscriptionError } from "../../../errors.js";
import { invalidModel } from "../errors.js";

/** A file of a checkpoint, open for reading at any place. */
export class SourceFile {
  readonly #handle: FileHandle;

  private constructor(
    readonly path: string,
    readonly size: number,
    handle: FileHandle,
  ) {
    this.#handle = handle;
  }

  /** @throws TranscriptionError MODEL_NOT_FOUND, MODEL_INVALID when it is no regular file */
  static async open(path: string): Promise<SourceFile> {
    let handle: FileHandle;
    try {
      // Not to wait for a writer should the path be a pipe.
      handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    } catch (cause) {
      throw new TranscriptionError(
        "MODEL_NOT_FOUND",
        `The model file ${path} cannot be opened: ${(cause as Error).message}`,
        { cause },
      );
    }
    try {
      const status = await handle.stat();
      if (!status.isFile()) throw invalidModel(path, "it is not a file");
      return new SourceFile(path, status.size, handle);
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /** Fills `bytes` from `offset` on. `what` names the part of the file for errors. */
  async fill(bytes: Uint8Array, offset: number, what: string): Promise<void> {
    if (offset < 0 || offset + bytes.length > this.size) throw this.invalid(`it ends inside ${what}`);
    for (let done = 0; done < bytes.length; ) {
      const { bytesRead } = await this.#handle.read(bytes, done, bytes.length - done, offset + done);
      if (bytesRead === 0) throw this.invalid(`it became shorter while ${what} was read`);
      done += bytesRead;
    }
  }

  /** The caller has made sure that `length` is of a reasonable size. */
  async read(offset: number, length: number, what: string): Promise<Buffer> {
    if (offset < 0 || offset + length > this.size) throw this.invalid(`it ends inside ${what}`);
    const bytes = Buffer.allocUnsafe(length);
    await this.fill(bytes, offset, what);
    return bytes;
  }

  invalid(problem: string, cause?: unknown): TranscriptionError {
    return invalidModel(this.path, problem, cause);
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}
