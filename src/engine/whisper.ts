import { TranscriptionError } from "../errors.js";
import { loadAddon, type NativeBatchedModel, type NativeSearchOptions } from "./addon.js";
import { cancellable } from "./cancellation.js";
import { openDevice } from "./devices.js";
import type {
  DeviceInfo,
  Engine,
  EngineLoad,
  EngineOptions,
  LanguageDetection,
  ModelInfo,
  WindowOptions,
  WindowResult,
} from "./types.js";

/** Whisper's own window. */
const MAX_WINDOW = 30;

/** How GPT-2's tokenizer splits a text before it encodes the pieces (openai/gpt-2, encoder.py). */
const PIECES = /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+/gu;

/**
 * The batched engine: windows of all requests are decoded together. Runs on the CPU.
 * @throws TranscriptionError DEVICE_UNAVAILABLE, MODEL_NOT_FOUND, MODEL_INVALID, OUT_OF_MEMORY
 */
export async function createWhisperEngine(options: EngineOptions): Promise<Engine> {
  if (options.device === "cuda") {
    throw new TranscriptionError(
      "DEVICE_UNAVAILABLE",
      'Device "cuda" cannot be used: implementation "whisper" runs on the CPU; "whisper-cpp" has CUDA',
    );
  }
  const device = await openDevice({ ...options, device: "cpu" });
  try {
    const { threads, batchSize } = options;
    const model = await loadAddon().loadBatchedModel(options.modelPath, { threads, batchSize });
    return new WhisperEngine(model, device, options);
  } catch (error) {
    throw TranscriptionError.from(error);
  }
}

class WhisperEngine implements Engine {
  readonly implementation = "whisper";
  readonly model: ModelInfo;
  readonly maxWindow: number;
  readonly concurrency: number;
  readonly #native: NativeBatchedModel;
  readonly #capacity: number;
  readonly #pending = new Set<Promise<unknown>>();
  #closing: Promise<void> | undefined;

  constructor(
    native: NativeBatchedModel,
    readonly device: DeviceInfo,
    options: EngineOptions,
  ) {
    const { width: _, ...info } = native.info();
    this.#native = native;
    this.#capacity = options.batchSize + options.maxQueue;
    this.concurrency = options.batchSize;
    this.model = { name: options.modelName, path: options.modelPath, ...info };
    this.maxWindow = Math.min(options.maxWindow ?? MAX_WINDOW, MAX_WINDOW);
  }

  async detectLanguage(samples: Float32Array, signal?: AbortSignal): Promise<LanguageDetection> {
    if (!this.model.multilingual) {
      return { language: "en", probability: 1, probabilities: [{ language: "en", probability: 1 }] };
    }
    const heard = samples.subarray(0, MAX_WINDOW * 16_000);
    const probabilities = await this.#run(signal, (flag) => this.#native.detectLanguage(heard, flag));
    const [best] = probabilities;
    if (!best) throw new TranscriptionError("INTERNAL", "The model named no language");
    return { ...best, probabilities };
  }

  async transcribeWindow(
    samples: Float32Array,
    options: WindowOptions,
    signal?: AbortSignal,
  ): Promise<WindowResult> {
    const native = this.#nativeOptions(options);
    return { segments: await this.#run(signal, (flag) => this.#native.transcribe(samples, native, flag)) };
  }

  load(): EngineLoad {
    const capacity = this.concurrency;
    const running = Math.min(this.#pending.size, capacity);
    return { running, waiting: this.#pending.size - running, capacity };
  }

  close(): Promise<void> {
    this.#closing ??= Promise.allSettled(this.#pending).then(() => this.#native.close());
    return this.#closing;
  }

  async #run<T>(signal: AbortSignal | undefined, work: Parameters<typeof cancellable<T>>[1]): Promise<T> {
    if (this.#closing) throw new TranscriptionError("CANCELLED", "The model was closed");
    if (this.#pending.size >= this.#capacity) {
      throw new TranscriptionError(
        "QUEUE_FULL",
        `${this.#pending.size} windows are waiting or running, the most that maxQueue allows; try again later`,
      );
    }
    const window = cancellable(signal, work);
    this.#pending.add(window);
    try {
      return await window;
    } catch (error) {
      throw TranscriptionError.from(error);
    } finally {
      this.#pending.delete(window);
    }
  }

  #nativeOptions(options: WindowOptions): NativeSearchOptions {
    const prompt = [options.initialPrompt, options.previousText].filter(Boolean).join(" ");
    return {
      language: options.language,
      translate: options.task === "translate",
      wordTimestamps: options.wordTimestamps,
      withoutTimestamps: options.withoutTimestamps || !this.#hasTimestamps,
      prompt: prompt === "" ? [] : this.#native.tokenize(` ${prompt.trim()}`.match(PIECES) ?? []),
      suppressBlank: options.suppressBlank,
      suppressNonSpeech: options.suppressNonSpeech,
      suppressTokens: [...options.suppressTokens],
      beamSize: options.beamSize,
      bestOf: options.bestOf,
      patience: options.patience,
      lengthPenalty: options.lengthPenalty,
      temperatures: [...options.temperatures],
      compressionRatioThreshold: options.compressionRatioThreshold,
      logProbThreshold: options.logProbThreshold,
      noSpeechThreshold: options.noSpeechThreshold,
      maxTokens: options.maxTokens,
      seed: options.seed,
    };
  }

  /** The first distil models, of two decoder layers, were trained without times. */
  get #hasTimestamps(): boolean {
    return !(this.model.decoderLayers === 2 && this.model.vocabularySize !== 51_866);
  }
}
