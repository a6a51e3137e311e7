import { LANGUAGES } from "../config/languages.js";
import { WINDOW_DEFAULTS } from "../config/window-defaults.js";
import { invalidArgument, TranscriptionError } from "../errors.js";
import { audioFileOf, isBorealisModel } from "../models/borealis-files.js";
import { loadAddon, type NativeBorealisModel, type NativeGenerationOptions } from "./addon.js";
import { cancellable } from "./cancellation.js";
import { openDevice } from "./devices.js";
import type {
  DeviceInfo,
  Engine,
  EngineLoad,
  EngineOptions,
  LanguageDetection,
  ModelInfo,
  RequestTraits,
  RequestWindowOptions,
  WindowOptions,
  WindowResult,
} from "./types.js";

const MAX_WINDOW = 30;
/** One sequence of libllama's 256 keeps the beginning of the prompt. */
const MOST_SEQUENCES = 255;
/** As in the original. */
const MAX_TOKENS = 350;
/** What the model was trained with; it writes other languages as far as its base models know them. */
const LANGUAGE = "ru";

/** Options that have one value here. */
const UNUSED = [
  "noRepeatNgramSize",
  "hallucinationSilenceThreshold",
  "maxInitialTimestamp",
  "prependPunctuations",
  "appendPunctuations",
] as const satisfies readonly (keyof RequestWindowOptions)[];

/**
 * Borealis, the Russian audio language model: windows of all requests are written together. A model is the two files
 * that `models convert` makes of its checkpoint. The language model runs on the GPU where there is one, the audio
 * encoder on the CPU.
 * @throws TranscriptionError DEVICE_UNAVAILABLE, MODEL_NOT_FOUND, MODEL_INVALID, OUT_OF_MEMORY
 */
export async function createBorealisEngine(options: EngineOptions): Promise<Engine> {
  const { computeType, draftModelPath, modelPath, threads } = options;
  if (!(await isBorealisModel(modelPath))) {
    throw new TranscriptionError(
      "MODEL_NOT_FOUND",
      `Expected ${createBorealisEngine.model} for model, but ${modelPath} is none (no ${audioFileOf(modelPath)})`,
    );
  }
  if (draftModelPath !== undefined)
    throw invalidArgument("draftModel", "none with borealis, which cannot use one", draftModelPath);
  if (computeType !== "auto")
    throw invalidArgument(
      "computeType",
      '"auto" with borealis, whose type is chosen at conversion',
      computeType,
    );
  const device = await openDevice(options);
  const batchSize = Math.min(options.batchSize, MOST_SEQUENCES);
  try {
    const model = await loadAddon().loadBorealisModel(modelPath, audioFileOf(modelPath), {
      threads,
      batchSize,
      place: device.kind === "cuda" ? "gpu" : "cpu",
      sharePrompts: true,
    });
    return new BorealisEngine(model, device, { ...options, batchSize });
  } catch (error) {
    throw TranscriptionError.from(error);
  }
}

createBorealisEngine.model =
  "the folder that `agora-transcribe models convert` made of a Borealis checkpoint";
createBorealisEngine.batchSize = 32;

class BorealisEngine implements Engine {
  readonly implementation = "borealis";
  readonly model: ModelInfo;
  readonly maxWindow: number;
  readonly maxTokens = MAX_TOKENS;
  readonly concurrency: number;
  readonly #native: NativeBorealisModel;
  readonly #capacity: number;
  readonly #pending = new Set<Promise<unknown>>();
  #closing: Promise<void> | undefined;

  constructor(
    native: NativeBorealisModel,
    readonly device: DeviceInfo,
    { batchSize, maxQueue, maxWindow, modelName, modelPath }: EngineOptions,
  ) {
    const { architecture, ...info } = native.info();
    this.#native = native;
    this.#capacity = batchSize + maxQueue;
    this.concurrency = batchSize;
    const languages = [LANGUAGE, ...Object.keys(LANGUAGES).filter((code) => code !== LANGUAGE)];
    this.model = {
      name: modelName,
      path: modelPath,
      type: architecture,
      multilingual: true,
      computeType: info.weightType,
      ...info,
      languages,
    };
    this.maxWindow = Math.min(maxWindow ?? MAX_WINDOW, MAX_WINDOW);
  }

  checkOptions(options: RequestWindowOptions, { conditionOnPreviousText }: RequestTraits): void {
    const refuse = (name: keyof RequestWindowOptions, isFine: boolean, expected: string) => {
      if (!isFine)
        throw invalidArgument(name, `${expected} with borealis, which has no other`, options[name]);
    };
    refuse("task", options.task === "transcribe", '"transcribe"');
    refuse("wordTimestamps", !options.wordTimestamps, "false");
    refuse("beamSize", options.beamSize === 1, "1");
    refuse("patience", options.patience === 1, "1");
    refuse("lengthPenalty", options.lengthPenalty === -1, "nothing");
    refuse("initialPrompt", options.initialPrompt === "", "nothing (and no hotwords; see userPrompt)");
    refuse("suppressTokens", options.suppressTokens.length === 0, "nothing");
    refuse("logProbThreshold", [null, -1].includes(options.logProbThreshold), "null");
    refuse("noSpeechThreshold", [null, 0.6].includes(options.noSpeechThreshold), "null");
    for (const name of UNUSED) {
      const expected = WINDOW_DEFAULTS[name];
      refuse(name, options[name] === expected, JSON.stringify(expected));
    }
    if (conditionOnPreviousText) {
      throw invalidArgument("conditionOnPreviousText", "false with borealis, which has no other", true);
    }
  }

  /** Not asked of the model, which was trained for one language. */
  async detectLanguage(): Promise<LanguageDetection> {
    const found = { language: LANGUAGE, probability: 1 };
    return { ...found, probabilities: [found] };
  }

  async transcribeWindow(
    samples: Float32Array,
    options: WindowOptions,
    signal?: AbortSignal,
  ): Promise<WindowResult> {
    if (this.#closing) throw new TranscriptionError("CANCELLED", "The model was closed");
    if (this.#pending.size >= this.#capacity) {
      throw new TranscriptionError(
        "QUEUE_FULL",
        `${this.#pending.size} windows are waiting or running, the most that maxQueue allows; try again later`,
      );
    }
    const window = cancellable(signal, (flag) =>
      this.#native.transcribe(samples, nativeOptions(options), flag),
    );
    this.#pending.add(window);
    try {
      return { segments: await window };
    } catch (error) {
      throw TranscriptionError.from(error);
    } finally {
      this.#pending.delete(window);
    }
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
}

function nativeOptions(options: WindowOptions): NativeGenerationOptions {
  const { systemPrompt, userPrompt, ...sampling } = options.generation;
  return {
    ...sampling,
    repetitionPenalty: options.repetitionPenalty,
    // As the model's tokenizer has it; libllama leaves texts as they are.
    systemPrompt: systemPrompt.normalize("NFC"),
    userPrompt: userPrompt.normalize("NFC"),
    temperatures: [...options.temperatures],
    compressionRatioThreshold: options.compressionRatioThreshold,
    maxTokens: options.maxTokens,
    seed: options.seed,
  };
}
