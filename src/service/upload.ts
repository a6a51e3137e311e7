import type { FileHandle } from "node:fs/promises";
import { TranscriptionError } from "../index.js";
import type { Budgets } from "./budgets.js";
import type { Reservation } from "./call/byte-budget.js";
import type { Holder } from "./call/holdings.js";
import { variableOf } from "./settings.js";
import type { Storage } from "./storage.js";

/** Bytes that are gathered before they are written: a client may send them one by one. */
const GATHERED = 64 * 1024;

export interface UploadOptions {
  budgets: Budgets;
  storage: Storage;
  /** Most bytes of an upload. */
  maxBytes: number;
}

/** An upload on its way to disk, where it lies once: as much memory as one chunk, however large the file. */
export class Upload {
  readonly #options: UploadOptions;
  readonly #disk: Reservation;
  readonly #memory: Reservation;
  #file: FileHandle | undefined;
  #bytes = 0;
  #gathered: Buffer | undefined;
  #gatheredBytes = 0;

  /** @param holder to whom its disk space and memory belong */
  constructor(holder: Holder, options: UploadOptions) {
    this.#options = options;
    this.#disk = options.budgets.disk.open(holder);
    this.#memory = options.budgets.memory.open(holder);
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Puts what was not sent before what is: it takes room, and counts for nothing else. @throws as {@link write} */
  begin(head: Uint8Array): Promise<void> {
    return this.#append(head);
  }

  /** Appends `chunk`. @throws TranscriptionError AUDIO_TOO_LARGE, STORAGE_FAILED, QUEUE_FULL (the budgets) */
  async write(chunk: Uint8Array): Promise<void> {
    const { maxBytes } = this.#options;
    if (this.#bytes + chunk.byteLength > maxBytes) {
      throw new TranscriptionError(
        "AUDIO_TOO_LARGE",
        `The recording is larger than limits.maxBytes (${maxBytes} bytes)`,
      );
    }
    this.#bytes += chunk.byteLength;
    if (this.#gatheredBytes + chunk.byteLength > GATHERED) await this.#flush();
    if (chunk.byteLength >= GATHERED) return this.#append(chunk);
    this.#gathered ??= this.#roomToGather();
    if (!this.#gathered) return this.#append(chunk);
    // A copy: a chunk is a view of all that came with it.
    this.#gathered.set(chunk, this.#gatheredBytes);
    this.#gatheredBytes += chunk.byteLength;
  }

  /** Not waited for, since messages are held meanwhile; half of the memory is theirs alone. */
  #roomToGather(): Buffer | undefined {
    const { memory } = this.#options.budgets;
    if (memory.used + GATHERED > memory.total / 2) return undefined;
    this.#memory.grow(GATHERED);
    return Buffer.allocUnsafeSlow(GATHERED);
  }

  /**
   * The file with all that was written, complete; it is closed with this upload.
   * @throws TranscriptionError STORAGE_FAILED, QUEUE_FULL
   */
  async file(): Promise<FileHandle> {
    await this.#flush();
    this.#gathered = undefined;
    this.#memory.release();
    if (!this.#file) throw new TranscriptionError("INTERNAL", "Nothing was uploaded");
    return this.#file;
  }

  /** Gives the disk space back. */
  async close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    this.#gathered = undefined;
    await file?.close();
    this.#memory.release();
    this.#disk.release();
  }

  async #flush(): Promise<void> {
    if (this.#gatheredBytes === 0) return;
    const bytes = this.#gathered!.subarray(0, this.#gatheredBytes);
    this.#gatheredBytes = 0;
    await this.#append(bytes);
  }

  async #append(bytes: Uint8Array): Promise<void> {
    const { storage } = this.#options;
    this.#disk.grow(bytes.byteLength);
    this.#file ??= await storage.create();
    await storage.attempt(() => this.#file!.writeFile(bytes));
  }
}

/** What is said of a request that has not arrived in time. @param uploadTimeout seconds */
export function notArrived(uploadTimeout: number): string {
  return `The request did not arrive within ${variableOf("uploadTimeout")} (${uploadTimeout} s)`;
}
