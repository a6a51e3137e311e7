import type { TranscriptionError } from "../errors.js";
import type { LiveEvent } from "../types/live.js";

type WithoutSeq<T> = T extends unknown ? Omit<T, "seq"> : never;

/** An event that has no number yet. */
export type NewEvent = WithoutSeq<LiveEvent>;

/**
 * Events between a stream and the one who reads them. All wait for the reader, but for those that a newer one makes
 * needless: the text under way of a channel, and how far the stream is behind.
 */
export class EventQueue {
  #waiting: LiveEvent[] = [];
  #seq = 0;
  #replaced = 0;
  #error: TranscriptionError | undefined;
  #ended = false;
  #wake: (() => void) | undefined;

  /** Events of text under way that nobody read before there was a newer one. */
  get replacedPartials(): number {
    return this.#replaced;
  }

  /** Numbers an event and has it wait for the reader; after the end it is dropped. */
  push(event: NewEvent): void {
    if (this.#ended) return;
    const older = this.#waiting.findIndex((waiting) => replaces(event, waiting));
    if (older >= 0) {
      const [gone] = this.#waiting.splice(older, 1);
      if (gone!.type === "partial") this.#replaced++;
    }
    this.#waiting.push({ ...event, seq: this.#seq++ } as LiveEvent);
    this.#wake?.();
  }

  /** Nothing more will come. @param error what the reader is told after the events that wait */
  end(error?: TranscriptionError): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#error = error;
    this.#wake?.();
  }

  /** Forgets what waits. */
  clear(): void {
    this.#waiting = [];
  }

  /** The next event as soon as there is one; undefined at the end. @throws TranscriptionError what it ended with, once */
  async next(): Promise<LiveEvent | undefined> {
    for (;;) {
      const event = this.#waiting.shift();
      if (event) return event;
      if (this.#ended) break;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const error = this.#error;
    this.#error = undefined;
    if (error) throw error;
    return undefined;
  }
}

/** A text under way is replaced by that which follows it, or settles it. */
function replaces(event: NewEvent, waiting: LiveEvent): boolean {
  if (waiting.type === "lag") return event.type === "lag";
  if (waiting.type !== "partial" || (event.type !== "partial" && event.type !== "final")) return false;
  return waiting.channel === event.channel && waiting.utterance === event.utterance;
}
