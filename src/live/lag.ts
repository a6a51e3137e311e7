import type { LiveProgress } from "../types/live.js";

/** Seconds of audio that wait from which on it is told, and again each time that it is so much more. */
const STEP = 5;
/** Seconds below which the stream has caught up. */
const CAUGHT_UP = 2.5;

/** Tells how far a stream is behind: when that gets more, and when it has caught up. */
export class Lag {
  readonly #tell: (progress: LiveProgress) => void;
  #told = 0;

  constructor(tell: (progress: LiveProgress) => void) {
    this.#tell = tell;
  }

  note(progress: LiveProgress): void {
    const waiting = progress.received - progress.processed;
    const level = Math.floor(waiting / STEP);
    if (level > this.#told) {
      this.#told = level;
      this.#tell(progress);
    } else if (this.#told > 0 && waiting < CAUGHT_UP) {
      this.#told = 0;
      this.#tell(progress);
    }
  }
}
