import { loadAddon, type NativeBorealisModel, type NativeGenerationOptions } from "../addon/addon.js";
import { invalidArgument, TranscriptionError } from "../errors.js";
import { audioFileOf, isBorealisModel } from "../models/borealis-files.js";
import type {
  DeviceInfo,
  Engine,
  EngineOptions,
  LanguageDetection,
  RequestTraits,
  RequestWindowOptions,
  WindowOptions,
  WindowResult,
} from "../types/engine.js";
import { LANGUAGES } from "../types/languages.js";
import { BatchQueue } from "./batch-queue.js";
import { NativeEngine } from "./native-engine.js";
import { loadOnDevice } from "./on-device.js";
import { BATCHED_WHISPER_ONLY, refuseDraftModel, requireDefaults } from "./refusals.js";

/** One sequence of libllama's 256 keeps the beginning of the prompt. */
const MOST_SEQUENCES = 255;
/** As in the original. */
const MAX_TOKENS = 350;
/** What the model was trained with; it writes other languages as far as its base models know them. */
const LANGUAGE = "ru";

/** Options that have one value here. */
const FIXED = ["task", "wordTimestamps", "beamSize", "patience", ...BATCHED_WHISPER_ONLY] as const;

/**
 * Borealis, the Russian audio language model: windows of all requests are written together. A model is the two files
 * that a conversion makes of its checkpoint.
 * @throws TranscriptionError DEVICE_UNAVAILABLE, MODEL_NOT_FOUND, MODEL_INVALID, OUT_OF_MEMORY; INVALID_ARGUMENT for a
 *   draft model, or another compute type than the file's
 */
export async function createBorealisEngine(options: EngineOptions): Promise<Engine> {
  const { computeType, draftModelPath, modelPath, threads } = options;
  if (!(await isBorealisModel(modelPath))) {
    throw new TranscriptionError(
      "MODEL_NOT_FOUND",
      "Expected a Borealis checkpoint on the Hugging Face Hub, or the folder that `agora-transcribe models convert` " +
        `made of one, for model, but ${modelPath} is none (no ${audioFileOf(modelPath)})`,
    );
  }
  refuseDraftModel(draftModelPath, "borealis");
  if (computeType !== "auto")
    throw invalidArgument(
      "computeType",
      '"auto" with borealis, whose type is chosen at conversion',
      computeType,
    );
  const batchSize = Math.min(options.batchSize, MOST_SEQUENCES);
  return loadOnDevice(options, async (device) => {
    const model = await loadAddon().loadBorealisModel(modelPath, audioFileOf(modelPath), {
      threads,
      batchSize,
      place: device.kind === "cuda" ? "gpu" : "cpu",
      sharePrompts: true,
    });
    return new BorealisEngine(model, device, { ...options, batchSize });
  });
}

createBorealisEngine.defaultModel = "Vikhrmodels/Borealis";
createBorealisEngine.batchSize = 32;

class BorealisEngine extends NativeEngine<NativeBorealisModel> {
  readonly implementation = "borealis";
  readonly maxTokens = MAX_TOKENS;
  readonly timesWords = false;

  constructor(native: NativeBorealisModel, device: DeviceInfo, options: EngineOptions) {
    const { architecture: type, ...info } = native.info();
    const languages = [LANGUAGE, ...Object.keys(LANGUAGES).filter((code) => code !== LANGUAGE)];
    const facts = { type, multilingual: true, computeType: info.weightType, ...info, languages };
    super(native, facts, device, new BatchQueue(options.batchSize, options.maxQueue), options);
  }

  checkOptions(options: RequestWindowOptions, { conditionOnPreviousText }: RequestTraits): void {
    requireDefaults(options, FIXED, this.implementation);
    const refuse = (name: keyof RequestWindowOptions, isFine: boolean, expected: string) => {
      if (!isFine)
        throw invalidArgument(name, `${expected} with borealis, which has no other`, options[name]);
    };
    refuse("lengthPenalty", options.lengthPenalty === -1, "nothing");
    refuse("initialPrompt", options.initialPrompt === "", "nothing (see userPrompt)");
    refuse("prefix", options.prefix === "", "nothing (see userPrompt)");
    refuse("hotwords", options.hotwords === "", "nothing (see userPrompt)");
    refuse("suppressTokens", options.suppressTokens.length === 0, "nothing");
    refuse("logProbThreshold", [null, -1].includes(options.logProbThreshold), "null");
    refuse("noSpeechThreshold", [null, 0.6].includes(options.noSpeechThreshold), "null");
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
    const native = nativeOptions(options);
    return { segments: await this.run(signal, (flag) => this.native.transcribe(samples, native, flag)) };
  }
}

function nativeOptions(options: WindowOptions): NativeGenerationOptions {
  const { systemPrompt, userPrompt, ...sampling } = options.generation;
  return {
    ...sampling,
    request: options.request,
    priority: options.priority,
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
