import { invalidArgument, TranscriptionError } from "../errors.js";
import { loadAddon, type NativeDecodeOptions, type NativeWhisperModel } from "./addon.js";
import { cancellable } from "./cancellation.js";
import { openDevice } from "./devices.js";
import type {
  DeviceInfo,
  Engine,
  EngineLoad,
  EngineOptions,
  LanguageDetection,
  ModelInfo,
  RequestWindowOptions,
  WindowOptions,
  WindowResult,
} from "./types.js";
import { WorkQueue } from "./work-queue.js";

/** Whisper's own window. */
const MAX_WINDOW = 30;
/** openai-whisper's threshold on the compression ratio, and whisper.cpp's on the entropy that stands in for it. */
const REPETITION_THRESHOLD = 2.4;

/**
 * whisper.cpp's own `whisper_full`, one window after another: the reference implementation.
 * @throws TranscriptionError DEVICE_UNAVAILABLE, MODEL_NOT_FOUND, MODEL_INVALID, OUT_OF_MEMORY
 */
export async function createWhisperCppEngine(options: EngineOptions): Promise<Engine> {
  const device = await openDevice(options);
  try {
    const model = await loadAddon().loadWhisperModel(options.modelPath, {
      gpu: device.kind === "cuda",
      threads: options.threads,
    });
    return new WhisperCppEngine(model, device, options);
  } catch (error) {
    throw TranscriptionError.from(error);
  }
}

class WhisperCppEngine implements Engine {
  readonly implementation = "whisper-cpp";
  readonly model: ModelInfo;
  readonly maxWindow: number;
  // A second window would only take the first one's cores away.
  readonly concurrency = 1;
  readonly #native: NativeWhisperModel;
  readonly #queue: WorkQueue;
  #closing: Promise<void> | undefined;

  constructor(
    native: NativeWhisperModel,
    readonly device: DeviceInfo,
    options: EngineOptions,
  ) {
    const { width: _, ...info } = native.info();
    this.#native = native;
    this.#queue = new WorkQueue(this.concurrency, options.maxQueue);
    this.model = { name: options.modelName, path: options.modelPath, ...info };
    this.maxWindow = Math.min(options.maxWindow ?? MAX_WINDOW, MAX_WINDOW);
  }

  checkOptions(options: RequestWindowOptions): void {
    nativeOptions({ ...options, language: "en", previousText: "" });
  }

  async detectLanguage(samples: Float32Array, signal?: AbortSignal): Promise<LanguageDetection> {
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
    const native = nativeOptions(options);
    return { segments: await this.#run(signal, (flag) => this.#native.transcribe(samples, native, flag)) };
  }

  load(): EngineLoad {
    return { running: this.#queue.running, waiting: this.#queue.waiting, capacity: this.concurrency };
  }

  close(): Promise<void> {
    this.#closing ??= this.#queue.idle().then(() => this.#native.close());
    return this.#closing;
  }

  async #run<T>(signal: AbortSignal | undefined, work: Parameters<typeof cancellable<T>>[1]): Promise<T> {
    if (this.#closing) throw new TranscriptionError("CANCELLED", "The model was closed");
    try {
      return await this.#queue.run(() => cancellable(signal, work), signal);
    } catch (error) {
      throw TranscriptionError.from(error);
    }
  }
}

function nativeOptions(options: WindowOptions): NativeDecodeOptions {
  if (options.patience !== 1)
    throw invalidArgument("patience", "1 with whisper-cpp, which has no other", options.patience);
  const { compressionRatioThreshold } = options;
  if (compressionRatioThreshold !== null && compressionRatioThreshold !== REPETITION_THRESHOLD) {
    throw invalidArgument(
      "compressionRatioThreshold",
      `${REPETITION_THRESHOLD} or null with whisper-cpp, which judges repetition by entropy`,
      compressionRatioThreshold,
    );
  }
  return {
    language: options.language,
    translate: options.task === "translate",
    beamSize: options.beamSize,
    bestOf: options.bestOf,
    lengthPenalty: options.lengthPenalty,
    ...fallback(options.temperatures),
    entropyThreshold: compressionRatioThreshold,
    logProbThreshold: options.logProbThreshold,
    noSpeechThreshold: options.noSpeechThreshold,
    prompt: [options.initialPrompt, options.previousText].filter(Boolean).join(" "),
    suppressBlank: options.suppressBlank,
    suppressNonSpeech: options.suppressNonSpeech,
    suppressTokens: [...options.suppressTokens],
    withoutTimestamps: options.withoutTimestamps,
    wordTimestamps: options.wordTimestamps,
    maxTokens: options.maxTokens,
    seed: options.seed,
  };
}

/** whisper.cpp knows a first temperature and a step up to 1, not a list. */
function fallback(temperatures: readonly number[]): { temperature: number; temperatureStep: number } {
  const [first = 0, second] = temperatures;
  if (second === undefined) return { temperature: first, temperatureStep: 0 };
  const step = second - first;
  const expected = step > 0 ? Math.floor((1 - first) / step + 1e-6) + 1 : 0;
  const even = temperatures.every((value, i) => Math.abs(value - (first + i * step)) < 1e-6);
  if (!even || temperatures.length !== expected) {
    throw invalidArgument(
      "temperature",
      "one value, or equal steps up to 1, with whisper-cpp",
      `[${temperatures.join(", ")}]`,
    );
  }
  return { temperature: first, temperatureStep: step };
}
