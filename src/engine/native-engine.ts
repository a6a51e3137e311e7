import { TranscriptionError } from "../errors.js";
import type { CancelFlag, NativeModelInfo } from "./addon.js";
import { cancellable } from "./cancellation.js";
import { languageDetection } from "./detection.js";
import type {
  DeviceInfo,
  Engine,
  EngineOptions,
  LanguageDetection,
  ModelInfo,
  WindowOptions,
  WindowResult,
} from "./types.js";

/** Whisper's own window, in seconds. */
const MAX_WINDOW = 30;
const SAMPLE_RATE = 16_000;

/** What the addon's models have in common. */
interface NativeModel {
  detectLanguage(
    samples: Float32Array,
    cancel: CancelFlag,
  ): Promise<{ language: string; probability: number }[]>;
  close(): Promise<void>;
}

/** Native work under a cancel flag. */
export type NativeWork<T> = (flag: CancelFlag) => Promise<T>;

/** An engine over a loaded Whisper model of the addon. */
export abstract class NativeEngine<Native extends NativeModel> implements Engine {
  abstract readonly implementation: string;
  abstract readonly concurrency: number;
  readonly model: ModelInfo;
  readonly maxWindow: number;
  protected readonly native: Native;
  #closing: Promise<void> | undefined;

  protected constructor(
    native: Native,
    info: NativeModelInfo & { computeType: string },
    readonly device: DeviceInfo,
    options: EngineOptions,
  ) {
    const { width: _, ...facts } = info;
    this.native = native;
    this.model = { name: options.modelName, path: options.modelPath, ...facts };
    this.maxWindow = Math.min(options.maxWindow ?? MAX_WINDOW, MAX_WINDOW);
  }

  abstract transcribeWindow(
    samples: Float32Array,
    options: WindowOptions,
    signal?: AbortSignal,
  ): Promise<WindowResult>;

  async detectLanguage(samples: Float32Array, signal?: AbortSignal): Promise<LanguageDetection> {
    if (!this.model.multilingual) {
      return { language: "en", probability: 1, probabilities: [{ language: "en", probability: 1 }] };
    }
    const heard = samples.subarray(0, MAX_WINDOW * SAMPLE_RATE);
    return languageDetection(await this.run(signal, (flag) => this.native.detectLanguage(heard, flag)));
  }

  close(): Promise<void> {
    this.#closing ??= this.idle().then(() => this.native.close());
    return this.#closing;
  }

  /**
   * Does `work` when it is its turn.
   * @throws TranscriptionError CANCELLED, QUEUE_FULL, and what the addon rejects with
   */
  protected async run<T>(signal: AbortSignal | undefined, work: NativeWork<T>): Promise<T> {
    if (this.#closing) throw new TranscriptionError("CANCELLED", "The model was closed");
    try {
      return await this.schedule(() => cancellable(signal, work), signal);
    } catch (error) {
      throw TranscriptionError.from(error);
    }
  }

  /** Starts `work` now or later. @throws TranscriptionError QUEUE_FULL, CANCELLED while it waits */
  protected abstract schedule<T>(work: () => Promise<T>, signal: AbortSignal | undefined): Promise<T>;

  /** Resolves when all work that was scheduled has ended. */
  protected abstract idle(): Promise<void>;
}

/** Options of a window that every native model takes under the same names. */
export function commonOptions(options: WindowOptions) {
  return {
    language: options.language,
    translate: options.task === "translate",
    beamSize: options.beamSize,
    bestOf: options.bestOf,
    lengthPenalty: options.lengthPenalty,
    logProbThreshold: options.logProbThreshold,
    noSpeechThreshold: options.noSpeechThreshold,
    suppressBlank: options.suppressBlank,
    suppressNonSpeech: options.suppressNonSpeech,
    suppressTokens: [...options.suppressTokens],
    wordTimestamps: options.wordTimestamps,
    maxTokens: options.maxTokens,
    seed: options.seed,
  };
}

/** Text that the model is to follow on from. */
export function promptOf({ initialPrompt, previousText }: WindowOptions): string {
  return [initialPrompt, previousText].filter(Boolean).join(" ");
}
