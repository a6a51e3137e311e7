import { TranscriptionError } from "../../index.js";
import type { Holder } from "./holdings.js";

/** Bytes that one holder has of a budget, for one purpose. They are given back with everything else that it holds. */
export interface Reservation {
  readonly bytes: number;
  /** Takes `bytes` more, at once. @throws TranscriptionError QUEUE_FULL when there are not as many */
  grow(bytes: number): void;
  /**
   * Takes `bytes` more as soon as there are as many, after those who came before. Nobody who waits may keep others from
   * giving back what it waits for.
   * @throws TranscriptionError QUEUE_FULL when there are not within {@link PATIENCE}; the reason of the holder's signal
   */
  wait(bytes: number): Promise<void>;
  /** Gives some or all of it back. */
  shrink(bytes: number): void;
  release(): void;
}

/** Seconds that somebody waits for room. Others give theirs back within that time, or hold it for long. */
export const PATIENCE = 10;

interface Waiter {
  bytes: number;
  grant(): void;
}

/** A number of bytes that all calls share, of memory or of a disk. */
export class ByteBudget {
  readonly #waiting = new Set<Waiter>();
  #used = 0;

  /**
   * @param total bytes; `Infinity`: as many as anybody likes
   * @param full what is said to those for whom there are none left
   * @param patience seconds that {@link Reservation.wait} waits
   */
  constructor(
    readonly total: number,
    readonly full: string,
    readonly patience = PATIENCE,
  ) {}

  /** Bytes that are taken. */
  get used(): number {
    return this.#used;
  }

  /** How many wait for room. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** Nothing yet, for `holder` to take some. */
  open(holder: Holder): Reservation {
    let bytes = 0;
    const giveBack = (number: number): void => {
      const given = Math.min(number, bytes);
      bytes -= given;
      this.#giveBack(given);
    };
    let isReleased = false;
    const release = holder.hold(() => {
      isReleased = true;
      giveBack(bytes);
    });
    const take = (number: number): void => {
      bytes += number;
      this.#used += number;
      // What is granted to somebody who is gone comes back.
      if (isReleased) giveBack(number);
    };
    return {
      get bytes() {
        return bytes;
      },
      grow: (number) => {
        if (!this.#hasRoom(number)) throw this.#refusal();
        take(number);
      },
      wait: (number) => this.#wait(holder.signal, number, () => take(number)),
      shrink: giveBack,
      release,
    };
  }

  #hasRoom(bytes: number): boolean {
    return this.#used + bytes <= this.total;
  }

  #refusal(): TranscriptionError {
    return new TranscriptionError("QUEUE_FULL", this.full);
  }

  #wait(signal: AbortSignal, bytes: number, take: () => void): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      if (bytes > this.total) return reject(this.#refusal());
      if (this.#waiting.size === 0 && this.#hasRoom(bytes)) {
        take();
        return resolve();
      }
      const leave = (): void => {
        clearTimeout(timer);
        signal.removeEventListener("abort", onAbort);
        this.#waiting.delete(waiter);
      };
      const refuse = (reason: unknown): void => {
        leave();
        reject(reason);
        // Whoever comes next may need less.
        this.#grant();
      };
      const onAbort = (): void => refuse(signal.reason);
      const waiter: Waiter = {
        bytes,
        grant: () => {
          leave();
          take();
          resolve();
        },
      };
      const timer = setTimeout(() => refuse(this.#refusal()), this.patience * 1000);
      signal.addEventListener("abort", onAbort, { once: true });
      this.#waiting.add(waiter);
    });
  }

  #giveBack(bytes: number): void {
    this.#used -= bytes;
    if (bytes > 0) this.#grant();
  }

  #grant(): void {
    for (const waiter of [...this.#waiting]) {
      if (!this.#hasRoom(waiter.bytes)) return;
      waiter.grant();
    }
  }
}
