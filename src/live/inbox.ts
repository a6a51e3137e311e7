/** What is to be done next: listen to bytes, end the utterances under way, or end. */
export type Item = { bytes: Uint8Array } | { flushed: () => void } | "end";

/** Bytes that are taken out at once, at most: a large write is worked off in pieces. */
const MOST_BYTES = 64 * 1024;

/** What a stream was given and has not begun with. */
export class Inbox {
  readonly #items: Item[] = [];
  #wake: (() => void) | undefined;

  put(item: Item): void {
    this.#items.push(item);
    this.wake();
  }

  /** Has who waits for an item look whether it is to go on waiting. */
  wake(): void {
    this.#wake?.();
  }

  /** The next item, or a piece of it; waits until there is one. Rejects when `signal`, after which {@link wake} is called, fires. */
  async take(signal: AbortSignal): Promise<Item> {
    for (;;) {
      signal.throwIfAborted();
      const item = this.#items[0];
      if (item) return this.#pieceOf(item);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  #pieceOf(item: Item): Item {
    if (typeof item === "object" && "bytes" in item && item.bytes.length > MOST_BYTES) {
      const piece = item.bytes.subarray(0, MOST_BYTES);
      this.#items[0] = { bytes: item.bytes.subarray(MOST_BYTES) };
      return { bytes: piece };
    }
    this.#items.shift();
    return item;
  }

  /** Forgets everything. */
  clear(): void {
    this.#items.length = 0;
  }
}
