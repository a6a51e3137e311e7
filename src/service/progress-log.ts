import type { Progress } from "../index.js";

/** Turns the windows of a request into one line of the log per batch of them. */
export class ProgressLog {
  readonly #batchSize: number;
  readonly #write: (line: string) => void;
  #windows = 0;

  /** @param batchSize windows per line */
  constructor(batchSize: number, write: (line: string) => void) {
    this.#batchSize = batchSize;
    this.#write = write;
  }

  /** To be called as each window finishes. */
  report({ processed, total, speedFactor }: Progress): void {
    this.#windows++;
    if (this.#windows % this.#batchSize > 0) return;
    const of = total === undefined ? "" : ` of ${total.toFixed(1)}`;
    this.#write(`Progress: ${processed.toFixed(1)}${of} s, ${speedFactor.toFixed(1)}x`);
  }
}
