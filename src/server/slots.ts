import { TranscriptionError } from "../index.js";

/** Gives a slot back; more than once does nothing. */
export type Release = () => void;

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
   * Waits for a slot.
   * @throws TranscriptionError QUEUE_FULL at once; the reason of `signal` when that fires first
   */
  acquire(signal: AbortSignal): Promise<Release> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      if (this.#free > 0) {
        this.#free--;
        return resolve(this.#release());
      }
      if (this.#waiting.size >= this.maxWaiting) {
        return reject(new TranscriptionError("QUEUE_FULL", this.full));
      }
      const onAbort = () => {
        this.#waiting.delete(start);
        reject(signal.reason);
      };
      const start = () => {
        signal.removeEventListener("abort", onAbort);
        resolve(this.#release());
      };
      this.#waiting.add(start);
      signal.addEventListener("abort", onAbort, { once: true });
    });
  }

  #release(): Release {
    let released = false;
    return () => {
      if (released) return;
      released = true;
      const [next] = this.#waiting;
      if (!next) {
        this.#free++;
        return;
      }
      this.#waiting.delete(next);
      next();
    };
  }
}
