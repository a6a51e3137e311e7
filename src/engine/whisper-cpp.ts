import {
  type CancelFlag,
  loadAddon,
  type NativeDecodeOptions,
  type NativeLanguages,
  type NativeWhisperModel,
} from "../addon/addon.js";
import { ownComputeType } from "../config/compute-type.js";
import { invalidArgument } from "../errors.js";
import type {
  DeviceInfo,
  Engine,
  EngineOptions,
  RequestWindowOptions,
  WindowOptions,
  WindowResult,
  WindowTurn,
} from "../types/engine.js";
import { loadOnDevice } from "./on-device.js";
import { BATCHED_WHISPER_ONLY, refuseDraftModel, requireDefaults } from "./refusals.js";
import { commonOptions, WhisperModelEngine } from "./whisper-engine.js";
import { WorkQueue } from "./work-queue.js";

/** openai-whisper's threshold on the compression ratio, and whisper.cpp's on the entropy that stands in for it. */
const REPETITION_THRESHOLD = 2.4;

/** Options that have one value here. */
const FIXED = ["patience", "repetitionPenalty", ...BATCHED_WHISPER_ONLY] as const;

/**
 * whisper.cpp's own `whisper_full`, one window after another: the reference implementation.
 * @throws TranscriptionError DEVICE_UNAVAILABLE, MODEL_NOT_FOUND, MODEL_INVALID, OUT_OF_MEMORY; INVALID_ARGUMENT for
 *   what whisper.cpp does not do: another compute type than the file's, a draft model
 */
export async function createWhisperCppEngine(options: EngineOptions): Promise<Engine> {
  const { computeType, draftModelPath, modelPath, threads } = options;
  refuseDraftModel(draftModelPath, "whisper-cpp");
  return loadOnDevice(options, async (device) => {
    const addon = loadAddon();
    if (computeType !== "auto") {
      const own = ownComputeType((await addon.inspectModel(modelPath)).weightType);
      if (computeType !== own) {
        const expected = `"auto" or "${own}" with whisper-cpp, which computes in the type of the file`;
        throw invalidArgument("computeType", expected, computeType);
      }
    }
    const model = await addon.loadWhisperModel(modelPath, { gpu: device.kind === "cuda", threads });
    return new WhisperCppEngine(model, device, options);
  });
}

class WhisperCppEngine extends WhisperModelEngine<NativeWhisperModel> {
  readonly implementation = "whisper-cpp";

  constructor(native: NativeWhisperModel, device: DeviceInfo, options: EngineOptions) {
    const info = native.info();
    const computeType = ownComputeType(info.weightType);
    // A second window would only take the first one's cores away.
    const queue = new WorkQueue(1, options.maxQueue);
    super(native, { ...info, computeType }, device, queue, options);
  }

  override checkOptions(options: RequestWindowOptions): void {
    nativeOptions({ ...options, language: "en", previousText: "", request: 0, speech: [] }, "");
    super.checkOptions(options);
  }

  protected override listen(
    samples: Float32Array,
    _turn: WindowTurn,
    cancel: CancelFlag,
  ): Promise<NativeLanguages> {
    return this.native.detectLanguage(samples, cancel);
  }

  protected override countTokens(piece: string): number {
    return this.native.countTokens(piece);
  }

  async transcribeWindow(
    samples: Float32Array,
    options: WindowOptions,
    signal?: AbortSignal,
  ): Promise<WindowResult> {
    const native = nativeOptions(options, this.promptOf(options));
    return { segments: await this.run(signal, (flag) => this.native.transcribe(samples, native, flag)) };
  }
}

function nativeOptions(options: WindowOptions, prompt: string): NativeDecodeOptions {
  requireDefaults(options, FIXED, "whisper-cpp");
  const { compressionRatioThreshold } = options;
  if (compressionRatioThreshold !== null && compressionRatioThreshold !== REPETITION_THRESHOLD) {
    throw invalidArgument(
      "compressionRatioThreshold",
      `${REPETITION_THRESHOLD} or null with whisper-cpp, which judges repetition by entropy`,
      compressionRatioThreshold,
    );
  }
  return {
    ...commonOptions(options),
    ...fallback(options.temperatures),
    entropyThreshold: compressionRatioThreshold,
    prompt,
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
