import type { Call } from "./call.js";

/** The calls that are open, through whatever door they came. */
export class OpenCalls {
  readonly #calls = new Set<Call>();
  readonly #onRest: () => void;
  #onIdle: (() => void)[] = [];

  /** @param onRest called whenever the last call is over */
  constructor(onRest: () => void = () => {}) {
    this.#onRest = onRest;
  }

  get size(): number {
    return this.#calls.size;
  }

  add(call: Call): void {
    this.#calls.add(call);
  }

  /** A call is over: everything that it holds comes back. */
  end(call: Call): void {
    call.end();
    if (!this.#calls.delete(call) || this.#calls.size > 0) return;
    for (const resolve of this.#onIdle.splice(0)) resolve();
    this.#onRest();
  }

  /** Resolves when no call is open. */
  async idle(): Promise<void> {
    if (this.#calls.size > 0) await new Promise<void>((resolve) => this.#onIdle.push(resolve));
  }

  /** Ends the work of every open call. */
  failAll(reason: Error): void {
    for (const call of this.#calls) call.fail(reason);
  }
}
