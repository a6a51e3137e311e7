import {
  type CancelFlag,
  loadAddon,
  type NativeBatchedModel,
  type NativeLanguages,
  type NativeSearchOptions,
  type NativeTranscription,
} from "../addon/addon.js";
import type {
  DetectionUse,
  DeviceInfo,
  Engine,
  EngineLoad,
  EngineOptions,
  UnknownLanguageOptions,
  WindowOptions,
  WindowResult,
  WindowTurn,
  WindowWord,
} from "../types/engine.js";
import type { LiveStepRequest, LiveStepResult, LiveToken } from "../types/live-step.js";
import { BatchQueue } from "./batch-queue.js";
import { languageDetection } from "./detection.js";
import { liveStepResult, nativeLiveOptions } from "./live-step.js";
import { loadOnDevice } from "./on-device.js";
import { splitPieces } from "./prompt.js";
import { commonOptions, WhisperModelEngine } from "./whisper-engine.js";

/**
 * The batched engine: windows of all requests are decoded together. On the CPU with kernels of its own for every
 * compute type, on a GPU in the type of the model's file.
 * @throws TranscriptionError DEVICE_UNAVAILABLE, MODEL_NOT_FOUND, MODEL_INVALID, OUT_OF_MEMORY; INVALID_ARGUMENT when
 *   the draft model's vocabulary is not the model's, or a GPU is to compute in another type than the file's
 */
export async function createWhisperEngine(options: EngineOptions): Promise<Engine> {
  const { threads, batchSize, computeType, draftModelPath: draftPath = null } = options;
  return loadOnDevice(options, async (device) => {
    const settings = { gpu: device.kind === "cuda", threads, batchSize, computeType, draftPath };
    const model = await loadAddon().loadBatchedModel(options.modelPath, settings);
    return new WhisperEngine(model, device, options);
  });
}

class WhisperEngine extends WhisperModelEngine<NativeBatchedModel> {
  readonly implementation = "whisper";
  readonly followsSpeech: boolean;
  readonly #drafts: boolean;
  readonly #queue: BatchQueue;
  #numeralTokens: readonly number[] | undefined;

  constructor(native: NativeBatchedModel, device: DeviceInfo, options: EngineOptions) {
    const { followsSpeech, ...info } = native.info();
    const queue = new BatchQueue(options.batchSize, options.maxQueue);
    super(native, info, device, queue, options);
    this.followsSpeech = followsSpeech;
    this.#queue = queue;
    this.#drafts = options.draftModelPath !== undefined;
  }

  async transcribeWindow(
    samples: Float32Array,
    options: WindowOptions,
    signal?: AbortSignal,
  ): Promise<WindowResult> {
    const native = this.#nativeOptions(options);
    const result = await this.run(signal, (flag) => this.native.transcribe(samples, native, flag));
    return this.#resultOf(result);
  }

  async detectAndTranscribe(
    samples: Float32Array,
    options: UnknownLanguageOptions,
    { transcribeFrom, onDetected }: DetectionUse,
    signal?: AbortSignal,
  ): Promise<WindowResult | undefined> {
    const native = this.#nativeOptions({ ...options, language: "" });
    const detection = {
      transcribeFrom,
      onLanguages: (detected: NativeLanguages) => onDetected(languageDetection(detected)),
    };
    const result = await this.run(signal, (flag) => this.native.transcribe(samples, native, flag, detection));
    return result.language === "" ? undefined : this.#resultOf(result);
  }

  async liveStep(request: LiveStepRequest, signal?: AbortSignal): Promise<LiveStepResult> {
    const { samples, prompt = [], language = this.model.multilingual ? undefined : "en" } = request;
    const tokens = typeof prompt === "string" ? this.#tokensBefore(prompt) : prompt;
    const native = nativeLiveOptions({ ...request, language }, tokens);
    const step = (flag: CancelFlag) => this.native.liveStep(samples, native, flag);
    return liveStepResult(await this.run(signal, step, this.#queue.unlimited));
  }

  liveWords(tokens: readonly LiveToken[], end: number, language: string): WindowWord[] {
    return this.native.liveWords(tokens, end, language);
  }

  /** Tokens of the end of a text, as many as there is room for before a window's own. */
  #tokensBefore(text: string): number[] {
    const pieces = splitPieces(this.endOf(text));
    return pieces.length === 0 ? [] : this.native.tokenize(pieces);
  }

  override load(): EngineLoad {
    const { running, waiting } = this.native.load();
    return { running, waiting, capacity: this.concurrency };
  }

  #resultOf({ segments, dropped, reliable, draft }: NativeTranscription): WindowResult {
    return { segments, dropped, reliable, ...(this.#drafts && { draft }) };
  }

  #nativeOptions(options: WindowOptions): NativeSearchOptions {
    const prompt = splitPieces(this.promptOf(options));
    const prefix = splitPieces(options.prefix);
    return {
      ...commonOptions(options),
      request: options.request,
      priority: options.priority,
      suppressTokens: [...options.suppressTokens, ...(options.suppressNumerals ? this.#numerals() : [])],
      prompt: prompt.length === 0 ? [] : this.native.tokenize(prompt),
      prefix: prefix.length === 0 ? [] : this.native.tokenize(prefix),
      speech: options.speech.flatMap(({ start, end }) => [start, end]),
      withoutTimestamps: options.withoutTimestamps || !this.#hasTimestamps,
      patience: options.patience,
      temperatures: [...options.temperatures],
      compressionRatioThreshold: options.compressionRatioThreshold,
      repetitionPenalty: options.repetitionPenalty,
      noRepeatNgramSize: options.noRepeatNgramSize,
      hallucinationSilenceThreshold: options.hallucinationSilenceThreshold,
      maxInitialTimestamp: options.maxInitialTimestamp,
      prependPunctuations: [...options.prependPunctuations],
      appendPunctuations: [...options.appendPunctuations],
    };
  }

  protected override listen(
    samples: Float32Array,
    { request, priority }: WindowTurn,
    cancel: CancelFlag,
  ): Promise<NativeLanguages> {
    return this.native.detectLanguage(samples, { request, priority }, cancel);
  }

  #numerals(): readonly number[] {
    this.#numeralTokens ??= this.native.numeralTokens();
    return this.#numeralTokens;
  }

  protected override countTokens(piece: string): number {
    return this.native.tokenize([piece]).length;
  }

  /** The first distil models, of two decoder layers, were trained without times. */
  get #hasTimestamps(): boolean {
    return !(this.model.decoderLayers === 2 && this.model.vocabularySize !== 51_866);
  }
}
