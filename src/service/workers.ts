import {
  type AudioInput,
  type AudioLimits,
  type DetectLanguageOptions,
  type DetectSpeechOptions,
  type DiarizationResult,
  type DiarizeOptions,
  detectSpeech,
  diarize,
  type LanguageDetection,
  type SpeechDetection,
  type TranscribeOptions,
  type Transcriber,
  TranscriptionError,
  type TranscriptionResult,
  type VoiceOptions,
  type Waveform,
  waveform,
} from "../index.js";
import { whileHeld } from "./call/holdings.js";
import { Slots } from "./call/slots.js";
import { type KnownSpeaker, voicesOf } from "./known-speakers.js";
import type { ServerMetrics } from "./metrics/server-metrics.js";
import { type ServerSettings, variableOf } from "./settings.js";

/** What came of a recording, and the seconds that it took. */
export interface Work<T = TranscriptionResult> {
  result: T;
  /** Waiting for its turn. */
  queued: number;
  /** From its turn to its result. */
  processing: number;
}

/** Of work that waits for its turn. */
export interface Waiting {
  signal: AbortSignal;
  /** Called when it is its turn. */
  onTurn?: () => void;
}

export interface WorkOptions extends TranscribeOptions, Waiting {
  signal: AbortSignal;
  /** Codes of the languages that may be spoken: the likeliest of them is. */
  languages?: readonly string[];
  /** Who may be heard: speakers with their voices are told by name. */
  knownSpeakers?: readonly KnownSpeaker[];
  /**
   * Where the server has no model to tell speakers of one channel apart, there is the text at least, and a warning: for
   * clients that always ask for speakers.
   */
  speakersIfPossible?: boolean;
}

/** What a request can say of telling speakers apart. */
export type DiarizeWork = Omit<
  DiarizeOptions,
  "model" | "knownVoices" | "threads" | "download" | "cacheDir" | "onDownload"
> &
  Waiting &
  Pick<WorkOptions, "knownSpeakers">;

/** What a request can say of looking for speech. */
export type SpeechWork = Omit<DetectSpeechOptions, "vadModel" | "download" | "cacheDir" | "onDownload"> &
  Waiting;

/** A request waits for no download, nor does it hold a worker for one. */
const NO_DOWNLOAD = { download: false };
const NOT_APART =
  "Speakers are not told apart: the recording has one channel, and the server no diarization model (AGORA_DIARIZATION_MODEL)";

/** Whether there is no model to tell speakers apart; one that is there and wrong is the server's fault. */
function isMissingModel(error: unknown): boolean {
  return (
    error instanceof TranscriptionError && error.option === "diarize.model" && error.code !== "MODEL_INVALID"
  );
}

/** Share of the newest recording in the mean that retry hints rest on. */
const NEWEST = 0.1;
/** Retry hints in seconds: what is not worth asking sooner for, and what nobody should wait longer for. */
const SOONEST = 1;
const LATEST = 60;

/** Works on a bounded number of recordings at once; more of them wait in line. */
export class Workers {
  readonly #slots: Slots;
  readonly #defaults: TranscribeOptions;
  readonly #settings: ServerSettings;
  readonly #metrics: ServerMetrics;
  /** Seconds that a recording takes of late. */
  #usual = SOONEST;

  constructor(settings: ServerSettings, metrics: ServerMetrics) {
    const { chunkDuration, decodeTimeout, language, maxDuration, maxQueue, maxUploadBytes, maxWorkers } =
      settings;
    this.#slots = new Slots(maxWorkers, maxQueue, busy(maxQueue));
    // A transcriber that the server was given has limits of its own, or none.
    const limits = { maxBytes: maxUploadBytes, maxDuration, decodeTimeout };
    this.#defaults = { chunkLength: chunkDuration, language, limits };
    this.#settings = settings;
    this.#metrics = metrics;
  }

  /** Recordings that are being worked on. */
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
   * @param transcriber stays loaded until it is done
   * @throws TranscriptionError, and the reason of `signal` when that fires while it waits
   */
  async transcribe(
    transcriber: Transcriber,
    input: AudioInput,
    { onTurn, languages, knownSpeakers, speakersIfPossible, ...given }: WorkOptions,
  ): Promise<Work> {
    const { diarize, roles, ...options } = given;
    const { signal } = options;
    const work = async () => {
      const limits = this.#limitsOf(options);
      const language = languages && (await likeliest(transcriber, input, languages, { ...options, limits }));
      const knownVoices = knownSpeakers && (await this.#voicesOf(knownSpeakers, signal));
      const transcribe = (speakers: Pick<TranscribeOptions, "diarize" | "roles">) =>
        transcriber.transcribe(input, {
          ...this.#defaultsFor(transcriber),
          ...options,
          ...speakers,
          ...(language !== undefined && { language }),
          limits,
        });
      const asked = typeof diarize === "object" ? diarize : {};
      const isWanted = (diarize !== undefined && diarize !== false) || knownVoices !== undefined;
      try {
        return await transcribe({
          ...(isWanted && { diarize: { ...asked, ...NO_DOWNLOAD, ...(knownVoices && { knownVoices }) } }),
          ...(roles !== undefined && { roles }),
        });
      } catch (error) {
        if (!speakersIfPossible || !isMissingModel(error)) throw error;
        const result = await transcribe({});
        return { ...result, warnings: [...result.warnings, NOT_APART] };
      }
    };
    const done = await this.#inTurn({ signal, onTurn }, work, ({ duration }) => duration);
    this.#metrics.transcribed(done.result);
    return done;
  }

  /** Who speaks when in a recording, without its text. @throws as {@link transcribe} */
  diarize(
    input: AudioInput,
    { onTurn, knownSpeakers, ...options }: DiarizeWork,
  ): Promise<Work<DiarizationResult>> {
    const { signal } = options;
    const work = async () => {
      const knownVoices = knownSpeakers && (await this.#voicesOf(knownSpeakers, signal));
      const limits = this.#limitsOf(options);
      return diarize(input, { ...options, ...this.#loading, ...(knownVoices && { knownVoices }), limits });
    };
    return this.#inTurn({ signal, onTurn }, work, ({ duration }) => duration);
  }

  /** Where somebody speaks in a recording. @throws as {@link transcribe}; INVALID_ARGUMENT where there is no VAD model */
  async detectSpeech(input: AudioInput, { onTurn, ...options }: SpeechWork): Promise<Work<SpeechDetection>> {
    const { signal } = options;
    const { cacheDir, vadModel } = this.#settings;
    if (vadModel === null) {
      const message = `The server has no VAD model (${variableOf("vadModel")}=off)`;
      throw new TranscriptionError("INVALID_ARGUMENT", message, { option: "vadModel" });
    }
    const asked = {
      ...options,
      ...(cacheDir !== undefined && { cacheDir }),
      ...(vadModel !== undefined && { vadModel }),
      limits: this.#limitsOf(options),
    };
    return this.#inTurn(
      { signal, onTurn },
      () => detectSpeech(input, asked),
      ({ duration }) => duration,
    );
  }

  /** What a recording looks like. @throws as {@link transcribe} */
  waveform(input: AudioInput, { onTurn, signal }: Waiting): Promise<Work<Waveform>> {
    return this.#inTurn(
      { signal, onTurn },
      () => waveform(input, { ...(signal && { signal }), limits: this.#limitsOf({}) }),
      () => 0,
    );
  }

  /** Language of a recording. @throws as {@link transcribe} */
  detectLanguage(
    transcriber: Transcriber,
    input: AudioInput,
    { onTurn, ...options }: DetectLanguageOptions & Waiting,
  ): Promise<Work<LanguageDetection>> {
    const { signal } = options;
    const { chunkLength } = this.#defaults;
    const own = {
      ...(chunkLength !== undefined && { chunkLength }),
      ...options,
      limits: this.#limitsOf(options),
    };
    // No more of it is heard than settles the language.
    return this.#inTurn(
      { signal, onTurn },
      () => transcriber.detectLanguage(input, own),
      () => 0,
    );
  }

  /** Does `work` when it is its turn. @param secondsOf the audio that was worked on */
  #inTurn<T>(
    { onTurn, signal }: { signal: AbortSignal; onTurn: (() => void) | undefined },
    work: () => Promise<T>,
    secondsOf: (result: T) => number,
  ): Promise<Work<T>> {
    const since = stopwatch();
    // Not the call's: a worker is busy until the recording has left the engine, even when its call is over before.
    return whileHeld(signal, async (worker) => {
      await this.#slots.acquire(worker);
      const queued = since();
      onTurn?.();
      this.#metrics.started(queued);
      const started = stopwatch();
      const result = await work();
      const processing = started();
      this.#usual += NEWEST * (processing - this.#usual);
      this.#metrics.finished(secondsOf(result), processing);
      return { result, queued, processing };
    });
  }

  /** A language of the settings is for models that have it: the main one does. */
  #defaultsFor({ info: { languages } }: Transcriber): TranscribeOptions {
    const { language = "auto", ...others } = this.#defaults;
    return { ...others, language: languages.includes(language) ? language : "auto" };
  }

  #limitsOf({ limits }: Pick<TranscribeOptions, "limits">): Partial<AudioLimits> {
    return { ...this.#defaults.limits, ...limits };
  }

  #voicesOf(speakers: readonly KnownSpeaker[], signal: AbortSignal): ReturnType<typeof voicesOf> {
    return voicesOf(speakers, { ...this.#loading, signal });
  }

  /** How models are loaded that are not the transcriber's. */
  get #loading(): Pick<VoiceOptions, "threads" | "cacheDir" | "download"> {
    const { cacheDir, threads } = this.#settings;
    return {
      ...NO_DOWNLOAD,
      ...(cacheDir !== undefined && { cacheDir }),
      ...(threads !== undefined && { threads }),
    };
  }
}

/** Of `languages` the one that is heard; undefined where nothing is. */
async function likeliest(
  transcriber: Transcriber,
  input: AudioInput,
  languages: readonly string[],
  { limits, priority, signal, track, vadFilter, vadOptions }: TranscribeOptions,
): Promise<string | undefined> {
  const given = Object.entries({ limits, priority, signal, track, vadFilter, vadOptions });
  const { probabilities } = await transcriber.detectLanguage(
    input,
    Object.fromEntries(given.filter(([, value]) => value !== undefined)),
  );
  // Most probable first.
  return probabilities.find(({ language }) => languages.includes(language))?.language;
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
