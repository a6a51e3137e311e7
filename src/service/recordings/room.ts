import { RecordingsFull } from "./store.js";

/** The room that recordings take which came through this server, and may take. */
export class Room {
  readonly #maxBytes: number;
  readonly #count: () => Promise<number>;
  /** Bytes of those that are kept; undefined until they are counted. */
  #kept: number | undefined;
  #counting: Promise<void> | undefined;
  /** Bytes of those that are being written. None are while it is not known how many are kept. */
  #writing = 0;
  /** How many were deleted: a count in whose course one was is none. */
  #deletions = 0;

  /** @param maxBytes `Infinity`: as many as anybody likes @param count bytes of those that are kept now */
  constructor(maxBytes: number, count: () => Promise<number>) {
    this.#maxBytes = maxBytes;
    this.#count = count;
  }

  /**
   * Does `write` with room for `bytes`, which are kept when it is done.
   * @throws RecordingsFull; what `count` and `write` throw
   */
  async fill<T>(bytes: number, write: (isKept: () => void) => Promise<T>): Promise<T> {
    await this.#reserve(bytes);
    try {
      return await write(() => {
        if (this.#kept !== undefined) this.#kept += bytes;
      });
    } finally {
      this.#writing -= bytes;
    }
  }

  /** What was kept is gone. */
  free(bytes: number): void {
    this.#deletions++;
    if (this.#kept !== undefined) this.#kept -= bytes;
  }

  /** Others may have put things in order: counted again, where nothing is on its way. */
  forget(): void {
    if (this.#writing === 0) this.#kept = undefined;
  }

  async #reserve(bytes: number): Promise<void> {
    if (Number.isFinite(this.#maxBytes)) {
      while (this.#kept === undefined) {
        this.#counting ??= this.#recount();
        await this.#counting;
      }
      // At once with the look: others have waited for the same count.
      if (this.#kept + this.#writing + bytes > this.#maxBytes) throw new RecordingsFull(this.#maxBytes);
    }
    this.#writing += bytes;
  }

  async #recount(): Promise<void> {
    const deletions = this.#deletions;
    try {
      const bytes = await this.#count();
      if (deletions === this.#deletions) this.#kept = bytes;
    } finally {
      this.#counting = undefined;
    }
  }
}
