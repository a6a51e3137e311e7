import { TranscriptionError } from "../../index.js";
import type { Holder, Release } from "./holdings.js";

/** A fixed number of slots for those who come first; the others wait in line, up to a limit. */
export class Slots {
  readonly #waiting = new Set<() => void>();
  #free: number;

  /**
   * @param count slots
   * @param maxWaiting how many may wait
   * @param full what is said to those who may not
   */
  constructor(
    readonly count: number,
    readonly maxWaiting: number,
    readonly full: string,
  ) {
    this.#free = count;
  }

  /** Slots in use. */
  get taken(): number {
    return this.count - this.#free;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  /**
   * Waits for a slot. It belongs to `holder` from the moment that it is granted, before anyone hears of it, so that one
   * that is granted to a holder on its way out comes back.
   * @returns gives it back before the holder does
   * @throws TranscriptionError QUEUE_FULL at once; the reason of the holder's signal when that fires first
   */
  acquire(holder: Holder): Promise<Release> {
    const { signal } = holder;
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      if (this.#free > 0) return resolve(this.#grant(holder));
      if (this.#waiting.size >= this.maxWaiting) {
        return reject(new TranscriptionError("QUEUE_FULL", this.full));
      }
      const onAbort = () => {
        this.#waiting.delete(start);
        reject(signal.reason);
      };
      const start = () => {
        this.#waiting.delete(start);
        signal.removeEventListener("abort", onAbort);
        resolve(this.#grant(holder));
      };
      this.#waiting.add(start);
      signal.addEventListener("abort", onAbort, { once: true });
    });
  }

  #grant(holder: Holder): Release {
    this.#free--;
    return holder.hold(() => {
      this.#free++;
      const [next] = this.#waiting;
      next?.();
    });
  }
}
