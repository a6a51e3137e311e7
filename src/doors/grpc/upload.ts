import { type FileHandle, mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { TranscriptionError } from "../../index.js";

/** Bytes that are gathered before they are written: a client may send them one by one. */
const GATHERED = 64 * 1024;

/**
 * An upload on its way to disk: as much memory as one chunk, however large the file. The file's name is gone before
 * the first byte is written, so nothing is left behind however this process ends.
 */
export class Upload {
  #file: FileHandle | undefined;
  #bytes = 0;
  #gathered: Uint8Array[] = [];
  #gatheredBytes = 0;

  /** @param maxBytes most bytes of an upload */
  constructor(readonly maxBytes: number) {}

  get bytes(): number {
    return this.#bytes;
  }

  /** Appends `chunk`. @throws TranscriptionError AUDIO_TOO_LARGE, STORAGE_FAILED */
  async write(chunk: Uint8Array): Promise<void> {
    this.#bytes += chunk.byteLength;
    if (this.#bytes > this.maxBytes) {
      throw new TranscriptionError(
        "AUDIO_TOO_LARGE",
        `The recording is larger than limits.maxBytes (${this.maxBytes} bytes)`,
      );
    }
    if (chunk.byteLength >= GATHERED) {
      await this.#flush();
      return this.#append(chunk);
    }
    // A copy: a chunk is a view of all that came with it.
    this.#gathered.push(Uint8Array.prototype.slice.call(chunk));
    this.#gatheredBytes += chunk.byteLength;
    if (this.#gatheredBytes >= GATHERED) await this.#flush();
  }

  async #flush(): Promise<void> {
    if (this.#gathered.length === 0) return;
    const gathered = Buffer.concat(this.#gathered.splice(0));
    this.#gatheredBytes = 0;
    await this.#append(gathered);
  }

  async #append(bytes: Uint8Array): Promise<void> {
    try {
      this.#file ??= await openAnonymousFile();
      await this.#file.writeFile(bytes);
    } catch (cause) {
      throw new TranscriptionError(
        "STORAGE_FAILED",
        `Cannot store an upload in the temporary folder ${tmpdir()} (TMPDIR): ${(cause as Error).message}`,
        { cause },
      );
    }
  }

  /** All that was written, from its start. */
  async read(): Promise<Readable> {
    await this.#flush();
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
