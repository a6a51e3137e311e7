import { setMaxListeners } from "node:events";
import { cancelled, TranscriptionError, throwIfAborted } from "../errors.js";

/**
 * The life of one request: its signal fires when the caller's signal does, when its time is up, or when any part of
 * it fails, whichever comes first. That first cause is what the request rejects with.
 *
 * Written out rather than with `AbortSignal.any` and `AbortSignal.timeout`, which keep listeners and timers on
 * long-lived signals until these are collected; {@link close} leaves nothing behind.
 */
export class RequestScope {
  readonly #controller = new AbortController();
  readonly #caller: AbortSignal | undefined;
  readonly #timer: NodeJS.Timeout | undefined;

  /** @param timeout seconds, if the request has a deadline */
  constructor(caller?: AbortSignal, timeout?: number) {
    // Each window in flight listens; the warning about more than ten is for leaks.
    setMaxListeners(0, this.#controller.signal);
    this.#caller = caller;
    if (caller?.aborted) this.#onAbort();
    else caller?.addEventListener("abort", this.#onAbort, { once: true });
    if (timeout !== undefined) {
      this.#timer = setTimeout(() => {
        this.fail(
          new TranscriptionError(
            "DEADLINE_EXCEEDED",
            `The request took longer than its timeout of ${timeout} s`,
          ),
        );
      }, timeout * 1000);
    }
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Ends the request with `error`, unless it has ended already, and returns what it ended with. */
  fail(error: unknown): TranscriptionError {
    this.#controller.abort(TranscriptionError.from(error));
    return cancelled(this.signal);
  }

  /** @throws TranscriptionError why the request ended, if it did */
  throwIfEnded(): void {
    throwIfAborted(this.signal);
  }

  /** The result of `work`, or the scope's error as soon as it ends; `work` itself goes on and is not waited for. */
  race<T>(work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const onAbort = (): void => reject(cancelled(this.signal));
      if (this.signal.aborted) onAbort();
      else this.signal.addEventListener("abort", onAbort, { once: true });
      work.then(resolve, reject).finally(() => this.signal.removeEventListener("abort", onAbort));
    });
  }

  /** Forgets the caller's signal and the deadline. */
  close(): void {
    clearTimeout(this.#timer);
    this.#caller?.removeEventListener("abort", this.#onAbort);
  }

  readonly #onAbort = (): void => {
    this.fail(cancelled(this.#caller));
  };
}
