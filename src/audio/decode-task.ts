import { cancelled, TranscriptionError } from "../errors.js";
import type { AudioLimits } from "../types/audio.js";
import { decodeFailed } from "./errors.js";

const LONGEST_TIMER_MS = 2 ** 31 - 1;
/** Different warnings that are kept: of a thousand recordings that were joined, each might have several. */
const MOST_WARNINGS = 50;
/** Characters of one: it may quote what a file says. */
const LONGEST_WARNING = 1000;

/**
 * One decoding from opening to end: what it holds, how long it may still wait, and whether it has been stopped.
 * Abort, timeout and `close` all end it the same way: the wait in progress rejects and everything held is released.
 */
export class DecodeTask {
  /** How often each was given. */
  readonly #warnings = new Map<string, number>();
  #warningsLeftOut = 0;
  readonly #releases: Array<() => void | Promise<void>> = [];
  readonly #onAbort = () => this.#stop(cancelled(this.signal));
  #patience: number;
  #stopped: TranscriptionError | undefined;
  #released: Promise<void> | undefined;
  #interrupt: ((error: TranscriptionError) => void) | undefined;

  /** @param name the input as messages call it */
  constructor(
    readonly name: string,
    readonly limits: AudioLimits,
    readonly signal?: AbortSignal,
  ) {
    this.#patience = limits.decodeTimeout * 1000;
    if (signal?.aborted) this.#onAbort();
    else signal?.addEventListener("abort", this.#onAbort, { once: true });
  }

  /** Notes what was odd about the input but survivable. */
  warn(...warnings: string[]): void {
    for (const warning of warnings) {
      const text = warning.length > LONGEST_WARNING ? `${warning.slice(0, LONGEST_WARNING)}…` : warning;
      const known = this.#warnings.get(text);
      if (known === undefined && this.#warnings.size === MOST_WARNINGS) this.#warningsLeftOut++;
      else this.#warnings.set(text, (known ?? 0) + 1);
    }
  }

  /** What was odd so far, each once with its count; of very many the first, and how many more there are. */
  get warnings(): string[] {
    const texts = [...this.#warnings].map(([text, count]) => (count > 1 ? `${text} (${count} times)` : text));
    if (this.#warningsLeftOut > 0) texts.push(`and ${this.#warningsLeftOut} more warnings`);
    return texts;
  }

  /** Has `release` called once when the task ends, or now if it has ended. */
  onEnd(release: () => void | Promise<void>): void {
    if (this.#released) this.#released = Promise.allSettled([this.#released, release()]).then(() => {});
    else this.#releases.push(release);
  }

  /** A file that is closed when the task ends, even if that was before it was open, when nobody waits for it any more. */
  async owning<T extends { close(): Promise<void> }>(opening: Promise<T>): Promise<T> {
    const file = await opening;
    this.onEnd(() => file.close());
    return file;
  }

  /** Throws when the task was aborted, timed out or closed. */
  check(): void {
    if (this.#stopped) throw this.#stopped;
  }

  /**
   * Waits for the decoder or the input; one wait at a time. Only time spent in here counts against
   * `limits.decodeTimeout`, so a slow consumer never causes a timeout.
   * @throws TranscriptionError CANCELLED, DEADLINE_EXCEEDED, DECODE_FAILED (timeout), or what `work` rejects with
   */
  wait<T>(work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const started = performance.now();
      const timer = setTimeout(
        () => this.#stop(this.#timeout()),
        Math.min(Math.max(this.#patience, 0), LONGEST_TIMER_MS),
      );
      const settle = () => {
        clearTimeout(timer);
        this.#patience -= performance.now() - started;
        this.#interrupt = undefined;
      };
      this.#interrupt = (error) => {
        settle();
        reject(error);
      };
      work.then(
        (value) => {
          if (this.#stopped) return;
          settle();
          resolve(value);
        },
        (error) => {
          if (this.#stopped) return;
          settle();
          reject(error);
        },
      );
      if (this.#stopped) this.#interrupt(this.#stopped);
    });
  }

  /** Ends the task and waits until everything it held is released. Safe to call more than once. */
  close(): Promise<void> {
    this.#stop(new TranscriptionError("CANCELLED", `Decoding of ${this.name} was closed`));
    return this.#released!;
  }

  #stop(error: TranscriptionError): void {
    if (this.#stopped) return;
    this.#stopped = error;
    this.signal?.removeEventListener("abort", this.#onAbort);
    this.#interrupt?.(error);
    this.#released = Promise.allSettled(this.#releases.map((release) => release())).then(() => {});
  }

  #timeout(): TranscriptionError {
    const limit = `limits.decodeTimeout (${this.limits.decodeTimeout} s)`;
    return decodeFailed(this.name, `timeout, the audio did not arrive within ${limit}`);
  }
}
