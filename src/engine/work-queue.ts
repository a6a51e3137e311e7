import { cancelled, TranscriptionError } from "../errors.js";
import type { EngineLoad } from "../types/engine.js";
import type { Queue } from "./native-engine.js";

interface Waiting {
  start: () => void;
}

/** First come, first served: at most `concurrency` tasks run, at most `capacity` wait. */
export class WorkQueue implements Queue {
  readonly concurrency: number;
  readonly #capacity: number;
  readonly #waiting: Waiting[] = [];
  #running = 0;
  #idle: (() => void)[] = [];

  constructor(concurrency: number, capacity: number) {
    this.concurrency = concurrency;
    this.#capacity = capacity;
  }

  load(): EngineLoad {
    return { running: this.#running, waiting: this.#waiting.length, capacity: this.concurrency };
  }

  /**
   * Result of `task`, once it was its turn.
   * @throws TranscriptionError QUEUE_FULL at once; CANCELLED when `signal` fires while waiting; what the task throws
   */
  async run<T>(task: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    if (signal?.aborted) throw cancelled(signal);
    if (this.#running >= this.concurrency) await this.#turn(signal);
    else this.#running++;
    try {
      return await task();
    } finally {
      const next = this.#waiting.shift();
      if (next) next.start();
      else if (--this.#running === 0) for (const resolve of this.#idle.splice(0)) resolve();
    }
  }

  /** Resolves when nothing runs or waits. */
  async idle(): Promise<void> {
    if (this.#running > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  #turn(signal: AbortSignal | undefined): Promise<void> {
    if (this.#waiting.length >= this.#capacity) {
      throw new TranscriptionError(
        "QUEUE_FULL",
        `${this.#waiting.length} windows are waiting already, the most that maxQueue allows; try again later`,
      );
    }
    return new Promise<void>((resolve, reject) => {
      const onAbort = () => {
        this.#waiting.splice(this.#waiting.indexOf(entry), 1);
        reject(cancelled(signal));
      };
      const entry: Waiting = {
        start: () => {
          signal?.removeEventListener("abort", onAbort);
          resolve();
        },
      };
      this.#waiting.push(entry);
      signal?.addEventListener("abort", onAbort, { once: true });
    });
  }
}
