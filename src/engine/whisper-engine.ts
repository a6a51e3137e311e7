import type { CancelFlag, NativeLanguages, NativeModelInfo } from "../addon/addon.js";
import { SAMPLE_RATE } from "../types/audio.js";
import type {
  DeviceInfo,
  EngineOptions,
  LanguageDetection,
  RequestWindowOptions,
  WindowOptions,
  WindowTurn,
} from "../types/engine.js";
import type { FittedPrompt, PromptTexts } from "../types/prompt.js";
import { languageDetection } from "./detection.js";
import { MAX_WINDOW, NativeEngine, type Queue } from "./native-engine.js";
import { fitPrompt, lastThatFit, splitPieces } from "./prompt.js";
import { refuseGeneration } from "./refusals.js";

/** What the addon's Whisper models have in common. */
interface NativeWhisper {
  close(): Promise<void>;
}

/** An engine over a loaded Whisper model of the addon. */
export abstract class WhisperModelEngine<Native extends NativeWhisper> extends NativeEngine<Native> {
  protected constructor(
    native: Native,
    info: NativeModelInfo & { computeType: string },
    device: DeviceInfo,
    queue: Queue,
    options: EngineOptions,
  ) {
    const { width: _, ...facts } = info;
    super(native, facts, device, queue, options);
  }

  checkOptions(options: RequestWindowOptions): void {
    refuseGeneration(options, this.implementation);
  }

  /** What is heard in a window. */
  protected abstract listen(
    samples: Float32Array,
    turn: WindowTurn,
    cancel: CancelFlag,
  ): Promise<NativeLanguages>;

  /** Tokens of a piece of text. */
  protected abstract countTokens(piece: string): number;

  fitPrompt(texts: PromptTexts): FittedPrompt {
    return fitPrompt(texts, this.#promptRoom, (piece) => this.countTokens(piece));
  }

  /** What a window is told before it is heard: what {@link fitPrompt} left, then the end of the text before it. */
  protected promptOf({ hotwords, initialPrompt, prefix, previousText }: WindowOptions): string {
    const given = [prefix ? "" : hotwords, initialPrompt].filter(Boolean).join(" ");
    if (previousText === "") return given;
    const count = (piece: string): number => this.countTokens(piece);
    const taken = [...splitPieces(given), ...splitPieces(prefix)].reduce(
      (sum, piece) => sum + count(piece),
      0,
    );
    const { text } = lastThatFit(previousText, Math.max(0, this.#promptRoom - taken), count);
    return [given, text].filter(Boolean).join(" ");
  }

  /** The end of a text that there is room for before a window's own. */
  protected endOf(text: string): string {
    return lastThatFit(text, this.#promptRoom, (piece) => this.countTokens(piece)).text;
  }

  /** Half of the decoder's context is for the text before, which a token begins. */
  get #promptRoom(): number {
    return Math.floor(this.model.textContext / 2) - 1;
  }

  async detectLanguage(
    samples: Float32Array,
    turn: WindowTurn,
    signal?: AbortSignal,
  ): Promise<LanguageDetection> {
    if (!this.model.multilingual) {
      return { language: "en", probability: 1, probabilities: [{ language: "en", probability: 1 }] };
    }
    const heard = samples.subarray(0, MAX_WINDOW * SAMPLE_RATE);
    return languageDetection(await this.run(signal, (flag) => this.listen(heard, turn, flag)));
  }
}

/** Options of a window that both of the addon's Whisper models take under the same names. */
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
    withoutTimestamps: options.withoutTimestamps,
    wordTimestamps: options.wordTimestamps,
    maxTokens: options.maxTokens,
    seed: options.seed,
  };
}
