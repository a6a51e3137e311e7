import { TranscriptionError } from "../../index.js";
import { variableOf } from "../../service/settings.js";

/** Tells once, unless it is stopped, that nothing was heard for too long. */
export class IdleTimer {
  readonly #seconds: number;
  readonly #isBusy: () => boolean;
  readonly #onIdle: (reason: TranscriptionError) => void;
  #heardAt = performance.now();
  #timer: NodeJS.Timeout | undefined;

  /**
   * @param seconds to wait; `Infinity`: for ever
   * @param isBusy whether what was heard is still worked on: nobody is waited for meanwhile
   */
  constructor(seconds: number, isBusy: () => boolean, onIdle: (reason: TranscriptionError) => void) {
    this.#seconds = seconds;
    this.#isBusy = isBusy;
    this.#onIdle = onIdle;
    this.#wait(seconds);
  }

  /** Something was heard, or what was heard is worked off: the time begins anew. */
  hear(): void {
    this.#heardAt = performance.now();
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #wait(seconds: number): void {
    if (!Number.isFinite(seconds)) return;
    this.#timer = setTimeout(() => {
      const quiet = this.#isBusy() ? 0 : (performance.now() - this.#heardAt) / 1000;
      if (quiet < this.#seconds) this.#wait(this.#seconds - quiet);
      else this.#onIdle(idle(this.#seconds));
    }, seconds * 1000);
  }
}

/** Why who sends nothing is not waited for any longer. */
function idle(seconds: number): TranscriptionError {
  const message = `Nothing arrived for ${variableOf("liveIdleTimeout")} (${seconds} s)`;
  return new TranscriptionError("DEADLINE_EXCEEDED", message);
}
