import { TranscriptionError } from "../errors.js";
import type { Segment, TranscriptionResult } from "../types/result.js";
import type { TranscriptionStream } from "../types/transcriber.js";
import { RequestScope } from "./request-scope.js";

/** Starts a transcription that hands over each segment and rejects soon after `signal` fires. */
export type StartTranscription = (
  deliver: (segment: Segment) => void,
  signal: AbortSignal,
) => Promise<TranscriptionResult>;

/** A transcription as an iterator of its segments. Started by the first `next()`, cancelled by `return()`. */
export class SegmentStream implements TranscriptionStream {
  readonly #caller: AbortSignal | undefined;
  readonly #start: StartTranscription;
  readonly #segments: Segment[] = [];
  readonly #result: Promise<TranscriptionResult>;
  #resolve!: (result: TranscriptionResult) => void;
  #reject!: (error: TranscriptionError) => void;
  #scope: RequestScope | undefined;
  /** Settled when the transcription is; never rejects. */
  #finished: Promise<void> = Promise.resolve();
  #ended = false;
  /** The consumer is gone: that the transcription was cancelled is no news. */
  #left = false;
  #error: TranscriptionError | undefined;
  /** Wakes everyone who waits for a segment or the end. */
  #wake: () => void = () => {};
  #news: Promise<void> = Promise.resolve();

  constructor(caller: AbortSignal | undefined, start: StartTranscription) {
    this.#caller = caller;
    this.#start = start;
    this.#awaitNews();
    this.#result = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    // Who only wants segments learns of errors from `next()`.
    this.#result.catch(() => {});
  }

  get result(): Promise<TranscriptionResult> {
    if (!this.#scope && !this.#ended) this.#begin();
    return this.#result;
  }

  async next(): Promise<IteratorResult<Segment, undefined>> {
    if (!this.#scope && !this.#ended) this.#begin();
    for (;;) {
      const value = this.#segments.shift();
      if (value) return { done: false, value };
      if (this.#ended) break;
      await this.#news;
    }
    const error = this.#error;
    this.#error = undefined;
    if (error) throw error;
    return { done: true, value: undefined };
  }

  /** Cancels what still runs and waits until nothing does. */
  async return(): Promise<IteratorResult<Segment, undefined>> {
    this.#left = true;
    this.#scope?.fail(new TranscriptionError("CANCELLED", "The loop over the segments was left"));
    await this.#finished;
    this.#ended = true;
    // Settled already where there was work.
    this.#reject(new TranscriptionError("CANCELLED", "The loop over the segments was left"));
    this.#error = undefined;
    this.#segments.length = 0;
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #begin(): void {
    const scope = new RequestScope(this.#caller);
    const deliver = (segment: Segment): void => {
      this.#segments.push(segment);
      this.#announce();
    };
    this.#scope = scope;
    this.#finished = this.#start(deliver, scope.signal)
      .then(
        (result) => this.#resolve(result),
        (error: unknown) => {
          this.#reject(TranscriptionError.from(error));
          if (!this.#left) this.#error = TranscriptionError.from(error);
        },
      )
      .then(() => {
        scope.close();
        this.#ended = true;
        this.#announce();
      });
  }

  #announce(): void {
    const wake = this.#wake;
    this.#awaitNews();
    wake();
  }

  #awaitNews(): void {
    this.#news = new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}
