import { Allowance } from "./allowance.js";
import type { Fields, Logger } from "./log.js";

/** Lines in quick succession, and a second in the long run. */
const BURST = 10;
const PER_SECOND = 0.2;

/** Warnings that a stranger can cause as often as he likes: some are written, the others counted. */
export class RareWarnings {
  readonly #log: Logger;
  readonly #allowance = new Allowance(BURST, PER_SECOND);
  #untold = 0;

  constructor(log: Logger) {
    this.#log = log;
  }

  warn(message: string, fields?: Fields): void {
    if (!this.#allowance.take()) {
      this.#untold++;
      return;
    }
    const others = this.#untold === 0 ? "" : ` (and ${this.#untold} of the kind before, which were not told)`;
    this.#untold = 0;
    this.#log.warning(`${message}${others}`, fields);
  }
}
