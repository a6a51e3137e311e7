import {
  type AudioInput,
  type TranscribeOptions,
  type Transcriber,
  TranscriptionError,
  type TranscriptionResult,
} from "../index.js";
import { whileHeld } from "./call/holdings.js";
import { Slots } from "./call/slots.js";
import type { ServerMetrics } from "./metrics/server-metrics.js";
import { type ServerSettings, variableOf } from "./settings.js";

/** A transcribed recording and the seconds that it took. */
export interface Work {
  result: TranscriptionResult;
  /** Waiting for its turn. */
  queued: number;
  /** From its turn to its result. */
  processing: number;
}

export interface WorkOptions extends TranscribeOptions {
  signal: AbortSignal;
  /** Called when it is its turn. */
  onTurn?: () => void;
  /** Codes of the languages that may be spoken: the likeliest of them is. */
  languages?: readonly string[];
}

/** Share of the newest recording in the mean that retry hints rest on. */
const NEWEST = 0.1;
/** Retry hints in seconds: what is not worth asking sooner for, and what nobody should wait longer for. */
const SOONEST = 1;
const LATEST = 60;

/** Transcribes a bounded number of recordings at once; more of them wait in line. */
export class Workers {
  readonly #slots: Slots;
  readonly #defaults: TranscribeOptions;
  readonly #metrics: ServerMetrics;
  #transcriber: Transcriber | undefined;
  /** Seconds that a recording takes of late. */
  #usual = SOONEST;

  constructor(settings: ServerSettings, metrics: ServerMetrics) {
    const { chunkDuration, decodeTimeout, language, maxDuration, maxQueue, maxUploadBytes, maxWorkers } =
      settings;
    this.#slots = new Slots(maxWorkers, maxQueue, busy(maxQueue));
    // A transcriber that the server was given has limits of its own, or none.
    const limits = { maxBytes: maxUploadBytes, maxDuration, decodeTimeout };
    this.#defaults = { chunkLength: chunkDuration, language, limits };
    this.#metrics = metrics;
  }

  /**
   * Hands over what to work with.
   * @throws TranscriptionError INVALID_ARGUMENT when the model does not have the language of the settings
   */
  use(transcriber: Transcriber): void {
    const { language = "auto" } = this.#defaults;
    const { languages, model } = transcriber.info;
    if (language !== "auto" && !languages.includes(language)) {
      const expected =
        languages.length > 10 ? `one of its ${languages.length} languages` : languages.join(", ");
      throw new TranscriptionError(
        "INVALID_ARGUMENT",
        `${variableOf("language")}: expected auto or ${expected} for model ${model.name} but received "${language}"`,
      );
    }
    this.#transcriber = transcriber;
  }

  /** What {@link use} was given. @throws TranscriptionError INTERNAL before that */
  get transcriber(): Transcriber {
    if (!this.#transcriber) throw new TranscriptionError("INTERNAL", "The model is not loaded");
    return this.#transcriber;
  }

  /** Recordings that are being transcribed. */
  get running(): number {
    return this.#slots.taken;
  }

  /** Requests that wait for their turn. */
  get waiting(): number {
    return this.#slots.waiting;
  }

  /** Whether another request would be refused. */
  get isFull(): boolean {
    const { count, maxWaiting, taken, waiting } = this.#slots;
    return taken >= count && waiting >= maxWaiting;
  }

  /** Seconds after which who finds no room now may find some. */
  get retryAfter(): number {
    const expected = (this.#usual * (this.#slots.waiting + 1)) / this.#slots.count;
    return Math.min(Math.max(expected, SOONEST), LATEST);
  }

  /**
   * Text of a recording, when it is its turn, which `onTurn` hears of.
   * @throws TranscriptionError, and the reason of `signal` when that fires while it waits
   */
  async transcribe(input: AudioInput, { onTurn, languages, ...options }: WorkOptions): Promise<Work> {
    const since = stopwatch();
    // Not the call's: a worker is busy until the recording has left the engine, even when its call is over before.
    return whileHeld(options.signal, async (worker) => {
      await this.#slots.acquire(worker);
      const queued = since();
      onTurn?.();
      this.#metrics.started(queued);
      const started = stopwatch();
      const limits = { ...this.#defaults.limits, ...options.limits };
      const language = languages && (await this.#likeliest(input, languages, { ...options, limits }));
      const result = await this.transcriber.transcribe(input, {
        ...this.#defaults,
        ...options,
        ...(language !== undefined && { language }),
        limits,
      });
      const processing = started();
      this.#usual += NEWEST * (processing - this.#usual);
      this.#metrics.finished(result.duration, processing);
      return { result, queued, processing };
    });
  }

  /** Of `languages` the one that is heard; undefined where nothing is. */
  async #likeliest(
    input: AudioInput,
    languages: readonly string[],
    { limits, priority, signal, track, vadFilter, vadOptions }: TranscribeOptions,
  ): Promise<string | undefined> {
    const given = Object.entries({ limits, priority, signal, track, vadFilter, vadOptions });
    const { probabilities } = await this.transcriber.detectLanguage(
      input,
      Object.fromEntries(given.filter(([, value]) => value !== undefined)),
    );
    // Most probable first.
    return probabilities.find(({ language }) => languages.includes(language))?.language;
  }
}

/** What is said to those for whom there is no room. */
export function busy(maxQueue: number): string {
  return (
    `The server is busy: ${maxQueue} requests are waiting, the most that ${variableOf("maxQueue")} allows; ` +
    "try again later"
  );
}

/** A function that tells the seconds since it was made. */
function stopwatch(): () => number {
  const start = performance.now();
  return () => (performance.now() - start) / 1000;
}
