import type {
  LiveEvent,
  LiveFinal,
  LiveOptions,
  LivePartial,
  LiveStats,
  LiveStream,
  Transcriber,
  Word,
} from "../../src/index.js";
import { TranscriptionError } from "../../src/index.js";
import { FakeEngine } from "./fake-engine.js";

/** An event without its number. */
export type Said = LiveEvent extends infer E ? (E extends LiveEvent ? Omit<E, "seq"> : never) : never;

/** What a stream says when; each is called with the stream and, of bytes, with all that have been written. */
export interface LiveScript {
  onWrite?(stream: ScriptedLive, bytes: number): void | Promise<void>;
  onFlush?(stream: ScriptedLive): void;
  onEnd?(stream: ScriptedLive): void | Promise<void>;
}

const SAMPLE_BYTES = { s16le: 2, s16be: 2, f32le: 4, u8: 1, mulaw: 1, alaw: 1 };

/** A stream that says what a test has it say. */
export class ScriptedLive implements LiveStream {
  readonly written: Uint8Array[] = [];
  isEnded = false;
  isCancelled = false;
  #bytes = 0;
  /** Seconds that count as processed; all of it unless it is set. */
  processed: number | undefined;
  #seq = 0;
  #finals = 0;
  readonly #events: LiveEvent[] = [];
  #wake: (() => void) | undefined;
  #failure: Error | undefined;
  #markClosed!: () => void;
  readonly closed = new Promise<void>((resolve) => {
    this.#markClosed = resolve;
  });

  constructor(
    readonly options: LiveOptions,
    readonly script: LiveScript,
  ) {
    const { sampleRate = 16_000, signal } = options;
    signal?.addEventListener("abort", () => this.cancel(signal.reason), { once: true });
    this.say({ type: "ready", model: "fake", sampleRate });
  }

  get bytes(): Buffer {
    return Buffer.concat(this.written);
  }

  get received(): number {
    const { channels = 1, encoding = "s16le", sampleRate = 16_000 } = this.options;
    return this.#bytes / SAMPLE_BYTES[encoding] / channels / sampleRate;
  }

  get progress() {
    const { received } = this;
    return { received, processed: this.processed ?? received, committed: received };
  }

  say(event: Said): void {
    if (this.#failure) return;
    if (event.type === "final") this.#finals++;
    this.#events.push({ ...event, seq: this.#seq++ } as LiveEvent);
    this.#wake?.();
  }

  fail(error: Error): void {
    this.#failure ??= error;
    this.#markClosed();
    this.#wake?.();
  }

  async write(audio: Uint8Array): Promise<void> {
    if (this.#failure) throw this.#failure;
    this.written.push(Uint8Array.from(audio));
    this.#bytes += audio.length;
    await this.script.onWrite?.(this, this.#bytes);
  }

  async flush(): Promise<void> {
    if (this.#failure) throw this.#failure;
    if (this.isEnded) throw new TranscriptionError("INVALID_ARGUMENT", "The stream has been ended");
    await Promise.resolve();
    this.script.onFlush?.(this);
  }

  async end(): Promise<LiveStats> {
    if (this.#failure) throw this.#failure;
    this.isEnded = true;
    await Promise.resolve();
    await this.script.onEnd?.(this);
    const { received } = this;
    const stats = {
      received,
      processed: received,
      speech: 0,
      finals: this.#finals,
      words: 0,
      steps: 0,
      resets: 0,
      replacedPartials: 0,
      processingTime: 0,
    };
    this.say({ type: "done", stats });
    this.#markClosed();
    return stats;
  }

  cancel(reason?: Error): void {
    if (this.isEnded && this.#events.length === 0) return;
    this.isCancelled = true;
    this.fail(reason ?? new TranscriptionError("CANCELLED", "Cancelled"));
  }

  async close(): Promise<void> {
    this.cancel();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async *[Symbol.asyncIterator](): AsyncIterator<LiveEvent> {
    for (;;) {
      const event = this.#events.shift();
      if (event) yield event;
      if (event?.type === "done") return;
      if (event) continue;
      if (this.#failure) throw this.#failure;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

export interface ScriptedTranscriber extends Transcriber {
  /** Streams in order of their beginning. */
  readonly streams: ScriptedLive[];
}

/** A transcriber whose live streams follow a script. @param refuse throws to refuse one */
export function scriptedTranscriber(script: LiveScript = {}, refuse = () => {}): ScriptedTranscriber {
  const { device, implementation, maxWindow, model } = new FakeEngine();
  const streams: ScriptedLive[] = [];
  const unexpected = () => {
    throw new Error("Only live streams were expected");
  };
  return {
    streams,
    info: { device, implementation, maxWindow, model, languages: model.languages, timesWords: true },
    live: (options = {}) => {
      refuse();
      const stream = new ScriptedLive(options, script);
      streams.push(stream);
      return stream;
    },
    checkOptions: () => {},
    transcribe: unexpected,
    stream: unexpected,
    detectLanguage: unexpected,
    load: () => undefined,
    close: async () => {},
    [Symbol.asyncDispose]: async () => {},
  } as ScriptedTranscriber;
}

let finals = 0;

export function partial(text: string, more: Partial<LivePartial> = {}): Said {
  return {
    type: "partial",
    channel: 0,
    utterance: 0,
    text,
    stableLength: 0,
    start: 0.5,
    end: 1,
    ...more,
  } as Said;
}

export function final(text: string, more: Partial<LiveFinal> = {}): Said {
  const facts = { confidence: 0.9, avgLogProb: -0.1, noSpeechProb: 0.01, language: "en" };
  const ends = { start: 0.5, end: 1.5, endOfUtterance: true };
  return { type: "final", id: finals++, channel: 0, utterance: 0, text, ...facts, ...ends, ...more } as Said;
}

/** Words of a text that divide `start` to `end` evenly. */
export function evenWords(text: string, start: number, end: number): Word[] {
  const words = text.split(" ");
  const each = (end - start) / words.length;
  return words.map((word, i) => ({
    text: word,
    start: start + i * each,
    end: start + (i + 1) * each,
    confidence: 0.8,
  }));
}
