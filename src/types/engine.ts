import type { ComputeType, DeviceSelection, Priority, TranscriptionTask } from "./choices.js";
import type { GenerationOptions } from "./generation.js";
import type { LiveStepRequest, LiveStepResult, LiveToken } from "./live-step.js";
import type { FittedPrompt, PromptTexts } from "./prompt.js";

/** Facts about a loaded model. */
export interface ModelInfo {
  /** Registry name or file name. */
  name: string;
  /** Absolute. */
  path: string;
  /** `"tiny"`, `"base"`, … by shape, or `"custom"`. */
  type: string;
  /** False: English only. */
  multilingual: boolean;
  /** Weight type of the file: `"f32"`, `"f16"`, `"q8_0"`, `"q5_0"`, … */
  weightType: string;
  /** What matrices are kept and multiplied in: `"float16"`, `"int8"`, …, or the file's own type. */
  computeType: string;
  /** Tokens that the decoder can write. */
  vocabularySize: number;
  /** Bands of the mel spectrogram: 80, or 128 since large-v3. */
  melBands: number;
  /** Layers of the audio encoder. */
  encoderLayers: number;
  /** Layers of the text decoder. */
  decoderLayers: number;
  /** Tokens that fit into the decoder. */
  textContext: number;
  /** Languages of the vocabulary; `["en"]` for English-only models. */
  languages: readonly string[];
  /** Size of the file in bytes. */
  fileBytes: number;
}

/** Where an engine runs. */
export interface DeviceInfo {
  /** The processor, or a GPU of NVIDIA's. */
  kind: "cpu" | "cuda";
  /** `"AMD EPYC 9555 (zen4)"`, `"NVIDIA H100"`. */
  name: string;
  /** Compute threads on the CPU. */
  threads: number;
  /** Why `device: "auto"` became the CPU on a machine with a GPU, or in a build that is made for one. */
  note?: string;
  /** Why there are fewer threads than were asked for. */
  threadsNote?: string;
}

/** Seconds. */
export interface SpeechSpan {
  start: number;
  end: number;
}

/** Whose a window is among those that wait for the same device. */
export interface WindowTurn {
  /** Number of the request, from 1: its windows take turns with those of others. 0: a request of its own. */
  request: number;
  /** Whether somebody waits for its text; `"live"`: while it is spoken. */
  priority: Priority | "live";
}

/** Decoding options of one window, all resolved: nothing optional is missing. */
export interface WindowOptions extends WindowTurn {
  /** A language of the model, never `"auto"`. */
  language: string;
  /** Whether to keep the spoken language. */
  task: TranscriptionTask;
  /** Beams of beam search, 1 to 8; 1 is greedy. */
  beamSize: number;
  /** Samples drawn at temperatures above 0, 1 to 8. */
  bestOf: number;
  /** Of beam search, above 0. */
  patience: number;
  /** Exponent of the length by which a score is divided; -1: the plain mean. */
  lengthPenalty: number;
  /** First entry is tried first, the rest are fallbacks. */
  temperatures: readonly number[];
  /** Text that repeats itself more is decoded again; null: never. */
  compressionRatioThreshold: number | null;
  /** Text less probable than this mean log probability is decoded again; null: never. */
  logProbThreshold: number | null;
  /** Above this probability of silence improbable text is dropped; null: never. */
  noSpeechThreshold: number | null;
  /** Words to expect, one after another; for every window. */
  hotwords: string;
  /** Text that the window follows on from; empty for windows that it is not given to. */
  initialPrompt: string;
  /** Text that the window's begins with; empty for windows that it is not given to. */
  prefix: string;
  /** Where a voice activity detector found speech, in seconds of the window, in order; empty where none was asked. */
  speech: readonly SpeechSpan[];
  /** Text of the windows before, when `conditionOnPreviousText` is set, else empty. */
  previousText: string;
  /** No blank at the start of a segment. */
  suppressBlank: boolean;
  /** Token ids never to be produced. */
  suppressTokens: readonly number[];
  /** No symbols that are no speech. */
  suppressNonSpeech: boolean;
  /** No token with a digit. */
  suppressNumerals: boolean;
  /** One segment without times inside it. */
  withoutTimestamps: boolean;
  /** Times and confidence of each word. */
  wordTimestamps: boolean;
  /** Most tokens of the window, 1 to 448. */
  maxTokens: number;
  /** Above 0; 1 for none. */
  repetitionPenalty: number;
  /** 0 for none. */
  noRepeatNgramSize: number;
  /** Seconds; null for none. */
  hallucinationSilenceThreshold: number | null;
  /** Seconds. */
  maxInitialTimestamp: number;
  /** Characters that are joined to the word after them. */
  prependPunctuations: string;
  /** Characters that are joined to the word before them. */
  appendPunctuations: string;
  /** Of sampling, from 0. */
  seed: number;
  /** For implementations with a language model; others refuse what differs from the defaults. */
  generation: GenerationOptions;
}

/** What else an implementation may have no use for. */
export interface RequestTraits {
  conditionOnPreviousText: boolean;
}

/** Options of a window whose language is not known. */
export type UnknownLanguageOptions = Omit<WindowOptions, "language">;

/** Options that all windows of a request have in common. */
export type RequestWindowOptions = Omit<WindowOptions, "language" | "previousText" | "request" | "speech">;

/** Times are seconds from the start of the window. */
export interface WindowWord {
  /** Seconds from the start of the window. */
  start: number;
  /** Seconds from the start of the window. */
  end: number;
  /** As it stands in the text, with its leading space and its punctuation. */
  text: string;
  /** Mean probability of its tokens, 0 to 1. */
  confidence: number;
}

/** A part of a window's text. */
export interface WindowSegment {
  /** Seconds from the start of the window. */
  start: number;
  /** Seconds from the start of the window. */
  end: number;
  /** As the model writes it, with its leading space. */
  text: string;
  /** Ids of its tokens. */
  tokens: readonly number[];
  /** Mean log probability of its tokens. */
  avgLogProb: number;
  /** Mean probability of its tokens, 0 to 1. */
  confidence: number;
  /** Probability that there is no speech in the window, 0 to 1. */
  noSpeechProb: number;
  /** Temperature that the text was accepted at. */
  temperature: number;
  /** Present when `wordTimestamps` was asked for. */
  words?: WindowWord[];
}

/** What was heard in a window. */
export interface WindowResult {
  /** In order, inside the window. */
  segments: WindowSegment[];
  /**
   * Seconds of the window, where text was left out that the model is sure of: it takes the sound for no speech itself,
   * and nothing else says that it is.
   */
  dropped?: readonly { start: number; end: number }[];
  /** False where some of the text did not pass the guards; undefined where the implementation does not tell. */
  reliable?: boolean;
  /** With a draft model. */
  draft?: DraftCount;
}

/** Tokens that a draft model wrote ahead, and how many of them the model itself would have written. */
export interface DraftCount {
  /** Tokens that it wrote ahead. */
  proposed: number;
  /** Those of them that the model would have written, too. */
  accepted: number;
}

/** What language is spoken. */
export interface LanguageDetection {
  /** ISO 639-1 code of the most probable one; empty when nothing was spoken. */
  language: string;
  /** 0 to 1. */
  probability: number;
  /** All languages of the model, most probable first. */
  probabilities: ReadonlyArray<{ language: string; probability: number }>;
  /** Of one window, from engines that know: the probability that nobody speaks in it, 0 to 1. */
  noSpeechProb?: number;
}

/** What is to become of a window whose language is detected. */
export interface DetectionUse {
  /** Probability of the most probable language, 0 to 1, from which on the window is transcribed in it. */
  transcribeFrom: number;
  /** Told what was heard, once, before the text is there. Must not throw. */
  onDetected: (detection: LanguageDetection) => void;
}

/** How busy an engine is, in windows of all requests. */
export interface EngineLoad {
  /** Windows that are being encoded or decoded. */
  running: number;
  /** Windows that wait for a place among those. */
  waiting: number;
  /** Most windows that can run at once. */
  capacity: number;
}

/**
 * One loaded model, ready for windows of any number of requests at once.
 * What `whisper-cpp`, the batched engine and Borealis have in common.
 */
export interface Engine {
  /** The name it is registered by. */
  readonly implementation: string;
  /** What it has loaded. */
  readonly model: ModelInfo;
  /** What it runs on. */
  readonly device: DeviceInfo;
  /** Longest window in seconds that this model reads well, at most 30. */
  readonly maxWindow: number;
  /** Windows that may usefully be in flight at once. */
  readonly concurrency: number;
  /** False: it tells no times of words. */
  readonly timesWords?: boolean;
  /** Most tokens of a window where the request does not say; undefined: half of the model's context. */
  readonly maxTokens?: number;

  /**
   * Refuses options that this implementation does not have, before any audio is read.
   * @throws TranscriptionError INVALID_ARGUMENT
   */
  checkOptions?(options: RequestWindowOptions, traits: RequestTraits): void;

  /**
   * As much of the texts as its prompt has room for, for engines that know; others get them whole. Asked once a request:
   * what it answers is what windows get as `hotwords`, `initialPrompt` and `prefix`. Of `previousText` an engine takes what room
   * these leave.
   */
  fitPrompt?(texts: PromptTexts): FittedPrompt;

  /**
   * Language of `samples` (16 kHz mono, at most 30 s are looked at).
   * English-only models answer `en` with probability 1.
   * @throws TranscriptionError CANCELLED, QUEUE_FULL
   */
  detectLanguage(samples: Float32Array, turn: WindowTurn, signal?: AbortSignal): Promise<LanguageDetection>;

  /**
   * Text of one window of 16 kHz mono samples, at most `maxWindow` seconds. Segments are in order and inside the window.
   * @throws TranscriptionError CANCELLED, QUEUE_FULL, OUT_OF_MEMORY, INTERNAL
   */
  transcribeWindow(
    samples: Float32Array,
    options: WindowOptions,
    signal?: AbortSignal,
  ): Promise<WindowResult>;

  /**
   * As {@link transcribeWindow}, in the language that is detected in the window; undefined, and no text is looked for,
   * where that is less probable than `use.transcribeFrom`. For engines that listen to a window once for both: others
   * leave it out and are asked for the language, then for the text.
   */
  detectAndTranscribe?(
    samples: Float32Array,
    options: UnknownLanguageOptions,
    use: DetectionUse,
    signal?: AbortSignal,
  ): Promise<WindowResult | undefined>;

  /**
   * Whether the model's attention is known to follow the sound, so that {@link liveStep} can tell what stands; undefined
   * where there is no such method.
   */
  readonly followsSpeech?: boolean;

  /**
   * What can be written now of speech that goes on, before all other work of the device; steps of several streams are
   * computed together. For engines that can tell which sound a token stands for (AlignAtt).
   * @throws TranscriptionError INVALID_ARGUMENT, CANCELLED, OUT_OF_MEMORY, INTERNAL
   */
  liveStep?(request: LiveStepRequest, signal?: AbortSignal): Promise<LiveStepResult>;

  /**
   * Words of tokens that {@link liveStep} has written, in order, the last of which ends at `end` seconds. Their times
   * count from where those of the tokens do.
   */
  liveWords?(tokens: readonly LiveToken[], end: number, language: string): WindowWord[];

  /** How busy it is now, for engines that know. */
  load?(): EngineLoad;

  /** Waits for running windows, then frees the model. Safe to call more than once. */
  close(): Promise<void>;
}

/** What an implementation gets to load a model: everything is checked and resolved. */
export interface EngineOptions {
  /** Path of an existing file. */
  modelPath: string;
  /** Registry name or file name. */
  modelName: string;
  /** Longest window in seconds that the model reads well, when that is less than the implementation's own. */
  maxWindow: number | undefined;
  /** Where to run. */
  device: DeviceSelection;
  /** Compute threads. */
  threads: number;
  /** CPU variant to use; undefined: the best one. */
  cpuVariant: string | undefined;
  /** Windows to decode together, for implementations that can. */
  batchSize: number;
  /** What to compute in; `"auto"` is the implementation's choice. */
  computeType: ComputeType;
  /** Path of an existing file: a model that writes ahead of the one, for implementations that can use it. */
  draftModelPath: string | undefined;
  /** Windows that may wait; more are refused with `QUEUE_FULL`. */
  maxQueue: number;
}

/** Loads a model. @throws TranscriptionError */
export interface EngineFactory {
  (options: EngineOptions): Promise<Engine>;
  /** The model where none is named, if it is not the library's. */
  readonly defaultModel?: string;
  /** Windows decoded together where the options do not say. */
  readonly batchSize?: number;
}

/** Voice activity detection over one stream of audio. */
export interface VadSession {
  /**
   * Takes 16 kHz mono and gives the speech probability, 0 to 1, of the next 512-sample frames (32 ms), as many as are
   * ready: of frames that are complete some may come with a later call.
   */
  push(samples: Float32Array): Promise<Float32Array>;
  /** Probabilities of the rest, with the last frame zero-padded, or an empty array. */
  flush(): Promise<Float32Array>;
  close(): void;
}

export interface VadModel {
  /** A session with state of its own; any number may run at once. */
  createSession(): VadSession;
  close(): Promise<void>;
}
