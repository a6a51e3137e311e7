import { type FileHandle, mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { TranscriptionError } from "../../index.js";

/**
 * An upload on its way to disk: as much memory as one chunk, however large the file. The file's name is gone before
 * the first byte is written, so nothing is left behind however this process ends.
 */
export class Upload {
  #file: FileHandle | undefined;
  #bytes = 0;

  /** @param maxBytes most bytes of an upload */
  constructor(readonly maxBytes: number) {}

  get bytes(): number {
    return this.#bytes;
  }

  /** Appends `chunk`. @throws TranscriptionError AUDIO_TOO_LARGE, INTERNAL (the disk is full) */
  async write(chunk: Uint8Array): Promise<void> {
    this.#bytes += chunk.byteLength;
    if (this.#bytes > this.maxBytes) {
      throw new TranscriptionError(
        "AUDIO_TOO_LARGE",
        `The recording is larger than limits.maxBytes (${this.maxBytes} bytes)`,
      );
    }
    try {
      this.#file ??= await openAnonymousFile();
      await this.#file.writeFile(chunk);
    } catch (cause) {
      throw new TranscriptionError(
        "INTERNAL",
        `Cannot store an upload in the temporary folder ${tmpdir()} (TMPDIR): ${(cause as Error).message}`,
        { cause },
      );
    }
  }

  /** All that was written, from its start. */
  read(): Readable {
    if (!this.#file) throw new TranscriptionError("INTERNAL", "Nothing was uploaded");
    return this.#file.createReadStream({ start: 0 });
  }

  /** Gives the disk space back. */
  async close(): Promise<void> {
    await this.#file?.close();
    this.#file = undefined;
  }
}

async function openAnonymousFile(): Promise<FileHandle> {
  const folder = await mkdtemp(join(tmpdir(), "agora-upload-"));
  try {
    return await open(join(folder, "audio"), "wx+", 0o600);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
