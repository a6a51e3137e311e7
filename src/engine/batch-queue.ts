import { TranscriptionError } from "../errors.js";
import type { EngineLoad } from "../types/engine.js";
import type { Queue } from "./native-engine.js";

/** Admission to a batched model of the addon, which itself keeps windows waiting while its batch is full. */
export class BatchQueue implements Queue {
  readonly concurrency: number;
  readonly #capacity: number;
  readonly #pending = new Set<Promise<unknown>>();
  readonly #passing = new Set<Promise<unknown>>();

  /**
   * @param concurrency windows that are decoded together
   * @param maxWaiting windows that may wait besides
   */
  constructor(concurrency: number, maxWaiting: number) {
    this.concurrency = concurrency;
    this.#capacity = concurrency + maxWaiting;
  }

  load(): EngineLoad {
    const running = Math.min(this.#pending.size, this.concurrency);
    return { running, waiting: this.#pending.size - running, capacity: this.concurrency };
  }

  /** Result of `task`. @throws TranscriptionError QUEUE_FULL at once; what the task throws */
  async run<T>(task: () => Promise<T>): Promise<T> {
    if (this.#pending.size >= this.#capacity) {
      throw new TranscriptionError(
        "QUEUE_FULL",
        `${this.#pending.size} windows are waiting or running, the most that maxQueue allows; try again later`,
      );
    }
    const window = task();
    this.#pending.add(window);
    try {
      return await window;
    } finally {
      this.#pending.delete(window);
    }
  }

  /** For work that is never refused, and takes no place from others: who has it has one at a time. */
  readonly unlimited: Pick<Queue, "run"> = {
    run: async (task) => {
      const work = task();
      this.#passing.add(work);
      try {
        return await work;
      } finally {
        this.#passing.delete(work);
      }
    },
  };

  /** Resolves when nothing runs or waits. */
  async idle(): Promise<void> {
    await Promise.allSettled([...this.#pending, ...this.#passing]);
  }
}
